"""How a network is trained unless its file says otherwise: DepressionMLP's recipe.

Niu, Li, Tao, Zhou, Schuller: "DepressionMLP", IEEE TCSVT 2024, section IV.B: segments of 3 s at 6
rows per second that overlap by half, 4 of each recording in an epoch, batches of 8, the RMSE of a
batch, Adam. Networks that share it differ in nothing but the network. What the paper leaves open
stands in models/depressionmlp.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


@dataclass(frozen=True)
class Recipe:
    """The paper's values; `epochs`, `patience` and `max_missing` are not from it.

    Raises ValueError for values that make no sense.
    """

    frames: int = 18  # of a segment
    fps: float = 6.0
    overlap: float = 0.5  # of neighbouring segments
    max_missing: float = 0.2  # of a segment's frames that may be filled in
    segments_per_recording: int = 4
    shuffle: bool = True
    batch_size: int = 8
    learning_rate: float = 2e-4
    weight_decay: float = 1e-4
    epochs: int = 100
    patience: int = 20  # epochs without a better dev RMSE before training stops

    def __post_init__(self) -> None:
        for name in ("frames", "segments_per_recording", "batch_size", "epochs", "patience"):
            self.require(name, getattr(self, name) >= 1, "at least 1")
        for name in ("overlap", "max_missing"):
            self.require(name, 0 <= getattr(self, name) < 1, "from 0 to below 1")
        for name in ("fps", "learning_rate"):
            self.require(name, 0 < getattr(self, name) < math.inf, "above 0")
        self.require("weight_decay", 0 <= self.weight_decay < math.inf, "0 or more")

    def require(self, name: str, good: bool, words: str) -> None:
        """Raise ValueError unless `good`: what the setting of that name must be."""
        if not good:
            raise ValueError(f"{name} must be {words}, not {getattr(self, name)}")


def loss(score: Tensor, target: Tensor) -> Tensor:
    """RMSE of a batch (Eq. 21): score (batch), target (batch) -> scalar."""
    found: Tensor = ((score - target).square().mean() + 1e-6).sqrt()
    return found


def optimiser(model: nn.Module, settings: Recipe) -> torch.optim.Optimizer:
    """Adam with the paper's momenta, the settings' learning rate and weight decay."""
    import torch

    return torch.optim.Adam(
        model.parameters(),
        lr=settings.learning_rate,
        betas=(0.9, 0.999),
        eps=1e-7,
        weight_decay=settings.weight_decay,
        fused=True,
    )


def sample(
    recording: Tensor, score: Tensor, settings: Recipe, generator: torch.Generator
) -> Tensor:
    """One epoch: recording, score (segment) -> order (draw), indices of segments.

    Each recording gives `segments_per_recording` different segments, or draws with replacement
    where it has fewer.
    """
    import torch

    _, which, counts = torch.unique(recording, return_inverse=True, return_counts=True)
    take = settings.segments_per_recording
    keys = torch.rand(len(recording), generator=generator, dtype=torch.float64)
    mixed = (which + keys).argsort()  # by recording, and at random inside each
    again = (torch.rand(len(counts), take, generator=generator) * counts[:, None]).long()
    place = torch.where(counts[:, None] >= take, torch.arange(take), again)
    drawn: Tensor = mixed[(counts.cumsum(0) - counts)[:, None] + place]  # (recording, draw)
    if settings.shuffle:
        drawn = drawn.flatten()
        return drawn[torch.randperm(len(drawn), generator=generator)]
    drawn = drawn[torch.randperm(len(drawn), generator=generator)]
    return drawn[score[drawn[:, 0]].argsort(stable=True)].flatten()  # the scores' groups in order
