"""What DAIC-WOZ and its extension E-DAIC share: ids, label files, and what these get wrong.

Both number persons from 300 on, one session each, and a number means the same person in both. The
score is the PHQ-8's total. Whether someone counts as depressed is derived from it, as a score of 10
or more (Kroenke et al. 2009), because the binary columns contradict it in both corpora. Gender is 1
for male and 0 for female in DAIC-WOZ, a word in E-DAIC.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deptool.csv_file import read_split, refuse
from deptool.errors import DataError
from deptool.feature_files.label_files import Row, Said, agree, counted, listed, numbers, read_rows
from deptool.importers import Label, Subject
from deptool.naming import Naming, naming
from deptool.scales import SCALES
from deptool.schema import SPLITS
from deptool.subjects import read_gender

ID_SPACE = "daic"
CUT = 10  # first PHQ-8 score that counts as depressed

_ITEMS = {
    "NoInterest": ("phq8_nointerest", "phq_8nointerest", "phq8_1_nointerest"),
    "Depressed": ("phq8_depressed", "phq_8depressed", "phq8_2_depressed"),
    "Sleep": ("phq8_sleep", "phq_8sleep", "phq8_3_sleep"),
    "Tired": ("phq8_tired", "phq_8tired", "phq8_4_tired"),
    "Appetite": ("phq8_appetite", "phq_8appetite", "phq8_5_appetite"),
    "Failure": ("phq8_failure", "phq_8failure", "phq8_6_failure"),
    "Concentrating": ("phq8_concentrating", "phq_8concentrating", "phq8_7_concentration"),
    "Moving": ("phq8_moving", "phq_8moving", "phq8_8_psychomotor"),
}
_GENDERS = {"1": "male", "0": "female"}
_NAMES = {
    "id": ("participant_id", "participant"),
    "score": ("phq8_score", "phq_score", "phq_8total", "depression_severity"),
    "binary": ("phq8_binary", "phq_binary", "depression_label"),
    "split": ("split",),
    "gender": ("gender",),
    **_ITEMS,
}

# The corpus's importer, its name, and what its feature files are called.
_CORPORA = (
    ("daic-woz", "DAIC-WOZ", re.compile(r"\d{3}_CLNF_\w+\.(txt|csv)", re.IGNORECASE)),
    ("e-daic", "E-DAIC", re.compile(r"\d{3}_OpenFace[\d.]*_Pose_gaze_AUs\.csv", re.IGNORECASE)),
)


@dataclass(frozen=True)
class Answers:
    """What the label files say: split and score by session, and what is wrong with them."""

    splits: Mapping[str, str]
    scores: Mapping[str, float]
    notes: tuple[str, ...]
    genders: Mapping[str, str] = field(default_factory=dict)

    def subjects(self) -> tuple[Subject, ...]:
        """Each person whose gender is known; a session's number is its person's too."""
        return tuple(Subject(person, gender) for person, gender in self.genders.items())

    def labels(self) -> tuple[Label, ...]:
        """PHQ-8 and binary of each session with a score."""
        return tuple(
            label
            for session, score in self.scores.items()
            for label in (
                Label(session, "PHQ-8", score),
                Label(session, "binary", float(score >= CUT)),
            )
        )


def other_corpus(paths: Sequence[Path], importer: str) -> str | None:
    """What to do where the files are of the other of the two corpora; None where they are not."""
    for kind, name, pattern in _CORPORA:
        first = next((path.name for path in paths if pattern.fullmatch(path.name)), None)
        if first and kind != importer:
            return f"Files such as {first} are {name}'s: deptool import {kind}"
    return None


def read_answers(files: Mapping[str, Path], splits: Mapping[str, str | None]) -> Answers:
    """Label files by name, and the split that each is the list of; None for one of all sessions.

    A file of all sessions only fills in what the lists of splits leave open. Raises DataError where
    these contradict each other, or a cell is not what its column should hold.
    """
    first: list[_Entry] = []
    rest: list[_Entry] = []
    for name, path in files.items():
        split = splits[name]
        (first if split else rest).extend(_entries(read_rows(path, _NAMES, ("id",)), split))
    known_splits, known_scores = _said(first)
    more_splits, more_scores = _said(rest)
    scores = {**more_scores, **known_scores}
    by_split = {**more_splits, **known_splits}
    notes: list[str] = [
        naming(
            f"the files of all sessions give {counted(len(differing), what)} other than the lists"
            " of train, dev and test, which count",
            listed(differing),
        )
        for what, before, now in (
            ("split", known_splits, more_splits),
            ("score", known_scores, more_scores),
        )
        if (differing := [s for s in now if s in before and before[s] != now[s]])
    ]
    notes += _about_binary([*first, *rest], scores, by_split)
    notes += _about_items([*first, *rest], scores)
    genders, said = _genders([*first, *rest])
    notes += said
    return Answers(
        dict(sorted(by_split.items())),
        dict(sorted(scores.items())),
        tuple(notes),
        dict(sorted(genders.items())),
    )


def missing(sessions: Collection[str], answers: Answers) -> list[str]:
    """Sentences on sessions without features, without a split or without a score."""
    named = {*answers.splits, *answers.scores}
    absent = named - set(sessions)
    without = [s for s in sessions if s not in named] if named else []
    unscored = [s for s in sessions if s in named and s not in answers.scores]
    notes: list[str] = []
    if absent:
        notes.append(naming(f"{_sessions(len(absent))} labels but no features", listed(absent)))
    if without:
        what = f"{_sessions(len(without))} features but no labels"
        notes.append(naming(what, listed(without)))
    if unscored:
        by = _by_split(unscored, answers.splits)
        notes.append(f"{_sessions(len(unscored))} a split but no score ({by})")
    return notes


@dataclass(frozen=True)
class _Entry:
    """One row of a label file; `items` by name, None where empty; {} where it has no items."""

    session: str
    where: str
    split: str | None
    score: float | None
    binary: float | None
    gender: str  # as it stands there
    items: Mapping[str, float | None]


def _entries(rows: Sequence[Row], split: str | None) -> list[_Entry]:
    ids = [_session(row.cells["id"]) for row in rows]
    name = rows[0].file
    odd = [(r.line, repr(r.cells["id"])) for r, i in zip(rows, ids, strict=True) if not i]
    refuse(DataError, "a participant is a number of three digits", odd, name)
    scores = numbers(rows, "score", 0, SCALES["PHQ-8"].high)
    binaries = numbers(rows, "binary", 0, 1)
    there = [item for item in _ITEMS if item in rows[0].cells]
    items = {item: numbers(rows, item, 0, 3) for item in there}
    return [
        _Entry(
            ids[k],
            row.where,
            split or read_split(row.cells.get("split", "")),
            scores[k],
            binaries[k],
            row.cells.get("gender", ""),
            {item: values[k] for item, values in items.items()},
        )
        for k, row in enumerate(rows)
    ]


def _session(cell: str) -> str:
    """'300' for 300, 300.0 and 300_P; '' for anything else."""
    found = re.fullmatch(r"(\d{3})(?:\.0)?(?:_P)?", cell)
    return found[1] if found else ""


def _said(entries: Sequence[_Entry]) -> tuple[dict[str, str], dict[str, float]]:
    splits = [Said(e.session, e.split, e.where) for e in entries if e.split]
    scores = [Said(e.session, e.score, e.where) for e in entries if e.score is not None]
    return (
        {s: str(v) for s, v in agree(splits, "splits").items()},
        {s: float(v) for s, v in agree(scores, "scores").items()},
    )


def _genders(entries: Sequence[_Entry]) -> tuple[dict[str, str], list[str]]:
    """Gender by session, and where it is left out: for another word, or two that differ."""
    found: dict[str, set[str]] = {}
    notes: list[str] = []
    for entry in entries:
        if not entry.gender:
            continue
        gender = _GENDERS.get(entry.gender.removesuffix(".0")) or read_gender(entry.gender)
        if gender:
            found.setdefault(entry.session, set()).add(gender)
        else:
            what = f"the gender {entry.gender[:20]!r} is left out ({entry.where})"
            notes.append(Naming(f"{entry.session}: {what}", what))
    two = [session for session, genders in found.items() if len(genders) > 1]
    if two:
        what = f"{_sessions(len(two))} two genders in the files, left out"
        notes.append(naming(what, listed(two)))
    return {s: min(genders) for s, genders in found.items() if s not in two}, notes


def _about_binary(
    entries: Sequence[_Entry], scores: Mapping[str, float], splits: Mapping[str, str]
) -> list[str]:
    """Where the binary column is not what the score makes of it."""
    notes: list[str] = []
    for given, words in ((0.0, f"{CUT} or more"), (1.0, f"below {CUT}")):
        wrong = {
            e.session
            for e in entries
            if e.binary == given
            and e.session in scores
            and (scores[e.session] >= CUT) != bool(e.binary)
        }
        if wrong:
            what = (
                f"{_sessions(len(wrong))} {given:g} in the binary column but a score of {words}"
                f" ({_by_split(wrong, splits)}); the score counts"
            )
            notes.append(naming(what, listed(wrong)))
    return notes


def _about_items(entries: Sequence[_Entry], scores: Mapping[str, float]) -> list[str]:
    """Items that are empty, and items that do not add up to the total."""
    notes: list[str] = []
    for entry in entries:
        score, items = scores.get(entry.session), entry.items
        if score is None or len(items) < len(_ITEMS):
            continue
        empty = [name for name, value in items.items() if value is None]
        total = sum(value for value in items.values() if value is not None)
        if 0 < len(empty) < len(items):
            what = f"the item {', '.join(empty)} is empty ({entry.where}); the total"
            notes.append(Naming(f"{entry.session}: {what}, {score:g}, stands", f"{what} stands"))
        if not empty and total != score:
            what = "the items do not add up to the total"
            where = f"({entry.where}); the total counts"
            sums = f"the items add up to {total:g}, but the total is {score:g}"
            notes.append(Naming(f"{entry.session}: {sums} {where}", f"{what} {where}"))
    return notes


def _sessions(n: int) -> str:
    return counted(n, "session has", "sessions have")


def _by_split(sessions: Collection[str], splits: Mapping[str, str]) -> str:
    """'13 train, 3 dev, 4 test'."""
    counts = Counter(splits.get(session, "no split") for session in sessions)
    return ", ".join(f"{counts[name]} {name}" for name in (*SPLITS, "no split") if counts[name])
