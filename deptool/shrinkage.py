"""Regression to the mean: how far predictions move where the truth moves, and how far apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from deptool.bootstrap import Estimate, estimates

if TYPE_CHECKING:
    import polars as pl

_NEAR = 0.1  # a slope so near to 1 is called 1


@dataclass(frozen=True)
class Shrinkage:
    """Least-squares slope of prediction on truth; predicted standard deviation over the true one.

    Both are None where the truth is constant, and means over seeds.
    """

    slope: Estimate
    sd_ratio: Estimate

    @property
    def sentence(self) -> str:
        """'predictions move 0.38 points per point of truth: extremes are pulled to the middle'."""
        slope, interval = self.slope.value, self.slope.interval
        if slope is None:
            return "all truths are the same: nothing can be said of how predictions follow them"
        text = f"predictions move {slope + 0.0:.2f} points per point of truth"
        if interval and interval.low <= 0 <= interval.high:
            return f"{text}: whether they follow it at all is not certain"
        if slope < 0:
            return f"{text}: they go the other way"
        if slope < 1 - _NEAR:
            return f"{text}: extremes are pulled to the middle"
        if slope > 1 + _NEAR:
            return f"{text}: extremes are exaggerated"
        return f"{text}: extremes are not pulled to the middle"


def shrinkage(frame: pl.DataFrame) -> Shrinkage:
    """Scored rows (recording x fold x seed) -> slope and SD ratio, with intervals over persons."""
    found = estimates(frame, ("slope", "sd_ratio"))
    return Shrinkage(found["slope"], found["sd_ratio"])
