"""Who is learned from, chosen on and tested on."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deptool.errors import DataError, UsageError
from deptool.schema import SPLITS
from deptool.splits import Fold, find_overlap, make_folds, require_parts


def table(*rows: tuple[str, str | None, str | None, float]) -> pl.DataFrame:
    names = {
        "recording_id": pl.String, "subject_id": pl.String, "split": pl.String, "score": pl.Float32
    }  # fmt: skip
    return pl.DataFrame(list(rows), schema=names, orient="row")


def people(counts: list[int]) -> pl.DataFrame:
    """Subject i with counts[i] recordings and score i."""
    return table(
        *((f"r{i}_{k}", f"s{i}", None, float(i)) for i, n in enumerate(counts) for k in range(n))
    )


CORPUS = table(
    ("a1", "A", "train", 3), ("a2", "A", "dev", 5), ("a3", "A", "test", 9),
    ("b1", "B", "train", 10), ("b2", "B", "test", 12),
    ("c1", "C", "dev", 20), ("d1", "D", "test", 30),
)  # fmt: skip


def test_the_corpus_split_is_one_fold() -> None:
    assert make_folds(CORPUS, "corpus") == [Fold(0, ("a1", "b1"), ("a2", "c1"), ("a3", "b2", "d1"))]


def test_persons_on_two_sides_are_counted_and_named() -> None:
    overlap = find_overlap(CORPUS, make_folds(CORPUS, "corpus"))
    # A is everywhere, B in train and test, C and D in one part each.
    assert overlap.pairs == {"train-dev": 1, "train-test": 2, "dev-test": 1}
    assert overlap.subjects == ("A", "B")
    # dev: a2 shows A, who is in train. test: a3 and b2 show A and B.
    assert overlap.recordings == {"dev": 1, "test": 2}
    assert overlap
    assert "2 subjects" in overlap.sentence()
    assert "A, B" in overlap.sentence()


def test_disjoint_persons_make_no_overlap() -> None:
    clean = table(("a", "A", "train", 1), ("b", "B", "dev", 2), ("c", "C", "test", 3))
    assert not find_overlap(clean, make_folds(clean, "corpus"))


def test_no_more_than_ten_names_are_said() -> None:
    rows = [(f"{split}{i}", f"p{i:02d}", split, 1.0) for i in range(12) for split in SPLITS]
    text = find_overlap(table(*rows), make_folds(table(*rows), "corpus")).sentence()
    assert "12 subjects" in text
    assert "p09, …" in text
    assert "p10" not in text


@given(st.lists(st.integers(1, 4), min_size=3, max_size=25), st.integers(3, 7), st.integers(0, 3))
def test_group_kfold_tests_everyone_once_and_splits_nobody(
    counts: list[int], k: int, seed: int
) -> None:
    recordings = people(counts)
    if len(counts) < k:
        with pytest.raises(DataError, match=f"{len(counts)} subjects"):
            make_folds(recordings, f"group-kfold:{k}", seed)
        return
    folds = make_folds(recordings, f"group-kfold:{k}", seed)
    everyone = sorted(recordings["recording_id"])
    assert sorted(r for fold in folds for r in fold.test) == everyone
    for i, fold in enumerate(folds):
        assert sorted(fold.train + fold.dev + fold.test) == everyone
        assert all(fold.part(split) for split in SPLITS)
        assert fold.dev == folds[(i + 1) % k].test
        owners = [{r.split("_")[0] for r in fold.part(split)} for split in SPLITS]
        assert not owners[0] & owners[1]
        assert not owners[0] & owners[2]
        assert not owners[1] & owners[2]
    assert make_folds(recordings.reverse(), f"group-kfold:{k}", seed) == folds


def test_folds_have_alike_scores() -> None:
    # 20 subjects with scores 0..19, five folds: each fold gets one of 0-4, 5-9, 10-14, 15-19.
    for fold in make_folds(people([1] * 20), "group-kfold:5"):
        scores = sorted(int(r[1:].split("_")[0]) for r in fold.test)
        assert [s // 5 for s in scores] == [0, 1, 2, 3]


def test_another_seed_deals_other_folds() -> None:
    recordings = people([1] * 20)
    assert make_folds(recordings, "group-kfold:5", 0) != make_folds(recordings, "group-kfold:5", 1)


@pytest.mark.parametrize(
    "protocol", ["kfold:5", "group-kfold", "group-kfold:2", "group-kfold:x", "corpus:3", ""]
)
def test_unknown_protocols_are_refused(protocol: str) -> None:
    with pytest.raises(UsageError, match="group-kfold:5"):
        make_folds(people([1] * 9), protocol)


@pytest.mark.parametrize("protocol", ["corpus", "group-kfold:3"])
def test_missing_subjects_are_refused_by_name(protocol: str) -> None:
    lacking = table(("a", None, "train", 1), ("b", "B", "dev", 2), ("c", "C", "train", 3))
    with pytest.raises(DataError, match=r"1 scored recordings have no subject_id.*: a\n"):
        make_folds(lacking, protocol)


def test_a_corpus_without_a_split_is_refused() -> None:
    with pytest.raises(DataError, match=r"no split[\s\S]*group-kfold"):
        make_folds(people([1, 1, 1]), "corpus")


def test_a_recording_outside_the_split_is_refused_by_name() -> None:
    with pytest.raises(DataError, match=r"no split.*: x"):
        make_folds(pl.concat([CORPUS, table(("x", "X", None, 1))]), "corpus")


@pytest.mark.parametrize("split", ["train", "dev"])
def test_an_empty_part_is_refused(split: str) -> None:
    with pytest.raises(DataError, match=f"the {split} part of fold 0"):
        make_folds(CORPUS.filter(pl.col("split") != split), "corpus")


def test_test_may_be_empty() -> None:
    (fold,) = make_folds(CORPUS.filter(pl.col("split") != "test"), "corpus")
    assert fold.test == ()


def test_a_fold_can_be_narrowed_to_some_recordings() -> None:
    (fold,) = make_folds(CORPUS, "corpus")
    narrow = fold.only({"a1", "c1", "d1"})
    assert (narrow.train, narrow.dev, narrow.test) == (("a1",), ("c1",), ("d1",))
    with pytest.raises(DataError, match="dev part"):
        require_parts(fold.only({"a1"}), "recording")
