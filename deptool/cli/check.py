"""`deptool check`: is every table of a corpus sound, and which recordings need a look?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.table import Table

    from deptool.breaches import Problem
    from deptool.check import CheckReport
    from deptool.limits import Measure
    from deptool.quality import Quality

PANEL = "Tables"
ORDER = 25

Failed = set[tuple[str, str]]  # recording_id and name of the measure that breaks a limit

_MANY = 50  # recordings; of more, only those that need a look are shown
_ROWS = 500  # recordings in the table, unless all are asked for: laying out one takes 1 ms
_PROBLEMS = 20  # lines of problems; --json lists all
_COLOURS = ("", "yellow", "bold red")


def command(
    corpus: Annotated[Path, typer.Argument(help="The corpus folder.")] = Path("corpus"),
    fail_if: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LIMIT",
            help="Exit with 7 if any recording is so, as in 'coverage<0.8'; repeatable.",
        ),
    ] = None,
    all: Annotated[
        bool, typer.Option("--all", help=f"Show every recording, also of more than {_MANY}.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Check a corpus: are its tables sound, and which recordings need a look?

    Reads every table once and changes nothing. Values that need a look are marked ! or !!; the
    legend says from where on. The exit code is 5 if a table is not sound, 7 if a recording
    breaks a limit.

    Example: deptool check corpus --fail-if "coverage<0.8" --fail-if "jitter_pct>2"
    """
    from deptool.check import check_corpus
    from deptool.cli import terminal
    from deptool.limits import parse_limit

    limits = [parse_limit(text) for text in fail_if or ()]
    bar, advance = _bar()
    try:
        report = check_corpus(corpus, limits, advance)
    finally:
        if bar.live.is_started:
            bar.stop()
    if json:
        terminal.show_json(asdict(report))
    else:
        _show(report, all)
    verdicts = report.verdicts()
    for error in verdicts[1:]:
        terminal.show_error(error)
    if verdicts:
        raise verdicts[0]


def _bar() -> tuple[Bar, Callable[[int, int], None]]:
    """A bar, and what moves it; it appears with the first table, and goes when all is done."""
    from deptool.cli import terminal

    bar = terminal.progress()
    bar.live.transient = True
    task = bar.add_task("Checking tables", total=None)

    def advance(done: int, of: int) -> None:
        bar.start()
        bar.update(task, completed=done, total=of)

    return bar, advance


def _show(report: CheckReport, everything: bool) -> None:
    from rich.markup import escape

    from deptool.cli import terminal

    page = terminal.page()
    marked, n = report.need_a_look(), len(report.recordings)
    wanted = report.recordings if everything or n <= _MANY else marked
    shown = wanted if everything else wanted[:_ROWS]
    title = (
        f"{report.corpus or 'A corpus'}: {terminal.count(n, 'recording')}, {len(marked)} to look at"
    )
    if shown:
        failed = {(f.recording_id, f.name) for f in report.failed}
        page.print(_fitting(title, shown, report.measures(), failed, page.width))
        page.print()
        page.print(_legend(report.measures(), bool(failed)))
    else:
        page.print(title, markup=False)
    _list(report.problems)
    for cache in report.caches:
        if cache.identifies:
            page.print(f"[{_COLOURS[1]}]Note:[/] {escape(cache.identifies)}", soft_wrap=True)
    if len(wanted) < n:
        rest = terminal.count(n - len(wanted), "recording")
        terminal.say(f"Not shown, since nothing is marked: {rest}. See --all.")
    if len(shown) < len(wanted):
        rest = terminal.count(len(wanted) - len(shown), "recording")
        terminal.say(f"Not shown, since they are too many: {rest} to look at. See --json or --all.")


def _fitting(
    title: str, shown: Sequence[Quality], measures: Sequence[Measure], failed: Failed, width: int
) -> Table:
    """The table of recordings; where it is too wide, columns without a mark are left out.

    From the right; what is left out is named below the table. Where that is not enough, what is
    marked is told in words.
    """
    from rich.console import Console
    from rich.measure import Measurement

    extra = {"jitter_px", *(name for _, name in failed)}
    columns = [m for m in measures if m.look is not None or m.name in extra]
    plain = [m for m in columns if not any(_level(q, m, failed) for q in shown)]
    wide = Console(width=10_000)
    left_out: list[str] = []
    while True:
        table = _start(title, shown, [m.name.replace("_", "\n") for m in columns])
        for quality in shown:
            _add(table, quality, [_cell(quality, m, failed) for m in columns])
        if left_out:
            table.caption = f"No room for columns without a mark: {', '.join(left_out)}"
        if Measurement.get(wide, wide.options, table).maximum <= width:
            return table
        if not plain:
            return _in_words(title, shown, columns, failed)
        columns.remove(plain[-1])
        left_out.insert(0, plain.pop().name)


