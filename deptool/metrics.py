"""The metrics, in NumPy alone: each with its formula, its source and its degenerate cases.

Every function takes truth (recording) and prediction (recording), one number per recording in
points of the scale, and looks at all of them at once: never averaged over batches, folds or
frames. Segments of a recording are averaged before they come here.

Below, y is the truth, p the prediction, e = p - y, and n the number of recordings. Variances
and covariances divide by n (population), as Lin does. A recording that several folds of a
cross-validation predicted comes once for each of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from deptool.errors import DataError

Vector = NDArray[np.float64]

DEFINITIONS = {
    "rmse": "sqrt(mean(e^2)), points",
    "mae": "mean(|e|), points",
    "ccc": "2 cov(y, p) / (var y + var p + (mean y - mean p)^2), variances over n (Lin 1989);"
    " 0 where truth or prediction is constant",
    "pcc": "cov(y, p) / (sd y * sd p) (Pearson 1895); 0 where truth or prediction is constant",
    "r2": "1 - sum(e^2) / sum((y - mean y)^2); null where the truth is constant",
    "smape": "100 * mean(|e| / ((|y| + |p|) / 2)), per cent, 0 to 200; a term with y = p = 0 is 0",
}


@dataclass(frozen=True)
class Metrics:
    """All metrics of one set of `n` predictions; `r2` is None where the truth is constant."""

    n: int
    rmse: float
    mae: float
    ccc: float
    pcc: float
    r2: float | None
    smape: float


def measure(truth: ArrayLike, prediction: ArrayLike) -> Metrics:
    """All metrics at once: truth (recording), prediction (recording) -> one number each.

    Raises DataError where there is nothing to score, where the lengths differ, or where a value
    is not finite.
    """
    y, p = _vectors(truth, prediction)
    return Metrics(
        n=len(y),
        rmse=rmse(y, p),
        mae=mae(y, p),
        ccc=ccc(y, p),
        pcc=pcc(y, p),
        r2=r2(y, p),
        smape=smape(y, p),
    )


def rmse(truth: ArrayLike, prediction: ArrayLike) -> float:
    """Root mean squared error, in points: sqrt(mean(e^2))."""
    y, p = _vectors(truth, prediction)
    return float(np.sqrt(np.mean((p - y) ** 2)))


def mae(truth: ArrayLike, prediction: ArrayLike) -> float:
    """Mean absolute error, in points: mean(|e|)."""
    y, p = _vectors(truth, prediction)
    return float(np.mean(np.abs(p - y)))


def ccc(truth: ArrayLike, prediction: ArrayLike) -> float:
    """Concordance correlation coefficient, -1 to 1, with variances over n.

    2 cov(y, p) / (var y + var p + (mean y - mean p)^2): Lin, "A concordance correlation
    coefficient to evaluate reproducibility", Biometrics 45, 1989. Variances over n - 1, which
    some code uses, give another number on small sets. A constant truth or prediction gives 0 by
    definition, even where both are the same constant: it shows no concordance.
    """
    y, p = _vectors(truth, prediction)
    if _constant(y) or _constant(p):
        return 0.0
    dy, dp = y - y.mean(), p - p.mean()
    below = np.mean(dy**2) + np.mean(dp**2) + (y.mean() - p.mean()) ** 2
    return _correlation(2 * np.mean(dy * dp), below)


def pcc(truth: ArrayLike, prediction: ArrayLike) -> float:
    """Pearson correlation coefficient, -1 to 1: cov(y, p) / (sd y * sd p).

    Pearson, "Note on regression and inheritance in the case of two parents", 1895. Undefined
    for a constant truth or prediction; 0 by definition here.
    """
    y, p = _vectors(truth, prediction)
    if _constant(y) or _constant(p):
        return 0.0
    dy, dp = y - y.mean(), p - p.mean()
    # Scaled first: the square of a very small or very large spread leaves the range of floats.
    dy, dp = dy / np.abs(dy).max(), dp / np.abs(dp).max()
    return _correlation(np.mean(dy * dp), np.sqrt(np.mean(dy**2) * np.mean(dp**2)))


def r2(truth: ArrayLike, prediction: ArrayLike) -> float | None:
    """Coefficient of determination, at most 1: 1 - sum(e^2) / sum((y - mean y)^2).

    The mean is that of the scored truths, so a predictor worse than it has a negative R2, the
    training mean among them. None where the truth is constant, which leaves it undefined.
    """
    y, p = _vectors(truth, prediction)
    spread = float(np.sum((y - y.mean()) ** 2))
    if _constant(y) or spread == 0.0:
        return None
    return 1.0 - float(np.sum((p - y) ** 2)) / spread


def smape(truth: ArrayLike, prediction: ArrayLike) -> float:
    """Symmetric mean absolute percentage error, 0 to 200 %.

    100 * mean(|e| / ((|y| + |p|) / 2)): Makridakis, "Accuracy measures: theoretical and
    practical concerns", International Journal of Forecasting 9, 1993, with both magnitudes
    taken. A term with y = p = 0 is 0/0; it is a perfect prediction and counts 0. Truths of 0
    are common on these scales, and each costs 200 % however near the prediction is.
    """
    y, p = _vectors(truth, prediction)
    half = np.abs(y) / 2 + np.abs(p) / 2
    terms = np.divide(np.abs(p - y), half, out=np.zeros_like(y), where=half > 0)
    return float(100 * np.mean(terms))


def mean_and_sd(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean, and sample standard deviation (over n - 1), None for a single value."""
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return float(np.mean(values)), spread


def _vectors(truth: ArrayLike, prediction: ArrayLike) -> tuple[Vector, Vector]:
    y, p = np.asarray(truth, dtype=np.float64), np.asarray(prediction, dtype=np.float64)
    if y.ndim != 1 or y.shape != p.shape:
        raise DataError(
            f"truth of shape {y.shape} and prediction of shape {p.shape} do not pair up",
            fix="Give one truth and one prediction per recording.",
        )
    if len(y) == 0:
        raise DataError("there is no recording to score")
    if not (np.isfinite(y).all() and np.isfinite(p).all()):
        raise DataError("a truth or a prediction is not a finite number")
    return y, p


def _constant(values: Vector) -> bool:
    # Not `var == 0`: the mean of equal numbers can differ from them in the last digit.
    return bool(values.min() == values.max())


def _correlation(above: float, below: float) -> float:
    """The quotient kept within -1 and 1, which rounding can overstep; 0 where it is 0/0."""
    return float(np.clip(above / below, -1.0, 1.0)) if below > 0 else 0.0
