"""From what was observed of a recording to its tables: one row per time, or per time and face."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deptool.face.observation import Measures
from deptool.face.tracks import Choice, link, primary
from deptool.observe import Observed
from deptool.schema import FRAMES

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

N_LANDMARKS = 68

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
    columns: dict[str, pl.Series] = {
        "frame": pl.Series([observed.numbers[i] for i in looks], dtype=pl.Int32),
        "timestamp": pl.Series([observed.times[i] for i in looks], dtype=pl.Float32),
        "confidence": pl.Series(np.clip(confidence, 0, 1), dtype=pl.Float32),
        "success": pl.Series(success, dtype=pl.Int32),
        "status": pl.Series(status.tolist(), dtype=pl.String),
        "n_faces": pl.Series(n_faces, dtype=pl.Int32),
    }
    boxes = observed.boxes[kept]
    columns |= _spread(("face_x", "face_y", "face_w", "face_h"), boxes, success)
    for group, values in _groups(measured).items():
        columns |= _spread([c.name for c in FRAMES.group(group)], values, success)
    units: Mapping[str, Floats | None] = extractor.action_units(measured.au)
    for name, values_or_none in units.items():
        columns[name] = _column(values_or_none, success)
    return pl.DataFrame(columns)


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


def _groups(measured: Measures) -> dict[str, Floats]:
    """Rows (face, value) by group of columns; one that the extractor cannot see is left out."""
    flat = np.swapaxes(measured.landmarks, 1, 2).reshape(-1, 2 * N_LANDMARKS)
    groups = {"landmarks": flat, "head_pose": measured.head_pose}
    return groups if measured.gaze is None else {**groups, "gaze": measured.gaze}


def _spread(names: Sequence[str], rows: Floats, success: NDArray[np.bool_]) -> dict[str, pl.Series]:
    """One column per name out of vectors that only the rows with success have."""
    return {name: _column(rows[:, i], success) for i, name in enumerate(names)}


def _column(values: Floats | None, success: NDArray[np.bool_]) -> pl.Series:
    """A float32 column that is null where `success` is not."""
    import polars as pl

    full = np.full(len(success), np.nan, dtype=np.float32)
    if values is not None and len(values):
        full[success] = values
    return pl.Series(full).fill_nan(None)
