"""Reports over runs and over anybody's predictions, and `deptool report`."""

import csv
import io
import json
import subprocess
import sys

import polars as pl
import pytest
from rich.console import Console
from typer.testing import CliRunner

from deptool import tables
from deptool.cli.main import app
from deptool.cli.terminal import show_sheet
from deptool.errors import DataError, InputError, SchemaError, UsageError
from deptool.report import CONSTANT, OPTIMISTIC, report_file, report_runs
from deptool.report_formats import sheets, to_csv, to_json, to_latex, to_markdown
from deptool.schema import PREDICTIONS, SCHEMA_VERSION
from deptool.shared_persons import Shared

TRUTH = [float(i) for i in range(40)]  # mean 19.5


def write_run(
    root, model="gmlp", seeds=(0,), off=1.0, n=40, split="test", mean=15.0, fold=0, rows=None,
    **about
):  # fmt: skip
    """A finished run whose prediction is the truth plus `off` plus the seed; `rows` replace it."""
    default = [
        {
            **{"recording_id": f"r{i}", "subject_id": f"p{i}", "session_id": None, "task": None},
            **{"split": split, "fold": i % 2 if fold else 0, "seed": seed, "scale": "BDI-II"},
            **{"truth": TRUTH[i], "prediction": TRUTH[i] + off + seed},
            **{"train_mean": mean + (i % 2 if fold else 0), "n_segments": 1},
        }
        for seed in seeds
        for i in range(n)
    ]
    rows = default if rows is None else [default[0] | row for row in rows]
    kinds = {"string": pl.String, "float32": pl.Float32, "int32": pl.Int32}
    frame = pl.DataFrame(rows, schema={c.name: kinds[c.dtype] for c in PREDICTIONS.columns})
    tables.write_table(root / "predictions.parquet", PREDICTIONS, frame)
    known = {"schema_version": SCHEMA_VERSION, "status": "done", "model": model}
    known |= {"corpus": "demo", "scale": "BDI-II", "protocol": "corpus"}
    tables.write_json(root / "run.json", known | about)


def write_csv(tmp_path, content, name="theirs.csv"):
    path = tmp_path / name
    path.write_text(content)
    return path


def test_one_row_per_run_with_the_constant_first_and_once(tmp_path):
    write_run(tmp_path / "a", model="depressionmlp")
    write_run(tmp_path / "b", model="gmlp")
    report = report_runs(tmp_path)
    assert [row.model for row in report.rows] == [CONSTANT, "depressionmlp", "gmlp"]
    # Errors are all 1. The constant 15: e = -15 … 24; mean of i^2 over 40 is 520.666…;
    # mean (i - 15)^2 = var + (19.5 - 15)^2 = 133.25 + 20.25 = 153.5.
    constant, model, _ = report.rows
    assert model.values["rmse"] == (pytest.approx(1), None)
    assert constant.values["rmse"] == (pytest.approx(153.5**0.5), None)
    assert constant.n == 40


def test_mean_and_sample_sd_over_seeds(tmp_path):
    # Seeds 0 and 2: errors 1 and 3, mean 2, sample SD sqrt(2). The constant has no spread.
    write_run(tmp_path / "a", seeds=(0, 2))
    constant, model = report_runs(tmp_path).rows
    assert model.n_seeds == 2
    assert model.values["mae"] == (pytest.approx(2), pytest.approx(2**0.5))
    assert constant.values["mae"][1] is None


def test_one_seed_shows_no_sd(tmp_path):
    write_run(tmp_path / "a")
    report = report_runs(tmp_path)
    assert "±" not in to_markdown(report)
    write_run(tmp_path / "a", seeds=(0, 1))
    assert "1.50 ± 0.71" in to_markdown(report_runs(tmp_path))
    assert "ddof = 1" in to_markdown(report_runs(tmp_path))


def test_runs_with_other_recordings_are_not_compared_with_one_constant(tmp_path):
    write_run(tmp_path / "a")
    write_run(tmp_path / "b", n=35)
    write_run(tmp_path / "c", protocol="group-kfold:5")
    report = report_runs(tmp_path)
    assert [len(group) for group in report.groups] == [2, 2, 2]
    assert all(group[0].constant for group in report.groups)


