"""Guidance of Dep-MAP's stages by action units (ESA, in the official code AU-SGA).

The paper, its names and the readings of it stand in models/depmap.py.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

ACTIVE = 5  # action units of a frame that its sentence names: the official code


class Sentence(nn.Module):
    """au (clip, frame, number), in SDs from the mean -> (clip, frame, dimension).

    The mean of the embeddings of the columns that stand highest, five at most, and only those above
    their mean, to which the embedding of a face without any is added.
    """

    def __init__(self, *, columns: int, dimension: int) -> None:
        super().__init__()
        self.face = nn.Parameter(torch.randn(dimension))
        self.units = nn.Parameter(torch.randn(columns, dimension))

    def forward(self, au: Tensor) -> Tensor:
        order = au.argsort(dim=-1, descending=True, stable=True)
        place = order.argsort(dim=-1)
        named = ((place < ACTIVE) & (au > 0)).to(au.dtype)
        mean = named @ self.units / named.sum(-1, keepdim=True).clamp_min(1)
        found: Tensor = self.face + mean
        return found


class Guidance(nn.Module):
    """ESA of one stage: its map (clip, channel, step) mixed between channels, as action units say.

    sentence (clip, step, number) asks and au (clip, step, number) answers: the softmax of their
    product over sqrt(channel) says what each channel takes of which. `gamma` opens it, from zero.
    """

    def __init__(self, *, channels: int, sentence: int, columns: int) -> None:
        super().__init__()
        self.query = nn.Sequential(nn.LayerNorm(sentence), nn.Linear(sentence, channels))
        self.key = nn.Sequential(nn.LayerNorm(columns), nn.Linear(columns, channels))
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor, sentence: Tensor, au: Tensor) -> Tensor:
        q, k = self.query(sentence), self.key(au)
        weight = (q[..., :, None] * k[..., None, :] / math.sqrt(q.shape[-1])).softmax(-1)
        mixed = (weight @ x.mT[..., None]).squeeze(-1).mT  # (clip, channel, step)
        found: Tensor = x + self.gamma * mixed
        return found


class Addition(nn.Module):
    """What stands for `Guidance` without ESA: a linear map of the action units is added."""

    def __init__(self, *, channels: int, columns: int) -> None:
        super().__init__()
        self.units = nn.Linear(columns, channels)

    def forward(self, x: Tensor, au: Tensor) -> Tensor:
        found: Tensor = x + self.units(au).mT
        return found
