"""Blocks that networks of recordings share: scaling, and means and softmax over valid steps."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

_FAR = 5.0  # SDs: what lies further out is a fault of the tracker


class Standardise(nn.Module):
    """x (batch, step, number), valid (batch, step) -> the same in SDs from the training mean.

    Steps that are not valid are zeros. Mean and SD are buffers, set by `learn`, not parameters.
    """

    mean: Tensor
    sd: Tensor

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(dimension))
        self.register_buffer("sd", torch.ones(dimension))

    def learn(self, mean: Tensor, sd: Tensor) -> None:
        """Take mean and SD (number,) of the training steps; what never varies becomes zero."""
        self.mean.copy_(mean)
        self.sd.copy_(torch.where(sd > 1e-6, sd, torch.full_like(sd, math.inf)))

    def forward(self, x: Tensor, valid: Tensor) -> Tensor:
        scaled = ((x - self.mean) / self.sd).clamp(-_FAR, _FAR)
        return scaled * valid.unsqueeze(-1)


def masked_mean(x: Tensor, valid: Tensor) -> Tensor:
    """x (batch, step, number), valid (batch, step) -> mean over valid steps; 0 where there is none.

    (batch, number)
    """
    weight = valid.to(x.dtype).unsqueeze(-1)
    total: Tensor = (x * weight).sum(1) / weight.sum(1).clamp_min(1)
    return total


def masked_softmax(x: Tensor, valid: Tensor, dim: int) -> Tensor:
    """Softmax over what is valid; zeros elsewhere, and everywhere where nothing is."""
    low = torch.finfo(x.dtype).min
    found = torch.softmax(x.masked_fill(~valid, low), dim)
    return found * valid


def positions(steps: int, dimension: int, device: torch.device | None = None) -> Tensor:
    """Sinusoidal positional encoding (step, dimension): Vaswani et al. 2017, section 3.5."""
    at = torch.arange(steps, device=device, dtype=torch.float32)[:, None]
    even = torch.arange(0, dimension, 2, device=device, dtype=torch.float32)
    angle = at * torch.exp(-math.log(10_000.0) * even / dimension)
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)[:, :dimension]
