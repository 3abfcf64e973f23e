"""What models of recordings share: scaling of features, and the choice of settings by person."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from deptool import regress
from deptool.errors import DataError

NAN = np.nan


def planted(n: int = 20, width: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    x = generator.normal(0, 3, (n, width))
    return x, 20 + 5 * x[:, 0] + generator.normal(0, 1, n)


# --- inputs --------------------------------------------------------------------------------


def test_inputs_by_hand() -> None:
    # Feature 0: 1, 2, 6 and a gap: median 2 fills it; mean 11/4, squares 45/4.
    x = np.array([[1, 5, NAN], [2, 5, NAN], [6, 5, NAN], [NAN, 5, NAN]], float)
    inputs = regress.learn_inputs(x)
    assert inputs["inputs.kept"].tolist() == [0]  # 1 is the same for all, 2 has no value
    sd = np.sqrt(45 / 4 - (11 / 4) ** 2)
    assert regress.scaled(inputs, x)[:, 0] == pytest.approx((np.array([1, 2, 6, 2]) - 2.75) / sd)
    # Somebody new: what was left out has no say.
    assert regress.scaled(inputs, np.array([[NAN, 9e9, 1.0]])) == pytest.approx((2 - 2.75) / sd)


def test_beyond_training_a_feature_says_no_more() -> None:
    x, _ = planted()
    inputs = regress.learn_inputs(x)
    far, last = np.full((1, 4), 1e12), x.max(axis=0)[None]
    np.testing.assert_array_equal(regress.scaled(inputs, far), regress.scaled(inputs, last))
    np.testing.assert_array_equal(
        regress.scaled(inputs, -far), regress.scaled(inputs, x.min(axis=0)[None])
    )


def test_a_difference_in_the_last_digits_is_none() -> None:
    x = np.array([[1e6, 1.0], [1e6 + 1e-7, 2.0]])
    assert regress.learn_inputs(x)["inputs.kept"].tolist() == [1]


@given(arrays(np.float64, (7, 3), elements=st.floats(-1e3, 1e3, width=16) | st.just(NAN)))
def test_kept_features_have_mean_0_and_sd_1_and_no_gap(x: np.ndarray) -> None:
    inputs = regress.learn_inputs(x)
    found = regress.scaled(inputs, x)
    assert found.shape == (7, len(inputs["inputs.kept"]))
    assert found.mean(axis=0) == pytest.approx(0, abs=1e-6)
    assert found.std(axis=0) == pytest.approx(1, abs=1e-6)
    several = [len({v for v in column if v == v}) > 1 for column in x.T]
    assert inputs["inputs.kept"].tolist() == np.flatnonzero(several).tolist()


@given(st.floats(0.01, 100), st.floats(-100, 100))
@settings(max_examples=20)
def test_the_unit_of_a_feature_does_not_matter(factor: float, shift: float) -> None:
    x, _ = planted()
    changed = x * factor + shift
    one, other = (regress.scaled(regress.learn_inputs(v), v) for v in (x, changed))
    np.testing.assert_allclose(one, other, atol=1e-6)


# --- the choice of settings ----------------------------------------------------------------


@dataclass
class Spy(Ridge):
    """A ridge that notes which recordings (by feature 0 of `raw`) it was fitted to."""

    alpha: float = 1.0

    def __post_init__(self) -> None:
        super().__init__(alpha=self.alpha)

    def fit(self, x, y):
        assert x.mean(axis=0) == pytest.approx(0, abs=1e-9)  # scaled by these recordings alone
        seen.append(set(y.tolist()))
        return super().fit(x, y)


seen: list[set[float]] = []


def test_folds_hold_out_persons_and_never_half_of_one() -> None:
    x, _ = planted(12)
    score = np.arange(12.0)  # tells the recordings apart
    subject = ["a", "a", "b", "b", "b", "c", "d", "d", "e", None, None, "a"]
    seen.clear()
    regress.fit_best(Spy(), {"alpha": [1.0]}, x, score, subject, folds=3, seed=0)
    *inside, last = seen
    assert len(inside) == 3
    assert last == set(score)
    held = [set(score) - part for part in inside]
    assert sorted(s for part in held for s in part) == score.tolist()  # each is held out once
    for mine in ({0.0, 1.0, 11.0}, {2.0, 3.0, 4.0}, {6.0, 7.0}):
        assert any(mine <= part for part in held)


def test_the_setting_with_the_smallest_error_on_held_out_persons_wins() -> None:
    # Strong signal, little noise: a penalty that flattens everything loses to one that does not.
    x, score = planted(40)
    _, state = regress.fit_best(
        Ridge(), {"alpha": [1e9, 1.0]}, x, score, [str(i) for i in range(40)], folds=5, seed=0
    )
    assert float(state["chosen.alpha"]) == 1.0
    # No signal at all: the other way round.
    noise = np.random.default_rng(1).normal(0, 5, 40)
    x = np.random.default_rng(2).normal(0, 1, (40, 30))
    _, state = regress.fit_best(
        Ridge(), {"alpha": [1e9, 1.0]}, x, noise, [str(i) for i in range(40)], folds=5, seed=0
    )
    assert float(state["chosen.alpha"]) == 1e9


def test_a_person_who_is_in_several_recordings_does_not_choose_for_herself() -> None:
    # Features tell who it is, and nothing else. Held out by recording, following them closely
    # would pay; held out by person it does not.
    generator = np.random.default_rng(0)
    who = np.repeat(np.arange(12), 4)
    x = generator.normal(0, 1, (12, 30))[who] + generator.normal(0, 0.01, (48, 30))
    score = generator.uniform(0, 60, 12)[who]
    grid = {"alpha": [1e6, 0.1]}
    for subject, chosen in (([str(w) for w in who], 1e6), ([None] * 48, 0.1)):
        _, state = regress.fit_best(Ridge(), grid, x, score, subject, folds=5, seed=0)
        assert float(state["chosen.alpha"]) == chosen


def test_the_seed_deals_the_persons() -> None:
    x, _ = planted(12)
    dealt = []
    for seed in (0, 0, 1):
        seen.clear()
        regress.fit_best(
            Spy(), {"alpha": [1.0]}, x, np.arange(12.0), [None] * 12, folds=3, seed=seed
        )
        dealt.append([sorted(part) for part in seen])
    assert dealt[0] == dealt[1] != dealt[2]


def test_one_person_has_the_first_setting() -> None:
    x, score = planted(6)
    _, state = regress.fit_best(
        Ridge(), {"alpha": [7.0, 1.0]}, x, score, ["a"] * 6, folds=5, seed=0
    )
    assert float(state["chosen.alpha"]) == 7.0


def test_recordings_that_are_all_alike_teach_nothing() -> None:
    with pytest.raises(DataError, match="do not differ in any feature"):
        regress.fit_best(
            Ridge(), {"alpha": [1.0]}, np.ones((4, 3)), np.arange(4.0), ["a"] * 4, folds=2, seed=0
        )


# --- ridge ---------------------------------------------------------------------------------


def test_ridge_is_scikit_learns_pipeline() -> None:
    x, score = planted(30, 6)
    x[3, 1] = x[7, 2] = NAN
    alphas = regress.ladder(1, 1, 1)
    state = regress.fit_ridge(x, score, [None] * 30, alphas=alphas, folds=5, seed=0)
    theirs = make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), Ridge(alpha=1.0))
    new = planted(9, 6, seed=1)[0]
    new[0, 0] = NAN
    inside = new.clip(np.nanmin(x, axis=0), np.nanmax(x, axis=0))
    np.testing.assert_allclose(
        regress.apply_ridge(state, new), theirs.fit(x, score).predict(inside), rtol=0, atol=1e-9
    )


def test_a_ladder_by_hand() -> None:
    assert regress.ladder(1, 1000, 4).tolist() == pytest.approx([1, 10, 100, 1000])
    assert regress.ladder(5, 5, 1).tolist() == [5]
