"""What networks say of times, measured against what was planted: numbers with intervals.

Each measure gives `values`: recording_id, subject_id, session_id, seed, value, one row for each
recording and seed. `mean_over_persons` makes a number and an interval of them: the mean over
recordings, then over seeds; `paired_over_persons` does so of a difference.

What is measured inside each recording and then averaged: whether a network knows where in a
recording to look, not which recordings have more of it. A row of a track is as informative, as
spoken in, as reliable as the planted segments are on the average over its time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deptool.bootstrap import RESAMPLES, SEED, Estimate, draw, percentiles, seeds_of, units_of
from deptool.cohort.cues import MODALITIES
from deptool.errors import DataError
from deptool.moments import Array
from deptool.scales import find_scale

if TYPE_CHECKING:
    import polars as pl

_ABOUT = ("recording_id", "subject_id", "session_id")
_HALF = 0.5  # of a row's time, from which on it counts as informative


def mean_over_persons(values: pl.DataFrame) -> Estimate:
    """The mean over recordings, then seeds, with its interval; rows without a value do not count.

    None where no row has a value.
    """
    known = _known(values)
    if known.is_empty():
        return Estimate(None)
    value, drawn = _means(known)
    return Estimate(value, percentiles(drawn, units_of(known)))


def paired_over_persons(one: pl.DataFrame, other: pl.DataFrame) -> Estimate:
    """The mean of `one` less that of `other`, over the recordings that have both."""
    one, other = _known(one), _known(other)
    one = one.join(other, on="recording_id", how="semi")
    other = other.join(one, on="recording_id", how="semi")
    if one.is_empty():
        return Estimate(None)
    (a, drawn_a), (b, drawn_b) = _means(one), _means(other)
    return Estimate(a - b, percentiles(drawn_a - drawn_b, units_of(one)))


def auc(tracks: pl.DataFrame, segments: pl.DataFrame, of: str = "informative") -> pl.DataFrame:
    """values: the area under the ROC curve of a track for finding informative times.

    `tracks` as Results.tracks gives them, `segments` the planted ones. A row of the track counts as
    informative where at least half of its time is. Rows of all names are ranked together, so choose
    one where their values are not comparable. A recording without rows of both kinds has no value.
    `of` may be 'speaks' too.
    """

    def measure(rows: pl.DataFrame, planted: pl.DataFrame) -> float:
        return _auc(rows["value"].to_numpy(), _over(rows, planted, of) >= _HALF)

    return _each(tracks, segments, measure)


def auc_of_speech(tracks: pl.DataFrame, segments: pl.DataFrame) -> pl.DataFrame:
    """values: the same of one who knows when the person speaks, on the rows of these tracks.

    Speech marks the informative segments, and not surely: what a network can reach that learns this
    one sign and no other.
    """

    def measure(rows: pl.DataFrame, planted: pl.DataFrame) -> float:
        return _auc(_over(rows, planted, "speaks"), _over(rows, planted, "informative") >= _HALF)

    return _each(tracks, segments, measure)


def follows_reliability(
    weights: pl.DataFrame, segments: pl.DataFrame, relative: bool = False
) -> pl.DataFrame:
    """values: Spearman's rank correlation of modalities' weights with their planted reliability.

    `weights` are tracks whose names are modalities (visual, audio, pose). For each modality over
    the planted segments of a recording, each with the mean weight of the rows that begin in it; the
    mean over its modalities. Weights that do not change follow nothing: 0. `relative` takes
    reliability less the mean over these modalities: weights that add up to 1 cannot rise together.
    """
    names = sorted(set(weights["name"]))
    if unknown := [n for n in names if n not in MODALITIES]:
        raise DataError(f"no modality named {unknown[0]!r} was planted", where="tracks")

    def measure(rows: pl.DataFrame, planted: pl.DataFrame) -> float:
        trust = np.stack([planted[f"reliability_{n}"].to_numpy() for n in names])
        if relative:
            trust = trust - trust.mean(axis=0)
        each = []
        for name, reliability in zip(names, trust.astype(np.float64), strict=True):
            mine = rows.filter(rows["name"] == name)
            weight = _per_segment(mine, planted)
            seen = np.isfinite(weight)
            each.append(_spearman(weight[seen], reliability[seen]))
        known = [value for value in each if np.isfinite(value)]
        return float(np.mean(known)) if known else float("nan")

    return _each(weights, segments, measure)


def cosine_of_seeds(tracks: pl.DataFrame, centred: bool = False) -> pl.DataFrame:
    """values: the cosine of a recording's track between two seeds, the mean over all pairs.

    Its rows, of all names, are one vector. `centred` takes its mean out first: tracks that are all
    above zero are alike by that alone. Raises DataError where seeds do not tell of the same times.
    """
    import polars as pl

    rows = []
    keys = ["recording_id", "fold"]
    for (recording, _), part in tracks.partition_by(keys, as_dict=True).items():
        by_seed = part.sort("seed", "name", "start_s").partition_by("seed", maintain_order=True)
        times = [p.select("name", "start_s", "end_s") for p in by_seed]
        if not all(t.equals(times[0]) for t in times):
            raise DataError("its seeds tell of different times", where=str(recording))
        vectors = [p["value"].cast(pl.Float64).to_numpy() for p in by_seed]
        if centred:
            vectors = [v - v.mean() for v in vectors]
        found = [_cosine(a, b) for a, b in combinations(vectors, 2)]
        about = part.select(_ABOUT).row(0, named=True)
        rows.append({**about, "seed": 0, "value": float(np.mean(found)) if found else np.nan})
    return _frame(rows)


def outside_band(predictions: pl.DataFrame, scale: str = "BDI-II") -> pl.DataFrame:
    """values: 1 where a prediction is in another severity band than the truth, 0 where it is not.

    Of rows of a predictions table; bands as scales.py has them.
    """
    import polars as pl

    band = find_scale(scale).band
    pairs = predictions.select("truth", "prediction").iter_rows()
    outside = [float(band(truth) != band(prediction)) for truth, prediction in pairs]
    return predictions.select(*_ABOUT, "seed", pl.Series("value", outside, pl.Float64))


def values_of(recordings: pl.DataFrame, found: Iterable[tuple[int, str, float]]) -> pl.DataFrame:
    """values of a claims file's own measure: (seed, recording_id, value), NaN for none.

    `recordings` has recording_id, subject_id and session_id.
    """
    about = {row["recording_id"]: row for row in recordings.select(_ABOUT).iter_rows(named=True)}
    return _frame([{**about[r], "seed": seed, "value": value} for seed, r, value in found])


def rank_1(vectors: Array, subject: Iterable[str], session: Iterable[str]) -> Array:
    """vectors (recording, number) -> 1 where the nearest of other sessions is the same person's.

    (recording,); nearest by cosine. NaN where a person has no other session.
    """
    person, visit = np.array(list(subject)), np.array(list(session))
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)
    alike = np.where(visit[:, None] == visit[None, :], -np.inf, unit @ unit.T)
    same = person[:, None] == person[None, :]
    hit = same[np.arange(len(person)), alike.argmax(axis=1)].astype(np.float64)
    return np.where((same & np.isfinite(alike)).any(axis=1), hit, np.nan)


def rank_1_by_chance(subject: Iterable[str], session: Iterable[str]) -> Array:
    """What `rank_1` is on the average where the nearest is drawn from all other sessions."""
    person, visit = np.array(list(subject)), np.array(list(session))
    others = visit[:, None] != visit[None, :]
    same = (person[:, None] == person[None, :]) & others
    share = same.sum(axis=1) / np.maximum(others.sum(axis=1), 1)
    return np.where(same.any(axis=1), share, np.nan)


def purity(cluster: NDArray[np.int64], label: NDArray[np.int64]) -> Array:
    """1 where a point's label is the most frequent of its cluster, 0 elsewhere (point,).

    The mean of it is the purity. Of labels that are equally frequent the lowest counts.
    """
    found = np.zeros(len(cluster))
    for one in np.unique(cluster):
        here = cluster == one
        found[here] = label[here] == np.bincount(label[here]).argmax()
    return found


def _each(
    tracks: pl.DataFrame,
    segments: pl.DataFrame,
    measure: Callable[[pl.DataFrame, pl.DataFrame], float],
) -> pl.DataFrame:
    """A measure of each recording, fold and seed."""
    by_recording = segments.sort("start_s").partition_by("recording_id", as_dict=True)
    keys = ["recording_id", "fold", "seed"]
    rows: list[dict[str, Any]] = []
    for (recording, _, seed), part in tracks.partition_by(keys, as_dict=True).items():
        value = measure(part, by_recording[recording,])
        rows.append({**part.select(_ABOUT).row(0, named=True), "seed": seed, "value": value})
    return _frame(rows)


def _frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    import polars as pl

    text = dict.fromkeys(_ABOUT, pl.String)
    return pl.DataFrame(rows, schema={**text, "seed": pl.Int64, "value": pl.Float64}).sort(
        "recording_id", "seed"
    )


def _over(rows: pl.DataFrame, planted: pl.DataFrame, column: str) -> Array:
    """The mean of a planted column over each row's time (row,); at its time where it has no length.

    Segments follow one another without gaps; what is beyond their ends does not count.
    """
    ends = planted["end_s"].to_numpy().astype(np.float64)
    borders = np.concatenate([planted["start_s"].to_numpy().astype(np.float64)[:1], ends])
    value = planted[column].to_numpy().astype(np.float64)
    sums = np.concatenate([[0.0], np.cumsum(value * np.diff(borders))])
    start, end = (
        rows[name].to_numpy().astype(np.float64).clip(borders[0], borders[-1])
        for name in ("start_s", "end_s")
    )
    length = end - start
    area = np.interp(end, borders, sums) - np.interp(start, borders, sums)
    at = value[np.searchsorted(ends, start, side="right").clip(max=len(value) - 1)]
    return np.divide(area, length, out=at, where=length > 0)


def _per_segment(rows: pl.DataFrame, planted: pl.DataFrame) -> Array:
    """The mean value of the rows whose middle is in each planted segment (segment,); NaN: none."""
    middle = (rows["start_s"].to_numpy() + rows["end_s"].to_numpy()) / 2
    ends = planted["end_s"].to_numpy()
    which = np.searchsorted(ends, middle, side="right").clip(max=len(ends) - 1)
    counts = np.bincount(which, minlength=len(ends))
    sums = np.bincount(which, weights=rows["value"].to_numpy(), minlength=len(ends))
    return np.divide(sums, counts, out=np.full(len(ends), np.nan), where=counts > 0)


def _auc(value: Array, positive: NDArray[np.bool_]) -> float:
    """The share of pairs of both kinds in which the positive has the higher value; ties half."""
    from scipy.stats import rankdata

    n, m = int(positive.sum()), int((~positive).sum())
    if not n or not m:
        return float("nan")
    ranks = rankdata(value)[positive].sum()
    return float((ranks - n * (n + 1) / 2) / (n * m))


def _spearman(weight: Array, reliability: Array) -> float:
    """NaN where reliability does not change, or there are fewer than 3 segments."""
    from scipy.stats import rankdata

    if len(weight) < 3 or np.ptp(reliability) == 0:
        return float("nan")
    if np.ptp(weight) == 0:
        return 0.0
    return float(np.corrcoef(rankdata(weight), rankdata(reliability))[0, 1])


def _cosine(a: Array, b: Array) -> float:
    """NaN where one of them is all zeros."""
    length = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / length if length else float("nan")


def _known(values: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    return values.filter(pl.col("value").is_finite())


def _means(values: pl.DataFrame) -> tuple[float, Array]:
    """The mean, and that of each resample of persons (resample,)."""
    units, seed = units_of(values), seeds_of(values)
    n_seeds = int(seed.max()) + 1
    place = units.of_row * n_seeds + seed
    size = units.n * n_seeds
    value = values["value"].to_numpy()
    sums = np.bincount(place, weights=value, minlength=size).reshape(units.n, n_seeds)
    counts = np.bincount(place, minlength=size).reshape(units.n, n_seeds)
    drawn = draw(units.n, RESAMPLES, SEED)
    n = drawn @ counts
    each = np.divide(drawn @ sums, n, out=np.full(n.shape, np.nan), where=n > 0)
    whole = sums.sum(axis=0) / counts.sum(axis=0)
    return float(whole.mean()), each.mean(axis=1)
