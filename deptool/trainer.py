"""Members that train in step: their networks as one stack, one optimiser, an order for each."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import vmap

from deptool.checkpoints import Checkpoint, Key, read_checkpoints
from deptool.networks import average, chunk, inputs
from deptool.side_by_side import StoppedError
from deptool.splits import Fold
from deptool.stack import Stack

if TYPE_CHECKING:
    from deptool.runs import Run
    from deptool.segmented import Segmented


@dataclass(frozen=True)
class Member:
    """One network of a run: a seed and a fold."""

    seed: int
    fold: Fold

    @property
    def key(self) -> Key:
        return self.seed, self.fold.number


class Drawn:
    """What one member learns from, and its generator, all drawn from its seed."""

    def __init__(self, data: Segmented, member: Member) -> None:
        scores = data.scores()
        self.member = member
        self.segments = data.segments(member.fold.train)
        self.recording = torch.from_numpy(data.recording)[self.segments]
        self.target = torch.from_numpy(scores)[self.recording].float()
        self.train_mean = float(scores[data.pick(member.fold.train)].mean())
        self.dev = data.pick(member.fold.dev)
        self.dev_segments = data.segments(member.fold.dev)
        self.generator = torch.Generator().manual_seed(member.seed)

    def network(self, data: Segmented) -> nn.Module:
        """Drawn anew; call where torch's global generator may be changed."""
        module = data.plan.module
        torch.manual_seed(self.member.seed)
        network: nn.Module = module.build(data.plan.settings, columns=data.columns)
        module.initialise(network, self.train_mean)
        return network.to(data.values.device)


