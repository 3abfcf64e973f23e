"""Segments: frames tables cut into windows of equal length, at the model's rate, gaps filled.

Axes: row (sampled time), segment, frame (in a segment), column. Columns are x_0…x_67, y_0…y_67
divided by the longer side of the picture (Eq. 2 of DepressionMLP), then the action units kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from deptool.errors import DataError, InputError
from deptool.schema import FRAMES
from deptool.tables import column_names

if TYPE_CHECKING:
    import polars as pl

    from deptool.corpus import Corpus

Floats = NDArray[np.float32]
Times = NDArray[np.float64]

LANDMARKS = 68
LANDMARK_COLUMNS = tuple(c.name for c in FRAMES.group("landmarks"))
AU_COLUMNS = tuple(c.name for c in FRAMES.group("action_units"))
NORMALISATION = "x and y divided by max(width, height) of the recording; action units as they are"
READ_STATUS = ("ok", "truncated", "corrupt")  # recordings that may have rows to use
_SLOWEST = 0.9  # of the model's rate: what a recording must have at least


class Cut(Protocol):
    """The settings of a model that say how to cut segments."""

    @property
    def frames(self) -> int: ...
    @property
    def fps(self) -> float: ...
    @property
    def overlap(self) -> float: ...
    @property
    def max_missing(self) -> float: ...


@dataclass(frozen=True)
class Segments:
    """values (segment, frame, column) float32; recording (segment,) as rows of `recordings`."""

    values: Floats
    recording: NDArray[np.int64]
    recordings: pl.DataFrame  # those that have segments, in the order they were given
    skipped: dict[str, str]  # recording_id: why it has none
    n_dropped: int  # segments left out because too many of their frames were not measured


def find_au_columns(corpus: Corpus, recordings: pl.DataFrame) -> tuple[list[str], list[str]]:
    """Action unit columns with a value somewhere in these recordings, and those without.

    Raises DataError where there is none at all.
    """
    seen: set[str] = set()
    for recording in recordings.iter_rows(named=True):
        if _unreadable(recording) or len(seen) == len(AU_COLUMNS):
            continue
        name = recording["recording_id"]
        wanted = [c for c in AU_COLUMNS if c not in seen and c in _stored(corpus, name)]
        if wanted:
            table = corpus.frames(name, wanted)
            seen.update(c for c in wanted if table[c].null_count() < len(table))
    if not seen:
        raise DataError(
            "no action unit has a value in any recording",
            where=f"corpus {corpus.name!r}",
            fix="Extract it with an extractor that measures action units.",
        )
    return [c for c in AU_COLUMNS if c in seen], [c for c in AU_COLUMNS if c not in seen]


def cut(corpus: Corpus, recordings: pl.DataFrame, au: Sequence[str], settings: Cut) -> Segments:
    """All segments of these recordings, in their order.

    Raises DataError where a recording has no picture size, lacks columns, or has fewer rows per
    second than the model needs.
    """
    parts: list[Floats] = []
    has_segments: list[bool] = []
    skipped: dict[str, str] = {}
    n_dropped = 0
    for recording in recordings.iter_rows(named=True):
        reason = _unreadable(recording)
        if not reason:
            segments, n_missing = _segments(corpus, recording, au, settings)
            n_dropped += n_missing
            if len(segments):
                parts.append(segments)
            elif n_missing:
                reason = f"too many frames without a face in each of its {n_missing} segments"
            else:
                reason = f"shorter than one segment of {settings.frames / settings.fps:g} s"
        has_segments.append(not reason)
        if reason:
            skipped[recording["recording_id"]] = reason
    empty = np.zeros((0, settings.frames, len(LANDMARK_COLUMNS) + len(au)), np.float32)
    owner = np.repeat(np.arange(len(parts)), [len(p) for p in parts]).astype(np.int64)
    values = np.concatenate([empty, *parts])
    return Segments(values, owner, recordings.filter(has_segments), skipped, n_dropped)


def _unreadable(recording: Mapping[str, Any]) -> str:
    """Why a recording has no rows to read; empty where it has some."""
    if recording["status"] in READ_STATUS and recording["n_frames"]:
        return ""
    return f"status {recording['status']}, {recording['n_frames']} rows"


def _stored(corpus: Corpus, recording_id: str) -> list[str]:
    """The columns of a frames table; InputError where the corpus has lost it."""
    path = corpus.frames_path(recording_id)
    if not path.is_file():
        raise InputError(
            "the recording has rows, but its frames table is missing",
            where=f"corpus {corpus.name!r}, frames/{path.name}",
            fix="Extract the videos again: what is missing is made.",
        )
    return column_names(path)


def _segments(
    corpus: Corpus, recording: Mapping[str, Any], au: Sequence[str], settings: Cut
) -> tuple[Floats, int]:
    """One recording's segments (segment, frame, column), and how many were left out."""
    times, values = _read(corpus, recording, au, settings.fps)
    times, values = resample(times, values, settings.fps)
    segments = windows(values, settings.frames, settings.overlap)
    stamps = windows(times, settings.frames, settings.overlap)
    missing = windows(np.isnan(values).any(axis=1), settings.frames, settings.overlap)
    kept = missing.mean(axis=1) <= settings.max_missing
    return fill(segments[kept], stamps[kept]), int((~kept).sum())


