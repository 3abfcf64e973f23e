"""The one training loop of networks: members (a seed and a fold each) side by side, in step.

Each member has its own draw, order of segments, best epoch and early stop, and comes out as if it
had been trained alone, to the precision of floats. A member is chosen by dev RMSE alone. States
after each whole epoch are kept in memory, and written every few seconds and when training is
interrupted, generator states included, so that a run that is resumed gives what it would have given
without the interruption.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from deptool.checkpoints import Checkpoint, Key, write_checkpoints
from deptool.errors import TrainingError
from deptool.networks import threads
from deptool.side_by_side import side_by_side

if TYPE_CHECKING:
    from deptool.runs import Run
    from deptool.segmented import Segmented
    from deptool.sequence_trainer import SequenceTrainer
    from deptool.sequenced import Sequenced
    from deptool.trainer import Member, Trainer

_SAVE_EVERY_S = 3.0
_SAVING_SHARE = 0.05  # of the time, at most


OnEpoch = Callable[["Member", int, float, float], None]  # member, epoch, train loss, dev RMSE


def train_members(
    run: Run, data: Segmented | Sequenced, members: Sequence[Member], on_epoch: OnEpoch | None
) -> list[Checkpoint]:
    """Train members to their end, from their checkpoints where there are some.

    They form groups that train in step; on a CPU, one thread trains each group, as many at a time
    as there are cores.
    """
    most = data.at_once()
    trainers = [data.trainer(group) for group in _groups(members, most)]
    place = data.plan.place
    forked = torch.random.fork_rng(devices=[place] if place.type == "cuda" else [])
    with forked, threads(1 if most > 1 else getattr(data.plan.module, "CPU_THREADS", None)):
        if most == 1 or len(trainers) == 1 or place.type != "cpu":
            found = [_train(run, trainer.start(run), on_epoch) for trainer in trainers]
        else:
            started = [trainer.start(run) for trainer in trainers]  # draws: one after the other
            found = side_by_side([partial(_train, run, trainer) for trainer in started], on_epoch)
    return [state for states in found for state in states]


def _train(
    run: Run,
    trainer: Trainer | SequenceTrainer,
    on_epoch: OnEpoch | None,
    stop: threading.Event | None = None,
) -> list[Checkpoint]:
    """Train the members of a started trainer to their end; StoppedError where `stop` is set."""
    members, states = trainer.members, trainer.states
    saving = _Saving(trainer.path(run))
    try:
        while which := [i for i, state in enumerate(states) if not state.finished]:
            losses, rmses = trainer.epoch(which, stop), trainer.dev_rmse(which)
            after = list(states)
            for i, loss, rmse in zip(which, losses, rmses, strict=True):
                _require_finite(run, members[i], states[i].epoch + 1, loss, rmse)
                after[i] = trainer.snapshot(i, states[i], loss, rmse)
            states = after  # all of them or none, so that they stay in step
            saving.sometimes(_by_key(members, states))
            for i in which if on_epoch else ():
                assert on_epoch is not None
                on_epoch(members[i], states[i].epoch, *states[i].history[-1])
    finally:  # also where the user interrupts, in the middle of a later epoch
        if any(state.epoch for state in states):
            saving.now(_by_key(members, states))
    return states


class _Saving:
    """Writes checkpoints now and then: not more often than it takes a small part of the time."""

    def __init__(self, path: Path) -> None:
        self.path, self.wait, self.since = path, _SAVE_EVERY_S, time.monotonic()

    def sometimes(self, states: Mapping[Key, Checkpoint]) -> None:
        if time.monotonic() - self.since > self.wait:
            self.now(states)

    def now(self, states: Mapping[Key, Checkpoint]) -> None:
        started = time.monotonic()
        write_checkpoints(self.path, states)
        self.since = time.monotonic()
        self.wait = max(_SAVE_EVERY_S, (self.since - started) / _SAVING_SHARE)


def _by_key(members: Sequence[Member], states: Sequence[Checkpoint]) -> dict[Key, Checkpoint]:
    return {member.key: state for member, state in zip(members, states, strict=True)}


def _require_finite(run: Run, member: Member, epoch: int, loss: float, rmse: float) -> None:
    if not (math.isfinite(loss) and math.isfinite(rmse)):
        raise TrainingError(
            f"the loss of seed {member.seed}, fold {member.fold.number} became {loss}"
            f" in epoch {epoch}",
            where=str(run.root),
            fix="Use a smaller learning_rate.",
        )


def _groups(members: Sequence[Member], most: int) -> list[Sequence[Member]]:
    """As few groups as there can be, of nearly one size; the same on every machine."""
    count = -(-len(members) // most)
    ends = [round(i * len(members) / count) for i in range(count + 1)]
    return [members[start:end] for start, end in pairwise(ends)]
