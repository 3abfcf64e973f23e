"""LibreFace's CSV files (the package libreface up to 0.2): action units, and MediaPipe's mesh.

One file per video, a row per frame: frame_idx, frame_time_in_ms, pitch, yaw, roll, lm_mp_0_x …
lm_mp_477_z (relative to the picture), au_1 … au_24 (0 or 1), au_1_intensity … au_26_intensity
(0 to 5), facial_expression, gaze_yaw, gaze_pitch; some of these lack in older files.

Known of these files: a frame without a face, or with two, has no row, so that time has gaps.
`frame_time_in_ms` holds seconds in files of 0.1 and later; it is read as what it must be from its
steps. Somebody's intensities went from 0 to 1 (LibreFace's issue 18): `au_scale=0-1` reads them so.
`pitch`, `yaw` and `roll` are not taken: they are 360 times what a fit gave that took pixels for
depths, and no angles. Nor is LibreFace's gaze, whose own code contradicts itself about the sign of
pitch. Where the picture's size is given (`width` and `height`), landmarks, head pose and gaze are
read off the mesh as by the extractor mediapipe, whose model it is; without the size they are left
out. AU24 has no column; expressions, and the paths of older files, are left out.
Chang et al., "LibreFace: an open-source toolkit for deep facial expression analysis", WACV 2024.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from deptool.errors import SchemaError
from deptool.face.canonical import N_MESH, STABLE
from deptool.face.gaze import EYES, gaze, gaze_angles
from deptool.face.landmarks import MESH_OF_68, landmarks_68
from deptool.face.pose import head_pose
from deptool.feature_files.face_scores import au_name
from deptool.feature_files.feature_csv import LINE, read_header, read_numbers
from deptool.feature_files.picture import check_picture
from deptool.importers import Found, Item, Rows
from deptool.schema import FRAMES
from deptool.sources import find_files, recording_ids

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

TITLE = "LibreFace, CSV files of videos"

_TIME = "frame_time_in_ms"
_AU = re.compile(r"au_(\d+)(_intensity)?")
_EYE_POINTS = {point for iris, corners in EYES for point in (iris, *corners)}
POINTS = tuple(sorted({*MESH_OF_68.tolist(), *STABLE, *_EYE_POINTS}))
_CHUNK = 1000  # meshes measured at once


@dataclass(frozen=True)
class Settings:
    """What the files do not say.

    width, height: of the video's picture in px, both or neither. au_scale: what intensities go
    from and to. time_unit: of frame_time_in_ms. fps: pictures per second, for files without times.
    """

    width: int | None = None
    height: int | None = None
    au_scale: Literal["0-5", "0-1"] = "0-5"
    time_unit: Literal["auto", "ms", "s"] = "auto"
    fps: float | None = None

    def __post_init__(self) -> None:
        check_picture(self.width, self.height, self.fps)


def feature_set(settings: Settings) -> str:
    return "libreface-1" if settings.au_scale == "0-5" else "librefacex5-1"


def find(source: Path, settings: Settings) -> Found:
    """Every CSV below the folder. Raises InputError where there is none."""
    paths = find_files(source, {".csv"}, "CSV files")
    ids = recording_ids(source, paths)
    notes = ["pitch, yaw, roll, gaze and expressions of the files are left out; see the docs"]
    if settings.width is None:
        notes.append(
            "landmarks, head pose and gaze are left out: points are relative to the picture, whose"
            " size is not given (--set width=640 --set height=480)"
        )
    width, height = settings.width, settings.height
    items = (Item(n, {"features": p}, width=width, height=height) for n, p in ids.items())
    return Found(tuple(items), notes=tuple(notes), frame_known=settings.width is not None)


def read(item: Item, settings: Settings) -> Rows:
    import polars as pl

    path = item.files["features"]
    header = read_header(path)
    where = f"{path.name}, line 1"
    units = _units(header)
    if not units:
        what = "is no LibreFace table: it has no column such as au_1 or au_1_intensity"
        raise SchemaError(what, where=where)
    points = {f"lm_mp_{i}_{axis}" for i in POINTS for axis in "xyz"}
    has_mesh = item.width is not None and points <= set(header)
    wanted = ["frame_idx", _TIME, *units, *(points if has_mesh else ())]
    numbers = read_numbers(path, wanted, exact=(_TIME,))
    table = numbers.values.with_columns(_timestamp(numbers.values, where, settings))
    by = 5.0 if settings.au_scale == "0-1" else 1.0
    columns = [pl.col(name) * (by if ours.endswith("_r") else 1.0) for name, ours in units.items()]
    kept = [column.alias(ours) for column, ours in zip(columns, units.values(), strict=True)]
    frame = [(pl.col("frame_idx") + 1).alias("frame")] if "frame_idx" in table.columns else []
    measured = table.select(LINE, *frame, "timestamp", *kept)
    notes = _about_scale(numbers.values, units, path.name) if by == 1.0 else ()
    if has_mesh and item.width and item.height:
        measured = measured.with_columns(_mesh_columns(table, item.width, item.height))
    elif item.width:
        notes += (f"{path.name}: has no mesh of {N_MESH} points",)
    return Rows(measured, numbers.problems, notes, numbers.truncated)


def _units(header: list[str]) -> dict[str, str]:
    """The file's columns of action units -> the schema's, of those that it has."""
    known = {column.name for column in FRAMES.group("action_units")}
    found = ((name, _AU.fullmatch(name)) for name in header)
    names = {n: f"{au_name(m[1])}_{'r' if m[2] else 'c'}" for n, m in found if m}
    return {name: ours for name, ours in names.items() if ours in known}


def _timestamp(table: pl.DataFrame, where: str, settings: Settings) -> pl.Series:
    """Times (s): those of the file, or by `fps`."""
    if settings.fps and "frame_idx" in table.columns:
        return (table["frame_idx"] / settings.fps).alias("timestamp")
    if _TIME not in table.columns:
        fix = "Give the video's pictures per second, such as --set fps=30"
        raise SchemaError(f"has no column {_TIME}", where=where, fix=fix)
    times = table[_TIME]
    unit = settings.time_unit
    if unit == "auto":
        # No video has a picture every millisecond, and none less than one a second.
        steps = np.diff(times.drop_nulls().to_numpy())
        step = np.median(steps) if len(steps) else 0.0
        unit = "ms" if step >= 1 else "s"
    return (times / (1000 if unit == "ms" else 1)).alias("timestamp")


def _about_scale(table: pl.DataFrame, units: dict[str, str], file: str) -> tuple[str, ...]:
    intensities = [name for name, ours in units.items() if ours.endswith("_r")]
    top = table.select(intensities).to_numpy() if intensities else np.empty((0, 0))
    if not np.isfinite(top).any() or np.nanmax(top) > 1:
        return ()
    return (f"{file}: no intensity is above 1; if they go from 0 to 1, give --set au_scale=0-1",)


def _mesh_columns(table: pl.DataFrame, width: int, height: int) -> list[pl.Series]:
    """Landmarks, head pose and gaze of the rows' meshes, null where a mesh is not whole."""
    import polars as pl

    groups = [FRAMES.group(name) for name in ("landmarks", "head_pose", "gaze")]
    names = [column.name for group in groups for column in group]
    flat = table.select(f"lm_mp_{i}_{axis}" for i in POINTS for axis in "xyz").to_numpy()
    whole = np.flatnonzero(np.isfinite(flat).all(axis=1))
    values = np.full((len(table), len(names)), np.nan, dtype=np.float32)
    for rows in np.array_split(whole, max(1, len(whole) // _CHUNK)) if len(whole) else ():
        meshes = np.zeros((len(rows), N_MESH, 3))
        meshes[:, list(POINTS)] = flat[rows].reshape(-1, len(POINTS), 3)
        values[rows] = _measure(meshes * [width, height, width], width, height)
    return [
        pl.Series(name, column, dtype=pl.Float32).fill_nan(None)
        for name, column in zip(names, values.T, strict=True)
    ]


def _measure(meshes: NDArray[np.float64], width: int, height: int) -> NDArray[np.float64]:
    """Meshes (face, 478, x y z) in px -> landmarks, head pose and gaze (face, value)."""
    head = head_pose(meshes, width, height)
    vectors = gaze(meshes, head)
    landmarks = np.swapaxes(landmarks_68(meshes), 1, 2).reshape(len(meshes), -1)
    pose = np.concatenate([head.translation_mm, head.rotation_rad], axis=-1)
    flat = vectors.reshape(len(meshes), 6)
    found: NDArray[np.float64] = np.concatenate(
        [landmarks, pose, flat, gaze_angles(vectors)], axis=-1
    )
    return found
