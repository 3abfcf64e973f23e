"""Which recordings a model learns from, is chosen on and is tested on; who is on two sides."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from deptool.errors import DataError, UsageError
from deptool.schema import SPLITS

if TYPE_CHECKING:
    import polars as pl

PROTOCOLS = "corpus, or group-kfold:K with K at least 3 (for instance group-kfold:5)"


@dataclass(frozen=True)
class Fold:
    """Recording ids of one fold's three parts; the corpus's own split is the one fold 0."""

    number: int
    train: tuple[str, ...]
    dev: tuple[str, ...]
    test: tuple[str, ...]

    def part(self, split: str) -> tuple[str, ...]:
        """The recording ids of 'train', 'dev' or 'test'."""
        return {"train": self.train, "dev": self.dev, "test": self.test}[split]

    def only(self, ids: Collection[str]) -> Fold:
        """The same fold without the recordings that are not in `ids`."""
        train, dev, test = (tuple(r for r in self.part(s) if r in ids) for s in SPLITS)
        return Fold(self.number, train, dev, test)


@dataclass(frozen=True)
class Overlap:
    """Subjects with recordings on two sides: how many of each pair of parts, and who."""

    pairs: dict[str, int]  # 'train-dev': subjects
    recordings: dict[str, int]  # 'dev': recordings whose subject is in train (or dev, for test)
    subjects: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.subjects)

    def sentence(self) -> str:
        """How many, between which parts, and up to ten of who."""
        pairs = ", ".join(f"{pair} {n}" for pair, n in self.pairs.items() if n)
        shown = ", ".join(self.subjects[:10]) + (", …" if len(self.subjects) > 10 else "")
        return f"{len(self.subjects)} subjects are on two sides of the split ({pairs}): {shown}"


def make_folds(recordings: pl.DataFrame, protocol: str, seed: int = 0) -> list[Fold]:
    """Folds over scored recordings (recording_id, subject_id, split, score).

    `corpus` takes the corpus's own split column. `group-kfold:K` deals subjects to K folds, in
    turn by their mean score, so that folds are alike; fold i is tested on part i, chosen on part
    i + 1 and trained on the rest. The same table and seed give the same folds.
    Raises UsageError for another protocol, DataError where subjects or splits are missing, where
    train or dev is empty, or where there are fewer subjects than folds.
    """
    name, _, count = protocol.partition(":")
    if name == "corpus" and not count:
        _require(recordings, "subject_id", "persons on both sides of a split cannot be seen")
        return [_corpus_fold(recordings)]
    if name != "group-kfold" or not count.isdecimal() or int(count) < 3:
        raise UsageError(f"unknown protocol {protocol!r}", fix=f"Known: {PROTOCOLS}.")
    _require(recordings, "subject_id", "persons cannot be kept on one side of a split")
    return _group_folds(recordings, int(count), seed)


def find_overlap(recordings: pl.DataFrame, folds: Sequence[Fold]) -> Overlap:
    """Subjects who are in more than one part of a fold."""
    subject = dict(zip(recordings["recording_id"], recordings["subject_id"], strict=True))
    pairs: dict[str, int] = {}
    counts: dict[str, int] = {}
    found: set[str] = set()
    for fold in folds:
        people = {split: {subject[r] for r in fold.part(split)} for split in SPLITS}
        for one, other in combinations(SPLITS, 2):
            both = people[one] & people[other]
            pairs[f"{one}-{other}"] = pairs.get(f"{one}-{other}", 0) + len(both)
            found |= both
        for split, earlier in (("dev", people["train"]), ("test", people["train"] | people["dev"])):
            known = sum(subject[r] in earlier for r in fold.part(split))
            counts[split] = counts.get(split, 0) + known
    return Overlap(pairs, counts, tuple(sorted(found)))


def _require(recordings: pl.DataFrame, column: str, why: str) -> None:
    lacking = recordings.filter(recordings[column].is_null())["recording_id"].to_list()
    if lacking:
        shown = ", ".join(lacking[:10]) + (", …" if len(lacking) > 10 else "")
        raise DataError(
            f"{len(lacking)} scored recordings have no {column}, so {why}: {shown}",
            where=f"recordings.parquet, column {column}",
            fix=f"Add a column {column} to labels.csv and join it with: deptool label",
        )


def _corpus_fold(recordings: pl.DataFrame) -> Fold:
    if recordings["split"].null_count() == len(recordings):
        raise DataError(
            "the corpus has no split into train, dev and test",
            where="recordings.parquet, column split",
            fix="Use --protocol group-kfold:5, or add a column split to labels.csv and join it"
            " with: deptool label",
        )
    _require(recordings, "split", "they belong to no part")
    ids = {
        split: tuple(recordings.filter(recordings["split"] == split)["recording_id"].sort())
        for split in SPLITS
    }
    fold = Fold(0, ids["train"], ids["dev"], ids["test"])
    require_parts(fold, "scored recording")
    return fold


def require_parts(fold: Fold, what: str) -> None:
    """Raise DataError where train or dev is empty; without a test part there is no test score."""
    for split in ("train", "dev"):
        if not fold.part(split):
            have = ", ".join(f"{s} {len(fold.part(s))}" for s in SPLITS)
            raise DataError(
                f"the {split} part of fold {fold.number} has no {what} (there are {have})",
                fix="Training needs a train part, and a dev part to choose the best epoch on."
                " Use --protocol group-kfold:5 to split by person.",
            )


def _group_folds(recordings: pl.DataFrame, count: int, seed: int) -> list[Fold]:
    import polars as pl

    people = recordings.group_by("subject_id").agg(pl.col("score").mean())
    people = people.sort("score", "subject_id")
    if len(people) < count:
        raise DataError(
            f"{len(people)} subjects cannot be dealt to {count} folds",
            fix="Use fewer folds, at least 3.",
        )
    generator = np.random.default_rng(seed)
    rounds = [generator.permutation(count) for _ in range(0, len(people), count)]
    part = dict(zip(people["subject_id"], np.concatenate(rounds).tolist(), strict=False))
    ids: list[list[str]] = [[] for _ in range(count)]
    for name, subject in (
        recordings.select("recording_id", "subject_id").sort("recording_id").rows()
    ):
        ids[part[subject]].append(name)
    folds = []
    for i in range(count):
        dev = (i + 1) % count
        train = sorted(r for k in range(count) if k not in (i, dev) for r in ids[k])
        folds.append(Fold(i, tuple(train), tuple(ids[dev]), tuple(ids[i])))
    assert not find_overlap(recordings, folds)
    return folds
