"""Gradient-boosted regression trees on functionals of a recording's tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deptool import functionals, regress
from deptool.regress import Floats, State, Subjects

TITLE = "Gradient-boosted regression trees on functionals of a recording's tables"
DOI = None
NEEDS = ()
USES = ("landmarks", "action_units", "head_pose", "gaze")

_LEAF = -1  # scikit-learn's mark of a node without children


@dataclass(frozen=True)
class Settings:
    """The depth of trees is chosen from 1 to `max_depth`, their number from a quarter and all."""

    trees: int = 80
    max_depth: int = 3
    learning_rate: float = 0.1
    features: float = 0.3  # share of the features that a split may choose from
    folds: int = 5  # of the persons in train

    def __post_init__(self) -> None:
        for name in ("trees", "max_depth"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        for name in ("learning_rate", "features"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} must be above 0 and at most 1, not {getattr(self, name)}")
        regress.check_folds(self.folds)


def describe(
    times: Floats,
    groups: Mapping[str, Floats],
    columns: Mapping[str, Sequence[str]],
    settings: Settings,
) -> dict[str, float] | None:
    """The functionals of a recording: see `functionals.describe`."""
    return functionals.describe(times, groups, columns)


def fit(x: Floats, score: Floats, subject: Subjects, settings: Settings, seed: int) -> State:
    """x (recording, feature), score, subject (recording,) -> trees (tree, node) and their start."""
    from sklearn.ensemble import GradientBoostingRegressor

    grid = {
        "max_depth": range(1, settings.max_depth + 1),
        "n_estimators": sorted({max(1, settings.trees // 4), settings.trees}),
    }
    boosted, state = regress.fit_best(
        GradientBoostingRegressor(
            learning_rate=settings.learning_rate,
            max_features=settings.features,
            random_state=seed,
        ),
        grid,
        x,
        score,
        subject,
        folds=settings.folds,
        seed=seed,
    )
    trees = [tree.tree_ for tree in boosted.estimators_[:, 0]]
    return state | {
        "start": np.asarray(score.mean()),
        "left": _table([t.children_left for t in trees], _LEAF),
        "right": _table([t.children_right for t in trees], _LEAF),
        "feature": _table([t.feature for t in trees], 0),
        "threshold": _table([t.threshold for t in trees], 0.0),
        "value": settings.learning_rate * _table([t.value[:, 0, 0] for t in trees], 0.0),
    }


def apply(state: State, x: Floats, subject: Subjects) -> Floats:
    """x (recording, feature) -> score (recording,)."""
    # Trees compare what float32 keeps of a feature.
    inputs = regress.scaled(state, x).astype(np.float32)
    recording = np.arange(len(inputs))[:, None]
    tree = np.arange(len(state["left"]))
    node = np.zeros((len(inputs), len(tree)), np.int64)
    while (inner := state["left"][tree, node] != _LEAF).any():
        low = inputs[recording, state["feature"][tree, node]] <= state["threshold"][tree, node]
        child = np.where(low, state["left"][tree, node], state["right"][tree, node])
        node = np.where(inner, child, node)
    return state["start"] + state["value"][tree, node].sum(axis=1)


def _table(rows: Sequence[NDArray[Any]], filler: float) -> NDArray[Any]:
    """Arrays of a tree's nodes (node,), padded to (tree, node)."""
    table = np.full((len(rows), max(len(row) for row in rows)), filler, rows[0].dtype)
    for place, row in zip(table, rows, strict=True):
        place[: len(row)] = row
    return table
