"""Ridge regression on functionals."""

from __future__ import annotations

import numpy as np
import pytest

from deptool.models import ridge
from tests.models.recordings import features


def test_the_penalty_is_one_of_the_ladder() -> None:
    x, score, subject = features(ridge)
    settings = ridge.Settings(alpha_min=10.0, alpha_max=1000.0, alphas=3)
    state = ridge.fit(x, score, subject, settings, 0)
    assert float(state["chosen.alpha"]) in (10.0, pytest.approx(100.0), 1000.0)


def test_noise_gets_a_larger_penalty_than_a_signal() -> None:
    x, score, subject = features(ridge)
    noise = np.random.default_rng(0).permutation(score)
    alphas = [
        float(ridge.fit(x, s, subject, ridge.Settings(), 0)["chosen.alpha"]) for s in (score, noise)
    ]
    assert alphas[0] < alphas[1]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"alpha_min": -1.0}, "alpha_min must be above 0"),
        ({"alpha_max": float("inf")}, "alpha_max"),
        ({"alphas": 0}, "alphas must be at least 1"),
        ({"folds": 1}, "folds must be at least 2, not 1"),
    ],
)
def test_settings_that_make_no_sense(values: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        ridge.Settings(**values)