def test_runs_with_other_training_means_show_both_constants(tmp_path):
    write_run(tmp_path / "a", mean=15.0)
    write_run(tmp_path / "b", mean=16.0)
    names = [row.model for row in report_runs(tmp_path).rows if row.constant]
    assert names == [f"{CONSTANT}, a", f"{CONSTANT}, b"]


def test_two_runs_of_one_model_are_told_apart(tmp_path):
    write_run(tmp_path / "a")
    write_run(tmp_path / "b")
    assert [r.model for r in report_runs(tmp_path).rows[1:]] == ["gmlp (a)", "gmlp (b)"]


def test_notes_say_what_a_reader_must_know(tmp_path):
    write_run(tmp_path / "few", n=29, overlap={"recordings": {"test": 3}})
    write_run(tmp_path / "bad", model="bad", off=60.0)
    write_run(tmp_path / "enough", model="enough", n=30)
    write_run(tmp_path / "many", model="many", overlap={"recordings": {"test": 0, "dev": 9}})
    notes = {row.run: row.notes for row in report_runs(tmp_path).rows if not row.constant}
    assert notes == {
        "bad": ("beaten",),
        "enough": ("mixed",),  # its 30 recordings are not the 40 of the first group
        "few": ("shared", "few", "mixed"),
        "many": (),
    }


def write_tasks(root, model="gmlp", tasks=("Northwind", "Freeform"), n=20, **about):
    """A run over sessions of one recording per task, off by +1 in the first task, +3 in others."""
    rows = [
        {
            **{"recording_id": f"s{i}_{task}", "subject_id": f"p{i}", "session_id": f"s{i}"},
            **{"task": task, "truth": TRUTH[i], "prediction": TRUTH[i] + (3 if k else 1)},
        }
        for i in range(n)
        for k, task in enumerate(tasks)
    ]
    write_run(root, model=model, rows=rows, **about)


def test_a_run_with_several_tasks_is_reported_over_each_in_a_group_with_its_constant(tmp_path):
    # Errors 1 and 3: MAE 2 over all, 3 and 1 over the tasks, 2 over the means of both. RMSE
    # sqrt((1 + 9)/2) over all, 2 over sessions. The constant 15 has the same truths everywhere.
    write_tasks(tmp_path / "a")
    groups = report_runs(tmp_path).groups
    shown = [[(r.constant, r.over.text, r.n) for r in group] for group in groups]
    assert shown == [
        [(constant, text, n) for constant in (True, False)]
        for text, n in (
            *(("all recordings", 40), ("task Freeform", 20), ("task Northwind", 20)),
            ("session means", 20),
        )
    ]
    assert [g[1].values["mae"][0] for g in groups] == pytest.approx([2, 3, 1, 2])
    assert [g[1].values["rmse"][0] for g in groups] == pytest.approx([5**0.5, 3, 1, 2])
    assert len({round(g[0].values["rmse"][0], 9) for g in groups}) == 1


def test_rows_of_another_n_or_unit_than_the_first_group_are_marked(tmp_path):
    write_tasks(tmp_path / "a", n=40)
    groups = report_runs(tmp_path).groups
    assert [["mixed" in row.notes for row in group] for group in groups] == [
        *([False, False], [True, True], [True, True], [True, True]),
    ]
    one = report_runs(tmp_path, over="sessions")
    assert [(row.over.unit, row.notes) for row in one.rows] == [("session", ())] * 2


def test_sessions_are_not_recordings_even_where_there_are_as_many(tmp_path):
    write_run(tmp_path / "a", n=20, corpus="a")
    write_tasks(tmp_path / "b", n=20, corpus="b")
    groups = report_runs(tmp_path).groups
    assert [(g[1].n, g[1].over.unit, "mixed" in g[1].notes) for g in groups] == [
        # Of the corpus a, then of b: its first group is that over all recordings.
        *((20, "recording", False), (40, "recording", False), (20, "recording", True)),
        *((20, "recording", True), (20, "session", True)),
    ]


