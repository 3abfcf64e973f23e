"""Ridge regression on functionals of a recording's tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deptool import functionals, regress
from deptool.regress import Floats, State, Subjects

TITLE = "Ridge regression on functionals of a recording's tables"
DOI = None
NEEDS = ()
USES = ("landmarks", "action_units", "head_pose", "gaze")


@dataclass(frozen=True)
class Settings:
    """The penalties to choose from, by the error over held-out persons of train."""

    alpha_min: float = 1.0
    alpha_max: float = 1e5
    alphas: int = 16
    folds: int = 5  # of the persons in train

    def __post_init__(self) -> None:
        regress.check_ladder(self, "alpha_min", "alpha_max", "alphas")
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
    """x (recording, feature), score, subject (recording,) -> coefficients; `seed` deals folds."""
    alphas = regress.ladder(settings.alpha_min, settings.alpha_max, settings.alphas)[::-1]
    return regress.fit_ridge(x, score, subject, alphas=alphas, folds=settings.folds, seed=seed)


def apply(state: State, x: Floats, subject: Subjects) -> Floats:
    """x (recording, feature) -> score (recording,)."""
    return regress.apply_ridge(state, x)
