"""Scoring predictions tables, and `deptool evaluate`."""

import json

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from deptool import tables
from deptool.cli.main import app
from deptool.csv_file import read_csv
from deptool.errors import DataError, InputError, SchemaError
from deptool.evaluate import evaluate_run, n_without_truth, score, scores
from deptool.schema import METRICS, PREDICTIONS
from deptool.validate import check


def predictions(rows, **same):
    """Rows of (recording_id, truth, prediction); the other columns from `same` or defaults."""
    default = {"subject_id": None, "session_id": None, "task": None, "split": "test"}
    default |= {"fold": 0, "seed": 0, "scale": "BDI-II", "train_mean": 15.0, "n_segments": 1}
    records = [
        {**default, **same, "recording_id": r, "truth": t, "prediction": p} for r, t, p in rows
    ]
    kinds = {"string": pl.String, "float32": pl.Float32, "int32": pl.Int32}
    return pl.DataFrame(records, schema={c.name: kinds[c.dtype] for c in PREDICTIONS.columns})


ROWS = [("a", 10, 12), ("b", 20, 16), ("c", 30, 30)]


def test_one_row_per_predictor_split_and_seed_in_the_metrics_schema():
    frame = pl.concat(
        [
            predictions(ROWS, seed=0),
            predictions(ROWS, seed=1),
            predictions([("d", 5, 5)], split="dev"),
        ]
    )
    found = score(frame)
    check(found, METRICS, "metrics")
    assert found.select("predictor", "split", "seed").rows() == [
        ("model", "test", 0),
        ("train_mean", "test", 0),
        ("model", "test", 1),
        ("train_mean", "test", 1),
        ("model", "dev", 0),
        ("train_mean", "dev", 0),
    ]


def test_model_and_constant_are_scored_on_the_same_recordings():
    # Model errors 2, -4, 0: MAE 2. Constant 15: errors 5, -5, -15: MAE 25/3.
    model, constant = scores(predictions(ROWS))
    assert model.metrics.mae == pytest.approx(2)
    assert constant.metrics.mae == pytest.approx(25 / 3)
    assert (constant.metrics.ccc, constant.metrics.pcc) == (0, 0)


def test_folds_are_pooled_and_not_averaged():
    # Fold errors 0 and 4: pooled RMSE sqrt((0 + 16)/2) = 2.83, mean of fold RMSEs 2.
    frame = pl.concat([predictions([("a", 1, 1)], fold=0), predictions([("b", 2, 6)], fold=1)])
    model = scores(frame)[0]
    assert model.metrics.n == 2
    assert model.metrics.rmse == pytest.approx(8**0.5)


def test_n_counts_the_values_that_are_scored_and_n_distinct_the_recordings():
    frame = pl.concat([predictions(ROWS, fold=f, split="train") for f in (0, 1)])
    assert [(s.metrics.n, s.n_distinct) for s in scores(frame)] == [(6, 3), (6, 3)]


def test_rows_without_truth_are_left_out_and_counted():
    frame = predictions([*ROWS, ("d", None, 3.0), ("e", None, 3.0)])
    assert scores(frame)[0].metrics.n == 3
    assert n_without_truth(frame) == {"test": 2}


def test_nothing_with_a_truth_is_an_error():
    with pytest.raises(DataError, match="none of the 1 predictions has a truth"):
        score(predictions([("a", None, 3.0)]))


def test_an_unknown_train_mean_gives_no_constant_row():
    frame = predictions(ROWS).with_columns(
        train_mean=pl.Series([15.0, None, 15.0], dtype=pl.Float32)
    )
    assert [s.predictor for s in scores(frame)] == ["model"]


def test_persons_are_counted_only_where_all_are_known():
    frame = predictions(ROWS).with_columns(subject_id=pl.Series(["p", "p", "q"]))
    assert scores(frame)[0].n_subjects == 2
    frame = frame.with_columns(subject_id=pl.Series(["p", None, "q"]))
    assert scores(frame)[0].n_subjects is None