def test_runs_that_fuse_other_recordings_are_not_in_one_group(tmp_path):
    write_tasks(tmp_path / "a")
    rows = [
        {"recording_id": f"s{i}_{task}", "session_id": None if i else "s0", "task": task}
        for i in range(20)
        for task in ("Northwind", "Freeform")
    ]
    write_run(tmp_path / "b", model="b", rows=[r | {"truth": 0.0, "prediction": 1.0} for r in rows])
    write_run(tmp_path / "c", model="c", rows=[r | {"truth": 0.0, "prediction": 2.0} for r in rows])
    groups = report_runs(tmp_path, over="sessions").groups
    assert [[row.model for row in group[1:]] for group in groups] == [["gmlp"], ["b", "c"]]
    assert [group[1].n for group in groups] == [20, 39]


def test_a_run_on_one_task_stands_with_the_rows_over_the_same_recordings(tmp_path):
    write_tasks(tmp_path / "both", model="both")
    write_tasks(tmp_path / "one", model="one", tasks=("Northwind",))
    groups = [[row.model for row in group] for group in report_runs(tmp_path).groups]
    assert groups == [[CONSTANT, "both"], [CONSTANT, "both"], [CONSTANT, "both", "one"],
                      [CONSTANT, "both"]]  # fmt: skip


@pytest.mark.parametrize(
    ("over", "text"),
    [
        ("recordings", "all recordings"),
        ("Freeform", "task Freeform"),
        ("sessions", "session means"),
    ],
)
def test_one_way_of_counting_can_be_chosen(tmp_path, over, text):
    write_tasks(tmp_path / "a")
    assert {row.over.text for row in report_runs(tmp_path, over=over).rows} == {text}
    rows = "recording_id,session_id,task,truth,prediction\na,s,Northwind,1,2\nb,s,Freeform,1,3\n"
    path = write_csv(tmp_path, rows)
    assert {row.over.text for row in report_file(path, over=over).rows} == {text}


def test_a_way_of_counting_that_is_not_there_names_those_that_are(tmp_path):
    write_tasks(tmp_path / "a")
    write_run(tmp_path / "b")
    report = report_runs(tmp_path, over="sessions")
    assert report.skipped == {"b": "nothing is scored over sessions (it has: all recordings)"}
    with pytest.raises(InputError, match=r"over Reading \(it has: all recordings, task Freeform"):
        report_runs(tmp_path, over="Reading")


def test_persons_on_two_sides_are_said_above_the_table_in_every_format(tmp_path):
    folds = [{"test": {"recordings": 40, "subjects": 40}}]
    overlap = {"recordings": {"test": 8, "dev": 3}}
    write_run(tmp_path / "a", overlap=overlap, folds=folds)
    write_run(tmp_path / "b_c", model="b", overlap=overlap, folds=folds)
    report = report_runs(tmp_path)
    said = "8 of 40 test recordings show a person who is in train or dev (runs a, b_c)."
    assert to_markdown(report).splitlines()[0] == "**" + said.replace("_", r"\_") + "**"
    latex = to_latex(report)
    assert latex.index(said.replace("_", r"\_")) < latex.index(r"\begin{tabular}")
    known = {"split": "test", "recordings": 8, "of": 40, "names": ["a", "b_c"]}
    assert json.loads(to_json(report))["warnings"] == [{"sentence": said} | known]
    shown = CliRunner().invoke(app, ["report", str(tmp_path)]).stdout
    assert shown.splitlines()[0] == said
    assert report_runs(tmp_path / "a", over="recordings").shared
    write_run(tmp_path / "dev" / "a", split="dev", overlap=overlap)
    dev = report_runs(tmp_path / "dev", "dev").shared[0].sentence
    assert dev == "3 dev recordings show a person who is in train (run a)."


def test_runs_whose_persons_are_not_known_say_so(tmp_path):
    write_run(tmp_path / "a", persons_unknown=True)
    write_run(tmp_path / "b", model="known", persons_unknown=False)
    report = report_runs(tmp_path)
    assert {row.model: row.notes for row in report.rows} == {
        **{CONSTANT: (), "gmlp": ("persons",), "known": ()},
    }
    assert "The corpus does not say who is in a recording" in to_markdown(report)


