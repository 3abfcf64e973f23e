"""Frames tables in the layouts of other tools: OpenFace's CSV, py-feat's Fex, and our own columns.

OpenFace 2.2: Baltrusaitis et al., FG 2018; order of columns as FeatureExtraction writes them.
py-feat: Cheong et al., Affective Science 4, 2023, doi 10.1007/s42761-023-00191-4; order of columns
as Detectorv1 of 2.1.5 writes them. Rows stay rows: none is added, none is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from deptool.schema import AU_PRESENCE, FRAMES

if TYPE_CHECKING:
    import polars as pl

Angles = Literal["degrees", "radians"]

_OPENFACE_GROUPS = ("gaze", "head_pose", "landmarks", "action_units")
_BOX = {
    "FaceRectX": "face_x",
    "FaceRectY": "face_y",
    "FaceRectWidth": "face_w",
    "FaceRectHeight": "face_h",
}
# py-feat's angles are positive when the nose turns up, when the head tilts towards the person's own
# right shoulder, and when the nose turns to the person's own right: two signs are the other way.
_ANGLES = {"Pitch": ("pose_Rx", -1), "Roll": ("pose_Rz", -1), "Yaw": ("pose_Ry", 1)}
# AU45 is a blink, an event; py-feat's AU43, eyes closed, is a state. AU11 and AU24 are not ours.
_FEX_UNITS = tuple(name for name in AU_PRESENCE if name != "AU45")
_HIGHEST_INTENSITY = 5


@dataclass(frozen=True)
class Choices:
    """What can be chosen. digits: decimals of measured values, None for all that float32 has."""

    digits: int | None = None
    angles: Angles = "radians"


@dataclass(frozen=True)
class Sheet:
    """One recording as it is written, rows as in the frames table.

    `left_out`: columns of the frames table, and action units of py-feat's, that no row has a value
    for, and that the file is therefore without. `as_presence`: action units whose column holds
    presence, 0 or 1, because there is no intensity.
    """

    table: pl.DataFrame
    left_out: tuple[str, ...] = ()
    as_presence: tuple[str, ...] = ()


def own(frames: pl.DataFrame, recording_id: str, choices: Choices) -> Sheet:
    """All columns as they are; what was not measured is an empty cell."""
    import polars as pl

    del recording_id
    measured = [c.name for c in FRAMES.columns if c.nullable and c.name in frames.columns]
    return Sheet(frames.with_columns(_rounded(pl.col(measured), choices)))


def openface(frames: pl.DataFrame, recording_id: str, choices: Choices) -> Sheet:
    """OpenFace 2's columns, of the groups that the table has; one face, whose face_id is 0.

    A row that was not measured has success 0 and zeros, as OpenFace writes it. A value that lacks
    in a measured row is an empty cell, because zero would be a value.
    """
    import polars as pl

    del recording_id
    groups = [c.name for group in _OPENFACE_GROUPS for c in FRAMES.group(group)]
    names = [name for name in groups if name in frames.columns]
    gone = _never_measured(frames, names)
    good = pl.col("success") == 1
    values = [
        pl.when(good).then(_rounded(pl.col(name), choices)).otherwise(0.0).alias(name)
        for name in names
        if name not in gone
    ]
    face_id = pl.lit(0).alias("face_id")
    clock = (pl.col("frame"), face_id, *(pl.col(k) for k in ("timestamp", "confidence", "success")))
    return Sheet(frames.select(*clock, *values), gone)


def fex(frames: pl.DataFrame, recording_id: str, choices: Choices) -> Sheet:
    """py-feat's columns that can be had; see `_units` for what stands for an action unit.

    A row that was not measured has empty cells. `input` is the recording's id.
    """
    import polars as pl

    points = [c.name for c in FRAMES.group("landmarks")]
    radians = [source for source, _ in _ANGLES.values()]
    wanted = [*_BOX.values(), *points, *radians]
    gone = _never_measured(frames, [name for name in wanted if name in frames.columns])
    kept = {name for name in wanted if name in frames.columns and name not in gone}
    units, no_unit, as_presence = _units(frames)
    columns = {
        **{theirs: pl.col(ours) for theirs, ours in _BOX.items() if ours in kept},
        "FaceScore": pl.col("confidence"),
        **{name: pl.col(name) for name in points if name in kept},
        **{
            theirs: sign * _angle(ours, choices)
            for theirs, (ours, sign) in _ANGLES.items()
            if ours in kept
        },
        **units,
    }
    good = pl.col("success") == 1
    values = [
        pl.when(good).then(_rounded(value, choices)).alias(name) for name, value in columns.items()
    ]
    # py-feat counts pictures from 0.
    ends = [pl.lit(recording_id).alias("input"), (pl.col("frame") - 1).alias("frame")]
    return Sheet(frames.select(*values, *ends, _minutes_seconds()), (*gone, *no_unit), as_presence)


def _never_measured(frames: pl.DataFrame, names: Sequence[str]) -> tuple[str, ...]:
    """Those of the columns that are null in every measured row; none where no row is measured."""
    import polars as pl

    good = frames.filter(pl.col("success") == 1).select(names)
    if good.is_empty():
        return ()
    return tuple(name for name in names if good[name].null_count() == len(good))


def _units(
    frames: pl.DataFrame,
) -> tuple[dict[str, pl.Expr], tuple[str, ...], tuple[str, ...]]:
    """py-feat's action units (0-1) by name; names that there is nothing for; those of presence.

    A fifth of the intensity, which is what the extractor py-feat multiplies by with
    au_scale=times5; presence where there is no intensity.
    """
    import polars as pl

    if not {f"{name}_c" for name in _FEX_UNITS} & set(frames.columns):
        return {}, (), ()
    both = [f"{name}_{kind}" for name in _FEX_UNITS for kind in "rc"]
    there = [name for name in both if name in frames.columns]
    gone = _never_measured(frames, there)
    units: dict[str, pl.Expr] = {}
    nothing, as_presence = [], []
    for name in _FEX_UNITS:
        if f"{name}_r" in there and f"{name}_r" not in gone:
            units[name] = pl.col(f"{name}_r") / _HIGHEST_INTENSITY
        elif f"{name}_c" not in gone:
            units[name] = pl.col(f"{name}_c")
            as_presence.append(name)
        else:
            nothing.append(name)
    return units, tuple(nothing), tuple(as_presence)


def _angle(name: str, choices: Choices) -> pl.Expr:
    """An angle in the unit that was chosen."""
    import polars as pl

    return pl.col(name).degrees() if choices.angles == "degrees" else pl.col(name)


def _rounded(value: pl.Expr, choices: Choices) -> pl.Expr:
    return value if choices.digits is None else value.round(choices.digits)


def _minutes_seconds() -> pl.Expr:
    """approx_time as py-feat writes it: '02:05', whole seconds that have passed."""
    import polars as pl

    seconds = pl.col("timestamp").floor().cast(pl.Int32)
    two = [(seconds // 60), (seconds % 60)]
    texts = [part.cast(pl.String).str.zfill(2) for part in two]
    return pl.concat_str(texts, separator=":").alias("approx_time")


@dataclass(frozen=True)
class Layout:
    """What makes a recording's file, and the folder below the export that it goes into."""

    sheet: Callable[[pl.DataFrame, str, Choices], Sheet]
    folder: str = "."


