"""The corpus of a release: tables under pseudonyms, and corpus.json.

What is written is allow-listed: tables with the schema's columns, made anew, and the entries of
release_about.py. Everything else of a corpus is left out, embeddings, meshes and other faces among
it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from deptool import plugins
from deptool.cohort.unfinished import refuse_unfinished
from deptool.corpus import MARKER, Corpus, empty, open_corpus
from deptool.embeddings import write_embedding
from deptool.errors import DataError, InputError, SchemaError, UsageError
from deptool.k_same import (
    KSame,
    group_persons,
    k_same_columns,
    k_same_step,
    medians_of,
    require_persons,
)
from deptool.key_file import Key
from deptool.keys import in_time
from deptool.measured import READ_STATUS
from deptool.pseudonyms import Pseudonyms
from deptool.reduction import Step, reduced, rounding_step, shared, shared_steps
from deptool.release_about import (
    ReleaseSettings,
    about_release,
    attributes_step,
    ids_step,
    left_out_of,
    other_files,
    released_features,
)
from deptool.release_tables import Links, attributes, labels_of, recording_row
from deptool.schema import FRAMES, RECORDINGS
from deptool.tables import write_json, write_table

if TYPE_CHECKING:
    import polars as pl

OnProgress = Callable[[str, int, int], None]  # what is done, how many of how many


@dataclass(frozen=True)
class Written:
    """What was written: the corpus, what was done to it, what was left out."""

    corpus: Corpus
    n_recordings: int
    n_persons: int
    steps: tuple[Step, ...]
    left_out: Mapping[str, int]
    other_files: int  # beside the corpus's tables, left out too: the release says nothing of them
    tasks: tuple[str, ...]
    links: Links = field(repr=False)


def write_release(
    root: Path,
    folder: Path,
    settings: ReleaseSettings,
    key: Key,
    on_progress: OnProgress = lambda what, done, of: None,
) -> Written:
    """Write the tables of a release and its corpus.json into an empty folder.

    A recording of which nothing measured is left is left out. Raises what `open_corpus` and reading
    tables raise; DataError where there is nothing to release or k-same cannot be had; UsageError
    where it is a release already or k-same does not hold; InputError where it is being written.
    """
    corpus = _open(root)
    level: Any = plugins.load("levels", settings.level)
    rows = [row for row in corpus.recordings().to_dicts() if _has_rows(row)]
    if not rows:
        raise _nothing(corpus, "no recording of it has a measured row", "See deptool check.")
    settings = _possible(corpus, level, rows, settings)
    links = Links.of(rows, Pseudonyms(key))
    same = _k_same(corpus, rows, settings, on_progress)
    released = Corpus(folder, {})
    # In the order of pseudonyms, which is random without the key, so that no order of files or of
    # rows tells of the corpus.
    rows.sort(key=lambda row: links.recording[row["recording_id"]])
    features = released_features(corpus, level)
    step = level.step_s(settings.options) if hasattr(level, "step_s") else None
    kept, written = [], []
    for done, row in enumerate(rows):
        on_progress("Reducing recordings", done, len(rows))
        table = _write_one(corpus, row, released, level, settings, same, links)
        if table is not None:
            kept.append(row)
            written.append(recording_row(row, table, links, features, step))
    on_progress("Reducing recordings", len(rows), len(rows))
    if not kept:
        what = "nothing is left of any recording: each is too short, or hardly measured"
        raise _nothing(corpus, what, "Choose shorter lengths: --set trim_s=…, --set window_s=…")
    links = Links.of(kept, Pseudonyms(key))
    _write_tables(corpus, released, written, links, settings.keep_attributes)
    left_out = left_out_of(corpus, len(kept), settings.keep_attributes)
    steps = _steps(level, settings, same)
    write_json(folder / MARKER, about_release(corpus, level, settings, key, steps, left_out))
    tasks = sorted({row["task"] for row in kept if row["task"] is not None})
    opened = open_corpus(folder)
    return Written(
        corpus=opened,
        n_recordings=len(kept),
        n_persons=len(links.subject),
        steps=steps,
        left_out=left_out,
        other_files=other_files(corpus),
        tasks=tuple(tasks),
        links=links,
    )


def _nothing(corpus: Corpus, what: str, fix: str) -> DataError:
    return DataError(what, where=f"corpus {corpus.name!r}", fix=fix)


def _possible(
    corpus: Corpus, level: Any, rows: Sequence[Mapping[str, Any]], settings: ReleaseSettings
) -> ReleaseSettings:
    """Settings as this corpus can have them; before the work, what k-same needs and is not there.

    No attributes are kept where none are known. Raises UsageError and DataError.
    """
    k = settings.k_same
    if k is not None and hasattr(level, "NO_K_SAME"):
        raise UsageError(
            f"k-same does not hold for this level: {level.NO_K_SAME}",
            where=f"level {settings.level}",
            fix="Release without --k-same, or at another level.",
        )
    if k is not None and any(row["subject_id"] is None for row in rows):
        raise DataError(
            "k-same needs to know who is in each recording, and some have no subject_id",
            where=f"corpus {corpus.name!r}",
            fix="Name the persons with deptool label, or release without --k-same.",
        )
    if k is not None:
        require_persons(k, len({row["subject_id"] for row in rows}))
    there = settings.keep_attributes and len(corpus.subjects()) > 0
    return replace(settings, keep_attributes=there)


def _open(root: Path) -> Corpus:
    """The corpus, where it can be released."""
    corpus = open_corpus(root)
    refuse_unfinished(corpus)
    if "release" in corpus.about:
        raise UsageError(
            "is a release already: what one level took out, another cannot use",
            where=str(root),
            fix="Release the corpus that it was made of.",
        )
    if corpus.being_written():
        raise InputError(
            "is being written by an extract, import or synth",
            where=str(root),
            fix="Wait until it is done.",
        )
    return corpus


def _write_one(
    corpus: Corpus,
    row: Mapping[str, Any],
    released: Corpus,
    level: ModuleType,
    settings: ReleaseSettings,
    same: KSame | None,
    links: Links,
) -> pl.DataFrame | None:
    """Write one recording's tables; what its frames table is by then, None where none is left."""
    name = links.recording[row["recording_id"]]

    def between(table: pl.DataFrame) -> pl.DataFrame:
        return same.apply(table, row["subject_id"]) if same and _measured(table) else table

    raw = _frames(corpus, row["recording_id"])
    table, given = reduced(raw, level, settings.options, settings.common, between)
    if not _measured(table):
        return None
    write_table(released.frames_path(name), FRAMES, table)
    if hasattr(level, "vectors"):
        found = level.vectors(given, settings.options)
        write_embedding(released.embedding_path(level.CACHE, name), found)
    return table


