"""What verbs show: errors, tables, progress. Talk goes to stderr, data to stdout."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from deptool.errors import DeptoolError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress
    from rich.table import Table

    from deptool.report_table import Sheet

WIDE = 160  # characters of a table that is not shown on a terminal
_TEXT = 10  # characters to which a column of text is broken before a table gives up its intervals


def talk() -> Console:
    """The console on stderr."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def page() -> Console:
    """The console on stdout; wide where it is no terminal, so that no cell is cut off in a pipe."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)


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


def show_json(value: object) -> None:
    """JSON on stdout."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


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

    table = Table(title=title, title_justify="left")
    for i, name in enumerate(header):
        table.add_column(name, justify="left" if i < left else "right")
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

    for text in sheet.warnings:
        console.print(Text(text, "bold red"))
    table, complete = _fitted(sheet, console)
    console.print(table)
    if sheet.caption:
        console.print(sheet.caption, markup=False)
    if not complete:
        console.print("The intervals need a wider terminal; CSV and JSON have them.")
    for mark, text in sheet.footnotes:
        console.print(f"{mark} {text}", markup=False)


def _fitted(sheet: Sheet, console: Console) -> tuple[Table, bool]:
    """A sheet as a table, and whether its intervals are there.

    Where it is too wide, what all lines share moves into the title, then intervals move below
    their numbers, then the table loses its frame and texts are broken; at last the intervals go.
    """
    lines = [line.cells for line in sheet.lines]
    shared = {i for i in range(1, sheet.n_text) if len({cells[i] for cells in lines}) == 1}
    said = [f"{sheet.header[i]} {lines[0][i]}" for i in sorted(shared) if lines[0][i]]
    table = _draw(sheet, sheet.title)
    if _width(table, console) > console.width:
        short = ", ".join([sheet.title, *said] if sheet.title else said)
        for between, framed in ((" ", True), ("\n", True), ("\n", False), (None, False)):
            table = _draw(sheet, short, shared, framed, between)
            if _width(table, console, least=not framed) <= console.width:
                break
        has = any(_broken(c, None) != c for cells in lines for c in cells[sheet.n_text :])
        return table, between is not None or not has
    return table, True


def _width(table: Table, console: Console, least: bool = False) -> int:
    """Characters that a table takes unbroken; or with `least`, with texts broken at `_TEXT`."""
    from rich.measure import Measurement

    if not least:
        return Measurement.get(console, console.options.update(width=1000), table).maximum
    texts = (max(len(str(c)) for c in (t.header, *t.cells)) for t in table.columns)
    widths = (
        column.min_width or min(text, _TEXT)
        for column, text in zip(table.columns, texts, strict=True)
    )
    return sum(widths) + 2 * (len(table.columns) - 1)


def _draw(
    sheet: Sheet,
    title: str,
    without: Collection[int] = (),
    framed: bool = True,
    between: str | None = " ",
) -> Table:
    """`between` a number and its interval; None leaves the interval out."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    frame = box.HEAVY_HEAD if framed else box.SIMPLE_HEAD
    table = Table(
        title=escape(title) or None,
        title_justify="left",
        box=frame,
        pad_edge=framed,
        show_edge=framed,
        collapse_padding=not framed,
    )
    columns = [[name] for name in sheet.header]
    for line in sheet.lines:
        for i, cell in enumerate(line.cells):
            columns[i].append(cell if i < sheet.n_text else _broken(cell, between))
    for i, name in enumerate(sheet.header):
        if i not in without:
            if i < sheet.n_text:
                table.add_column(name, overflow="fold")  # a mark at the end must not be cut off
            else:
                widest = max(len(part) for cell in columns[i] for part in cell.split("\n"))
                table.add_column(name, justify="right", no_wrap=True, min_width=widest)
    rows = iter(zip(*(cells[1:] for cells in columns), strict=True))
    for group in sheet.groups:
        for line in group:
            shown = [escape(cell) for i, cell in enumerate(next(rows)) if i not in without]
            shown[0] += "".join(line.marks)
            table.add_row(*shown, style="dim" if line.dim else None)
        table.add_section()
    return table


def _broken(cell: str, between: str | None) -> str:
    """'5.10 [3.9, 6.2]' with something else before the bracket, or without the interval."""
    value, bracket, interval = cell.partition(" [")
    return value if between is None or not bracket else f"{value}{between}[{interval}"
