"""What an import joins to the tables: ids, splits and scores of the source, and its notes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from deptool.corpus import Corpus, empty
from deptool.errors import SchemaError
from deptool.importers import Found, Item
from deptool.ingest_one import NOTES
from deptool.schema import LABELS, RECORDINGS
from deptool.subjects import Person, merge
from deptool.tables import column_names, parse_json, read_metadata

if TYPE_CHECKING:
    import polars as pl

    from deptool.ingest_one import Row

ABOUT = ("subject_id", "session_id", "task", "split")


@dataclass(frozen=True)
class Scores:
    """Scores of the source that were joined, by scale; `n_changed` were another number before."""

    by_scale: Mapping[str, int]
    n_changed: int


def relabel(corpus: Corpus, items: Sequence[Item]) -> tuple[set[str], tuple[str, ...]]:
    """Put the source's ids, tasks and splits into the corpus; its recordings, and those it lacks.

    A recording that was extracted from a video has its folders in its id, so the end counts.
    """
    import polars as pl

    with corpus.updating():
        rows = corpus.recordings().to_dicts()
        by_id = {str(r["recording_id"]): r for r in rows}
        names: set[str] = set()
        without = []
        for item in items:
            mine = [by_id[item.recording_id]] if item.recording_id in by_id else []
            if not item.files:
                mine += [r for name, r in by_id.items() if name.endswith(f"__{item.recording_id}")]
            if not mine:
                without.append(item.recording_id)
            for row in mine:
                names.add(row["recording_id"])
                row |= {key: getattr(item, key) for key in ABOUT if getattr(item, key)}
        if names:
            corpus.write_recordings(pl.DataFrame(rows, schema=empty(RECORDINGS).schema))
    return names, tuple(without)


def join_scores(corpus: Corpus, found: Found) -> Scores:
    """Put the source's scores into labels.parquet, those of sessions that have a recording."""
    import polars as pl

    sessions = set(corpus.recordings()["session_id"].drop_nulls())
    new = {(s.session_id, s.scale): s.score for s in found.labels if s.session_id in sessions}
    if not new:
        return Scores({}, 0)
    old = {(s, scale): score for s, scale, score in corpus.labels().iter_rows()}
    rows = [(*key, score) for key, score in (old | new).items()]
    schema = empty(LABELS).schema
    corpus.write_labels(pl.DataFrame(rows, schema=schema, orient="row", strict=False))
    # The table holds float32.
    now = {(s, scale): score for s, scale, score in corpus.labels().iter_rows()}
    n_changed = sum(key in old and old[key] != now[key] for key in new)
    return Scores(dict(Counter(scale for _, scale in new)), n_changed)


def join_subjects(corpus: Corpus, found: Found) -> None:
    """Put what the source says of persons into subjects.parquet, of those who have a recording."""
    if not found.subjects:
        return
    given: dict[str, Person] = {
        s.subject_id: {k: v for k, v in (("gender", s.gender), ("age", s.age)) if v is not None}
        for s in found.subjects
    }
    persons = corpus.recordings()["subject_id"].drop_nulls()
    corpus.write_subjects(merge(corpus.subjects(), given, persons))


def n_redescribed(before: Mapping[str, Row], rows: pl.DataFrame) -> int:
    """Recordings that had a subject, session, task or split, and have another one, or none, now."""
    return sum(
        any(then[key] and then[key] != row[key] for key in ABOUT)
        for row in rows.to_dicts()
        if (then := before.get(row["recording_id"]))
    )


def keep_notes(corpus: Corpus, names: Iterable[str]) -> tuple[Corpus, dict[str, tuple[str, ...]]]:
    """What was noted of these recordings, now or in an import before, as their tables keep it.

    It is put into corpus.json as well, beside that of recordings which other imports brought.
    """
    looked = sorted(set(names))
    said = {name: notes for name in looked if (notes := _notes(corpus, name))}
    kept = corpus.about.get("recording_notes")
    others = {k: v for k, v in kept.items() if k not in looked} if isinstance(kept, dict) else {}
    if not (said or others or kept):
        return corpus, {}
    every = dict(sorted({**others, **{name: list(notes) for name, notes in said.items()}}.items()))
    return corpus.with_about({"recording_notes": every}), said


def has_landmarks(corpus: Corpus, rows: pl.DataFrame) -> bool:
    """Whether any of these recordings' tables has landmarks."""
    measured = rows.filter(rows["n_frames"] > 0)["recording_id"]
    paths = (corpus.frames_path(name) for name in measured)
    return any(_has_column(path, "x_0") for path in paths if path.is_file())


def _has_column(path: Path, name: str) -> bool:
    try:
        return name in column_names(path)
    except SchemaError:  # `check` says that it cannot be read
        return False


def _notes(corpus: Corpus, name: str) -> tuple[str, ...]:
    path = corpus.frames_path(name)
    try:
        text = read_metadata(path).get(NOTES) if path.is_file() else None
        notes = parse_json(f'{{"notes": {text}}}', path.name)["notes"] if text else []
    except SchemaError:
        return ()
    return tuple(map(str, notes)) if isinstance(notes, list) else ()
