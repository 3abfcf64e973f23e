"""The report's table of regression to the mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deptool.bootstrap import estimates
from deptool.report_entries import Entry, Layout, draw_sheet, primary
from deptool.shrinkage import shrinkage

if TYPE_CHECKING:
    from deptool.report_table import Report, Sheet

TITLE = "Regression to the mean"
_LAYOUT = Layout(
    TITLE,
    "Slope: points that the prediction moves per point of truth (least squares). SD ratio: standard"
    " deviation of the predictions over that of the truths. A model that predicts the expected"
    " score as well as it can has a slope of PCC squared and an SD ratio of PCC; 1 and 1 is"
    " perfect, 0 and 0 a constant.",
    {},
    {},
    {"slope": "slope", "sd_ratio": "SD ratio", "pcc": "PCC", "bias": "bias"},
)


def entries(report: Report) -> list[Entry]:
    """One entry per run."""
    found = []
    for row in primary(report):
        assert row.scored is not None
        shrunk = shrinkage(row.scored)
        others = estimates(row.scored, ("pcc", "bias"))
        numbers = {"slope": shrunk.slope, "sd_ratio": shrunk.sd_ratio, **others}
        found.append(Entry(row, {"sentence": shrunk.sentence}, numbers))
    return found


def sheet(found: list[Entry]) -> Sheet:
    said = [("•", f"{e.row.model}: {e.about['sentence']}.") for e in found]
    return draw_sheet(found, _LAYOUT, list(dict.fromkeys(said)))
