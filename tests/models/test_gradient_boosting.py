"""Gradient boosting: what NumPy applies is scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingRegressor

from deptool import regress
from deptool.models import gradient_boosting
from tests.models.recordings import features

Settings = gradient_boosting.Settings


@pytest.mark.parametrize(
    "settings", [Settings(), Settings(trees=3, max_depth=6, learning_rate=1.0)]
)
def test_it_applies_what_scikit_learn_fitted(settings: Settings) -> None:
    x, score, subject = features(gradient_boosting)
    state = gradient_boosting.fit(x[:16], score[:16], subject[:16], settings, 5)
    theirs = GradientBoostingRegressor(
        n_estimators=int(state["chosen.n_estimators"]),
        max_depth=int(state["chosen.max_depth"]),
        learning_rate=settings.learning_rate,
        max_features=settings.features,
        random_state=5,
    )
    theirs.fit(regress.scaled(state, x[:16]), score[:16])
    np.testing.assert_allclose(
        gradient_boosting.apply(state, x, subject),
        theirs.predict(regress.scaled(state, x)),
        rtol=0,
        atol=1e-9,
    )


def test_a_value_on_the_threshold_goes_left() -> None:
    # One tree by hand: feature 0 at most 0.5 gives 1, else feature 1 at most 0 gives 2, else 3.
    state = {
        "inputs.kept": np.array([0, 1]),
        "inputs.low": np.zeros(2),
        "inputs.high": np.full(2, 9.0),
        "inputs.median": np.zeros(2),
        "inputs.mean": np.zeros(2),
        "inputs.sd": np.ones(2),
        "start": np.array(10.0),
        "left": np.array([[1, -1, 3, -1, -1]]),
        "right": np.array([[2, -1, 4, -1, -1]]),
        "feature": np.array([[0, 0, 1, 0, 0]]),
        "threshold": np.array([[0.5, 0, 0, 0, 0]]),
        "value": np.array([[0.0, 1, 0, 2, 3]]),
    }
    # A gap is the median, 0; and as float32, which is what is compared, 0.5 + 1e-9 is 0.5.
    x = np.array([[0.5, 9], [0.6, 0], [0.6, 0.1], [np.nan, 9], [0.5 + 1e-9, 9]])
    assert gradient_boosting.apply(state, x, [None] * 5).tolist() == [11, 12, 13, 11, 11]


@pytest.mark.parametrize("name", ["trees", "max_depth", "learning_rate", "features", "folds"])
def test_settings_that_make_no_sense(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        Settings(**{name: 0})
