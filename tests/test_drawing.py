"""Figures as files, and `deptool report --figures`."""

import csv

import matplotlib as mpl
import pytest
from typer.testing import CliRunner

from deptool import plugins
from deptool.cli.main import app
from deptool.drawing import COLUMN, FORMATS, drawings, write_figures
from deptool.figure_data import of_runs
from fixtures.runs import make_run


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp("figures")
    make_run(root / "runs" / "one")
    before = dict(mpl.rcParams)
    heard = []
    for place in ("first", "second"):
        found = of_runs(root / "runs", {"one"})
        missing = write_figures(found, root / place, lambda *counts: heard.append(counts))
    assert dict(mpl.rcParams) == before
    return root, missing, heard


def test_each_figure_is_there_in_each_format_with_its_numbers(written):
    root, missing, heard = written
    names = [name.replace("-", "_") for name in plugins.names("figures")]
    files = {p.name for p in (root / "first" / "one").iterdir()}
    assert files == {f"{name}.{end}" for name in names for end in (*FORMATS, "csv")}
    assert missing == {}
    assert heard[-1] == (len(names), len(names))


def test_the_same_run_gives_the_same_bytes(written):
    root, _, _ = written
    for path in sorted((root / "first" / "one").iterdir()):
        assert path.read_bytes() == (root / "second" / "one" / path.name).read_bytes(), path.name


def test_files_fit_a_column_and_carry_their_fonts_and_no_date(written):
    root, _, _ = written
    place = root / "first" / "one"
    # The width of a PNG stands in bytes 16 to 20; 300 dots an inch.
    wide = int.from_bytes((place / "qq.png").read_bytes()[16:20], "big")
    assert wide == round(COLUMN * 300)
    pdf = (place / "qq.pdf").read_bytes()
    assert b"/FontFile2" in pdf
    assert b"/Type3" not in pdf
    assert b"Date" not in pdf
    assert "<dc:date>" not in (place / "qq.svg").read_text()


def test_a_figure_of_synthetic_data_says_so(tmp_path):
    make_run(tmp_path / "one", synthetic=True)
    make_run(tmp_path / "two")
    said = {
        data.run: {drawing.paper().get_suptitle() for drawing in drawings(data)}
        for data in of_runs(tmp_path, {"one", "two"})
    }
    assert said == {"one": {"synthetic data"}, "two": {""}}


def test_the_csv_holds_what_is_drawn(written):
    root, _, _ = written
    rows = list(csv.DictReader((root / "first/one/predicted.csv").read_text().splitlines()))
    assert len(rows) == 24
    assert float(rows[0]["truth"]) == 0


def test_the_verb_draws_beside_any_format(tmp_path, monkeypatch):
    monkeypatch.setattr("deptool.plugins.names", lambda _kind: ["history", "qq"])
    make_run(tmp_path / "runs" / "one", epochs=0)
    words = ["report", str(tmp_path / "runs"), "--json", "--figures", str(tmp_path / "out")]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("{")
    assert {p.name for p in (tmp_path / "out" / "one").iterdir()} == {
        *("qq.svg", "qq.pdf", "qq.png", "qq.csv")
    }
    assert "Not drawn, one/history: There is no history" in done.stderr
