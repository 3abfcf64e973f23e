"""Quality at a glance: is every table of a corpus sound, and how good is each recording?

All problems are collected, none is raised: a broken table does not hide the next one. What a
problem says names files by their place in the corpus, never by a path outside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deptool import keys
from deptool.breaches import Problem, read_whole
from deptool.check_embeddings import Cache, look_at_caches
from deptool.check_encryption import plain_tables
from deptool.cohort.unfinished import FEATURE_SET, UNFINISHED, go_on, missing_tables
from deptool.columns import Table
from deptool.corpus import MARKER, Corpus, open_corpus
from deptool.errors import DataError, DeptoolError, SchemaError
from deptool.keys import LABELS_FILE, RECORDINGS_FILE, SUBJECTS_FILE
from deptool.limits import Limit, Measure, measures_of, needs_look
from deptool.quality import Quality, measure
from deptool.release_entry import release_entry
from deptool.schema import FRAMES, LABELS, RECORDINGS, SUBJECTS, TRACKS

if TYPE_CHECKING:
    import polars as pl

Row = Mapping[str, Any]

_SHOWN = 10  # recordings named that break one limit


@dataclass(frozen=True)
class Failure:
    """A recording that breaks a limit, and its value."""

    recording_id: str
    name: str  # of the measure
    value: float
    limit: str


@dataclass(frozen=True)
class CheckReport:
    """What a check found. `corpus` is its name, None where corpus.json does not tell it.

    `imported` is whether its rows were imported or released, and not extracted from videos here.
    Problems stand errors first; recordings are sorted by id, embedding caches by name.
    """

    corpus: str | None
    imported: bool
    problems: tuple[Problem, ...]
    recordings: tuple[Quality, ...]
    failed: tuple[Failure, ...]
    caches: tuple[Cache, ...] = ()

    def measures(self) -> tuple[Measure, ...]:
        """Every measure, with the thresholds that hold for this corpus."""
        return measures_of(self.recordings, self.imported)

    def need_a_look(self) -> tuple[Quality, ...]:
        """Recordings beyond a threshold or a limit, not read in whole, or without a sound table."""
        known, failed = self.measures(), {f.recording_id for f in self.failed}
        return tuple(q for q in self.recordings if needs_look(q, known) or q.recording_id in failed)

    def verdicts(self) -> list[DeptoolError]:
        """SchemaError where a table is not sound, DataError where a limit is broken; or nothing."""
        where = None if self.corpus is None else f"corpus {self.corpus!r}"
        found: list[DeptoolError] = []
        errors = [p for p in self.problems if p.severity == "error"]
        if errors:
            count = "1 error" if len(errors) == 1 else f"{len(errors)} errors"
            first = f"{', the first in' if errors[1:] else ':'} {errors[0].where}"
            found.append(SchemaError(f"{count} in the tables{first}", where=where))
        if self.failed:
            n, of = len({f.recording_id for f in self.failed}), len(self.recordings)
            breaks = "breaks" if n == 1 else "break"
            what = f"{n} of {of} recording{'' if of == 1 else 's'} {breaks} a limit: "
            found.append(DataError(what + "; ".join(self._broken()), where=where))
        return found

    def _broken(self) -> Iterator[str]:
        """Each limit that is broken, with recordings and values: 'coverage<0.8 (a 0.71, b 0)'."""
        for limit in dict.fromkeys(f.limit for f in self.failed):
            who = [f"{f.recording_id} {f.value:.4g}" for f in self.failed if f.limit == limit]
            more = f" and {len(who) - _SHOWN} more" if who[_SHOWN:] else ""
            yield f"{limit} ({', '.join(who[:_SHOWN])}{more})"


def check_corpus(
    root: Path,
    limits: Sequence[Limit] = (),
    on_progress: Callable[[int, int], None] = lambda done, of: None,
) -> CheckReport:
    """Check every table of a corpus and measure its recordings; `on_progress` hears (done, of).

    Raises InputError where the folder is missing or no corpus; all else is in the report.
    """
    corpus, problems = _open(root)
    problems += _release(corpus)
    verb = _made_by(corpus)
    problems += _at_work(corpus)
    unfinished = [_unfinished(corpus, name) for name in missing_tables(corpus)]
    problems += unfinished
    frames, tracks = _files(root, "frames"), _files(root, "tracks")
    table, found = _read(root, RECORDINGS_FILE, RECORDINGS)
    problems += found
    if table is not None:
        problems += keys.in_recordings(table, _text(corpus.about.get("feature_set")), verb)
    elif not found and not unfinished:
        problems += [keys.no_recordings(len(frames), verb)]
    labels, found = _read(root, LABELS_FILE, LABELS)
    problems += found
    if labels is not None:
        problems += keys.in_labels(labels, table, verb)
    subjects, found = _read(root, SUBJECTS_FILE, SUBJECTS)
    problems += found
    if subjects is not None:
        problems += keys.in_ids(subjects, SUBJECTS_FILE)
    rows = _rows(table)
    names = sorted({*frames, *(rows or ())})
    recordings: list[Quality] = []
    for done, name in enumerate(names, 1):
        quality, found = _recording(name, rows, frames.get(name), verb)
        recordings += [quality] if quality else []
        problems += found
        on_progress(done, len(names) + len(tracks))
    for done, (name, path) in enumerate(tracks.items(), len(names) + 1):
        problems += _track(name, rows, path, verb)
        on_progress(done, len(names) + len(tracks))
    caches, found = look_at_caches(root, names)
    problems += found + _leftovers(root) + plain_tables(root)
    return CheckReport(
        _text(corpus.about.get("name")),
        verb in ("import", "release"),
        tuple(sorted(problems, key=lambda p: p.severity)),
        tuple(recordings),
        tuple(_failures(recordings, limits)),
        tuple(caches),
    )


def _open(root: Path) -> tuple[Corpus, list[Problem]]:
    """The corpus, and what is wrong with corpus.json; then nothing is known of it."""
    try:
        return open_corpus(root), []
    except SchemaError as error:
        return Corpus(root, {}), [Problem(MARKER, error.what, fix=error.fix)]


def _release(corpus: Corpus) -> list[Problem]:
    """What is wrong with the entry of a release."""
    try:
        release_entry(corpus)
    except SchemaError as error:
        return [Problem(MARKER, error.what, fix=error.fix)]
    return []


def _made_by(corpus: Corpus) -> str:
    """The command that made its frames tables: extract, import, release or synth."""
    if "release" in corpus.about:
        return "release"
    if corpus.synthetic and corpus.about.get("feature_set") == FEATURE_SET:
        return "synth"
    how = corpus.about.get("extraction")
    return "import" if isinstance(how, Mapping) and "importer" in how else "extract"


def _unfinished(corpus: Corpus, name: str) -> Problem:
    """A table that synth writes last is not there: it was interrupted."""
    return Problem(name, f"is not there yet: {UNFINISHED}", fix=go_on(corpus))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _read(root: Path, name: str, schema: Table) -> tuple[pl.DataFrame | None, list[Problem]]:
    """A table of the corpus's own; None without a problem where it is not there."""
    if not (root / name).exists():
        return None, []
    return read_whole(root / name, schema, name)


