"""Several corpora as one: to train on all of them, or on some and test on another.

The same person can be in two corpora: AVEC 2013 and 2014 show the same sessions, E-DAIC holds
those of DAIC-WOZ. Corpora whose ids mean the same persons say so by `id_space` in corpus.json.
Where one of them does not say whose its ids are, an id that two share is taken to be one person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from deptool.cohort.unfinished import refuse_unfinished
from deptool.corpus import Corpus
from deptool.errors import DataError
from deptool.label_summary import some
from deptool.naming import naming
from deptool.scales import require_same
from deptool.schema import SPLITS

if TYPE_CHECKING:
    import polars as pl

    from deptool.splits import Fold

_DROP = "--drop-shared leaves them out"


@dataclass(frozen=True)
class Joint(Corpus):
    """Corpora under one name; a recording is called <corpus>/<recording_id>.

    Where all say whose ids theirs are, subjects and sessions are called by it ('avec:203'), so that
    one person has one name and two have two. `dropped` recordings are left out; `notes` say what
    was, and why.
    """

    parts: tuple[Corpus, ...] = ()
    test: str | None = None  # the corpus that is tested on; None: each has its own split
    dropped: frozenset[str] = field(default_factory=frozenset)
    notes: tuple[str, ...] = ()

    def _part(self, recording_id: str) -> tuple[Corpus, str]:
        name, _, own = recording_id.partition("/")
        return next(part for part in self.parts if part.name == name), own

    def frames_path(self, recording_id: str) -> Path:
        part, own = self._part(recording_id)
        return part.frames_path(own)

    def embedding_path(self, name: str, recording_id: str) -> Path:
        part, own = self._part(recording_id)
        return part.embedding_path(name, own)

    def recordings(self) -> pl.DataFrame:
        """The recordings of all, their ids made unique; the split as each corpus's role is."""
        import polars as pl

        tables = []
        for part in self.parts:
            table = part.recordings().with_columns(
                pl.lit(f"{part.name}/").add(pl.col("recording_id")).alias("recording_id"),
                *(self._named(part, column) for column in ("subject_id", "session_id")),
            )
            if self.test is not None:
                kept = pl.when(pl.col("split") != "test").then(pl.col("split"))
                split = pl.lit("test") if part.name == self.test else kept
                table = table.with_columns(split.alias("split"))
                table = table.filter(pl.col("split").is_not_null())
            tables.append(table)
        table = pl.concat(tables)
        return table.filter(~pl.col("recording_id").is_in(list(self.dropped))).sort("recording_id")

    def labels(self) -> pl.DataFrame:
        import polars as pl

        tables = [p.labels().with_columns(self._named(p, "session_id")) for p in self.parts]
        return pl.concat(tables).unique(["session_id", "scale"], keep="first", maintain_order=True)

    def subjects(self) -> pl.DataFrame:
        import polars as pl

        tables = [p.subjects().with_columns(self._named(p, "subject_id")) for p in self.parts]
        return pl.concat(tables).unique("subject_id", keep="first", maintain_order=True)

    def _named(self, part: Corpus, column: str) -> pl.Expr:
        import polars as pl

        told = all(p.id_space for p in self.parts)
        return pl.lit(f"{part.id_space}:" if told else "").add(pl.col(column)).alias(column)


def join(corpora: Sequence[Corpus], drop_shared: bool = False) -> Joint:
    """All of them, each with its own split and ids.

    Raises DataError where two hold the same session (with `drop_shared`, the later corpus does
    without it, and says so), and where features, scaling or scales differ.
    """
    joint = _joint(corpora, None, " + ".join(c.name for c in corpora))
    shared = _shared(joint, "session_id")
    return _without(joint, shared, "sessions", drop_shared, first_stays=True) if shared else joint


def across(train: Sequence[Corpus], test: Corpus, drop_shared: bool = False) -> Joint:
    """The train and dev parts of some, and all of another as the test part.

    The test part of a corpus that is trained on is not used. Raises DataError where a person of the
    test corpus is in another (with `drop_shared`, training does without that person, and says so),
    where features, scaling or scales differ, and where one to train on has no split.
    """
    name = f"{' + '.join(c.name for c in train)} -> {test.name}"
    for corpus in train:
        if corpus.recordings()["split"].is_null().all():
            raise DataError(
                "the corpus has no split, so it has no part to train on and none to choose on",
                where=f"corpus {corpus.name!r}",
                fix="Add a column split to labels.csv and join it with: deptool label",
            )
    if test.labels().is_empty():
        raise DataError(
            "the corpus has no scores to test on",
            where=f"corpus {test.name!r}",
            fix="Join some with: deptool label; to predict without scores: deptool predict",
        )
    joint = _joint([*train, test], test.name, name)
    unknown = [c.name for c in joint.parts if c.persons_unknown]
    if unknown:
        said = f"{unknown[0]} does not say who is in a recording: persons in both cannot be seen"
        joint = _replace(joint, notes=(*joint.notes, said))
    shared = _shared(joint, "subject_id")
    return _without(joint, shared, "persons", drop_shared, first_stays=False) if shared else joint


