"""`synth`: a cohort with known truth, in the house's own format. Everything in it is synthetic.

A generator draws persons, their sessions and scores, and what severity does to a face; it renders
landmarks, action units, head pose and gaze as an extractor writes them, one recording at a time,
and writes what it planted to truth/. Each recording has random numbers of its own, so a larger
cohort of the same settings begins with the same recordings.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from deptool.cohort.latent import draw_latent
from deptool.cohort.persons import (
    Person,
    Session,
    Split,
    Take,
    deal,
    draw_person,
    draw_sessions,
    labels,
    takes_of,
)
from deptool.cohort.settings import SynthSettings
from deptool.cohort.severity import Severity, severity_of
from deptool.cohort.streams import voice_of, voice_path, write_voice
from deptool.cohort.tables import FPS_SOURCE, frames_of
from deptool.cohort.truth import NOTE, Planted, write_truth
from deptool.cohort.unfinished import FEATURE_SET
from deptool.corpus import MARKER, Corpus, create_corpus, open_corpus
from deptool.errors import DataError
from deptool.extract_one import Row, read_row
from deptool.keys import LABELS_FILE, RECORDINGS_FILE
from deptool.label import ABOUT
from deptool.schema import FRAMES
from deptool.subjects import FILE as SUBJECTS_FILE
from deptool.tables import write_table

EXTRACTOR = "synthetic"
_TABLES = (RECORDINGS_FILE, LABELS_FILE, SUBJECTS_FILE)


@dataclass(frozen=True)
class SynthSummary:
    """The corpus, how many recordings were made and were there before, truth.json's scores."""

    corpus: Corpus
    n_new: int
    n_kept: int
    scores: Mapping[str, Any]


def synthesise(
    out: Path,
    settings: SynthSettings,
    on_recording: Callable[[int, int], None] = lambda done, of: None,
) -> SynthSummary:
    """Make a synthetic cohort at `out`; recordings that are there already are kept.

    So are labels, subjects, and whose a recording is: `deptool label` may have changed them.
    `on_recording` hears how many recordings are there, of how many. Raises InputError where `out`
    holds something else or cannot be written, DataError where it holds a corpus of other settings,
    SettingsError where scores cannot change as little or as much as the settings say.
    """
    severity = severity_of(settings)
    sessions = draw_sessions(settings, severity)
    begun = _begun(out, asdict(settings))
    corpus = create_corpus(out, FEATURE_SET, asdict(settings), _name(out), more=_about(settings))
    with corpus.writing():
        _remove_leftovers(corpus)
        if not begun:  # tables of a cohort of other settings, whose recordings are gone
            for name in _TABLES:
                (corpus.root / name).unlink(missing_ok=True)
        return _make(corpus, settings, severity, sessions, on_recording)


def _begun(out: Path, settings: Mapping[str, object]) -> bool:
    """Whether a cohort of these settings is at `out`. Raises DataError for one of others.

    `create_corpus` would name all settings; what differs is what a user looks for.
    """
    if not (out / MARKER).is_file():
        return False
    before = open_corpus(out)
    made = before.about.get("extraction")
    if before.feature_set != FEATURE_SET or not isinstance(made, Mapping) or made == settings:
        return before.feature_set == FEATURE_SET and made == settings
    if not any((out / "frames").glob("*.parquet")):
        return False
    names = [k for k in settings if k not in made or made[k] != settings[k]]
    differ = ", ".join(f"{name} {made.get(name)} (asked: {settings[name]})" for name in names)
    raise DataError(
        f"holds a synthetic cohort of other settings: {differ or 'it has more of them'}",
        where=str(out),
        fix="Use the same settings to go on with it, or another folder.",
    )


