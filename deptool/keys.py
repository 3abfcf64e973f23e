"""Do the tables of a corpus agree with each other? Keys, counts and order, one function per table.

Tables come as `breaches.read_whole` leaves them: a column that broke the schema may be gone, and
then nothing is said of it here. `verb` is the command that made the corpus, extract, import,
release or synth: what to do about a problem names it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from deptool.breaches import Problem
from deptool.errors import SchemaError
from deptool.ids import check_ids
from deptool.label_summary import some
from deptool.scales import SCALES
from deptool.schema import LONGEST_S

if TYPE_CHECKING:
    import polars as pl

RECORDINGS_FILE, LABELS_FILE = "recordings.parquet", "labels.parquet"
SUBJECTS_FILE = "subjects.parquet"

_JOIN = "Join the labels again (deptool label), {make} what they belong to, or leave it so."
_LABEL = "Join the labels again: deptool label CORPUS labels.csv"
_THEN = "Then join the labels again."
_MAKE = {"extract": "extract", "import": "import", "release": "release", "synth": "make"}
_RELEASE = "Release the corpus that it was made of again: deptool release."
_ITSELF = "It joins the labels of its source itself; join others again with deptool label."
_SHARE_ROUNDING = 1e-5  # coverage is stored as float32


def in_ids(table: pl.DataFrame, where: str) -> Iterator[Problem]:
    """The first id of a table that cannot be one."""
    try:
        check_ids(table, where)
    except SchemaError as error:
        yield Problem(error.where or where, error.what, fix=error.fix)


def in_recordings(
    table: pl.DataFrame, feature_set: str | None, verb: str = "extract"
) -> Iterator[Problem]:
    """One row per recording, one subject per session, the feature set of corpus.json."""
    import polars as pl

    yield from in_ids(table, RECORDINGS_FILE)
    if "recording_id" in table.columns:
        ids = table["recording_id"].drop_nulls()
        if ids.is_empty():
            yield Problem(RECORDINGS_FILE, "holds no recordings", "warning", _again(verb))
        for name in ids.filter(ids.is_duplicated()).unique().sort():
            what = f"recording {name!r} has more than one row"
            fix = _elsewhere(verb)
            yield Problem(RECORDINGS_FILE, what, fix=fix)
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
            yield Problem(RECORDINGS_FILE, what, fix=_force(verb))


def in_labels(
    labels: pl.DataFrame, recordings: pl.DataFrame | None, verb: str = "extract"
) -> Iterator[Problem]:
    """One score per session and scale, within the scale; each session has a recording."""
    yield from in_ids(labels, LABELS_FILE)
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
            yield Problem(LABELS_FILE, what, "warning", _JOIN.format(make=_MAKE[verb]))


def in_time(table: pl.DataFrame, where: str, verb: str = "extract") -> Problem | None:
    """The first row of a frames table whose timestamp does not ascend, or is too late."""
    last = table["timestamp"].max() if len(table) else 0.0
    if isinstance(last, float) and last > LONGEST_S:
        what = f"timestamps go on for {last:g} s, expected at most {LONGEST_S} s"
        return Problem(f"{where}, column timestamp", what, fix=_force(verb))
    late = (table["timestamp"].diff() <= 0).fill_null(False)
    if not late.any():
        return None
    row = late.arg_max() or 0
    before, now = table["timestamp"][row - 1], table["timestamp"][row]
    what = f"timestamps must ascend, but {now:g} s follows {before:g} s"
    return Problem(f"{where}, column timestamp, row {row}", what, fix=_force(verb))


def in_counts(
    row: Mapping[str, Any], table: pl.DataFrame, where: str, verb: str = "extract"
) -> Iterator[Problem]:
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
            yield Problem(where, what, fix=_force(verb))


def missing_frames(row: Mapping[str, Any], where: str, verb: str = "extract") -> Problem:
    """A recording with rows, whose frames table is gone."""
    n = row.get("n_frames")
    said = f" says {n} row{'' if n == 1 else 's'}" if n else " has its recording"
    return Problem(where, f"is missing, though {RECORDINGS_FILE}{said}", fix=_again(verb))


def no_recordings(n_frames: int, verb: str = "extract") -> Problem:
    """No recordings table: an error where there are frames tables, else nothing was done yet."""
    if not n_frames:
        return Problem(RECORDINGS_FILE, "is not there yet", "warning", _again(verb))
    there = "is 1 frames table" if n_frames == 1 else f"are {n_frames} frames tables"
    then = _ITSELF if verb == "import" else _THEN
    what = f"is missing, though there {there}"
    return Problem(RECORDINGS_FILE, what, fix=f"{_again(verb)} {then}")


def without_row(where: str, verb: str = "extract") -> Problem:
    """A table of a recording that the recordings table does not have."""
    what = f"belongs to no recording: {RECORDINGS_FILE} has no row for it"
    return Problem(where, what, fix=f"{_again(verb)} If it should not be here, delete it.")


def _again(verb: str) -> str:
    if verb == "release":
        return _RELEASE
    return f"Run the same deptool {verb} command again: what is missing is made."


def _elsewhere(verb: str) -> str:
    if verb == "release":
        return _RELEASE
    if verb == "synth":
        return "Make the cohort anew in another folder: deptool synth."
    return f"{verb.capitalize()} into a new folder with --out."


def _force(verb: str) -> str:
    if verb == "release":
        return _RELEASE
    if verb == "synth":
        return f"Delete its frames table. {_again(verb)}"
    return f"{verb.capitalize()} it again: deptool {verb} … --force ID"
