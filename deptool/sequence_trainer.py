"""One network of recordings in training: phases, epochs, best epoch, what resuming needs."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from deptool.checkpoints import Checkpoint, read_checkpoints
from deptool.sequences import Phase
from deptool.side_by_side import StoppedError
from deptool.trainer import Member

if TYPE_CHECKING:
    from deptool.runs import Run
    from deptool.sequenced import Sequenced

Moments = dict[str, tuple[Tensor, Tensor]]


class SequenceTrainer:
    """One member, as the loop trains groups of them; `deptool.trainer.Trainer` is the other kind.

    A phase starts from the one before it at its best epoch, with an optimiser of its own.
    """

    def __init__(self, data: Sequenced, members: Sequence[Member]) -> None:
        (self.member,) = members
        self.data, self.module, self.settings = data, data.plan.module, data.plan.settings
        self.members = members
        self.states = [Checkpoint()]
        self.phases: Sequence[Phase] = self.module.phases(self.settings)
        self.train = np.flatnonzero(data.pick(self.member.fold.train))
        self.dev = np.flatnonzero(data.pick(self.member.fold.dev))
        self.known = data.known(self.train)
        self.generator = torch.Generator().manual_seed(self.member.seed)
        self.network: nn.Module
        self.optimiser: Optimizer
        self.begun: int | None = None  # the phase that the optimiser belongs to

    def path(self, run: Run) -> Path:
        return run.checkpoint_path(*self.member.key)

    def start(self, run: Run) -> SequenceTrainer:
        """Draw the network, and take up a checkpoint; torch's global generator is changed."""
        torch.manual_seed(self.member.seed)
        self.network = self.module.build(self.settings, streams=self.data.shapes)
        mean = float(self.data.scores()[self.train].mean())
        self.module.initialise(self.network, mean, self._moments())
        self.network.to(self.data.plan.place)
        before = read_checkpoints(self.path(run)).get(self.member.key)
        if before:
            self.states = [before]
            self.restore(before)
        return self

    def epoch(self, which: Sequence[int], stop: threading.Event | None = None) -> list[float]:
        """One epoch; the mean loss over its steps.

        Raises StoppedError where `stop` is set before the epoch is done.
        """
        state = self.states[0]
        phase = len(state.ends)
        if self.begun != phase:
            self._begin(state)
        done = state.epoch - (state.ends[-1] if state.ends else 0)
        batches = self.module.draw(self.known, phase, self.settings, self.generator)
        self.network.train()
        losses: list[Tensor] = []
        for at, clips in enumerate(batches):
            if stop and stop.is_set():
                raise StoppedError
            batch = self.data.drawn(self.train, self.known, clips)
            if batch is None:
                continue
            self._set_rate(phase, done + at / len(batches))
            loss = self.module.loss(self.network, batch, phase, self.settings)
            self._step(loss)
            losses.append(loss.detach())
        return [float(torch.stack(losses).mean()) if losses else 0.0]

    def dev_rmse(self, which: Sequence[int]) -> list[float]:
        """RMSE over the dev recordings, in points."""
        self.network.eval()
        found = self.data.score([self.network], self.dev)[0]
        return [float(np.sqrt(np.square(found - self.data.scores()[self.dev]).mean()))]

    def snapshot(self, member: int, before: Checkpoint, loss: float, rmse: float) -> Checkpoint:
        """The member's state after this epoch, in copies of its own."""
        epoch, ends = before.epoch + 1, list(before.ends)
        phase = self.phases[len(ends)]
        start = ends[-1] if ends else 0
        history = [*before.history, (loss, rmse)]
        first = epoch == start + 1
        better = first or not phase.chosen or rmse < before.history[before.best_epoch - 1][1]
        best_epoch = epoch if better else before.best_epoch
        parameters = {name: v.detach().clone() for name, v in self.network.state_dict().items()}
        waited = phase.chosen and epoch - best_epoch >= self.settings.patience
        if waited or epoch - start >= phase.epochs:
            ends.append(epoch)
        random = {"sampling": self.generator.get_state(), "cpu": torch.get_rng_state()}
        if self.data.plan.place.type == "cuda":
            random["cuda"] = torch.cuda.get_rng_state(self.data.plan.place)
        found = Checkpoint(
            epoch=epoch,
            best_epoch=best_epoch,
            finished=len(ends) == len(self.phases),
            ends=ends,
            history=history,
            parameters=parameters,
            best=parameters if better else before.best,
            optimiser=self._moments_of_optimiser(),
            random=random,
        )
        self.states = [found]
        return found

    def restore(self, state: Checkpoint) -> None:
        """Go on from a snapshot."""
        if not state.finished:
            self._begin(state)
            if not state.ends or state.epoch > state.ends[-1]:  # in the midst of a phase
                self.network.load_state_dict(state.parameters)
                self._load_optimiser(state.optimiser)
        self.generator.set_state(state.random["sampling"])
        torch.set_rng_state(state.random["cpu"])
        if "cuda" in state.random and self.data.plan.place.type == "cuda":
            torch.cuda.set_rng_state(state.random["cuda"], self.data.plan.place)

    def _begin(self, state: Checkpoint) -> None:
        """Enter the phase after those that have ended, from the best epoch of the last of them."""
        if state.best:
            self.network.load_state_dict(state.best)
        self.begun = len(state.ends)
        self.optimiser = self.module.begin(self.network, self.begun, self.settings)
        for group in self.optimiser.param_groups:
            group["initial_lr"] = group["lr"]

    def _set_rate(self, phase: int, progress: float) -> None:
        if not hasattr(self.module, "rate"):
            return
        factor = self.module.rate(phase, progress, self.settings)
        for group in self.optimiser.param_groups:
            group["lr"] = factor * group["initial_lr"]

    def _step(self, loss: Tensor) -> None:
        self.optimiser.zero_grad()
        torch.autograd.backward(loss)
        norm = getattr(self.settings, "clip_norm", None)
        if norm:
            trained = [p for group in self.optimiser.param_groups for p in group["params"]]
            nn.utils.clip_grad_norm_(trained, norm)
        self.optimiser.step()

    def _moments(self) -> Moments:
        """Mean and SD (number,) of each stream over the valid steps of training recordings."""
        found: Moments = {}
        for name, shape in self.data.shapes.items():
            count, total = 0, np.zeros(shape.dimension)
            square = np.zeros(shape.dimension)
            for row in self.train:
                series = self.data.series(int(row))
                values = series.values[name][series.valid[name]].astype(np.float64)
                count += len(values)
                total += values.sum(0)
                square += np.square(values).sum(0)
            mean = total / max(count, 1)
            sd = np.sqrt(np.maximum(square / max(count, 1) - mean**2, 0))
            found[name] = (torch.from_numpy(mean).float(), torch.from_numpy(sd).float())
        return found

    def _moments_of_optimiser(self) -> dict[str, Tensor]:
        """The optimiser's state: '<parameter>.<name>' -> tensor, copies."""
        state: Mapping[int, Mapping[str, Tensor]] = self.optimiser.state_dict()["state"]
        return {
            f"{number}.{name}": value.detach().clone()
            for number, entry in state.items()
            for name, value in entry.items()
            if isinstance(value, Tensor)
        }

    def _load_optimiser(self, kept: Mapping[str, Tensor]) -> None:
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in kept.items():
            number, name = key.split(".", 1)
            state.setdefault(int(number), {})[name] = value
        groups = self.optimiser.state_dict()["param_groups"]
        self.optimiser.load_state_dict({"state": state, "param_groups": groups})
