"""Severity classes: cut points, measures against scikit-learn, AUC by hand, intervals."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from deptool.classes import MEASURES, _resampled, class_estimates, classify, cuts_of, names_of, roc
from tests.test_bootstrap import rows, some


def test_the_ways_to_make_classes_of_a_scale():
    assert cuts_of("BDI-II") == ((14,), (14, 20, 29))
    assert cuts_of("PHQ-8") == ((5,), (10,), (5, 10, 15, 20))
    assert cuts_of("HAM-D") == ((8,), (8, 17, 24))
    assert cuts_of("binary") == ((0.5,),)
    assert cuts_of("") == ()
    assert names_of("BDI-II", (14, 20, 29)) == ("0–13", "14–19", "20–28", "29–63")
    assert names_of("PHQ-8", (10,)) == ("0–9", "10–24")
    assert names_of("binary", (0.5,)) == ("0", "1")


def test_two_classes_by_hand():
    # At 14: truth - + + -, predicted - - + +: 2 of 4 right, recall 1/2 of both, F1 of + is
    # 2 * 1 / (2 + 2) = 1/2, of - as well. Pairs (+, -) of scores 13.9, 30 against 5, 20: 13.9 > 5,
    # 30 > 5 and 30 > 20 are in order, 3 of 4. 13.9 is below 14, without rounding.
    found = classify([3, 14, 40, 13], [5, 13.9, 30, 20], (14,))
    assert (found.accuracy, found.balanced_accuracy, found.f1, found.f1_macro) == (0.5,) * 4
    assert found.auc == 0.75
    assert found.n_per_class == (2, 2)


def test_auc_of_more_classes_is_the_mean_over_the_cuts():
    truth, prediction = some(80)
    cuts = (14, 20, 29)
    each = [roc_auc_score(truth >= cut, prediction) for cut in cuts]
    found = classify(truth, prediction, cuts)
    assert found.auc == pytest.approx(np.mean(each))
    assert found.f1 is None
    # In order throughout: every cut has an AUC of 1, though half of the classes are wrong.
    assert classify([0, 15, 25, 40], [1, 2, 3, 4], cuts).auc == 1


def test_a_class_without_recordings_leaves_measures_without_a_value():
    found = classify([1, 2, 30], [3, 4, 30], (14, 20, 29))
    assert found.n_per_class == (2, 0, 0, 1)
    assert (found.accuracy, found.balanced_accuracy, found.f1_macro, found.auc) == (1, *[None] * 3)
    assert roc([1, 2], [3, 4], 14) is None


def test_a_scale_of_yes_and_no_is_cut_in_the_middle():
    found = classify([0, 0, 1, 1], [0.1, 0.6, 0.5, 0.9], (0.5,))
    assert (found.accuracy, found.auc) == (0.75, 0.75)


def test_roc_goes_from_one_corner_to_the_other():
    fpr, tpr, threshold = roc([3, 14, 40, 13], [5, 13.9, 30, 20], 14)
    assert (fpr[0], tpr[0], fpr[-1], tpr[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(tpr, fpr) if hasattr(np, "trapezoid") else np.trapz(tpr, fpr) == 0.75
    assert threshold[1] == 30


@pytest.mark.parametrize("cuts", [(14,), (14, 20, 29)])
def test_resamples_have_the_measures_of_the_rows_that_are_drawn(cuts):
    truth, prediction = some(40)
    prediction = np.round(prediction / 4) * 4  # with ties, which count half in AUC
    unit = np.arange(40) // 2
    counts = np.random.default_rng(1).integers(0, 3, (6, 20)).astype(float)
    found = _resampled(counts, truth, prediction, unit, cuts)
    for k, count in enumerate(counts):
        times = count[unit].astype(int)
        slow = classify(np.repeat(truth, times), np.repeat(prediction, times), cuts)
        for name in MEASURES:
            expected = getattr(slow, name)
            fast = found[name][k]
            assert np.isnan(fast) if expected is None else fast == pytest.approx(expected)


def test_estimates_are_means_over_seeds_with_intervals():
    import polars as pl

    truth, prediction = some(60)
    frame = pl.concat([rows(truth, prediction), rows(truth, prediction - 10, seed=1)])
    found = class_estimates(frame, (14,))
    each = [classify(truth, p, (14,)).accuracy for p in (prediction, prediction - 10)]
    assert found["accuracy"].value == pytest.approx(np.mean(each))
    assert found["auc"].interval.low < found["auc"].value < found["auc"].interval.high <= 1
    empty = class_estimates(rows([1, 2, 3], [1, 2, 3]), (14,))
    assert empty["f1"].value is None
    assert empty["accuracy"].value == 1
