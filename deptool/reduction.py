"""What a release makes of one recording's frames table: steps that all levels share, then a level.

Nothing here sees another recording, so that whoever holds a video can do the same with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Step:
    """One step of a release: its name, what it does in a sentence, its numbers."""

    name: str
    what: str
    parameters: Mapping[str, object] = field(default_factory=dict)


def released_form(table: pl.DataFrame, release: Mapping[str, object]) -> pl.DataFrame:
    """A raw frames table -> what a release with that entry in corpus.json has of it.

    k-same alone is left out: it needs the other persons of the corpus.
    """
    raise NotImplementedError
