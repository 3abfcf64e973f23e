"""The persons of a cohort: habits, shape, place before the camera, gender and age; their sessions.

With `identity` 0 nothing of a person is left: one shape, no habits, a place before the camera that
is drawn anew for each recording, and scores of sessions that have nothing to do with each other.
Gender and age are drawn without regard to anything else, and nothing depends on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from deptool.cohort.cues import CUES
from deptool.cohort.settings import SCALE, TASKS, Draw, SynthSettings, generator
from deptool.cohort.severity import HIGHEST, Severity

Floats = NDArray[np.float64]
Split = Literal["train", "dev", "test"]

SHAPES = 10  # ways in which a face's shape varies: see face.SHAPE_MODES
PLACES = 6  # Tx, Ty, Tz and the head's three angles at rest
TIMBRE = 6  # numbers that a voice is known by

_ROUND: tuple[Split, ...] = ("train", "train", "dev", "test")


@dataclass(frozen=True)
class Person:
    """habits (cue), shape (mode), place (part), timbre (part): standard normal, all of them."""

    number: int
    habits: Floats
    shape: Floats
    place: Floats
    timbre: Floats
    gender: str
    age: float

    @property
    def subject_id(self) -> str:
        return f"P{self.number:04d}"


@dataclass(frozen=True)
class Session:
    """One visit of a person: the true severity and the recorded score, in points."""

    person: int
    number: int
    severity: float
    score: float

    @property
    def session_id(self) -> str:
        return f"P{self.person:04d}_{self.number}"


@dataclass(frozen=True)
class Take:
    """One recording to make; persons and sessions count from 1, tasks from 0."""

    session: Session
    task: int
    n_tasks: int

    @property
    def task_name(self) -> str:
        return TASKS[self.task]

    @property
    def recording_id(self) -> str:
        name = self.session.session_id
        return f"{name}_{self.task_name}" if self.n_tasks > 1 else name

    def generator(self, settings: SynthSettings, what: Draw) -> np.random.Generator:
        """This recording's own stream of random numbers for one thing."""
        return generator(settings, what, self.session.person, self.session.number, self.task)


def draw_person(settings: SynthSettings, number: int) -> Person:
    """The person of that number, from 1; the same one in a cohort of any size."""
    rng = generator(settings, Draw.PERSON, number)
    habits, shape = rng.standard_normal(len(CUES)), rng.standard_normal(SHAPES)
    place, timbre = rng.standard_normal(PLACES), rng.standard_normal(TIMBRE)
    gender = "female" if rng.random() < 0.5 else "male"
    age = float(rng.integers(18, 66))
    return Person(number, habits, shape, place, timbre, gender, age)


def draw_sessions(settings: SynthSettings, severity: Severity) -> list[Session]:
    """All sessions of a cohort, person by person.

    Raises SettingsError where scores cannot change as much, or as little, as the settings say.
    """
    tied = settings.sessions > 1 and settings.identity > 0
    tie = severity.tie(settings.change) if tied else 0.0
    found = []
    for person in range(1, settings.subjects + 1):
        own = float(generator(settings, Draw.SESSION, person).standard_normal())
        for number in range(1, settings.sessions + 1):
            rng = generator(settings, Draw.SESSION, person, number)
            normal = np.sqrt(tie) * own + np.sqrt(1 - tie) * rng.standard_normal()
            true = float(severity.draw(np.array(normal)))
            noisy = np.rint(true + settings.noise * rng.standard_normal())
            found.append(Session(person, number, true, float(np.clip(noisy, 0, HIGHEST))))
    return found


def takes_of(settings: SynthSettings, sessions: Sequence[Session]) -> list[Take]:
    """The recordings of these sessions, in order."""
    return [Take(s, task, settings.tasks) for s in sessions for task in range(settings.tasks)]


def deal(settings: SynthSettings, sessions: Sequence[Session]) -> dict[int, Split]:
    """person -> split: half train, a quarter each dev and test, alike in mean score.

    Of every four neighbours in mean score two train, in an order of their own. Whom a person is
    dealt to depends on the others, unlike all else of the person.
    """
    scores: dict[int, list[float]] = {}
    for session in sessions:
        scores.setdefault(session.person, []).append(session.score)
    order = sorted(scores, key=lambda person: (float(np.mean(scores[person])), person))
    rng = generator(settings, Draw.DEAL)
    dealt: dict[int, Split] = {}
    for start in range(0, len(order), len(_ROUND)):
        roles = rng.permutation(len(_ROUND))
        for person, role in zip(order[start : start + len(_ROUND)], roles, strict=False):
            dealt[person] = _ROUND[int(role)]
    return dealt


def labels(sessions: Sequence[Session]) -> list[dict[str, object]]:
    """Rows of the labels table."""
    return [{"session_id": s.session_id, "scale": SCALE, "score": s.score} for s in sessions]
