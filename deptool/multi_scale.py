"""Blocks of Dep-MAP over time: a pyramid of stages, and what fuses its scales (MSR).

The paper, its names and the readings of it stand in models/depmap.py. Maps are (clip, channel,
step). A step of stage s covers 2 ** (s - 1) frames and is valid where one of them is; one that is
not is zeros before every convolution, so that it is like the padding at a clip's ends.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, normalize

_HEADS = 8
_EXPANSION = 2.66  # of the feed-forward part: Restormer, and the official code


def halve_valid(valid: Tensor) -> Tensor:
    """valid (clip, step) -> (clip, step / 2)."""
    return valid.reshape(len(valid), -1, 2).any(-1)


def halve(x: Tensor, valid: Tensor) -> Tensor:
    """x (clip, channel, step), valid (clip, step) -> mean of valid steps of each two."""
    weight = valid[:, None].to(x.dtype)
    total = (x * weight).reshape(*x.shape[:2], -1, 2).sum(-1)
    return total / weight.reshape(len(x), 1, -1, 2).sum(-1).clamp_min(1)


def repeat(x: Tensor, times: int) -> Tensor:
    """x (clip, channel, step) -> each step as often as that, one after the other."""
    return x.repeat_interleave(times, dim=-1) if times > 1 else x


def haar(x: Tensor) -> tuple[Tensor, Tensor]:
    """x (…, step) -> low, high, each (…, step / 2): sum and difference of each two, over sqrt 2."""
    even, odd = x[..., 0::2], x[..., 1::2]
    return (even + odd) / math.sqrt(2), (even - odd) / math.sqrt(2)


def haar_inverse(low: Tensor, high: Tensor) -> Tensor:
    """The x that `haar` takes apart into these."""
    pair = torch.stack([low + high, low - high], dim=-1) / math.sqrt(2)
    return pair.flatten(-2)


class ChannelNorm(nn.Module):
    """LayerNorm over the channels of each step."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.norm(x.mT).mT
        return found


class Stage(nn.Module):
    """Two convolutions over time and a way around: (clip, inputs, step) -> (clip, outputs, …)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = nn.Conv1d(inputs, outputs, 3, padding=1)
        self.norm = ChannelNorm(outputs)
        self.second = nn.Conv1d(outputs, outputs, 3, padding=1)
        self.around = nn.Conv1d(inputs, outputs, 1)

    def forward(self, x: Tensor, valid: Tensor) -> Tensor:
        there = valid[:, None]
        inner = gelu(self.norm(self.first(x))) * there
        return gelu(self.second(inner) + self.around(x)) * there


class Pyramid(nn.Module):
    """x (clip, number, frame), masks by stage -> map of each stage, up to the deepest one."""

    def __init__(self, *, inputs: int, channels: Mapping[int, int]) -> None:
        super().__init__()
        before = [inputs, *channels.values()]
        self.stages = nn.ModuleList(
            Stage(i, o) for i, o in zip(before, channels.values(), strict=False)
        )

    def forward(self, x: Tensor, masks: Mapping[int, Tensor]) -> dict[int, Tensor]:
        found: dict[int, Tensor] = {}
        for s, stage in enumerate(self.stages, start=1):
            x = x if s == 1 else halve(x, masks[s - 1])
            x = found[s] = stage(x, masks[s])
        return found


class Refine(nn.Module):
    """Restormer's block: attention between channels, then a gated depth-wise feed-forward part."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.heads = math.gcd(_HEADS, max(1, channels // _HEADS))  # of eight channels or more
        self.temperature = nn.Parameter(torch.ones(self.heads, 1, 1))
        self.before = ChannelNorm(channels)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1, bias=False)
        self.near = nn.Conv1d(
            *(3 * channels, 3 * channels, 3), padding=1, groups=3 * channels, bias=False
        )
        self.out = nn.Conv1d(channels, channels, 1, bias=False)
        inner = int(_EXPANSION * channels)
        self.between = ChannelNorm(channels)
        self.wide = nn.Conv1d(channels, 2 * inner, 1, bias=False)
        self.deep = nn.Conv1d(2 * inner, 2 * inner, 3, padding=1, groups=2 * inner, bias=False)
        self.narrow = nn.Conv1d(inner, channels, 1, bias=False)

    def forward(self, x: Tensor, valid: Tensor) -> Tensor:
        there = valid[:, None]
        x = x + self.attend(self.before(x) * there, there)
        gate, value = (self.deep(self.wide(self.between(x) * there)) * there).chunk(2, dim=1)
        found: Tensor = (x + self.narrow(gelu(gate) * value)) * there
        return found

    def attend(self, x: Tensor, there: Tensor) -> Tensor:
        """Each channel as a mixture of the channels of its head, by how alike they are in time."""
        parts = (self.near(self.qkv(x)) * there).chunk(3, dim=1)
        q, k, v = (part.reshape(len(x), self.heads, -1, x.shape[2]) for part in parts)
        alike = normalize(q, dim=-1) @ normalize(k, dim=-1).mT
        mixed = (alike * self.temperature).softmax(-1) @ v
        found: Tensor = self.out(mixed.flatten(1, 2))
        return found


class Fusion(nn.Module):
    """A shallow map takes a deeper one into its low band, both (clip, channel, step)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.low = nn.Conv1d(2 * channels, channels, 1)
        self.high = nn.Conv1d(channels, channels, 1)

    def forward(self, shallow: Tensor, deep: Tensor, valid: Tensor) -> Tensor:
        """`deep` has half as many steps."""
        low, high = haar(shallow)
        fused = haar_inverse(self.low(torch.cat([low, deep], dim=1)), self.high(high))
        return (shallow + fused) * valid[:, None]


class MultiScale(nn.Module):
    """MSR: maps by stage, as `channels` says how wide -> (clip, 64 or so, frame)."""

    def __init__(self, *, channels: Mapping[int, int], width: int) -> None:
        super().__init__()
        self.scales = sorted(channels)
        self.narrow = nn.ModuleDict({str(s): nn.Conv1d(n, width, 1) for s, n in channels.items()})
        self.blocks = nn.ModuleDict({str(s): Refine(width) for s in channels})
        self.fusions = nn.ModuleDict({str(s): Fusion(width) for s in self.scales[:-1]})

    def refine(self, scale: int, x: Tensor, valid: Tensor) -> Tensor:
        """The map of one scale, refined: (clip, width, step)."""
        found: Tensor = self.blocks[str(scale)](
            gelu(self.narrow[str(scale)](x)) * valid[:, None], valid
        )
        return found

    def forward(self, maps: Mapping[int, Tensor], masks: Mapping[int, Tensor]) -> Tensor:
        fused = None
        below = 0
        for s in reversed(self.scales):
            x = self.refine(s, maps[s], masks[s])
            if fused is not None:
                x = self.fusions[str(s)](x, repeat(fused, 2 ** (below - s - 1)), masks[s])
            fused, below = x, s
        assert fused is not None
        return repeat(fused, 2 ** (below - 1))
