"""The training loop: members side by side come out as if each had been trained alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from torch import nn

from deptool import plugins, segmented, trainer
from deptool.checkpoints import Checkpoint, read_checkpoints, write_checkpoints
from deptool.corpus import Corpus
from deptool.errors import SchemaError
from deptool.runs import Run
from deptool.schema import HISTORY, PREDICTIONS
from deptool.stack import Stack
from deptool.tables import read_table
from deptool.train import train
from fixtures.tables import make_tables_corpus

NETWORKS = [
    name
    for name in plugins.names("models")
    if plugins.defines("models", name, "build") and not plugins.defines("models", name, "streams")
]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """7 persons, 2 sessions of 8 s: three folds train on 3, 2 and 2 persons' recordings."""
    return make_tables_corpus(tmp_path_factory.mktemp("c") / "toy", n_subjects=7, seconds=8.0)


def run_with(
    corpus: Corpus, model: str, out: Path, most: int, monkeypatch: pytest.MonkeyPatch
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """History and predictions of 2 seeds x 3 folds, at most so many members side by side."""
    monkeypatch.setattr(segmented, "_MOST_MEMBERS", {"cpu": most})
    settings = plugins.load("models", model).Settings(
        epochs=6, patience=2, learning_rate=1e-3, segments_per_recording=3
    )
    done = train(corpus, model, settings, protocol="group-kfold:3", seeds=[0, 1], out=out)
    return (
        read_table(done.root / "history.parquet", HISTORY),
        read_table(done.root / "predictions.parquet", PREDICTIONS),
    )


@pytest.mark.parametrize("model", NETWORKS)
def test_members_together_are_members_alone(
    corpus: Corpus, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = run_with(corpus, model, tmp_path / "together", 32, monkeypatch)
    alone = run_with(corpus, model, tmp_path / "alone", 1, monkeypatch)
    history, predictions = together
    # The comparison would say little if all members did the same: folds train on 4 or 6 recordings,
    # so on batches of 8 and 4 or of 8, 8 and 2 draws, and not all stop in the same epoch.
    trained = predictions.filter(split="train").group_by("fold").len()["len"]
    assert trained.n_unique() > 1
    lengths = history.group_by("seed", "fold").len()["len"]
    assert lengths.n_unique() > 1 or lengths[0] == 6
    for one, other in zip(together, alone, strict=True):
        assert one.drop("train_loss", "dev_rmse", "prediction", strict=False).equals(
            other.drop("train_loss", "dev_rmse", "prediction", strict=False)
        )
    np.testing.assert_allclose(history["dev_rmse"], alone[0]["dev_rmse"], rtol=2e-4)
    np.testing.assert_allclose(history["train_loss"], alone[0]["train_loss"], rtol=2e-4)
    np.testing.assert_allclose(predictions["prediction"], alone[1]["prediction"], rtol=2e-4)


def test_groups_of_members_are_as_large_as_is_allowed(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    whole = trainer.Trainer.start

    def started(self: trainer.Trainer, run: Run) -> trainer.Trainer:
        seen.append(len(self.members))
        return whole(self, run)

    monkeypatch.setattr(trainer.Trainer, "start", started)
    run_with(corpus, "depressionmlp", tmp_path / "four", 4, monkeypatch)
    assert seen == [3, 3]  # 2 seeds x 3 folds
    seen.clear()
    run_with(corpus, "lstm", tmp_path / "lstm", 4, monkeypatch)
    assert seen == [1] * 6  # its file says that its members cannot be stacked


def test_a_dev_part_of_one_segment_is_enough(tmp_path: Path) -> None:
    # 4 persons, 1 session of 4 s: one segment of 3 s each, one person in dev.
    tiny = make_tables_corpus(tmp_path / "tiny", n_subjects=4, sessions=1, seconds=4.0)
    settings = plugins.load("models", "depressionmlp").Settings(epochs=1)
    done = train(tiny, "depressionmlp", settings, seeds=[0, 1], out=tmp_path / "run")
    assert done.about["folds"][0]["dev"]["recordings"] == 1


# --- the stack -----------------------------------------------------------------------------


def small(seed: int) -> nn.Module:
    torch.manual_seed(seed)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 2)
            self.scale = nn.Parameter(torch.rand(()))

        def forward(self, *, landmarks: torch.Tensor) -> torch.Tensor:
            return self.scale * self.layer(landmarks).relu().sum((1, 2))

    return Net()


def test_a_stack_scores_each_member_on_its_own_rows() -> None:
    networks = [small(i) for i in range(3)]
    stack = Stack(networks)
    rows = torch.rand(2, 5, 4, 3)  # member, batch, frame, column
    found = stack.score([2, 0], {"landmarks": rows})
    expected = [networks[2](landmarks=rows[0]), networks[0](landmarks=rows[1])]
    torch.testing.assert_close(found, torch.stack(expected))
    torch.testing.assert_close(
        stack.score([1], {"landmarks": rows[:1]})[0], networks[1](landmarks=rows[0])
    )


def test_a_members_state_is_its_networks_and_comes_back() -> None:
    networks = [small(i) for i in range(2)]
    stack = Stack(networks)
    state = stack.state(1)
    assert {k: v.tolist() for k, v in state.items()} == {
        k: v.tolist() for k, v in networks[1].state_dict().items()
    }
    stack.load(0, state)
    assert torch.equal(stack.rows[0], stack.rows[1])
    state["scale"].add_(1)  # a copy: the stack does not follow
    assert torch.equal(stack.rows[0], stack.rows[1])


# --- checkpoints ----------------------------------------------------------------------------


def test_checkpoints_of_several_members_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    assert read_checkpoints(path) == {}
    one = Checkpoint(3, 2, False, [(1.0, 2.0)] * 3, {"a.weight": torch.ones(2)})
    other = Checkpoint(1, 1, True, [(1.5, 2.5)], best={"a.weight": torch.zeros(2)})
    other.random["sampling"] = torch.Generator().get_state()
    write_checkpoints(path, {(0, 4): one, (10, 0): other})
    found = read_checkpoints(path)
    assert list(found) == [(0, 4), (10, 0)]
    assert found[0, 4].history == one.history
    assert (found[10, 0].finished, found[10, 0].best_epoch) == (True, 1)
    assert torch.equal(found[0, 4].parameters["a.weight"], torch.ones(2))
    assert torch.equal(found[10, 0].random["sampling"], other.random["sampling"])


def test_a_file_that_is_no_checkpoint_is_named(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    path.write_bytes(b"no tensors")
    with pytest.raises(SchemaError, match=r"c\.safetensors|is not a safetensors file"):
        read_checkpoints(path)
