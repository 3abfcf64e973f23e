"""Attribute inference: are gender and age told from the tables, of persons not seen in training?

WP216 calls it inference: what is released may say of a person what nobody meant to release. A
person's vector is the mean of its samples' descriptions by the attacks on dynamics and, where there
are landmarks, on static shape. Five folds of persons, dealt five times; a person's prediction is
the mean of the five, each by a model that never saw the person. Gender (female, male): logistic
regression, its AUC. Age: ridge regression, its R2. Intervals are from a bootstrap over persons.
The control is the same with the attribute shuffled among persons, averaged over some shuffles.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deptool.attack_signals import mean_known
from deptool.audit_result import Inference
from deptool.audit_samples import Described
from deptool.bootstrap import PERSON, Estimate, Units, draw
from deptool.identification_measures import estimated
from deptool.matchers import Scale

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]
Fit = Callable[[Floats, Floats, Floats], Floats]

SEEN_BY = ("dynamics-summary", "static-shape")  # the attacks whose descriptions it takes
SHUFFLES = 5  # of the control
_FOLDS, _DEALS = 5, 5
_COMPONENTS = 20  # of a PCA before the regression
_LEAST = 20  # persons
_LEAST_OF_A_KIND = 5  # of either gender
_PENALTY = 50.0


def infer(
    side: str, persons: Mapping[str, Floats], known: pl.DataFrame, seed: int
) -> list[Inference]:
    """persons (person -> (number,)), known: a subjects table -> one result for each attribute.

    As the side "control", of attributes that are shuffled.
    """
    about = {row["subject_id"]: row for row in known.to_dicts() if row["subject_id"] in persons}
    gender = {who: row["gender"] for who, row in about.items()}
    told = {who: float(g == "female") for who, g in gender.items() if g in ("female", "male")}
    ages = {who: float(row["age"]) for who, row in about.items() if row["age"] is not None}
    return [
        _of("gender", side, "AUC", 0.5, persons, told, seed),
        _of("age", side, "R2", 0.0, persons, ages, seed),
    ]


def vectors(found: Described) -> dict[str, Floats]:
    """person -> the mean, over its samples, of their whole descriptions (number,)."""
    rows: dict[str, list[Floats]] = {}
    for held in (found.gallery, found.probes):
        for i, person in enumerate(held.persons):
            parts = [held.described[name][i] for name in SEEN_BY]
            sizes = {name: _size(found, name) for name in SEEN_BY}
            row = [
                np.full(sizes[name], np.nan) if part is None else part[0]
                for name, part in zip(SEEN_BY, parts, strict=True)
            ]
            if any(part is not None for part in parts):
                rows.setdefault(person, []).append(np.concatenate(row))
    return {person: mean_known(np.stack(each)) for person, each in rows.items()}


def _size(found: Described, name: str) -> int:
    every: list[Any] = [
        *found.gallery.described.get(name, []),
        *found.probes.described.get(name, []),
    ]
    return next((each.shape[1] for each in every if each is not None), 0)


def _of(
    attribute: str,
    side: str,
    measure: str,
    chance: float,
    persons: Mapping[str, Floats],
    truth: Mapping[str, float],
    seed: int,
) -> Inference:
    """One attribute; `why` where too few persons have it."""
    names = sorted(truth)
    y = np.array([truth[who] for who in names])
    why = _why(attribute, y)
    if why:
        return Inference(attribute, side, measure, Estimate(None), chance, len(names), why)
    x = np.stack([persons[who] for who in names])
    runs = [y]
    if side == "control":
        rng = np.random.default_rng([seed, len(y)])
        runs = [rng.permutation(y) for _ in range(SHUFFLES)]
    found = np.mean([_told(attribute, x, run, seed) for run in runs], axis=0)
    value = estimated(found, Units(np.arange(len(y)), len(y), PERSON))
    n_shuffles = len(runs) if side == "control" else 0
    return Inference(attribute, side, measure, value, chance, len(names), None, n_shuffles)


def _told(attribute: str, x: Floats, y: Floats, seed: int) -> Floats:
    """x (person, number), y (person,) -> the measure (1 + resample,), all persons first."""
    if attribute == "gender":
        return areas(y > 0, predicted(x, y, y, _logistic, seed))
    band = np.digitize(y, np.quantile(y, (0.25, 0.5, 0.75)))
    return determinations(y, predicted(x, y, band, _ridge, seed))


def _why(attribute: str, y: Floats) -> str | None:
    if len(y) < _LEAST:
        return f"{attribute} is known of {len(y)} persons, and less than {_LEAST} say nothing"
    if attribute == "gender" and min(y.sum(), len(y) - y.sum()) < _LEAST_OF_A_KIND:
        return f"fewer than {_LEAST_OF_A_KIND} persons of one gender"
    return "all persons have the same age" if y.min() == y.max() else None


def predicted(x: Floats, y: Floats, kind: NDArray[Any], fit: Fit, seed: int) -> Floats:
    """x (person, number), y (person,) -> predictions (person,), never of a model that saw them.

    Persons of each `kind` (person,) are dealt evenly to the folds.
    """
    rng = np.random.default_rng(seed)
    total = np.zeros(len(y))
    for _ in range(_DEALS):
        order = rng.permutation(len(y))
        order = order[np.argsort(kind[order], kind="stable")]
        fold = np.empty(len(y), int)
        fold[order] = np.arange(len(y)) % _FOLDS
        for i in range(_FOLDS):
            train, test = fold != i, fold == i
            one, other = _components(x[train], x[test], seed)
            total[test] += fit(one, y[train], other)
    return total / _DEALS


def areas(positive: NDArray[np.bool_], score: Floats) -> Floats:
    """AUC of a score (person,), ties half: of all persons, then of resamples (1 + resample,)."""
    above = score[positive][:, None] - score[~positive][None, :]
    right = (above > 0) + 0.5 * (above == 0)
    drawn = np.concatenate([np.ones((1, len(score))), draw(len(score))])
    one, other = drawn[:, positive], drawn[:, ~positive]
    with np.errstate(invalid="ignore"):
        found: Floats = ((one @ right) * other).sum(axis=1) / (one.sum(axis=1) * other.sum(axis=1))
    return found


def determinations(truth: Floats, prediction: Floats) -> Floats:
    """R2 of a prediction (person,): of all persons, then of resamples (1 + resample,)."""
    drawn = np.concatenate([np.ones((1, len(truth))), draw(len(truth))])
    n = drawn.sum(axis=1)
    y = truth - truth.mean()
    spread = drawn @ y**2 - (drawn @ y) ** 2 / n
    errors = drawn @ (prediction - truth) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(spread > 0, 1 - errors / spread, np.nan)


def _components(train: Floats, test: Floats, seed: int) -> tuple[Floats, Floats]:
    """Both in SDs of the training persons, on their first principal components."""
    from sklearn.decomposition import PCA

    scale = Scale(train)
    size = min(_COMPONENTS, scale.n, len(train) - 1)
    pca = PCA(size, svd_solver="full", random_state=seed).fit(scale(train))
    one, other = pca.transform(scale(train)), pca.transform(scale(test))
    spread = one.std(axis=0)
    spread = np.where(spread > 0, spread, 1)
    return one / spread, other / spread


def _logistic(x: Floats, y: Floats, asked: Floats) -> Floats:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1 / _PENALTY, max_iter=1000).fit(x, y)
    found: Floats = model.decision_function(asked)
    return found


def _ridge(x: Floats, y: Floats, asked: Floats) -> Floats:
    from sklearn.linear_model import Ridge

    found: Floats = Ridge(alpha=_PENALTY).fit(x, y).predict(asked)
    return found
