"""The metrics: by hand, against a slow version, against scikit-learn and SciPy, and by property."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk

from deptool import metrics
from deptool.errors import DataError

scores = st.floats(-100, 100, width=32)
pairs = st.lists(st.tuples(scores, scores), min_size=2, max_size=30)


def split(rows):
    return [float(y) for y, _ in rows], [float(p) for _, p in rows]


def slow(y, p):
    """The same numbers in plain Python, with sums that do not round (math.fsum)."""
    n = len(y)
    my, mp = math.fsum(y) / n, math.fsum(p) / n
    vy = math.fsum((a - my) ** 2 for a in y) / n
    vp = math.fsum((b - mp) ** 2 for b in p) / n
    cov = math.fsum((a - my) * (b - mp) for a, b in zip(y, p, strict=True)) / n
    sse = math.fsum((b - a) ** 2 for a, b in zip(y, p, strict=True))
    flat = len(set(y)) == 1 or len(set(p)) == 1
    terms = [
        0 if a == b == 0 else abs(a - b) / ((abs(a) + abs(b)) / 2)
        for a, b in zip(y, p, strict=True)
    ]
    return {
        "rmse": math.sqrt(sse / n),
        "mae": math.fsum(abs(b - a) for a, b in zip(y, p, strict=True)) / n,
        "ccc": 0.0 if flat else 2 * cov / (vy + vp + (my - mp) ** 2),
        "pcc": 0.0 if flat else cov / math.sqrt(vy) / math.sqrt(vp),
        "r2": None if len(set(y)) == 1 else 1 - sse / (n * vy),
        "smape": 100 * math.fsum(terms) / n,
    }


def test_all_metrics_of_four_recordings_by_hand():
    # y = 0 10 20 30, p = 0 12 16 30, e = 0 2 -4 0. Sum of squares 20, of absolutes 6.
    # mean y = 15, mean p = 14.5; var y = 500/4 = 125;
    # p - 14.5 = -14.5 -2.5 1.5 15.5: squares 210.25 + 6.25 + 2.25 + 240.25 = 459, var p = 114.75;
    # y - 15 = -15 -5 5 15: products 217.5 + 12.5 + 7.5 + 232.5 = 470, cov = 117.5.
    found = metrics.measure([0, 10, 20, 30], [0, 12, 16, 30])
    assert found.n == 4
    assert found.rmse == pytest.approx(math.sqrt(5))
    assert found.mae == pytest.approx(1.5)
    assert found.ccc == pytest.approx(235 / (125 + 114.75 + 0.25))
    assert found.pcc == pytest.approx(117.5 / math.sqrt(125 * 114.75))
    assert found.r2 == pytest.approx(1 - 20 / 500)
    # Terms: 0 (0 and 0), 2/11, 4/18, 0; their mean in per cent.
    assert found.smape == pytest.approx(100 * (2 / 11 + 4 / 18) / 4)


def test_ccc_uses_variances_over_n_and_not_over_n_minus_1():
    # y = 0 2, p = 1 3: var = 1 each and cov = 1 over n, mean difference 1: 2/(1+1+1) = 2/3.
    # Over n - 1 both var and cov double: 4/(2+2+1) = 0.8.
    assert metrics.ccc([0, 2], [1, 3]) == pytest.approx(2 / 3)


def test_a_constant_prediction_has_ccc_and_pcc_0_and_still_an_rmse():
    # 0.1 is inexact: a variance of its repeats is not exactly 0.
    found = metrics.measure([1, 2, 6], [0.1] * 3)
    assert (found.ccc, found.pcc) == (0.0, 0.0)
    assert found.rmse == pytest.approx(math.sqrt((0.9**2 + 1.9**2 + 5.9**2) / 3))


def test_a_constant_truth_has_no_r2_and_ccc_and_pcc_0():
    found = metrics.measure([0.1] * 7, [0, 1, 2, 3, 4, 5, 6])
    assert (found.ccc, found.pcc, found.r2) == (0.0, 0.0, None)


def test_equal_constants_have_ccc_0_by_definition():
    assert metrics.ccc([5, 5], [5, 5]) == 0.0


def test_the_mean_of_the_scored_truths_has_r2_0_and_another_constant_less():
    assert metrics.r2([1, 2, 3], [2, 2, 2]) == pytest.approx(0)
    assert metrics.r2([1, 2, 3], [3, 3, 3]) == pytest.approx(1 - 5 / 2)


def test_smape_of_a_pair_of_zeros_is_0_and_of_one_zero_is_200():
    assert metrics.smape([0], [0]) == 0
    assert metrics.smape([0], [1e-9]) == pytest.approx(200)


def test_one_recording_has_errors_and_no_correlation():
    found = metrics.measure([3], [5])
    assert (found.n, found.rmse, found.mae, found.ccc, found.r2) == (1, 2, 2, 0, None)


def test_mean_and_sd_divide_by_n_minus_1():
    assert metrics.mean_and_sd([1, 3]) == (2, pytest.approx(math.sqrt(2)))
    assert metrics.mean_and_sd([4]) == (4, None)


@pytest.mark.parametrize(
    ("truth", "prediction", "said"),
    [
        ([1, 2], [1], "do not pair up"),
        ([[1, 2]], [[1, 2]], "do not pair up"),
        ([], [], "no recording"),
        ([1, math.nan], [1, 2], "not a finite"),
        ([1, 2], [1, math.inf], "not a finite"),
    ],
)
def test_what_cannot_be_scored_is_refused(truth, prediction, said):
    with pytest.raises(DataError, match=said):
        metrics.measure(truth, prediction)


@given(pairs)
def test_agrees_with_the_slow_version(rows):
    y, p = split(rows)
    # Spreads near the rounding error of the values have no correlation worth comparing.
    assume(all(len(set(v)) == 1 or np.std(v) > 1e-3 for v in (y, p)))
    found = metrics.measure(y, p)
    for name, expected in slow(y, p).items():
        value = getattr(found, name)
        assert value == (
            expected if expected is None else pytest.approx(expected, rel=1e-6, abs=1e-6)
        )


@given(pairs)
def test_agrees_with_scikit_learn_and_scipy(rows):
    y, p = split(rows)
    assume(np.std(y) > 1e-2 and np.std(p) > 1e-2)
    assert metrics.rmse(y, p) == pytest.approx(math.sqrt(sk.mean_squared_error(y, p)))
    assert metrics.mae(y, p) == pytest.approx(sk.mean_absolute_error(y, p))
    assert metrics.r2(y, p) == pytest.approx(sk.r2_score(y, p), rel=1e-6, abs=1e-9)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SciPy warns of nearly constant input
        assert metrics.pcc(y, p) == pytest.approx(stats.pearsonr(y, p).statistic, abs=1e-6)


@given(pairs)
def test_mae_is_at_most_rmse_and_ccc_at_most_pcc(rows):
    found = metrics.measure(*split(rows))
    assert found.mae <= found.rmse * (1 + 1e-12)
    assert abs(found.ccc) <= abs(found.pcc) + 1e-9
    assert 0 <= found.smape <= 200 + 1e-9
    assert found.r2 is None or found.r2 <= 1


@given(pairs)
def test_errors_and_correlations_are_symmetric(rows):
    y, p = split(rows)
    for metric in (metrics.rmse, metrics.mae, metrics.ccc, metrics.pcc, metrics.smape):
        assert metric(y, p) == pytest.approx(metric(p, y), rel=1e-9, abs=1e-12)


@given(pairs, st.integers(-50, 50))
def test_a_shift_of_both_changes_nothing_and_of_one_leaves_pcc(rows, shift):
    y, p = split(rows)
    assume(np.std(y) > 1e-2 and np.std(p) > 1e-2)
    y2, p2 = [v + shift for v in y], [v + shift for v in p]
    for metric in (metrics.rmse, metrics.mae, metrics.ccc, metrics.pcc):
        assert metric(y2, p2) == pytest.approx(metric(y, p), abs=1e-6)
    assert metrics.pcc(y, p2) == pytest.approx(metrics.pcc(y, p), abs=1e-6)


@given(st.lists(scores, min_size=2, max_size=20))
def test_ccc_is_1_where_prediction_and_truth_are_equal_and_only_there(values):
    y = [float(v) for v in values]
    assume(np.std(y) > 1e-2)
    assert metrics.ccc(y, y) == pytest.approx(1)
    # A shift of one standard deviation: 2v / (2v + v) = 2/3. A stretch by 2: 4v/(v+4v+…) <= 0.8.
    assert metrics.ccc(y, [v + np.std(y) for v in y]) == pytest.approx(2 / 3)
    assert metrics.ccc(y, [2 * v for v in y]) <= 0.8 + 1e-9


@given(pairs, st.randoms())
def test_the_order_of_recordings_does_not_matter(rows, random):
    other = random.sample(rows, len(rows))
    one, two = metrics.measure(*split(rows)), metrics.measure(*split(other))
    assert one.rmse == pytest.approx(two.rmse)
    assert one.ccc == pytest.approx(two.ccc, abs=1e-6)


def test_every_metric_has_a_definition():
    fields = set(metrics.Metrics.__dataclass_fields__) - {"n"}
    assert set(metrics.DEFINITIONS) == fields
