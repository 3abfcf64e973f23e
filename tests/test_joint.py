"""Several corpora as one: who is in both is found, and never trained and tested on."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from deptool.corpus import Corpus, open_corpus
from deptool.errors import DataError
from deptool.joint import across, join
from deptool.predict import predict
from fixtures.tables import make_tables_corpus
from tests.conftest import Run as Cli


def named(root: Path, *, seed: int, n: int = 8, first: int = 0, space: str | None = None) -> Corpus:
    """n persons called s<first>…, one session each, called like the folder."""
    made = make_tables_corpus(root, n_subjects=n, sessions=1, seconds=6.0, seed=seed)
    table = made.recordings()
    number = pl.col("recording_id").str.slice(1, 3).cast(pl.Int32) + first
    name = pl.format("s{}", number.cast(pl.String).str.zfill(3))
    after = table.with_columns(name.alias("subject_id"), (name + "_0").alias("session_id"))
    labels = dict(zip(table["session_id"], after["session_id"], strict=True))
    made.write_recordings(after)
    made.write_labels(made.labels().with_columns(pl.col("session_id").replace(labels)))
    return made.with_about({"id_space": space} if space else {})


@pytest.fixture
def one(tmp_path: Path) -> Corpus:
    return named(tmp_path / "one", seed=1)


@pytest.fixture
def other(tmp_path: Path) -> Corpus:
    """Eight persons, of whom s006 and s007 are in `one` too."""
    return named(tmp_path / "other", seed=2, first=6)


def test_joined_recordings_keep_their_split_and_get_names_of_their_own(tmp_path: Path) -> None:
    one = named(tmp_path / "one", seed=1)
    other = named(tmp_path / "other", seed=2, first=100)
    joint = join([one, other])
    table = joint.recordings()
    assert len(table) == 16
    assert table["recording_id"][0] == "one/s000_0"
    assert joint.name == "one + other"
    mine = table.filter(pl.col("recording_id") == "other/s002_0").row(0, named=True)
    assert (mine["subject_id"], mine["split"]) == ("s102", other.recordings()["split"][2])
    assert joint.frames("other/s002_0").equals(other.frames("s002_0"))
    scored, scale = joint.scored()
    assert (len(scored), scale) == (16, "BDI-II")
    assert not joint.notes


def test_what_is_known_of_persons_is_joined_under_the_names_of_the_joint(tmp_path: Path) -> None:
    one = named(tmp_path / "one", seed=1, space="A")
    other = named(tmp_path / "other", seed=2, first=6, space="B")  # another s006
    one.write_subjects(pl.DataFrame({"subject_id": ["s006"], "gender": ["male"], "age": [50.0]}))
    other.write_subjects(pl.DataFrame({"subject_id": ["s006"], "gender": ["other"], "age": [20.0]}))
    known = join([one, other]).subjects()
    assert known.select("subject_id", "age").rows() == [("A:s006", 50.0), ("B:s006", 20.0)]


def test_a_session_in_two_corpora_is_refused(one: Corpus, other: Corpus) -> None:
    with pytest.raises(
        DataError, match=r"2 sessions are in both 'one' and 'other': s006_0, s007_0"
    ):
        join([one, other])


def test_the_later_corpus_does_without_what_is_shared(one: Corpus, other: Corpus) -> None:
    joint = join([one, other], drop_shared=True)
    table = joint.recordings()
    assert len(table) == 14
    # The persons s006 and s007 are the first two of `other`.
    assert not {"other/s000_0", "other/s001_0"} & set(table["recording_id"])
    assert "2 recordings elsewhere are left out" in joint.notes[0]


def test_persons_of_the_test_corpus_are_refused_in_training(one: Corpus, other: Corpus) -> None:
    # s006 is in one's dev part (6 % 4 = 2), s007 in its test part, which is not used.
    with pytest.raises(DataError, match=r"1 persons are in both 'one' and 'other': s006"):
        across([one], other)


def test_training_does_without_persons_of_the_test_corpus(one: Corpus, other: Corpus) -> None:
    joint = across([one], other, drop_shared=True)
    table = joint.recordings()
    counts = dict(table.group_by("split").len().rows())
    # one: 8 persons, of every four two in train, one in dev, one in test: 4, 2, 2; s006 leaves dev.
    assert counts == {"train": 4, "dev": 1, "test": 8}
    assert set(table.filter(pl.col("split") == "test")["recording_id"]) == {
        f"other/s{i:03d}_0" for i in range(8)
    }
    assert joint.name == "one -> other"


def test_ids_of_two_spaces_are_of_two_persons(tmp_path: Path) -> None:
    one = named(tmp_path / "one", seed=1, space="avec")
    other = named(tmp_path / "other", seed=2, space="daic")
    assert set(join([one, other]).recordings()["subject_id"]) == {
        *(f"avec:s{i:03d}" for i in range(8)),
        *(f"daic:s{i:03d}" for i in range(8)),
    }


def test_other_features_other_scaling_and_other_scales_are_refused(
    tmp_path: Path, one: Corpus
) -> None:
    other = named(tmp_path / "other", seed=2, first=100)
    with pytest.raises(DataError, match="'one' has features toy-1, 'other' toy-2"):
        join([one, other.with_about({"feature_set": "toy-2"})])
    with pytest.raises(DataError, match="'one' has landmarks scaled by frame, 'other' 640"):
        join(
            [one, open_corpus(other.root).with_about({"feature_set": "toy-1", "normalise": "640"})]
        )
    phq = make_tables_corpus(tmp_path / "phq", n_subjects=8, seconds=6.0, scale="PHQ-8")
    with pytest.raises(DataError, match="PHQ-8"):
        join([one, phq])


def test_two_corpora_of_one_name_are_refused(one: Corpus) -> None:
    with pytest.raises(DataError, match="two of the corpora are called 'one'"):
        join([one, one])


def test_train_on_one_and_test_on_another(
    tmp_path: Path, deptool: Cli, one: Corpus, other: Corpus
) -> None:
    words = ["train", "--model", "depressionmlp", "--epochs", "1", "--seeds", "1"]
    words += ["--out", tmp_path / "run"]
    words += ["--train-on", one.root, "--test-on", other.root]
    refused = deptool(*words)
    assert refused.returncode == 7
    assert "1 persons are in both" in refused.stderr
    assert "--drop-shared" in refused.stderr
    done = deptool(*words, "--drop-shared")
    assert done.returncode == 0, done.stderr
    assert "are left out" in done.stderr
    table = pl.read_parquet(tmp_path / "run" / "predictions.parquet")
    assert dict(table.group_by("split").len().rows()) == {"train": 4, "dev": 1, "test": 8}
    # What was trained on is known again, under the name it has in its own corpus.
    known = predict(one, tmp_path / "run")
    assert len(known.in_training) == 4
    assert set(known.predictions["split"]) == {"train", "dev", "new"}


@pytest.mark.parametrize(
    "words",
    [["--train-on", "a"], ["--test-on", "a"], ["a", "--train-on", "a", "--test-on", "b"]],
)
def test_train_on_and_test_on_need_each_other(deptool: Cli, words: list[str]) -> None:
    done = deptool("train", "--model", "depressionmlp", *words)
    assert done.returncode == 2
    assert "--t" in done.stderr


def test_a_table_from_a_joined_corpus_is_read_from_its_own(one: Corpus, tmp_path: Path) -> None:
    # A corpus whose name is the beginning of another's must not be mistaken for it.
    other = named(tmp_path / "one2", seed=2, first=100)
    joint = join([other, one])
    assert joint.frames_path("one/s000_0") == one.frames_path("s000_0")
    assert joint.frames_path("one2/s000_0") == other.frames_path("s000_0")


def test_one_that_does_not_say_whose_its_ids_are_is_compared_by_bare_ids(tmp_path: Path) -> None:
    # An id space on one side alone must not hide who is in both.
    one = named(tmp_path / "one", seed=1, space="avec")
    other = named(tmp_path / "other", seed=2, first=6)
    with pytest.raises(DataError, match="2 sessions are in both"):
        join([one, other])
    with pytest.raises(DataError, match="1 persons are in both"):
        across([one], other)
    apart = join([one, named(tmp_path / "apart", seed=3, first=100)])
    assert "apart: nothing says whose ids these are" in apart.notes[0]


def test_nothing_left_of_a_corpus_is_an_error(tmp_path: Path, one: Corpus) -> None:
    same = named(tmp_path / "same", seed=2)
    with pytest.raises(DataError, match="nothing of 'same' remains"):
        join([one, same], drop_shared=True)
    with pytest.raises(DataError, match="nothing of 'one' remains"):
        across([one], same, drop_shared=True)
    # Of `one`, s002 and s006 are in dev; a corpus with both leaves nobody to choose on.
    both = named(tmp_path / "both", seed=2, n=5, first=2)
    with pytest.raises(DataError, match="nothing to choose on remains"):
        across([one], both, drop_shared=True)


def test_a_corpus_without_scores_cannot_be_tested_on(tmp_path: Path, one: Corpus) -> None:
    other = make_tables_corpus(tmp_path / "other", n_subjects=4, seconds=6.0, labels=False)
    with pytest.raises(DataError, match="no scores to test on"):
        across([one], other)


def test_predict_names_persons_the_run_was_trained_on(tmp_path: Path, deptool: Cli) -> None:
    one = named(tmp_path / "one", seed=1, space="avec")
    train = ["train", one.root, "--model", "constant", "--out", tmp_path / "run"]
    assert deptool(*train).returncode == 0
    # s006 is in dev and s007 in test there: only s004 and s005 were trained on.
    later = named(tmp_path / "later", seed=2, first=4, n=4, space="avec")
    assert predict(later, tmp_path / "run").known_persons == ("s004", "s005")
    done = deptool("predict", tmp_path / "run", later.root)
    assert predict(later.with_about({"id_space": "daic"}), tmp_path / "run").known_persons == ()
    assert "2 persons of this corpus may be in the run's training data" in done.stderr, done.stderr


def test_a_person_in_train_of_one_and_test_of_another_is_refused(
    tmp_path: Path, deptool: Cli, one: Corpus
) -> None:
    # Other sessions of the same persons, their parts the other way round in time: of every four,
    # two are in train, one in dev, one in test; shifted by two, s002 to s007 change sides.
    other = named(tmp_path / "other", seed=2, first=2)
    later = pl.col("session_id").str.replace("_0", "_9")
    other.write_recordings(other.recordings().with_columns(later))
    other.write_labels(other.labels().with_columns(later))
    words = ["train", one.root, other.root, "--model", "constant"]
    refused = deptool(*words, "--out", tmp_path / "a")
    assert refused.returncode == 7
    assert "6 subjects are in one part of one corpus" in refused.stderr
    apart = deptool(*words, "--protocol", "group-kfold:3", "--out", tmp_path / "b")
    assert apart.returncode == 0, apart.stderr
