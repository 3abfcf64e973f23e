"""Names that do something where nobody escapes them: in pages, figures, tables, a terminal."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import polars as pl
import pytest
from typer.testing import CliRunner

from deptool.card import card
from deptool.cli.main import app
from deptool.corpus import Corpus, open_corpus
from deptool.drawing import write_figures
from deptool.errors import DataError
from deptool.figure_data import of_runs
from deptool.models.depressionmlp import Settings
from deptool.plain_text import STEERING, plain
from deptool.report import report_runs
from deptool.report_formats import markdown_text, to_csv, to_latex, to_markdown
from deptool.report_html import to_html
from deptool.tables import write_json
from deptool.train import train
from deptool.view import view
from fixtures.hostile import NAMES
from fixtures.runs import make_run
from fixtures.tables import make_tables_corpus

ALL = " ".join(NAMES.values())
# What a corpus can be called: up to 200 bytes that can be printed.
UNFIT = ("end", "lines", "latex", "ansi", "override")
SHORT = " ".join(NAMES[name] for name in NAMES if name not in UNFIT)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
# What `deptool` itself puts into a page; a name must not bring one more.
ACTIVE = {"script", "img", "iframe", "object", "embed", "link", "svg", "form", "base", "video"}


class Elements(HTMLParser):
    """Active elements of a page, and attributes that run something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.active: list[str] = []
        self.handlers: list[str] = []
        self.addresses: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ACTIVE:
            self.active.append(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        self.addresses += [str(v) for k, v in attrs if k in ("href", "src", "action", "style")]


def hostile_run(root: Path, names: str, **more: Any) -> Path:
    return make_run(
        *(root,),
        **{"model": names, "corpus": names, "prefix": f"{names} ", "seeds": 1, "n": 8},
        skipped={names: names},
        corpus_notes=[names],
        title=names,
        device=names,
        **more,
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose every text is all of the names together."""
    root = tmp_path_factory.mktemp("hostile") / "runs"
    hostile_run(root / "run", ALL)
    return root


@pytest.fixture(scope="module")
def page(runs: Path) -> str:
    report = report_runs(runs)
    return to_html(report, of_runs(runs, {row.run for row in report.rows}))


def test_a_report_has_no_element_that_a_name_brought(page: str, tmp_path: Path) -> None:
    # The same run under a plain name has the same elements; no attribute runs a script.
    hostile_run(tmp_path / "runs/run", "plain")
    report = report_runs(tmp_path / "runs")
    harmless = to_html(report, of_runs(tmp_path / "runs", {row.run for row in report.rows}))
    found = Elements(page)
    assert found.active == Elements(harmless).active
    assert found.handlers == []
    assert not [a for a in found.addresses if a.startswith(("javascript:", "http"))]
    assert "49" not in re.findall(r"<title>(.*?)</title>", page)[0]  # {{7*7}} is not computed


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """A small corpus with a hostile name, whose first recording is of a hostile person."""
    made = make_tables_corpus(tmp_path_factory.mktemp("c") / "toy", n_subjects=4, seconds=8.0)
    write_json(made.root / "corpus.json", {**made.about, "name": SHORT, "note": ALL})
    made = open_corpus(made.root)
    mine = pl.col("recording_id") == "s000_0"
    made.write_recordings(
        made.recordings().with_columns(
            pl.when(mine).then(pl.lit(ALL)).otherwise(pl.col(name)).alias(name)
            for name in ("task", "reason", "extractor")
        )
    )
    return made


@pytest.fixture(scope="module")
def player(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of that recording, with what a run of a hostile corpus says of it."""
    root = tmp_path_factory.mktemp("player")
    run = train(corpus, "depressionmlp", Settings(epochs=1), seeds=[0], out=root / "run").root
    return view(corpus, "s000_0", run=run, out=root / "page.html").path


def test_a_players_page_has_no_element_that_a_name_brought(player: Path) -> None:
    found = Elements(player.read_text(encoding="utf-8"))
    assert "img" not in found.active
    assert found.active.count("script") == 3  # its data twice, and its own script
    assert found.handlers == []


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        pytest.skip("no chromium on this machine to look at the page with")
    with playwright.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=chromium, args=FLAGS)
        yield found
        found.close()


@pytest.mark.parametrize("which", ["report", "player"])
def test_in_a_browser_nothing_runs_and_nothing_is_fetched(
    which: str, page: str, player: Path, browser: Any, tmp_path: Path
) -> None:
    path = player
    if which == "report":
        path = tmp_path / "report.html"
        path.write_text(page, encoding="utf-8")
    troubles: list[str] = []
    requests: list[str] = []
    shown = browser.new_page()
    shown.on("request", lambda request: requests.append(request.url))
    shown.on("console", lambda message: troubles.append(message.text))
    shown.on("pageerror", lambda error: troubles.append(str(error)))
    shown.on("dialog", lambda dialog: troubles.append(dialog.message))
    shown.goto(path.as_uri())
    shown.wait_for_selector(".main-svg" if which == "report" else "#player:not([hidden])")
    assert NAMES["script"] in shown.inner_text("body")
    shown.close()
    assert troubles == []
    assert requests == [path.as_uri()]


def test_figures_are_drawn_and_their_svg_holds_no_script(runs: Path, tmp_path: Path) -> None:
    # One dollar sign too many is an error of matplotlib's where it reads formulas.
    found = of_runs(runs, {"run"})
    write_figures(found, tmp_path, lambda _done, _of: None, only=("persons",))
    drawn = list(tmp_path.rglob("*.svg"))
    assert drawn
    for path in drawn:
        tags = {element.tag.rpartition("}")[2] for element in ElementTree.parse(path).iter()}
        assert not tags & {"script", "image", "a", "foreignObject"}


def test_latex_has_no_command_that_a_name_brought(runs: Path) -> None:
    text = to_latex(report_runs(runs))
    assert "\\input" not in text
    # A comment would swallow the rest of its line: each % but those that end our own lines is \\%.
    lines = [line for line in text.splitlines() if not line.startswith("%")]
    assert not re.search(r"(?<!\\)%.", "\n".join(lines))


def test_markdown_keeps_its_tables_and_links_nowhere(runs: Path) -> None:
    text = to_markdown(report_runs(runs))
    assert not re.search(r"(?<!\\)\]\(", text)
    assert "<script" not in text.replace("\\<", "")
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    widths = {len(re.findall(r"(?<!\\)\|", row)) for row in rows}
    assert len(widths) == 1


def test_a_newline_in_a_cell_does_not_end_a_row_of_markdown() -> None:
    assert markdown_text("a\nb|c\x1b[0m") == "a b\\|c\ufffd\\[0m"


def test_a_card_of_hostile_names_has_no_tag(corpus: Corpus, player: Path) -> None:
    text = card(player.with_name("run"))
    assert not re.search(r"(?<!\\)<(script|img)", text)


def test_csv_keeps_ids_as_they_are(runs: Path) -> None:
    # docs/hardening.md: an id that began with a quote would join nothing.
    assert ALL in pl.read_csv(to_csv(report_runs(runs)).encode())["corpus"].to_list()


@pytest.mark.parametrize("letter", ["\x1b", "\x07", "\x9b", "\u202e", "\u2028", "\r", "\x00"])
def test_letters_that_steer_a_terminal_become_a_sign(letter: str) -> None:
    assert plain(f"a{letter}b\tc\nd") == "a\ufffdb\tc\nd"


@pytest.mark.parametrize("words", [["report"], ["report", "--json"], ["evaluate"]])
def test_a_terminal_is_not_steered(words: list[str], runs: Path) -> None:
    verb, *more = words
    done = CliRunner().invoke(app, [verb, str(runs if verb == "report" else runs / "run"), *more])
    assert done.exit_code == 0, done.output
    # Rich colours nothing here, since it is no terminal: every steering letter would be a name's.
    assert not STEERING.search(done.stdout + done.stderr)
    assert "[red]r[/red]" in done.stdout.replace("\n", "") or "--json" not in more


def test_an_error_shows_markup_and_escapes_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    from deptool.cli.terminal import show_error, show_table, warn

    show_error(DataError(NAMES["ansi"], where=NAMES["markup"], fix=NAMES["markup"]))
    warn(NAMES["markup"])
    show_table(NAMES["markup"], [NAMES["markup"]], [[NAMES["ansi"]]])
    said = capsys.readouterr()
    assert not STEERING.search(said.out + said.err)
    assert said.err.count("[red]r[/red][/]") == 3
    assert said.out.count("[red]r[/red][/]") == 2
