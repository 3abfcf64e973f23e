"""Errors by severity band of the truth: does a model only predict the middle?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from deptool.bootstrap import Estimate, estimates, too_few
from deptool.scales import SCALES

if TYPE_CHECKING:
    import polars as pl

MEASURES = ("bias", "mae", "rmse")


@dataclass(frozen=True)
class BandErrors:
    """The scored rows whose truth is in one band; `mean_prediction` (points) and `bias` of them.

    Bias is the mean of prediction less truth. Means are None and errors empty where the band has
    too few persons: they would tell of single ones.
    """

    band: str
    rows: pl.DataFrame
    mean_truth: float | None
    mean_prediction: float | None
    errors: dict[str, Estimate]


def by_band(frame: pl.DataFrame, scale: str) -> list[BandErrors]:
    """Scored rows (recording x fold x seed) -> each band of the scale, from the lowest.

    Intervals draw the persons of the band alone. Empty for no scale. A band of fewer than
    `bootstrap.FEW_UNITS` persons has its rows, and no numbers.
    """
    import polars as pl

    if scale not in SCALES:
        return []
    known = SCALES[scale]
    place = np.digitize(frame["truth"].to_numpy(), [first for first, _ in known.bands[1:]])
    found = []
    for k, label in enumerate(known.labels()):
        rows = frame.filter(pl.Series(place == k))
        if too_few(rows):
            found.append(BandErrors(label, rows, None, None, {}))
            continue
        means = (_mean(rows, "truth"), _mean(rows, "prediction"))
        found.append(BandErrors(label, rows, *means, estimates(rows, MEASURES)))
    return found


def _mean(rows: pl.DataFrame, name: str) -> float:
    """The mean over seeds of each seed's mean."""
    import polars as pl

    each = rows.group_by("seed", maintain_order=True).agg(pl.col(name).cast(pl.Float64).mean())
    return float(np.mean(each[name].to_numpy()))