def _make(
    corpus: Corpus,
    settings: SynthSettings,
    severity: Severity,
    sessions: Sequence[Session],
    on_recording: Callable[[int, int], None],
) -> SynthSummary:
    import polars as pl

    takes, splits = takes_of(settings, sessions), deal(settings, sessions)
    persons = {n: draw_person(settings, n) for n in range(1, settings.subjects + 1)}
    said = _said(corpus)
    rows: list[Row] = []
    planted: list[Planted] = []
    n_new = 0
    for done, take in enumerate(takes, 1):
        person, split = persons[take.session.person], splits[take.session.person]
        each = Planted(take, person, draw_latent(settings, severity, person, take), split)
        row = _known(corpus, settings, take)
        if row is None:
            row = _render(corpus, settings, each)
            n_new += 1
        rows.append(row | said.get(take.recording_id, _belongs(take, person, split)))
        planted.append(each)
        on_recording(done, len(takes))
    truth = write_truth(corpus, settings, severity, planted)
    if not (corpus.root / SUBJECTS_FILE).exists():
        corpus.write_subjects(pl.DataFrame([_subject(p) for p in persons.values()]))
    if not (corpus.root / LABELS_FILE).exists():
        corpus.write_labels(pl.DataFrame(labels(sessions)))
    if n_new or len(said) < len(takes):
        corpus.write_recordings(pl.DataFrame(rows, infer_schema_length=None))
    return SynthSummary(corpus, n_new, len(takes) - n_new, truth["scores"])


def _said(corpus: Corpus) -> dict[str, Row]:
    """recording_id -> whose it is and in which split, as the recordings table has it."""
    rows = corpus.recordings().select("recording_id", *ABOUT).to_dicts()
    return {str(row.pop("recording_id")): row for row in rows}


def _known(corpus: Corpus, settings: SynthSettings, take: Take) -> Row | None:
    """The row of a recording that is there in whole; None where it must be made."""
    path = corpus.frames_path(take.recording_id)
    if settings.voice and not voice_path(corpus, take.recording_id).is_file():
        return None
    return read_row(path) if path.is_file() else None


def _render(corpus: Corpus, settings: SynthSettings, each: Planted) -> Row:
    """Write the tables of one recording and return its row, which the frames table carries too."""
    take, person, latent = each.take, each.person, each.latent
    if settings.voice:  # before the frames, which say that a recording is done
        vectors = voice_of(settings, person, take, latent)
        write_voice(voice_path(corpus, take.recording_id), vectors)
    table = frames_of(settings, person, take, latent)
    n_success = int(table["success"].sum())
    row: Row = {
        "recording_id": take.recording_id,
        "width": settings.width,
        "height": settings.height,
        "fps_source": max(FPS_SOURCE, settings.fps),
        "fps": settings.fps,
        "duration_s": settings.seconds,
        "n_frames": len(table),
        "n_success": n_success,
        "n_ambiguous": 0,
        "coverage": n_success / len(table),
        "extractor": EXTRACTOR,
        "feature_set": FEATURE_SET,
        "status": "ok",
        "reason": None,
    }
    path = corpus.frames_path(take.recording_id)
    write_table(path, FRAMES, table, {"deptool.recording": json.dumps(row)})
    return row


def _belongs(take: Take, person: Person, split: Split) -> Row:
    """Whose a recording is and in which split: not in its frames table, which does not know it."""
    return {
        "subject_id": person.subject_id,
        "session_id": take.session.session_id,
        "task": take.task_name,
        "split": split,
    }


def _subject(person: Person) -> dict[str, object]:
    return {"subject_id": person.subject_id, "gender": person.gender, "age": person.age}


def _name(out: Path) -> str:
    """The folder's name, with 'synthetic' in it, so that every report of it says so."""
    name = out.resolve().name
    return name if "synthetic" in name.lower() else f"synthetic-{name}"


def _about(settings: SynthSettings) -> dict[str, object]:
    """What corpus.json says of a synthetic corpus beside the usual."""
    return {
        "synthetic": True,
        "note": NOTE,
        "deidentification": [],
        "id_space": f"synthetic:{settings.seed}",
    }


def _remove_leftovers(corpus: Corpus) -> None:
    """Temporary files that a killed run left."""
    for path in corpus.root.rglob(".*.tmp*"):
        path.unlink(missing_ok=True)
