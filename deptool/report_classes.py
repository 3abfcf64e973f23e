"""The report's table of severity classes: accuracy, F1 and AUC of each run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from deptool.classes import class_estimates, cuts_of, names_of
from deptool.report_entries import Entry, Layout, draw_sheet, primary
from deptool.report_table import NOTES
from deptool.scales import SCALES

if TYPE_CHECKING:
    import polars as pl

    from deptool.report_table import Report, Sheet

TITLE = "Severity classes"
MEASURES = {"accuracy": "accuracy", "f1": "F1", "f1_macro": "macro F1", "auc": "AUC"}
WHAT = (
    "F1 is that of the upper of two classes, and there is none of more; macro F1 is the mean over"
    " the classes. AUC takes the predicted score itself; for more than two classes it is the mean"
    " over the cuts of the AUC of truth at or above the cut. Another dash: a class has no"
    " recording."
)
_LAYOUT = Layout(
    TITLE,
    "Scores cut into classes as they are, without rounding; a class reaches from one of"
    " the scores in the second column up to the next; the third has the recordings in each."
    f" {WHAT}",
    {"starts": "classes from", "sizes": "N of each"},
    {},
    MEASURES,
)


def entries(report: Report) -> list[Entry]:
    """One entry per run (and constant) and way to make classes of its scale."""
    found = []
    for row in primary(report, constants=True):
        assert row.scored is not None
        for cuts in cuts_of(row.scale):
            sizes = _sizes(row.scored, cuts)
            about = {
                "classes": ", ".join(names_of(row.scale, cuts)),
                "starts": ", ".join(f"{start:g}" for start in (SCALES[row.scale].low, *cuts)),
                "sizes": ", ".join(map(str, sizes)),
            }
            found.append(Entry(row, about, class_estimates(row.scored, cuts)))
    return found


def sheet(found: list[Entry]) -> Sheet:
    of_folds = any("folds" in entry.row.notes for entry in found)
    return draw_sheet(found, _LAYOUT, [("•", NOTES["folds"])] * of_folds)


def _sizes(frame: pl.DataFrame, cuts: Sequence[float]) -> list[int]:
    """Predictions per class of the truth, of the first seed."""
    import numpy as np

    truth = frame.filter(frame["seed"] == frame["seed"].min())["truth"].to_numpy()
    found: list[int] = np.bincount(np.digitize(truth, cuts), minlength=len(cuts) + 1).tolist()
    return found
