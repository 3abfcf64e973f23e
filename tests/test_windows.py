"""Segments from frames tables: geometry, resampling, gaps, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deptool import windows
from deptool.corpus import Corpus
from deptool.errors import DataError
from deptool.measured import LANDMARK_COLUMNS
from deptool.models.depressionmlp import Settings
from deptool.schema import FRAMES
from deptool.tables import write_table
from fixtures.tables import make_tables_corpus

AU = ["AU01_r", "AU02_r"]
COLUMNS = {"landmarks": list(LANDMARK_COLUMNS), "action_units": AU}


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    """Two recordings of 5 s at 6 rows per second: 30 rows, so windows at 0 and 9."""
    return make_tables_corpus(tmp_path / "toy", n_subjects=2, sessions=1, seconds=5.0)


def rewrite(corpus: Corpus, name: str, *changes: pl.Expr) -> None:
    path = corpus.frames_path(name)
    write_table(path, FRAMES, corpus.frames(name).with_columns(changes))


def describe(corpus: Corpus, **values: object) -> None:
    """Change a column of recordings.parquet, for all recordings."""
    table = corpus.recordings()
    kinds = {name: table.schema[name] for name in values}
    changes = [pl.lit(v, kinds[name]).alias(name) for name, v in values.items()]
    corpus.write_recordings(table.with_columns(changes))


def measured(corpus: Corpus, name: str, missing: set[int]) -> None:
    """Exactly the rows in `missing` are without a face; x_0 is the row's number, the rest 1."""
    table = corpus.frames(name)
    gone = pl.int_range(pl.len()).is_in(sorted(missing))
    filled = [*LANDMARK_COLUMNS, *AU]
    value = {c: pl.lit(1.0) for c in filled} | {"x_0": pl.int_range(pl.len())}
    changes = [pl.when(~gone).then(value[c]).cast(pl.Float32).alias(c) for c in filled]
    success = pl.when(gone).then(0).otherwise(1).cast(pl.Int32).alias("success")
    write_table(corpus.frames_path(name), FRAMES, table.with_columns(*changes, success))


# --- geometry -----------------------------------------------------------------------------


@given(
    rows=st.integers(0, 90),
    frames=st.sampled_from([2, 6, 18]),
    overlap=st.sampled_from([0.0, 0.25, 0.5, 0.9]),
)
def test_windows_are_whole_and_evenly_spaced(rows: int, frames: int, overlap: float) -> None:
    found = windows.windows(np.arange(rows), frames, overlap)
    starts = found[:, 0].tolist()
    step = max(1, round(frames * (1 - overlap)))
    assert starts == [s for s in range(0, rows, step) if s + frames <= rows]
    for start, window in zip(starts, found, strict=True):
        assert window.tolist() == list(range(start, start + frames))


def test_windows_of_18_frames_overlap_by_half() -> None:
    # 36 rows: starts at 0, 9 and 18; row 36 would be needed for the next.
    assert windows.windows(np.arange(36), 18, 0.5)[:, [0, -1]].tolist() == [
        [0, 17],
        [9, 26],
        [18, 35],
    ]


def test_columns_follow_their_rows() -> None:
    values = np.arange(40).reshape(20, 2)
    assert windows.windows(values, 18, 0.5)[0, 3].tolist() == [6, 7]


# --- resampling ---------------------------------------------------------------------------


def test_at_the_models_rate_rows_stay_as_they_are() -> None:
    times = np.arange(25, dtype=np.float32).astype(np.float64) / 6
    values = np.arange(25, dtype=np.float32)[:, None]
    assert windows.resample(times, values, 6.0)[1].tolist() == values.tolist()


def test_thirty_rows_per_second_become_every_fifth() -> None:
    values = np.arange(61, dtype=np.float32)[:, None]
    times, found = windows.resample(np.arange(61) / 30, values, 6.0)
    assert found[:, 0].tolist() == [0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60]
    assert times == pytest.approx(np.arange(13) / 6)


def test_the_nearest_row_is_taken() -> None:
    # 25 per second at 6: 1/6 s is row 4.17 -> 4, 2/6 s is row 8.33 -> 8, 3/6 s is 12.5 -> 12 or 13.
    found = windows.resample(np.arange(13) / 25, np.arange(13, dtype=np.float32)[:, None], 6.0)[1]
    assert found[:3, 0].tolist() == [0, 4, 8]
    assert found[3, 0] in (12, 13)


def test_a_hole_in_the_times_is_missing_rather_than_closed() -> None:
    times = np.array([0, 1, 2, 6, 7]) / 6  # rows 3, 4, 5 are not there
    found = windows.resample(times, np.arange(5, dtype=np.float32)[:, None], 6.0)[1][:, 0]
    assert found[[0, 1, 2, 6, 7]].tolist() == [0, 1, 2, 3, 4]
    assert np.isnan(found[[3, 4, 5]]).all()


