"""Networks of recordings in training: phases, the epoch that is kept, resuming, predicting."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import polars as pl
import pytest

from deptool import plugins, sequence_trainer
from deptool.corpus import Corpus
from deptool.predict import predict
from deptool.runs import Run, open_run
from deptool.schema import HISTORY, PREDICTIONS, RUN_TRACKS
from deptool.sequences import Phase
from deptool.tables import read_table
from deptool.train import train
from fixtures.tables import make_tables_corpus
from tests.models import sequences
from tests.models.sequences import Settings

SEEDS = (0, 1)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """8 persons, 2 sessions of 8 s; 4 persons in train, 2 in dev, 2 in test."""
    return make_tables_corpus(tmp_path_factory.mktemp("c") / "toy", n_subjects=8, seconds=8.0)


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The toy as if it were a model of the package."""
    whole = plugins.load
    model = sequences.toy()

    def load(kind: str, name: str) -> ModuleType:
        return model if (kind, name) == ("models", "sequences") else whole(kind, name)

    monkeypatch.setattr(plugins, "load", load)
    return model


def run_of(corpus: Corpus, out: Path, settings: Settings | None = None, **more: Any) -> Run:
    return train(corpus, "sequences", settings or Settings(), out=out, **{"seeds": SEEDS, **more})


def history(run: Run) -> pl.DataFrame:
    return read_table(run.root / "history.parquet", HISTORY)


def predictions(run: Run) -> pl.DataFrame:
    return read_table(run.root / "predictions.parquet", PREDICTIONS)


def test_all_phases_are_trained_and_the_best_is_of_the_last(corpus: Corpus, tmp_path: Path) -> None:
    run = run_of(corpus, tmp_path / "run")
    table = history(run).filter(seed=0)
    assert table["epoch"].to_list() == [1, 2, 3, 4, 5, 6]  # 2 and 4
    best = next(m for m in open_run(run.root).about["members"] if m["seed"] == 0)
    later = table.filter(pl.col("epoch") > 2)
    assert best["best_epoch"] == later.sort("dev_rmse")["epoch"][0]
    assert best["dev_rmse"] == pytest.approx(later["dev_rmse"].min(), rel=1e-6)


def test_the_first_phase_trains_the_bias_alone(
    corpus: Corpus, tmp_path: Path, toy: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights: list[tuple[int, bool]] = []
    whole = sequence_trainer.SequenceTrainer.snapshot

    def note(self: Any, member: int, before: Any, loss: float, rmse: float) -> Any:
        found = whole(self, member, before, loss, rmse)
        changed = bool(before.epoch) and not np.array_equal(
            before.parameters["score.weight"], found.parameters["score.weight"]
        )
        weights.append((found.epoch, changed))
        return found

    monkeypatch.setattr(sequence_trainer.SequenceTrainer, "snapshot", note)
    run_of(corpus, tmp_path / "run", seeds=(0,))
    assert weights[1] == (2, False)
    assert weights[2] == (3, True)


def test_a_phase_that_waits_too_long_ends_and_the_next_begins(
    corpus: Corpus, tmp_path: Path, toy: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing is learnt in a phase without a rate, so each ends `patience` epochs after its first.
    monkeypatch.setattr(toy, "rate", lambda phase, progress, settings: 0.0)
    settings = Settings(first_epochs=10, epochs=10, patience=2)
    table = history(run_of(corpus, tmp_path / "run", settings, seeds=(0,)))
    assert len(table) == 3 + 3


def test_of_a_phase_that_is_not_chosen_by_dev_the_last_epoch_is_kept(
    corpus: Corpus, tmp_path: Path, toy: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toy, "phases", lambda s: (Phase("a", 3, chosen=False), Phase("b", 1)))
    entered: list[int] = []
    whole = sequence_trainer.SequenceTrainer._begin

    def note(self: Any, state: Any) -> None:
        entered.append(state.best_epoch)
        whole(self, state)

    monkeypatch.setattr(sequence_trainer.SequenceTrainer, "_begin", note)
    run_of(corpus, tmp_path / "run", seeds=(0,))
    assert entered == [0, 3]


@pytest.mark.parametrize("epochs", [1, 2, 3, 5])
def test_a_run_that_is_resumed_gives_what_it_would_have_given(
    corpus: Corpus, tmp_path: Path, epochs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted after so many epochs: within a phase, and between the two (2)."""
    whole = run_of(corpus, tmp_path / "whole")
    seen = 0

    def stop(*_: object) -> None:
        nonlocal seen
        seen += 1
        if seen == epochs:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_of(corpus, tmp_path / "run", on_epoch=stop)
    again = run_of(corpus, tmp_path / "run")
    assert history(again).equals(history(whole))
    assert predictions(again).equals(predictions(whole))


def test_predicting_again_gives_the_predictions_of_the_run(corpus: Corpus, tmp_path: Path) -> None:
    run = run_of(corpus, tmp_path / "run", seeds=(0,))
    found = predict(corpus, run.root).predictions.sort("recording_id")
    before = predictions(run).sort("recording_id")
    np.testing.assert_allclose(found["prediction"], before["prediction"], rtol=1e-5)
    assert found["n_segments"].to_list() == [2] * len(found)  # 8 s in clips of 4


def test_tracks_are_of_dev_and_test_in_seconds_of_the_recording(
    corpus: Corpus, tmp_path: Path
) -> None:
    run = run_of(corpus, tmp_path / "run")
    tracks = read_table(run.root / "tracks.parquet", RUN_TRACKS)
    expected = predictions(run).filter(pl.col("split") != "train")
    assert set(tracks["recording_id"]) == set(expected["recording_id"])
    one = tracks.filter(recording_id=tracks["recording_id"][0], seed=0)
    # Two clips of 4 s at 6 steps a second follow each other.
    np.testing.assert_allclose(one["start_s"], np.arange(48) / 6, atol=1e-5)


def test_a_changed_cache_is_another_run(corpus: Corpus, tmp_path: Path) -> None:
    one = run_of(corpus, tmp_path / "one", seeds=(0,))
    other = run_of(corpus, tmp_path / "other", Settings(hz=3.0), seeds=(0,))
    kept = [run.about["streams"]["all"]["digest"] for run in (one, other)]
    assert kept[0] != kept[1]
    assert one.about["digest"] != other.about["digest"]
