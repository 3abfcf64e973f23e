"""A person's own mean training score, and the mean of all for somebody new: it sees no face.

It shows how far knowing who somebody is goes. Where persons are on two sides of a split, as in the
official splits of AVEC2013 and AVEC2014, it beats the constant without having seen anything, and so
does any model that recognises faces. Split by person, it is the constant.

Persons are told by their subject_id, and the model file holds those of the training recordings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

TITLE = "A person's own mean training score, and the mean of all for somebody new"
DOI = None
NEEDS = ()
USES = ()

Floats = NDArray[np.float64]
State = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Settings:
    """There is nothing to set."""


def fit(
    x: Floats, score: Floats, subject: Sequence[str | None], settings: Settings, seed: int
) -> State:
    """score, subject (recording,) -> names as UTF-8 end to end, where each ends, and the scores."""
    persons = sorted({s for s in subject if s is not None})
    of_each = [score[[s == person for s in subject]].mean() for person in persons]
    names = [person.encode() for person in persons]
    return {
        "names": np.frombuffer(b"".join(names), np.uint8),
        "ends": np.cumsum([len(name) for name in names], dtype=np.int64),
        "scores": np.array(of_each, np.float64),
        "otherwise": np.asarray(score.mean()),
    }


def apply(state: State, x: Floats, subject: Sequence[str | None]) -> Floats:
    """subject (recording,) -> score (recording,)."""
    names = state["names"].tobytes()
    starts = [0, *state["ends"][:-1]]
    persons = [names[a:b].decode() for a, b in zip(starts, state["ends"], strict=False)]
    known = dict(zip(persons, state["scores"], strict=True))
    otherwise = float(state["otherwise"])
    return np.array([otherwise if s is None else known.get(s, otherwise) for s in subject])