def _frames(corpus: Corpus, recording_id: str) -> pl.DataFrame:
    """A frames table whose clock goes forward. Raises SchemaError where it does not."""
    table = corpus.frames(recording_id)
    where = corpus.frames_path(recording_id).name
    if late := in_time(table, where):
        raise SchemaError(
            late.what, where=late.where, fix="See what is wrong in the corpus: deptool check"
        )
    return table


def _k_same(
    corpus: Corpus,
    rows: Sequence[Mapping[str, Any]],
    settings: ReleaseSettings,
    on_progress: OnProgress,
) -> KSame | None:
    """Who shares resting levels with whom; reads every table once."""
    if settings.k_same is None:
        return None
    columns: tuple[str, ...] = ()
    medians: dict[str, list[Any]] = {}
    for done, row in enumerate(rows):
        on_progress("Grouping persons", done, len(rows))
        table = shared(_frames(corpus, row["recording_id"]), settings.common)
        columns = columns or k_same_columns(table)
        if _measured(table):
            medians.setdefault(row["subject_id"], []).append(medians_of(table, columns))
    on_progress("Grouping persons", len(rows), len(rows))
    return group_persons(columns, medians, settings.k_same)


def _write_tables(
    corpus: Corpus,
    released: Corpus,
    written: Sequence[Mapping[str, Any]],
    links: Links,
    keep_attributes: bool,
) -> None:
    """Recordings, labels where there are some, and what is kept of the persons."""
    import polars as pl

    released.write_recordings(pl.DataFrame(written, schema=empty(RECORDINGS).schema))
    labels = labels_of(corpus.labels(), links)
    if len(labels):
        released.write_labels(labels)
    persons = corpus.subjects()
    if keep_attributes and len(persons):
        released.write_subjects(attributes(persons, links))


def _steps(level: Any, settings: ReleaseSettings, same: KSame | None) -> tuple[Step, ...]:
    """Everything that was done to ids and tables, in order."""
    k = settings.k_same
    found = [ids_step(), *([attributes_step()] if settings.keep_attributes else [])]
    found += shared_steps(settings.common)
    if same and k:
        found.append(k_same_step(k, same.columns, len(same.groups)))
    return (*found, *level.steps(settings.options), rounding_step(settings.common))


def _measured(table: pl.DataFrame) -> bool:
    return bool((table["success"] == 1).any())


def _has_rows(row: Mapping[str, Any]) -> bool:
    return row["status"] in READ_STATUS and row["n_frames"] > 0 and row["n_success"] > 0