@pytest.mark.parametrize("column", ["truth", "prediction", "train_mean"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_not_finite_names_the_recording(column, value):
    values = pl.Series([1.0, value, 1.0], dtype=pl.Float32)
    with pytest.raises(DataError, match=f"recording 'b' has the {column}"):
        score(predictions(ROWS).with_columns(values.alias(column)))


def test_a_missing_prediction_names_the_recording():
    with pytest.raises(DataError, match="recording 'b' has the prediction None"):
        score(predictions([("a", 1, 1), ("b", 2, None)]))


def test_two_rows_of_one_recording_are_refused_within_a_fold_and_seed():
    frame = predictions([*ROWS, ("b", 20, 17)])
    with pytest.raises(DataError, match=r"'b' has more than one row in split test, seed 0, fold 0"):
        score(frame)


def test_two_scales_are_not_scored_together():
    frame = pl.concat([predictions(ROWS), predictions([("x", 3, 3)], scale="PHQ-8")])
    with pytest.raises(DataError, match="BDI-II, PHQ-8"):
        score(frame)


# Two sessions of two tasks, of persons p and q, and a recording that names no session.
SESSIONS = [
    # recording, session, subject, task, truth, prediction
    ("p_n", "p_1", "p", "Northwind", 10, 12),
    ("p_f", "p_1", "p", "Freeform", 10, 18),
    ("q_n", "q_1", "q", "Northwind", 30, 20),
    ("q_f", "q_1", "q", "Freeform", 30, 26),
    ("r", None, "r", None, 20, 25),
]


def of_sessions(rows=SESSIONS, **same):
    frame = predictions([(r[0], r[4], r[5]) for r in rows], **same)
    columns = {"session_id": 1, "subject_id": 2, "task": 3}
    return frame.with_columns(
        pl.Series(name, [r[i] for r in rows], dtype=pl.String) for name, i in columns.items()
    )


def test_sessions_with_several_recordings_are_scored_per_task_and_fused():
    # Errors: all 2 8 -10 -4 5, MAE 29/5; Freeform 8 -4, MAE 6; Northwind 2 -10, MAE 6.
    # Sessions: p (12 + 18)/2 = 15, error 5; q 23, error -7; r alone, error 5: MAE 17/3.
    found = scores(of_sessions())
    models = [s for s in found if s.predictor == "model"]
    assert [(s.over.text, s.metrics.n, s.n_subjects) for s in models] == [
        ("all recordings", 5, 3),
        ("task Freeform", 2, 2),
        ("task Northwind", 2, 2),
        ("session means", 3, 3),
    ]
    assert [s.metrics.mae for s in models] == pytest.approx([29 / 5, 6, 6, 17 / 3])
    assert [s.metrics.rmse for s in models][3] == pytest.approx(((25 + 49 + 25) / 3) ** 0.5)


def test_the_constant_is_beside_each_of_them_on_the_same_truths():
    # 15 against the sessions' truths 10, 30 and 20: MAE (5 + 15 + 5)/3; Freeform (5 + 15)/2.
    found = {s.over.text: s.metrics for s in scores(of_sessions()) if s.predictor != "model"}
    assert found["session means"].mae == pytest.approx(25 / 3)
    assert found["task Freeform"].mae == pytest.approx(10)
    assert {m.ccc for m in found.values()} == {0}


def test_units_and_tasks_are_in_the_metrics_table():
    found = score(of_sessions())
    check(found, METRICS, "metrics")
    assert found.filter(predictor="model").select("unit", "task", "n").rows() == [
        ("recording", None, 5),
        ("recording", "Freeform", 2),
        ("recording", "Northwind", 2),
        ("session", None, 3),
    ]


def test_sessions_of_one_recording_each_add_no_rows():
    rows = [row for row in SESSIONS if row[3] != "Freeform"]
    assert [s.over.text for s in scores(of_sessions(rows))] == ["all recordings"] * 2


def test_a_task_that_all_recordings_have_adds_no_row():
    frame = of_sessions().with_columns(task=pl.lit("Interview"))
    assert [s.over.text for s in scores(frame)[::2]] == ["all recordings", "session means"]


def test_only_what_one_fold_and_seed_predicted_is_fused():
    # Fold means 13 and 17 against 10 and 10: errors 3 and 7, pooled MAE 5. Their mean would be
    # one error of 5 as well, but RMSE tells: sqrt((9 + 49)/2) and not 5.
    rows = [("a", "s", "p", "x", 10, 12), ("b", "s", "p", "y", 10, 14)]
    more = [("a", "s", "p", "x", 10, 16), ("b", "s", "p", "y", 10, 18)]
    frame = pl.concat([of_sessions(rows, fold=0), of_sessions(more, fold=1)])
    model = next(s for s in scores(frame) if s.predictor == "model" and s.over.unit == "session")
    assert model.metrics.rmse == pytest.approx(29**0.5)
    assert (model.metrics.n, model.n_distinct) == (2, 1)
    seeds = pl.concat([of_sessions(rows, seed=0), of_sessions(more, seed=1)])
    fused = [s for s in scores(seeds) if s.predictor == "model" and s.over.unit == "session"]
    assert [(s.seed, s.metrics.rmse) for s in fused] == [(0, pytest.approx(3)), (1, 7)]


def test_recordings_of_a_session_in_different_folds_are_not_fused():
    rows = [("a", "s", "p", "x", 10, 12), ("b", "s", "p", "y", 10, 14)]
    frame = of_sessions(rows).with_columns(fold=pl.Series([0, 1], dtype=pl.Int32))
    assert {s.over.text for s in scores(frame)} == {"all recordings"}


def test_a_fused_constant_is_still_constant():
    # In binary numbers, the mean of 12.7 three times is 12.699999999999998; of one it is 12.7.
    rows = [(f"a{i}", "s", "p", f"t{i}", 10, 12) for i in range(3)]
    rows += [("b", "t", "q", "t0", 20, 14)]
    frame = of_sessions(rows).with_columns(train_mean=pl.Series([12.7] * 4))
    fused = next(s for s in scores(frame) if s.over.unit == "session" and s.predictor != "model")
    assert (fused.metrics.pcc, fused.metrics.ccc) == (0, 0)


@pytest.mark.parametrize(
    ("column", "said"),
    [("truth", "session 's' has several truths: 10, 11"), ("subject_id", "several persons: p, q")],
)
def test_a_session_with_two_truths_or_persons_is_refused(column, said):
    rows = [("a", "s", "p", "x", 10, 12), ("b", "s", "p", "y", 10, 14)]
    other = {
        "truth": pl.Series([10.0, 11.0], dtype=pl.Float32),
        "subject_id": pl.Series(["p", "q"]),
    }
    with pytest.raises(DataError, match=said):
        scores(of_sessions(rows).with_columns(other[column].alias(column)))


def test_a_recording_named_like_a_session_is_not_fused_with_it():
    rows = [("a", "s", "p", "x", 10, 12), ("b", "s", "p", "y", 10, 14), ("s", None, "q", "x", 3, 3)]
    fused = [s for s in scores(of_sessions(rows)) if s.over.unit == "session"]
    assert {s.metrics.n for s in fused} == {2}


def write_run(root, frame):
    tables.write_table(root / "predictions.parquet", PREDICTIONS, frame)
    return root


def test_evaluate_run_writes_metrics_json_with_the_same_bytes_each_time(tmp_path):
    run = write_run(tmp_path / "r", predictions(ROWS))
    frame = evaluate_run(run)
    first = (run / "metrics.json").read_bytes()
    evaluate_run(run)
    assert (run / "metrics.json").read_bytes() == first
    said = json.loads(first)
    assert [(row["n"], row["n_distinct"]) for row in said["rows"]] == [(3, 3), (3, 3)]
    assert said["rows"][0]["mae"] == pytest.approx(frame["mae"][0])
    assert "Lin 1989" in said["definitions"]["ccc"]
    assert str(tmp_path) not in first.decode()
    assert said["warnings"] == []


def test_metrics_json_says_what_each_row_is_over_and_by_which_rule(tmp_path):
    run = write_run(tmp_path / "r", of_sessions())
    evaluate_run(run)
    rows = json.loads((run / "metrics.json").read_text())["rows"]
    assert [row["over"] for row in rows[::2]] == [
        *("all recordings", "task Freeform", "task Northwind", "session means"),
    ]
    assert "mean of its segments" in rows[0]["rule"]
    assert "the task Freeform" in rows[2]["rule"]
    assert "mean of the predictions of its recordings" in rows[-1]["rule"]


def test_persons_on_two_sides_are_said_above_the_table(tmp_path):
    run = write_run(tmp_path / "r", of_sessions())
    about = {"overlap": {"recordings": {"dev": 0, "test": 2}}}
    folds = [{"test": {"recordings": 5, "subjects": 3}}]
    tables.write_json(run / "run.json", about | {"folds": folds})
    said = "2 of 5 test recordings show a person who is in train or dev."
    assert CliRunner().invoke(app, ["evaluate", str(run)]).stdout.splitlines()[0] == said
    shown = CliRunner().invoke(app, ["evaluate", str(run), "--json"])
    assert json.loads(shown.stdout)["warnings"] == [said]


def test_the_verb_notes_folds_with_their_own_means_few_recordings_and_repeats(tmp_path):
    # Two folds with training means 15 and 18 predict the same 3 recordings: 6 values.
    folds = [predictions(ROWS, fold=0), predictions(ROWS, fold=1, train_mean=18.0)]
    run = write_run(tmp_path / "r", pl.concat(folds))
    shown = " ".join(CliRunner().invoke(app, ["evaluate", str(run)]).stdout.split())
    assert "N counts a recording or session once for each fold" in shown
    assert "predicted in: 3 recordings." in shown
    assert "Fewer than 30 recordings" in shown
    # The pooled constant is uncorrelated here, as both folds hold the same truths.
    assert "Each fold has its own training mean" not in shown
    other = [predictions(ROWS[:2], fold=0), predictions(ROWS[2:], fold=1, train_mean=14.0)]
    run = write_run(tmp_path / "s", pl.concat(other))
    shown = " ".join(CliRunner().invoke(app, ["evaluate", str(run)]).stdout.split())
    assert "Each fold has its own training mean" in shown
    assert "N counts" not in shown


def test_enough_recordings_of_one_fold_have_no_notes(tmp_path):
    run = write_run(tmp_path / "r", predictions([(f"r{i}", i, i + 1) for i in range(30)]))
    assert "†" not in CliRunner().invoke(app, ["evaluate", str(run)]).stdout


def test_evaluate_run_without_predictions_names_the_runs_there_are(tmp_path):
    write_run(tmp_path / "runs" / "one", predictions(ROWS))
    with pytest.raises(InputError, match=r"no predictions.parquet\nName a run: .*one"):
        evaluate_run(tmp_path / "runs")
    with pytest.raises(InputError, match="no such run folder"):
        evaluate_run(tmp_path / "runs" / "two")


def test_the_verb_prints_a_table_or_json(tmp_path):
    run = write_run(tmp_path / "r", predictions([*ROWS, ("d", None, 1.0)]))
    shown = CliRunner().invoke(app, ["evaluate", str(run)])
    assert shown.exit_code == 0
    assert "constant" in shown.stdout
    assert "all recordings" not in shown.stdout  # a column that would say the same of every row
    assert "left out: 1 of test" in shown.stderr
    as_json = CliRunner().invoke(app, ["evaluate", str(run), "--json"])
    assert json.loads(as_json.stdout)["n_without_truth"] == {"test": 1}


def test_the_verb_says_what_rows_are_over_and_the_rule(tmp_path):
    run = write_run(tmp_path / "r", of_sessions())
    shown = CliRunner().invoke(app, ["evaluate", str(run)]).stdout
    for word in ("all recordings", "task Freeform", "task Northwind", "session means"):
        assert word in shown
    assert "mean of its recordings' predictions" in shown


def text(tmp_path, content, encoding="utf-8"):
    path = tmp_path / "t.csv"
    path.write_bytes(content.encode(encoding))
    return path


def test_read_csv_keeps_text_and_tells_line_numbers(tmp_path):
    # A byte-order mark, spaces, capitals, a blank line, and a cell with a line break.
    path = text(tmp_path, '\ufeffID , Note\r\n001,"two\r\nlines"\r\n\r\n 002 ,x\r\n')
    file = read_csv(path, ("id",), ("id",))
    assert file.columns == ("id", "note")
    assert file.rows == [
        (2, {"id": "001", "note": "two\nlines"}),
        (5, {"id": "002", "note": "x"}),
    ]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_read_csv_takes_the_usual_separators(tmp_path, separator):
    file = read_csv(text(tmp_path, f"id{separator}b\n1{separator}2\n"), ("id", "b"), ("id", "b"))
    assert file.rows == [(2, {"id": "1", "b": "2"})]


@pytest.mark.parametrize(
    ("content", "kind", "said"),
    [
        ("", InputError, "no rows"),
        ("id,b\n", InputError, "no rows"),
        ("id,b\n1\n1,2,3\n", SchemaError, r"need 2 cells.*line 2: 1 cells; line 3: 3 cells"),
        ("id,id\n1,2\n", SchemaError, "'id' more than once"),
        ("id,\n1,2\n", SchemaError, "nameless"),
        ("b,c\n1,2\n", SchemaError, "lacks the column id"),
        ('id,b\n"1,2\n', InputError, "line 2"),
        ("id,recordin_id\n1,2\n", SchemaError, "'recordin_id', not 'recording_id'"),
    ],
)
def test_read_csv_refuses_what_it_would_misread(tmp_path, content, kind, said):
    with pytest.raises(kind, match=said):
        read_csv(text(tmp_path, content), ("id", "recording_id"), ("id",))


def test_read_csv_refuses_other_encodings_and_missing_files(tmp_path):
    with pytest.raises(InputError, match="not UTF-8"):
        read_csv(text(tmp_path, "id\nä\n", "latin-1"), ("id",), ("id",))
    with pytest.raises(InputError, match="No such file"):
        read_csv(tmp_path / "none.csv", ("id",), ("id",))


def test_metrics_json_has_the_interval_of_each_metric_and_the_verb_shows_them(tmp_path):
    run = write_run(tmp_path / "r", predictions([(f"r{i}", i, i + 1 + i % 2) for i in range(30)]))
    frame = evaluate_run(run)
    record = json.loads((run / "metrics.json").read_text())
    model = record["rows"][0]
    found = model["intervals"]["mae"]
    # Errors are 1 and 2 in turn: 1.5 in the mean, and between 1 and 2 in every resample. Nobody
    # says who is in a recording, so recordings are drawn.
    assert 1 < found["low"] < model["mae"] == 1.5 < found["high"] < 2
    assert (found["unit"], found["n_units"]) == ("recording", 30)
    assert frame["mae_low"][0] == found["low"]
    assert frame["ccc_low"][1] is None  # the constant has no CCC
    assert record["intervals"]["resamples"] == 2000
    low, high = found["low"], found["high"]
    shown = CliRunner().invoke(app, ["evaluate", str(run)]).stdout
    assert f"1.50 [{low:.1f}, {high:.1f}]" in shown


def test_a_run_on_a_synthetic_corpus_is_called_so(tmp_path):
    run = write_run(tmp_path / "r", predictions(ROWS))
    tables.write_json(run / "run.json", {"synthetic": True})
    shown = CliRunner().invoke(app, ["evaluate", str(run)]).stdout
    assert shown.startswith("The corpus is synthetic")
