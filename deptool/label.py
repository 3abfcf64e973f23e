"""Joining labels: who is in a recording, in which session and split, and what the scale gave.

A labels file is a CSV with the header `HEADER`, one row per recording (or session) and scale,
and the columns gender and age where they are known (subjects.py reads them);
all of it is checked before anything in the corpus is written.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from deptool.corpus import Corpus
from deptool.csv_file import CsvFile, each, read_csv, read_number, read_split, refuse
from deptool.errors import DataError, InputError, SchemaError
from deptool.label_summary import LabelSummary, some
from deptool.scales import SCALES, nearest
from deptool.subjects import COLUMNS as PERSON
from deptool.subjects import merge, n_emptied, read_persons

if TYPE_CHECKING:
    import polars as pl

HEADER = "recording_id,subject_id,session_id,task,split,scale,score"
COLUMNS = tuple(HEADER.split(","))
KNOWN = (*COLUMNS, *PERSON)  # all that is read
ABOUT = ("subject_id", "session_id", "task", "split")  # what a row says about its recordings

Lines = dict[str, list[int]]  # recording_id -> the lines that speak about it, in order
About = dict[str, dict[str, str | None]]  # recording_id -> ABOUT


@dataclass(frozen=True)
class _Entry:
    """One row of the file, checked by itself."""

    line: int
    recording_id: str
    about: dict[str, str | None]  # of ABOUT, the columns that the file has
    scale: str
    score: float | None


def join_labels(corpus: Corpus, path: Path, skip_unknown: bool = False) -> LabelSummary:
    """Join a labels CSV to a corpus: recordings.parquet gets the ids, labels.parquet the scores.

    What it says of persons, if it has a column gender or age, goes to subjects.parquet.
    Recordings and scores that the file does not mention stay as they are. With `skip_unknown`
    rows of ids that the corpus does not have are passed over, and counted. Raises InputError
    where the file cannot be read, SchemaError where its columns are not those of `HEADER`,
    DataError (with line numbers) where its rows contradict the corpus, a scale or themselves;
    then nothing is written.
    """
    import polars as pl

    file = read_csv(path, KNOWN, ("subject_id", "scale", "score"))
    if not {"recording_id", "session_id"} & set(file.columns):
        what = "has neither a column recording_id nor a column session_id"
        raise SchemaError(what, where=file.name, fix=f"The header is {HEADER}")
    recordings = corpus.recordings()
    if recordings.is_empty():
        raise InputError("has no recordings to label yet", where=str(corpus.root))
    before: About = {
        row["recording_id"]: {name: row[name] for name in ABOUT}
        for row in recordings.iter_rows(named=True)
    }
    entries = _entries(file)
    unknown: tuple[str, ...] = ()
    if skip_unknown:
        entries, unknown = _known(entries, before)
    persons = read_persons(file, {e.line for e in entries})
    lines = _resolve(entries, before, file.name)
    after = _describe(entries, lines, before, file.name)
    _check_sessions(after, lines, file.name)
    given = _session_scores(entries, lines, after, file.name)
    old = corpus.labels()
    labels, n_dropped = _merge(old, given, after)
    changed, emptied = _replaced(old, given)
    corpus.write_labels(labels)
    about = [{"recording_id": r, **after[r]} for r in recordings["recording_id"]]
    new = pl.DataFrame(about, schema=dict.fromkeys(about[0], pl.String))
    corpus.write_recordings(recordings.with_columns(new))
    subjects = corpus.subjects()
    known = merge(subjects, persons, new["subject_id"].drop_nulls())
    if persons:
        corpus.write_subjects(known)
    summary = _summary(file, lines, after, labels, n_dropped)
    summary = replace(summary, n_changed=changed, n_emptied=emptied, unknown=unknown)
    return replace(summary, n_cleared=n_emptied(subjects, persons), n_described=len(known))


def _entries(file: CsvFile) -> list[_Entry]:
    """The rows, each checked by itself: subject there, split and scale known, score in range."""
    rows, where = file.rows, file.name
    for what, fix, wrong in _CHECKS:
        found = [(line, problem) for line, row in rows if (problem := wrong(row)) is not None]
        refuse(DataError, what, found, where, fix)
    entries = []
    for line, row in rows:
        about = {name: row[name] or None for name in ABOUT if name in row}
        about |= {"split": read_split(row["split"])} if "split" in row else {}
        score = read_number(row["score"])
        entries.append(_Entry(line, row.get("recording_id", ""), about, row["scale"], score))
    return entries


def _ident(row: dict[str, str]) -> str:
    return row.get("recording_id") or row.get("session_id") or ""


def _wrong_scale(row: dict[str, str]) -> str | None:
    if row["scale"] in SCALES or not (row["scale"] or row["score"]):
        return None
    return f"{row['scale']!r}. {nearest(row['scale'])}"


def _wrong_score(row: dict[str, str]) -> str | None:
    if not row["score"]:
        return None
    value, scale = read_number(row["score"]), SCALES[row["scale"]]
    if value is not None and scale.low <= value <= scale.high:
        return None
    return f"{row['score']!r} on {scale.name}, which goes from {scale.low} to {scale.high}"


# What is wrong, what to do about it, and the test of one row, in the order of the checks.
_CHECKS: tuple[tuple[str, str | None, Callable[[dict[str, str]], str | None]], ...] = (
    (
        *("a row needs a recording_id or a session_id", None),
        lambda row: None if _ident(row) else "both are empty",
    ),
    (
        *("subject_id is missing", "It is what keeps a person out of two splits."),
        lambda row: None if row["subject_id"] else f"subject of {_ident(row)!r}",
    ),
    (
        *("a split is train, dev or test, or empty", None),
        lambda row: repr(s) if (s := row.get("split", "")) and not read_split(s) else None,
    ),
    ("unknown scale", None, _wrong_scale),
    ("a score is not a number in its scale's range", None, _wrong_score),
)


def _known(entries: list[_Entry], before: About) -> tuple[list[_Entry], tuple[str, ...]]:
    """Rows whose recording or session the corpus has, and the ids of the others."""
    named = {e.about.get("session_id") for e in entries if e.recording_id in before}
    sessions = {about["session_id"] or r for r, about in before.items()} | named
    known = [
        e
        for e in entries
        if (e.recording_id in before if e.recording_id else e.about["session_id"] in sessions)
    ]
    ids = dict.fromkeys(
        e.recording_id or str(e.about["session_id"]) for e in entries if e not in known
    )
    return known, tuple(ids)


def _replaced(old: pl.DataFrame, given: dict[tuple[str, str], float | None]) -> tuple[int, int]:
    """How many scores the file changes, and how many it empties."""
    before = {(session, scale): score for session, scale, score in old.iter_rows()}
    both = [(score, given[key]) for key, score in before.items() if key in given]
    changed = sum(now is not None and now != then for then, now in both)
    return changed, sum(now is None for _, now in both)


def _resolve(entries: list[_Entry], before: About, where: str) -> Lines:
    """Which recordings each row means: the one it names, or all of the session it names."""
    # First the rows with a recording_id: they can put recordings into a session named elsewhere.
    by_id = [e for e in entries if e.recording_id]
    unknown = [(e.line, repr(e.recording_id)) for e in by_id if e.recording_id not in before]
    fix = f"The corpus has {some(sorted(before))}."
    refuse(DataError, "unknown recording_id", unknown, where, fix)
    sessions = {r: about["session_id"] or r for r, about in before.items()}
    sessions |= {e.recording_id: s for e in by_id if (s := e.about.get("session_id"))}
    members = defaultdict(list)
    for recording, session in sorted(sessions.items()):
        members[session].append(recording)
    unknown = [
        (e.line, repr(session))
        for e in entries
        if not e.recording_id and (session := e.about["session_id"] or "") not in members
    ]
    fix = f"The corpus has {some(sorted(members))}."
    refuse(DataError, "unknown session_id", unknown, where, fix)
    lines: Lines = defaultdict(list)
    for e in entries:
        for recording in (
            [e.recording_id] if e.recording_id else members[e.about["session_id"] or ""]
        ):
            lines[recording].append(e.line)
    return dict(lines)


def _describe(entries: list[_Entry], lines: Lines, before: About, where: str) -> About:
    """What is known of each recording after the join; two rows that differ are refused."""
    by_line = {e.line: e for e in entries}
    after = {recording: dict(about) for recording, about in before.items()}
    for name in ABOUT:
        differing = []
        for recording, numbers in lines.items():
            rows = [by_line[n] for n in numbers if name in by_line[n].about]
            said = {e.about[name]: e.line for e in rows if e.about[name]}
            if len(said) > 1:
                differing.append((min(said.values()), f"{recording!r} has {each(said)}"))
            if rows:
                after[recording][name] = next(iter(said), None)
        refuse(DataError, f"a recording with two values of {name}", differing, where)
    for recording in lines:
        after[recording]["session_id"] = after[recording]["session_id"] or recording
    return after


def _check_sessions(after: About, lines: Lines, where: str) -> None:
    """Refuse a session that belongs to two persons, or lies in two splits."""
    fixes = {
        "subject_id": "A session is one visit of one person: make its id unique, as in 001_1.",
        "split": "Put all recordings of a session into one split.",
    }
    members = defaultdict(list)
    for recording, about in after.items():
        if about["session_id"]:
            members[about["session_id"]].append(recording)
    for name, fix in fixes.items():
        bad = []
        for session, recordings in members.items():
            values = sorted({v for r in recordings if (v := after[r][name])})
            numbers = sorted({n for r in recordings for n in lines.get(r, [])})
            if len(values) > 1 and numbers:
                shown = f"session {session!r} has {' and '.join(values)}"
                also = f" (also line {some(map(str, numbers[1:]))})" if numbers[1:] else ""
                bad.append((numbers[0], shown + also))
        refuse(DataError, f"a session with two values of {name}", sorted(bad), where, fix)


def _session_scores(
    entries: list[_Entry], lines: Lines, after: About, where: str
) -> dict[tuple[str, str], float | None]:
    """The file's score by (session, scale), None where it is left empty; two that differ: error."""
    of_line = {n: str(after[r]["session_id"]) for r, numbers in lines.items() for n in numbers}
    given: dict[tuple[str, str], dict[float, int]] = defaultdict(dict)
    for entry in entries:
        if entry.scale:
            said = given[of_line[entry.line], entry.scale]
            if entry.score is not None:
                said.setdefault(entry.score, entry.line)
    differing = [
        (min(said.values()), f"session {session!r}, {scale}: {each(said)}")
        for (session, scale), said in given.items()
        if len(said) > 1
    ]
    fix = "A scale is filled in once per session: correct the score, or the session_id."
    refuse(DataError, "a session with two scores", differing, where, fix)
    return {key: next(iter(said), None) for key, said in given.items()}


