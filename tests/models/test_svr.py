"""Support vector regression: what NumPy applies is scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.svm import SVR

from deptool import regress
from deptool.models import svr
from tests.models.recordings import features


def test_it_applies_what_scikit_learn_fitted() -> None:
    x, score, subject = features(svr)
    state = svr.fit(x[:16], score[:16], subject[:16], svr.Settings(), 0)
    theirs = SVR(C=float(state["chosen.C"]), gamma=float(state["chosen.gamma"]), epsilon=1.0)
    theirs.fit(regress.scaled(state, x[:16]), score[:16])
    np.testing.assert_allclose(
        svr.apply(state, x, subject), theirs.predict(regress.scaled(state, x)), rtol=0, atol=1e-9
    )


def test_gamma_is_by_the_number_of_features_that_differ() -> None:
    x, score, subject = features(svr)
    x = np.concatenate([x[:, :10], np.ones((len(x), 30))], axis=1)
    differ = len(regress.learn_inputs(x)["inputs.kept"])
    assert differ <= 10
    settings = svr.Settings(gamma_min=0.5, gamma_max=0.5, gammas=1)
    state = svr.fit(x, score, subject, settings, 0)
    assert float(state["chosen.gamma"]) == pytest.approx(0.5 / differ)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"epsilon": -1.0}, "epsilon"),
        ({"c_min": 0.0}, "c_min must be above 0"),
        ({"gamma_min": 2.0}, "not above gamma_max, not 2.0 and 1.0"),
        ({"cs": 0}, "cs must be at least 1"),
        ({"folds": 1}, "folds"),
    ],
)
def test_settings_that_make_no_sense(values: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        svr.Settings(**values)
