"""OpenFace's files as tables of the house: names, dialects, several faces, gaze angles.

OpenFace 2's names are the schema's own. Older builds and forks wrote others; `plain_name` turns
them into those. Baltrusaitis et al., "OpenFace 2.0: facial behavior analysis toolkit", FG 2018.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from deptool.errors import SchemaError
from deptool.feature_files.feature_csv import LINE, Numbers, read_header, read_numbers
from deptool.importers import Rows
from deptool.schema import FRAMES

if TYPE_CHECKING:
    import polars as pl

FACE_ID = "face_id"
CLOCK = ("frame", "timestamp", "confidence", "success")
MEASURED = tuple(
    c.name for group in FRAMES.optional for c in FRAMES.group(group)
)  # landmarks, head pose, gaze, action units

# A face is followed by the columns that tell how large it is, in px.
_BOX_POINTS = (0, 8, 16, 27)  # jaw left, chin, jaw right, between the brows


def plain_name(name: str) -> str:
    """A column's name as OpenFace 2 would write it; others stay as they are.

    Known: spaces around it; `x0` for `x_0`, `Tx` for `pose_Tx`, `detection_success` for `success`.
    The eyes' `x_0 y_0 z_0` of OpenFace 1's gaze files are left to `gaze_name`, since in a file of
    landmarks they mean something else.
    """
    name = name.strip()
    if found := re.fullmatch(r"([xy])(\d+)", name):
        return f"{found[1]}_{found[2]}"
    if found := re.fullmatch(r"[TR][xyz]", name):
        return f"pose_{name}"
    if name in ("detection_success", "Success"):
        return "success"
    return name


def gaze_name(name: str) -> str:
    """`x_0` of a file that holds nothing but gaze -> `gaze_0_x`."""
    name = name.strip()
    if found := re.fullmatch(r"([xyz])_([01])", name):
        return f"gaze_{found[2]}_{found[1]}"
    return plain_name(name)


def read(
    path: Path,
    *,
    names: Mapping[str, str] | None = None,
    without: Sequence[str] = (),
    face: int | None = None,
    separator: str = ",",
) -> Rows:
    """One OpenFace file as rows of one face; see `choose_face` for files with several.

    `names` says what a column is called here (file's name -> schema's), where `plain_name` does not
    know. Raises SchemaError where the file has no timestamp, or nothing that the schema knows.
    """
    numbers = read_columns(path, names=names, without=without, separator=separator)
    if not set(numbers.values.columns) & set(MEASURED):
        raise SchemaError(f"holds no column that {_KNOWN}", where=f"{path.name}, line 1")
    table, more = choose_face(numbers.values, path.name, face)
    return Rows(with_gaze_angles(table), numbers.problems, more, numbers.truncated)


def read_columns(
    path: Path,
    *,
    names: Mapping[str, str] | None = None,
    without: Sequence[str] = (),
    separator: str = ",",
) -> Numbers:
    """The columns of a file that the schema knows, under the schema's names, and `face_id`."""
    given = names or {}
    header = read_header(path, separator)
    known = {*CLOCK, FACE_ID, *MEASURED} - set(without)
    here = {name: given.get(name, plain_name(name)) for name in header}
    wanted = [name for name, ours in here.items() if ours in known]
    if "timestamp" not in here.values():
        raise _without_clock(path, set(here.values()))
    ours = [here[name] for name in wanted]
    twice = next((name for name in ours if ours.count(name) > 1), None)
    if twice:
        raise SchemaError(f"has two columns that mean {twice}", where=f"{path.name}, line 1")
    numbers = read_numbers(path, wanted, separator)
    table = numbers.values.rename({name: here[name] for name in wanted})
    return Numbers(table, numbers.problems, numbers.truncated)


_KNOWN = "the schema knows, such as x_0, pose_Rx, gaze_0_x or AU01_r"


def _without_clock(path: Path, names: set[str]) -> SchemaError:
    if not names & set(MEASURED):
        what, fix = f"is no OpenFace table: it has no timestamp, and no column that {_KNOWN}", None
    elif {"face", "confidence"} <= names:
        what = "is FaceLandmarkImg's table of single pictures, which has no timestamp"
        fix = "Export it from the video, with FeatureExtraction."
    else:
        what = "has no column timestamp, so nothing says when a row was"
        fix = "Export it again with that column, or say how to read it: deptool import csv"
    return SchemaError(what, where=f"{path.name}, line 1", fix=fix)


