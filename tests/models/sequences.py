"""A smallest network of recordings, for tests alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import SGD, Optimizer

from deptool.sequence_blocks import Standardise, masked_mean
from deptool.sequences import Batch, Clip, Known, Phase, Shape, Stream, Track


@dataclass(frozen=True)
class Settings:
    """Two phases: the bias alone, then all of it."""

    hz: float = 6.0
    first_epochs: int = 2
    epochs: int = 4
    patience: int = 100
    batch_size: int = 4
    dropout: float = 0.1
    clip_norm: float = 5.0


class Linear(nn.Module):
    """The mean over valid steps, and a linear map of it."""

    def __init__(self, dimension: int, dropout: float) -> None:
        super().__init__()
        self.scale = Standardise(dimension)
        self.dropout = nn.Dropout(dropout)
        self.score = nn.Linear(dimension, 1)

    def forward(self, values: Mapping[str, Tensor], valid: Mapping[str, Tensor]) -> Tensor:
        x = self.scale(values["all"], valid["all"])
        return self.score(self.dropout(masked_mean(x, valid["all"]))).squeeze(-1)


def streams(settings: Settings) -> dict[str, Stream]:
    return {"all": Stream("behaviour:action_units", settings.hz)}


def build(settings: Settings, *, streams: Mapping[str, Shape]) -> Linear:
    return Linear(streams["all"].dimension, settings.dropout)


def initialise(
    model: Linear, train_mean: float, moments: Mapping[str, tuple[Tensor, Tensor]]
) -> None:
    model.scale.learn(*moments["all"])
    nn.init.constant_(model.score.bias, train_mean)


def phases(settings: Settings) -> tuple[Phase, ...]:
    return Phase("bias", settings.first_epochs), Phase("all", settings.epochs)


def begin(model: Linear, phase: int, settings: Settings) -> Optimizer:
    return SGD([model.score.bias] if phase == 0 else model.score.parameters(), 0.05, momentum=0.9)


def rate(phase: int, progress: float, settings: Settings) -> float:
    return 1.0 if progress < 2 else 0.5


def draw(
    known: Known, phase: int, settings: Settings, generator: torch.Generator
) -> list[list[Clip]]:
    order = torch.randperm(len(known.score), generator=generator).tolist()
    size = settings.batch_size
    return [[Clip(r, 0.0, 8.0) for r in order[i : i + size]] for i in range(0, len(order), size)]


def loss(model: Linear, batch: Batch, phase: int, settings: Settings) -> Tensor:
    return (model(batch.values, batch.valid) - batch.score).square().mean()


def clips(seconds: float, settings: Settings) -> list[tuple[float, float]]:
    return [(start, start + 4.0) for start in np.arange(0, max(seconds - 3.9, 1), 4.0).tolist()]


def explain(
    model: Linear, values: Mapping[str, Tensor], valid: Mapping[str, Tensor], settings: Settings
) -> Sequence[Track]:
    start = np.arange(len(valid["all"][0])) / settings.hz
    size = values["all"][0].abs().sum(-1).double().numpy()
    return [Track("relevance", "size", start, start + 1 / settings.hz, size)]


def toy() -> ModuleType:
    """This file, as a model's module."""
    import sys

    return sys.modules[__name__]


TITLE = "The mean and a linear map: for tests alone"
DOI = None
NEEDS = USES = ()
