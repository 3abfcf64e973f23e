"""Multi-scale motion patterns: what both networks of MPDRM are made of (models/mpdrm.py).

Steps that are not valid are zeros behind every layer, and no mean counts them, so that neither
gaps nor padding change what is found of the others.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from deptool.sequence_blocks import masked_mean

POOLED = 4  # steps of the input for one of a network's sequence: two pools of two


def differences(x: Tensor, valid: Tensor) -> Tensor:
    """x (clip, step, channel) less the step before; zero where one of the two is not valid."""
    both = valid[:, 1:] & valid[:, :-1]
    moved = (x[:, 1:] - x[:, :-1]) * both.unsqueeze(-1)
    return functional.pad(moved, (0, 0, 1, 0))


def pool(x: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """x (clip, step, channel), valid (clip, step) -> each pair of steps as one, its valid mean."""
    odd = x.shape[1] % 2
    pairs = functional.pad(x, (0, 0, 0, odd)).unflatten(1, (-1, 2))
    there = functional.pad(valid, (0, odd)).unflatten(1, (-1, 2))
    return masked_mean(pairs.flatten(0, 1), there.flatten(0, 1)).unflatten(
        0, pairs.shape[:2]
    ), there.any(-1)


class MotionPatterns(nn.Module):
    """MMP: x (clip, step, channel), valid (clip, step) -> the same shape, patterns added.

    A branch for each scale sees the frame differences: a depth-wise convolution in time of so many
    steps, then a 1 x 1 mix of channels. Each channel's gate, a softmax over scales, depends on what
    the branches hold together on average over the clip.
    """

    def __init__(self, channels: int, scales: Sequence[int]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Conv1d(channels, channels, k, padding=k // 2, groups=channels) for k in scales
        )
        self.mixes = nn.ModuleList(nn.Linear(channels, channels) for _ in scales)
        self.squeeze = nn.Linear(channels, max(channels // 4, 1))
        self.excite = nn.Linear(max(channels // 4, 1), len(scales) * channels)

    def forward(self, x: Tensor, valid: Tensor) -> Tensor:
        moved = differences(x, valid).transpose(1, 2)
        found = torch.stack(
            [
                functional.gelu(mix(branch(moved).transpose(1, 2)))
                for branch, mix in zip(self.branches, self.mixes, strict=True)
            ],
            dim=1,
        )  # (clip, scale, step, channel)
        summary = masked_mean(found.sum(1), valid)
        gate = self.excite(functional.gelu(self.squeeze(summary))).unflatten(
            1, (found.shape[1], -1)
        )
        chosen = (torch.softmax(gate, 1).unsqueeze(2) * found).sum(1)
        return (x + chosen) * valid.unsqueeze(-1)


class MotionNetwork(nn.Module):
    """Stem, MMP, pool, MMP, pool: x (clip, step, number), valid (clip, step) -> a sequence.

    (clip, step of `POOLED`, channel) and what of it is valid (clip, step of `POOLED`).
    """

    def __init__(
        self, inputs: int, channels: int, scales: Sequence[int], dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.stem = nn.Linear(inputs, channels)
        self.dropout = nn.Dropout(dropout)
        self.patterns = nn.ModuleList(MotionPatterns(channels, scales) for _ in range(2))

    def forward(self, x: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        x = self.dropout(functional.gelu(self.stem(x))) * valid.unsqueeze(-1)
        for patterns in self.patterns:
            x, valid = pool(patterns(x, valid), valid)
        return x, valid
