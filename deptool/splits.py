"""Which recordings a model learns from, is chosen on and is tested on; who is on two sides."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from deptool.errors import DataError, UsageError
from deptool.naming import Naming, naming
from deptool.schema import SPLITS

if TYPE_CHECKING:
    import polars as pl

PROTOCOLS = (
    "official (the corpus's own split), clean (official, without dev and test recordings of persons"
    " in train), clean:train+dev (also without test recordings of persons in dev), group-kfold:K"
    " with K at least 3, leave-one-subject-out, holdout:SHARE (for instance holdout:0.2)"
)
_DEV_PARTS = 5  # of those who are not tested, one part of so many chooses the epoch


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

    def sentence(self) -> Naming:
        """How many, between which parts, and up to ten of who."""
        pairs = ", ".join(f"{pair} {n}" for pair, n in self.pairs.items() if n)
        shown = ", ".join(self.subjects[:10]) + (", …" if len(self.subjects) > 10 else "")
        who = "1 subject is" if len(self.subjects) == 1 else f"{len(self.subjects)} subjects are"
        return naming(f"{who} on two sides of the split ({pairs})", shown)


def default_protocol(recordings: pl.DataFrame) -> str:
    """The corpus's own split where it has one, else five folds by person."""
    own = recordings["split"].null_count() < len(recordings)
    return "official" if own else "group-kfold:5"


def make_folds(
    recordings: pl.DataFrame, protocol: str, seed: int = 0, persons_unknown: bool = False
) -> list[Fold]:
    """Folds over scored recordings (recording_id, subject_id, split, score), as `PROTOCOLS` says.

    `official` alone takes a corpus whose `persons_unknown`, and alone may have a person on two
    sides. The others deal persons, never recordings, alike in mean score: in turn by it. In
    `group-kfold:K` fold i is tested on part i, chosen on part i + 1 and trained on the rest;
    `leave-one-subject-out` tests on one person after the other, and a fifth of the others chooses;
    `holdout:0.2` tests on a fifth of the persons and chooses on another. The same table and seed
    give the same folds. Raises UsageError for another protocol, DataError where subjects or splits
    are missing, where train or dev is empty, or where there are too few subjects.
    """
    name, _, word = protocol.partition(":")
    if name == "official" and not word:
        if not (persons_unknown and recordings["subject_id"].is_null().all()):
            _require(recordings, "subject_id", "persons on both sides of a split cannot be seen")
        return [_official(recordings)]
    deal = _dealer(name, word)
    if deal is None:
        raise UsageError(f"unknown protocol {protocol!r}", fix=f"Known: {PROTOCOLS}.")
    if persons_unknown:
        raise DataError(
            f"the source never said who is in a recording, so {protocol} cannot keep persons apart",
            where="recordings.parquet, column subject_id",
            fix="Use --protocol official. Nobody can say whether its parts share persons.",
        )
    _require(recordings, "subject_id", "persons cannot be kept on one side of a split")
    folds = deal(recordings, seed)
    if name != "clean" or word:  # plain clean leaves persons who are in dev and in test
        assert not find_overlap(recordings, folds)
    return folds


def _dealer(name: str, word: str) -> Callable[[pl.DataFrame, int], list[Fold]] | None:
    """What makes the folds of a protocol; None where there is none of that name."""
    if name == "clean" and word in ("", "train+dev"):
        return lambda table, _: [_clean(table, bool(word))]
    if name == "group-kfold" and word.isdecimal() and int(word) >= 3:
        return lambda table, seed: _group_folds(table, int(word), seed)
    if name == "leave-one-subject-out" and not word:
        return _leave_one_out
    try:
        share = float(word) if name == "holdout" else 0.0
    except ValueError:
        return None
    return (lambda table, seed: [_holdout(table, share, seed)]) if 0 < share < 0.5 else None


def find_overlap(recordings: pl.DataFrame, folds: Sequence[Fold]) -> Overlap:
    """Subjects who are in more than one part of a fold; recordings of nobody known do not count."""
    subject = dict(zip(recordings["recording_id"], recordings["subject_id"], strict=True))
    pairs: dict[str, int] = {}
    counts: dict[str, int] = {}
    found: set[str] = set()
    for fold in folds:
        people = {split: {subject[r] for r in fold.part(split)} - {None} for split in SPLITS}
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


