"""What models of recordings share: gaps filled, features scaled, settings chosen by person.

Everything is learnt from the training recordings alone, and chosen by folds inside them. What is
learnt is arrays; scikit-learn fits, NumPy applies. Each recording's score is computed on its own,
so it is the same number whichever other recordings are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deptool.errors import DataError

if TYPE_CHECKING:
    from sklearn.base import RegressorMixin

Floats = NDArray[np.float64]
State = dict[str, NDArray[Any]]
Subjects = Sequence[str | None]
Grid = Mapping[str, Floats | Sequence[int]]

_SAME = 1e-9  # a feature whose values differ by less than this share of them has one value


def learn_inputs(x: Floats) -> State:
    """x (recording, feature), NaN where there is no value -> what `scaled` applies.

    Features that have one value in all of these recordings, or none, are left out.
    """
    known = ~np.isnan(x)
    high = np.where(known, x, -np.inf).max(axis=0, initial=-np.inf)
    low = np.where(known, x, np.inf).min(axis=0, initial=np.inf)
    largest = np.maximum(np.abs(high), np.abs(low))
    kept = np.flatnonzero((high > low) & (high - low > _SAME * largest))
    median = np.nanmedian(x[:, kept], axis=0)
    filled = np.where(known[:, kept], x[:, kept], median)
    return {
        "inputs.kept": kept,
        "inputs.low": low[kept],
        "inputs.high": high[kept],
        "inputs.median": median,
        "inputs.mean": filled.mean(axis=0),
        "inputs.sd": filled.std(axis=0),
    }


def scaled(inputs: State, x: Floats) -> Floats:
    """x (recording, feature) -> (recording, feature that is kept): no gap, mean 0 and SD 1.

    A value beyond those of training is taken for the last of them: one face that was badly tracked
    cannot carry a score off the scale.
    """
    kept = x[:, inputs["inputs.kept"]].clip(inputs["inputs.low"], inputs["inputs.high"])
    filled = np.where(np.isnan(kept), inputs["inputs.median"], kept)
    # Row by row in memory, or sums over a row would depend on how many rows there are.
    return np.ascontiguousarray((filled - inputs["inputs.mean"]) / inputs["inputs.sd"])


def fit_best(
    regressor: RegressorMixin,
    grid: Grid,
    x: Floats,
    score: Floats,
    subject: Subjects,
    *,
    folds: int,
    seed: int,
) -> tuple[RegressorMixin, State]:
    """`regressor` with the setting of `grid` that predicts held-out persons best, fitted to all.

    The first of equals wins, so a grid goes from the plainest to the most flexible; it is also what
    is taken where there is nobody to hold out. With it the arrays that `scaled` needs, and the
    settings that were chosen. Raises DataError where the recordings differ in no feature.
    """
    from sklearn.base import clone
    from sklearn.model_selection import ParameterGrid
    from threadpoolctl import threadpool_limits

    inputs = learn_inputs(x)
    if not len(inputs["inputs.kept"]):
        raise DataError(
            f"the {len(x)} training recordings do not differ in any feature",
            fix="A model of features needs at least two recordings in train that differ.",
        )
    candidates = list(ParameterGrid(dict(grid)))
    squares = np.zeros(len(candidates))
    # One thread: these matrices are small, and sums do not depend on how many cores there are.
    with threadpool_limits(1):
        for train, held in _by_person(subject, folds, seed):
            own = learn_inputs(x[train])
            if not len(own["inputs.kept"]):
                continue
            seen, unseen = scaled(own, x[train]), scaled(own, x[held])
            for i, candidate in enumerate(candidates):
                fitted = clone(regressor).set_params(**candidate).fit(seen, score[train])
                squares[i] += np.square(fitted.predict(unseen) - score[held]).sum()
        best = candidates[int(np.argmin(squares))]
        fitted = clone(regressor).set_params(**best).fit(scaled(inputs, x), score)
    chosen = {f"chosen.{name}": np.float64(value) for name, value in best.items()}
    return fitted, inputs | {name: np.asarray(value) for name, value in chosen.items()}


def _by_person(
    subject: Subjects, folds: int, seed: int
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Recordings to learn from and to hold out, fold by fold; `seed` deals the persons.

    A recording of nobody known is a person of its own. No fold where there are no two persons.
    """
    from sklearn.model_selection import GroupKFold

    number: dict[str | int, int] = {}
    person = [number.setdefault(i if s is None else s, len(number)) for i, s in enumerate(subject)]
    if len(number) < 2:
        return
    dealt = np.random.default_rng(seed).permutation(len(number))[person]
    yield from GroupKFold(min(folds, len(number))).split(dealt, groups=dealt)


def fit_ridge(
    x: Floats, score: Floats, subject: Subjects, *, alphas: Floats, folds: int, seed: int
) -> State:
    """Ridge regression; `alphas` are the penalties to choose from, the largest first."""
    from sklearn.linear_model import Ridge

    ridge, state = fit_best(Ridge(), {"alpha": alphas}, x, score, subject, folds=folds, seed=seed)
    return state | {
        "coefficients": np.asarray(ridge.coef_),
        "intercept": np.asarray(ridge.intercept_),
    }


def apply_ridge(state: State, x: Floats) -> Floats:
    """x (recording, feature) -> score (recording,)."""
    weighted = scaled(state, x) * state["coefficients"]
    return np.asarray(weighted.sum(axis=1) + state["intercept"])


def ladder(low: float, high: float, steps: int) -> Floats:
    """`steps` numbers from `low` to `high`, each the same factor above the one before."""
    return np.geomspace(low, high, steps)


def check_ladder(settings: Any, low: str, high: str, steps: str) -> None:
    """ValueError where these fields of `settings` are no ladder."""
    if not 0 < getattr(settings, low) <= getattr(settings, high) < np.inf:
        raise ValueError(
            f"{low} must be above 0 and not above {high},"
            f" not {getattr(settings, low)} and {getattr(settings, high)}"
        )
    if getattr(settings, steps) < 1:
        raise ValueError(f"{steps} must be at least 1, not {getattr(settings, steps)}")


def check_folds(folds: int) -> None:
    """ValueError where one cannot hold out a fold."""
    if folds < 2:
        raise ValueError(f"folds must be at least 2, not {folds}")
