"""A sheet as a table that fits the terminal: no name, mark or number is cut, whatever gives way."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from deptool.report_table import Line, Sheet

_LEAST = 8  # characters of a name's line where even its words do not fit


@dataclass(frozen=True)
class Fitted:
    """The table; whether its intervals are there, and the numbers for which there is no room."""

    table: Table
    intervals: bool = True
    dropped: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Way:
    """How a sheet is drawn.

    What stands between a number and its interval (None: there is none) and its SD; whether the
    table has a frame, and texts are broken between words, and stand below each other.
    """

    interval: str | None = " "
    sd: str = " "
    framed: bool = True
    broken: bool = False
    stacked: bool = False


# From wide to narrow. Names stay; intervals give way only where they fit nowhere.
_WAYS = (
    _Way(),
    _Way("\n"),
    _Way("\n", framed=False, broken=True),
    _Way("\n", framed=False, broken=True, stacked=True),
    _Way("\n", "\n", framed=False, broken=True, stacked=True),
    _Way(None, framed=False, broken=True),
    _Way(None, framed=False, broken=True, stacked=True),
    _Way(None, "\n", framed=False, broken=True, stacked=True),
)


def fitted(sheet: Sheet, console: Console) -> Fitted:
    """The widest drawing that fits; what all lines share moves into the title of all but the first.

    Where nothing fits, numbers are left out from the right, and at last names are broken.
    """
    table = _draw(sheet, sheet.title, (), _WAYS[0], console.width)
    if table:
        return Fitted(table)
    lines = [line.cells for line in sheet.lines]
    shared = {i for i in range(1, sheet.n_text) if len({cells[i] for cells in lines}) == 1}
    said = [f"{sheet.header[i]} {lines[0][i]}" for i in sorted(shared) if lines[0][i]]
    title = ", ".join([sheet.title, *said] if sheet.title else said)
    has = any(" [" in cell for cells in lines for cell in cells[sheet.n_text :])
    for way in _WAYS:
        table = _draw(sheet, title, shared, way, console.width)
        if table:
            return Fitted(table, way.interval is not None or not has)
    for last in range(len(sheet.header) - 1, sheet.n_text, -1):
        table = _draw(sheet, title, {*shared, *range(last, len(sheet.header))}, way, console.width)
        if table:
            return Fitted(table, not has, tuple(sheet.header[last:]))
    gone = range(sheet.n_text + 1, len(sheet.header))
    table = _draw(sheet, title, {*shared, *gone}, way, console.width, force=True)
    assert table
    return Fitted(table, not has, tuple(sheet.header[i] for i in gone))


def _draw(
    sheet: Sheet, title: str, without: Collection[int], way: _Way, width: int, force: bool = False
) -> Table | None:
    """The table, or None where it is wider than that; with `force` names are broken anywhere."""
    texts = [i for i in range(sheet.n_text) if i not in without]
    numbers = [i for i in range(sheet.n_text, len(sheet.header)) if i not in without]
    head, *body = ([list(sheet.header)], *([[*_marked(line)] for line in g] for g in sheet.groups))
    rows = [row for group in (head, *body) for row in group]
    columns = [[row[i] for row in rows] for i in texts]
    if way.stacked:
        columns = [["\n".join(filter(None, cells)) for cells in zip(*columns, strict=True)]]
    cells = [[_broken(row[i], way) for row in rows] for i in numbers]
    gaps = (
        3 * (len(columns) + len(cells)) + 1 if way.framed else 2 * (len(columns) + len(cells) - 1)
    )
    room = width - gaps - sum(map(_longest, cells))
    widest = [_longest(column) for column in columns]
    least = [_longest_piece(column) for column in columns] if way.broken else widest
    if sum(least) > room:
        if not force:
            return None
        least = [max(_LEAST, room // len(least))] * len(least)
    columns = [
        [_wrapped(cell, size) for cell in column]
        for column, size in zip(columns, _shared_out(least, widest, room), strict=True)
    ]
    styles = ["dim" if line.dim else None for group in sheet.groups for line in group]
    return _table(title, [*columns, *cells], len(columns), styles, list(map(len, body)), way.framed)


def _table(
    title: str,
    columns: Sequence[Sequence[str]],
    n_text: int,
    styles: Sequence[str | None],
    sizes: Sequence[int],
    framed: bool,
) -> Table:
    """Columns of cells, their header first -> the table, with `sizes` lines in each section."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(
        title=escape(title) or None,
        title_justify="left",
        box=box.HEAVY_HEAD if framed else box.SIMPLE_HEAD,
        pad_edge=framed,
        show_edge=framed,
        collapse_padding=not framed,
    )
    for i, column in enumerate(columns):
        table.add_column(
            escape(column[0]),
            justify="left" if i < n_text else "right",
            no_wrap=True,
            min_width=_longest(column),
        )
    rows = iter(zip(*(column[1:] for column in columns), styles, strict=True))
    for size in sizes:
        for _ in range(size):
            *cells, style = next(rows)
            table.add_row(*(escape(cell or "") for cell in cells), style=style)
        table.add_section()
    return table


def _marked(line: Line) -> Sequence[str]:
    first, *others = line.cells
    return [first + "".join(line.marks), *others]


def _shared_out(least: Sequence[int], widest: Sequence[int], room: int) -> list[int]:
    """What each column of text gets of the room: its least, then from the left what it can use."""
    spare = max(0, room - sum(least))
    found = []
    for low, high in zip(least, widest, strict=True):
        more = min(spare, max(0, high - low))
        found.append(low + more)
        spare -= more
    return found


def _longest(column: Sequence[str]) -> int:
    return max(len(part) for cell in column for part in cell.split("\n"))


def _longest_piece(column: Sequence[str]) -> int:
    """The longest part of a cell that is not to be broken: a break is at a space or hyphen."""
    return max(len(part) for cell in column for part in re.split(r"\s|(?<=-)", cell))


def _wrapped(cell: str, width: int) -> str:
    """Broken at spaces and after hyphens, elsewhere only where a piece is longer than `width`."""
    return "\n".join(
        line
        for part in cell.split("\n")
        for line in textwrap.wrap(part, width, break_on_hyphens=True) or [""]
    )


def _broken(cell: str, way: _Way) -> str:
    """'5.10 ± 0.31 [3.9, 6.2]' with something else before SD and interval, or no interval."""
    value, bracket, interval = cell.partition(" [")
    value = value.replace(" ± ", f"{way.sd}± ")
    return value if way.interval is None or not bracket else f"{value}{way.interval}[{interval}"
