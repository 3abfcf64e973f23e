"""What verbs show: errors, tables, progress. Talk goes to stderr, data to stdout."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from deptool.errors import DeptoolError
from deptool.plain_text import plain, steady

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from deptool.report_table import Sheet

Verbose = Annotated[
    bool, typer.Option("--verbose", help="Name recordings and persons on stderr too.")
]
ASK = "--verbose says which"  # of ids that are not told

WIDE = 160  # characters of a table that is not shown on a terminal


def talk() -> Console:
    """The console on stderr."""
    from deptool.cli.plain_console import PlainConsole

    return PlainConsole(stderr=True, highlight=False)


def page() -> Console:
    """The console on stdout; wide where it is no terminal, so that no cell is cut off in a pipe."""
    from deptool.cli.plain_console import PlainConsole

    return PlainConsole(highlight=False, width=None if sys.stdout.isatty() else WIDE)


def show_error(error: DeptoolError) -> None:
    """One red line: where and what; below it, what to do."""
    from rich.markup import escape

    console = talk()
    where = f"{error.where}: " if error.where else ""
    console.print(f"[bold red]Error:[/] {escape(where + error.what)}", soft_wrap=True)
    if error.fix:
        console.print(escape(error.fix), soft_wrap=True)


def count(number: int, thing: str) -> str:
    """'1 recording', '2 recordings'."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def say(text: str) -> None:
    """One line of talk on stderr, as it is."""
    talk().print(text, markup=False, soft_wrap=True)


def write(text: str) -> None:
    """One line on stdout, as it is and never broken, so that it can be copied."""
    page().print(text, markup=False, soft_wrap=True)


def warn(text: str) -> None:
    """One yellow line of talk on stderr."""
    from rich.markup import escape

    talk().print(f"[yellow]Warning:[/] {escape(text)}", soft_wrap=True)


def warn_of_rows(rows: Sequence[Mapping[str, object]], verbose: bool, most: int = 20) -> None:
    """Warn of recordings whose row has a reason: each of them, or how many of each status."""
    bad = [row for row in rows if row["reason"]]
    for row in bad[:most] if verbose else ():
        warn(f"{row['recording_id']}: {row['status']}: {row['reason']}")
    if bad[most:] and verbose:
        warn(f"… and {len(bad) - most} more. All stand in recordings.parquet.")
    if bad and not verbose:
        kinds = Counter(str(row["status"]) for row in bad)
        shown = ", ".join(f"{n} {status}" for status, n in kinds.most_common())
        warn(f"{shown}: why stands in recordings.parquet (reason), and --verbose says it here.")


def show_json(value: object) -> None:
    """JSON on stdout; letters that would steer a terminal are written as \\uXXXX."""
    sys.stdout.write(steady(json.dumps(value, indent=2, ensure_ascii=False)) + "\n")


def write_file(text: str) -> None:
    """A file's text on stdout: as it is in a pipe, and without what would steer a terminal."""
    sys.stdout.write(plain(text) if sys.stdout.isatty() else text)


def show_marked(title: str, rows: Sequence[tuple[bool | None, str, str, str]]) -> None:
    """Lines on stdout: whether it is good (None: neither), that in a word, a name, a text.

    Colour only repeats what the sign and the word say.
    """
    from rich.table import Table
    from rich.text import Text

    signs = {True: ("✓", "green"), False: ("✗", "bold red"), None: ("!", "yellow")}
    grid = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(2):
        grid.add_column(no_wrap=True)
    grid.add_column()
    for good, word, name, text in rows:
        sign, style = signs[good]
        grid.add_row(Text(f"{sign} {word}", style), Text(name), Text(text))
    console = page()
    console.print(Text(title, "bold"))
    console.print(grid)


def show_table(
    title: str, header: Sequence[str], rows: Sequence[Sequence[object]], left: int = 1
) -> None:
    """A table on stdout; the first `left` columns are aligned left, the others right."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=escape(title), title_justify="left")
    for i, name in enumerate(header):
        table.add_column(escape(name), justify="left" if i < left else "right")
    for row in rows:
        table.add_row(*(escape("" if cell is None else str(cell)) for cell in row))
    page().print(table)


def progress(*fields: str, count: bool = True) -> Progress:
    """A progress bar on stderr with ETA; `fields` are task fields shown, `count` shows done/all."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        *([MofNCompleteColumn()] if count else []),
        *(TextColumn(f"{{task.fields[{name}]}}") for name in fields),
        TimeElapsedColumn(),
        TextColumn("ETA"),
        TimeRemainingColumn(),
        console=talk(),
    )


def show_sheet(sheet: Sheet, console: Console) -> None:
    """A table: above it what makes it worth less, below it what its numbers and marks are."""
    from rich.text import Text

    from deptool.cli.fitted import fitted
    from deptool.report_cells import without_brackets

    for text in sheet.warnings:
        console.print(Text(text, "bold red"))
    found = fitted(sheet, console)
    console.print(found.table)
    caption = sheet.caption if found.intervals else without_brackets(sheet.caption)
    if caption:
        console.print(caption, markup=False)
    if not found.intervals:
        console.print("The intervals need a wider terminal; JSON has them.")
    if found.dropped:
        console.print(f"No room for {', '.join(found.dropped)}; JSON has them.", markup=False)
    for mark, text in sheet.footnotes:
        console.print(f"{mark} {text}", markup=False)
