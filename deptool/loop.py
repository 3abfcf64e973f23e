"""The one training loop of networks: a member (one seed, one fold), from its draw to its end.

A member is chosen by dev RMSE alone. Its state after each whole epoch is kept in memory, and
written every few seconds and when training is interrupted, generator states included, so that a
run that is resumed gives what it would have given without the interruption.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from deptool import runs, windows
from deptool.errors import TrainingError
from deptool.networks import Widths, average, inputs, restore, score_segments, widths
from deptool.runs import Checkpoint, Run
from deptool.splits import Fold

if TYPE_CHECKING:
    from deptool.corpus import Corpus
    from deptool.prepare import OnRead, Plan

_SAVE_EVERY_S = 3.0


@dataclass(frozen=True)
class Member:
    """One network of a run: a seed and a fold."""

    seed: int
    fold: Fold


OnEpoch = Callable[[Member, int, float, float], None]  # member, epoch, train loss, dev RMSE


@dataclass(frozen=True)
class Segmented:
    """All segments: values (segment, frame, column) on the device, recording (segment,)."""

    plan: Plan
    values: Tensor
    recording: NDArray[np.int64]  # rows of `recordings`
    recordings: pl.DataFrame
    skipped: Mapping[str, str]
    n_dropped: int

    @property
    def columns(self) -> Widths:
        """How many columns each group has."""
        return widths(self.plan.columns)

    @property
    def n_segments(self) -> NDArray[np.int64]:
        return np.bincount(self.recording, minlength=len(self.recordings))

    def about(self) -> dict[str, object]:
        return {"n_segments": len(self.values), "n_segments_dropped": self.n_dropped}

    def pick(self, names: Sequence[str]) -> NDArray[np.bool_]:
        """True for these recordings: (recording,)."""
        return self.recordings["recording_id"].is_in(list(names)).to_numpy()

    def segments(self, names: Sequence[str]) -> Tensor:
        """The numbers of the segments of these recordings."""
        return torch.from_numpy(np.flatnonzero(self.pick(names)[self.recording]))

    def scores(self) -> NDArray[np.float64]:
        """score (recording,), in points."""
        return self.recordings["score"].to_numpy().astype(np.float64)

    def train(self, run: Run, member: Member, on_epoch: OnEpoch | None) -> Checkpoint:
        return train_member(run, Trainer(self, member), on_epoch)

    def predict(self, parameters: Mapping[str, Tensor]) -> NDArray[np.float64]:
        network = restore(self.plan.module, self.plan.settings, self.columns, parameters)
        network.to(self.values.device)
        rows = torch.arange(len(self.values))
        return average(score_segments(network, self.values, self.columns, rows), self.recording)


def segmented(corpus: Corpus, recordings: pl.DataFrame, plan: Plan, on_read: OnRead) -> Segmented:
    """Cut the recordings into segments and put them where the model computes."""
    found = windows.cut(corpus, recordings, plan.columns, plan.settings, on_read)
    values = torch.from_numpy(found.values).to(plan.place)
    return Segmented(
        plan, values, found.recording, found.recordings, found.skipped, found.n_dropped
    )


class Trainer:
    """One member's network, optimiser and generator, all drawn from its seed."""

    def __init__(self, data: Segmented, member: Member) -> None:
        self.module, self.settings = data.plan.module, data.plan.settings
        self.data, self.member = data, member
        self.scores = data.scores()
        self.segments = data.segments(member.fold.train)
        self.recording = torch.from_numpy(data.recording)[self.segments]
        self.target = torch.from_numpy(self.scores)[self.recording].float()
        self.dev = data.pick(member.fold.dev)
        self.dev_segments = data.segments(member.fold.dev)

    def start(self) -> None:
        """Draw the network; call where torch's global generator may be changed."""
        torch.manual_seed(self.member.seed)
        self.generator = torch.Generator().manual_seed(self.member.seed)
        self.network: nn.Module = self.module.build(self.settings, columns=self.data.columns)
        train_mean = float(self.scores[self.data.pick(self.member.fold.train)].mean())
        self.module.initialise(self.network, train_mean)
        self.network.to(self.data.values.device)
        self.optimiser = self.module.optimiser(self.network, self.settings)

    def epoch(self) -> float:
        """One epoch; the mean loss over its steps."""
        self.network.train()
        order = self.module.sample(self.recording, self.target, self.settings, self.generator)
        losses = []
        for batch in torch.split(order, self.settings.batch_size):
            groups = inputs(self.data.values, self.data.columns, self.segments[batch])
            score = self.network(**groups)
            loss = self.module.loss(score, self.target[batch].to(score.device))
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()
            losses.append(loss.detach())
        return float(torch.stack(losses).mean())

    def dev_rmse(self) -> float:
        """RMSE over dev recordings, in points."""
        scores = score_segments(
            self.network, self.data.values, self.data.columns, self.dev_segments
        )
        mean = average(scores, self.data.recording[self.dev_segments], len(self.scores))
        return float(np.sqrt(np.square(mean - self.scores)[self.dev].mean()))

    def snapshot(self, before: Checkpoint, loss: float, rmse: float) -> Checkpoint:
        """The state after this epoch, in copies of its own."""
        epoch = before.epoch + 1
        parameters = {k: v.detach().clone() for k, v in self.network.state_dict().items()}
        better = not before.epoch or rmse < before.history[before.best_epoch - 1][1]
        best_epoch = epoch if better else before.best_epoch
        waited = epoch - best_epoch >= self.settings.patience
        random = {"sampling": self.generator.get_state(), "cpu": torch.get_rng_state()}
        if self.data.values.is_cuda:
            random["cuda"] = torch.cuda.get_rng_state(self.data.values.device)
        return Checkpoint(
            epoch=epoch,
            best_epoch=best_epoch,
            finished=waited or epoch >= self.settings.epochs,
            history=[*before.history, (loss, rmse)],
            parameters=parameters,
            best=parameters if better else before.best,
            optimiser={
                f"{i}.{name}": value.detach().clone()
                for i, state in self.optimiser.state_dict()["state"].items()
                for name, value in state.items()
            },
            random=random,
        )

    def restore(self, state: Checkpoint) -> None:
        """Go on from a snapshot."""
        self.network.load_state_dict(state.parameters)
        moments: dict[int, dict[str, Tensor]] = {}
        for key, value in state.optimiser.items():
            i, name = key.split(".", 1)
            moments.setdefault(int(i), {})[name] = value
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": moments})
        self.generator.set_state(state.random["sampling"])
        torch.set_rng_state(state.random["cpu"])
        if "cuda" in state.random and self.data.values.is_cuda:
            torch.cuda.set_rng_state(state.random["cuda"], self.data.values.device)


