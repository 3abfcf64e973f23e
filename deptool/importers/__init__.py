"""Importers, one file each: somebody else's feature files in, deptool's tables out.

An importer module has:

- `TITLE`: the corpus or tool whose files it reads; its docstring says which files, and what they
  are known to get wrong;
- `Settings`: a frozen dataclass of what the user may or must say (`--set key=value`), with a
  ValueError that says what to do where a value that must be given is not;
- `feature_set(settings) -> str`: name and version of what was measured, such as `openface-2`;
- `find(source, settings) -> Found`: what there is, without reading a feature file;
- `read(item, settings) -> Rows`: one recording's feature files, in a worker process.

`read` looks columns up by name and gives them the schema's names, units and signs; what the source
lacks is absent, what it says wrongly is a problem with file and line, and nothing is invented.
`ingest_one.py` makes a frames table of it: it drops rows whose time does not ascend, empties what
was not measured, and adds the columns that all tables have. tests/importers/test_contract.py runs
over every file here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Item:
    """One recording to import: who, when, which files, by their role for the importer.

    `width` and `height` are those of the picture in px, None where the source does not say.
    `options` is what `read` must know of this recording beyond its files.
    """

    recording_id: str
    files: Mapping[str, Path]
    subject_id: str | None = None
    session_id: str | None = None
    task: str | None = None
    split: str | None = None
    width: int | None = None
    height: int | None = None
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Label:
    """A score of a session; see the labels table."""

    session_id: str
    scale: str
    score: float


@dataclass(frozen=True)
class Subject:
    """What the source says of a person; see the subjects table."""

    subject_id: str
    gender: str | None = None
    age: float | None = None


@dataclass(frozen=True)
class Found:
    """What a folder holds.

    `notes` are sentences on what is missing, mended or left out: they are shown, and kept in
    corpus.json; those that name recordings or persons are `deptool.naming.Naming`. `id_space` names
    whose ids these are: two corpora of one space mean the same person by the same subject_id
    ('avec', 'daic'). `persons_unknown`: the corpus does not say who is in a recording.
    `frame_known`: width and height are known, so that coordinates can be divided by them. `hint`:
    what to do where there are no feature files, but others lie there.
    """

    items: tuple[Item, ...]
    labels: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    id_space: str | None = None
    persons_unknown: bool = False
    frame_known: bool = False
    hint: str | None = None
    subjects: tuple[Subject, ...] = ()


@dataclass(frozen=True)
class Rows:
    """One recording as read: any columns of the frames table, `timestamp` among them.

    A `status` that says ambiguous, or why a row is empty, is kept; without one it is derived. The
    column `line` (see `feature_csv.LINE`) is a row's line in its file, by which problems are named.

    `problems` are damage, and name file and line; `notes` is what else a user should hear, such as
    that a file shows several faces. `truncated`: the last line was cut off.
    """

    table: pl.DataFrame
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    truncated: bool = False