class Trainer:
    """Members that train in step: one optimiser, in which each has a row of parameters."""

    def __init__(self, data: Segmented, members: Sequence[Member]) -> None:
        self.data, self.module, self.settings = data, data.plan.module, data.plan.settings
        self.members = members
        self.drawn = [Drawn(data, member) for member in members]
        self.scores = data.scores()
        self.states = [Checkpoint() for _ in members]

    def path(self, run: Run) -> Path:
        """The checkpoint file of these members: that of the first."""
        return run.checkpoint_path(*self.members[0].key)

    def start(self, run: Run) -> Trainer:
        """Draw the networks, and take up checkpoints; torch's global generator is changed."""
        self.stack = Stack([drawn.network(self.data) for drawn in self.drawn])
        self.optimiser = self.module.optimiser(self.stack.rows, self.settings)
        before = read_checkpoints(self.path(run))
        for i, member in enumerate(self.members):
            if member.key in before:
                self.states[i] = before[member.key]
                self.restore(i, self.states[i])
        return self

    def epoch(self, which: Sequence[int], stop: threading.Event | None = None) -> list[float]:
        """One epoch of some members; each one's mean loss over its steps.

        Raises StoppedError where `stop` is set before the epoch is done.
        """
        self.stack.base.train()
        orders = [self._order(self.drawn[i]) for i in which]
        size = self.settings.batch_size
        losses: list[list[Tensor]] = [[] for _ in which]
        for at in range(0, max(len(rows) for rows, _ in orders), size):
            if stop and stop.is_set():
                raise StoppedError
            here = [k for k, (rows, _) in enumerate(orders) if len(rows) > at]
            batches = [tuple(part[at : at + size] for part in orders[k]) for k in here]
            found = self._step([which[k] for k in here], batches)
            for k, loss in zip(here, found.detach().unbind(), strict=True):
                losses[k].append(loss)
        return [float(torch.stack(each).mean()) for each in losses]

    def dev_rmse(self, which: Sequence[int]) -> list[float]:
        """RMSE over each member's dev recordings, in points."""
        rows = _padded([self.drawn[i].dev_segments for i in which])
        found = self._score(which, rows)
        return [self._rmse(self.drawn[i], row) for i, row in zip(which, found, strict=True)]

    def snapshot(self, member: int, before: Checkpoint, loss: float, rmse: float) -> Checkpoint:
        """A member's state after this epoch, in copies of its own."""
        epoch = before.epoch + 1
        parameters = self.stack.state(member)
        better = not before.epoch or rmse < before.history[before.best_epoch - 1][1]
        best_epoch = epoch if better else before.best_epoch
        waited = epoch - best_epoch >= self.settings.patience
        random = {"sampling": self.drawn[member].generator.get_state()}
        if len(self.drawn) == 1:  # several draw nothing but their order
            random["cpu"] = torch.get_rng_state()
            if self.data.values.is_cuda:
                random["cuda"] = torch.cuda.get_rng_state(self.data.values.device)
        moments = self.optimiser.state[self.stack.rows[member]]
        return Checkpoint(
            epoch=epoch,
            best_epoch=best_epoch,
            finished=waited or epoch >= self.settings.epochs,
            history=[*before.history, (loss, rmse)],
            parameters=parameters,
            best=parameters if better else before.best,
            optimiser={name: value.detach().clone() for name, value in moments.items()},
            random=random,
        )

    def restore(self, member: int, state: Checkpoint) -> None:
        """Go on from a snapshot."""
        self.stack.load(member, state.parameters)
        place = self.data.values.device
        row = self.stack.rows[member]
        self.optimiser.state[row] = {
            name: value.clone() if name == "step" else value.to(place, copy=True)
            for name, value in state.optimiser.items()
        }
        self.drawn[member].generator.set_state(state.random["sampling"])
        if "cpu" in state.random:
            torch.set_rng_state(state.random["cpu"])
        if "cuda" in state.random and self.data.values.is_cuda:
            torch.cuda.set_rng_state(state.random["cuda"], place)

    def _order(self, drawn: Drawn) -> tuple[Tensor, Tensor]:
        """The segments of one epoch in their order, and their targets: (draw,) each."""
        order = self.module.sample(drawn.recording, drawn.target, self.settings, drawn.generator)
        return drawn.segments[order], drawn.target[order]

    def _step(self, which: Sequence[int], batches: Sequence[tuple[Tensor, ...]]) -> Tensor:
        """One step of some members, each on a batch of its own: the losses (member,)."""
        place = self.data.values.device
        rows, targets = (_padded(part).to(place) for part in zip(*batches, strict=True))
        score = self.stack.score(which, inputs(self.data.values, self.data.columns, rows))
        sizes = [len(batch[0]) for batch in batches]
        losses: Tensor
        if len(which) > 1 and len(set(sizes)) == 1:
            losses = vmap(self.module.loss)(score, targets)
        else:  # one alone, or last batches of an epoch, of several lengths
            each = zip(score, targets, sizes, strict=True)
            losses = torch.stack([self.module.loss(s[:n], t[:n]) for s, t, n in each])
        self.optimiser.zero_grad()
        torch.autograd.backward(losses.sum())
        self.optimiser.step()
        return losses

    @torch.no_grad()
    def _score(self, which: Sequence[int], rows: Tensor) -> NDArray[np.float64]:
        """rows (member, some) of segments -> scores (member, some)."""
        self.stack.base.eval()
        values, columns = self.data.values, self.data.columns
        parts = torch.split(rows, max(1, chunk(values.device) // len(which)), dim=1)
        scores = [self.stack.score(which, inputs(values, columns, part)).double() for part in parts]
        return torch.cat(scores, dim=1).cpu().numpy()

    def _rmse(self, drawn: Drawn, scores: NDArray[np.float64]) -> float:
        """From the scores of a member's dev segments, those that fill the row up behind them."""
        segments = drawn.dev_segments.numpy()
        mean = average(scores[: len(segments)], self.data.recording[segments], len(self.scores))
        return float(np.sqrt(np.square(mean - self.scores)[drawn.dev].mean()))


def _padded(rows: Sequence[Tensor]) -> Tensor:
    """Vectors of several lengths as (member, longest); the shorter ones repeat their first."""
    longest = max(len(row) for row in rows)
    return torch.stack([torch.cat([row, row[:1].expand(longest - len(row))]) for row in rows])