def _read(
    corpus: Corpus, recording: Mapping[str, Any], au: Sequence[str], fps: float
) -> tuple[Times, Floats]:
    """times (row,) in seconds, values (row, column); NaN where something was not measured."""
    name = recording["recording_id"]
    where = f"corpus {corpus.name!r}, recording {name!r}"
    side = max(recording["width"] or 0, recording["height"] or 0)
    if not side:
        raise DataError(
            "has no width and height in recordings.parquet, by which landmarks are divided",
            where=where,
            fix="Fill them in with the size of the picture that the landmarks were found in.",
        )
    wanted = ["timestamp", "success", *LANDMARK_COLUMNS, *au]
    stored = _stored(corpus, name)
    lacking = [c for c in wanted if stored and c not in stored]
    if lacking:
        raise DataError(
            f"the frames table lacks {len(lacking)} columns that the model needs: {lacking[0]} …",
            where=where,
            fix="Extract it with an extractor that measures landmarks and action units.",
        )
    table = corpus.frames(name, wanted)
    times = table["timestamp"].to_numpy().astype(np.float64)
    rate = recording["fps"] or (len(times) - 1) / max(times[-1] - times[0], 1e-6)
    if len(times) > 1 and rate < _SLOWEST * fps:
        raise DataError(
            f"has {rate:.3g} rows per second, but the model works at {fps:g}",
            where=where,
            fix=f"Extract it again at {fps:g} rows per second or more.",
        )
    values = table.select(*LANDMARK_COLUMNS, *au).to_numpy().astype(np.float32)
    values[table["success"].to_numpy() != 1] = np.nan
    values[:, : len(LANDMARK_COLUMNS)] /= side
    return times, values


def resample(times: Times, values: Floats, fps: float) -> tuple[Times, Floats]:
    """times (row,), values (row, column) -> the same at `fps` rows per second, by nearest row.

    Where the nearest row is more than half a step away (the model's, or the table's where that
    is longer) there is a hole: the row is NaN.
    """
    step = max(1 / fps, float(np.median(np.diff(times)))) if len(times) > 1 else 1 / fps
    n_steps = int(np.floor((times[-1] - times[0]) * fps + 0.5)) + 1
    wanted = times[0] + np.arange(n_steps) / fps
    after = np.searchsorted(times, wanted).clip(1, max(len(times) - 1, 1))
    before = after - 1
    after = after.clip(max=len(times) - 1)
    nearest = np.where(wanted - times[before] <= times[after] - wanted, before, after)
    found = values[nearest]
    found[np.abs(times[nearest] - wanted) > step * (0.5 + 1e-3)] = np.nan
    return wanted, found


def windows(values: NDArray[Any], frames: int, overlap: float) -> NDArray[Any]:
    """values (row, …) -> (segment, frame, …), a view; rows after the last whole segment are left.

    Neighbouring segments share `overlap` of their frames, rounded to whole frames.
    """
    step = max(1, round(frames * (1 - overlap)))
    if len(values) < frames:
        return np.zeros((0, frames, *values.shape[1:]), values.dtype)
    view = np.lib.stride_tricks.sliding_window_view(values, frames, axis=0)[::step]
    return np.moveaxis(view, -1, 1)


def fill(segments: Floats, times: Times) -> Floats:
    """segments (segment, frame, column), times (segment, frame) -> a copy without NaN.

    A NaN becomes what lies on the line, in time, between the nearest frames of its segment in
    which everything was measured; before the first and after the last of them, their value.
    Every segment needs one such frame.
    """
    filled = np.array(segments)
    holes = np.isnan(filled).any(axis=2)
    rows = np.flatnonzero(holes.any(axis=1))
    some, stamps, good = filled[rows], times[rows], ~holes[rows]
    frame = np.arange(segments.shape[1])
    before = np.maximum.accumulate(np.where(good, frame, -1), axis=1)
    after = np.minimum.accumulate(np.where(good, frame, len(frame))[:, ::-1], axis=1)[:, ::-1]
    low = np.where(before < 0, after, before)
    high = np.where(after == len(frame), before, after)
    start = np.take_along_axis(stamps, low, axis=1)
    span = np.take_along_axis(stamps, high, axis=1) - start
    share = np.where(span > 0, (stamps - start) / np.where(span > 0, span, 1), 0)[:, :, None]
    one = np.take_along_axis(some, low[:, :, None], axis=1)
    other = np.take_along_axis(some, high[:, :, None], axis=1)
    line = (one + share * (other - one)).astype(np.float32)
    filled[rows] = np.where(np.isnan(some), line, some)
    return filled
