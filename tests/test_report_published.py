"""What others published, beside the runs of a report."""

import csv
import io
import json
from decimal import Decimal

import pytest
from rich.console import Console
from typer.testing import CliRunner

from deptool.cli.main import app
from deptool.cli.terminal import show_sheet
from deptool.errors import UsageError
from deptool.over import ALL
from deptool.published import PublishedRow, published
from deptool.report import report_runs
from deptool.report_formats import sheets, to_csv, to_json, to_latex, to_markdown
from deptool.report_published import Published, published_sheet, with_published
from deptool.report_table import METRICS, Report, Row
from tests.test_report import write_run, write_tasks


def a_row(key="k", n=50, set="test", **other):
    default = {"method": f"method {key}", "year": 2020, "modality": "video", "corpus": "avec2014"}
    default |= {"unit": "", "rmse": Decimal("7.1"), "mae": None, "ccc": None, "pcc": None}
    default |= {"source": "Paper A", "caveats": ()}
    return PublishedRow(**default | {"key": key, "n": n, "set": set} | other)


def a_report(*rows, n=50, split="test"):
    values = dict.fromkeys(METRICS, (0.5, None))
    run = Row(*("m", "r", "c", "BDI-II", "corpus", split), ALL, False, n, n, None, 1, values)
    found = Published("avec2014", rows, frozenset({(split, n)}))
    return Report(((run,),), {}, published=found)


def test_rows_of_unknown_or_other_n_or_part_are_dim():
    rows = [a_row(), a_row(n=None), a_row(n=100), a_row(set="dev"), a_row(set="")]
    lines = published_sheet(a_report(*rows).published).lines
    assert [line.dim for line in lines] == [False, True, True, True, True]
    said = json.loads(to_json(a_report(*rows)))["published"]["rows"]
    assert [row["n_as_in_a_run"] for row in said] == [True, False, False, False, False]


def test_caveats_are_numbered_as_they_come_and_sources_lettered():
    rows = [
        a_row("x", caveats=("quoted",), source="Paper B; Paper A"),
        a_row("y", caveats=("unreviewed", "quoted"), source="Paper A"),
    ]
    sheet = published_sheet(a_report(*rows).published)
    assert [line.cells[0] for line in sheet.lines] == ["method x [1]", "method y [1, 2]"]
    assert [line.cells[5] for line in sheet.lines] == ["A, B", "B"]
    assert [mark for mark, _ in sheet.footnotes] == ["A", "B", "[1]", "[2]"]
    assert dict(sheet.footnotes)["A"] == "Paper B"
    assert "without a reviewed paper" in dict(sheet.footnotes)["[2]"]


def test_more_sources_than_letters_have_two_letters():
    rows = [a_row(str(i), source=f"Paper {i}") for i in range(28)]
    marks = [mark for mark, _ in published_sheet(a_report(*rows).published).footnotes]
    assert marks[25:] == ["Z", "AA", "AB"]


def test_numbers_are_shown_as_they_were_printed():
    row = a_row(rmse=Decimal("7.10"), mae=None, ccc=Decimal("0.8"), n=None)
    sheet = published_sheet(a_report(row).published)
    assert list(sheet.lines[0].cells[-5:]) == ["–", "7.10", "–", "0.8", "–"]
    line = list(csv.DictReader(io.StringIO(to_csv(a_report(row)))))[-1]
    assert (line["rmse"], line["mae"], line["n"]) == ("7.10", "", "")
    said = json.loads(to_json(a_report(row)))["published"]["rows"][0]
    assert (said["rmse"], said["mae"], said["year"]) == (7.1, None, 2020)


def test_the_published_table_is_the_last_in_every_format():
    row = a_row(method="A_B & C", source="Paper A", caveats=("quoted",))
    report = a_report(row)
    markdown, latex = to_markdown(report), to_latex(report)
    assert markdown.rindex("A\\_B & C \\[1\\]") > markdown.index("| m | c |")
    assert latex.rindex(r"A\_B \& C [1]") > latex.index("m & c &")
    assert latex.count(r"\begin{table}") == latex.count(r"\end{table}") == 2
    rows = [line for line in markdown.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in rows} == {12}
    for text in (markdown, latex):
        assert "Paper A" in text
        assert "Read in a comparison table" in text
    last = list(csv.DictReader(io.StringIO(to_csv(report))))[-1]
    assert (last["model"], last["source"], last["notes"]) == ("A_B & C", "Paper A", "quoted")
    text = io.StringIO()
    for sheet in sheets(report):
        show_sheet(sheet, Console(file=text, width=160))
    assert text.getvalue().index("Computed") < text.getvalue().index("A_B & C [1]")


def test_without_published_rows_the_csv_has_no_columns_for_them(tmp_path):
    write_run(tmp_path / "a")
    report = report_runs(tmp_path)
    assert "source" not in to_csv(report)
    assert "published" not in json.loads(to_json(report))


@pytest.mark.parametrize("format", ["rich", "markdown", "latex", "csv", "json"])
def test_the_verb_shows_all_published_rows(tmp_path, format):
    write_tasks(tmp_path / "a", corpus="avec2014")
    words = ["report", str(tmp_path), "--published", "AVEC2014", "--format", format]
    shown = CliRunner().invoke(app, words)
    assert shown.exit_code == 0
    for row in published("avec2014"):
        assert row.method.split(" (")[0].replace("&", r"\&") in shown.stdout


def test_results_on_another_scale_than_a_run_are_said_not_to_compare(tmp_path):
    # AVEC is scored in points of BDI-II, DAIC in points of PHQ-8.
    write_run(tmp_path / "a")
    runs = report_runs(tmp_path)
    assert not published_sheet(with_published(runs, "avec2014").published).warnings
    found = with_published(runs, "daic-woz")
    said = "in points of PHQ-8, runs above in points of BDI-II"
    assert said in published_sheet(found.published).warnings[0]
    assert found.published.sizes == frozenset()  # no row is like such a run, whatever its N
    assert all(said in write(found) for write in (to_markdown, to_latex, to_json))
    write_run(tmp_path / "b", scale="")  # nobody knows
    assert len(with_published(report_runs(tmp_path), "avec2013").published.warnings) == 0


def test_a_corpus_without_published_results_is_a_usage_error():
    with pytest.raises(UsageError, match="avec2015"):
        with_published(Report((), {}), "avec2015")