def test_what_rows_are_over_is_in_csv_and_json(tmp_path):
    write_tasks(tmp_path / "a")
    report = report_runs(tmp_path)
    lines = list(csv.DictReader(io.StringIO(to_csv(report))))[1::2]
    assert [(line["over"], line["unit"], line["task"]) for line in lines] == [
        ("all recordings", "recording", ""),
        ("task Freeform", "recording", "Freeform"),
        ("task Northwind", "recording", "Northwind"),
        ("session means", "session", ""),
    ]
    rows = [group[1] for group in json.loads(to_json(report))["groups"]]
    assert [(r["unit"], r["task"]) for r in rows][1:3] == [
        *(("recording", "Freeform"), ("recording", "Northwind")),
    ]
    assert "a session counts once" in to_markdown(report)


def test_a_model_equal_to_the_constant_does_not_beat_it(tmp_path):
    frame = "recording_id,truth,prediction\na,1,15\nb,2,15\nc,3,15\n"
    report = report_file(write_csv(tmp_path, frame), train_mean=15.0)
    assert "beaten" in report.rows[1].notes


def test_folds_with_their_own_means_are_noted_at_the_constant(tmp_path):
    write_run(tmp_path / "a", fold=1)
    constant, model = report_runs(tmp_path).rows
    assert "folds" in constant.notes
    assert "folds" not in model.notes
    write_run(tmp_path / "a", fold=1, model="constant")
    assert all("folds" in row.notes for row in report_runs(tmp_path).rows)


def test_the_dev_part_is_labelled_where_the_best_epoch_was_chosen_on_it(tmp_path):
    write_run(tmp_path / "a", split="dev", settings={"epochs": 5})
    write_run(tmp_path / "b", split="dev", model="ridge", settings={"penalty": 1.0})
    report = report_runs(tmp_path, "dev")
    assert {row.split for row in report.rows} == {"dev"}
    notes = {row.model: row.notes for row in report.rows}
    assert "dev" in notes["gmlp"]
    assert "dev" not in notes["ridge"]


