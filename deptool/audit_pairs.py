"""Gallery and probes of an audit: which recordings the attacker knows, and whose are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from deptool.errors import DataError
from deptool.identification import Sample
from deptool.measured import READ_STATUS

if TYPE_CHECKING:
    from deptool.corpus import Corpus

Row = Mapping[str, Any]

# Persons who must have two sessions, or this share of them, for sessions to be told apart.
_ENOUGH, _SHARE = 10, 0.5
_GAP_SHARE, _GAP_S = 0.1, 2.0  # of a recording that lies between its halves, at least so many s
_LEAST_ROWS = 4  # of a half


@dataclass(frozen=True)
class Pairing:
    """Ids of the recordings that are the gallery and the probes; in halves, both are all of them.

    `sentence` says how they were chosen.
    """

    halves: bool
    gallery: frozenset[str]
    probes: frozenset[str]
    sentence: str


def usable(corpus: Corpus) -> tuple[list[Row], int]:
    """Recordings with rows of known persons, and how many were left out for want of a person.

    Raises DataError where there are none, where nobody is known or where there is one person only.
    """
    rows: list[Row] = [
        row
        for row in corpus.recordings().to_dicts()
        if row["status"] in READ_STATUS and row["n_frames"] and row["n_success"]
    ]
    where = f"corpus {corpus.name!r}"
    if not rows:
        raise DataError(
            "no recording has a row with a measured face, so there is nothing to attack",
            where=where,
            fix="Audit a corpus that has frames tables: deptool check says what there is.",
        )
    known = [row for row in rows if row["subject_id"] is not None]
    if not known:
        raise DataError(
            "the corpus does not say who is in its recordings, so whether they can be told apart by"
            " person cannot be measured",
            where=where,
            fix="Where it is known, name the persons with a column subject_id (deptool label).",
        )
    if len({row["subject_id"] for row in known}) < 2:
        raise DataError(
            f"{_of_one(len(known))} of one person, and a person is told from others",
            where=where,
            fix="Audit a corpus of at least two persons; from some 30 on numbers say something.",
        )
    return known, len(rows) - len(known)


def _of_one(n: int) -> str:
    if n == 1:
        return "the only recording with measured rows whose person is known is"
    return f"all {n} recordings with measured rows whose persons are known are"


def pair(rows: Sequence[Row], order: Mapping[str, str] | None = None) -> Pairing:
    """Recordings of known persons -> gallery and probes.

    The first session of a person is the gallery, the others are probes, where at least ten persons
    or half of them have two; else the halves of each recording. `order` has another name of each
    session, by which they are put in order: of a release, that of the raw corpus.
    """
    names = order or {}
    sessions: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        name = row["session_id"] or row["recording_id"]
        of_person = sessions.setdefault(row["subject_id"], {})
        of_person.setdefault(names.get(name, name), []).append(row["recording_id"])
    several = sum(len(of_person) > 1 for of_person in sessions.values())
    if not several or (several < _ENOUGH and several < _SHARE * len(sessions)):
        every = frozenset(row["recording_id"] for row in rows)
        return Pairing(True, every, every, _halves(several, len(sessions)))
    gallery: set[str] = set()
    for of_person in sessions.values():
        gallery |= set(of_person[min(of_person)])
    every = frozenset(row["recording_id"] for row in rows)
    sentence = (
        "The gallery is the first session of each person (by id), the probes are the others:"
        f" {several} of {len(sessions)} persons have two or more."
    )
    if any(row["session_id"] is None for row in rows):
        sentence += (
            " Recordings without a session_id count as sessions of their own; if they are of one"
            " visit, that favours the attacker."
        )
    return Pairing(False, frozenset(gallery), every - gallery, sentence)


def _halves(several: int, persons: int) -> str:
    who = f"{several} of {persons} persons have" if several else "No person has"
    return (
        f"{who} two sessions, so each recording is cut into halves with a gap of"
        f" {100 * _GAP_SHARE:.0f} % of its length between them (at least {_GAP_S:g} s): the first"
        " is of the gallery, the second a probe. This favours the attacker, since place, light and"
        " mood are those of one visit."
    )


def halves(sample: Sample) -> tuple[Sample, Sample] | None:
    """The two halves of a sample, a gap between them; None where one would have too few rows.

    Counts and lengths in their recording's row are their own: that both are of one file is no
    finding.
    """
    table = sample.table
    times = table["timestamp"].to_numpy()
    if not len(times):
        return None
    length = float(times[-1] - times[0])
    gap = max(_GAP_SHARE * length, _GAP_S)
    ends = float(times[0]) + (length - gap) / 2, float(times[0]) + (length + gap) / 2
    parts = table.filter(times <= ends[0]), table.filter(times >= ends[1])
    if min(len(part) for part in parts) < _LEAST_ROWS:
        return None
    found = []
    for part in parts:
        n, good = len(part), int(part["success"].sum())
        span = part["timestamp"].to_numpy()
        counts: dict[str, Any] = {"n_frames": n, "n_success": good, "coverage": good / n}
        counts |= {"duration_s": float(span[-1] - span[0]), "n_ambiguous": None}
        # From its own first row on, so that the time of day of a half is no finding either.
        moved = part.with_columns(part["timestamp"] - part["timestamp"][0])
        vectors = _vectors_of(sample, float(span[0]), float(span[-1]))
        found.append(
            replace(sample, recording={**sample.recording, **counts}, table=moved, vectors=vectors)
        )
    return found[0], found[1]


def _vectors_of(sample: Sample, start: float, end: float) -> Any:
    """The vectors of the rows from `start` to `end`, from the first row on."""
    whole = sample.vectors
    if whole is None:
        return None
    chosen = (whole.start >= start - 1e-3) & (whole.start <= end + 1e-3)
    return replace(
        whole,
        start=whole.start[chosen] - start,
        end=whole.end[chosen] - start,
        vectors=whole.vectors[chosen],
        valid=whole.valid[chosen],
    )