def _in_words(
    title: str, shown: Sequence[Quality], columns: Sequence[Measure], failed: Failed
) -> Table:
    """The table of recordings with what is marked in one cell: 'face_px 50!!, outside 0.05!'."""
    table = _start(title, shown, ["to look at"])
    table.columns[-1].justify = "left"
    table.caption = "No room for the values themselves; a wider terminal or --json shows them."
    for quality in shown:
        marked = [m for m in columns if _level(quality, m, failed)]
        words = [f"{m.name} {_cell(quality, m, failed)}" for m in marked]
        _add(table, quality, [", ".join(words) or "–"])
    return table


def _start(title: str, shown: Sequence[Quality], header: Sequence[str]) -> Table:
    """A table without rows; with a column for the status where one is not ok."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(
        title=escape(title),
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
        collapse_padding=True,
    )
    table.add_column("recording", overflow="fold")
    if any(_status(q) != "ok" for q in shown):
        table.add_column("status", no_wrap=True)
    for name in header:
        table.add_column(name, justify="right")
    return table


def _add(table: Table, quality: Quality, cells: Sequence[str]) -> None:
    from rich.markup import escape

    status = _status(quality)
    has_status = len(table.columns) > 1 + len(cells)
    statuses = [_marked(status, 0 if status == "ok" else 2)] if has_status else []
    table.add_row(escape(quality.recording_id), *statuses, *cells)


def _cell(quality: Quality, measure: Measure, failed: Failed) -> str:
    """A value as it is shown: coloured, and with ! or !! for where there is no colour."""
    value = getattr(quality, measure.name)
    text = "–" if value is None else f"{value:.{measure.digits}f}" if value else "0"
    return _marked(text, _level(quality, measure, failed))


def _status(quality: Quality) -> str:
    """How reading the source went; 'no table' where its table is missing or not sound."""
    return "no table" if quality.n_rows is None else quality.status or "ok"


def _level(quality: Quality, measure: Measure, failed: Failed) -> int:
    """How much a value needs a look: 0, 1 or 2. What breaks a limit of the user's is 2."""
    if (quality.recording_id, measure.name) in failed:
        return 2
    return measure.level(getattr(quality, measure.name))


def _marked(text: str, level: int) -> str:
    return f"[{_COLOURS[level]}]{text}{'!' * level}[/]" if level else text


def _legend(measures: Sequence[Measure], failed: bool) -> Table:
    """What each measure is, and from where on it is marked."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=True)
    table.add_column("measure")
    table.add_column("unit")
    table.add_column("what it is")
    table.add_column(_marked("", 1), justify="right")
    table.add_column(_marked("", 2), justify="right")
    for m in measures:
        limits = ["" if v is None else f"{m.sign}{v:g}" for v in (m.look, m.bad)]
        table.add_row(m.name, m.unit, m.meaning, *limits)
    if failed:
        table.caption = "!! is also what breaks a limit of --fail-if."
        table.caption_justify = "left"
    return table


def _list(problems: Sequence[Problem]) -> None:
    """The problems on stdout; one that many files have is one line, with what to do below it."""
    from rich.markup import escape

    from deptool.cli.terminal import page

    console = page()
    counts = Counter(p.severity for p in problems)
    found = " and ".join(f"{n} {kind}{'s' if n > 1 else ''}" for kind, n in counts.items())
    console.print(f"\nIn the tables: {found or 'no problems'}.")
    same: dict[Problem, list[str]] = {}
    for problem in problems:
        same.setdefault(replace(problem, where=""), []).append(problem.where)
    lines = list(same.items())
    for i, (problem, (first, *others)) in enumerate(lines[:_PROBLEMS]):
        colour = _COLOURS[2 if problem.severity == "error" else 1]
        where = escape(first) + (f" and {len(others)} more" if others else "")
        kind = f"[{colour}]{problem.severity.capitalize()}:[/]"
        console.print(f"{kind} {where}: {escape(problem.what)}", soft_wrap=True)
        following = lines[i + 1][0].fix if i + 1 < len(lines[:_PROBLEMS]) else None
        if problem.fix and problem.fix != following:
            console.print(f"  {problem.fix}", markup=False, soft_wrap=True)
    if lines[_PROBLEMS:]:
        console.print("And more: --json lists them all.")