def test_recordings_of_several_folds_count_for_each_and_a_note_says_how_many(tmp_path):
    # As in the dev part of leave-one-subject-out: each of 4 recordings in 3 folds is 12 values.
    rows = [
        {"recording_id": f"r{i}", "fold": fold, "truth": TRUTH[i], "prediction": TRUTH[i] + fold}
        for i in range(4)
        for fold in range(3)
    ]
    write_run(tmp_path / "a", rows=rows)
    report = report_runs(tmp_path)
    assert [(r.n, r.n_distinct) for r in report.rows] == [(12, 4), (12, 4)]
    # Errors 0, 1, 2 each four times: RMSE sqrt(5/3).
    assert report.rows[1].values["rmse"][0] == pytest.approx((5 / 3) ** 0.5)
    assert "predicted in: 4 recordings." in to_markdown(report)
    assert json.loads(to_json(report))["notes"]["repeated"].endswith("4 recordings.")
    # 40 values of 20 recordings are few, though they are more than 30.
    twice = [{"recording_id": f"r{i % 20}", "fold": i // 20} for i in range(40)]
    write_run(tmp_path / "b", model="other", rows=twice)
    row = next(r for r in report_runs(tmp_path).rows if r.model == "other")
    assert row.n == 40
    assert {"repeated", "few"} <= set(row.notes)


def test_the_constant_as_a_model_is_not_blamed_for_not_beating_itself(tmp_path):
    write_run(tmp_path / "a", model="constant", off=60.0)
    assert report_runs(tmp_path).rows[1].notes == ()


def test_rows_of_another_corpus_are_not_marked_for_their_n(tmp_path):
    write_run(tmp_path / "a", corpus="a")
    write_run(tmp_path / "b", corpus="b", n=35)
    write_run(tmp_path / "c", corpus="b", n=32, protocol="group-kfold:5")
    report = report_runs(tmp_path)
    marked = {row.run: "mixed" in row.notes for row in report.rows if not row.constant}
    assert marked == {"a": False, "b": False, "c": True}


def test_one_recording_shows_a_person():
    assert Shared("test", 1, None).sentence.startswith("1 test recording shows")
    assert Shared("test", 1, 1).sentence.startswith("1 of 1 test recording shows")
    assert Shared("test", 1, 2).sentence.startswith("1 of 2 test recordings show ")


def test_unfinished_and_unreadable_runs_are_listed_and_not_fatal(tmp_path):
    write_run(tmp_path / "good")
    write_run(tmp_path / "half", status="running")
    write_run(tmp_path / "dev-only", split="dev")
    write_run(tmp_path / "cut")
    (tmp_path / "cut" / "predictions.parquet").write_bytes(b"PAR1")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "run.json").write_text("{")
    (tmp_path / "figures").mkdir()
    report = report_runs(tmp_path)
    assert [row.run for row in report.rows] == ["good", "good"]
    assert sorted(report.skipped) == ["broken", "cut", "dev-only", "half"]
    assert "not finished" in report.skipped["half"]
    assert "it has: dev" in report.skipped["dev-only"]
    assert "predictions.parquet" in report.skipped["cut"]


def test_a_folder_without_a_run_that_can_be_reported_is_an_error(tmp_path):
    with pytest.raises(InputError, match=r"no such folder\nMake a run with: deptool train"):
        report_runs(tmp_path / "runs")
    with pytest.raises(InputError, match="holds no runs"):
        report_runs(tmp_path)
    write_run(tmp_path / "half", status="running")
    with pytest.raises(InputError, match="none of its runs can be reported: half: is not fin"):
        report_runs(tmp_path)


def test_one_run_folder_is_reported_by_itself(tmp_path):
    write_run(tmp_path / "a")
    assert len(report_runs(tmp_path / "a").rows) == 2


THEIRS = "recording_id,truth,prediction,split,subject_id\n"


def test_anybodys_predictions_take_the_train_truths_for_the_constant(tmp_path):
    # Train truths 10 and 20: the constant is 15; test truths 5 and 25: its errors are 10.
    rows = "a,10,10,train,p\nb,20,20,train,q\nc,5,6,test,r\nd,25,24,test,s\n"
    report = report_file(write_csv(tmp_path, THEIRS + rows))
    constant, model = report.groups[0]
    assert (constant.split, constant.model) == ("test", CONSTANT)
    assert constant.values["mae"][0] == pytest.approx(10)
    assert model.values["mae"][0] == pytest.approx(1)
    assert "shared" not in model.notes


def test_anybodys_predictions_without_a_train_mean_get_a_constant_marked_optimistic(tmp_path):
    path = write_csv(tmp_path, "recording_id,truth,prediction\na,1,2\nb,3,4\n")
    constant, model = report_file(path).rows
    assert constant.model == OPTIMISTIC
    assert "optimistic" in constant.notes
    assert constant.values["mae"][0] == pytest.approx(1)  # the mean is 2
    assert model.split == "all"
    given = report_file(path, train_mean=12.0).rows[0]
    assert (given.model, given.values["mae"][0]) == (CONSTANT, pytest.approx(10))


def test_a_column_train_mean_and_a_person_in_two_splits_are_seen(tmp_path):
    head = "Recording_ID;Truth;Prediction;Split;Subject_ID;Train_Mean\n"
    rows = "a;10;10;training;p;7\nb;20;21;Testing;p;7\n"
    report = report_file(write_csv(tmp_path, head + rows))
    constant, model = report.groups[0]
    assert constant.values["mae"][0] == pytest.approx(13)
    assert "shared" in model.notes


def test_anybodys_sessions_and_tasks_give_the_same_rows(tmp_path):
    # Errors 1, 3 and 5 over recordings; sessions (1 + 3)/2 and 5: MAE 3 and 3.5. The mean of the
    # scored truths is a mean over recordings in one row (14/3), over sessions in the other (6).
    head = "recording_id,session_id,task,truth,prediction\n"
    rows = "a,s,Northwind,2,3\nb,s,Freeform,2,5\nc,t,Northwind,10,15\n"
    report = report_file(write_csv(tmp_path, head + rows))
    assert [(g[1].over.text, g[1].n) for g in report.groups] == [
        *(("all recordings", 3), ("task Freeform", 1), ("task Northwind", 2), ("session means", 2)),
    ]
    assert [report.groups[i][1].values["mae"][0] for i in (0, 3)] == pytest.approx([3, 3.5])
    # No honest constant is better than this one: its R2 is 0 in each group, by definition.
    constants = [group[0] for group in report.groups]
    assert {row.model for row in constants} == {OPTIMISTIC}
    assert [row.values["r2"][0] for row in constants] == [
        pytest.approx(0),
        None,
        *[pytest.approx(0)] * 2,
    ]
    assert [row.values["mae"][0] for row in constants][3] == pytest.approx(4)


def test_anybodys_persons_on_two_sides_are_counted_fold_by_fold(tmp_path):
    rows = "a,10,10,train,p\nb,20,20,train,q\nc,5,6,test,p\nd,25,24,test,s\n"
    shared = report_file(write_csv(tmp_path, THEIRS + rows)).shared
    said = "1 of 2 test recordings show a person who is in train or dev (file theirs.csv)."
    assert [s.sentence for s in shared] == [said]
    # In a cross-validation everybody is tested in one fold and trained on in others.
    people = [("p", 0, "test"), ("q", 0, "train"), ("q", 1, "test"), ("p", 1, "train")]
    rows = [
        {"recording_id": f"r{who}", "subject_id": who, "fold": fold, "split": split}
        for who, fold, split in people
    ]
    write_run(tmp_path / "a", rows=rows)
    assert not report_file(tmp_path / "a" / "predictions.parquet").shared


def test_one_split_of_anybodys_predictions_can_be_chosen(tmp_path):
    path = write_csv(tmp_path, THEIRS + "a,1,2,train,p\nb,3,4,test,q\n")
    assert {row.split for row in report_file(path, split="test").rows} == {"test"}
    with pytest.raises(InputError, match="split dev"):
        report_file(path, split="dev")


def test_anybodys_recordings_without_a_truth_are_left_out(tmp_path):
    path = write_csv(tmp_path, "recording_id,truth,prediction\na,1,2\nb,,4\nc,2,2\n")
    assert report_file(path).rows[1].n == 2


def test_predictions_of_recordings_that_the_run_did_not_know_are_read(tmp_path):
    # The columns that `predict` writes.
    header = "recording_id,subject_id,session_id,task,split,fold,seed,scale,truth,prediction\n"
    rows = "a,p,a,,new,0,0,BDI-II,10,12\nb,q,b,,New,0,0,BDI-II,20,20\nc,r,c,,train,0,0,BDI-II,3,4\n"
    report = report_file(write_csv(tmp_path, header + rows))
    assert [(r.split, r.n) for r in report.rows if not r.constant] == [("new", 2), ("train", 1)]


def test_a_predictions_table_is_read_too(tmp_path):
    write_run(tmp_path / "a")
    report = report_file(tmp_path / "a" / "predictions.parquet")
    assert [row.n for row in report.rows] == [40, 40]


@pytest.mark.parametrize(
    ("rows", "kind", "said"),
    [
        ("recording_id,truth,prediction\na,1,x\nb,1,2\nc,nan,\n", DataError,
         r"line 2: prediction 'x'; line 4: truth 'nan'; line 4: prediction ''"),
        ("recording_id,truth,prediction\na,1,1\nb,1,1\na,2,2\n", DataError,
         "line 4: 'a' is on line 2 too"),
        ("recording_id,truth,prediction\n,1,1\n", DataError, "recording_id is missing"),
        ("recording_id,truth,prediction,split\na,1,1,holdout\n", DataError, "line 2: 'holdout'"),
        ("recording_id,truth\na,1\n", SchemaError, "lacks the column prediction"),
        ("recording_id,truth,predictions\na,1,1\n", SchemaError, "not 'prediction'"),
        ("recording_id,truth,prediction\na,,1\n", DataError, "none of the 1 predictions"),
    ],
)  # fmt: skip
def test_predictions_that_cannot_be_scored_name_lines(tmp_path, rows, kind, said):
    with pytest.raises(kind, match=said):
        report_file(write_csv(tmp_path, rows))


def test_csv_and_json_carry_every_digit(tmp_path):
    write_run(tmp_path / "a", seeds=(0, 1, 2), off=1 / 3)
    report = report_runs(tmp_path)
    mean, sd = report.rows[1].values["rmse"]
    line = list(csv.DictReader(io.StringIO(to_csv(report))))[1]
    assert (float(line["rmse"]), float(line["rmse_sd"])) == (mean, sd)
    assert (line["model"], line["n"], line["n_seeds"]) == ("gmlp", "40", "3")
    row = json.loads(to_json(report))["groups"][0][1]
    ends = report.rows[1].intervals["rmse"]
    assert row["rmse"] == {"mean": mean, "sd": sd, "low": ends.low, "high": ends.high}
    assert (float(line["rmse_low"]), float(line["rmse_high"])) == (ends.low, ends.high)
    assert row["interval"] == {"unit": "person", "n_units": 40}
    assert (row["n"], row["n_seeds"], row["constant"]) == (40, 3, False)


def test_names_are_escaped_in_latex_and_markdown(tmp_path):
    write_run(tmp_path / "a", model="a_b|50%&$#{}~^\\", corpus="x_y")
    report = report_runs(tmp_path)
    latex = to_latex(report)
    assert (
        r"a\_b\textbar{}50\%\&\$\#\{\}\textasciitilde{}\textasciicircum{}\textbackslash{}" in latex
    )
    assert r"a\_b\|50%&$#{}~^" in to_markdown(report)
    assert [latex.count(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule")] == [1, 1, 1]


def test_every_line_of_the_published_tables_has_all_cells(tmp_path):
    write_run(tmp_path / "a", n=10, seeds=(0, 1), overlap={"recordings": {"test": 1}})
    report = report_runs(tmp_path)
    rows = [line for line in to_markdown(report).splitlines() if line.startswith("|")]
    assert {line.count("|") for line in rows} == {12}
    rows = [line for line in to_latex(report).splitlines() if line.endswith(r" \\")]
    # Corpus, scale, protocol, split and over are those of all lines: 6 of 11 columns are left.
    assert {line.count(" & ") for line in rows} == {5}
    assert "In all rows: corpus demo, scale BDI-II, protocol corpus, split test" in to_latex(report)
    assert r"gmlp\textsuperscript{\dag{}}\textsuperscript{\ddag{}}" in rows[-1]


def test_a_small_negative_number_is_not_minus_zero(tmp_path):
    # truth 0 1 2, prediction symmetric around its middle but for a trace: PCC about -0.001.
    rows = "recording_id,truth,prediction\na,0,1.001\nb,1,0\nc,2,1\n"
    assert "-0.00" not in to_markdown(report_file(write_csv(tmp_path, rows)))


@pytest.mark.parametrize(
    ("name", "start"),
    [
        *(("t.md", "Computed"), ("t.tex", "% Needs"), ("t.csv", "model,"), ("t.json", "{")),
        ("t.txt", "┏"),
    ],
)
def test_the_suffix_of_out_chooses_the_format(tmp_path, name, start):
    write_run(tmp_path / "runs" / "a")
    out = tmp_path / name
    done = CliRunner().invoke(app, ["report", str(tmp_path / "runs"), "--out", str(out)])
    assert done.exit_code == 0
    assert done.stdout == ""
    assert out.read_text().startswith(start)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--format", "html", "--out", "r.csv"), "html was asked for, but"),
        (("--json", "--out", "r.md"), "but the name 'r.md' says markdown"),
    ],
)
def test_a_format_that_the_suffix_contradicts_is_refused(tmp_path, monkeypatch, words, said):
    write_run(tmp_path / "runs" / "a")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["report", "runs", *words])
    assert isinstance(done.exception, UsageError)
    assert said in str(done.exception)
    assert [p.name for p in tmp_path.iterdir()] == ["runs"]


