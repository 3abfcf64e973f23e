"""The numbers behind the figures, from small tables worked out by hand."""

import polars as pl
import pytest

from deptool import plugins
from deptool.figure_data import FigureData, of_file, of_runs
from deptool.scales import SCALES
from fixtures.runs import make_run


def data_of(rows, scale="BDI-II", train_mean=10.0, history=None):
    """rows of (recording, subject, seed, truth, prediction)."""
    names = ("recording_id", "subject_id", "seed", "truth", "prediction")
    frame = pl.DataFrame(rows, schema=names, orient="row", infer_schema_length=None)
    frame = frame.with_columns(train_mean=pl.lit(train_mean), fold=0)
    known = SCALES[scale] if scale else None
    return FigureData("run", "gmlp", known, "test", frame, history, {}, False, train_mean)


def numbers(name, data):
    return plugins.load("figures", name).numbers(data)


def test_a_point_is_the_mean_over_seeds_with_lowest_and_highest():
    data = data_of([("a", "p", 0, 4.0, 5.0), ("a", "p", 1, 4.0, 9.0), ("b", "q", 0, 2.0, 2.0)])
    rows = numbers("predicted", data).rows()
    assert rows == [
        ("b", "q", 2.0, 2.0, 2.0, 2.0, 1, 10.0),
        ("a", "p", 4.0, 7.0, 5.0, 9.0, 2, 10.0),  # (5 + 9) / 2
    ]


def test_errors_stand_in_the_band_of_the_truth():
    # BDI-II: 14 is mild, 13 is minimal; the constant 10 is wrong by 10 - truth.
    frame = numbers("residuals", data_of([("a", "p", 0, 13.0, 20.0), ("b", "q", 0, 14.0, 11.0)]))
    assert frame.select("band", "error", "constant_error").rows() == [
        ("0 to 13 minimal", 7.0, -3.0),
        ("14 to 19 mild", -3.0, -4.0),
    ]


def test_limits_of_agreement():
    # Differences 1 and 3: mean 2, SD sqrt(2) over n - 1; limits 2 ± 1.96 sqrt(2).
    frame = numbers("bland-altman", data_of([("a", "p", 0, 2.0, 3.0), ("b", "q", 0, 5.0, 8.0)]))
    assert frame["mean"].to_list() == [2.5, 6.5]
    assert frame["bias"].to_list() == [2.0, 2.0]
    assert frame.row(0)[-2:] == (
        pytest.approx(2 - 1.96 * 2**0.5),
        pytest.approx(2 + 1.96 * 2**0.5),
    )


def test_normal_quantiles_are_filliben_s():
    # Filliben's medians for n = 3: 1 - 0.5^(1/3) = 0.2063, 0.5, 0.7937; their normal quantiles.
    rows = [
        (name, name, 0, 0.0, error) for name, error in zip("abc", (3.0, -1.0, 1.0), strict=True)
    ]
    frame = numbers("qq", data_of(rows))
    assert frame["error"].to_list() == [-1.0, 1.0, 3.0]
    assert frame["normal_quantile"].to_list() == pytest.approx([-0.8193, 0, 0.8193], abs=1e-3)
    assert frame["line"][1] == pytest.approx(1.0)  # their mean


def test_auc_is_how_often_the_more_severe_one_is_predicted_higher():
    # From 14: b, c and d against a. Higher than a: b and d, equal: none. 2 of 3.
    rows = [("a", "p", 0, 5.0, 10.0), ("b", "q", 0, 15.0, 12.0), ("c", "r", 0, 16.0, 8.0),
            ("d", "s", 0, 25.0, 30.0)]  # fmt: skip
    frame = numbers("roc", data_of(rows))
    first = frame.filter(pl.col("cut") == 14).row(0, named=True)
    assert first["auc"] == pytest.approx(2 / 3)
    assert (first["n_from"], first["n_below"]) == (3, 1)
    # Predicted 14 or more: d alone, one of three; a is not.
    assert (first["false_positive_at_cut"], first["true_positive_at_cut"]) == (0, 1 / 3)
    # Nobody is severe: one row without a curve.
    (severe,) = frame.filter(pl.col("cut") == 29).rows(named=True)
    assert (severe["auc"], severe["true_positive_rate"], severe["n_from"]) == (None, None, 0)