@given(st.floats(5.5, 60), st.integers(1, 200))
def test_resampled_rows_are_the_nearest_and_cover_the_recording(fps: float, rows: int) -> None:
    times = np.arange(rows) / fps
    wanted, found = windows.resample(times, times.astype(np.float32)[:, None], 6.0)
    assert not np.isnan(found).any()
    nearest = np.abs(times[:, None] - wanted).min(axis=0)
    assert np.abs(found[:, 0] - wanted) == pytest.approx(nearest, abs=1e-5)
    assert abs(wanted[-1] - times[-1]) <= 0.5 / 6 + 1e-6


# --- gaps ---------------------------------------------------------------------------------

NAN = float("nan")


def filled(row: list[float], times: list[float] | None = None) -> list[float]:
    stamps = np.array([times or list(range(len(row)))], np.float64)
    values = np.array([row], np.float32)[:, :, None]
    return list(windows.fill(values, stamps)[0, :, 0].tolist())


def test_gaps_are_filled_on_the_line_between_neighbours() -> None:
    assert filled([0, NAN, NAN, 3]) == [0, 1, 2, 3]


def test_the_line_is_one_in_time_not_in_rows() -> None:
    assert filled([0, NAN, 4], times=[0, 3, 4]) == [0, 3, 4]


def test_gaps_at_the_ends_take_the_nearest_value() -> None:
    assert filled([NAN, 1, 5, NAN, NAN]) == [1, 1, 5, 5, 5]


def test_what_was_measured_is_never_changed() -> None:
    # Column 0 has a hole in frame 1; column 1 was measured there and keeps its 9.
    values = np.array([[[0, 0], [NAN, 9], [4, 2]]], np.float32)
    times = np.array([[0.0, 1.0, 2.0]])
    assert windows.fill(values, times)[0].tolist() == [[0, 0], [2, 9], [4, 2]]


@given(st.lists(st.booleans(), min_size=2, max_size=18).filter(any))
def test_filling_leaves_no_gap_and_stays_in_range(good: list[bool]) -> None:
    row = [float(i * i % 7) if there else NAN for i, there in enumerate(good)]
    known = [v for v in row if v == v]
    found = filled(row)
    assert min(known) - 1e-5 <= min(found) <= max(found) <= max(known) + 1e-5
    assert [v for v, there in zip(found, good, strict=True) if there] == known


def test_a_segment_may_miss_a_fifth_of_its_frames(corpus: Corpus) -> None:
    # 18 frames: 3 missing are 17 % and are filled, 4 are 22 % and too many. The first window is
    # rows 0-17, the second rows 9-26.
    measured(corpus, "s000_0", {2, 3, 4})
    measured(corpus, "s001_0", {2, 3, 4, 5})
    found = windows.cut(corpus, corpus.recordings(), COLUMNS, Settings())
    assert found.recording.tolist() == [0, 0, 1]
    assert found.n_dropped == 1
    assert found.values[0, :18, 0] * 640 == pytest.approx(np.arange(18), abs=1e-4)
    assert found.values[2, 0, 0] * 640 == pytest.approx(9)
    strict = windows.cut(corpus, corpus.recordings(), COLUMNS, Settings(max_missing=0.0))
    assert strict.recording.tolist() == [0, 1]


def test_a_segment_keeps_the_time_of_its_first_frame(corpus: Corpus) -> None:
    # Windows at rows 0 and 9 of 30; row 9 at 6 rows per second is at 1.5 s. The first window of
    # s001_0 misses too many frames, and its second keeps its own time.
    measured(corpus, "s000_0", set())
    measured(corpus, "s001_0", {0, 1, 2, 3})
    late = pl.col("timestamp") + pl.lit(2.0, pl.Float32)
    rewrite(corpus, "s000_0", late.alias("timestamp"))
    found = windows.cut(corpus, corpus.recordings(), COLUMNS, Settings())
    assert found.recording.tolist() == [0, 0, 1]
    assert found.start == pytest.approx([2.0, 3.5, 1.5])


def test_a_recording_without_a_usable_segment_is_named(corpus: Corpus) -> None:
    measured(corpus, "s000_0", set(range(30)) - {0, 29})
    found = windows.cut(corpus, corpus.recordings(), COLUMNS, Settings())
    assert found.recordings["recording_id"].to_list() == ["s001_0"]
    assert set(found.recording.tolist()) == {0}
    assert list(found.skipped) == ["s000_0"]
    assert "2 segments" in found.skipped["s000_0"]


def test_a_short_recording_is_named(corpus: Corpus) -> None:
    path = corpus.frames_path("s000_0")
    write_table(path, FRAMES, corpus.frames("s000_0").head(17))
    found = windows.cut(corpus, corpus.recordings(), COLUMNS, Settings())
    assert found.skipped == {"s000_0": "shorter than one segment of 3 s"}


@pytest.mark.parametrize("status", ["no_face", "unreadable", "no_video_stream"])
def test_a_recording_that_was_not_read_is_named(corpus: Corpus, status: str) -> None:
    describe(corpus, status=status)
    found = windows.cut(corpus, corpus.recordings(), COLUMNS, Settings())
    assert len(found.values) == 0
    assert found.values.shape[1:] == (18, 136 + len(AU))
    assert set(found.skipped) == {"s000_0", "s001_0"}


