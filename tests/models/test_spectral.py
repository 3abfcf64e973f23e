"""Spectral vectors: planted waves are found, at any length, at any rate, over gaps."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from deptool.models import spectral
from deptool.models.spectral import Settings

Floats = NDArray[np.float64]

COLUMNS = {"head_pose": ["pose_Rx"]}
PERIOD = 8.0  # s, so that frequencies are whole eighths of 1 Hz
SETTINGS = Settings(frequencies=16, period_s=PERIOD)


def stamps(seconds: float, rate: float) -> Floats:
    return np.arange(round(seconds * rate)) / rate


def described(times: Floats, series: Floats, settings: Settings = SETTINGS) -> dict[str, float]:
    found = spectral.describe(times, {"head_pose": series[:, None]}, COLUMNS, settings)
    assert found is not None
    return found


@given(
    k=st.integers(1, 14),
    size=st.floats(0.1, 10),
    phase=st.floats(-3, 3),
    level=st.floats(-5, 5),
    periods=st.integers(1, 6),
    rate=st.sampled_from([6, 10, 30]),
)
@settings(max_examples=40)
def test_a_planted_wave_is_found(
    k: int, size: float, phase: float, level: float, periods: int, rate: int
) -> None:
    times = stamps(PERIOD * periods, rate)
    wave = level + size * np.cos(2 * np.pi * k / PERIOD * times + phase)
    found = described(times, wave)
    # A cosine of size a is a/2 (e^{i…} + e^{-i…}): half of it stands at its own frequency.
    assert found[f"pose_Rx.amplitude_{k}"] == pytest.approx(size / 2, rel=1e-6)
    assert found[f"pose_Rx.cos_{k}"] == pytest.approx(math.cos(phase), abs=1e-6)
    assert found[f"pose_Rx.sin_{k}"] == pytest.approx(math.sin(phase), abs=1e-6)
    for other in range(1, 17):
        if other != k:
            assert found[f"pose_Rx.amplitude_{other}"] == pytest.approx(0, abs=1e-6 * size)


def test_the_ends_that_are_no_whole_period_are_cut_alike() -> None:
    # 18 s: one second is cut from each end of two periods, and time starts there.
    times = stamps(18, 10)
    rows, since = spectral.cut(times, 0.1, PERIOD)
    assert (rows.start, rows.stop) == (10, 170)
    assert (since[0], since[-1]) == (pytest.approx(0), pytest.approx(15.9))
    wave = np.cos(2 * np.pi * 3 / PERIOD * (times - 1))
    wave[:10], wave[170:] = 100.0, -100.0
    found = described(times, wave)
    assert found["pose_Rx.amplitude_3"] == pytest.approx(0.5)
    assert found["pose_Rx.cos_3"] == pytest.approx(1)


def test_it_is_the_authors_measure() -> None:
    # As their feature code does: cut, subtract the median, transform the whole, divide by its
    # length, and take every n-th value, where n is the number of periods.
    rate, periods = 32, 5
    times = stamps(PERIOD * periods, rate)
    series = np.random.default_rng(0).normal(0, 1, len(times)).cumsum()
    theirs = np.fft.fft(series - np.median(series)) / len(series)
    found = described(times, series)
    for k in range(1, 17):
        value = theirs[k * periods]
        assert found[f"pose_Rx.amplitude_{k}"] == pytest.approx(abs(value))
        assert found[f"pose_Rx.cos_{k}"] == pytest.approx(math.cos(np.angle(value)))
        assert found[f"pose_Rx.sin_{k}"] == pytest.approx(math.sin(np.angle(value)))


def test_a_gap_is_as_if_filled_with_the_median() -> None:
    times = stamps(16, 10)
    series = np.cos(2 * np.pi * 2 / PERIOD * times)  # its median is 0
    holed, filled = series.copy(), series.copy()
    holed[30:50] = np.nan
    filled[30:50] = np.nanmedian(holed)
    one, other = described(times, holed), described(times, filled)
    # The mean is over 140 measured rows instead of 160.
    assert one["pose_Rx.amplitude_2"] == pytest.approx(other["pose_Rx.amplitude_2"] * 160 / 140)
    assert one["pose_Rx.cos_2"] == pytest.approx(other["pose_Rx.cos_2"])


def test_what_the_rate_cannot_tell_has_no_value() -> None:
    # 3 rows a second: below 1.5 Hz, which is k = 12.
    found = described(stamps(16, 3), np.random.default_rng(0).normal(0, 1, 48))
    for k in range(1, 17):
        for part in ("amplitude", "cos", "sin"):
            assert math.isnan(found[f"pose_Rx.{part}_{k}"]) == (k >= 12)


def test_by_default_6_rows_a_second_have_25_of_80_frequencies() -> None:
    found = described(stamps(20, 6), np.random.default_rng(0).normal(0, 1, 120), Settings())
    amplitudes = [v for name, v in found.items() if ".amplitude_" in name]
    assert len(amplitudes) == 80
    assert sum(not math.isnan(v) for v in amplitudes) == 25  # 25 * 30 / 256 Hz = 2.93 Hz


def test_what_stands_still_has_no_amplitude_and_no_phase() -> None:
    found = described(stamps(16, 6), np.full(96, 3.0))
    assert found == dict.fromkeys(found, 0.0)


def test_a_column_without_a_value_has_no_features() -> None:
    times = stamps(16, 6)
    values = np.stack([np.sin(times), np.full(96, np.nan)], axis=1)
    columns = {"head_pose": ["pose_Rx", "pose_Ry"]}
    found = spectral.describe(times, {"head_pose": values}, columns, SETTINGS)
    assert found is not None
    for name, value in found.items():
        assert math.isnan(value) == name.startswith("pose_Ry")


@pytest.mark.parametrize(("rows", "enough"), [(0, False), (1, False), (47, False), (48, True)])
def test_less_than_a_period_is_not_described(rows: int, enough: bool) -> None:
    times = stamps(16, 6)[:rows]
    group = {"head_pose": np.sin(times[:, None])}
    assert (spectral.describe(times, group, COLUMNS, SETTINGS) is not None) == enough


@pytest.mark.parametrize(("measured", "enough"), [(0, False), (23, False), (25, True)])
def test_half_a_period_must_be_measured(measured: int, enough: bool) -> None:
    times = stamps(16, 6)
    series = np.sin(times)
    series[measured:] = np.nan
    found = spectral.describe(times, {"head_pose": series[:, None]}, COLUMNS, SETTINGS)
    assert (found is not None) == enough


def test_a_presence_counts_where_its_unit_has_no_intensity() -> None:
    columns = {
        "action_units": ["AU12_r", "AU12_c", "AU28_c"],
        "gaze": ["gaze_0_x", "gaze_angle_x"],
    }
    groups = {"action_units": np.arange(6.0).reshape(2, 3), "gaze": np.arange(4.0).reshape(2, 2)}
    names, values = spectral.primitives(groups, columns)
    assert names == ["AU12_r", "AU28_c", "gaze_0_x"]
    assert values.tolist() == [[0, 2, 0], [3, 5, 2]]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"frequencies": 0}, "frequencies must be at least 1"),
        ({"period_s": 0.0}, "period_s must be above 0"),
        ({"alpha_min": 0.0}, "alpha_min"),
        ({"folds": 1}, "folds"),
    ],
)
def test_settings_that_make_no_sense(values: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Settings(**values)
