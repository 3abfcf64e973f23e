"""What an extractor saw at one time, and how a recording's observations become a frames table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from deptool.schema import FRAMES

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Observation:
    """One look at one picture. Without a face everything but status and counts is None.

    box (4) x y w h in px; landmarks (68, 2) in px; head_pose (6) Tx Ty Tz in mm, Rx Ry Rz in rad;
    gaze (8) two unit vectors, then the two angles in rad; au_measures (measure), whatever the
    extractor derives its action units from.
    """

    status: str
    confidence: float
    n_faces: int
    box: Floats | None = None
    landmarks: Floats | None = None
    head_pose: Floats | None = None
    gaze: Floats | None = None
    au_measures: Floats | None = None


def frames_table(
    times: Sequence[float],
    numbers: Sequence[int],
    seen: Sequence[Observation],
    action_units: Mapping[str, Floats | None],
) -> pl.DataFrame:
    """The frames table of one recording, one row per time (s).

    `numbers` are the source's picture numbers; `action_units` holds columns over the rows with
    success, in order, or None for a column that stays null.
    """
    import polars as pl

    success = np.array([o.landmarks is not None for o in seen], dtype=bool)
    columns: dict[str, pl.Series] = {
        "frame": pl.Series(numbers, dtype=pl.Int32),
        "timestamp": pl.Series(times, dtype=pl.Float32),
        "confidence": pl.Series([o.confidence for o in seen], dtype=pl.Float32),
        "success": pl.Series(success, dtype=pl.Int32),
        "status": pl.Series([o.status for o in seen], dtype=pl.String),
        "n_faces": pl.Series([o.n_faces for o in seen], dtype=pl.Int32),
    }
    box = [o.box for o in seen if o.box is not None]
    landmarks = [o.landmarks.T.ravel() for o in seen if o.landmarks is not None]
    pose = [o.head_pose for o in seen if o.head_pose is not None]
    gaze = [o.gaze for o in seen if o.gaze is not None]
    names = ("face_x", "face_y", "face_w", "face_h")
    columns |= _spread(names, box, success)
    for group, values in (("landmarks", landmarks), ("head_pose", pose), ("gaze", gaze)):
        columns |= _spread([c.name for c in FRAMES.group(group)], values, success)
    for name, values_or_none in action_units.items():
        columns[name] = _column(values_or_none, success)
    return pl.DataFrame(columns)


def _spread(
    names: Sequence[str], rows: Sequence[Floats], success: NDArray[np.bool_]
) -> dict[str, pl.Series]:
    """One column per name out of vectors that only the rows with success have."""
    table = np.array(rows).reshape(-1, len(names))
    return {name: _column(table[:, i], success) for i, name in enumerate(names)}


def _column(values: Floats | None, success: NDArray[np.bool_]) -> pl.Series:
    """A float32 column that is null where `success` is not."""
    import polars as pl

    full = np.full(len(success), np.nan, dtype=np.float32)
    if values is not None and len(values):
        full[success] = values
    return pl.Series(full).fill_nan(None)
