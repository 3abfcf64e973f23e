"""What AVEC 2013 and AVEC 2014 share: sessions PPP_S, label files, and lists that others made.

A session is person PPP's visit S and has one BDI-II score; an id means the same person in both
years. By the corpora's own splits many persons are in two of train, dev and test.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from deptool.errors import DataError, DeptoolError, InputError
from deptool.feature_files import openface
from deptool.feature_files.avec_lists import Entry, read_list, split_of
from deptool.feature_files.feature_csv import read_header
from deptool.feature_files.label_files import Said, agree, counted, listed, only_number
from deptool.importers import Found, Item, Label
from deptool.naming import naming
from deptool.scales import SCALES
from deptool.sources import SUFFIXES, find_files

ID_SPACE = "avec"
SCALE = "BDI-II"

_LABEL = re.compile(r"(\d{3}_\d)_Depression\.csv", re.IGNORECASE)
_HAVE = ("session has", "sessions have")
_SHOWN = 10


@dataclass(frozen=True)
class Settings:
    """`labels`: another folder of labels, or a list. `features`: the folder of OpenFace's files.

    `labels_only` joins ids, splits and scores, and reads no feature file even where one is there.
    """

    labels: Path | None = None
    features: Path | None = None
    labels_only: bool = False


class Recording(NamedTuple):
    """What a file is of: a session, and in AVEC 2014 a task."""

    session: str
    task: str | None


@dataclass(frozen=True)
class Year:
    """One year: its tasks, the recording that a path below the source is of, a recording's name.

    `other` is the other year's importer, `is_other` whether a path plainly is of that year.
    """

    tasks: tuple[str | None, ...]
    recording_of: Callable[[Path], Recording | None]
    name: Callable[[Recording], str]
    other: str
    is_other: Callable[[Path], bool]

    def name_of_file(self) -> str:
        """What a feature file may be called."""
        return f"{self.name(Recording('203_1', self.tasks[0]))}.csv"


@dataclass(frozen=True)
class _Seen:
    """Files below one folder, by what they are; `splits` is what the folders' names say."""

    videos: set[Recording] = field(default_factory=set)
    features: dict[Recording, Path] = field(default_factory=dict)
    labels: list[tuple[str, Path]] = field(default_factory=list)
    strays: list[Path] = field(default_factory=list)
    splits: list[Said] = field(default_factory=list)


def find(source: Path, settings: Settings, year: Year) -> Found:
    """What a tree of one year holds; feature files, or labels or a list of them, may lie elsewhere.

    Recordings without a feature file have no files: their ids, splits and scores are joined to what
    `deptool extract` made of the videos. Raises InputError where there is nothing of this corpus,
    DataError where labels or splits contradict each other.
    """
    seen = [_look(source, {".csv", *SUFFIXES}, "videos, feature files or labels", year)]
    if settings.features is not None:
        seen[0].features.clear()
        seen.append(_look(settings.features, {".csv"}, "CSV files", year))
    entries: list[Entry] = []
    notes: list[str] = []
    if settings.labels is not None:
        seen[0].labels.clear()
        if settings.labels.is_dir():
            seen.append(_look(settings.labels, {".csv"}, "label files", year))
        else:
            entries, notes = _entries(settings.labels, year)
    scores = _scores(seen, entries)
    splits = _splits(seen, entries)
    files = {recording: path for part in seen for recording, path in part.features.items()}
    used = {} if settings.labels_only else files
    here = seen[0].videos | set(files)
    named = here | {Recording(e.session, e.task) for e in entries}
    # Label files name sessions, of which each has every task.
    named |= {
        Recording(s, task)
        for s in set(scores) - {e.session for e in entries}
        for task in year.tasks
    }
    hint = None if files or settings.labels_only else _hint(seen, settings, year)
    if hint and settings.features is not None:
        raise InputError(
            "holds no feature file of this year", where=str(settings.features), fix=hint
        )
    if not named:
        raise InputError(
            "holds no video, feature file or label of this corpus",
            where=str(source),
            fix=hint
            or f"Names are as in {year.name(Recording('203_1', year.tasks[0]))}.mp4 (or .csv) and"
            " 203_1_Depression.csv.",
        )
    items = tuple(
        Item(
            year.name(recording),
            {"features": used[recording]} if recording in used else {},
            subject_id=recording.session[:3],
            session_id=recording.session,
            task=recording.task,
            split=splits.get(recording.session),
        )
        for recording in sorted(named, key=year.name)
    )
    notes += _notes(here, entries, scores, splits, year, settings)
    found = tuple(Label(session, SCALE, score) for session, score in sorted(scores.items()))
    return Found(items, found, tuple(notes), ID_SPACE, hint=hint)


