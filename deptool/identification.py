"""What an attacker holds, and how well an attack found whose it is. Plain values.

Rank-1 and rank-5: the share of probes whose person is the most alike, or among the five most alike,
of all candidates; ties count by their share. CMC: the same for every rank. AUC and EER: of all
pairs of a probe and a candidate, those of one person against those of two. Intervals are from a
bootstrap over persons, since probes of one person are not independent; there is none where every
resample agrees. identification_measures.py computes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from deptool.bootstrap import Estimate

if TYPE_CHECKING:
    import polars as pl

    from deptool.attack_signals import Signals
    from deptool.embeddings import Embedding

Side = Literal["raw", "released", "control"]

UNKNOWN = Estimate(None)
MOST_WORST = 10  # persons that are named


@dataclass(frozen=True)
class Sample:
    """A recording, or a part of one, as an attacker sees it.

    `person` is who it is, which the attacker knows of the gallery alone. `recording` is its row of
    the recordings table; of a part, with the counts of the part. `table` has its rows of the frames
    table, `vectors` what a level released beside them.
    """

    person: str
    session: str | None
    recording: Mapping[str, Any]
    table: pl.DataFrame
    vectors: Embedding | None = None

    @cached_property
    def signals(self) -> Signals:
        """What the table says of the face over time; read once for all attacks."""
        from deptool.attack_signals import read_signals

        return read_signals(self.table)


@dataclass(frozen=True)
class Outcome:
    """One attack with one of its matchers on one side.

    `side`: the raw corpus, the released one, or the control, whose persons were shuffled among
    samples. `n_candidates`: persons of the gallery (recordings, where a recording is looked for),
    `n_persons`: those behind the probes. `chance_1` and `chance_5` are the shares that guessing
    gives. `cmc` (rank,) has the share found up to each rank. `worst`: persons who are found at rank
    1 more often than by guessing, by the share of their probes, at most ten, by id, of an attack
    that `works`; `n_easy`: how many there are in all; `n_always`: how many are found with every
    probe. `n_shuffles`: of a control, over how many shuffles it is averaged. `why` says why there
    are no numbers, where there are none.
    """

    attack: str
    matcher: str
    side: Side
    n_probes: int = 0
    n_candidates: int = 0
    n_persons: int = 0
    chance_1: float = 0.0
    chance_5: float = 0.0
    rank_1: Estimate = UNKNOWN
    rank_5: Estimate = UNKNOWN
    eer: Estimate = UNKNOWN
    auc: Estimate = UNKNOWN
    cmc: tuple[float, ...] = ()
    worst: tuple[tuple[str, float], ...] = ()
    n_easy: int = 0
    n_always: int = 0
    n_shuffles: int = 0
    why: str | None = None

    @property
    def works(self) -> bool:
        """Whether more is found at rank 1 than by guessing: chance lies below the interval."""
        interval = self.rank_1.interval
        return interval is not None and not interval.few and self.chance_1 < interval.low
