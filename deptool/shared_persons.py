"""Persons on two sides of a split: how many recordings show one, in runs or in a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from deptool.known_persons import EARLIER

if TYPE_CHECKING:
    import polars as pl

_SHOWN = 10  # runs named in the sentence


@dataclass(frozen=True)
class Shared:
    """Recordings of a split whose person is in an earlier part; `of` None where not known."""

    split: str
    recordings: int
    of: int | None
    names: tuple[str, ...] = ()  # of runs, or of a file
    noun: str = "run"

    @property
    def sentence(self) -> str:
        """'20 of 100 test recordings show a person who is in train or dev (runs a, b).'"""
        count = str(self.recordings) if self.of is None else f"{self.recordings} of {self.of}"
        one = (self.of or self.recordings) == 1
        noun, verb = ("recording", "shows") if one else ("recordings", "show")
        earlier = " or ".join(EARLIER[self.split])
        text = f"{count} {self.split} {noun} {verb} a person who is in {earlier}"
        if not self.names:
            return text + "."
        more = ", …" * (len(self.names) > _SHOWN)
        plural = "s" * (len(self.names) > 1)
        return f"{text} ({self.noun}{plural} {', '.join(self.names[:_SHOWN])}{more})."


def of_run(about: Mapping[str, object], split: str, *names: str) -> Shared | None:
    """What a run.json says of a split; None where no person is in an earlier part too."""
    overlap = about.get("overlap")
    counts = overlap.get("recordings") if isinstance(overlap, dict) else None
    found = counts.get(split) if isinstance(counts, dict) else None
    if not found or split not in EARLIER:
        return None
    return Shared(split, int(found), _total(about.get("folds"), split), names)


def of_table(frame: pl.DataFrame, split: str, name: str) -> Shared | None:
    """The same from the persons in a predictions table, fold by fold."""
    import polars as pl

    parts = frame.select("fold", "split", "subject_id", "recording_id").unique()
    earlier = parts.filter(pl.col("split").is_in(EARLIER.get(split, ()))).drop_nulls("subject_id")
    mine = parts.filter(pl.col("split") == split)
    found = mine.join(earlier, on=["fold", "subject_id"], how="semi")
    return Shared(split, len(found), len(mine), (name,), "file") if len(found) else None


def together(found: Sequence[Shared]) -> tuple[Shared, ...]:
    """Runs with the same counts in one sentence."""
    sentences: dict[Shared, tuple[str, ...]] = {}
    for shared in found:
        counts = replace(shared, names=())
        sentences[counts] = (*sentences.get(counts, ()), *shared.names)
    return tuple(replace(counts, names=names) for counts, names in sentences.items())


def _total(folds: object, split: str) -> int | None:
    """Recordings of a split over all folds, as run.json counts them."""
    if not isinstance(folds, list) or not all(split in fold for fold in folds):
        return None
    return sum(int(fold[split]["recordings"]) for fold in folds)
