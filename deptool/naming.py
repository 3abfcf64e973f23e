"""Sentences that name recordings or persons, with the same sentence without their ids.

What is told on stderr may be kept by a job scheduler for ever, where nobody looks after it; so ids
are told there only where somebody asks (`--verbose`). Tables, JSON and corpus.json have them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable


class Naming(str):
    """A sentence with ids in it; `short` is the same without them."""

    __slots__ = ("short",)

    short: str

    def __new__(cls, text: str, short: str) -> Naming:
        made = super().__new__(cls, text)
        made.short = short
        return made

    def __reduce__(self) -> tuple[type[Naming], tuple[str, str]]:
        return Naming, (str(self), self.short)


def naming(what: str, ids: str, then: str = "") -> Naming:
    """'what: ids' and what follows; short without the ids."""
    return Naming(f"{what}: {ids}{then}", f"{what}{then}")


def told(text: str, verbose: bool) -> str:
    """The sentence as it is told: short, unless ids were asked for."""
    return text.short if isinstance(text, Naming) and not verbose else text


def by_reason(reasons: Iterable[str]) -> list[str]:
    """'3: its table has no gaze', the most frequent reason first."""
    return [f"{n}: {reason}" for reason, n in Counter(reasons).most_common()]
