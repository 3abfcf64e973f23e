"""Predictors that look at no face: what the split's constants and the person's identity give.

Each is scored over recordings, and over sessions too where sessions have several recordings. The
folds of a cross-validation are pooled first, as in `evaluate`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np

from deptool.metrics import mae, rmse

TRAIN_MEAN = "train mean"
TRAIN_MEDIAN = "train median"
PERSON_TRAIN = "person's mean in train"
PERSON_TRAIN_DEV = "person's mean in train and dev"


class Item(NamedTuple):
    """One recording: who, in which session, with which score (points)."""

    subject: str | None
    session: str
    score: float


Sessions = dict[str, tuple[str | None, float]]  # session -> its person and score


@dataclass(frozen=True)
class Predictor:
    """The errors (points) of a predictor on one part, over N recordings or sessions."""

    predictor: str
    split: str
    unit: str
    n: int
    rmse: float
    mae: float


def sessions_of(items: Iterable[Item]) -> Sessions:
    """The sessions that recordings belong to."""
    return {item.session: (item.subject, item.score) for item in items}


def persons_of(items: Iterable[Item]) -> set[str]:
    """The persons in recordings, as far as they are known."""
    return {item.subject for item in items if item.subject is not None}


def predictors(folds: Sequence[Mapping[str, Sequence[Item]]]) -> tuple[Predictor, ...]:
    """Folds of parts ('train', 'dev', 'test' -> recordings) -> errors on dev and test.

    The person's mean is that of their sessions in train (or in train and dev); a person who is
    not there gets the mean score of these parts. Left out where nobody is on two sides.
    """
    shared = any(
        persons_of(parts[a]) & persons_of(parts[b])
        for parts in folds
        for a, b in combinations(parts, 2)
    )
    units = ["recording"]
    if any(len(sessions_of(items)) < len(items) for parts in folds for items in parts.values()):
        units.append("session")
    found: dict[tuple[str, str, str], tuple[list[float], list[float]]] = defaultdict(
        lambda: ([], [])
    )
    for parts in folds:
        for split, unit, name, truth, prediction in _predicted(parts, units, shared):
            truths, predictions = found[split, unit, name]
            truths += truth
            predictions += prediction
    return tuple(
        Predictor(name, split, unit, len(y), rmse(y, p), mae(y, p))
        for (split, unit, name), (y, p) in found.items()
        if y
    )


def _predicted(
    parts: Mapping[str, Sequence[Item]], units: Sequence[str], shared: bool
) -> Iterable[tuple[str, str, str, list[float], list[float]]]:
    """Part, unit, predictor, truths and predictions of one fold, in the order of the table."""
    train, both = parts["train"], [*parts["train"], *parts["dev"]]
    for split in ("dev", "test"):
        for unit in units:
            items = _units(parts[split], unit)
            truth = [item.score for item in items]
            scores = [item.score for item in _units(train, unit)]
            mean = float(np.mean(scores))
            yield split, unit, TRAIN_MEAN, truth, [mean] * len(truth)
            yield split, unit, TRAIN_MEDIAN, truth, [float(np.median(scores))] * len(truth)
            if not shared:
                continue
            own = _own_means(train)
            yield split, unit, PERSON_TRAIN, truth, [own.get(i.subject, mean) for i in items]
            if split == "test":
                own = _own_means(both)
                mean = float(np.mean([item.score for item in _units(both, unit)]))
                predicted = [own.get(i.subject, mean) for i in items]
                yield split, unit, PERSON_TRAIN_DEV, truth, predicted


def _units(items: Sequence[Item], unit: str) -> list[Item]:
    """What counts once: every recording, or one of each session."""
    if unit == "recording":
        return list(items)
    return list({item.session: item for item in items}.values())


def _own_means(items: Sequence[Item]) -> dict[str | None, float]:
    """Person -> mean score over their sessions."""
    scores = defaultdict(list)
    for subject, score in sessions_of(items).values():
        if subject is not None:
            scores[subject].append(score)
    return {subject: float(np.mean(values)) for subject, values in scores.items()}