def refuse_crossing(recordings: pl.DataFrame, fold: Fold) -> None:
    """Raise DataError where a person is on one side in one corpus and on another in the next.

    A corpus's official split may have persons on two sides; that of several together is nobody's.
    """
    owner = dict(recordings.select("recording_id", "subject_id").rows())
    seen: dict[str, set[tuple[str, str]]] = {}  # subject -> (corpus, part)
    for split in SPLITS:
        for name in fold.part(split):
            if owner[name] is not None:
                seen.setdefault(owner[name], set()).add((name.partition("/")[0], split))
    crossing = sorted(
        person
        for person, places in seen.items()
        if any(a[0] != b[0] and a[1] != b[1] for a, b in combinations(places, 2))
    )
    if crossing:
        raise DataError(
            f"{len(crossing)} subjects are in one part of one corpus and in another part of the"
            f" next: {some(crossing)}",
            fix="Use --protocol clean:train+dev or group-kfold:5, which keep persons apart.",
        )


def _joint(corpora: Sequence[Corpus], test: str | None, name: str) -> Joint:
    for corpus in corpora:
        refuse_unfinished(corpus)
    first = corpora[0]
    names = [c.name for c in corpora]
    twice = next((n for n in names if names.count(n) > 1), None)
    if twice is not None:
        raise DataError(
            f"two of the corpora are called {twice!r}",
            fix="Name each corpus once; a corpus is called by its corpus.json.",
        )
    for other in corpora[1:]:
        for what, one, two in (
            ("features", first.feature_set, other.feature_set),
            ("landmarks scaled by", first.normalise, other.normalise),
        ):
            if one != two:
                raise DataError(
                    f"the corpora differ: {first.name!r} has {what} {one}, {other.name!r} {two}",
                    fix="Corpora are joined only where their columns mean the same.",
                )
    _check_scales(corpora)
    about = {
        **first.about,
        "name": name,
        "persons_unknown": any(c.persons_unknown for c in corpora),
        "synthetic": any(c.synthetic for c in corpora),
    }
    silent = [c.name for c in corpora if not c.id_space and not c.persons_unknown]
    notes = (
        (
            f"{some(silent)}: nothing says whose ids these are, so an id that two corpora share is"
            " taken to be one person (importers know; else id_space in corpus.json)",
        )
        if 0 < len(silent) < len(corpora)
        else ()
    )
    return Joint(first.root, {**about, "id_space": None}, tuple(corpora), test, notes=notes)


def _check_scales(corpora: Sequence[Corpus]) -> None:
    """Refuse corpora without a scale in common: no score turns into another scale's."""
    scales = [set(c.labels()["scale"]) for c in corpora]
    if all(scales) and not set.intersection(*scales):  # one without scores has its own error
        require_same([scale for found in scales for scale in sorted(found)])


def _shared(joint: Joint, column: str) -> dict[str, list[str]]:
    """id -> its recordings, of ids that are in several corpora (or in test and another)."""
    found: dict[str, dict[str, list[str]]] = {}
    for recording, name in joint.recordings().select("recording_id", column).rows():
        if name is not None:
            corpus = recording.partition("/")[0]
            side = str(corpus == joint.test) if joint.test is not None else corpus
            found.setdefault(name, {}).setdefault(side, []).append(recording)
    return {
        name: [r for rows in sides.values() for r in rows]
        for name, sides in sorted(found.items())
        if len(sides) > 1
    }


def _without(
    joint: Joint, shared: dict[str, list[str]], what: str, drop: bool, first_stays: bool
) -> Joint:
    """The same without recordings of these ids, but in one corpus: the first, or that of test."""
    names = " and ".join(repr(part.name) for part in joint.parts)
    said = f"{len(shared)} {what} are in both {names}: {some(list(shared))}"
    if not drop:
        raise DataError(
            said,
            fix=f"What is learnt from one would be tested on the other. {_DROP}"
            + (" of the later corpus." if first_stays else " of training."),
        )
    stays = joint.parts[0].name if first_stays else joint.test
    gone = {r for rows in shared.values() for r in rows if r.partition("/")[0] != stays}
    then = f"; they stay in {stays!r}, and {len(gone)} recordings elsewhere are left out"
    note = naming(f"{len(shared)} {what} are in both {names}", some(list(shared)), then)
    less = _replace(joint, dropped=frozenset(gone), notes=(*joint.notes, note))
    _require_rest(less)
    return less


def _require_rest(joint: Joint) -> None:
    """Raise DataError where a corpus has nothing left, or training has no train or dev part."""
    import polars as pl

    left = joint.recordings()
    names = set(left["recording_id"].str.split("/").list.first())
    parts = set(left.filter(pl.col("split") != "test")["split"])
    lacking = [f"nothing of {part.name!r}" for part in joint.parts if part.name not in names]
    if joint.test is not None:
        words = {"train": "nothing to learn from", "dev": "nothing to choose on"}
        lacking += [word for split, word in words.items() if split not in parts]
    if lacking:
        raise DataError(
            f"{lacking[0]} remains without what the corpora share",
            where=joint.name,
            fix="These corpora hold too many of the same persons to be used together. Train on each"
            " by itself, with --protocol clean or group-kfold:5.",
        )


def _replace(joint: Joint, **changes: object) -> Joint:
    import dataclasses

    return dataclasses.replace(joint, **changes)  # type: ignore[arg-type]
