"""Ranks, CMC, ROC, EER and AUC of an identification, against slow versions and scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deptool.bootstrap import PERSON, Units
from deptool.identification_measures import Run, auc, chance, cmc, eer, measure, roc, shares


@st.composite
def runs(draw):
    """Scores of few values, so that ties are common; 2 to 6 candidates, 1 to 8 probes."""
    candidates, probes = draw(st.integers(2, 6)), draw(st.integers(1, 8))
    values = st.integers(0, 3).map(float)
    rows = st.lists(values, min_size=candidates, max_size=candidates)
    scores = np.array(draw(st.lists(rows, min_size=probes, max_size=probes)))
    own = draw(st.lists(st.integers(0, candidates - 1), min_size=probes, max_size=probes))
    return Run(scores, np.array(own))


def pairs(run):
    genuine = np.zeros(run.scores.shape, bool)
    genuine[np.arange(len(run.own)), run.own] = True
    return genuine.ravel(), run.scores.ravel()


def curves(run, **more):
    units = Units(np.zeros(len(run.own), int), 1, PERSON)
    return roc(run, units, np.ones((1, 1)), **more)


def slow_share(row, own, k):
    """The mean over all orders of ties: by position among the tied."""
    better = sum(score > row[own] for score in row)
    tied = sum(score == row[own] for score in row)
    return np.mean([better + place < k for place in range(tied)])


@given(runs())
@settings(max_examples=60, deadline=None)
def test_cmc_is_the_slow_one(run):
    n = run.scores.shape[1]
    expected = [
        np.mean([slow_share(row, own, k) for row, own in zip(run.scores, run.own, strict=True)])
        for k in range(1, n + 1)
    ]
    found = cmc(run.scores, run.own)
    np.testing.assert_allclose(found, expected)
    assert found[-1] == pytest.approx(1)
    assert (np.diff(found) >= -1e-12).all()


@given(runs())
@settings(max_examples=60, deadline=None)
def test_auc_is_that_of_scikit_learn(run):
    from sklearn.metrics import roc_auc_score

    assert auc(*curves(run))[0] == pytest.approx(roc_auc_score(*pairs(run)))


@given(runs())
@settings(max_examples=60, deadline=None)
def test_eer_is_where_the_roc_of_scikit_learn_meets_the_diagonal(run):
    from scipy.optimize import brentq
    from sklearn.metrics import roc_curve

    false, true, _ = roc_curve(*pairs(run), drop_intermediate=False)

    def gap(share):  # along the curve, by the share of its thresholds
        at = np.arange(len(false)) / (len(false) - 1)
        return np.interp(share, at, false) - (1 - np.interp(share, at, true))

    share = brentq(gap, 0, 1)
    expected = np.interp(share, np.arange(len(false)) / (len(false) - 1), false)
    assert eer(*curves(run))[0] == pytest.approx(expected, abs=1e-6)


def test_where_all_are_alike_guessing_is_left():
    # Of 4 candidates, all as alike, the own one is first with 1/4, and in the first 3 with 3/4.
    scores, own = np.zeros((5, 4)), np.array([0, 1, 2, 3, 0])
    assert shares(scores, own, (1, 3)).tolist() == [[0.25, 0.75]] * 5
    found = measure([Run(scores, own)], own)
    assert found.rank_1.value == chance(1, 4)
    assert found.auc.value == found.eer.value == 0.5


def test_chance_of_rank_5_among_three_is_certain():
    assert (chance(1, 3), chance(5, 3), chance(5, 20)) == (1 / 3, 1, 0.25)


def test_everybody_and_nobody_are_no_certainties():
    # Clopper & Pearson, 10 of 10: low end is 0.025 ** (1/10) = 0.6915; of 0 of 10 the mirror image.
    scores = np.eye(10)
    own = np.arange(10)
    all_found = measure([Run(scores, own)], own).rank_1
    none = measure([Run(scores, (own + 1) % 10)], own).rank_1
    assert (all_found.value, all_found.interval.high) == (1, 1)
    assert all_found.interval.low == pytest.approx(0.6915, abs=1e-4)
    assert (none.value, none.interval.low) == (0, 0)
    assert none.interval.high == pytest.approx(0.3085, abs=1e-4)


def test_less_than_one_person_by_ties_is_no_certainty_either():
    # Each probe is the most like somebody else, who is the only one: nobody is found at rank 1
    # but the last, which is as like all 20: 1/20 of a person, of 20, and chance is 1/20.
    scores, own = np.eye(20)[np.roll(np.arange(20), 1)], np.arange(20)
    scores[19] = 0
    found = measure([Run(scores, own)], own).rank_1
    assert found.value == pytest.approx(1 / 400)
    assert found.interval.low <= found.value
    assert found.interval.high > 1 / 20


def test_resamples_that_all_agree_give_no_interval():
    # Everybody is found, and is more alike than any other pair: AUC 1 and EER 0 in all resamples.
    own = np.arange(12)
    found = measure([Run(np.eye(12), own)], own)
    assert (found.auc.value, found.eer.value) == (1, 0)
    assert found.auc.interval is found.eer.interval is None
    assert found.rank_1.interval.low < 1  # Clopper & Pearson


@pytest.mark.parametrize("candidates", [30, 40])
def test_a_tie_of_everybody_gives_no_interval(candidates):
    # Each probe is as like all: 1 / candidates of it is found, whoever is drawn.
    own = np.arange(30)
    found = measure([Run(np.zeros((30, candidates)), own)], own)
    assert found.rank_1.value == pytest.approx(1 / candidates)
    assert found.rank_1.interval is None
    assert found.rank_5.interval is None


def test_probes_of_one_person_come_along_together():
    # Two persons with 50 probes each, all of one found and none of the other: the share is 1/2, and
    # a resample of persons has 0, 1/2 or 1. Over probes the interval would be narrow.
    scores = np.tile([1.0, 0.0], (100, 1))
    own = np.repeat([0, 1], 50)
    found = measure([Run(scores, own)], own)
    assert (found.rank_1.interval.low, found.rank_1.interval.high) == (0, 1)
    assert found.found.tolist() == [1, 0]


def test_runs_are_averaged():
    own = np.arange(3)
    found = measure([Run(np.eye(3), own), Run(np.roll(np.eye(3), 1, axis=1), own)], own)
    # All found in the first run, none in the second.
    assert found.rank_1.value == 0.5
    assert found.cmc.tolist()[0] == 0.5


def test_few_thresholds_give_nearly_the_same_areas():
    rng = np.random.default_rng(0)
    scores = rng.standard_normal((60, 60)) + 2 * np.eye(60)
    run = Run(scores, np.arange(60))
    whole, binned = curves(run, bins=None), curves(run, bins=256)
    assert len(binned[0][0]) <= 257
    assert auc(*binned)[0] == pytest.approx(auc(*whole)[0], abs=0.005)
    assert eer(*binned)[0] == pytest.approx(eer(*whole)[0], abs=0.01)
