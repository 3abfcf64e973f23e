"""The members of a run that are asked about one recording: those that were not trained on it.

`Asked` is what networks of segments and networks of recordings have in common here: what they say
of times, and what they score where some of the recording is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from deptool import plugins, runs
from deptool.corpus import Corpus, find_recording
from deptool.errors import UsageError
from deptool.settings import resolve

if TYPE_CHECKING:
    import polars as pl

    from deptool.gradients import Attributed, OnStep
    from deptool.segment_scores import RunFacts

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

TRACK_COLUMNS = ("kind", "name", "start_s", "end_s", "value", "low", "high")


@dataclass(frozen=True)
class Units:
    """The pieces of a recording's time that can be left out: start, end (unit,) in s."""

    start: Floats
    end: Floats

    def __len__(self) -> int:
        return len(self.start)


class Asked(Protocol):
    """Networks of one run, and one recording."""

    @property
    def units(self) -> Units:
        """What can be left out, in order of time."""

    def predictions(self) -> Floats:
        """What each member scores the recording, in points: (member,)."""

    def tracks(self) -> pl.DataFrame:
        """TRACK_COLUMNS: what the networks themselves say of times."""

    def without(self, gone: Bools) -> Floats:
        """gone (set, unit) -> the mean prediction without these units, in points: (set,)."""

    def attributed(self, steps: int, on_step: OnStep) -> Attributed:
        """Integrated gradients: see gradients.py."""


@dataclass(frozen=True)
class Question:
    """A run and one of a corpus's recordings: what is known of both, and who is asked."""

    asked: Asked
    facts: RunFacts
    module: Any
    segments: bool  # whether these are networks of segments


def ask(corpus: Corpus, run_root: Path, recording_id: str, device: str = "cpu") -> Question:
    """Open a run and a recording, and build the networks of the members that are asked.

    Of a cross-validation these are the members in whose test part the recording is; where it is in
    none, all of them. Raises UsageError where the run's model says nothing of times, InputError
    where there is no finished run or no such recording, DataError where the run cannot read it.
    """
    from deptool.asked_segments import SegmentNetworks
    from deptool.asked_sequence import SequenceNetworks
    from deptool.networks import find_device
    from deptool.predict import check_features
    from deptool.prepare import Plan
    from deptool.segment_scores import held_out, run_facts

    runs.open_run(run_root)
    header, every = runs.read_model(run_root)
    module = plugins.load("models", header["model"])
    if not hasattr(module, "build"):
        raise nothing_to_ask(header["model"], run_root)
    recording = find_recording(corpus, recording_id)
    check_features(corpus, corpus.recordings(), header)
    settings = resolve(module.Settings, header["settings"], where=f"model of {run_root.name}")
    kept = held_out(run_root, header, corpus, recording_id) or range(len(every))
    members = [every[k] for k in kept]
    plan = Plan(module, settings, header["columns"], find_device(device), header.get("streams"))
    segments = not hasattr(module, "streams")
    asked = (SegmentNetworks if segments else SequenceNetworks)(corpus, recording, plan, members)
    return Question(asked, run_facts(corpus, run_root, recording_id), module, segments)


def nothing_to_ask(model: str, run_root: Path) -> UsageError:
    """What is raised for a model that is no network."""
    names = plugins.names("models")
    networks = [name for name in names if plugins.defines("models", name, "build")]
    return UsageError(
        f"{model} scores a recording as a whole, so it says nothing of times in it",
        where=str(run_root),
        fix=f"Networks can be explained: {', '.join(networks)}. All of them have integrated"
        " gradients (--method integrated-gradients).",
    )


def silent(question: Question) -> UsageError:
    """What is raised where a network with these settings says nothing of times."""
    return UsageError(
        f"{question.facts.model} with these settings says nothing itself of times",
        where=f"run {question.facts.digest[:8]}",
        fix="Ask for its gradients: deptool explain … --method integrated-gradients",
    )


def over_members(tables: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """What members say (kind, name, start_s, end_s, value) -> mean, low and high over them.

    Numbers of prototypes are names, of which there is no mean: the first member's are kept.
    """
    import polars as pl

    key = ["kind", "name", "start_s", "end_s"]
    value = pl.col("value")
    first = pl.col("kind").first() == "prototype"
    return (
        pl.concat(tables)
        .group_by(key, maintain_order=True)
        .agg(
            pl.when(first).then(value.first()).otherwise(value.mean()).alias("value"),
            pl.when(first).then(value.first()).otherwise(value.min()).alias("low"),
            pl.when(first).then(value.first()).otherwise(value.max()).alias("high"),
        )
        .select(TRACK_COLUMNS)
    )
