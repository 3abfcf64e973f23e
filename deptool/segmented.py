"""What networks learn from: all segments of a corpus, on the device where the model computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from deptool import windows
from deptool.loop import OnEpoch, train_members
from deptool.machine import usable_cores
from deptool.networks import Widths, average, restore, score_segments, threads, widths
from deptool.trainer import Member, Trainer

if TYPE_CHECKING:
    from deptool.checkpoints import Checkpoint
    from deptool.corpus import Corpus
    from deptool.prepare import OnRead, Plan
    from deptool.runs import Run


# Members in step: more of them make a step no cheaper, and leave other cores without work.
_MOST_MEMBERS = {"cpu": 8}
_MOST_ELSEWHERE = 64
_MOST_NUMBERS = 50_000_000  # parameters of members in step


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

    def train(
        self, run: Run, members: Sequence[Member], on_epoch: OnEpoch | None
    ) -> list[Checkpoint]:
        return train_members(run, self, members, on_epoch)

    def at_once(self) -> int:
        """How many members train in step at most: one, where the model's file says so."""
        module = self.plan.module
        if not getattr(module, "TOGETHER", True):
            return 1
        with torch.random.fork_rng(devices=[]):
            network = module.build(self.plan.settings, columns=self.columns)
        size: int = sum(p.numel() for p in network.parameters())
        most = _MOST_MEMBERS.get(self.values.device.type, _MOST_ELSEWHERE)
        return max(1, min(most, _MOST_NUMBERS // size))

    def trainer(self, members: Sequence[Member]) -> Trainer:
        return Trainer(self, members)

    def predict(self, members: Sequence[Mapping[str, Tensor]]) -> list[NDArray[np.float64]]:
        """One thread a core scores with one member; with one alone, torch's own threads help."""
        plan, place = self.plan, self.values.device
        networks = [
            restore(plan.module, plan.settings, self.columns, parameters).to(place)
            for parameters in members
        ]
        if len(networks) == 1 or place.type != "cpu":
            return [self._scores_of(network) for network in networks]
        with threads(1), ThreadPoolExecutor(usable_cores()) as pool:
            return list(pool.map(self._scores_of, networks))

    def _scores_of(self, network: nn.Module) -> NDArray[np.float64]:
        rows = torch.arange(len(self.values))
        return average(score_segments(network, self.values, self.columns, rows), self.recording)


def segmented(corpus: Corpus, recordings: pl.DataFrame, plan: Plan, on_read: OnRead) -> Segmented:
    """Cut the recordings into segments and put them where the model computes."""
    found = windows.cut(corpus, recordings, plan.columns, plan.settings, on_read)
    values = torch.from_numpy(found.values).to(plan.place)
    return Segmented(
        plan, values, found.recording, found.recordings, found.skipped, found.n_dropped
    )
