"""Events and processes: rates, shapes, spreads."""

import numpy as np
import pytest

from deptool.cohort.events import Events, levels, phase_of, poisson_times, smooth_noise


def test_events_come_as_a_poisson_process_of_each_segments_rate() -> None:
    borders = np.array([0.0, 6000.0, 12000.0])
    begin, segment = poisson_times(np.random.default_rng(0), borders, np.array([6.0, 30.0]))
    # 6 a minute for 100 minutes: 600, with a Poisson SD of 24.5; 30 a minute: 3000, SD 55.
    assert abs((segment == 0).sum() - 600) < 4 * 24.5
    assert abs((segment == 1).sum() - 3000) < 4 * 55
    assert ((begin < 6000) == (segment == 0)).all()
    # Waiting times of a Poisson process are exponential: their SD is their mean.
    waits = np.diff(begin[segment == 1])
    assert waits.std() == pytest.approx(waits.mean(), rel=0.1)
    counts = np.bincount((begin[segment == 1] // 20).astype(int))[300:600]
    assert counts.var() == pytest.approx(counts.mean(), rel=0.3)  # index of dispersion 1


def test_an_event_rises_stays_and_falls() -> None:
    one = Events(*(np.array([v]) for v in (1.0, 0.4, 1.0, 0.6, 3.0)))
    # Begins at 1, is half up at 1.2, up from 1.4 to 2.4, half down at 2.7, gone at 3.
    found = one.intensity(np.array([0.9, 1.2, 1.4, 2.0, 2.4, 2.7, 3.1]))
    assert found == pytest.approx([0, 1.5, 3, 3, 3, 1.5, 0])


def test_of_two_events_at_once_the_larger_counts() -> None:
    two = Events(*(np.array([v, v]) for v in (0.0, 1.0, 5.0, 1.0)), np.array([1.0, 2.0]))
    assert two.intensity(np.array([3.0])) == pytest.approx([2])


def test_no_events_is_no_intensity() -> None:
    none = Events(*(np.zeros(0) for _ in range(5)))
    assert none.intensity(np.arange(3.0)) == pytest.approx([0, 0, 0])


def test_a_process_has_sd_one_and_forgets_within_a_few_time_constants() -> None:
    noise = smooth_noise(np.random.default_rng(1), np.arange(0, 20000, 0.5), 20000)
    assert noise.mean() == pytest.approx(0, abs=0.08)
    assert noise.std() == pytest.approx(1, abs=0.05)
    after = 20  # rows of 0.5: ten time constants
    assert abs(np.corrcoef(noise[:-after], noise[after:])[0, 1]) < 0.05
    assert np.corrcoef(noise[:-1], noise[1:])[0, 1] > 0.85


def test_rows_at_another_rate_show_the_same_process() -> None:
    slow = smooth_noise(np.random.default_rng(2), np.arange(0, 30, 0.2), 30)
    fast = smooth_noise(np.random.default_rng(2), np.arange(0, 30, 0.1), 30)
    assert fast[::2] == pytest.approx(slow)


def test_levels_are_the_segments_own_in_their_middles() -> None:
    borders, values = np.array([0.0, 4, 8, 12]), np.array([1.0, 5, 2])
    assert levels(borders, values, np.array([0.0, 2, 6, 10, 12])) == pytest.approx([1, 1, 5, 2, 2])
    assert levels(borders, values, np.array([4.0])) == pytest.approx([3])  # halfway
    assert levels(borders[:2], values[:1], np.array([1.0, 3])) == pytest.approx([1, 1])


def test_time_of_its_own_runs_faster_where_the_time_constant_is_shorter() -> None:
    phase = phase_of(np.array([0.0, 10, 20]), np.array([2.0, 0.5]), np.array([0.0, 10, 11, 20]))
    assert phase == pytest.approx([0, 5, 7, 25])
