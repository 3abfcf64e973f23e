"""Segments: frames tables cut into windows of equal length, at the model's rate, gaps filled.

Axes: row (sampled time), segment, frame (in a segment), column. Columns stand group by group in the
order that the model names its groups: landmarks (x_0…x_67, y_0…y_67, scaled as `scaling` says),
action units, head pose, gaze.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from deptool.errors import DataError
from deptool.measured import Columns, Floats, Times, flat, lacking, read, unreadable

if TYPE_CHECKING:
    import polars as pl

    from deptool.corpus import Corpus

_SLOWEST = 0.9  # of the model's rate: what a recording must have at least

# Steps of a steady clock that a table may ask for: so many in any case, and so many for each row.
# Two rows with a leap of months between them would fill the memory.
_STEPS, _STEPS_PER_ROW = 100_000, 50


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
    """values (segment, frame, column) float32; recording (segment,) as rows of `recordings`.

    start (segment,) is the time of a segment's first frame in its recording, in s.
    """

    values: Floats
    recording: NDArray[np.int64]
    start: Times
    recordings: pl.DataFrame  # those that have segments, in the order they were given
    skipped: dict[str, str]  # recording_id: why it has none
    n_dropped: int  # segments left out because too many of their frames were not measured


def cut(
    corpus: Corpus,
    recordings: pl.DataFrame,
    columns: Columns,
    settings: Cut,
    on_read: Callable[[int, int], None] = lambda _done, _of: None,
) -> Segments:
    """All segments of these recordings, in their order; `columns` are those of each group.

    `on_read` hears how many recordings are read, of how many.

    Raises DataError where a recording has no picture size to divide landmarks by, or has fewer
    rows per second than the model needs.
    """
    parts: list[Floats] = []
    starts: list[Times] = [np.zeros(0)]
    has_segments: list[bool] = []
    skipped: dict[str, str] = {}
    n_dropped = 0
    for done, recording in enumerate(recordings.iter_rows(named=True), start=1):
        reason = unreadable(recording) or lacking(corpus, recording, columns)
        if not reason:
            segments, start, n_missing, null = _segments(corpus, recording, columns, settings)
            n_dropped += n_missing
            if null:
                reason = f"nothing in it has a value of {', '.join(null[:10])}"
            elif len(segments):
                parts.append(segments)
                starts.append(start)
            elif n_missing:
                reason = (
                    f"too many frames not measured in whole in each of its {n_missing} segments"
                )
            else:
                reason = f"shorter than one segment of {settings.frames / settings.fps:g} s"
        has_segments.append(not reason)
        if reason:
            skipped[recording["recording_id"]] = reason
        on_read(done, len(recordings))
    empty = np.zeros((0, settings.frames, len(flat(columns))), np.float32)
    owner = np.repeat(np.arange(len(parts)), [len(p) for p in parts]).astype(np.int64)
    values = np.concatenate([empty, *parts])
    kept = recordings.filter(has_segments)
    return Segments(values, owner, np.concatenate(starts), kept, skipped, n_dropped)


def _segments(
    corpus: Corpus, recording: Mapping[str, Any], columns: Columns, settings: Cut
) -> tuple[Floats, Times, int, list[str]]:
    """One recording's segments (segment, frame, column) and their first times in s (segment,).

    Then how many were left out, and the columns that are null.
    """
    times, values = read(corpus, recording, columns)
    empty = np.isnan(values).all(axis=0)
    null = [] if empty.all() else [c for c, e in zip(flat(columns), empty, strict=True) if e]
    require_rate(corpus, recording, times, settings.fps)
    times, values = resample(times, values, settings.fps)
    segments = windows(values, settings.frames, settings.overlap)
    stamps = windows(times, settings.frames, settings.overlap)
    missing = windows(np.isnan(values).any(axis=1), settings.frames, settings.overlap)
    kept = missing.mean(axis=1) <= settings.max_missing
    stamps = stamps[kept]
    return fill(segments[kept], stamps), stamps[:, 0], int((~kept).sum()), null


def require_rate(
    corpus: Corpus, recording: Mapping[str, Any], times: Times, fps: float, setting: str = "fps"
) -> None:
    """Raise DataError where a recording is slower than `fps`, which `setting` of a model says.

    Also where its clock leaps so far that the steps between its rows would be too many.
    """
    rate = recording["fps"] or (len(times) - 1) / max(times[-1] - times[0], 1e-6)
    span = float(times[-1] - times[0]) if len(times) else 0.0
    if not span * fps <= _STEPS + _STEPS_PER_ROW * len(times):
        raise DataError(
            f"its {len(times)} rows are spread over {span:.4g} s",
            where=f"corpus {corpus.name!r}, recording {recording['recording_id']!r}",
            fix="Its clock is wrong somewhere: look at the column timestamp, and import it again.",
        )
    if len(times) > 1 and rate < _SLOWEST * fps:
        raise DataError(
            f"has {rate:.3g} rows per second, but the model works at {fps:g}",
            where=f"corpus {corpus.name!r}, recording {recording['recording_id']!r}",
            fix=f"Extract it again at {fps:g} rows per second or more, or train at its rate:"
            f" --set {setting}={rate:.3g}",
        )


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
