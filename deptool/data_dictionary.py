"""Data dictionary: every column that is in a corpus, with unit, range, convention, missing code.

From the schema, and of a release from its steps: what a value is rounded to, on which face
landmarks lie, what a row of a summary is.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from deptool.columns import Column
from deptool.corpus import Corpus
from deptool.corpus_contents import CachePart, Contents, Part
from deptool.dictionary_vectors import vector_columns
from deptool.markdown_table import table, text
from deptool.reduction import Common, rounding_of
from deptool.release_entry import ReleaseEntry
from deptool.schema_docs import extent
from deptool.settings import resolve

MISSING = "null"

# What the docs' page of conventions says, by group of columns.
_CONVENTIONS = {
    "landmarks": "68 points as in Multi-PIE, dlib and OpenFace; x to the right, y down",
    "head_pose": "camera at the origin, x right, y down, z away; R = Rx · Ry · Rz",
    "gaze": "axes of the camera; left and right are those of the picture",
    "action_units": "FACS; intensities from 0 to 5, presences 0 or 1",
}

# What the columns of a row are where it is a window: see levels/summary.py.
_OF_WINDOWS = {
    "frame": "number of the window",
    "timestamp": "where the window begins",
    "confidence": "mean of the window",
    "success": "1 where enough of the window was measured",
    "status": "ok or no_face, as success says",
}


@dataclass(frozen=True)
class Entry:
    """One column. `rounded_to` is the step that values are multiples of, in the column's unit."""

    table: str
    file: str
    column: str
    type: str
    unit: str
    range: str
    missing: str
    rounded_to: str
    convention: str
    meaning: str
    source: str
    note: str


FIELDS = tuple(field.name for field in dataclasses.fields(Entry))


def entries(corpus: Corpus, contents: Contents, release: ReleaseEntry | None) -> list[Entry]:
    """One entry per column of the tables, then of the embedding caches."""
    found = [
        _of_column(part, column, corpus, release)
        for part in contents.tables
        for column in part.columns
    ]
    return found + [entry for cache in contents.caches for entry in _of_cache(cache, release)]


def to_csv(found: Sequence[Entry]) -> str:
    """A header and one line per column."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(FIELDS)
    writer.writerows(dataclasses.astuple(entry) for entry in found)
    return out.getvalue()


def to_markdown(name: str, found: Sequence[Entry]) -> str:
    """A section per table; columns that differ in a number alone (x_0 … x_67) on one line."""
    parts = [
        f"# Data dictionary of {text(name)}",
        f"In tables a value that was not measured is {MISSING}, never zero; no number is NaN or"
        " infinite. Vectors of embeddings hold no nulls: see their notes. Every column of every"
        " file stands in `data_dictionary.csv`; here columns that differ only in a number share a"
        " line.",
    ]
    for (title, file), columns in groupby(found, key=lambda e: (e.table, e.file)):
        parts += [f"## {text(title)}", f"In {text(file)}."]
        for (convention, source), lines in groupby(columns, key=lambda e: (e.convention, e.source)):
            said = [f"Convention: {convention}."] if convention else []
            said += [f"Source: {source}."] if source != "deptool" else []
            parts += [text(" ".join(said)), table(_HEADER, _lines(lines))]
    return "\n\n".join(part for part in parts if part) + "\n"


_HEADER = ("column", "type", "unit", "range", "missing", "rounded to", "meaning", "note")


def _of_column(part: Part, column: Column, corpus: Corpus, release: ReleaseEntry | None) -> Entry:
    of_frames = part.schema.name in ("frames", "tracks")
    notes = list(_changes(column, release, of_frames)) if release else []
    notes += ["no value in any row"] if column.name in part.empty else []
    notes += ["not in every file"] if column.name in part.partial else []
    return Entry(
        table=part.schema.name,
        file=part.place,
        column=column.name,
        type=column.dtype,
        unit="" if column.dtype == "string" else column.unit,
        range=extent(column),
        missing=MISSING if column.nullable else "never missing",
        rounded_to=_rounding(column, release, of_frames),
        convention="; ".join(_conventions(column, corpus, release)) if of_frames else "",
        meaning=column.meaning,
        source=column.source,
        note="; ".join(notes),
    )


def _conventions(column: Column, corpus: Corpus, release: ReleaseEntry | None) -> Iterator[str]:
    """What holds for a whole group of columns."""
    if column.group not in _CONVENTIONS:
        return
    yield _CONVENTIONS[column.group]
    if column.group == "landmarks" and corpus.normalise.isdecimal() and release:
        yield f"on the canonical face, in a square of {corpus.normalise} px, not in the picture"
    windows = release and release.step("windows")
    if windows and not column.name.endswith("_c"):
        yield f"mean of a window of {windows.parameters.get('window_s')} s"


def _changes(column: Column, release: ReleaseEntry, of_frames: bool) -> Iterator[str]:
    """What a release has made of one column."""
    if not of_frames:
        attributes = release.step("attributes")
        if column.name == "age" and attributes:
            yield f"{attributes.parameters.get('aged')} is that, or above"
    elif release.step("windows") and column.name in _OF_WINDOWS:
        yield _OF_WINDOWS[column.name]
    elif column.name in ("frame", "timestamp") and release.step("clock"):
        yield "counted anew in the recording"
    elif column.name == "n_faces" and release.step("box"):
        yield "at most 1, since other faces are not told"
    elif column.name.startswith("pose_T") and release.step("place"):
        yield "told from its median in the recording"


def _rounding(column: Column, release: ReleaseEntry | None, of_frames: bool) -> str:
    """The step that a release rounds a column's values to, as text; empty where it does not."""
    if not of_frames:
        attributes = release and release.step("attributes")
        if column.name != "age" or not attributes:
            return ""
        return _number(attributes.parameters.get("age_years"))
    rounding = release and release.step("rounding")
    if not release or not rounding:
        return ""
    if column.group == "landmarks":  # the level rounds what it puts on its own face
        step = release.settings.get("landmark_px")
    else:
        step = rounding_of(column.name, resolve(Common, rounding.parameters, where="release"))
    return _number(step)


