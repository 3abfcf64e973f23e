"""The report's table of subgroups of persons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deptool.report_entries import Entry, Layout, draw_sheet, primary
from deptool.subgroups import BESIDE, FEW, LEAST, subgroups

if TYPE_CHECKING:
    from deptool.report_table import Report, Sheet

TITLE = "By gender and age"
_LAYOUT = Layout(
    TITLE,
    f"Groups of fewer than {LEAST} persons have no numbers, and where they would follow from those"
    " of the others, one more is hidden."
    " Groups can differ in how severe they are, and errors grow with that: look at the severity"
    " bands before calling a model unfair, or fair.",
    {"kind": "by", "group": "group"},
    {"persons": "persons", "n": "N"},
    {"rmse": "RMSE", "mae": "MAE", "bias": "bias"},
)


def entries(report: Report) -> list[Entry]:
    """One entry per run and group, of runs that know gender or age of their persons."""
    found = []
    for row in primary(report):
        if row.scored is None or row.subjects is None:
            continue
        for group in subgroups(row.scored, row.subjects):
            about = {
                **{"kind": group.kind, "group": group.name, "hidden": group.hidden},
                **{"persons": group.n_persons, "n": group.n},
            }
            found.append(Entry(row, about, group.errors))
    return found


def sheet(found: list[Entry]) -> Sheet:
    words: dict[object, str] = {FEW: f"fewer than {LEAST}", BESIDE: "hidden"}
    shown = [
        Entry(e.row, {**e.about, "persons": words[why]}) if (why := e.about["hidden"]) else e
        for e in found
    ]
    return draw_sheet(shown, _LAYOUT)