def test_a_format_may_go_into_a_file_of_an_unknown_suffix(tmp_path):
    write_run(tmp_path / "runs" / "a")
    words = ["report", str(tmp_path / "runs"), "--format", "csv", "--out", str(tmp_path / "r.txt")]
    assert CliRunner().invoke(app, words).exit_code == 0
    assert (tmp_path / "r.txt").read_text().startswith("model,")


def test_the_verb_shows_rows_and_notes_on_stdout_and_talk_on_stderr(tmp_path):
    write_run(tmp_path / "runs" / "a", n=10)
    write_run(tmp_path / "runs" / "half", status="running")
    done = CliRunner().invoke(app, ["report", str(tmp_path / "runs")])
    assert done.exit_code == 0
    assert CONSTANT in done.stdout
    assert "Fewer than 30" in done.stdout
    assert "half" in done.stderr
    assert "half" not in done.stdout


def test_a_narrow_table_loses_no_mark_and_no_number(tmp_path):
    write_tasks(tmp_path / "runs" / "a", model="a-model-of-a-long-name")
    report = report_runs(tmp_path / "runs")
    text = io.StringIO()
    for sheet in sheets(report):
        show_sheet(sheet, Console(file=text, width=50))
    shown = text.getvalue()
    table = shown[: shown.index("Computed")]
    for mark, _ in sheets(report)[0].footnotes:
        assert table.count(mark) == sum(mark in line.marks for line in sheets(report)[0].lines) > 0
    assert "…" not in table
    assert table.count("2.00") == 3  # MAE over all recordings, RMSE and MAE over sessions
    assert max(map(len, shown.splitlines())) <= 50