def _number(step: object) -> str:
    return f"{step:g}" if isinstance(step, int | float) else ""


def _of_cache(cache: CachePart, release: ReleaseEntry | None) -> Iterator[Entry]:
    """Start, end, what the vector's numbers are, and whether it is valid."""
    windows = release and release.step("windows")
    digits = windows.parameters.get("vector_digits") if windows else None
    encoding = cache.encoding
    kind = f"vectors of {encoding.encoder}, one every {encoding.hop_s:g} s"
    warned = "identifies people" if encoding.identifies_people else ""
    rows = [
        ("start_s", "float32", "s", "from 0", "where what it is of begins"),
        ("end_s", "float32", "s", "from 0", "where it ends"),
        *vector_columns(encoding),
        ("valid", "int32", "1", "0 to 1", "1 where there is a vector; where not, it is zeros"),
    ]
    for column, type, unit, range, meaning in rows:
        rounded_to, note = "", warned
        if isinstance(digits, int) and column.startswith("vector"):
            rounded_to = _number(10.0**-digits)
            note = "; ".join(filter(None, [warned, "0 also where its column has no value"]))
        yield Entry(
            *(f"embeddings {cache.name}", cache.place, column, type, unit, range),
            *("never missing", rounded_to, kind, meaning, "deptool", note),
        )


def _lines(found: Iterable[Entry]) -> Iterator[tuple[str, ...]]:
    """Columns in order, those that differ in a last number alone on one line."""

    def key(entry: Entry) -> tuple[str, ...]:
        stem = re.sub(r"_\d+$", "_", entry.column)
        plain = re.sub(r"\d+", "", entry.meaning) if stem != entry.column else entry.meaning
        same = (entry.type, entry.unit, entry.range, entry.rounded_to, entry.note)
        return stem, plain, *same

    for _, group in groupby(found, key=key):
        first, *others = group
        name, meaning = first.column, first.meaning
        if others:
            last = others[-1].column.rsplit("_", 1)[1]
            number = name.rsplit("_", 1)[1]
            name = f"{name} … {others[-1].column}"
            meaning = re.sub(rf"\b{number}\b", f"{number} … {last}", meaning, count=1)
        about = (first.type, first.unit, first.range, first.missing, first.rounded_to)
        yield name, *about, meaning, first.note
