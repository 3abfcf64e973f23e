"""Scores of segments: their times, what they are the mean of, and what is known of the run."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest

from deptool.corpus import Corpus, open_corpus
from deptool.errors import DataError, InputError, UsageError
from deptool.models.depressionmlp import Settings
from deptool.models.ridge import Settings as Ridge
from deptool.predict import predict
from deptool.schema import FRAMES, PREDICTIONS
from deptool.segment_scores import run_facts, segment_scores
from deptool.tables import write_json, write_table
from deptool.train import train
from deptool.view_about import run_sentences
from fixtures.tables import make_tables_corpus


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """8 s at 6 rows per second: 48 rows, so windows of 18 at 0, 9, 18 and 27."""
    return make_tables_corpus(tmp_path_factory.mktemp("c") / "toy", n_subjects=4, seconds=8.0)


@pytest.fixture(scope="module")
def run(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("r") / "run"
    return train(corpus, "depressionmlp", Settings(epochs=2), seeds=[0, 1], out=out).root


def test_segments_stand_where_they_were_cut(corpus: Corpus, run: Path) -> None:
    scores = segment_scores(corpus, run, "s001_0")
    assert scores["start_s"].to_list() == pytest.approx([0.0, 1.5, 3.0, 4.5])
    assert scores["end_s"].to_list() == pytest.approx([3.0, 4.5, 6.0, 7.5])


def test_their_mean_is_what_predict_says(corpus: Corpus, run: Path) -> None:
    predicted = predict(corpus, run).predictions
    for name in ("s000_0", "s003_1"):
        (expected,) = predicted.filter(pl.col("recording_id") == name)["prediction"]
        assert segment_scores(corpus, run, name)["score"].mean() == pytest.approx(
            expected, abs=1e-4
        )


def test_the_mean_lies_between_the_members(corpus: Corpus, run: Path) -> None:
    scores = segment_scores(corpus, run, "s000_0")
    # Of two members the mean is midway.
    assert scores["score"].to_list() == pytest.approx(
        ((scores["low"] + scores["high"]) / 2).to_list()
    )
    assert (scores["high"] > scores["low"]).all()


def test_facts_say_what_the_run_knew(corpus: Corpus, run: Path) -> None:
    # Of four subjects two are in train, one in dev, one in test.
    parts = {name: run_facts(corpus, run, name).part for name in ("s000_0", "s002_0", "s003_0")}
    assert parts == {"s000_0": "train", "s002_0": "dev", "s003_0": "test"}
    facts = run_facts(corpus, run, "s000_0")
    (truth,) = corpus.labels().filter(pl.col("session_id") == "s000_0")["score"]
    assert (facts.n_members, facts.scale, facts.truth) == (2, "BDI-II", truth)


@pytest.fixture(scope="module")
def folds(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("r") / "folds"
    choices = Settings(epochs=2)
    return train(
        corpus, "depressionmlp", choices, protocol="group-kfold:3", seeds=[0, 1], out=out
    ).root


def test_of_folds_only_the_held_out_members_speak(corpus: Corpus, folds: Path) -> None:
    # Each recording is test in one fold of three: with two seeds that is two of six members.
    facts = run_facts(corpus, folds, "s000_0")
    assert (facts.part, facts.n_members, facts.n_in_run) == ("test", 2, 6)
    rows = pl.read_parquet(folds / "predictions.parquet")
    mine = rows.filter(pl.col("recording_id") == "s000_0", pl.col("split") == "test")
    assert segment_scores(corpus, folds, "s000_0")["score"].mean() == pytest.approx(
        mine["prediction"].mean(), abs=1e-4
    )
    (said,) = [text for text, _ in run_sentences(facts) if "test part" in text]
    assert "in the test part of 2 of the run's 6 networks: the scores are of these alone" in said


def test_a_recording_that_no_fold_tests_is_scored_by_all(corpus: Corpus, folds: Path) -> None:
    # The same run, as if s000_0 had been in train everywhere.
    copied = folds.parent / "copied"
    shutil.copytree(folds, copied)
    rows = pl.read_parquet(copied / "predictions.parquet")
    mine = (pl.col("recording_id") == "s000_0") & (pl.col("split") == "test")
    write_table(copied / "predictions.parquet", PREDICTIONS, rows.filter(~mine))
    facts = run_facts(corpus, copied, "s000_0")
    assert (facts.part, facts.n_members, facts.n_in_run) == ("train", 6, 6)
    assert run_sentences(facts)[1][1]  # a warning


def test_a_person_met_in_another_corpus_is_said(run: Path, tmp_path: Path) -> None:
    other = make_tables_corpus(tmp_path / "other", n_subjects=4, seconds=4.0, labels=False)
    facts = run_facts(other, run, "s000_0")
    assert (facts.part, facts.person_known, facts.truth) == ("new", True, None)


def test_models_of_whole_recordings_are_refused(corpus: Corpus, tmp_path: Path) -> None:
    whole = train(corpus, "ridge", Ridge(), seeds=[0], out=tmp_path / "ridge").root
    with pytest.raises(UsageError, match="ridge scores a recording as a whole"):
        segment_scores(corpus, whole, "s000_0")


def test_a_run_on_other_features_asks_for_a_corpus_of_them(
    corpus: Corpus, run: Path, tmp_path: Path
) -> None:
    shutil.copytree(corpus.root, tmp_path / "other")
    write_json(tmp_path / "other" / "corpus.json", {**corpus.about, "feature_set": "other-1"})
    with pytest.raises(DataError, match="its features are other-1") as caught:
        segment_scores(open_corpus(tmp_path / "other"), run, "s000_0")
    # Not all features come from videos: those of a synthetic corpus are made, others imported.
    assert caught.value.fix == (
        f"Give a corpus of {corpus.feature_set}, or a run that was trained on other-1."
    )


def test_what_cannot_be_scored_says_why(corpus: Corpus, run: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no recording 's999'"):
        segment_scores(corpus, run, "s999")
    short = make_tables_corpus(tmp_path / "short", n_subjects=2, sessions=1, seconds=4.0)
    write_table(short.frames_path("s000_0"), FRAMES, short.frames("s000_0").head(17))
    with pytest.raises(DataError, match="shorter than one segment of 3 s"):
        segment_scores(short, run, "s000_0")
