"""Quality of one recording, on frames tables made by hand."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deptool.corpus import empty
from deptool.quality import (
    LANDMARK_COLUMNS,
    Quality,
    find_repeats,
    jitter,
    longest_gap,
    measure,
)
from deptool.schema import FRAMES
from deptool.validate import check

ROW = {"recording_id": "a", "status": "ok", "width": 640, "height": 480}


def frames(n, fps=2.0, landmarks=None, **columns):
    """A sound frames table of n rows, all measured; `columns` overrides; no optional groups.

    landmarks (row, coordinate) adds theirs; null where success is 0.
    """
    data = {"frame": range(1, n + 1), "timestamp": np.arange(n) / fps, "confidence": 0.9}
    data |= {"success": 1, "status": "ok", "n_faces": 1}
    data |= {"face_x": 0.0, "face_y": 0.0, "face_w": 100.0, "face_h": 100.0} | columns
    data = {k: [v] * n if np.ndim(v) == 0 else list(v) for k, v in data.items()}
    table = pl.DataFrame(data, strict=False)
    if landmarks is not None:
        points = pl.DataFrame(np.asarray(landmarks, np.float32), schema=list(LANDMARK_COLUMNS))
        points = points.fill_nan(None)
        table = table.hstack(points)
        seen = pl.when(pl.col("success") == 1)
        table = table.with_columns(seen.then(pl.col(c)).alias(c) for c in LANDMARK_COLUMNS)
    schema = empty(FRAMES).schema
    table = table.cast({c: schema[c] for c in table.columns})
    check(table, FRAMES, "frames")
    return table


def still(n, at=100.0):
    """Landmarks (row, coordinate) that do not move."""
    return np.full((n, 136), at)


def moving(n, speed=1.0):
    """Landmarks (row, coordinate) that all go to the right and down, speed px per row."""
    return 100 + speed * np.arange(n)[:, None] + np.zeros(136)


def test_a_good_recording():
    found = measure(ROW, frames(5, landmarks=moving(5)))
    assert found == Quality(
        "a",
        "ok",
        n_rows=5,
        fps=2.0,  # 4 steps in 2 s
        coverage=1.0,
        longest_gap_s=0.0,
        jitter_px=0.0,
        jitter_pct=0.0,
        doubtful=0.0,
        ambiguous=0.0,
        several_faces=0.0,
        outside=0.0,
        face_px=100.0,
        frozen_s=0.0,
        longest_frozen_s=0.0,
    )


def test_coverage_is_the_share_of_measured_rows():
    assert measure(ROW, frames(4, success=[1, 0, 1, 1])).coverage == 0.75


@pytest.mark.parametrize(
    ("success", "seconds"),
    [
        # At 2 rows/s. Rows 1 and 2 are missing: from 0.5 s to the next measured row at 1.5 s.
        ([1, 0, 0, 1, 1, 1], 1.0),
        # The longer of two: rows 3 to 5, from 1.5 s, with no next row: one step after 2.5 s.
        ([1, 0, 1, 0, 0, 0], 1.5),
        # All of it: 6 rows of half a second.
        ([0, 0, 0, 0, 0, 0], 3.0),
        ([0, 0, 1, 1, 1, 1], 1.0),
        ([1, 1, 1, 1, 1, 1], 0.0),
    ],
)
def test_the_longest_gap(success, seconds):
    assert measure(ROW, frames(6, success=success)).longest_gap_s == pytest.approx(seconds)


def test_a_gap_is_measured_in_time_and_not_in_rows():
    # Two single missing rows: one lasts 0.5 s, the other 4 s, since the next row is late.
    table = frames(5, timestamp=[0, 0.5, 1, 1.5, 5.5], success=[1, 0, 1, 0, 1])
    assert measure(ROW, table).longest_gap_s == pytest.approx(4.0)


@pytest.mark.parametrize(
    ("times", "success", "seconds"),
    [
        # At 2 rows/s the rows at 1.0, 1.5 and 2.0 s are missing. The row at 0.5 s ends where the
        # first of them would begin, so 1.0 to 2.5 s; as if they were there without success.
        ([0, 0.5, 2.5, 3, 3.5], [1, 1, 1, 1, 1], 1.5),
        # Missing and unmeasured rows side by side are one gap. The row at 0.5 s ends at 1.0 s; the
        # one at 2.5 s is not measured, the next is at 3.0 s. And with the unmeasured row first:
        # from 1.0 s to 3.0 s as well.
        ([0, 0.5, 2.5, 3, 3.5], [1, 1, 0, 1, 1], 2.0),
        ([0, 0.5, 1, 3, 3.5], [1, 1, 0, 1, 1], 2.0),
        # Between unmeasured rows: from 0.5 to 4.0 s.
        ([0, 0.5, 1, 3, 3.5, 4], [1, 0, 0, 0, 0, 1], 3.5),
        # The last row is not measured, and rows before it are missing: from 1.5 s to its end, at
        # 4.0 + 0.5 s.
        ([0, 0.5, 1, 4], [1, 1, 1, 0], 3.0),
        # Nothing is measured: from the first row to the end of the last.
        ([0, 0.5, 1, 4], [0, 0, 0, 0], 4.5),
        # The first row is late: nobody knows whether something was before it.
        ([10, 10.5, 11, 11.5], [1, 1, 1, 1], 0.0),
        # Steps of 0.5, 0.5, 0.7 and 0.5 s: 0.7 s is not above 1.5 * 0.5 s, so nothing is missing.
        ([0, 0.5, 1, 1.7, 2.2], [1, 1, 1, 1, 1], 0.0),
        # 0.8 s is: from 1.5 to 1.8 s.
        ([0, 0.5, 1, 1.8, 2.3], [1, 1, 1, 1, 1], 0.3),
    ],
)
def test_missing_rows_are_a_gap_too(times, success, seconds):
    table = frames(len(times), timestamp=times, success=success)
    assert measure(ROW, table).longest_gap_s == pytest.approx(seconds, abs=1e-3)


@given(st.lists(st.tuples(st.integers(3, 8), st.integers(0, 6)), max_size=9))
def test_a_gap_is_as_long_where_its_rows_are_missing(runs):
    # The same recording of a program that writes rows without a face, and of one that does not:
    # runs of measured rows, long enough that the median step stays, with others between them.
    keep = np.array([value for on, off in [*runs, (3, 0)] for value in [True] * on + [False] * off])
    times = np.arange(len(keep)) / 4
    assert longest_gap(times, keep) == longest_gap(times[keep], np.ones(keep.sum(), bool))


@given(st.integers(2, 300), st.sampled_from([1.0, 6.0, 24.0, 25.0, 29.97, 30.0]))
def test_regular_rows_have_no_gap(n, fps):
    times = (np.arange(n) / fps).astype(np.float32).astype(float)
    assert longest_gap(times, np.ones(n, bool)) == 0


def test_fps_is_counted_between_the_first_and_the_last_row():
    # 3 steps in 6 s, whatever their lengths and wherever the first lies.
    assert measure(ROW, frames(4, timestamp=[10, 11, 12, 16])).fps == pytest.approx(0.5)


def test_shares_of_doubtful_ambiguous_and_shared_rows():
    status = ["ok", "no_face", "low_confidence", "ambiguous", "ambiguous", "too_small"]
    status += ["decode_error", "ok"]
    found = measure(ROW, frames(8, status=status, n_faces=[1, 0, 1, 2, 3, 1, 0, 2]))
    # no_face is not doubtful: nobody is there.
    assert (found.doubtful, found.ambiguous, found.several_faces) == (5 / 8, 2 / 8, 3 / 8)


def test_face_size_is_that_of_measured_rows():
    # A box of a row without success (a doubtful one) does not count.
    table = frames(3, success=[1, 1, 0], face_w=[90.0, 110.0, 10.0])
    assert measure(ROW, table).face_px == 100.0


def test_landmarks_outside_the_picture():
    # 2 rows x 68 landmarks. In row 0 landmark 0 is left of the picture, 1 below it, 2 both right
    # of and above it (one landmark, not two), 3 on its corner, which is inside.
    points = still(2)
    points[0, 0], points[0, 68 + 1] = -1, 481
    points[0, 2], points[0, 68 + 2] = 641, -1
    points[0, 3], points[0, 68 + 3] = 640, 480
    assert measure(ROW, frames(2, landmarks=points)).outside == pytest.approx(3 / 136)
    # A row that is not measured is not counted.
    table = frames(3, landmarks=[*points, points[0]], success=[1, 1, 0])
    assert measure(ROW, table).outside == pytest.approx(3 / 136)
    unknown = ROW | {"width": None, "height": None}
    assert measure(unknown, frames(2, landmarks=points)).outside is None


def test_frozen_spans():
    # At 2 rows/s: rows 1 to 3 are equal (1 s), rows 4 to 8 are (2 s), rows 9 and 10 (0.5 s, too
    # short to count).
    at = [0, 1, 1, 1, 4, 4, 4, 4, 4, 9, 9, 11]
    points = np.array(at, float)[:, None] + np.zeros(136)
    found = measure(ROW, frames(12, landmarks=points))
    assert (found.frozen_s, found.longest_frozen_s) == (3.0, 2.0)


def test_a_span_of_six_steps_at_six_rows_a_second_is_a_second():
    # As float32, 94/6 s and 100/6 s lie a little less than 1 s apart.
    times = (94 + np.arange(7)) / 6
    assert np.diff(times.astype(np.float32)[[0, 6]].astype(float)) < 1
    table = frames(7, timestamp=times, landmarks=still(7))
    assert measure(ROW, table).frozen_s == pytest.approx(1.0, abs=1e-3)


def test_one_landmark_that_moves_a_bit_ends_a_frozen_span():
    points = still(5)
    points[2:, 77] = np.nextafter(np.float32(100), np.float32(101))
    assert measure(ROW, frames(5, landmarks=points)).frozen_s == 1.0  # rows 2 to 4; 0 and 1 are .5


def test_rows_that_are_not_measured_end_a_frozen_span():
    table = frames(5, landmarks=still(5), success=[1, 1, 0, 1, 1])
    assert measure(ROW, table).frozen_s == 0.0


@pytest.mark.parametrize("sd", [0.2, 1.0, 5.0])
def test_jitter_of_white_noise_is_its_sd(sd):
    # 600 rows x 68 landmarks: the median of 40,000 distances has a relative error of about 0.5 %.
    noise = np.random.default_rng(0).normal(0, sd, (600, 136))
    found = measure(ROW | {"width": 1000, "height": 1000}, frames(600, landmarks=500 + noise))
    assert found.jitter_px == pytest.approx(sd, rel=0.03)
    assert found.jitter_pct == pytest.approx(sd, rel=0.03)  # the face is 100 px wide


def test_jitter_of_noise_on_uneven_times_is_its_sd():
    generator = np.random.default_rng(1)
    times = np.cumsum(generator.uniform(0.02, 0.2, 600))
    points = 500 + 40 * times[:, None] + generator.normal(0, 1, (600, 136))
    assert measure(ROW, frames(600, timestamp=times, landmarks=points)).jitter_px == pytest.approx(
        1, rel=0.03
    )


@settings(deadline=None, max_examples=30)
@given(
    speed=st.floats(-20, 20),
    steps=st.lists(st.floats(0.05, 0.5), min_size=4, max_size=20),
)
def test_steady_motion_has_no_jitter(speed, steps):
    times = np.cumsum([0.0, *steps])
    points = (1000 + speed * times[:, None] + np.arange(136)).astype(np.float32)
    repeats = np.zeros(len(times), bool)
    seen = ~repeats
    # Positions near 1100 px are stored to 1e-4 px.
    assert jitter(times, points, seen, repeats) == pytest.approx(0, abs=1e-3)


def test_jitter_of_one_spike_by_hand():
    # Three rows, evenly spaced; every landmark's middle point lies (3, 4) = 5 px off the line.
    # Half a second difference: off / sqrt(1 + 1/4 + 1/4) / sqrt(2 ln 2) = 5 / 1.2247 / 1.1774.
    points = moving(3)
    points[1, :68] += 3
    points[1, 68:] += 4
    found = measure(ROW, frames(3, landmarks=points)).jitter_px
    assert found == pytest.approx(5 / 1.224745 / 1.177410, rel=1e-5)


def test_jitter_leaves_out_rows_beside_a_hole():
    # Steady but for a jump while the face was away: no three rows in a row see it.
    points = moving(8)
    points[4:] += 50
    table = frames(8, landmarks=points, success=[1, 1, 1, 0, 1, 1, 1, 1])
    assert measure(ROW, table).jitter_px == pytest.approx(0, abs=1e-4)
    assert measure(ROW, frames(2, landmarks=moving(2))).jitter_px is None


def test_jitter_leaves_out_pictures_that_are_shown_twice():
    # White noise of SD 1, every picture shown in two rows: still 1, not 1/sqrt(3) or 0.
    noise = np.repeat(np.random.default_rng(2).normal(0, 1, (400, 136)), 2, axis=0)
    found = measure(ROW, frames(800, landmarks=300 + noise)).jitter_px
    assert found == pytest.approx(1, rel=0.03)


def test_repeats_are_equal_in_every_coordinate_and_both_measured():
    points = np.array([[1, 1], [1, 2], [1, 2], [1, 2], [3, 2]], np.float32)
    seen = np.array([True, True, True, False, True])
    assert find_repeats(points, seen).tolist() == [False, False, True, False, False]


def test_without_landmarks_the_rest_is_measured():
    found = measure(ROW, frames(3))
    assert (found.coverage, found.face_px, found.n_rows) == (1.0, 100.0, 3)
    assert (found.jitter_px, found.jitter_pct, found.outside, found.frozen_s) == (None,) * 4


def test_landmarks_that_are_null_throughout_measure_nothing():
    found = measure(ROW, frames(3, landmarks=np.full((3, 136), np.nan)))
    assert (found.jitter_px, found.outside, found.frozen_s) == (None,) * 3


def test_without_face_boxes_jitter_has_no_width_to_be_relative_to():
    found = measure(ROW, frames(3, landmarks=moving(3), face_w=[None] * 3))
    assert (found.jitter_px, found.jitter_pct, found.face_px) == (0.0, None, None)


@pytest.mark.parametrize("landmarks", [False, True])
def test_no_row_is_measured(landmarks):
    table = frames(3, success=0, status="no_face", landmarks=moving(3) if landmarks else None)
    found = measure(ROW, table)
    assert (found.coverage, found.longest_gap_s) == (0.0, 1.5)
    assert (found.face_px, found.jitter_px, found.frozen_s) == (None, None, None)


def test_one_row_and_none():
    one = measure(ROW, frames(1, landmarks=still(1)))
    assert (one.n_rows, one.fps, one.coverage, one.longest_gap_s) == (1, None, 1.0, 0.0)
    assert (one.jitter_px, one.frozen_s) == (None, 0.0)
    assert measure(ROW, frames(0)) == Quality("a", "ok", n_rows=0)
