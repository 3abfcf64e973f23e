"""Tables as HTML: cells escaped, columns sorted by buttons, wide tables in a box that scrolls."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from html import escape
from typing import TYPE_CHECKING

from deptool.report_table import Line, Sheet, said_once

if TYPE_CHECKING:
    import polars as pl

SHOWN = 50  # rows of a figure's numbers on the page; the CSV has all


def sheet_table(sheet: Sheet, said: Collection[str] = ()) -> str:
    """A sheet: warnings that are not `said` already, the table with its caption, the footnotes."""
    warnings = "".join(
        f'<p class="warning">{escape(text)}</p>' for text in sheet.warnings if text not in said
    )
    sheet = said_once(sheet)
    rows = []
    for group in sheet.groups:
        for i, line in enumerate(group):
            rows.append(_row(line, sheet.n_text, starts=i == 0))
    notes = "".join(
        f"<li><sup>{escape(mark)}</sup> {escape(text)}</li>" for mark, text in sheet.footnotes
    )
    table = _table(sheet.header, sheet.n_text, rows, sheet.caption, sheet.title or "Results")
    return f"{warnings}{table}<ul class='notes'>{notes}</ul>" if notes else warnings + table


def plain_table(
    header: Sequence[str], rows: Sequence[Sequence[object]], n_text: int, label: str
) -> str:
    """Rows of values, the first `n_text` columns text; None is a dash."""
    lines = [Line(["–" if cell is None else _shown(cell) for cell in row]) for row in rows]
    cells = [_row(line, n_text, starts=False) for line in lines]
    return _table(header, n_text, cells, "", label)


def frame_table(frame: pl.DataFrame, label: str) -> str:
    """The first `SHOWN` rows of a figure's numbers."""
    kinds = list(frame.schema.values())
    n_text = next((i for i, kind in enumerate(kinds) if kind.is_numeric()), len(kinds))
    more = f"<p>The first {SHOWN} of {len(frame)} rows; the CSV has all.</p>"
    table = plain_table(frame.columns, frame.head(SHOWN).rows(), n_text, label)
    return table + more * (len(frame) > SHOWN)


def sort_key(text: str) -> float | None:
    """The number that a cell starts with: 5.1 of '5.10 ± 0.2', '5.10 [3.9, 6.2]' and '5.1 %'.

    None where it starts with none; such cells are sorted last.
    """
    found = re.match(r"[<>≤≥~]?\s*([-+−]?\d+(?:\.\d+)?(?:e[-+]?\d+)?)", text.strip())
    return float(found[1].replace("−", "-")) if found else None


def _table(
    header: Sequence[str], n_text: int, rows: Sequence[str], caption: str, label: str
) -> str:
    heads = "".join(
        f'<th scope="col"{_kind(i, n_text)} aria-sort="none"><button type="button">{escape(name)}'
        '<span class="arrow" aria-hidden="true"></span></button></th>'
        for i, name in enumerate(header)
    )
    # Not a caption element: it would be cut off where the table scrolls.
    above = f'<p class="caption">{escape(caption)}</p>' if caption else ""
    name = f'aria-label="{escape(label)}"'
    return (
        f'{above}<div class="wide" role="region" tabindex="0" {name}>'
        f'<table class="sortable" {name}><thead><tr>{heads}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _row(line: Line, n_text: int, starts: bool) -> str:
    classes = " ".join(["dim"] * line.dim + ["starts"] * starts)
    marks = "".join(f"<sup>{escape(mark)}</sup>" for mark in line.marks)
    cells = []
    for i, cell in enumerate(line.cells):
        if i == 0:
            cells.append(f'<th scope="row">{escape(cell)}{marks}</th>')
            continue
        key = sort_key(cell) if i >= n_text else None
        sort = "" if i < n_text else f' data-sort="{"" if key is None else f"{key:.12g}"}"'
        cells.append(f"<td{_kind(i, n_text)}{sort}>{escape(cell)}</td>")
    return f"<tr{f' class={chr(34)}{classes}{chr(34)}' if classes else ''}>{''.join(cells)}</tr>"


def _kind(i: int, n_text: int) -> str:
    return ' class="number"' if i >= n_text else ""


def _shown(cell: object) -> str:
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)
