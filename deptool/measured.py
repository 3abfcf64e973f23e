"""What a recording's frames table measured, as numbers for a model: columns by group, scaled.

Axes: row (sampled time), column. A model asks for groups of columns; which columns of a group there
are is found once per corpus, since sources differ in the action units that they have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deptool.errors import DataError, InputError
from deptool.schema import FRAMES
from deptool.tables import column_names

if TYPE_CHECKING:
    import polars as pl

    from deptool.corpus import Corpus

Floats = NDArray[np.float32]
Times = NDArray[np.float64]
Columns = Mapping[str, Sequence[str]]  # group -> its columns that are used

GROUPS = FRAMES.optional
LANDMARKS = 68
LANDMARK_COLUMNS = tuple(c.name for c in FRAMES.group("landmarks"))
READ_STATUS = ("ok", "truncated", "corrupt")  # recordings that may have rows to use
_EYES = (36, 45)  # outer corners


def find_columns(
    corpus: Corpus, recordings: pl.DataFrame, needed: Iterable[str], welcome: Iterable[str] = ()
) -> tuple[dict[str, list[str]], list[str]]:
    """group -> its columns that have a value somewhere in these recordings; those that have none.

    A group that is only welcome may lack; landmarks and gaze are there as a whole or not at all.
    Raises DataError where a needed group has no value at all, or where no group has one.
    """
    needed = list(needed)
    groups = {name: [c.name for c in FRAMES.group(name)] for name in (*needed, *welcome)}
    wanted = [name for names in groups.values() for name in names]
    seen: set[str] = set()
    for recording in recordings.iter_rows(named=True):
        if unreadable(recording) or len(seen) == len(wanted):
            continue
        name = recording["recording_id"]
        there = set(stored(corpus, name))
        open_ = [c for c in wanted if c not in seen and c in there]
        if open_:
            table = corpus.frames(name, open_)
            seen.update(c for c in open_ if table[c].null_count() < len(table))
    found = {name: [c for c in names if c in seen] for name, names in groups.items()}
    for name in ("landmarks", "gaze"):
        if name in found and len(found[name]) < len(groups[name]):
            found[name] = []
    lacking = [name for name in needed if not found[name]]
    if lacking or not any(found.values()):
        shown = " or ".join(name.replace("_", " ") for name in lacking or groups)
        what = "no recording has" if len(lacking or groups) == 1 else "no recording has any"
        raise DataError(
            f"{what} {shown} with a value, which the model needs",
            where=f"corpus {corpus.name!r}",
            fix="Use another model (deptool list), or a corpus whose tables have them: see"
            " docs/corpora.md on what each source lacks.",
        )
    kept = {name: names for name, names in found.items() if names}
    null = [c for name in kept for c in groups[name] if c not in kept[name]]
    return kept, null


def flat(columns: Columns) -> list[str]:
    """All columns, group by group."""
    return [name for names in columns.values() for name in names]


def unreadable(recording: Mapping[str, Any]) -> str:
    """Why a recording has no rows to read; empty where it has some."""
    if recording["status"] in READ_STATUS and recording["n_frames"]:
        return ""
    return f"status {recording['status']}, {recording['n_frames']} rows"


def stored(corpus: Corpus, recording_id: str) -> list[str]:
    """The columns of a frames table; InputError where the corpus has lost it."""
    path = corpus.frames_path(recording_id)
    if not path.is_file():
        raise InputError(
            "the recording has rows, but its frames table is missing",
            where=f"corpus {corpus.name!r}, frames/{path.name}",
            fix="Extract or import it again: what is missing is made.",
        )
    return column_names(path)


def lacking(corpus: Corpus, recording: Mapping[str, Any], columns: Columns) -> str:
    """The groups that a recording's table does not have at all, in words; empty where none."""
    there = set(stored(corpus, recording["recording_id"]))
    gone = [group.replace("_", " ") for group, names in columns.items() if not {*names} & there]
    return f"its table has no {' and no '.join(gone)}" if gone else ""


def read(corpus: Corpus, recording: Mapping[str, Any], columns: Columns) -> tuple[Times, Floats]:
    """times (row,) in seconds, values (row, column); NaN where something was not measured.

    Landmarks are divided as the corpus says (`scaling`); `lacking` must have found nothing. Raises
    DataError where the recording has no picture size to divide by.
    """
    name = recording["recording_id"]
    where = f"corpus {corpus.name!r}, recording {name!r}"
    table = corpus.frames(name, ["timestamp", "success", *flat(columns)])
    times = table["timestamp"].to_numpy().astype(np.float64)
    values = table.select(flat(columns)).to_numpy().astype(np.float32)
    values[table["success"].to_numpy() != 1] = np.nan
    at = 0
    for group, names in columns.items():
        if group == "landmarks":
            points = values[:, at : at + len(names)]
            points /= _divisor(corpus, recording, points, where)
        at += len(names)
    return times, values


def scaling(corpus: Corpus) -> str:
    """How landmarks of this corpus are scaled, in words that a model file keeps."""
    by = {
        "frame": "max(width, height) of the recording",
        "session-max": "the largest coordinate of the recording",
        "inter-ocular": "the median distance of the outer eye corners in the recording",
    }
    divisor = by.get(corpus.normalise, f"{corpus.normalise} px, taken as max(width, height)")
    return f"x and y divided by {divisor}; other columns as they are"


def same_scaling(one: str, other: str) -> bool:
    """Whether two ways of `Corpus.normalise` give coordinates on one scale."""
    by_picture = ["frame" if how.isdecimal() else how for how in (one, other)]
    return by_picture[0] == by_picture[1]


def _divisor(corpus: Corpus, recording: Mapping[str, Any], points: Floats, where: str) -> float:
    how = corpus.normalise
    if how.isdecimal():
        return float(how)
    measured = points[~np.isnan(points).any(axis=1)]
    if not len(measured):
        return 1.0
    if how == "session-max":
        return max(float(measured.max()), 1.0)
    if how == "inter-ocular":
        left, right = (measured[:, [i, LANDMARKS + i]] for i in _EYES)
        return max(float(np.median(np.hypot(*(right - left).T))), 1e-6)
    side = max(recording["width"] or 0, recording["height"] or 0)
    if not side:
        raise DataError(
            "has no width and height in recordings.parquet, by which landmarks are divided",
            where=where,
            fix="Fill them in with the size of the picture that the landmarks were found in.",
        )
    return float(side)
