"""Sixteen members of a run together, against one, and against sixteen plain loops in turn."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.section import Section, median, seconds
from deptool import plugins, splits
from deptool.loop import train_members
from deptool.networks import inputs
from deptool.prepare import Plan, choose_columns, prepare
from deptool.runs import Run
from deptool.segmented import Segmented
from deptool.trainer import Member
from fixtures.tables import make_tables_corpus

MEMBERS, EPOCHS, RUNS = 16, 4, 3
PLAIN = 4  # plain loops that are timed, and counted MEMBERS / PLAIN times


@dataclass(frozen=True)
class Task:
    """DepressionMLP on a corpus of AVEC 2014's size, one fold of five."""

    module: Any
    data: Segmented
    fold: splits.Fold

    def together(self, run: Run, members: int) -> None:
        """`members` seeds for EPOCHS epochs, as `deptool train` does."""
        run.drop_checkpoints()
        train_members(run, self.data, [Member(seed, self.fold) for seed in range(members)], None)

    def plain(self) -> None:
        """Some seeds, one after another, as scripts in this field train: DataLoader and loop."""
        for seed in range(PLAIN):
            self._plain(seed)

    def _plain(self, seed: int) -> None:
        torch.manual_seed(seed)
        rows, dev = (self.data.segments(part) for part in (self.fold.train, self.fold.dev))
        recording = torch.from_numpy(self.data.recording)
        target = torch.from_numpy(self.data.scores())[recording].float()
        network = self.module.build(self.data.plan.settings, columns=self.data.columns)
        optimiser = torch.optim.Adam(network.parameters(), lr=2e-4, weight_decay=1e-4)
        per_epoch = 4 * len(self.fold.train)
        for _ in range(EPOCHS):
            drawn = rows[torch.randperm(len(rows))[:per_epoch]]
            batches = DataLoader(
                TensorDataset(self.data.values[drawn], target[drawn]), batch_size=8, shuffle=True
            )
            total = 0.0
            for values, truth in batches:
                loss = self.module.loss(network(**self._groups(values)), truth)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                total += loss.item()
            with torch.no_grad():
                held = DataLoader(TensorDataset(self.data.values[dev]), batch_size=32)
                torch.cat([network(**self._groups(values)) for (values,) in held])

    def _groups(self, values: torch.Tensor) -> dict[str, torch.Tensor]:
        return inputs(values, self.data.columns, torch.arange(len(values)))


def measure() -> Section:
    """Time of an epoch of one member, of 16 together, and of 16 plain loops."""
    taken: dict[str, list[float]] = {"one": [], "together": [], "plain": []}
    with tempfile.TemporaryDirectory() as name:
        run = Run(Path(name) / "run", {})
        task = _task(Path(name) / "corpus")
        task.together(run, 1)  # the first run of anything costs more
        for _ in range(RUNS):
            taken["one"].append(seconds(lambda: task.together(run, 1)))
            taken["together"].append(seconds(lambda: task.together(run, MEMBERS)))
            taken["plain"].append(MEMBERS / PLAIN * seconds(task.plain))
    one, together, plain = (median(taken[key]) for key in ("one", "together", "plain"))
    rows = [
        [label, f"{spent / EPOCHS:.2f}", f"{spent / one:.1f}", f"{spent / together:.1f}"]
        for label, spent in (
            ("one member, `deptool train --seeds 1`", one),
            (f"{MEMBERS} members together, `--seeds {MEMBERS}`", together),
            (f"{MEMBERS} plain DataLoader loops, one after another", plain),
        )
    ]
    return Section(
        "Many members at once",
        f"DepressionMLP on 150 generated recordings of 43 s, the first of five folds: {EPOCHS}"
        " epochs with the scoring of the dev part, reading and start-up left out. The plain loop"
        " has torch's own threads, Adam as torch sets it, and `loss.item()` at each step; four of"
        f" the sixteen were run and counted four times. Medians of {RUNS} rounds.",
        ("what", "s an epoch", "times one member", "times all together"),
        rows,
    )


def _task(root: Path) -> Task:
    corpus = make_tables_corpus(root, n_subjects=75, sessions=2, seconds=43.0)
    module = plugins.load("models", "depressionmlp")
    settings = replace(module.Settings(), epochs=EPOCHS, patience=EPOCHS)
    recordings, _ = corpus.scored()
    columns, _ = choose_columns(corpus, recordings, module, settings)
    data = prepare(corpus, recordings, Plan(module, settings, columns, torch.device("cpu")))
    assert isinstance(data, Segmented)
    return Task(module, data, splits.make_folds(recordings, "group-kfold:5")[0])
