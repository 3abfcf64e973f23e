"""Intervals by bootstrap over persons: what is drawn, and that the sums give the metrics."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deptool import metrics
from deptool.bootstrap import METRICS, draw, estimates, intervals, units_of
from deptool.moments import metric, sum_units

KINDS = {"subject_id": pl.String, "session_id": pl.String, "recording_id": pl.String}


def rows(truth, prediction, subjects=None, seed=0, sessions=None):
    """One row per number; subjects p0, p1, … unless given."""
    n = len(truth)
    return pl.DataFrame(
        {
            "recording_id": [f"r{i}" for i in range(n)],
            "subject_id": [f"p{i}" for i in range(n)] if subjects is None else subjects,
            "session_id": [None] * n if sessions is None else sessions,
            "seed": [seed] * n,
            "fold": [0] * n,
            "truth": [float(v) for v in truth],
            "prediction": [float(v) for v in prediction],
        },
        schema_overrides=KINDS,
    )


def some(n=60, seed=0, noise=5.0):
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, 60, n).astype(float)
    return truth, 0.5 * truth + 8 + generator.normal(0, noise, n)


numbers = st.lists(
    st.tuples(st.integers(0, 63), st.floats(0, 63, width=32), st.integers(0, 3)),
    min_size=2,
    max_size=12,
)


@given(numbers)
def test_sums_over_units_give_the_metrics_of_the_rows_that_are_drawn(triples):
    truth, prediction, unit = (np.array(v) for v in zip(*triples, strict=True))
    unit = np.unique(unit, return_inverse=True)[1]
    counts = np.random.default_rng(0).integers(0, 3, (5, unit.max() + 1)).astype(float)
    counts = counts[counts[:, unit].sum(axis=1) > 0]
    seeds = np.zeros(len(unit), dtype=np.int64)
    sums = sum_units(truth.astype(float), prediction.astype(float), unit, seeds)
    for k, count in enumerate(counts):
        times = count[unit].astype(int)
        slow = metrics.measure(np.repeat(truth, times), np.repeat(prediction, times))
        for name in METRICS:
            fast = metric(name, sums.resampled(counts))[k, 0]
            expected = getattr(slow, name)
            if expected is None or (np.isnan(fast) and expected == 0):
                assert np.isnan(fast)  # CCC and PCC of a constant are 0 by definition only
            else:
                assert fast == pytest.approx(expected, abs=1e-4, rel=1e-4)


def test_every_resample_draws_as_many_persons_as_there_are():
    counts = draw(7, 500, 3)
    assert counts.shape == (500, 7)
    assert (counts.sum(axis=1) == 7).all()
    assert counts.mean() == 1
    # A person is left out of (6/7)^7 = 0.34 of the resamples.
    assert (counts == 0).mean() == pytest.approx((6 / 7) ** 7, abs=0.02)
    assert (draw(7, 500, 3) == counts).all()
    assert (draw(7, 500, 4) != counts).any()


def test_persons_are_drawn_and_not_recordings():
    # Of 2 persons with 4 recordings each, one is always off by 2 and one by 4: a resample has
    # both, or one of them twice, so that MAE is 2, 3 or 4 and each end of the interval is one.
    subjects = ["p"] * 4 + ["q"] * 4
    frame = rows(range(8), [v + (2 if v < 4 else 4) for v in range(8)], subjects)
    interval = intervals(frame)["mae"]
    assert (interval.low, interval.high) == (2, 4)
    assert (interval.n_units, interval.unit, interval.few) == (2, "person", True)
    by_recording = intervals(rows(range(8), frame["prediction"]))["mae"]
    assert 2 < by_recording.low < by_recording.high < 4


def test_sessions_or_recordings_are_drawn_where_a_person_is_not_known():
    truth, prediction = some(6)
    assert units_of(rows(truth, prediction, [None, *"abcde"])).unit == "recording"
    sessions = ["s", "s", None, "t", "t", "u"]
    units = units_of(rows(truth, prediction, [None] * 6, sessions=sessions))
    assert (units.unit, units.n) == ("session", 4)  # s, t, u and the one without a session


def test_the_metric_is_averaged_over_seeds_in_each_resample():
    truth, prediction = some(30)
    two = pl.concat([rows(truth, prediction), rows(truth, prediction + 4, seed=1)])
    found = estimates(two)["rmse"]
    each = [metrics.rmse(truth, prediction), metrics.rmse(truth, prediction + 4)]
    assert found.value == pytest.approx(np.mean(each))
    # The same predictions twice are no more data: the interval is that of one seed.
    same = pl.concat([rows(truth, prediction), rows(truth, prediction, seed=1)])
    once, twice = intervals(rows(truth, prediction))["ccc"], intervals(same)["ccc"]
    assert (twice.low, twice.high) == pytest.approx((once.low, once.high))


def test_scipy_finds_the_same_interval():
    from scipy.stats import bootstrap

    truth, prediction = some(50)
    found = bootstrap(
        (truth, prediction),
        metrics.rmse,
        paired=True,
        vectorized=False,
        n_resamples=2000,
        method="percentile",
        random_state=np.random.default_rng(1),
    ).confidence_interval
    ours = intervals(rows(truth, prediction))["rmse"]
    # Both draw at random: the ends of 2,000 resamples differ a little from one draw to the next.
    assert (ours.low, ours.high) == pytest.approx((found.low, found.high), abs=0.15)


def test_a_constant_has_no_interval_of_ccc_and_one_person_none_at_all():
    truth, _ = some(20)
    found = intervals(rows(truth, [15.0] * 20))
    assert set(found) == {"rmse", "mae", "r2", "smape"}
    assert estimates(rows(truth, [15.0] * 20))["ccc"].value == 0
    assert estimates(rows([3.0], [15.0]))["ccc"].value is None  # no correlation of one recording
    assert intervals(rows(truth, truth, ["p"] * 20)) == {}


def test_resamples_without_a_value_are_counted():
    # Truths 0, 0, 0, 9: the 9 is in no resample of (3/4)^4 = 0.316 of them, and R2 has no value.
    frame = rows([0, 0, 0, 9], [1, 2, 3, 4])
    assert intervals(frame)["r2"].left_out == pytest.approx(0.316 * 2000, abs=80)
    assert intervals(frame)["mae"].left_out == 0
    # Where all truths are equal no resample has a value, and there is no interval.
    assert "r2" not in intervals(rows([5, 5, 5], [1, 2, 3]))


def test_the_same_rows_give_the_same_interval_in_any_order():
    truth, prediction = some(25)
    frame = rows(truth, prediction)
    assert intervals(frame) == intervals(frame)
    shuffled = intervals(frame.sample(fraction=1, shuffle=True, seed=3))
    for name, one in intervals(frame).items():
        assert (shuffled[name].low, shuffled[name].high) == pytest.approx((one.low, one.high))
    other = intervals(frame, seed=1)["rmse"]
    assert other != intervals(frame)["rmse"]
    wide = intervals(frame, level=0.99)["rmse"]
    assert wide.low < intervals(frame)["rmse"].low < intervals(frame)["rmse"].high < wide.high
