"""How good one recording's frames table is: coverage, gaps, jitter, doubtful and frozen rows.

Axes: row (sampled time), coordinate (x_0…x_67, then y_0…y_67). Times in seconds, positions in
pixels. A row is *measured* where success is 1; its landmarks are, where all of them have a value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deptool.schema import FRAMES

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float32]
Times = NDArray[np.float64]
Mask = NDArray[np.bool_]

DOUBTFUL = ("low_confidence", "ambiguous", "too_small", "decode_error")
LANDMARK_COLUMNS = tuple(c.name for c in FRAMES.group("landmarks"))
LANDMARKS = len(LANDMARK_COLUMNS) // 2

HOLE = 1.5  # median steps from one row to the next; beyond it, rows are missing between them
FROZEN_S = 1.0  # shorter stands are a slow camera, or a picture shown twice
_LARGEST = np.finfo(np.float32).max / 2  # so that the mean of two of them is a float32
_DIGITS = 3  # of seconds: float32 timestamps are off by less than a millisecond, up to 2 hours

# A point with Gaussian noise of SD s on each axis lies off its place by a distance whose median
# is s √(2 ln 2): the distance has a Rayleigh distribution, F(d) = 1 - exp(-d² / 2s²) = 1/2.
_RAYLEIGH_MEDIAN_SQUARED = 2 * np.log(2)


@dataclass(frozen=True)
class Quality:
    """What is known of one recording; None where there was nothing to measure it on.

    status: how reading the source went, as in the recordings table
    n_rows: rows of the frames table; None where it is missing or broken
    fps: rows per second, (n_rows - 1) / (last timestamp - first)
    coverage: measured rows / rows; 0 where there is no table to read
    longest_gap_s: longest time without a measured row, also where rows are missing, in s
    jitter_px: noise of the landmarks as an SD per axis, in px (see `jitter`)
    jitter_pct: 100 jitter_px / face_px, in %
    doubtful: share of rows with a status in `DOUBTFUL`
    ambiguous: share of rows with status ambiguous
    several_faces: share of rows with n_faces above 1
    outside: share of landmarks outside the picture, in rows whose landmarks are measured
    face_px: mean face_w of measured rows, in px
    frozen_s: all spans of `FROZEN_S` or more in which no landmark changes a bit, together, in s
    longest_frozen_s: the longest of them, in s
    """

    recording_id: str
    status: str | None
    n_rows: int | None = None
    fps: float | None = None
    coverage: float = 0.0
    longest_gap_s: float | None = None
    jitter_px: float | None = None
    jitter_pct: float | None = None
    doubtful: float | None = None
    ambiguous: float | None = None
    several_faces: float | None = None
    outside: float | None = None
    face_px: float | None = None
    frozen_s: float | None = None
    longest_frozen_s: float | None = None


def measure(recording: Mapping[str, Any], table: pl.DataFrame) -> Quality:
    """The quality of one recording: its row of the recordings table, and its frames table.

    The frames table must be sound (schema, timestamps ascending); its optional groups may lack.
    Of the row, recording_id, status, width and height are read; all but the first may be None.
    """
    name, status = recording["recording_id"], recording.get("status")
    if table.is_empty():
        return Quality(name, status, n_rows=0)
    times = table["timestamp"].to_numpy().astype(np.float64)
    success = table["success"].to_numpy() == 1
    face_px: Any = table["face_w"].filter(success).mean()
    of_points = _of_points(table, times, success, recording.get("width"), recording.get("height"))
    noise = of_points.get("jitter_px")
    return Quality(
        name,
        status,
        n_rows=len(table),
        fps=(len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else None,
        coverage=float(success.mean()),
        longest_gap_s=longest_gap(times, success),
        doubtful=_share(table["status"].is_in(DOUBTFUL)),
        ambiguous=_share(table["status"] == "ambiguous"),
        several_faces=_share(table["n_faces"] > 1),
        face_px=face_px,
        jitter_pct=100 * noise / face_px if noise is not None and face_px else None,
        **of_points,
    )


def _of_points(
    table: pl.DataFrame, times: Times, success: Mask, width: int | None, height: int | None
) -> dict[str, float | None]:
    """What the landmarks tell; nothing where the table has none with a value."""
    if LANDMARK_COLUMNS[0] not in table.columns:
        return {}
    points = table.select(LANDMARK_COLUMNS).to_numpy()
    seen = success & ~np.isnan(points.sum(axis=1, dtype=np.float64))  # float32 may overflow
    if not seen.any():
        return {}
    repeats = find_repeats(points, seen)
    spans = frozen_spans(times, repeats)
    return {
        "outside": outside(points, seen, width, height) if width and height else None,
        "jitter_px": jitter(times, points, seen, repeats),
        "frozen_s": _seconds(spans.sum()),
        "longest_frozen_s": _seconds(spans.max(initial=0)),
    }


def longest_gap(times: Times, success: Mask) -> float:
    """times (row), success (row) -> seconds of the longest time without a measured row.

    From where a measured row ends, or from the first row, to the next measured row, or to where
    the last row ends. A row ends where the next begins; beside a hole (a step above `HOLE` median
    steps), and as the last row, after one median step. So rows that are missing count as much as
    the same rows without success, and steps that are regular are no gap.
    """
    step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    ends = np.append(times[1:], times[-1] + step)
    is_hole = ends - times > HOLE * step
    ends[is_hole] = times[is_hole] + step
    since = np.append(times[:1], ends[success])
    until = np.append(times[success], ends[-1])
    return _seconds((until - since).max())


def find_repeats(points: Floats, seen: Mask) -> Mask:
    """points (row, coordinate), seen (row) -> (row): True where a row equals the one before.

    Equal in every bit, and the landmarks of both are measured.
    """
    repeats = np.zeros(len(points), bool)
    repeats[1:] = seen[1:] & seen[:-1] & (points[1:, 0] == points[:-1, 0])
    rows = np.flatnonzero(repeats)  # few rows share the first coordinate: compare only those
    repeats[rows] = (points[rows] == points[rows - 1]).all(axis=1)
    return repeats


def frozen_spans(times: Times, repeats: Mask) -> Times:
    """times (row), repeats (row) -> seconds of each span of FROZEN_S or more without a change.

    A span lasts from the row that is repeated to its last repetition.
    """
    first, after = _runs(repeats)
    spans: Times = times[after - 1] - times[first - 1]  # row 0 repeats none
    return spans[np.round(spans, _DIGITS) >= FROZEN_S]


def jitter(times: Times, points: Floats, seen: Mask, repeats: Mask) -> float | None:
    """Noise of the landmarks: white noise of SD s px on each axis gives s, steady motion 0.

    times (row), points (row, coordinate), seen (row), repeats (row). Of every three rows in a
    row, how far the middle point lies off the line, in time, between the others. With equal
    steps that is half the second difference, whose SD is s √6, so s √1.5; in general
    s √(1 + a² + b²), where a and b are the weights of the others. The median over landmarks and
    rows of this distance, divided by √(1 + a² + b²) and by √(2 ln 2), is s. Repeated rows are
    left out first: a picture shown twice has no noise of its own. None without three rows.
    """
    if repeats.any():
        times, points, seen = times[~repeats], points[~repeats], seen[~repeats]
    use = seen[:-2] & seen[1:-1] & seen[2:]
    if not use.any():
        return None
    share = (times[1:-1] - times[:-2]) / (times[2:] - times[:-2])
    a, b = 1 - share, share  # float64: the square of a large float32 is none
    scale = 1 / (1 + a**2 + b**2)
    squared = np.empty((LANDMARKS, int(use.sum())), np.float32)
    for k in range(LANDMARKS):  # one at a time stays in the processor's cache
        x, y = points[:, k], points[:, k + LANDMARKS]
        off_x = x[1:-1] - a * x[:-2] - b * x[2:]
        off_y = y[1:-1] - a * y[:-2] - b * y[2:]
        squared[k] = np.minimum(((off_x**2 + off_y**2) * scale)[use], _LARGEST)
    return float(np.sqrt(np.median(squared, overwrite_input=True) / _RAYLEIGH_MEDIAN_SQUARED))


def outside(points: Floats, seen: Mask, width: int, height: int) -> float:
    """points (row, coordinate), seen (row), picture size in px -> share of landmarks outside.

    Of the rows with seen. A point on the very edge is inside.
    """
    x, y = points[:, :LANDMARKS], points[:, LANDMARKS:]
    found = (x < 0) | (x > width) | (y < 0) | (y > height)
    return float(found[seen].mean())


def _runs(mask: Mask) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """mask (row) -> first row of each run of True, and the row after its last."""
    edges = np.diff(np.concatenate([[0], mask.astype(np.int8), [0]]))
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)


def _seconds(value: float) -> float:
    return round(float(value), _DIGITS)


def _share(found: pl.Series) -> float:
    mean: Any = found.mean()
    return float(mean)
