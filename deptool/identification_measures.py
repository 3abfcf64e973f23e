"""Measures of an identification, in NumPy alone: ranks, CMC, ROC, EER, AUC, and their intervals.

scores (probe, candidate): how much each probe is like each candidate, higher is more alike. own
(probe,): which candidate each probe truly is. unit (probe,): whose probe it is, the person that a
bootstrap draws.

Every probe is of a candidate (a closed set). A pair of a probe and a candidate is genuine where the
probe is that candidate's, else an impostor's. The bootstrap draws persons with all pairs of their
probes, the gallery as it is: the subsets bootstrap of Bolle, Ratha & Pankanti, "Error analysis of
pattern recognition systems: the subsets bootstrap", Computer Vision and Image Understanding 93,
2004.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from deptool.bootstrap import LEVEL, PERSON, Estimate, Interval, Units, draw, percentiles

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

_BINS = 512  # thresholds of a resample's ROC, where there are more scores than that
_SAME = 1e-9  # resamples that differ by less agree, and so many persons are none


@dataclass(frozen=True)
class Measures:
    """What one or several runs of an attack found; `found` (unit,) is each person's rank-1 share.

    cmc (rank,) is the share found up to each rank.
    """

    rank_1: Estimate
    rank_5: Estimate
    eer: Estimate
    auc: Estimate
    cmc: Floats
    found: Floats


@dataclass(frozen=True)
class Run:
    """One run of an attack: scores (probe, candidate), own (probe,)."""

    scores: Floats
    own: Numbers


def measure(runs: Sequence[Run], unit: Numbers, seed: int = 0) -> Measures:
    """All measures, averaged over runs of the same probes; unit (probe,) numbered from 0.

    Intervals are 95 % percentiles over persons, who are the same in all runs' resamples; none
    where all resamples agree. Of shares of next to nobody or nearly everybody, see `_share`.
    """
    units = Units(unit, int(unit.max()) + 1, PERSON)
    weights = np.concatenate([np.ones((1, units.n)), draw(units.n, seed=seed)])
    tops = {k: np.mean([_top(run, units, weights, k) for run in runs], axis=0) for k in (1, 5)}
    rates = [roc(run, units, weights) for run in runs]
    areas = np.mean([auc(*rate) for rate in rates], axis=0)
    errors = np.mean([eer(*rate) for rate in rates], axis=0)
    exact = [roc(run, units, weights[:1], bins=None) for run in runs]
    areas[0] = np.mean([auc(*rate)[0] for rate in exact])
    errors[0] = np.mean([eer(*rate)[0] for rate in exact])
    hits = np.mean([shares(run.scores, run.own, (1,))[:, 0] for run in runs], axis=0)
    found = np.bincount(unit, hits) / np.maximum(np.bincount(unit), 1)
    whole = np.mean([cmc(run.scores, run.own) for run in runs], axis=0)
    rank_1, rank_5 = _share(tops[1], units), _share(tops[5], units)
    return Measures(rank_1, rank_5, estimated(errors, units), estimated(areas, units), whole, found)


def shares(scores: Floats, own: Numbers, ranks: Sequence[int]) -> Floats:
    """How much of each probe is found up to each rank (probe, rank): 1 or 0; tied, a share.

    With b candidates more alike than the own one and t that are as alike (the own one counted), a
    draw among these puts it up to rank k with probability (k - b) / t, kept within 0 and 1.
    """
    mine = np.take_along_axis(scores, own[:, None], axis=1)
    better = (scores > mine).sum(axis=1, keepdims=True)
    tied = (scores == mine).sum(axis=1, keepdims=True)
    found: Floats = np.clip((np.asarray(ranks)[None, :] - better) / tied, 0.0, 1.0)
    return found


def cmc(scores: Floats, own: Numbers) -> Floats:
    """Cumulative match characteristic (rank,): the share of probes found up to each rank.

    Phillips, Moon, Rizvi & Rauss, "The FERET evaluation methodology for face-recognition
    algorithms", IEEE PAMI 22, 2000.
    """
    found: Floats = shares(scores, own, range(1, scores.shape[1] + 1)).mean(axis=0)
    return found


def chance(k: int, n_candidates: int) -> float:
    """The share that guessing finds among the `k` first."""
    return min(k, n_candidates) / n_candidates


def roc(run: Run, units: Units, weights: Floats, bins: int | None = _BINS) -> tuple[Floats, Floats]:
    """False and true acceptances (resample, threshold + 1), from 0 to 1 each, strictest first.

    weights (resample, unit): how often each person is drawn. At a threshold all pairs are accepted
    that are at least as alike. With `bins`, at most about so many thresholds, at quantiles of all
    scores; scores between two of them count as equal. NaN where a resample has no pair of a kind.
    """
    known = np.unique(run.scores)
    if bins is not None and len(known) > bins:
        known = np.unique(np.quantile(run.scores, np.linspace(0, 1, bins), method="lower"))
    place = len(known) - np.searchsorted(known, run.scores, side="right")  # 0: the strictest
    genuine = np.zeros(run.scores.shape, bool)
    np.put_along_axis(genuine, run.own[:, None], True, axis=1)
    rates = []
    for chosen in (~genuine, genuine):
        flat = units.of_row[:, None] * len(known) + place
        counts = np.bincount(flat[chosen], minlength=units.n * len(known))
        drawn = weights @ counts.reshape(units.n, len(known)).astype(np.float64)
        rate = np.cumsum(drawn, axis=1)
        with np.errstate(invalid="ignore"):
            rate = rate / rate[:, -1:]
        rates.append(np.concatenate([np.zeros((len(rate), 1)), rate], axis=1))
    return rates[0], rates[1]


def auc(false: Floats, true: Floats) -> Floats:
    """Area under each ROC (resample,): the probability that a genuine pair is the more alike.

    Ties count half. 0.5 where the attack knows nothing. The trapezoidal area: Bamber, "The area
    above the ordinal dominance graph", Journal of Mathematical Psychology 12, 1975.
    """
    area: Floats = (np.diff(false, axis=1) * (true[:, 1:] + true[:, :-1]) / 2).sum(axis=1)
    return area


def eer(false: Floats, true: Floats) -> Floats:
    """Equal error rate of each ROC (resample,): where as many impostors pass as genuine ones fail.

    On the straight line between two thresholds. 0.5 where the attack knows nothing.
    """
    gap = false - (1 - true)  # from -1 up to 1, never falling
    after = np.argmax(gap >= 0, axis=1)[:, None]
    high, low = (np.take_along_axis(gap, at, axis=1) for at in (after, after - 1))
    share = -low / np.where(high > low, high - low, 1)
    one, other = (np.take_along_axis(false, at, axis=1) for at in (after - 1, after))
    rate: Floats = (one + share * (other - one))[:, 0]
    return rate


def _top(run: Run, units: Units, weights: Floats, k: int) -> Floats:
    """The share of probes found among the `k` first, of each resample (resample,)."""
    hits = np.bincount(units.of_row, shares(run.scores, run.own, (k,))[:, 0], minlength=units.n)
    share: Floats = (weights @ hits) / (weights @ np.bincount(units.of_row, minlength=units.n))
    return share


def estimated(values: Floats, units: Units) -> Estimate:
    """values (resample,), the first of them of all persons -> it with its interval.

    None where all resamples agree: an interval without width would claim a certainty that so few
    persons do not give.
    """
    found = percentiles(values[1:], units)
    return Estimate(float(values[0]), None if found is None or _no_width(found) else found)


def _share(values: Floats, units: Units) -> Estimate:
    """The same of a share. Where next to nobody, or nearly everybody, was found, resamples agree.

    That is no certainty: with less than one person found, or not found, the interval is that of
    Clopper & Pearson (Biometrika 26, 1934), persons counted once; ties have parts of persons. None
    where resamples agree on another share, as where everybody is as like all.
    """
    from scipy.stats import beta

    value, found = float(values[0]), percentiles(values[1:], units)
    known = units.n * value
    certain = value < _SAME or value > 1 - _SAME
    if found is None or not is_extreme(value, units.n) or (_no_width(found) and not certain):
        return estimated(values, units)
    tail = (1 - LEVEL) / 2
    low = float(beta.ppf(tail, known, units.n - known + 1)) if known > _SAME else 0.0
    high = 1.0
    if known < units.n - _SAME:
        high = float(beta.ppf(1 - tail, known + 1, units.n - known))
    return Estimate(value, replace(found, low=low, high=high))


def is_extreme(share: float, n: int) -> bool:
    """Whether less than one of n persons is found, or is not found."""
    return n * share < 1 - _SAME or n * share > n - 1 + _SAME


def _no_width(found: Interval) -> bool:
    return found.high - found.low < _SAME
