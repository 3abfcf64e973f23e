"""Support vector regression with a Gaussian kernel, on functionals of a recording's tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from deptool import functionals, regress
from deptool.regress import Floats, State, Subjects

TITLE = "Support vector regression with a Gaussian kernel, on functionals of a recording's tables"
DOI = None
NEEDS = ()
USES = ("landmarks", "action_units", "head_pose", "gaze")


@dataclass(frozen=True)
class Settings:
    """What to choose from, by the error over held-out persons of train.

    `gamma_*` are times 1 / (number of features): 1 is scikit-learn's `gamma="auto"`.
    """

    c_min: float = 0.1
    c_max: float = 1000.0
    cs: int = 9
    gamma_min: float = 0.1
    gamma_max: float = 1.0
    gammas: int = 3
    epsilon: float = 1.0  # points; a smaller error is none
    folds: int = 5  # of the persons in train

    def __post_init__(self) -> None:
        regress.check_ladder(self, "c_min", "c_max", "cs")
        regress.check_ladder(self, "gamma_min", "gamma_max", "gammas")
        regress.check_folds(self.folds)
        if not (self.epsilon >= 0 and math.isfinite(self.epsilon)):
            raise ValueError(f"epsilon must not be negative, not {self.epsilon}")


def describe(
    times: Floats,
    groups: Mapping[str, Floats],
    columns: Mapping[str, Sequence[str]],
    settings: Settings,
) -> dict[str, float] | None:
    """The functionals of a recording: see `functionals.describe`."""
    return functionals.describe(times, groups, columns)


def fit(x: Floats, score: Floats, subject: Subjects, settings: Settings, seed: int) -> State:
    """x (recording, feature), score, subject (recording,) -> support vectors and their weights."""
    from sklearn.svm import SVR

    n_features = max(len(regress.learn_inputs(x)["inputs.kept"]), 1)
    gammas = regress.ladder(settings.gamma_min, settings.gamma_max, settings.gammas) / n_features
    grid = {"C": regress.ladder(settings.c_min, settings.c_max, settings.cs), "gamma": gammas}
    machine, state = regress.fit_best(
        SVR(epsilon=settings.epsilon),
        grid,
        x,
        score,
        subject,
        folds=settings.folds,
        seed=seed,
    )
    return state | {
        "vectors": np.asarray(machine.support_vectors_),
        "weights": np.asarray(machine.dual_coef_[0]),
        "intercept": np.asarray(machine.intercept_[0]),
    }


def apply(state: State, x: Floats, subject: Subjects) -> Floats:
    """x (recording, feature) -> score (recording,)."""
    vectors, gamma = state["vectors"], state["chosen.gamma"]
    scores = [
        state["weights"] @ np.exp(-gamma * np.square(vectors - row).sum(axis=1))
        for row in regress.scaled(state, x)
    ]
    return np.array(scores, np.float64) + state["intercept"]
