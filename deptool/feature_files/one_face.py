"""One face out of tables that hold every face of every picture, in no order that lasts.

py-feat and OpenFace 3 number the faces of each picture anew. They are followed by their boxes, and
the recording's own is chosen over the whole of it, as by `deptool extract`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from deptool.face.tracks import link, primary
from deptool.feature_files.feature_csv import LINE

if TYPE_CHECKING:
    import polars as pl

BOX = ("face_x", "face_y", "face_w", "face_h")


def one_face(
    table: pl.DataFrame, where: str, width: int | None = None, height: int | None = None
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """The row of one face for each time, and what to say of the others.

    table: rows (time and face) with `timestamp` and `BOX` in px, all null where a picture has no
    face. Adds `n_faces` and, where faces were chosen from, `status`: ambiguous where it is doubtful
    whose face it is. A time at which that face is not seen has a row without values. Without the
    picture's size, the boxes of all faces are taken to fill it.
    """
    import polars as pl

    clock, is_face = pl.col("timestamp"), pl.all_horizontal(pl.col(BOX).is_not_null())
    timed = table.filter(clock.is_not_null())
    counts = timed.group_by(clock).agg(is_face.sum().cast(pl.Int32).alias("n_faces"))
    most = int(counts["n_faces"].to_numpy().max(initial=0))
    if most < 2:
        return table.join(counts, on="timestamp", how="left", maintain_order="left"), ()
    table = timed.sort(clock, maintain_order=True)
    faces = table.filter(is_face)
    every = table.unique("timestamp", keep="first", maintain_order=True)
    times = every["timestamp"].to_numpy().astype(np.float64)
    owner = np.searchsorted(times, faces["timestamp"].to_numpy().astype(np.float64))
    boxes = faces.select(BOX).to_numpy().astype(np.float64)
    far = (boxes[:, :2] + boxes[:, 2:]).max(axis=0)
    track = link(owner, boxes, times.tolist())
    choice = primary(owner, track, boxes, len(times), width or int(far[0]), height or int(far[1]))
    there = choice.face >= 0
    status = np.where(choice.doubtful[there], "ambiguous", "ok").tolist()
    chosen = faces[choice.face[there]].with_columns(pl.Series("status", status, dtype=pl.String))
    kept = (
        every.select("timestamp", pl.col(LINE).alias("_line"), *_frame(every))
        .join(chosen.drop(_frame(every)), on="timestamp", how="left", maintain_order="left")
        .join(counts, on="timestamp", how="left", maintain_order="left")
        .with_columns(pl.coalesce(LINE, "_line").alias(LINE))
        .drop("_line")
    )
    n = int(track.max()) + 1
    return kept, (f"{where}: up to {most} faces at once, {n} in all; the most prominent is kept",)


def _frame(table: pl.DataFrame) -> list[str]:
    return ["frame"] if "frame" in table.columns else []