def join_blocks(blocks: Sequence[Rows]) -> Rows:
    """Files of one recording that share the clock, joined by frame; the first one's clock counts.

    A frame that one of them lacks has nulls there.
    """
    import polars as pl

    table = blocks[0].table
    for block in blocks[1:]:
        own = [c for c in block.table.columns if c in MEASURED]
        table = table.join(
            block.table.select("frame", *own).unique("frame", keep="first"),
            on="frame",
            how="left",
            maintain_order="left",
        )
    problems = tuple(p for block in blocks for p in block.problems)
    notes = tuple(n for block in blocks for n in block.notes)
    lengths = sorted(len(block.table) for block in blocks)
    if lengths[0] != lengths[-1]:
        notes += (f"its files have {lengths[0]} to {lengths[-1]} rows: joined by frame",)
    truncated = any(block.truncated for block in blocks)
    return Rows(
        table.with_columns(pl.col("frame").cast(pl.Int32, strict=False)), problems, notes, truncated
    )


def choose_face(
    table: pl.DataFrame, where: str, face: int | None = None
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Rows of one face, with `n_faces` (faces found at that time), and what was left out.

    Without `face`, the one that is measured longest, size counted: the sum over its measured rows
    of the area between jaw and brows (1 a row where there are no landmarks).
    """
    import polars as pl

    if FACE_ID not in table.columns:
        if face is not None:
            what = f"tells no faces apart (it has no column {FACE_ID}), so it has no face {face}"
            raise SchemaError(what, where=where, fix="Import it without --set face.")
        return table, ()
    ids = sorted(table[FACE_ID].drop_nulls().unique().to_list())
    if face is not None and ids and face not in ids:
        listed = ", ".join(f"{i:g}" for i in ids)
        raise SchemaError(f"has no face {face}; it has {listed}", where=where)
    if len(ids) < 2:
        return table.drop(FACE_ID), ()
    good = pl.col("success") == 1 if "success" in table.columns else pl.lit(True)
    key = "frame" if "frame" in table.columns else "timestamp"
    why = "as the settings say"
    if face is None:
        weight = table.filter(good).group_by(FACE_ID).agg(_size(table).sum().alias("weight"))
        weights = dict(weight.rows())
        face = max(ids, key=lambda i: (weights.get(i, 0.0), -i))
        why = "which is seen longest and largest"
    counts = table.filter(good).group_by(key).agg(pl.col(FACE_ID).n_unique().alias("n_faces"))
    clock = [name for name in ("frame", "timestamp") if name in table.columns]
    # Where other faces are seen without this one, the row stays, and is empty.
    chosen = table.filter(pl.col(FACE_ID) == face).unique(key, keep="first")
    chosen = chosen.drop(FACE_ID, *(name for name in clock if name != key))
    kept = (
        table.unique(key, keep="first", maintain_order=True)
        .select(*clock, pl.col(LINE).alias("_line"))
        .join(chosen, on=key, how="left", maintain_order="left")
        .join(counts, on=key, how="left", maintain_order="left")
        .with_columns(pl.col("n_faces").fill_null(0), pl.coalesce(LINE, "_line").alias(LINE))
        .drop("_line")
    )
    return kept, (f"{where}: {len(ids)} faces; face {face:g} is kept, {why}",)


def _size(table: pl.DataFrame) -> pl.Expr:
    """The area (px²) between jaw and brows, or 1 where a table has no landmarks."""
    import polars as pl

    x, y = ([f"{axis}_{i}" for i in _BOX_POINTS] for axis in "xy")
    if not {*x, *y} <= set(table.columns):
        return pl.lit(1.0)
    wide = pl.max_horizontal(x) - pl.min_horizontal(x)
    return wide * (pl.max_horizontal(y) - pl.min_horizontal(y))


def with_gaze_angles(table: pl.DataFrame) -> pl.DataFrame:
    """Adds `gaze_angle_x`, `gaze_angle_y` (rad) where a file has the vectors without them.

    As OpenFace 2 computes them: the angles of the two vectors' mean, atan2(x, -z), atan2(y, -z).
    A mean that points away from the camera has none.
    """
    import polars as pl

    vectors = {a: [f"gaze_{e}_{a}" for e in "01"] for a in "xyz"}
    there = set(table.columns)
    if "gaze_angle_x" in there or not {n for names in vectors.values() for n in names} <= there:
        return table
    mean = {a: (pl.col(names[0]) + pl.col(names[1])) / 2 for a, names in vectors.items()}
    return table.with_columns(
        pl.when(mean["z"] < 0)
        .then(pl.arctan2(mean[axis], -mean["z"]))
        .cast(pl.Float32)
        .alias(f"gaze_angle_{axis}")
        for axis in "xy"
    )
