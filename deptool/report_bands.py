"""The report's table of errors by severity band."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deptool.bands import by_band
from deptool.bootstrap import Estimate
from deptool.report_cells import FEW_PERSONS
from deptool.report_entries import Entry, Layout, draw_sheet, n_of, n_persons, primary

if TYPE_CHECKING:
    from deptool.report_table import Report, Sheet

TITLE = "By severity band of the truth"
_LAYOUT = Layout(
    TITLE,
    "Predicted: the mean. Bias: mean of prediction less truth, in points. Above 0 in the lowest"
    " band and below 0 in the highest: the model predicts the middle."
    f" {FEW_PERSONS}",
    {"band": "true score"},
    {"n": "N"},
    {"mean_prediction": "predicted", "bias": "bias", "mae": "MAE", "rmse": "RMSE"},
)


def entries(report: Report) -> list[Entry]:
    """One entry per run (and constant) and band of its scale."""
    found = []
    for row in primary(report, constants=True):
        assert row.scored is not None
        for band in by_band(row.scored, row.scale):
            about = {"band": band.band, "persons": n_persons(band.rows), "n": n_of(band.rows)}
            means = {
                "mean_truth": Estimate(band.mean_truth),
                "mean_prediction": Estimate(band.mean_prediction),
            }
            found.append(Entry(row, about, means | band.errors if band.errors else {}))
    return found


def sheet(found: list[Entry]) -> Sheet:
    return draw_sheet(found, _LAYOUT)
