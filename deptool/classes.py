"""Severity classes from scores: accuracy, F1 and AUC at the cut points of a scale.

A class is a band of the scale, or several; a score counts as at or above a cut as it is, without
rounding, as in `Scale.band`. AUC takes the predicted score as the decision value, so that it does
not depend on where predictions are cut; for more than two classes it is the mean of the AUCs of
"truth at or above the cut" over the cuts, because the classes are ordered. (One class against all
others would ask the score to single out a middle class, which no single score can.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from deptool.bootstrap import Estimate, draw, percentiles, seeds_of, units_of
from deptool.moments import Array
from deptool.scales import SCALES

if TYPE_CHECKING:
    import polars as pl

MEASURES = ("accuracy", "balanced_accuracy", "f1", "f1_macro", "auc")
USUAL = {"PHQ-8": 10, "PHQ-9": 10}  # Kroenke et al. 2001, 2009: the first score that counts
_HALF = (0.5,)  # of a scale of 0 and 1: predictions between them are cut in the middle


@dataclass(frozen=True)
class Classes:
    """Of `n` recordings; a measure is None where a class that it needs has no recording.

    `f1` is that of the upper of two classes, None for more; `f1_macro` the mean over the classes.
    """

    n: int
    n_per_class: tuple[int, ...]
    accuracy: float
    balanced_accuracy: float | None
    f1: float | None
    f1_macro: float | None
    auc: float | None


def cuts_of(scale: str) -> tuple[tuple[float, ...], ...]:
    """The ways to make classes of a scale, each as its cuts: the first scores of upper classes.

    The lowest band against the rest; the usual cut of the PHQ; all bands. Empty for no scale.
    """
    if scale not in SCALES:
        return ()
    if scale == "binary":
        return (_HALF,)
    every = tuple(float(first) for first, _ in SCALES[scale].bands[1:])
    ways = [every[:1], *([(float(USUAL[scale]),)] if scale in USUAL else []), every]
    return tuple(dict.fromkeys(ways))


def names_of(scale: str, cuts: Sequence[float]) -> tuple[str, ...]:
    """The classes as scores: '0–13', '14–63'."""
    known = SCALES[scale]
    if tuple(cuts) == _HALF:
        return ("0", "1")
    starts = [known.low, *(int(cut) for cut in cuts)]
    ends = [int(cut) - 1 for cut in cuts] + [known.high]
    return tuple(f"{low}–{high}" for low, high in zip(starts, ends, strict=True))


def classify(truth: ArrayLike, prediction: ArrayLike, cuts: Sequence[float]) -> Classes:
    """truth (recording), prediction (recording) in points -> measures at these cuts."""
    from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, roc_auc_score

    y, p = np.asarray(truth, dtype=np.float64), np.asarray(prediction, dtype=np.float64)
    true, said = np.digitize(y, cuts), np.digitize(p, cuts)
    labels = range(len(cuts) + 1)
    counts = tuple(int((true == k).sum()) for k in labels)
    f1s = f1_score(true, said, labels=labels, average=None, zero_division=0.0)
    full = all(counts)
    return Classes(
        n=len(y),
        n_per_class=counts,
        accuracy=float(accuracy_score(true, said)),
        balanced_accuracy=float(balanced_accuracy_score(true, said)) if full else None,
        f1=float(f1s[1]) if len(cuts) == 1 and full else None,
        f1_macro=float(f1s.mean()) if full else None,
        auc=float(np.mean([roc_auc_score(y >= cut, p) for cut in cuts])) if full else None,
    )


def roc(truth: ArrayLike, prediction: ArrayLike, cut: float) -> tuple[Array, Array, Array] | None:
    """Points of the ROC curve of "truth at or above the cut": fpr, tpr, threshold (point).

    A recording is called positive where its predicted score is at or above the threshold; the
    first threshold is infinite. None where all truths are on one side of the cut.
    """
    from sklearn.metrics import roc_curve

    positive = np.asarray(truth, dtype=np.float64) >= cut
    if positive.all() or not positive.any():
        return None
    fpr, tpr, threshold = roc_curve(positive, np.asarray(prediction, dtype=np.float64))
    return fpr, tpr, threshold


def class_estimates(frame: pl.DataFrame, cuts: Sequence[float]) -> dict[str, Estimate]:
    """Scored rows (recording x fold x seed) -> each measure, mean over seeds, with its interval.

    The values are those of `classify`, from sums over units, as the resamples' are. Intervals are
    those of `bootstrap.intervals`; a resample in which a class has no recording has only an
    accuracy.
    """
    import polars as pl

    units, seeds = units_of(frame), seeds_of(frame)
    y, p = (frame[name].cast(pl.Float64).to_numpy() for name in ("truth", "prediction"))
    whole: dict[str, list[Array]] = {name: [] for name in MEASURES}
    drawn: dict[str, list[Array]] = {name: [] for name in MEASURES}
    for k in range(seeds.max() + 1):
        mine = seeds == k
        part = (y[mine], p[mine], units.of_row[mine], cuts)
        for found, counts in ((whole, np.ones((1, units.n))), (drawn, draw(units.n))):
            for name, values in _resampled(counts, *part).items():
                found[name].append(values)
    estimates = {}
    for name in MEASURES:
        value = float(np.mean(whole[name]))
        interval = percentiles(np.mean(drawn[name], axis=0), units)
        estimates[name] = Estimate(None) if np.isnan(value) else Estimate(value, interval)
    return estimates


def _resampled(
    counts: Array, y: Array, p: Array, unit: NDArray[np.int64], cuts: Sequence[float]
) -> dict[str, Array]:
    """counts (resample, unit) and one seed's rows -> measures (resample)."""
    k, n_units = len(cuts) + 1, counts.shape[1]
    cell = np.digitize(y, cuts) * k + np.digitize(p, cuts)
    cells = np.bincount(unit * k * k + cell, minlength=n_units * k * k).reshape(n_units, k * k)
    table: Array = (counts @ cells.astype(np.float64)).reshape(-1, k, k)
    right = np.diagonal(table, axis1=1, axis2=2)  # (resample, class)
    true, said = table.sum(axis=2), table.sum(axis=1)
    full = (true > 0).all(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        accuracy = right.sum(axis=1) / true.sum(axis=1)
        recall = (right / true).mean(axis=1)
        f1 = np.where(true + said > 0, 2 * right / (true + said), 0.0)
        auc = np.mean([_auc(counts, y >= cut, p, unit) for cut in cuts], axis=0)
    nothing = np.full(len(counts), np.nan)
    return {
        "accuracy": accuracy,
        "balanced_accuracy": np.where(full, recall, np.nan),
        "f1": np.where(full, f1[:, 1], np.nan) if k == 2 else nothing,
        "f1_macro": np.where(full, f1.mean(axis=1), np.nan),
        "auc": np.where(full, auc, np.nan),
    }


def _auc(counts: Array, positive: NDArray[np.bool_], p: Array, unit: NDArray[np.int64]) -> Array:
    """AUC of each resample: the share of pairs, one of each side, whose scores are in order.

    Mann and Whitney 1947; a pair of equal scores counts half. Pairs are summed over units first.
    """
    upper, above = np.unique(unit[positive], return_inverse=True)
    lower, below = np.unique(unit[~positive], return_inverse=True)
    if not len(upper) or not len(lower):
        return np.full(len(counts), np.nan)
    one, other = p[positive][:, None], p[~positive][None, :]
    wins = (one > other) + 0.5 * (one == other)
    pairs = np.eye(len(upper))[:, above] @ wins @ np.eye(len(lower))[:, below].T
    a, b = counts[:, upper], counts[:, lower]
    above_total, below_total = a @ np.bincount(above), b @ np.bincount(below)
    found: Array = ((a @ pairs) * b).sum(axis=1) / (above_total * below_total)
    return found
