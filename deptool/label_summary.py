"""What joining labels did, and what the user should hear about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from deptool.naming import naming


@dataclass(frozen=True)
class LabelSummary:
    """What a join did. Ids in `shared_subjects` are persons in more than one split."""

    n_recordings: int
    n_sessions: int
    n_subjects: int
    n_scores: dict[str, int]  # by scale, over the whole corpus
    n_splits: dict[str, int]  # recordings by split, over the whole corpus
    n_unlabelled: int  # recordings of the corpus without a score on any scale
    n_not_mentioned: int  # recordings of the corpus that the file says nothing about
    n_dropped: int  # scores of sessions that no recording belongs to any more
    n_changed: int  # scores that were another number before
    n_emptied: int  # scores that were there before and are empty in the file
    unknown: tuple[str, ...]  # ids in the file that the corpus does not have, passed over
    shared_subjects: tuple[str, ...]
    ignored_columns: tuple[str, ...]
    n_described: int = 0  # persons of the corpus whose gender or age is known
    n_cleared: int = 0  # genders and ages that were known before and are empty in the file

    def warnings(self) -> list[str]:
        """What the user should hear about, in sentences; those with ids are `Naming`."""
        told: list[str] = []
        if self.shared_subjects:
            then = ". Metrics over these splits flatter a model that knows the person."
            what = f"{len(self.shared_subjects)} subjects are in more than one split"
            told.append(naming(what, some(self.shared_subjects), then))
        if self.n_dropped:
            told.append(f"{self.n_dropped} scores of sessions without a recording were dropped.")
        if self.n_changed:
            told.append(f"{self.n_changed} scores were another number before and were replaced.")
        if self.n_emptied:
            told.append(f"{self.n_emptied} scores were removed: they are empty in the file.")
        if self.n_cleared:
            told.append(
                f"{self.n_cleared} genders or ages were removed: they are empty in the file."
            )
        if self.unknown:
            what = f"{len(self.unknown)} ids in the file are not in the corpus and were passed over"
            told.append(naming(what, some(self.unknown), "."))
        if self.ignored_columns:
            told.append(f"Columns not read: {', '.join(self.ignored_columns)}.")
        if self.n_not_mentioned:
            told.append(
                f"{self.n_not_mentioned} recordings are not in the file: kept as they were."
            )
        return told


def some(ids: Iterable[str]) -> str:
    """The first five ids, and how many more there are."""
    known = list(ids)
    return ", ".join(known[:5]) + (f" and {len(known) - 5} more" if known[5:] else "")
