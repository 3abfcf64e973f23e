"""Do the tables of a corpus agree with each other? Keys, counts and order, one function per table.

Tables come as `breaches.read_whole` leaves them: a column that broke the schema may be gone, and
then nothing is said of it here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from deptool.breaches import Problem
from deptool.label_summary import some
from deptool.scales import SCALES

if TYPE_CHECKING:
    import polars as pl

RECORDINGS_FILE, LABELS_FILE = "recordings.parquet", "labels.parquet"

_JOIN = "Join the labels again (deptool label), extract their videos, or leave it so."
_EXTRACT = "Run the same deptool extract command again: what is missing is made."
_FORCE = "Extract it again: deptool extract … --force ID"
_LABEL = "Join the labels again: deptool label CORPUS labels.csv"
_SHARE_ROUNDING = 1e-5  # coverage is stored as float32


def in_recordings(table: pl.DataFrame, feature_set: str | None) -> Iterator[Problem]:
    """One row per recording, one subject per session, the feature set of corpus.json."""
    import polars as pl

    if "recording_id" in table.columns:
        ids = table["recording_id"].drop_nulls()
        if ids.is_empty():
            yield Problem(RECORDINGS_FILE, "holds no recordings", "warning", _EXTRACT)
        for name in ids.filter(ids.is_duplicated()).unique().sort():
            what = f"recording {name!r} has more than one row"
            yield Problem(RECORDINGS_FILE, what, fix="Extract into a new folder with --out.")
    if {"session_id", "subject_id"} <= set(table.columns):
        pairs = table.select("session_id", "subject_id").drop_nulls().unique()
        many = pairs.group_by("session_id").agg(pl.col("subject_id").sort())
        many = many.filter(pl.col("subject_id").list.len() > 1).sort("session_id")
        for session, subjects in many.rows():
            what = f"session {session!r} has {len(subjects)} subjects: {some(subjects)}"
            yield Problem(RECORDINGS_FILE, what, fix=_LABEL)
    if feature_set is not None and "feature_set" in table.columns:
        sets = table.filter(pl.col("feature_set") != feature_set)
        for (name,), rows in sets.group_by("feature_set", maintain_order=True):
            who = some(rows["recording_id"]) if "recording_id" in rows.columns else len(rows)
            what = f"feature set {name!r}, but corpus.json says {feature_set!r}: {who}"
            yield Problem(RECORDINGS_FILE, what, fix=_FORCE)


def in_labels(labels: pl.DataFrame, recordings: pl.DataFrame | None) -> Iterator[Problem]:
    """One score per session and scale, within the scale; each session has a recording."""
    rows = labels.to_dicts() if {"session_id", "scale", "score"} <= set(labels.columns) else []
    keys = Counter((row["session_id"], row["scale"]) for row in rows)
    for (session, scale), n in keys.items():
        if n > 1:
            what = f"session {session!r} has {n} scores on {scale}"
            yield Problem(LABELS_FILE, what, fix=_LABEL)
    for row in rows:
        scale = SCALES.get(row["scale"])  # one of no such name is told of elsewhere
        if scale and row["score"] is not None and not scale.low <= row["score"] <= scale.high:
            what = f"session {row['session_id']!r} has the score {row['score']:g} on {scale.name}"
            what += f", which goes from {scale.low} to {scale.high}"
            yield Problem(LABELS_FILE, what, fix=_LABEL)
    if recordings is not None and "session_id" in recordings.columns:
        known = set(recordings["session_id"])
        lost = sorted({row["session_id"] for row in rows} - known - {None})
        if lost:
            what = f"scores of sessions that no recording belongs to: {some(lost)}"
            yield Problem(LABELS_FILE, what, "warning", _JOIN)


def in_time(table: pl.DataFrame, where: str) -> Problem | None:
    """The first row of a frames table whose timestamp does not ascend."""
    late = (table["timestamp"].diff() <= 0).fill_null(False)
    if not late.any():
        return None
    row = late.arg_max() or 0
    before, now = table["timestamp"][row - 1], table["timestamp"][row]
    what = f"timestamps must ascend, but {now:g} s follows {before:g} s"
    return Problem(f"{where}, column timestamp, row {row}", what, fix=_FORCE)


def in_counts(row: Mapping[str, Any], table: pl.DataFrame, where: str) -> Iterator[Problem]:
    """What a recording's row counts is what its frames table holds."""
    n_success = int((table["success"] == 1).sum())
    counts = {
        "n_frames": len(table),
        "n_success": n_success,
        "n_ambiguous": int((table["status"] == "ambiguous").sum()),
        "coverage": n_success / len(table) if len(table) else 0.0,
    }
    for name, found in counts.items():
        said = row.get(name)
        if said is not None and abs(said - found) > _SHARE_ROUNDING:
            what = f"its rows give {name} {found:.7g}, but {RECORDINGS_FILE} says {said:.7g}"
            yield Problem(where, what, fix=_FORCE)


def missing_frames(row: Mapping[str, Any], where: str) -> Problem:
    """A recording with rows, whose frames table is gone."""
    said = f" says {row['n_frames']} rows" if row.get("n_frames") else " has its recording"
    return Problem(where, f"is missing, though {RECORDINGS_FILE}{said}", fix=_EXTRACT)


def no_recordings(n_frames: int) -> Problem:
    """No recordings table: an error where there are frames tables, else nothing was done yet."""
    if n_frames:
        what = f"is missing, though there are {n_frames} frames tables"
        return Problem(RECORDINGS_FILE, what, fix=f"{_EXTRACT} Then join the labels again.")
    return Problem(RECORDINGS_FILE, "is not there yet", "warning", _EXTRACT)


def without_row(where: str) -> Problem:
    """A table of a recording that the recordings table does not have."""
    what = f"belongs to no recording: {RECORDINGS_FILE} has no row for it"
    return Problem(where, what, fix=f"{_EXTRACT} If it should not be here, delete it.")