def train_member(run: Run, trainer: Trainer, on_epoch: OnEpoch | None) -> Checkpoint:
    """Train one member to its end, from its checkpoint where there is one."""
    member = trainer.member
    path = run.checkpoint_path(member.seed, member.fold.number)
    state = runs.read_checkpoint(path) if path.is_file() else Checkpoint()
    if state.finished:
        return state
    place = trainer.data.values.device
    forked = torch.random.fork_rng(devices=[place] if place.type == "cuda" else [])
    with forked, _threads(getattr(trainer.module, "CPU_THREADS", None)):
        trainer.start()
        if state.epoch:
            trainer.restore(state)
        saved = time.monotonic()
        try:
            while not state.finished:
                loss, rmse = trainer.epoch(), trainer.dev_rmse()
                if not (math.isfinite(loss) and math.isfinite(rmse)):
                    raise TrainingError(
                        f"the loss of seed {member.seed}, fold {member.fold.number} became {loss}"
                        f" in epoch {state.epoch + 1}",
                        where=str(run.root),
                        fix="Use a smaller learning_rate.",
                    )
                state = trainer.snapshot(state, loss, rmse)
                if time.monotonic() - saved > _SAVE_EVERY_S:
                    state.write(path)
                    saved = time.monotonic()
                if on_epoch:
                    on_epoch(member, state.epoch, loss, rmse)
        finally:  # also where the user interrupts, in the middle of a later epoch
            if state.epoch:
                state.write(path)
    return state


@contextlib.contextmanager
def _threads(count: int | None) -> Iterator[None]:
    """Torch's threads on the CPU while a member trains; None leaves them as they are."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