def test_a_figure_says_why_it_is_missing():
    missing = plugins.load("figures", "roc").missing
    one_band = data_of([("a", "p", 0, 5.0, 10.0), ("b", "q", 0, 6.0, 12.0)])
    assert "0 to 13 minimal" in missing(one_band)
    assert "no scale" in missing(data_of([("a", "p", 0, 5.0, 10.0)], scale=None))
    who = data_of([("a", None, 0, 5.0, 10.0), ("b", "q", 0, 6.0, 12.0)])
    assert "1 of 2 recordings" in plugins.load("figures", "persons").missing(who)


def test_persons_largest_error_first():
    # p: errors 1 and -3, mean absolute 2; q: 5. The constant 10: |10 - 2| and |10 - 4| for p.
    rows = [("a", "p", 0, 2.0, 3.0), ("b", "p", 0, 4.0, 1.0), ("c", "q", 0, 10.0, 15.0)]
    assert numbers("persons", data_of(rows)).rows() == [
        ("q", 1, 10.0, 5.0, 5.0, 0.0),
        ("p", 2, 3.0, 2.0, -1.0, 7.0),
    ]


def test_the_epoch_that_was_kept_is_the_last_best_one():
    history = pl.DataFrame(
        {"seed": [0] * 3, "fold": [0] * 3, "epoch": [1, 2, 3], "train_loss": [3.0, 2.0, 1.0],
         "dev_rmse": [5.0, 4.0, 6.0], "is_best": [1, 1, 0]}
    )  # fmt: skip
    frame = numbers("history", data_of([("a", "p", 0, 1.0, 1.0)], history=history))
    assert frame["kept"].to_list() == [0, 1, 0]


def test_sessions_and_tasks_are_counted_as_the_report_counts_them(tmp_path):
    text = "recording_id,session_id,task,truth,prediction\n"
    text += "a1,a,x,10,12\na2,a,y,10,16\nb1,b,x,20,20\nb2,b,y,20,20\n"
    path = tmp_path / "theirs.csv"
    path.write_text(text)
    (data,) = of_file(path)
    assert (data.run, data.scale, data.train_mean, len(data.points)) == ("theirs", None, None, 4)
    assert of_file(path, scale="PHQ-8")[0].scale is SCALES["PHQ-8"]
    (fused,) = of_file(path, over="sessions")
    # Session a: (12 + 16) / 2 = 14.
    assert fused.points.select("recording_id", "prediction").rows() == [("a", 14.0), ("b", 20.0)]
    assert fused.noun == "session"
    (task,) = of_file(path, train_mean=15, over="x")
    assert task.points["recording_id"].to_list() == ["a1", "b1"]
    assert task.train_mean == 15


def test_a_csv_with_several_splits_is_drawn_once_for_each(tmp_path):
    path = tmp_path / "theirs.csv"
    path.write_text("recording_id,truth,prediction,split\na,1,2,train\nb,3,4,test\nc,5,4,test\n")
    assert [(d.run, len(d.points)) for d in of_file(path)] == [
        ("theirs-train", 1),
        ("theirs-test", 2),
    ]
    assert [d.run for d in of_file(path, split="test")] == ["theirs"]


def test_a_model_that_is_fitted_at_once_has_no_curve(tmp_path):
    make_run(tmp_path / "a", epochs=1)
    make_run(tmp_path / "b")
    found = {d.run: d.history is None for d in of_runs(tmp_path, {"a", "b"})}
    assert found == {"a": True, "b": False}
