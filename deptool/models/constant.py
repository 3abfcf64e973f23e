"""One score for everybody: the mean or the median of the training scores.

What any model must beat. In a report it stands beside every run as `train_mean`; as a run of its
own it has a row, a history and predictions like the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

TITLE = "One score for everybody: the mean or the median of the training scores"
DOI = None
NEEDS = ()
USES = ()

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Settings:
    """The mean has the smallest RMSE over train, the median the smallest MAE."""

    statistic: Literal["mean", "median"] = "mean"

    def __post_init__(self) -> None:
        if self.statistic not in ("mean", "median"):
            raise ValueError(f"statistic must be mean or median, not {self.statistic!r}")


def fit(
    x: Floats, score: Floats, subject: Sequence[str | None], settings: Settings, seed: int
) -> dict[str, NDArray[np.float64]]:
    """score (recording,) -> the one score."""
    statistic = np.mean if settings.statistic == "mean" else np.median
    return {"score": np.asarray(statistic(score), np.float64)}


def apply(
    state: dict[str, NDArray[np.float64]], x: Floats, subject: Sequence[str | None]
) -> Floats:
    """x (recording, feature) -> score (recording,)."""
    return np.full(len(x), float(state["score"]))
