"""What an audit found: risk beside utility. Plain values; `as_object` is what JSON holds."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, replace
from typing import Any

from deptool.bootstrap import Estimate
from deptool.identification import Outcome, Side

UNNAMED = "the raw corpus"  # what it is called where its name must not be told


@dataclass(frozen=True)
class Inference:
    """How well an attribute of a person is told from the tables, persons unseen in training.

    `measure`: "AUC" for gender (chance 0.5), "R2" for age (chance 0). `side` "control": the
    attribute was shuffled among persons, `n_shuffles` times, and what was found is averaged.
    """

    attribute: str
    side: str
    measure: str
    value: Estimate
    chance: float
    n_persons: int
    why: str | None = None
    n_shuffles: int = 0


@dataclass(frozen=True)
class Utility:
    """What a fixed small model scores on one side, or the constant predictor ("constant")."""

    side: str
    model: str
    n: int
    rmse: Estimate
    mae: Estimate
    ccc: Estimate


@dataclass(frozen=True)
class Audit:
    """An audit. `against`: the raw corpus's name; None where there is none beside.

    `judged`: the side that the audit is about: "released" of a release, else "raw". `pairing`: how
    gallery and probes were made, with what favours the attacker. `warnings`: why numbers are not to
    be trusted; `notes`: what a reader must know; both in sentences, first of all that is shown.
    """

    corpus: str
    against: str | None
    level: str | None
    synthetic: bool
    n_persons: int
    n_recordings: int
    seed: int
    pairing: str
    outcomes: tuple[Outcome, ...]
    inferences: tuple[Inference, ...] = ()
    utilities: tuple[Utility, ...] = ()
    utility_why: str | None = None
    inference_why: str | None = None
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def judged(self) -> Side:
        return "released" if self.level is not None else "raw"

    def of(self, side: Side) -> list[Outcome]:
        """The outcomes of one side, in the order they were played."""
        return [outcome for outcome in self.outcomes if outcome.side == side]

    def without_ids(self) -> Audit:
        """The same without persons' ids and the raw corpus's name: what may go with a release.

        Ids of the raw corpus must not, and whoever is told who is found most easily looks there
        first.
        """
        return replace(
            self,
            against=None if self.against is None else UNNAMED,
            outcomes=tuple(replace(outcome, worst=()) for outcome in self.outcomes),
        )

    def as_object(self) -> dict[str, Any]:
        """The same in plain values, for JSON."""
        return dataclasses.asdict(self) | {"judged": self.judged}