def _official(recordings: pl.DataFrame) -> Fold:
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


def _clean(recordings: pl.DataFrame, without_dev: bool) -> Fold:
    """The official split without dev and test recordings of persons who are in train (or dev)."""
    fold = _official(recordings)
    subject = dict(recordings.select("recording_id", "subject_id").rows())
    train = {subject[r] for r in fold.train}
    known = train | {subject[r] for r in fold.dev} if without_dev else train
    clean = Fold(
        0,
        fold.train,
        tuple(r for r in fold.dev if subject[r] not in train),
        tuple(r for r in fold.test if subject[r] not in known),
    )
    require_parts(clean, "scored recording of a person who is not in train")
    return clean


def _group_folds(recordings: pl.DataFrame, count: int, seed: int) -> list[Fold]:
    people = _by_score(recordings)
    if len(people) < count:
        raise DataError(
            f"{len(people)} subjects cannot be dealt to {count} folds",
            fix="Use fewer folds, at least 3.",
        )
    part = _deal(people, count, seed)
    return [_fold(recordings, part, i, i, (i + 1) % count) for i in range(count)]


def _leave_one_out(recordings: pl.DataFrame, seed: int) -> list[Fold]:
    people = _by_score(recordings)
    if len(people) < 3:
        raise DataError(
            f"{len(people)} subjects are too few to leave one out: one is tested, one chooses the"
            " epoch, one trains",
        )
    folds = []
    for i, person in enumerate(sorted(people)):
        others = [p for p in people if p != person]
        part = _deal(others, min(_DEV_PARTS, len(others)), seed) | {person: -1}
        folds.append(_fold(recordings, part, i, -1, 0))
    return folds


def _holdout(recordings: pl.DataFrame, share: float, seed: int) -> Fold:
    """One fold; in every round of so many persons, one is tested and one chooses."""
    people = _by_score(recordings)
    n_held = max(1, round(share * len(people)))
    if len(people) < 2 * n_held + 1:
        raise DataError(
            f"{len(people)} subjects are too few for holdout:{share:g}", fix="Use a smaller share."
        )
    # Even steps through the persons in order of score, so that the parts are alike.
    generator = np.random.default_rng(seed)
    places = np.floor((np.arange(2 * n_held) + generator.random()) * len(people) / (2 * n_held))
    roles = np.tile([1, 2], n_held)
    for pair in roles.reshape(-1, 2):
        generator.shuffle(pair)
    part = dict.fromkeys(people, 0)
    part |= {people[int(k)]: int(role) for k, role in zip(places, roles, strict=True)}
    return _fold(recordings, part, 0, 1, 2)


def _by_score(recordings: pl.DataFrame) -> list[str]:
    """Subjects in order of their mean score."""
    import polars as pl

    people = recordings.group_by("subject_id").agg(pl.col("score").mean())
    return list(people.sort("score", "subject_id")["subject_id"])


def _deal(people: Sequence[str], count: int, seed: int) -> dict[str, int]:
    """subject -> part, from 0: each round of `count` neighbours is dealt in an order of its own."""
    generator = np.random.default_rng(seed)
    rounds = [generator.permutation(count) for _ in range(0, len(people), count)]
    return dict(zip(people, np.concatenate(rounds).tolist(), strict=False))


def _fold(
    recordings: pl.DataFrame, part: Mapping[str, int], number: int, test: int, dev: int
) -> Fold:
    """The fold in which one part of the persons is tested, one chooses and the rest trains."""
    ids: dict[str, list[str]] = {split: [] for split in SPLITS}
    role = {test: "test", dev: "dev"}
    table = recordings.select("recording_id", "subject_id").sort("recording_id")
    for name, subject in table.rows():
        ids[role.get(part[subject], "train")].append(name)
    fold = Fold(number, *(tuple(ids[split]) for split in SPLITS))
    require_parts(fold, "scored recording")
    return fold
