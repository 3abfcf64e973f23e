"""Metrics of many resamples at once, from sums over units; a loop over resamples is not needed.

Of each row the powers of truth y, prediction p and error e = p - y are summed within each unit
(a person) and seed. A resample is a number of copies of each unit, so its sums are a product of
matrices, and every metric below follows from them. The formulas are those of `metrics.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_SUMS = ("n", "y", "p", "yy", "pp", "yp", "e", "ee", "absolute", "smape")
_FLAT = 1e-12  # a variance below this part of the mean square is that of equal numbers


@dataclass(frozen=True)
class Sums:
    """Sums over units, `of[name]` (unit or resample, seed).

    y and p are taken from their means over all rows, which changes no variance and keeps digits.
    `spread_y` and `spread_p` (seed) are their mean squares over all rows.
    """

    of: Mapping[str, Array]
    spread_y: Array
    spread_p: Array

    def resampled(self, counts: Array) -> Sums:
        """counts (resample, unit) -> the sums of each resample (resample, seed)."""
        sums = np.stack([self.of[name] for name in _SUMS], axis=1)  # (unit, sum, seed)
        units, names, seeds = sums.shape
        product = (counts @ sums.reshape(units, names * seeds)).reshape(-1, names, seeds)
        of = {name: product[:, i] for i, name in enumerate(_SUMS)}
        return Sums(of, self.spread_y, self.spread_p)

    def mean(self, name: str) -> Array:
        return self.of[name] / self.of["n"]

    def variance(self, name: str) -> Array:
        """Variance over n of y or p (resample, seed); exactly 0 where all rows are equal."""
        found = self.mean(2 * name) - self.mean(name) ** 2
        spread = self.spread_y if name == "y" else self.spread_p
        return np.where(found <= _FLAT * spread, 0.0, found)

    @property
    def covariance(self) -> Array:
        return self.mean("yp") - self.mean("y") * self.mean("p")


def sum_units(y: Array, p: Array, unit: NDArray[np.int64], seed: NDArray[np.int64]) -> Sums:
    """Truth y, prediction p, unit and seed (row), both numbered from 0 -> sums (unit, seed)."""
    shape = int(unit.max()) + 1, int(seed.max()) + 1
    place = unit * shape[1] + seed
    e = p - y
    half = np.abs(y) / 2 + np.abs(p) / 2
    smape = 100 * np.divide(np.abs(e), half, out=np.zeros_like(y), where=half > 0)
    dy, dp = _centred(y), _centred(p)
    rows = (np.ones_like(y), dy, dp, dy**2, dp**2, dy * dp, e, e**2, np.abs(e), smape)
    of: dict[str, Array] = {}
    for name, values in zip(_SUMS, rows, strict=True):
        sums = np.bincount(place, weights=values, minlength=shape[0] * shape[1])
        of[name] = sums.reshape(shape).astype(np.float64)
    n = of["n"].sum(axis=0)
    return Sums(of, of["yy"].sum(axis=0) / n, of["pp"].sum(axis=0) / n)


def metric(name: str, sums: Sums) -> Array:
    """One of `FORMULAS` for each resample and seed (resample, seed); NaN where it has no value.

    CCC and PCC have none where truth or prediction is constant, R2, slope and SD ratio where the
    truth is.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return FORMULAS[name](sums)


def _ccc(s: Sums) -> Array:
    vy, vp = s.variance("y"), s.variance("p")
    found = 2 * s.covariance / (vy + vp + s.mean("e") ** 2)
    return np.where((vy > 0) & (vp > 0), np.clip(found, -1, 1), np.nan)


def _pcc(s: Sums) -> Array:
    vy, vp = s.variance("y"), s.variance("p")
    found = s.covariance / np.sqrt(vy * vp)
    return np.where((vy > 0) & (vp > 0), np.clip(found, -1, 1), np.nan)


def _where_truth_varies(found: Array, s: Sums) -> Array:
    return np.where(s.variance("y") > 0, found, np.nan)


FORMULAS: dict[str, Callable[[Sums], Array]] = {
    "rmse": lambda s: np.sqrt(s.mean("ee")),
    "mae": lambda s: s.mean("absolute"),
    "ccc": _ccc,
    "pcc": _pcc,
    "r2": lambda s: _where_truth_varies(1 - s.mean("ee") / s.variance("y"), s),
    "smape": lambda s: s.mean("smape"),
    "bias": lambda s: s.mean("e"),
    # Least squares of p on y, and the standard deviation of p over that of y.
    "slope": lambda s: _where_truth_varies(s.covariance / s.variance("y"), s),
    "sd_ratio": lambda s: _where_truth_varies(np.sqrt(s.variance("p") / s.variance("y")), s),
}


def _centred(values: Array) -> Array:
    # The mean of equal numbers can differ from them in the last digit.
    if values.min() == values.max():
        return np.zeros_like(values)
    centred: Array = values - values.mean()
    return centred