def _look(folder: Path, endings: Iterable[str], what: str, year: Year) -> _Seen:
    """Raises InputError where a recording has two feature files."""
    seen = _Seen()
    for path in find_files(folder, set(endings), what):
        below = path.relative_to(folder) if path != folder else Path(path.name)
        label, recording = _LABEL.fullmatch(path.name), year.recording_of(below)
        if label:
            seen.labels.append((label[1], path))
        elif recording and path.suffix.lower() != ".csv":
            seen.videos.add(recording)
        elif recording:
            before = seen.features.setdefault(recording, path)
            if before != path:
                raise InputError(
                    f"one recording has two feature files: {before.name} and {below}",
                    where=str(folder),
                    fix="Say in which folder the right ones are: --set features=FOLDER",
                )
        else:
            seen.strays.append(path)
        session = label[1] if label else recording.session if recording else None
        split = split_of(below.parts[:-1])
        if session and split:
            seen.splits.append(Said(session, split, str(below)))
    return seen


def _hint(seen: Sequence[_Seen], settings: Settings, year: Year) -> str | None:
    """What to do about files that lie there, where none is a feature file of this year."""
    strays = [path for path in seen[-1 if settings.features else 0].strays if _is_features(path)]
    others = [path for part in seen for path in part.strays if year.is_other(path)]
    if others and not any(part.videos for part in seen):
        return f"Files such as {others[0].name} are of another year: deptool import {year.other}"
    if strays or settings.features is not None:
        there = f"{counted(len(strays), 'table')} of OpenFace, such as {strays[0].name}, cannot be"
        what = f"{there} told apart. " if strays else ""
        return (
            f"{what}A feature file is called like its recording: {year.name_of_file()}. To join"
            " ids, splits and scores alone, give --set labels_only=true"
        )
    return None


def _is_features(path: Path) -> bool:
    """Whether a CSV is a table of OpenFace's."""
    try:
        names = {openface.plain_name(name) for name in read_header(path)}
    except DeptoolError:
        return False
    return path.suffix.lower() == ".csv" and bool(names & set(openface.MEASURED))


def _entries(path: Path, year: Year) -> tuple[list[Entry], list[str]]:
    """A list's recordings; one that names sessions only names each task of them."""
    found, notes = read_list(path)
    strange = next((e for e in found if e.task not in (None, *year.tasks)), None)
    if strange:
        raise DataError(
            f"names the task {strange.task} ({strange.where}), so it is of AVEC 2014",
            where=path.name,
            fix="Import it with: deptool import avec2014",
        )
    tasks = {e: (e.task,) if e.task else year.tasks for e in found}
    return [e._replace(task=task) for e in found for task in tasks[e]], notes


def _scores(seen: Sequence[_Seen], entries: Sequence[Entry]) -> dict[str, float]:
    highest = SCALES[SCALE].high
    own = [
        Said(session, only_number(path, 0, highest), path.name)
        for part in seen
        for session, path in part.labels
    ]
    said = agree([*own, *(Said(e.session, e.score, e.where) for e in entries)], "scores")
    return {session: float(score) for session, score in said.items()}


def _splits(seen: Sequence[_Seen], entries: Sequence[Entry]) -> dict[str, str]:
    of_lists = [Said(e.session, e.split, e.where) for e in entries if e.split]
    said = agree([*of_lists, *(one for part in seen for one in part.splits)], "splits")
    return {session: str(split) for session, split in said.items()}


def _notes(
    here: set[Recording],
    entries: Sequence[Entry],
    scores: Mapping[str, float],
    splits: Mapping[str, str],
    year: Year,
    settings: Settings,
) -> list[str]:
    """Sentences on what the list, the labels and the folders lack, and on who is in two splits."""
    notes: list[str] = []
    sessions = {recording.session for recording in here}
    if entries and (lacking := here - {Recording(e.session, e.task) for e in entries}):
        names = listed((year.name(recording) for recording in lacking), _SHOWN)
        what = f"the list lacks {counted(len(lacking), 'recording')} of the folder"
        notes.append(naming(what, names))
    if without := sessions - set(scores):
        where = "; --set labels=FOLDER (or a list) says where they are"
        what, where = f"{counted(len(without), *_HAVE)} no score", where * (not settings.labels)
        notes.append(naming(what, listed(without, _SHOWN), where))
    if without := sessions - set(splits):
        what = (
            f"{counted(len(without), *_HAVE)} no split, since neither a list nor a folder's name"
            " (Training, dev, …) says one"
        )
        notes.append(naming(what, listed(without, _SHOWN)))
    parts: dict[str, set[str]] = defaultdict(set)
    for session, split in splits.items():
        parts[session[:3]].add(split)
    if shared := [person for person, where in parts.items() if len(where) > 1]:
        notes.append(
            f"of {len(parts)} persons {counted(len(shared), 'is', 'are')} in more than one of"
            " train, dev and test: this is the corpus's own split, and what a model reaches on dev"
            " and test profits from it"
        )
    return notes
