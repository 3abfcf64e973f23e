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
    assert make_folds(CORPUS, "official") == [
        Fold(0, ("a1", "b1"), ("a2", "c1"), ("a3", "b2", "d1"))
    ]


def test_persons_on_two_sides_are_counted_and_named() -> None:
    overlap = find_overlap(CORPUS, make_folds(CORPUS, "official"))
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
    assert not find_overlap(clean, make_folds(clean, "official"))


def test_no_more_than_ten_names_are_said() -> None:
    rows = [(f"{split}{i}", f"p{i:02d}", split, 1.0) for i in range(12) for split in SPLITS]
    text = find_overlap(table(*rows), make_folds(table(*rows), "official")).sentence()
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
    "protocol",
    [
        *("kfold:5", "group-kfold", "group-kfold:2", "group-kfold:x", "official:3", "", "corpus"),
        *("clean:dev", "holdout", "holdout:x", "holdout:0", "holdout:0.5", "holdout:nan"),
        "leave-one-subject-out:2",
    ],
)
def test_unknown_protocols_are_refused(protocol: str) -> None:
    with pytest.raises(UsageError, match="group-kfold:K with K at least 3"):
        make_folds(people([1] * 9), protocol)


# --- clean --------------------------------------------------------------------------------


def test_clean_leaves_out_whom_train_has_met() -> None:
    # A is in all parts, B in train and test, C in dev alone, D in test alone.
    (fold,) = make_folds(CORPUS, "clean")
    assert fold == Fold(0, ("a1", "b1"), ("c1",), ("d1",))


def test_clean_keeps_who_is_in_dev_and_test_and_says_so_unless_dev_counts_too() -> None:
    more = pl.concat([CORPUS, table(("c2", "C", "test", 21))])
    folds = make_folds(more, "clean")
    assert folds[0].test == ("c2", "d1")
    assert find_overlap(more, folds).pairs == {"train-dev": 0, "train-test": 0, "dev-test": 1}
    (fold,) = make_folds(more, "clean:train+dev")
    assert fold == Fold(0, ("a1", "b1"), ("c1",), ("d1",))


def test_clean_without_anybody_left_to_choose_on_is_refused() -> None:
    both = table(("a", "A", "train", 1), ("b", "A", "dev", 2), ("c", "C", "test", 3))
    with pytest.raises(DataError, match="the dev part of fold 0 has no scored recording of a"):
        make_folds(both, "clean")


# --- leave one subject out ------------------------------------------------------------------


def test_each_person_is_tested_alone_and_once() -> None:
    recordings = people([2, 1, 3, 1, 1, 2])
    folds = make_folds(recordings, "leave-one-subject-out")
    tested = [sorted({r.split("_")[0] for r in fold.test}) for fold in folds]
    assert tested == [["r0"], ["r1"], ["r2"], ["r3"], ["r4"], ["r5"]]
    assert [len(fold.test) for fold in folds] == [2, 1, 3, 1, 1, 2]
    for fold in folds:
        assert len(fold.train) + len(fold.dev) + len(fold.test) == 10
        assert fold.dev  # one of the five others chooses the epoch
    assert not find_overlap(recordings, folds)


def test_two_persons_are_too_few_to_leave_one_out() -> None:
    with pytest.raises(DataError, match="2 subjects are too few"):
        make_folds(people([3, 3]), "leave-one-subject-out")


# --- holdout --------------------------------------------------------------------------------


@given(
    st.lists(st.integers(1, 3), min_size=3, max_size=40),
    st.sampled_from([0.1, 0.2, 1 / 3]),
    st.integers(0, 5),
)
def test_holdout_deals_persons_by_share(counts: list[int], share: float, seed: int) -> None:
    recordings = people(counts)
    (fold,) = make_folds(recordings, f"holdout:{share}", seed)
    who = {split: {r.split("_")[0] for r in fold.part(split)} for split in SPLITS}
    n = max(1, round(share * len(counts)))
    assert [len(who[s]) for s in SPLITS] == [len(counts) - 2 * n, n, n]
    assert not (who["train"] & who["dev"] | who["train"] & who["test"] | who["dev"] & who["test"])
    assert make_folds(recordings.reverse(), f"holdout:{share}", seed) == [fold]


def test_holdout_takes_persons_of_all_scores() -> None:
    # 20 persons with scores 0..19, a fifth of them: ten places two steps apart, test and dev in
    # turn within each four scores.
    (fold,) = make_folds(people([1] * 20), "holdout:0.2", seed=3)
    for split in ("dev", "test"):
        scores = sorted(int(r[1:].split("_")[0]) for r in fold.part(split))
        assert [s // 5 for s in scores] == [0, 1, 2, 3]


def test_another_seed_holds_out_others() -> None:
    recordings = people([1] * 20)
    found = {make_folds(recordings, "holdout:0.2", seed)[0].test for seed in range(8)}
    assert len(found) > 1


# --- nobody knows who ---------------------------------------------------------------------

NOBODY = table(("a", None, "train", 1), ("b", None, "dev", 2), ("c", None, "test", 3))


def test_a_source_that_never_said_who_has_its_official_split_alone() -> None:
    folds = make_folds(NOBODY, "official", persons_unknown=True)
    assert folds == [Fold(0, ("a",), ("b",), ("c",))]
    # Nobody is not one person who is everywhere.
    assert not find_overlap(NOBODY, folds)
    for protocol in ("clean", "group-kfold:3", "leave-one-subject-out", "holdout:0.2"):
        with pytest.raises(DataError, match="never said who"):
            make_folds(NOBODY, protocol, persons_unknown=True)


@pytest.mark.parametrize("protocol", ["official", "group-kfold:3"])
def test_missing_subjects_are_refused_by_name(protocol: str) -> None:
    lacking = table(("a", None, "train", 1), ("b", "B", "dev", 2), ("c", "C", "train", 3))
    with pytest.raises(DataError, match=r"1 scored recordings have no subject_id.*: a\n"):
        make_folds(lacking, protocol)


def test_a_corpus_without_a_split_is_refused() -> None:
    with pytest.raises(DataError, match=r"no split[\s\S]*group-kfold"):
        make_folds(people([1, 1, 1]), "official")


def test_a_recording_outside_the_split_is_refused_by_name() -> None:
    with pytest.raises(DataError, match=r"no split.*: x"):
        make_folds(pl.concat([CORPUS, table(("x", "X", None, 1))]), "official")


@pytest.mark.parametrize("split", ["train", "dev"])
def test_an_empty_part_is_refused(split: str) -> None:
    with pytest.raises(DataError, match=f"the {split} part of fold 0"):
        make_folds(CORPUS.filter(pl.col("split") != split), "official")


def test_test_may_be_empty() -> None:
    (fold,) = make_folds(CORPUS.filter(pl.col("split") != "test"), "official")
    assert fold.test == ()


def test_a_fold_can_be_narrowed_to_some_recordings() -> None:
    (fold,) = make_folds(CORPUS, "official")
    narrow = fold.only({"a1", "c1", "d1"})
    assert (narrow.train, narrow.dev, narrow.test) == (("a1",), ("c1",), ("d1",))
    with pytest.raises(DataError, match="dev part"):
        require_parts(fold.only({"a1"}), "recording")
