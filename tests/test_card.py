"""Model cards: what they say of a run, and that nothing of the people is in them."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from deptool.card import card, write_card
from deptool.corpus import Corpus, open_corpus
from deptool.errors import InputError
from deptool.models.depressionmlp import Settings
from deptool.runs import Run
from deptool.tables import read_json, write_json
from deptool.train import train
from fixtures.tables import make_tables_corpus
from tests.conftest import Run as Cli


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """8 persons, 2 sessions each: 8 recordings in train, 4 in dev, 4 in test."""
    return make_tables_corpus(tmp_path_factory.mktemp("c") / "toy", n_subjects=8, seconds=6.0)


@pytest.fixture(scope="module")
def run(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("r") / "run"
    return train(corpus, "depressionmlp", Settings(epochs=2), seeds=[0, 1], out=out)


def test_the_card_says_what_was_trained_on_what_and_how(run: Run) -> None:
    text = card(run.root)
    assert text.startswith("# Model card: depressionmlp on toy\n")
    assert "doi:10.1109/TCSVT.2024.3382334" in text
    assert "| Members | 2 (seeds 2, folds 1) |" in text
    for line in ("| 0 | train | 8 | 4 |", "| 0 | dev | 4 | 2 |", "| 0 | test | 4 | 2 |"):
        assert line in text
    assert "No person is on two sides of the split." in text
    assert "learning\\_rate 0.0002" in text
    for heading in ("Model", "Data and split", "Results", "Intended use", "Limits", "Licences"):
        assert f"\n## {heading}\n" in text
    assert "**Not for** diagnosis" in text
    assert "synthetic" not in text.lower()


def test_the_metrics_stand_there_with_intervals_and_the_constant(run: Run) -> None:
    rows = [
        line.split(" | ") for line in card(run.root).splitlines() if "| all recordings |" in line
    ]
    assert [row[0].strip("| †‡§") for row in rows] == ["train mean (constant)", "depressionmlp"]
    assert all(row[6] == "4" for row in rows)  # N


def test_train_writes_it_and_the_same_run_gives_the_same_card(run: Run) -> None:
    before = (run.root / "card.md").read_bytes()
    assert write_card(run.root).read_bytes() == before


def test_no_person_no_recording_and_no_path_is_in_it(run: Run, corpus: Corpus) -> None:
    text = card(run.root)
    table = corpus.recordings()
    for name in {*table["recording_id"], *table["subject_id"]}:
        assert name not in text
    assert str(run.root.parent) not in text


def test_persons_on_two_sides_are_said(corpus: Corpus, tmp_path: Path) -> None:
    own = make_tables_corpus(tmp_path / "own", n_subjects=8, sessions=1, seconds=5.0)
    one = pl.lit("s000").alias("subject_id")
    own.write_recordings(own.recordings().with_columns(one))
    done = train(own, "constant", out=tmp_path / "run")
    assert "Persons are on two sides of the split (train and dev 1" in card(done.root)
    assert "2 of 2 test recordings show a person who is in train or dev" in card(done.root)


def test_a_synthetic_corpus_is_said_to_be(tmp_path: Path) -> None:
    made = make_tables_corpus(tmp_path / "own", n_subjects=8, sessions=1, seconds=5.0)
    made = open_corpus(made.root).with_about({"synthetic": True})
    done = train(made, "constant", out=tmp_path / "run")
    assert done.about["synthetic"] is True
    assert "**Synthetic data" in card(done.root)


def test_without_a_test_part_it_speaks_of_dev(tmp_path: Path) -> None:
    own = make_tables_corpus(tmp_path / "own", n_subjects=8, sessions=1, seconds=5.0)
    split = pl.col("split").replace("test", "train")
    own.write_recordings(own.recordings().with_columns(split))
    assert "On dev: there is no test part." in card(train(own, "constant", out=tmp_path / "r").root)


def test_an_unfinished_run_has_no_card(run: Run, tmp_path: Path) -> None:
    write_json(tmp_path / "run/run.json", read_json(run.root / "run.json") | {"status": "running"})
    with pytest.raises(InputError, match="not finished"):
        card(tmp_path / "run")


def test_the_command_prints_or_writes(run: Run, tmp_path: Path, deptool: Cli) -> None:
    shown = deptool("card", run.root)
    assert shown.stdout == card(run.root)
    done = deptool("card", run.root, "--out", tmp_path / "card.md")
    assert (done.stdout, (tmp_path / "card.md").read_text()) == ("", shown.stdout)
    missing = deptool("card", tmp_path / "none")
    assert missing.returncode == 4
    assert "no such folder" in missing.stderr
