"""The report's further tables, its intervals, and its plots."""

import io
import json
import re
from dataclasses import replace

import polars as pl
import pytest
from rich.console import Console
from typer.testing import CliRunner

from deptool import tables
from deptool.cli.main import app
from deptool.cli.terminal import show_sheet
from deptool.errors import DataError, UsageError
from deptool.metrics import ccc
from deptool.report import report_file, report_runs
from deptool.report_formats import sheets, to_json, to_latex, to_markdown
from deptool.report_plots import band_lines, scatter_lines
from deptool.report_sheets import further_objects
from deptool.report_table import Line, Sheet
from deptool.schema import SUBJECTS
from tests.test_report import TRUTH, write_csv, write_run, write_tasks


def write_seen(root, n_seen=12, model="gmlp", **about):
    """Test recordings r0 … r39, off by 1 where the person is in train (the first), else by 4."""
    rows = [
        {
            **{"recording_id": f"r{i}", "subject_id": f"p{i}", "truth": TRUTH[i]},
            **{"prediction": TRUTH[i] + (1 if i < n_seen else 4)},
        }
        for i in range(40)
    ]
    for split, start, end in (("train", 0, n_seen // 2), ("dev", n_seen // 2, n_seen)):
        rows += [
            {"recording_id": f"{split}{i}", "subject_id": f"p{i}", "split": split}
            for i in range(start, max(end, start + 1) if n_seen else start)
        ]
    rows += [{"recording_id": "x", "subject_id": "x", "split": "train"}]
    write_run(root, model=model, rows=rows, **{"protocol": "official"} | about)


def objects(report, key):
    return further_objects(report)[key]


def test_rows_have_an_interval_of_every_metric(tmp_path):
    write_run(tmp_path / "a")
    constant, model = report_runs(tmp_path).rows
    assert set(model.intervals) == {"rmse", "mae", "ccc", "pcc", "r2", "smape"}
    assert "ccc" not in constant.intervals  # a constant has none
    drawn = model.intervals["ccc"]
    assert drawn.low <= ccc(TRUTH, [t + 1 for t in TRUTH]) <= drawn.high
    assert (drawn.n_units, drawn.unit) == (40, "person")
    # All errors are 1, and so are both ends of the interval.
    assert "| 1.00 \\[1.0, 1.0\\] |" in to_markdown(report_runs(tmp_path))


def test_where_recordings_not_known_or_few_it_is_said(tmp_path):
    rows = "recording_id,truth,prediction\na,1,2\nb,3,5\n"
    model = report_file(write_csv(tmp_path, rows)).rows[1]
    assert {"unit", "thin"} <= set(model.notes)
    assert model.intervals["mae"].unit == "recording"
    write_run(tmp_path / "a")
    assert report_runs(tmp_path).rows[1].notes == ()


def test_official_runs_stand_in_three_parts_beside_those_of_other_protocols(tmp_path):
    write_seen(tmp_path / "a")
    write_run(tmp_path / "b", protocol="group-kfold:5", off=3.0)
    write_seen(tmp_path / "c", model="lstm")
    found = objects(report_runs(tmp_path), "protocols")
    shown = [(e["model"], e["protocol"], e["recordings"], e["n"]) for e in found]
    assert shown[:4] == [
        ("gmlp (a)", "official", "all", 40),
        ("gmlp (a)", "official", "clean", 28),
        ("gmlp (a)", "official", "seen", 12),
        ("gmlp (b)", "group-kfold:5", "all", 40),
    ]
    assert [e["mae"]["value"] for e in found[:4]] == pytest.approx([3.1, 4, 1, 3])
    (sheet,) = [s for s in sheets(report_runs(tmp_path)) if "protocols" in s.title]
    ((_, said),) = sheet.footnotes
    assert "is here of lstm." in said
    assert "deptool train CORPUS --model lstm --scale BDI-II --protocol group-kfold:5" in said


def test_recordings_met_fold_by_fold(tmp_path):
    # q is tested in fold 1 and trained on in fold 0: nobody is met.
    people = [("p", 0, "test"), ("q", 0, "train"), ("q", 1, "test"), ("p", 1, "train")]
    rows = [
        {"recording_id": f"r{who}", "subject_id": who, "fold": fold, "split": split}
        for who, fold, split in people
    ]
    write_run(tmp_path / "a", rows=rows, protocol="official")
    parts = {e["recordings"]: e["n"] for e in objects(report_runs(tmp_path), "protocols")}
    assert parts == {"all": 2, "clean": 2, "seen": 0}


def test_bands_shrinkage_and_classes_are_of_each_run(tmp_path):
    rows = [{"recording_id": f"r{i}", "subject_id": f"p{i}", "truth": TRUTH[i],
             "prediction": 10 + TRUTH[i] / 2} for i in range(40)]  # fmt: skip
    write_run(tmp_path / "a", rows=rows)
    report = report_runs(tmp_path)
    bands = [e for e in objects(report, "bands") if not e["constant"]]
    assert (bands[0]["band"], bands[0]["n"]) == ("0 to 13 minimal", 14)
    assert bands[0]["bias"]["value"] == pytest.approx(10 - 6.5 / 2)  # mean truth 6.5
    (shrunk,) = objects(report, "shrinkage")
    assert shrunk["slope"]["value"] == pytest.approx(0.5)
    assert "extremes are pulled to the middle" in shrunk["sentence"]
    classes = [e for e in objects(report, "classes") if not e["constant"]]
    # The prediction is 14 or more from truth 8 on: 8 to 13 are wrong, 6 of 40.
    assert [(e["classes"], e["sizes"]) for e in classes] == [
        ("0–13, 14–63", "14, 26"),
        ("0–13, 14–19, 20–28, 29–63", "14, 6, 9, 11"),
    ]
    assert classes[0]["accuracy"]["value"] == pytest.approx(34 / 40)
    assert classes[1]["auc"]["value"] == 1


def test_a_run_that_knows_its_persons_has_subgroups(tmp_path):
    write_run(tmp_path / "a")
    assert objects(report_runs(tmp_path), "subgroups") == []
    people = {"subject_id": [f"p{i}" for i in range(40)], "gender": ["female"] * 15 + ["male"] * 25}
    frame = pl.DataFrame(people | {"age": [33.0] * 40})
    tables.write_table(tmp_path / "a" / "subjects.parquet", SUBJECTS, frame)
    found = objects(report_runs(tmp_path), "subgroups")
    shown = [(e["kind"], e["group"], e["persons"]) for e in found]
    assert shown == [*(("gender", "female", 15), ("gender", "male", 25)), ("age", "30 to 44", 40)]
    frame = frame.with_columns(gender=pl.Series(["female"] * 5 + ["male"] * 35))
    tables.write_table(tmp_path / "a" / "subjects.parquet", SUBJECTS, frame)
    report = report_runs(tmp_path)
    hidden = [e for e in objects(report, "subgroups") if e["kind"] == "gender"]
    assert [e["hidden"] is not None and "rmse" not in e for e in hidden] == [True, True]
    assert "fewer than 10" in to_markdown(replace(report, full=True))


def test_a_csv_can_say_gender_age_and_scale(tmp_path):
    head = "recording_id,truth,prediction,subject_id,gender,age\n"
    rows = "".join(
        f"r{i},{min(i, 27)},{i + 1},p{i},{'f' if i % 2 else 'Male'},44\n" for i in range(30)
    )
    path = write_csv(tmp_path, head + rows)
    report = report_file(path)
    assert objects(report, "bands") == []
    words = ["report", "--predictions", str(path), "--full"]
    assert "--scale BDI-II" in CliRunner().invoke(app, words).stderr
    assert CliRunner().invoke(app, [*words, "--scale", "PHQ-9"]).stderr == ""
    assert [e["persons"] for e in objects(report, "subgroups")] == [15, 15, 30]
    scaled = report_file(path, scale="PHQ-9")
    assert len(objects(scaled, "bands")) == 2 * 5
    assert scaled.rows[0].scale == "PHQ-9"
    with pytest.raises(UsageError, match="unknown scale 'PHQ'"):
        report_file(path, scale="PHQ")
    with pytest.raises(DataError, match=r"scale's range \(5 rows\): line 27: '25' on PHQ-8, which"):
        report_file(path, scale="PHQ-8")  # truths to 27; it ends at 24
    wrong = "a,1,2,p,f,3\nb,1,2,p,m,3\nc,1,2,,f,3\n"
    with pytest.raises(DataError, match=r"subject_id is missing .* line 4: gender 'f'"):
        report_file(write_csv(tmp_path, head + wrong))
    with pytest.raises(DataError, match=r"female \(line 2\), male \(line 3\)"):
        report_file(write_csv(tmp_path, head + wrong.rsplit("c,")[0]))


def test_a_synthetic_corpus_marks_its_rows(tmp_path):
    write_run(tmp_path / "a", synthetic=True)
    report = report_runs(tmp_path)
    assert [row.notes[-1] for row in report.rows] == ["synthetic"] * 2
    assert "† The corpus is synthetic" in to_markdown(report)


def test_full_shows_every_table_with_a_title_and_json_has_them_always(tmp_path):
    write_tasks(tmp_path / "runs" / "a", protocol="official")
    report = report_runs(tmp_path / "runs")
    assert [bool(s.title) for s in sheets(report, full=False)] == [False]
    titles = [s.title for s in sheets(report)]
    assert [t.split(" (")[0] for t in titles[1:]] == [
        "The same model under other protocols",
        "By severity band of the truth",
        "Regression to the mean",
        "Severity classes",
    ]
    for sheet in sheets(report):
        assert all(len(line.cells) == len(sheet.header) for line in sheet.lines)
    value = json.loads(to_json(report))
    assert set(value) >= {"protocols", "bands", "shrinkage", "classes", "subgroups", "intervals"}
    # Of the ways to count, the further tables take the first: all recordings.
    assert {e["over"] for e in value["bands"]} == {"all recordings"}
    for words, n in (([], 1), (["--full"], 5)):
        out = CliRunner().invoke(
            app, ["report", str(tmp_path / "runs"), "--format", "latex", *words]
        )
        assert out.stdout.count(r"\begin{table}") == n
    assert "Regression to the mean" not in to_latex(report)


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_no_table_is_wider_than_the_terminal_and_no_number_is_cut(tmp_path, width):
    write_seen(tmp_path / "a", model="depressionmlp")
    write_run(tmp_path / "b", seeds=(0, 1, 2), protocol="official")
    text = io.StringIO()
    for sheet in sheets(report_runs(tmp_path)):
        show_sheet(sheet, Console(file=text, width=width))
    lines = text.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert "…" not in text.getvalue()


def test_plots_are_shown_where_they_are_asked_for_and_have_no_control_codes(tmp_path):
    write_run(tmp_path / "a")
    plain = CliRunner().invoke(app, ["report", str(tmp_path)]).stdout
    assert "Mean prediction by severity band" not in plain  # it is no terminal
    shown = CliRunner().invoke(app, ["report", str(tmp_path), "--plot"]).stdout
    assert "Mean prediction by severity band of the truth (BDI-II):" in shown
    # Truth plus 1 in each of the bands: means 6.5, 16.5, 24, 34, and the slope is 1.
    assert re.search(r"gmlp +\S{4} +7\.5 +17\.5 +25\.0 +35\.0  slope 1\.00", shown)
    assert "└────" in shown
    assert "\x1b" not in shown


def test_a_command_in_latex_keeps_its_two_hyphens(tmp_path):
    write_seen(tmp_path / "a")
    shown = to_latex(replace(report_runs(tmp_path), full=True))
    assert "deptool train CORPUS -{}-model gmlp" in shown


def test_bands_and_parts_of_fewer_than_5_persons_have_counts_alone(tmp_path):
    # Bands 0 to 13: 14 persons, 14 to 19: 6, 20 to 28: the 4 of 20 to 23; above: none. Of 4 seen.
    rows = [{"recording_id": f"r{i}", "subject_id": f"p{i}", "truth": TRUTH[i],
             "prediction": TRUTH[i] + 1} for i in range(24)]  # fmt: skip
    rows += [{"recording_id": f"t{i}", "subject_id": f"p{i}", "split": "train"} for i in range(4)]
    write_run(tmp_path / "a", rows=rows, protocol="official")
    report = report_runs(tmp_path)
    bands = [e for e in objects(report, "bands") if not e["constant"]]
    assert [(e["n"], "bias" in e) for e in bands] == [(14, True), (6, True), (4, False), (0, False)]
    parts = {e["recordings"]: (e["n"], "mae" in e) for e in objects(report, "protocols")}
    assert parts == {"all": (24, True), "clean": (20, True), "seen": (4, False)}
    shown = to_markdown(replace(report, full=True))
    assert "| gmlp | 20 to 28 moderate | 4 | – | – | – | – |" in shown
    assert "| gmlp | official | seen | 4 | 4 | – | – | – |" in shown
    assert shown.count("Fewer than 5 persons: only how many") == 2
    (line,) = [line for line in band_lines(report) if "gmlp" in line]
    assert re.search(r"7\.5 +17\.5 +– +–  slope", line)


@pytest.mark.parametrize("width", [40, 60, 80])
def test_names_with_their_marks_stay_whole_where_a_table_is_narrow(tmp_path, width):
    write_run(tmp_path / "a", model="depressionmlp", n=10, seeds=(0, 1), protocol="group-kfold:5")
    write_run(tmp_path / "b", model="gmlp", protocol="official")
    first = sheets(report_runs(tmp_path))[0]
    text = io.StringIO()
    show_sheet(first, Console(file=text, width=width))
    shown = text.getvalue()
    (line,) = [line for line in first.lines if line.cells[0] == "depressionmlp"]
    assert f"\ndepressionmlp{''.join(line.marks)} " in shown
    assert "kfold:5" in shown  # broken after the hyphen, if at all
    # The caption speaks of brackets where there are some, else it says who has them.
    assert ("In brackets" in shown) == ("[1.5" in shown) == ("JSON has them" not in shown)


def test_numbers_for_which_there_is_no_room_are_named():
    line = Line(["name", "12.34 ± 0.10", "12.34", "0.12"])
    text = io.StringIO()
    show_sheet(
        Sheet("", ["model", "RMSE", "MAE", "CCC"], 1, [[line]]), Console(file=text, width=16)
    )
    assert "No room for MAE," in text.getvalue()
    assert "\nname    12.34\n       ± 0.10\n" in text.getvalue()


def test_runs_of_one_model_are_told_apart_in_every_table_and_plot(tmp_path):
    write_run(tmp_path / "ridge", model="ridge")
    write_run(tmp_path / "ridge-off", model="ridge", n=35)  # other recordings: another group
    report = report_runs(tmp_path)
    names = ["ridge (ridge)", "ridge (ridge-off)"]
    assert [row.model for row in report.rows if not row.constant] == names
    for sheet in sheets(report):
        assert {line.cells[0] for line in sheet.lines if not line.dim} == set(names), sheet.title
    (notes,) = [s.footnotes for s in sheets(report) if s.title.startswith("Regression")]
    assert [text.split(":")[0] for _, text in notes] == names
    assert [line.split("  ")[1] for line in band_lines(report)[-2:]] == names
    assert [line for line in scatter_lines(report, 30) if "ridge" in line] == names


def test_a_long_name_in_a_plot_is_cut_in_the_middle_so_that_its_run_stays(tmp_path):
    for run in ("one", "two"):
        write_run(tmp_path / run, model="a-model-of-a-very-long-name")
    shown = [line.split("  ")[1] for line in band_lines(report_runs(tmp_path))[-2:]]
    assert shown == ["a-model-of-…g-name (one)", "a-model-of-…g-name (two)"]