def test_the_verb_refuses_options_that_contradict_each_other(tmp_path):
    # The console script turns these into exit code 2; the runner shows the error itself.
    for words in (["runs", "--predictions", "x.csv"], ["--train-mean", "3"]):
        done = CliRunner().invoke(app, ["report", *words])
        assert done.exception.exit_code == 2


def test_reporting_imports_no_torch(tmp_path):
    write_run(tmp_path / "a")
    code = (
        "import sys; from pathlib import Path; from deptool.report import report_runs;"
        f"report_runs(Path({str(tmp_path)!r})); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_network_that_is_no_better_than_ridge_is_marked(tmp_path):
    # RMSEs of constant offsets: ridge 2, gmlp 2.5, lstm 1, and svr, a baseline itself, 3.
    for model, off in (("ridge", 2.0), ("gmlp", 2.5), ("lstm", 1.0), ("svr", 3.0)):
        write_run(tmp_path / model, model=model, off=off)
    notes = {row.model: row.notes for row in report_runs(tmp_path).rows}
    assert [name for name, codes in notes.items() if "behind" in codes] == ["gmlp"]
    (tmp_path / "ridge").rename(tmp_path.parent / f"{tmp_path.name}-ridge")
    assert not any("behind" in row.notes for row in report_runs(tmp_path).rows)


def test_one_recording_has_no_correlation(tmp_path):
    report = report_file(write_csv(tmp_path, "recording_id,truth,prediction\na,5,7\n"), 4.0)
    for row in report.rows:
        assert (row.values["ccc"], row.values["pcc"]) == ((None, None), (None, None))
    assert report.rows[1].values["mae"][0] == 2
    assert "| 1 | 2.00 | 2.00 | – | – |" in to_markdown(report)


def test_seeds_that_agree_show_no_sd(tmp_path):
    # The mean of 1/3, 1/3 and 1/3 is another number in the last digit, so that the SD is not 0.
    rows = [
        {"recording_id": f"r{i}", "seed": seed, "truth": TRUTH[i], "prediction": 19.1}
        for seed in range(3)
        for i in range(40)
    ]
    write_run(tmp_path / "a", model="constant", rows=rows)
    assert "±" not in to_markdown(report_runs(tmp_path))


def test_where_persons_are_not_known_the_caption_says_what_is_drawn(tmp_path):
    rows = "".join(f"r{i},{i},{i + 1}\n" for i in range(10))
    shown = to_markdown(report_file(write_csv(tmp_path, "recording_id,truth,prediction\n" + rows)))
    assert "95 % interval, bootstrap over recordings." in shown
    write_run(tmp_path / "a")
    assert "interval, bootstrap over persons." in to_markdown(report_runs(tmp_path / "a"))
    one = report_file(write_csv(tmp_path, "recording_id,truth,prediction\na,5,7\n"))
    assert "In brackets" not in to_markdown(one)
