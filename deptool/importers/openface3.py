"""OpenFace 3.0's CSV files: 98 landmarks, gaze, and eight scores that have no names.

Confirmed is the layout of `openface detect-video` (package openface-test 0.1.26), files
face_analysis_NAME.csv with a row per frame and face: timestamp, video_path, frame_index, face_id,
face_detection, landmarks, emotion, gaze_yaw, gaze_pitch, action_units, lists as text in quotes. Not
confirmed, but read, are tables with a column for each number, as other people's scripts write them:
x_0 … y_97 (or landmark_0_x, lmk_x_0), gaze_yaw, gaze_pitch, and eight columns AU01_r … AU08_r (or
AU_00 …, au_score_0 …).

Known of these files: `timestamp` is the date and time at which the file was made, so it is not
read, and times need the video's frame rate (`fps`). `video_path` is not read. Faces are numbered
anew in each frame; gaze and action units are those of the surest face, whatever row they stand in,
and are taken for that face alone. Neither code nor paper says which action units the eight are: two
public readings differ (AU 1 6 12 15 17 2 9 10 in one; a set with AU 4, 7 and 23 in the other), and
the names AU01_r … AU08_r that some tables have are mere numbers. `au` must say it, or `none`. The
authors call the scores intensities; they lie between 0 and 1. Unit and signs of gaze are not
documented (rad, as the values suggest), so gaze is left out unless `gaze` says what the angles are.
There is no head pose. Emotions are left out. The 98 points become 68 as `deptool.face.wflw` says.
Hu et al., "OpenFace 3.0", FG 2025.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import degrees
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from deptool.errors import SchemaError
from deptool.face.wflw import N_POINTS, WFLW_OF_68
from deptool.feature_files.face_scores import Gaze, Scale, au_columns, au_name, gaze_columns
from deptool.feature_files.feature_csv import LINE, Numbers, read_header, read_numbers
from deptool.feature_files.listed_cells import read_listed
from deptool.feature_files.one_face import BOX, one_face
from deptool.feature_files.picture import check_picture
from deptool.importers import Found, Item, Rows
from deptool.schema import AU_PRESENCE, FRAMES
from deptool.sources import find_files, recording_ids

if TYPE_CHECKING:
    import polars as pl

TITLE = "OpenFace 3.0, CSV files of detect-video"
N_SCORES = 8
SCORES = tuple(f"score_{i}" for i in range(N_SCORES))

_FRAME = ("frame_index", "frame_idx", "frame", "frame_number")
_TIME = ("timestamp", "time", "time_s")
_LISTS = {"face_detection": 5, "landmarks": 2 * N_POINTS, "action_units": N_SCORES}
_POINT = re.compile(r"(?:landmarks?|lmk?s?|points?)?_?(?:([xy])_?(\d+)|(\d+)_?([xy]))")
_SCORE = re.compile(r"au_?(?:score_?)?(\d+)(?:_r)?", re.IGNORECASE)
_SCALES = {"presence": "c", "times5": "x5", "intensity": "r"}
_ASK = (
    "OpenFace 3 does not say which action units its eight scores are. Leave them out with --set"
    " au=none, or name them in order, '-' for one to be left out, such as --set"
    ' au="AU01,AU06,AU12,AU15,AU17,AU02,AU09,AU10"'
)


@dataclass(frozen=True)
class Settings:
    """What the files do not say.

    au: the action units that the eight scores are, in order, or none. au_scale: what a score is
    (see `deptool.feature_files.face_scores`). fps: pictures per second of the video. gaze: what
    gaze_angle_x and gaze_angle_y are, in gaze_unit.
    """

    au: str | None = ""
    au_scale: Scale = "presence"
    fps: float | None = None
    gaze: Gaze = "none"
    gaze_unit: Literal["rad", "deg"] = "rad"

    def __post_init__(self) -> None:
        if self.au == "":
            raise ValueError(_ASK)
        check_picture(fps=self.fps)
        names = [name for name in self.units() if name]
        unknown = [name for name in names if name not in AU_PRESENCE]
        if self.au and self.au != "none" and len(self.units()) != N_SCORES:
            raise ValueError(f"au names {len(self.units())} action units, not {N_SCORES}. {_ASK}")
        if unknown or len(set(names)) < len(names):
            what = f"{unknown[0]!r}, which has no column" if unknown else "one of them twice"
            raise ValueError(f"au names {what}; known are {', '.join(AU_PRESENCE)}")

    def units(self) -> list[str | None]:
        """The action unit of each score, None for one to be left out; [] for none at all."""
        if self.au in (None, "none", ""):
            return []
        return [None if w.strip() == "-" else au_name(w) or w for w in str(self.au).split(",")]


def feature_set(settings: Settings) -> str:
    """Such as openface3-1, or openface3-au1.6.12.15.17.2.9.10c-1 with the scores named so."""
    name = "openface3"
    if units := settings.units():
        numbers = ".".join(str(int(unit[2:])) if unit else "0" for unit in units)
        name += f"-au{numbers}{_SCALES[settings.au_scale]}"
    if settings.gaze != "none":
        name += "-gaze" + "".join("m" if "-" in word else "p" for word in settings.gaze.split(","))
    return f"{name}-1"


def find(source: Path, settings: Settings) -> Found:
    """Every CSV below the folder. Raises InputError where there is none."""
    paths = find_files(source, {".csv"}, "CSV files")
    ids = recording_ids(source, paths)
    notes = ["emotions are left out; there is no head pose"]
    if not settings.units():
        notes.append("the eight scores of action units are left out (au=none)")
    if settings.gaze == "none":
        notes.append("gaze is left out: its signs are not documented (--set gaze=yaw,pitch)")
    items = tuple(Item(name, {"features": path}) for name, path in ids.items())
    return Found(items, notes=tuple(notes))


def read(item: Item, settings: Settings) -> Rows:
    path = item.files["features"]
    header = read_header(path)
    numbers = _listed(path) if set(_LISTS) & set(header) else _wide(path, header, settings)
    table = _timed(numbers.values, path, settings)
    where = f"{path.name}, line 1"
    if not {"x_0", "yaw", SCORES[0]} & set(table.columns):
        raise SchemaError("is no OpenFace 3 table: no landmarks, gaze or scores", where=where)
    table, more = one_face(table, path.name) if BOX[0] in table.columns else (table, ())
    units = dict(zip(settings.units(), SCORES, strict=False))
    scores = {unit: column for unit, column in units.items() if unit}
    if scores and SCORES[0] not in table.columns:
        raise SchemaError("has no scores of action units, but au names them", where=where)
    table = table.with_columns(au_columns(scores, settings.au_scale))
    if "yaw" in table.columns:
        per_rad = degrees(1) if settings.gaze_unit == "deg" else 1.0
        table = table.with_columns(gaze_columns(settings.gaze, "yaw", "pitch", per_rad))
    known = {LINE, *(column.name for column in FRAMES.columns)}
    table = table.select(name for name in table.columns if name in known)
    return Rows(table, numbers.problems, more, numbers.truncated)


def _timed(table: pl.DataFrame, path: Path, settings: Settings) -> pl.DataFrame:
    """With `timestamp` (s): frames by the video's rate, or the file's own clock in seconds."""
    import polars as pl

    if settings.fps and "frame" in table.columns:
        frame = pl.col("frame").cast(pl.Float64)  # from 0, as detect-video counts
        clock = (frame / settings.fps).alias("timestamp")
        return table.with_columns(clock, (frame + 1).alias("frame"))
    if "timestamp" in table.columns:
        return table
    fix = "Give the video's pictures per second, such as --set fps=30"
    what = "does not say when in the video a row was"
    if settings.fps:
        what, fix = "has neither a frame number nor a time", "Write one of them into the file."
    raise SchemaError(what, where=f"{path.name}, line 1", fix=fix)


def _listed(path: Path) -> Numbers:
    """The layout of detect-video: lists in cells."""
    import polars as pl

    found = read_listed(path, ("frame_index", "face_id", "gaze_yaw", "gaze_pitch"), _LISTS)
    table = found.values.rename(
        {"frame_index": "frame", "gaze_yaw": "yaw", "gaze_pitch": "pitch"}, strict=False
    )
    left, top, right, bottom, score = (pl.col(f"face_detection_{i}") for i in range(5))
    columns = [score.alias("confidence")] if "face_detection_0" in table.columns else []
    if columns:
        sides = (left, top, right - left, bottom - top)
        columns += [side.alias(name) for name, side in zip(BOX, sides, strict=True)]
    if "landmarks_0" in table.columns:
        columns += [
            pl.col(f"landmarks_{2 * k + axis}").alias(f"{'xy'[axis]}_{i}")
            for axis in (0, 1)
            for i, k in enumerate(WFLW_OF_68.tolist())
        ]
    # One face is measured, the surest, and its values stand in the rows of all.
    surest = pl.col("face_id").fill_null(0) == 0 if "face_id" in table.columns else pl.lit(True)
    for name, ours in (("yaw", "yaw"), ("pitch", "pitch"), *_score_names()):
        if name in table.columns:
            columns.append(pl.when(surest).then(pl.col(name)).alias(ours))
    return Numbers(table.with_columns(columns), found.problems, found.truncated)


def _score_names() -> list[tuple[str, str]]:
    return [(f"action_units_{i}", name) for i, name in enumerate(SCORES)]


def _wide(path: Path, header: list[str], settings: Settings) -> Numbers:
    """A table with a column for each number; its clock is read where the rate is not given."""
    where = f"{path.name}, line 1"
    names: dict[str, str] = {}
    place = {int(k): i for i, k in enumerate(WFLW_OF_68)}
    points = [(name, found) for name in header if (found := _POINT.fullmatch(name))]
    for name, found in points:
        axis, number = found[1] or found[4], int(found[2] or found[3])
        if number in place:
            names[name] = f"{axis}_{place[number]}"
    if points and len(points) != 2 * N_POINTS:
        n = len(points) // 2
        fix = "OpenFace 1 and 2 have 68: deptool import openface" if n == 68 else None
        raise SchemaError(f"has {n} landmarks, not {N_POINTS}", where=where, fix=fix)
    scores = [name for name in header if _SCORE.fullmatch(name)]
    if scores and len(scores) != N_SCORES:
        raise SchemaError(f"has {len(scores)} action units, not {N_SCORES}", where=where)
    names |= dict(zip(scores, SCORES, strict=False))
    for ours, theirs in (
        ("frame", _FRAME),
        ("timestamp", () if settings.fps else _TIME),
        ("yaw", ("gaze_yaw", "gaze_yaw_rad")),
        ("pitch", ("gaze_pitch", "gaze_pitch_rad")),
        ("confidence", ("confidence", "face_confidence")),
        ("success", ("success",)),
    ):
        names |= {name: ours for name in header if name.lower() in theirs}
    twice = [ours for ours in names.values() if list(names.values()).count(ours) > 1]
    if twice:
        raise SchemaError(f"has two columns that mean {twice[0]}", where=where)
    clocks = [name for name, ours in names.items() if ours == "timestamp"]
    numbers = read_numbers(path, list(names), exact=clocks)
    table = numbers.values.rename(names)
    if clocks and table["timestamp"].null_count() == len(table):
        table = table.drop("timestamp")  # dates
    return Numbers(table, numbers.problems, numbers.truncated)
