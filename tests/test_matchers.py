"""Nearest neighbour and linear discriminant analysis, as the attacks use them."""

import numpy as np
import pytest

from deptool.matchers import Scale, best, discriminant, nearest, normalised, repeatable


def test_the_nearest_sample_of_a_person_counts():
    # Person 0 has samples at 0 and 10, person 1 at 4; the probe at 9 is nearest to person 0.
    gallery, persons = np.array([[0.0], [10.0], [4.0]]), np.array([0, 0, 1])
    found = nearest(gallery, persons, np.array([[9.0], [3.0]]))
    assert found.argmax(axis=1).tolist() == [0, 1]
    # Two persons, normalised in each probe: +1 and -1.
    np.testing.assert_allclose(np.abs(found), 1)


def test_the_best_sample_counts():
    alike = np.array([[1.0, 5.0, 3.0]])
    assert best(alike, np.array([1, 0, 1])).tolist() == [[5.0, 3.0]]


def test_a_probe_that_is_as_far_from_all_says_nothing():
    assert normalised(np.full((2, 3), -7.0)).tolist() == [[0, 0, 0]] * 2


def test_scale_leaves_out_what_never_varies_and_what_is_not_there():
    gallery = np.array([[1.0, 5.0, np.nan, np.nan], [3.0, 5.0, np.nan, 1.0], [5.0, 5.0, 2.0, 3.0]])
    scale = Scale(gallery)
    # Of column 0 mean 3 and SD sqrt(8/3); of 3 (two of three known) mean 2 and SD 1.
    assert scale.n == 2
    np.testing.assert_allclose(scale(np.array([[3 + np.sqrt(8 / 3), 0, 0, np.nan]])), [[1, 0]])


def test_what_repeats_weighs_more():
    # Number 0 is the person's; number 1 differs as much within a person as between them.
    rng = np.random.default_rng(0)
    parts = [
        np.column_stack([np.full(6, p) + 0.1 * rng.random(6), rng.random(6)]) for p in range(8)
    ]
    weight = repeatable(parts, np.arange(8))
    assert weight[0] > 0.99
    assert weight[1] < 0.6


def test_without_parts_everything_weighs_the_same():
    assert repeatable([np.zeros((1, 3))] * 4, np.arange(4)).tolist() == [1, 1, 1]


def test_the_discriminant_is_that_of_scikit_learn_for_many_parts():
    # With many parts shrinkage hardly matters, and PCA to all numbers changes no posterior.
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    rng = np.random.default_rng(0)
    centres = 3 * rng.standard_normal((4, 3))
    mix = rng.standard_normal((3, 3))
    gallery = [centre + rng.standard_normal((400, 3)) @ mix for centre in centres]
    probes = centres[[2, 0]] + rng.standard_normal((2, 3)) @ mix
    found = discriminant(gallery, np.arange(4), probes, 0)
    model = LinearDiscriminantAnalysis(solver="lsqr").fit(
        np.concatenate(gallery), np.repeat(np.arange(4), 400)
    )
    expected = normalised(model.decision_function(probes))
    np.testing.assert_allclose(found, expected, atol=0.02)


@pytest.mark.parametrize("parts", [1, 0])
def test_nothing_can_be_learnt_where_nobody_has_two_parts(parts):
    gallery = [np.ones((1, 2)), np.zeros((1, 2))][: 1 + parts]
    assert discriminant(gallery, np.arange(1 + parts), np.ones((1, 2)), 0) is None
