"""A run's networks of recordings, each with the clips that it was not trained on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deptool import plugins, runs
from deptool.errors import UsageError
from deptool.settings import resolve

if TYPE_CHECKING:
    from torch import Tensor, nn

    from deptool.corpus import Corpus
    from deptool.runs import Run


@dataclass(frozen=True)
class Seen:
    """One member's network and a clip of one recording: values and valid are a batch of one.

    stream -> (1, step, number), stream -> (1, step), as `explain` takes them. `recording` is the
    recording's row of the corpus, with its score.
    """

    seed: int
    fold: int
    recording: Mapping[str, Any]
    network: nn.Module
    settings: Any
    values: Mapping[str, Tensor]
    valid: Mapping[str, Tensor]


def clips_of(run: Run, corpus: Corpus, split: str = "test") -> Iterator[Seen]:
    """Every member with every clip of its part of that name, in order, on the CPU.

    Gradients are not kept. Raises UsageError where the model is no network of recordings.
    """
    import numpy as np
    import polars as pl
    import torch

    from deptool.evaluate import read_predictions
    from deptool.prepare import Plan
    from deptool.sequenced import sequenced

    header, members = runs.read_model(run.root)
    module = plugins.load("models", header["model"])
    if not hasattr(module, "streams"):
        raise UsageError(f"{header['model']} is no network of recordings")
    settings = resolve(module.Settings, header["settings"], where=f"model of {run.root.name}")
    plan = Plan(module, settings, header["columns"], torch.device("cpu"), header["streams"])
    recordings, _ = corpus.scored(header["scale"])
    data = sequenced(corpus, recordings, plan, lambda _done, _of: None)
    rows = read_predictions(run.root).filter(pl.col("split") == split)
    for about, parameters in zip(header["members"], members, strict=True):
        seed, fold = about["seed"], about["fold"]
        mine = rows.filter((pl.col("seed") == seed) & (pl.col("fold") == fold))["recording_id"]
        network = data.network(parameters)
        for row in np.flatnonzero(data.pick(mine.to_list())):
            series = data.series(int(row))
            recording = data.recordings.row(int(row), named=True)
            for span in data.spans(series.seconds):
                values, valid = data.cut(series, *span)
                if not any(v.any() for v in valid.values()):
                    continue
                batch = data.batch([(values, valid)])
                with torch.no_grad():
                    yield Seen(seed, fold, recording, network, settings, batch.values, batch.valid)