def _rows(table: pl.DataFrame | None) -> dict[str, Row] | None:
    """Rows of the recordings table by id, the first of each; None where there are no ids."""
    if table is None or "recording_id" not in table.columns:
        return None
    rows: dict[str, Row] = {}
    for row in table.iter_rows(named=True):
        if row["recording_id"] is not None:
            rows.setdefault(row["recording_id"], row)
    return rows


def _files(root: Path, folder: str) -> dict[str, Path]:
    """recording_id -> its table in that folder."""
    return {path.stem: path for path in sorted((root / folder).glob("[!.]*.parquet"))}


def _recording(
    name: str, rows: Mapping[str, Row] | None, path: Path | None, verb: str
) -> tuple[Quality | None, list[Problem]]:
    """The quality of one recording, and what is wrong with its frames table.

    Without a recordings table (`rows` None) a frames table speaks for itself; one that has no row
    there is checked, but is no recording. What is not sound is not measured.
    """
    where = f"frames/{name}.parquet"
    row = {"recording_id": name} if rows is None else rows.get(name)
    problems = [] if row else [keys.without_row(where, verb)]
    blank = Quality(name, row.get("status")) if row else None
    if path is None:
        if row and row.get("n_frames") == 0:  # could not be read, and says so
            return Quality(name, row.get("status"), n_rows=0), []
        return blank, [keys.missing_frames(row or {}, where, verb)]
    table, found = read_whole(path, FRAMES, where)
    problems += found
    if table is None or found or row is None:
        return blank, problems
    problems += keys.in_counts(row, table, where, verb)
    late = keys.in_time(table, where, verb)
    return (blank, [*problems, late]) if late else (measure(row, table), problems)


def _track(name: str, rows: Mapping[str, Row] | None, path: Path, verb: str) -> list[Problem]:
    where = f"tracks/{path.name}"
    problems = read_whole(path, TRACKS, where)[1]
    if rows is None or name in rows:
        return problems
    return [keys.without_row(where, verb), *problems]


def _at_work(corpus: Corpus) -> list[Problem]:
    """An extract or import that is running explains much of what looks wrong."""
    if not corpus.being_written():
        return []
    what = "an extract or import is writing it right now: what looks wrong may be half-done"
    return [Problem("corpus", what, "warning", "Check again when it is done.")]


def _leftovers(root: Path) -> list[Problem]:
    """Half-written files of a run that was killed, or that is going on."""
    places = (".*.tmp*", "*/.*.tmp*", "embeddings/*/.*.tmp*")
    found = [p.relative_to(root) for place in places for p in root.glob(place)]
    fix = "If no deptool runs on this corpus, delete them; the next run does so too."
    what = "half-written, by a run that was killed or is going on"
    return [Problem(path.as_posix(), what, "warning", fix) for path in sorted(found)]


def _failures(recordings: Sequence[Quality], limits: Sequence[Limit]) -> Iterator[Failure]:
    for limit in limits:
        for quality in recordings:
            if limit.broken_by(quality):
                value = getattr(quality, limit.name)
                yield Failure(quality.recording_id, limit.name, value, str(limit))
