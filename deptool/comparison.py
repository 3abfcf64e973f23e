"""Comparing models on the same recordings: differences with intervals, tests over persons.

Two models: the difference of their RMSE and MAE (mean over seeds) with an interval from the same
resamples of persons, and a permutation test that swaps the predictions of the two person by person.
Three models or more: Friedman's test over persons' mean absolute errors, and Nemenyi's after it
(Demšar, "Statistical comparisons of classifiers over multiple data sets", JMLR 7, 2006, with
persons in the place of data sets).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from deptool.bootstrap import (
    LEVEL,
    RESAMPLES,
    SEED,
    Interval,
    Units,
    draws,
    percentiles,
    units_of,
)
from deptool.errors import DataError
from deptool.moments import Array

if TYPE_CHECKING:
    import polars as pl

DRAWS = 10_000  # of the permutation test; it is exact where there are no more swaps than that
FEWEST_MODELS = 3
ERRORS = ("rmse", "mae")

_Truths = dict[str, tuple[float, str | None]]  # recording -> truth, person


@dataclass(frozen=True)
class Difference:
    """One model's metric less the other's (points): below 0 the first has the smaller error.

    `p` is two-sided; `p_holm` the same for all pairs that were tested together (Holm 1979).
    """

    one: str
    other: str
    metric: str
    value_one: float
    value_other: float
    difference: float
    interval: Interval | None
    p: float
    exact: bool
    p_holm: float = 1.0


@dataclass(frozen=True)
class Ranking:
    """Friedman's test and Nemenyi's: ranks are averages over `n_units`, 1 for the smallest error.

    Two models differ at 1 - `level` where their average ranks are at least `critical` apart.
    `pairs` has the p of each pair.
    """

    n_units: int
    unit: str
    ranks: Mapping[str, float]
    statistic: float
    p: float
    critical: float
    level: float
    pairs: Mapping[tuple[str, str], float]


def check_paired(tables: Mapping[str, pl.DataFrame]) -> None:
    """Raise DataError where the tables do not score the same recordings with the same truths.

    Each is (row = recording x fold x seed) with recording_id, subject_id, seed and truth.
    """
    if len(tables) < 2:
        raise DataError("one model alone cannot be compared", fix="Name two runs or more.")
    (name, table), *others = tables.items()
    first = _truths(table, name)
    for other, frame in others:
        _check_two((name, first), (other, _truths(frame, other)))


def _check_two(one: tuple[str, _Truths], other: tuple[str, _Truths]) -> None:
    (name, first), (second, here) = one, other
    where = f"{name} and {second}"
    only = [
        f"{len(ids)} only in {n} ({min(ids)})"
        for n, ids in ((name, first.keys() - here.keys()), (second, here.keys() - first.keys()))
        if ids
    ]
    if only:
        raise DataError(
            f"they are not scored on the same recordings: {', '.join(only)}",
            where=where,
            fix="Compare runs on the same corpus, protocol, split seed and part.",
        )
    for recording, about in here.items():
        for what, then, now in zip(("truth", "person"), first[recording], about, strict=True):
            if then != now:
                raise DataError(
                    f"recording {recording!r} has the {what} {then} in one and {now} in the other",
                    where=where,
                    fix="The labels changed between the two: train both again.",
                )


def compare(
    tables: Mapping[str, pl.DataFrame],
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> list[Difference]:
    """Every pair of models and metric of `ERRORS`, in the order of the tables.

    Raises DataError as `check_paired` does, and where there are fewer than two persons.
    """
    check_paired(tables)
    _require_units(tables)
    found = [
        _difference(metric, pair, tables, level, resamples, seed)
        for metric in ERRORS
        for pair in combinations(tables, 2)
    ]
    return _holm(found)


def rank(tables: Mapping[str, pl.DataFrame], level: float = LEVEL) -> Ranking:
    """Friedman's test over three models or more, with Nemenyi's for each pair.

    A person's error with a model is the mean of |e| over recordings, folds and seeds. Equal errors
    share their mean rank. Raises DataError for fewer models, or fewer than two persons.
    """
    from scipy.stats import friedmanchisquare, rankdata, studentized_range

    if len(tables) < FEWEST_MODELS:
        raise DataError(
            f"Friedman's test needs {FEWEST_MODELS} models, and these are {len(tables)}",
            fix="Compare two models by the interval and p of their difference.",
        )
    check_paired(tables)
    units = _require_units(tables)
    errors = np.stack([_mean_errors(table) for table in tables.values()], axis=1)
    k = len(tables)
    ranks = rankdata(errors, axis=1).mean(axis=0)
    if (errors == errors[:, :1]).all():
        statistic, p = 0.0, 1.0  # the formula is 0/0: all models make the same errors
    else:
        statistic, p = map(float, friedmanchisquare(*errors.T))
    step = np.sqrt(k * (k + 1) / (6 * units.n))  # Demšar 2006, section 3.2.2
    critical = studentized_range.ppf(level, k, np.inf) / np.sqrt(2) * step
    by_name = dict(zip(tables, map(float, ranks), strict=True))
    pairs = {
        (a, b): float(
            studentized_range.sf(abs(by_name[a] - by_name[b]) / step * np.sqrt(2), k, np.inf)
        )
        for a, b in combinations(tables, 2)
    }
    return Ranking(units.n, units.unit, by_name, statistic, p, float(critical), level, pairs)


def _difference(
    metric: str,
    pair: tuple[str, str],
    tables: Mapping[str, pl.DataFrame],
    level: float,
    resamples: int,
    seed: int,
) -> Difference:
    (a, drawn_a, units), (b, drawn_b, _) = (
        draws(tables[name], metric, resamples, seed) for name in pair
    )
    one, other = (_shares(tables[name], metric) for name in pair)
    p, exact = _permute(metric, one, other, seed)
    interval = percentiles(drawn_a - drawn_b, units, level)
    return Difference(*pair, metric, a, b, a - b, interval, p, exact)


def _permute(metric: str, one: Array, other: Array, seed: int) -> tuple[float, bool]:
    """p where the two models' errors (unit) are swapped person by person; whether by all swaps.

    Under the null hypothesis it does not matter which of the two a person's predictions are of.
    """
    from scipy.stats import permutation_test

    def statistic(x: Array, y: Array, axis: int) -> Array:
        a, b = x.sum(axis=axis), y.sum(axis=axis)
        found: Array = np.sqrt(a) - np.sqrt(b) if metric == "rmse" else a - b
        return found

    exact = 2 ** len(one) <= DRAWS
    if (one == other).all():
        return 1.0, exact
    found = permutation_test(
        (one, other),
        statistic,
        permutation_type="samples",
        vectorized=True,
        n_resamples=DRAWS,
        batch=1000,  # 10,000 swaps of 1,800 persons at once would take 300 MB
        random_state=np.random.default_rng(seed),
    )
    return float(found.pvalue), exact


def _shares(table: pl.DataFrame, metric: str) -> Array:
    """What each unit adds to the mean of e^2 ('rmse') or of |e| over all rows of all seeds."""
    units, e = units_of(table), _errors(table)
    parts = e**2 if metric == "rmse" else np.abs(e)
    return np.bincount(units.of_row, weights=parts, minlength=units.n) / len(e)


def _mean_errors(table: pl.DataFrame) -> Array:
    """The mean of |e| over each unit's rows (unit)."""
    units = units_of(table)
    sums = np.bincount(units.of_row, weights=np.abs(_errors(table)), minlength=units.n)
    return sums / np.bincount(units.of_row, minlength=units.n)


