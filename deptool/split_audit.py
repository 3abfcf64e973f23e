"""What a split gives away: who is on two sides of it, and how far knowing the person leads.

Reads recordings.parquet and labels.parquet alone. A session is one visit with one score; its
recordings (tasks) share it. Scores are in points, standard deviations over N.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from deptool.errors import DataError
from deptool.scales import SCALES
from deptool.schema import SPLITS
from deptool.split_predictors import (
    Item,
    Predictor,
    Sessions,
    persons_of,
    predictors,
    sessions_of,
)
from deptool.splits import make_folds

if TYPE_CHECKING:
    from deptool.corpus import Corpus

# Parts that are known to a model before it meets a part: which part, whom it may know from where.
_KNOWN = (("dev", ("train",)), ("test", ("train",)), ("test", ("train", "dev")))

Parts = dict[str, list[Item]]  # one fold: 'train', 'dev', 'test' -> its recordings


@dataclass(frozen=True)
class Count:
    """One part of one fold ('all': the whole of it); mean, SD and ends of its sessions' scores.

    `persons` is None where no recording says who is in it. The scores' values are None where the
    part is empty.
    """

    fold: int
    split: str
    persons: int | None
    sessions: int
    recordings: int
    mean: float | None
    sd: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Pair:
    """Two parts: who is in both, summed over the folds.

    `difference` is the mean absolute difference (points) between the scores of two sessions, one
    on each side, over the `n_pairs` pairs of one person; `strangers` the same over all pairs of
    two persons. Both are None where nobody is on both sides.
    """

    one: str
    other: str
    persons: int
    sessions: int
    n_pairs: int
    difference: float | None
    strangers: float | None


@dataclass(frozen=True)
class Known:
    """How much of a part shows persons who are also in other parts, summed over the folds."""

    split: str
    known_from: tuple[str, ...]
    recordings: int
    of_recordings: int
    sessions: int
    of_sessions: int


@dataclass(frozen=True)
class Band:
    """How much of one part of one fold is in a band, which is named with its cut points."""

    fold: int
    split: str
    band: str
    sessions: int
    recordings: int


@dataclass(frozen=True)
class SplitAudit:
    """All that is found; `pairs` and `known` are empty where persons are not known."""

    corpus: str
    scale: str
    protocol: str
    seed: int
    n_folds: int
    n_unscored: int  # recordings of the corpus without a score on this scale, left out
    n_in_no_part: int  # scored recordings that the protocol leaves out
    persons_unknown: bool  # no recording says who is in it
    counts: tuple[Count, ...]
    pairs: tuple[Pair, ...]
    known: tuple[Known, ...]
    predictors: tuple[Predictor, ...]
    bands: tuple[Band, ...]

    @property
    def shared(self) -> bool:
        """Whether a person or a session is on two sides."""
        return any(pair.persons or pair.sessions for pair in self.pairs)


def audit_split(
    corpus: Corpus, scale: str | None = None, protocol: str = "official", seed: int = 0
) -> SplitAudit:
    """Audit the split of a corpus that a protocol makes.

    Raises DataError where the corpus has no scores on that scale or cannot be split so,
    UsageError for an unknown protocol.
    """
    recordings, scale = corpus.scored(scale)
    if recordings.is_empty():
        what = f"no recording belongs to a session that has a score on {scale}"
        fix = "Give recordings their session_id with: deptool label"
        raise DataError(what, where=f"corpus {corpus.name!r}", fix=fix)
    rows = recordings.select("recording_id", "subject_id", "session_id", "score").iter_rows()
    items = {recording: Item(*about) for recording, *about in rows}
    unknown = all(item.subject is None for item in items.values())
    folds = make_folds(recordings, protocol, seed, unknown)
    parts = [{s: [items[r] for r in fold.part(s)] for s in SPLITS} for fold in folds]
    pairs = [] if unknown else [_pair(a, b, parts) for a, b in combinations(SPLITS, 2)]
    known = [] if unknown else [_known(split, origin, parts) for split, origin in _KNOWN]
    return SplitAudit(
        corpus=corpus.name,
        scale=scale,
        protocol=protocol,
        seed=seed,
        n_folds=len(folds),
        n_unscored=len(corpus.recordings()) - len(recordings),
        n_in_no_part=len(items.keys() - {r for f in folds for s in SPLITS for r in f.part(s)}),
        persons_unknown=unknown,
        counts=tuple(count for i, part in enumerate(parts) for count in _counts(i, part)),
        pairs=tuple(pairs),
        known=tuple(k for k in known if k.of_recordings),
        predictors=predictors(parts),
        bands=tuple(band for i, part in enumerate(parts) for band in _bands(i, part, scale)),
    )


def _counts(fold: int, parts: Parts) -> list[Count]:
    whole = [item for part in parts.values() for item in part]
    return [_count(fold, split, items) for split, items in (*parts.items(), ("all", whole))]


def _count(fold: int, split: str, items: list[Item]) -> Count:
    sessions = sessions_of(items)
    persons = persons_of(items)
    scores = np.array([score for _, score in sessions.values()])
    n_persons = len(persons) if persons or not items else None
    values = (scores.mean(), scores.std(), scores.min(), scores.max()) if len(scores) else ()
    mean, sd, low, high = map(float, values) if values else (None,) * 4
    return Count(fold, split, n_persons, len(sessions), len(items), mean, sd, low, high)


def _bands(fold: int, parts: Parts, name: str) -> list[Band]:
    scale = SCALES[name]
    found = []
    for split, items in parts.items():
        sessions = sessions_of(items).values()
        for (_, band), label in zip(scale.bands, scale.labels(), strict=True):
            n_sessions = sum(scale.band(score) == band for _, score in sessions)
            n_recordings = sum(scale.band(item.score) == band for item in items)
            found.append(Band(fold, split, label, n_sessions, n_recordings))
    return found


def _pair(one: str, other: str, folds: Sequence[Parts]) -> Pair:
    persons = sessions = 0
    same: list[float] = []
    different: list[float] = []
    for parts in folds:
        a, b = sessions_of(parts[one]), sessions_of(parts[other])
        both = persons_of(parts[one]) & persons_of(parts[other])
        persons += len(both)
        sessions += len(a.keys() & b.keys())
        if both:
            mine, theirs = _differences(a, b)
            same += mine
            different += theirs
    means = [float(np.mean(values)) if values else None for values in (same, different)]
    return Pair(one, other, persons, sessions, len(same), *means)


def _differences(one: Sessions, other: Sessions) -> tuple[list[float], list[float]]:
    """Absolute score differences over pairs of sessions: of one person, of two persons."""
    a = [v for v in one.values() if v[0] is not None]
    b = [v for v in other.values() if v[0] is not None]
    apart = np.abs(np.subtract.outer([score for _, score in a], [score for _, score in b]))
    same = np.array([[p == q for q, _ in b] for p, _ in a], dtype=bool)
    return apart[same].tolist(), apart[~same].tolist()


def _known(split: str, known_from: tuple[str, ...], folds: Sequence[Parts]) -> Known:
    totals = np.zeros(4, dtype=int)
    for parts in folds:
        met = set().union(*(persons_of(parts[p]) for p in known_from))
        sessions = sessions_of(parts[split])
        totals += (
            sum(item.subject in met for item in parts[split]),
            len(parts[split]),
            sum(subject in met for subject, _ in sessions.values()),
            len(sessions),
        )
    return Known(split, known_from, *totals.tolist())
