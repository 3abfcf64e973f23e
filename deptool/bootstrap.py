"""Intervals by bootstrap over persons: how much a metric depends on who happened to be tested.

Persons are drawn with replacement, as many as there are, and all rows of a person come along:
recordings of one person are not independent, and resampling them gives intervals that are too
narrow. The drawn persons are the same for all seeds of a run, and the metric is averaged over the
seeds, as a report does. Runs that are scored on the same persons get the same resamples.

The interval is from one percentile of the resampled metrics to another (Efron & Tibshirani, "An
Introduction to the Bootstrap", 1993, chapter 13). Not BCa: its correction comes from leaving out
one person after the other, has no value where all of these agree or where a resample has none, and
changes little beside what too few persons do to either. docs/statistics.md has more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from deptool.moments import Array, Sums, metric, sum_units

if TYPE_CHECKING:
    import polars as pl

LEVEL = 0.95
RESAMPLES = 2000
SEED = 0
FEW_UNITS = 5
METRICS = ("rmse", "mae", "ccc", "pcc", "r2", "smape")
PERSON = "person"
METHOD = "bootstrap over persons (n_units of unit), percentiles, the metric averaged over seeds"
_BY_DEFINITION = {"ccc": 0.0, "pcc": 0.0}  # where a constant leaves them without a value


@dataclass(frozen=True)
class Interval:
    """From `low` to `high`; `left_out` of the resamples had no value."""

    low: float
    high: float
    n_units: int
    unit: str  # 'person'; 'session' or 'recording' where persons are not known
    left_out: int = 0

    @property
    def few(self) -> bool:
        """Whether it rests on so few units that it says next to nothing."""
        return self.n_units < FEW_UNITS


@dataclass(frozen=True)
class Estimate:
    """A metric, the mean over seeds; None where it has no value, or no interval."""

    value: float | None
    interval: Interval | None = None


@dataclass(frozen=True)
class Units:
    """What is drawn: the number of each row's unit (row), how many there are, what they are."""

    of_row: NDArray[np.int64]
    n: int
    unit: str


def intervals(
    frame: pl.DataFrame,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    names: Sequence[str] = METRICS,
) -> dict[str, Interval]:
    """Scored rows of one group -> interval of each metric; one that has none is not named.

    `frame` (row = recording x fold x seed) has subject_id, recording_id, session_id, seed, truth
    and prediction. There is no interval for fewer than two units, nor where more than half of the
    resamples have no value. `names` are those of `moments.FORMULAS`.
    """
    found = estimates(frame, names, level, resamples, seed)
    return {name: e.interval for name, e in found.items() if e.interval}


def estimates(
    frame: pl.DataFrame,
    names: Sequence[str] = METRICS,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> dict[str, Estimate]:
    """The same with each metric's value: the mean over seeds, None where a seed has none."""
    units = units_of(frame)
    sums = sums_of(frame, units)
    whole = sums.resampled(np.ones((1, units.n)))
    drawn = sums.resampled(draw(units.n, resamples, seed)) if units.n > 1 else None
    several = bool((whole.of["n"] > 1).all())  # one recording has no correlation
    found = {}
    for name in names:
        value = float(metric(name, whole)[0].mean())
        values = None if drawn is None else metric(name, drawn).mean(axis=1)
        interval = None if values is None else percentiles(values, units, level)
        if np.isnan(value):
            found[name] = Estimate(_BY_DEFINITION.get(name) if several else None)
        else:
            found[name] = Estimate(value, interval)
    return found


def draws(
    frame: pl.DataFrame, name: str, resamples: int = RESAMPLES, seed: int = SEED
) -> tuple[float, Array, Units]:
    """One metric of the frame, of its resamples (resample), and what was drawn.

    Frames of the same units have the same resamples, so that differences are paired.
    """
    units = units_of(frame)
    sums = sums_of(frame, units)
    value = float(metric(name, sums.resampled(np.ones((1, units.n))))[0].mean())
    drawn = sums.resampled(draw(units.n, resamples, seed))
    return value, metric(name, drawn).mean(axis=1), units


def percentiles(values: Array, units: Units, level: float = LEVEL) -> Interval | None:
    """values (resample), NaN where there is none -> the interval that holds `level` of them."""
    known = values[np.isfinite(values)]
    if 2 * len(known) < len(values) or units.n < 2:
        return None
    tail = (1 - level) / 2
    low, high = np.quantile(known, [tail, 1 - tail])
    return Interval(float(low), float(high), units.n, units.unit, len(values) - len(known))


def units_of(frame: pl.DataFrame) -> Units:
    """Persons; where any row does not say who it is, sessions, or recordings without a session."""
    import polars as pl

    if not frame["subject_id"].null_count():
        names, unit = frame["subject_id"], PERSON
    elif frame["recording_id"].dtype == pl.String:
        names = frame.select(pl.coalesce("session_id", "recording_id")).to_series()
        several = names.n_unique() < frame["recording_id"].n_unique()
        unit = "session" if several else "recording"
    else:  # of the means of sessions, whose id is a structure
        names, unit = frame["recording_id"], "session"
    known, of_row = np.unique([str(name) for name in names], return_inverse=True)
    return Units(of_row.astype(np.int64), len(known), unit)


def too_few(frame: pl.DataFrame) -> bool:
    """Whether there are so few persons (sessions, recordings) that numbers tell of single ones."""
    return not len(frame) or units_of(frame).n < FEW_UNITS


def sums_of(frame: pl.DataFrame, units: Units) -> Sums:
    """The sums of a frame over each unit and seed (unit, seed)."""
    import polars as pl

    y, p = (frame[name].cast(pl.Float64).to_numpy() for name in ("truth", "prediction"))
    return sum_units(y, p, units.of_row, seeds_of(frame))


def seeds_of(frame: pl.DataFrame) -> NDArray[np.int64]:
    """The seed of each row (row), numbered from 0."""
    numbers: NDArray[np.int64] = np.unique(frame["seed"].to_numpy(), return_inverse=True)[1]
    return numbers


@lru_cache(maxsize=8)
def draw(n_units: int, resamples: int = RESAMPLES, seed: int = SEED) -> Array:
    """How often each unit is in each resample (resample, unit); each row adds up to `n_units`."""
    drawn = np.random.default_rng(seed).integers(0, n_units, (resamples, n_units))
    places = drawn + n_units * np.arange(resamples)[:, None]
    counts = np.bincount(places.ravel(), minlength=resamples * n_units).astype(np.float64)
    counts.flags.writeable = False  # it is kept for the next caller
    return counts.reshape(resamples, n_units)
