"""From what was observed of a recording to its tables: one row per time, or per time and face."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deptool.face.observation import Measured, Measures
from deptool.face.tracks import Choice, link, primary
from deptool.observe import Observed
from deptool.schema import FRAMES

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

N_LANDMARKS = 68
_BOX = ("face_x", "face_y", "face_w", "face_h")

# Narrower than this (px), a face shows too little to be measured.
LEAST_FACE_PX = 64

# Below this score a candidate is no face; between it and the extractor's threshold it was one,
# unsurely.
_DOUBTFUL = 0.1


@dataclass(frozen=True)
class Faces:
    """Which face of each look is the recording's own, and the track of every face."""

    track: Ints
    choice: Choice


def choose(observed: Observed) -> Faces:
    """Link the faces of a recording and choose the primary one; see `deptool.face.tracks`."""
    track = link(observed.owner, observed.boxes, observed.times)
    choice = primary(
        observed.owner,
        track,
        observed.boxes,
        len(observed.times),
        observed.width,
        observed.height,
    )
    return Faces(track, choice)


def frames_table(observed: Observed, faces: Faces, extractor: Any) -> pl.DataFrame:
    """The frames table of one recording: one row per sampled time, the primary face in it."""
    looks = np.arange(len(observed.times), dtype=np.intp)
    return _table(observed, looks, faces.choice.face, faces.choice.doubtful, extractor)


def tracks_table(observed: Observed, faces: Faces, extractor: Any) -> pl.DataFrame:
    """The tracks table of one recording: one row per sampled time and face, track by track."""
    import polars as pl

    is_primary = np.zeros(len(observed.owner), dtype=np.int32)
    is_primary[faces.choice.face[faces.choice.face >= 0]] = 1
    parts = []
    for track in range(int(faces.track.max(initial=-1)) + 1):
        face = np.flatnonzero(faces.track == track)
        looks = observed.owner[face]
        doubtful = faces.choice.doubtful[looks] & (is_primary[face] == 1)
        rows = _table(observed, looks, face, doubtful, extractor)
        about = [
            pl.Series("track", np.full(len(rows), track, dtype=np.int32)),
            pl.Series("primary", is_primary[face]),
        ]
        parts.append(rows.select(*about, pl.all()))
    if parts:
        return pl.concat(parts)
    nothing = np.empty(0, dtype=np.intp)
    empty = _table(observed, nothing, nothing, nothing.astype(bool), extractor)
    none = pl.Series([], dtype=pl.Int32)
    return empty.select(none.alias("track"), none.alias("primary"), pl.all())


def _table(
    observed: Observed, looks: Ints, face: Ints, doubtful: NDArray[np.bool_], extractor: Any
) -> pl.DataFrame:
    """looks (row), face (row) or -1 without one, doubtful (row) -> a frames table."""
    import polars as pl

    status = _status(observed, looks, face, doubtful)
    success = np.isin(status, ("ok", "ambiguous"))
    kept = face[success]
    measured = observed.measures.take(kept)
    confidence = observed.confidence[looks].copy()
    confidence[face >= 0] = observed.face_confidence[face[face >= 0]]
    n_faces = np.bincount(observed.owner, minlength=len(observed.times))[looks]
    columns: dict[str, Any] = {
        "frame": np.array(observed.numbers, dtype=np.int32)[looks],
        "timestamp": np.array(observed.times, dtype=np.float32)[looks],
        "confidence": np.clip(confidence, 0, 1).astype(np.float32),
        "success": success.astype(np.int32),
        "status": pl.Series(status.tolist(), dtype=pl.String),
        "n_faces": n_faces.astype(np.int32),
    }
    values = dict(zip(_BOX, observed.boxes[kept].T, strict=True))
    for group, rows in _groups(measured).items():
        values |= dict(zip((c.name for c in FRAMES.group(group)), rows.T, strict=True))
    units: Mapping[str, Floats | None] = extractor.action_units(measured.au)
    for name, column in {**values, **units}.items():
        columns[name] = np.full(len(looks), np.nan, dtype=np.float32)
        if column is not None:
            columns[name][success] = column
    # What was not measured is NaN so far, and NaN is nothing that a table may hold.
    return pl.DataFrame(columns).with_columns(pl.col([*values, *units]).fill_nan(None))


def _status(
    observed: Observed, looks: Ints, face: Ints, doubtful: NDArray[np.bool_]
) -> NDArray[np.str_]:
    unsure = observed.confidence[looks] >= _DOUBTFUL
    status = np.where(unsure, "low_confidence", "no_face").astype("U16")
    status[observed.lost[looks]] = "decode_error"
    there = face >= 0
    status[there] = np.where(doubtful[there], "ambiguous", "ok")
    small = np.zeros(len(looks), dtype=bool)
    small[there] = observed.boxes[face[there], 2] < LEAST_FACE_PX
    status[small] = "too_small"
    return status


def _groups(measured: Measures) -> dict[str, Measured]:
    """Rows (face, value) by group of columns; one that the extractor cannot see is left out."""
    flat: Measured = np.swapaxes(measured.landmarks, 1, 2).reshape(-1, 2 * N_LANDMARKS)
    groups: dict[str, Measured] = {"landmarks": flat, "head_pose": measured.head_pose}
    if measured.gaze is not None:
        groups["gaze"] = measured.gaze
    return groups