@pytest.mark.parametrize("status", ["truncated", "corrupt"])
def test_what_could_be_read_of_a_broken_recording_is_used(corpus: Corpus, status: str) -> None:
    describe(corpus, status=status)
    assert not windows.cut(corpus, corpus.recordings(), COLUMNS, Settings()).skipped


# --- values -------------------------------------------------------------------------------


def test_landmarks_are_divided_by_the_longer_side(corpus: Corpus) -> None:
    measured(corpus, "s000_0", set())
    describe(corpus, width=240, height=320)
    found = windows.cut(corpus, corpus.recordings(), COLUMNS, Settings()).values[0]
    assert found[:, 0] == pytest.approx(np.arange(18) / 320)
    assert found[:, 68] == pytest.approx(1 / 320)  # y too: not by 240
    assert found[:, 136:] == pytest.approx(1.0)  # action units as they are


def test_columns_stand_group_by_group_as_they_were_asked_for(corpus: Corpus) -> None:
    measured(corpus, "s000_0", set())
    turned = {"action_units": AU, "landmarks": list(LANDMARK_COLUMNS)}
    found = windows.cut(corpus, corpus.recordings(), turned, Settings()).values[0]
    assert found[:, :2] == pytest.approx(1.0)
    assert found[:, 2] * 640 == pytest.approx(np.arange(18), abs=1e-4)  # x_0


def test_what_a_model_does_not_look_at_cannot_be_missing(corpus: Corpus) -> None:
    # Without landmarks in every row, but with action units: all of it can be used.
    alone = {"action_units": AU}
    measured(corpus, "s000_0", set())
    rewrite(corpus, "s000_0", *(pl.lit(None, pl.Float32).alias(c) for c in LANDMARK_COLUMNS))
    found = windows.cut(corpus, corpus.recordings(), alone, Settings())
    assert found.values.shape == (4, 18, 2)  # 30 rows each: windows at 0 and 9
    assert not found.n_dropped


def test_rows_without_success_are_missing_even_with_numbers_in_them(corpus: Corpus) -> None:
    measured(corpus, "s000_0", set())
    lost = pl.int_range(pl.len()) == 5
    rewrite(
        corpus,
        "s000_0",
        pl.when(lost).then(0).otherwise(1).cast(pl.Int32).alias("success"),
        pl.when(lost).then(999.0).otherwise(pl.col("x_0")).cast(pl.Float32).alias("x_0"),
    )
    found = windows.cut(corpus, corpus.recordings(), COLUMNS, Settings()).values[0]
    assert found[5, 0] * 640 == pytest.approx(5, abs=1e-4)  # between 4 and 6, not 999


def test_a_missing_action_unit_is_filled_like_other_gaps(corpus: Corpus) -> None:
    measured(corpus, "s000_0", set())
    row = pl.int_range(pl.len())
    gap = pl.when(row != 3).then((row / 10).clip(0, 5)).cast(pl.Float32).alias(AU[0])
    rewrite(corpus, "s000_0", gap)
    found = windows.cut(corpus, corpus.recordings(), COLUMNS, Settings()).values[0]
    assert found[2:5, 136] == pytest.approx([0.2, 0.3, 0.4])


# --- refusals -----------------------------------------------------------------------------


def test_a_corpus_slower_than_the_model_is_refused(corpus: Corpus) -> None:
    describe(corpus, fps=5.0)
    with pytest.raises(DataError, match=r"s000_0.*5 rows per second.*works at 6"):
        windows.cut(corpus, corpus.recordings(), COLUMNS, Settings())


def test_without_a_rate_the_times_tell_it(corpus: Corpus) -> None:
    describe(corpus, fps=None)
    assert len(windows.cut(corpus, corpus.recordings(), COLUMNS, Settings()).values)
    with pytest.raises(DataError, match="6 rows per second, but the model works at 10"):
        windows.cut(corpus, corpus.recordings(), COLUMNS, Settings(fps=10.0))


def test_a_recording_without_a_picture_size_is_refused(corpus: Corpus) -> None:
    describe(corpus, width=None, height=None)
    with pytest.raises(DataError, match="no width and height"):
        windows.cut(corpus, corpus.recordings(), COLUMNS, Settings())


def test_a_recording_whose_table_lacks_a_group_is_named(corpus: Corpus) -> None:
    table = corpus.frames("s000_0").drop(LANDMARK_COLUMNS)
    write_table(corpus.frames_path("s000_0"), FRAMES, table)
    found = windows.cut(corpus, corpus.recordings(), COLUMNS, Settings())
    assert found.skipped == {"s000_0": "its table has no landmarks"}
    assert found.recordings["recording_id"].to_list() == ["s001_0"]


def test_reading_is_counted(corpus: Corpus) -> None:
    heard: list[tuple[int, int]] = []
    windows.cut(
        corpus, corpus.recordings(), COLUMNS, Settings(), lambda *counts: heard.append(counts)
    )
    assert heard == [(1, 2), (2, 2)]