def _errors(table: pl.DataFrame) -> Array:
    import polars as pl

    truth, prediction = (table[n].cast(pl.Float64).to_numpy() for n in ("truth", "prediction"))
    e: Array = prediction - truth
    return e


def _truths(table: pl.DataFrame, name: str) -> _Truths:
    """recording -> truth and person. Raises DataError where a seed lacks a recording."""
    ids = [
        " ".join(filter(None, r.values())) if isinstance(r, dict) else r
        for r in table["recording_id"]
    ]
    found = dict(zip(ids, zip(table["truth"], table["subject_id"], strict=True), strict=True))
    by_seed = table.select("seed", "recording_id").unique().group_by("seed").len()["len"]
    if (by_seed != len(found)).any():
        raise DataError("its seeds do not score the same recordings", where=name)
    return found


def _require_units(tables: Mapping[str, pl.DataFrame]) -> Units:
    units = units_of(next(iter(tables.values())))
    if units.n < 2:
        raise DataError(f"there is only one {units.unit}, and nothing can be tested over it")
    return units


def _holm(found: Sequence[Difference]) -> list[Difference]:
    """With each p times the number of pairs that are not smaller, in steps (Holm 1979)."""
    adjusted = {}
    for metric in ERRORS:
        tested = sorted((d for d in found if d.metric == metric), key=lambda d: d.p)
        highest = 0.0
        for i, difference in enumerate(tested):
            highest = max(highest, min(1.0, (len(tested) - i) * difference.p))
            adjusted[difference.one, difference.other, metric] = highest
    return [replace(d, p_holm=adjusted[d.one, d.other, d.metric]) for d in found]
