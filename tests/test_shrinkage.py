"""Severity bands and regression to the mean."""

import re

import numpy as np
import pytest
from scipy.stats import linregress

from deptool.bands import by_band
from deptool.shrinkage import shrinkage
from tests.test_bootstrap import rows, some


def test_slope_and_sd_ratio_are_those_of_scipy_and_numpy():
    truth, prediction = some()
    found = shrinkage(rows(truth, prediction))
    assert found.slope.value == pytest.approx(linregress(truth, prediction).slope)
    assert found.sd_ratio.value == pytest.approx(np.std(prediction) / np.std(truth))
    assert found.slope.interval.low < found.slope.value < found.slope.interval.high


@pytest.mark.parametrize(
    ("predict", "said"),
    [
        (lambda y: 0.4 * y + 9, "move 0.40 points per point of truth: extremes are pulled"),
        (lambda y: 1.05 * y, "1.05 .*: extremes are not pulled"),
        (lambda y: 2 * y, "2.00 .*: extremes are exaggerated"),
        (lambda y: 50 - y, "-1.00 .*: they go the other way"),
        (lambda y: 0 * y + 15, "0.00 .*: whether they follow it at all is not certain"),
    ],
)
def test_the_slope_in_words(predict, said):
    truth = np.arange(0, 60, 3.0)

    assert re.search(said, shrinkage(rows(truth, predict(truth))).sentence)


def test_a_constant_truth_has_no_slope():
    found = shrinkage(rows([5, 5, 5], [1, 2, 3]))
    assert (found.slope.value, found.sd_ratio.value) == (None, None)
    assert "all truths are the same" in found.sentence


def test_a_constant_predicts_too_much_in_the_lowest_band_and_too_little_in_the_highest():
    # Truths 0 and 10 are minimal, 20 moderate, 40 severe, that of 4 persons: too few for numbers.
    found = by_band(rows([*[0, 10] * 5, *[20] * 5, *[40] * 4], [15] * 19), "BDI-II")
    assert [(b.band, len(b.rows)) for b in found] == [
        *(("0 to 13 minimal", 10), ("14 to 19 mild", 0)),
        *(("20 to 28 moderate", 5), ("29 to 63 severe", 4)),
    ]
    assert [b.errors["bias"].value if b.errors else None for b in found] == [10, None, -5, None]
    assert found[0].errors["rmse"].value == pytest.approx(((15**2 + 5**2) / 2) ** 0.5)
    assert (found[0].mean_truth, found[0].mean_prediction) == (5, 15)
    assert (found[3].mean_truth, found[3].mean_prediction) == (None, None)
    assert by_band(rows([0], [1]), "") == []
