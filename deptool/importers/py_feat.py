"""py-feat's CSV files (Fex), of 0.2 to 2.1: landmarks, action units and boxes.

One file per video, a row per frame and face: FaceRectX …, FaceScore (not in 0.2), x_0 … y_67,
Pitch Roll Yaw (X Y Z), AU01 … without a suffix, emotions, and since 2.0 gaze and Identity_1 … 512.
Files of Detectorv2 have a mesh as well (mesh_x_0 …), those of MPDetector the mesh in place of the
68 points (x_0 … z_477) and blendshapes.

What is taken agrees with the extractor py-feat: action units are values from 0 to 1, which fill
AUxx_c from 0.5 on, and AUxx_r only with `au_scale=times5`; AU11, AU24 and AU43 are left out; head
pose is computed from the 68 landmarks where the file tells the picture's size (FrameWidth,
FrameHeight) or `width` and `height` do, since Pitch is in degrees in older files and in rad in
newer ones, and changed its sign within 2.1; gaze, whose sign of yaw py-feat's own files disagree
about, and emotions are left out. Of a mesh, the extractor's 68 points are taken.

Identity columns, which are a face's embedding, are never read, nor is `input`, the path of the
source. Time: `frame` is the picture's number from 0; `approx_time` has whole seconds only, so the
rate is found from both over the whole file, or given as `fps`. Faces have no lasting numbers: they
are followed by their boxes, and the most prominent is kept.
Cheong et al., "Py-Feat: Python facial expression analysis toolbox", Affective Science 4, 2023.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from deptool.errors import InputError, SchemaError
from deptool.face.landmarks import MESH_OF_68
from deptool.face.pose_68 import head_pose_68
from deptool.feature_files.face_scores import au_columns
from deptool.feature_files.feature_csv import LINE, first_row, read_header, read_numbers
from deptool.feature_files.frame_rate import rate_of_seconds
from deptool.feature_files.one_face import BOX, one_face
from deptool.feature_files.picture import check_picture
from deptool.importers import Found, Item, Rows
from deptool.schema import FRAMES
from deptool.sources import find_files, recording_ids

if TYPE_CHECKING:
    import polars as pl

TITLE = "py-feat 0.2 to 2.1, CSV files of videos (Fex)"

_BOX = dict(zip(("FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight"), BOX, strict=True))
_AU = re.compile(r"AU\d\d")
_APPROX = "approx_time"
_WRITERS = {"v1": "Detectorv1", "v2": "Detectorv2", "mp": "MPDetector"}
_CHUNK = 1000  # heads whose pose is computed at once


@dataclass(frozen=True)
class Settings:
    """What the files do not say.

    detector: what wrote them: v1 (Detectorv1, py-feat 2), v2 (Detectorv2), mp (MPDetector), or any
    for older and unknown ones. Tables of v1 and v2 count as the extractor py-feat's own. au_scale:
    see the extractor. fps: pictures per second of the video. width, height: of its picture in px.
    """

    detector: Literal["any", "v1", "v2", "mp"] = "any"
    au_scale: Literal["presence", "times5"] = "presence"
    fps: float | None = None
    width: int | None = None
    height: int | None = None

    def __post_init__(self) -> None:
        check_picture(self.width, self.height, self.fps)


def feature_set(settings: Settings) -> str:
    """As the extractor calls it: py-feat-v2-1, or py-feat-v2x5-1 with times5."""
    return f"py-feat-{settings.detector}{'x5' if settings.au_scale == 'times5' else ''}-1"


def find(source: Path, settings: Settings) -> Found:
    """Every CSV below the folder. Raises InputError where there is none."""
    paths = find_files(source, {".csv"}, "CSV files")
    items = []
    for name, path in recording_ids(source, paths).items():
        width, height = (settings.width, settings.height) if settings.width else _frame_size(path)
        items.append(Item(name, {"features": path}, width=width, height=height))
    known = all(item.width for item in items)
    notes = ["gaze and emotions are left out; face embeddings (Identity) are never read"]
    if not known:
        notes.append(
            "head pose is left out where the picture's size is not known"
            " (--set width=640 --set height=480)"
        )
    return Found(tuple(items), notes=tuple(notes), frame_known=known)


def read(item: Item, settings: Settings) -> Rows:
    import polars as pl

    path = item.files["features"]
    header = read_header(path)
    where = f"{path.name}, line 1"
    points, units = _points(header, settings, where), [n for n in header if _AU.fullmatch(n)]
    if not (set(_BOX) <= set(header) and (points or units)):
        raise SchemaError("is no py-feat table: no FaceRectX, or nothing measured", where=where)
    wanted = ["frame", _APPROX, "FaceScore", *_BOX, *points, *units]
    numbers = read_numbers(path, wanted, texts=(_APPROX,))
    table = numbers.values.rename({**_BOX, **points}, strict=False)
    table, notes = _timed(table, path, settings)
    score = pl.col("FaceScore") if "FaceScore" in table.columns else pl.lit(1.0)
    is_face = pl.all_horizontal(pl.col(BOX).is_not_null()) & (pl.col("face_w") > 0) & (score > 0)
    table = table.with_columns(score.cast(pl.Float32).alias("confidence"))
    blank = (*BOX, "confidence", *points.values(), *units)
    table = table.with_columns(pl.when(is_face).then(pl.col(name)).alias(name) for name in blank)
    table, more = one_face(table, path.name, item.width, item.height)
    table = table.with_columns(au_columns({name: name for name in units}, settings.au_scale))
    if points and item.width and item.height:
        table = table.with_columns(_head_pose(table, item.width, item.height))
    known = {LINE, *(column.name for column in FRAMES.columns)}
    table = table.select(name for name in table.columns if name in known)
    return Rows(table, numbers.problems, (*notes, *more), numbers.truncated)


def _frame_size(path: Path) -> tuple[int | None, int | None]:
    """FrameWidth and FrameHeight of the first row; None where the file does not say."""
    try:
        row = first_row(path)
        width, height = (round(float(row[name])) for name in ("FrameWidth", "FrameHeight"))
    except (InputError, OSError, KeyError, ValueError, OverflowError):
        return None, None
    return (width, height) if width > 0 and height > 0 else (None, None)


def _points(header: list[str], settings: Settings, where: str) -> Mapping[str, str]:
    """The file's columns of the 68 landmarks -> the schema's; empty where it has none."""
    there = set(header)
    _check_detector(there, settings.detector, where)
    mesh = "mesh_" if settings.detector == "v2" else "" if "x_477" in there else None
    names = {
        (f"{axis}_{i}" if mesh is None else f"{mesh}{axis}_{MESH_OF_68[i]}"): f"{axis}_{i}"
        for axis in "xy"
        for i in range(68)
    }
    return names if set(names) <= there else {}


def _check_detector(there: set[str], detector: str, where: str) -> None:
    """Refuse the file of another detector than the settings say."""
    found = "v2" if "mesh_x_0" in there else "mp" if "x_477" in there else "v1"
    if detector in ("any", found):
        return
    lacks = {
        "v1": f"has a mesh ({'mesh_x_0' if found == 'v2' else 'x_477'})",
        "v2": "has no mesh (mesh_x_0 …)",
        "mp": "has no mesh in place of landmarks (x_477)",
    }
    fixes = {
        "v1": "It looks like Detectorv1's (--set detector=v1) or an older one's (detector=any).",
        "v2": "It looks like Detectorv2's: --set detector=v2",
        "mp": "It looks like MPDetector's: --set detector=mp",
    }
    what = f"{lacks[detector]}, so it is not {_WRITERS[detector]}'s"
    raise SchemaError(what, where=where, fix=fixes[found])


def _timed(
    table: pl.DataFrame, path: Path, settings: Settings
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """With `timestamp` (s), from `frame` and the video's rate; and how that was found."""
    import polars as pl

    where = f"{path.name}, line 1"
    if "frame" not in table.columns:
        what = "has no column frame, so nothing says when a row was"
        raise SchemaError(what, where=where, fix="A table of pictures is no recording.")
    fps, notes = settings.fps, ()  # type: tuple[float | None, tuple[str, ...]]
    if fps is None:
        if _APPROX not in table.columns:
            fix = "Give the video's pictures per second, such as --set fps=30"
            raise SchemaError(
                f"has no column {_APPROX}, so its rate is not known", where=where, fix=fix
            )
        found = table.select("frame", _APPROX).drop_nulls()
        fps, said = rate_of_seconds(found["frame"].to_list(), found[_APPROX].to_list(), path.name)
        notes = (f"{path.name}: {said}",)
    frame = pl.col("frame").cast(pl.Float64)
    return table.with_columns((frame / fps).alias("timestamp"), (frame + 1).alias("frame")), notes


def _head_pose(table: pl.DataFrame, width: int, height: int) -> list[pl.Series]:
    """Head pose from the landmarks, as for the extractor; null where they are not whole."""
    import polars as pl

    names = [column.name for column in FRAMES.group("head_pose")]
    flat = table.select(f"{axis}_{i}" for i in range(68) for axis in "xy").to_numpy()
    whole = np.flatnonzero(np.isfinite(flat).all(axis=1))
    values = np.full((len(table), len(names)), np.nan, dtype=np.float32)
    for rows in np.array_split(whole, max(1, len(whole) // _CHUNK)) if len(whole) else ():
        head = head_pose_68(flat[rows].reshape(-1, 68, 2).astype(np.float64), width, height)
        values[rows] = np.concatenate([head.translation_mm, head.rotation_rad], axis=-1)
    return [
        pl.Series(name, column, dtype=pl.Float32).fill_nan(None)
        for name, column in zip(names, values.T, strict=True)
    ]