FORMATS = {
    "openface-csv": Layout(openface),
    "fex-csv": Layout(fex),
    "csv": Layout(own, "frames"),  # beside recordings.csv, which a recording may be called as well
}


def warnings_of(
    form: str, columns: Collection[str], feature_set: str, choices: Choices
) -> tuple[str, ...]:
    """What somebody must know who takes files with these columns for the other tool's own."""
    if form == "csv":
        return ()
    tool = "OpenFace" if form == "openface-csv" else "py-feat"
    told = []
    if not feature_set.startswith(tool.lower()):
        told.append(
            f"The layout is {tool}'s, the numbers are not: they were measured as {feature_set},"
            " and action units of two tools do not compare."
        )
    if "Pitch" in columns:
        other = (
            "degrees, as py-feat wrote them up to 0.6; since 0.7 it takes them as radians"
            " (--angles radians)"
            if choices.angles == "degrees"
            else "radians, as py-feat has them since 0.7; up to 0.6 they were degrees"
        )
        told.append(f"Pitch, Roll and Yaw are in {other}.")
    fifths = set(_FEX_UNITS) & set(columns)
    if fifths and not (feature_set.startswith("py-feat-") and "x5-" in feature_set):
        told.append(
            "Action units are a fifth of the intensity 0-5, or presence. That is no probability,"
            " which py-feat's values are: a threshold such as 0.5 means something else here."
        )
    return tuple(told)