def _merge(
    labels: pl.DataFrame, given: dict[tuple[str, str], float | None], after: About
) -> tuple[pl.DataFrame, int]:
    """The labels table with the given scores in place; how many orphaned scores went."""
    import polars as pl

    old = {(session, scale): score for session, scale, score in labels.iter_rows()}
    sessions = {about["session_id"] for about in after.values()}
    kept = {key: score for key, score in old.items() if key[0] in sessions}
    rows = [(*key, score) for key, score in (kept | given).items() if score is not None]
    new = pl.DataFrame(rows, schema=labels.schema, orient="row", strict=False)
    return new, len(old) - len(kept)


def _summary(
    file: CsvFile, lines: Lines, after: About, labels: pl.DataFrame, n_dropped: int
) -> LabelSummary:
    splits: dict[str, set[str]] = defaultdict(set)
    for about in after.values():
        if about["subject_id"] and about["split"]:
            splits[about["subject_id"]].add(about["split"])
    scored = set(labels["session_id"])
    mentioned = [after[recording] for recording in lines]
    by_split = Counter(about["split"] or "none" for about in after.values())
    return LabelSummary(
        n_recordings=len(lines),
        n_sessions=len({about["session_id"] for about in mentioned}),
        n_subjects=len({about["subject_id"] for about in mentioned}),
        n_scores=dict(sorted(Counter(labels["scale"]).items())),
        n_splits={name: by_split[name] for name in ("train", "dev", "test", "none")},
        n_unlabelled=sum(about["session_id"] not in scored for about in after.values()),
        n_not_mentioned=len(after) - len(lines),
        n_dropped=n_dropped,
        n_changed=0,
        n_emptied=0,
        unknown=(),
        shared_subjects=tuple(sorted(s for s, where in splits.items() if len(where) > 1)),
        ignored_columns=tuple(name for name in file.columns if name not in KNOWN),
    )
