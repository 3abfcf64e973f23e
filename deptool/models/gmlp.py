"""gMLP: MLP blocks whose channels are gated across frames; DepressionMLP's main comparison.

Liu, Dai, So, Le: "Pay Attention to MLPs", NeurIPS 2021, arXiv 2105.08050.

Letters as in the paper: X is a sequence of tokens, Z what a block's first projection makes of it,
U and V the two projections along channels, s the Spatial Gating Unit, W and b its projection along
the sequence. A token is a frame: all that was measured in it, through one linear map.

With the sizes below it has 45,753 parameters on landmarks and 35 action unit columns, and
DepressionMLP has 42,192; everything but the network is DepressionMLP's (recipe.py).

Departures from the paper, and readings of what it leaves open
- The paper's models are for pictures and text. Kept are the block, its unit and their start; the
  inverted bottleneck's factor of 6 (768 / 128 in gMLP-Ti) is kept too. 4 blocks of 32 channels
  instead of 30 of 128 are a choice of this file.
- Near zero, as W must start, means uniform within 0.001 / frames here; b starts at one. All other
  weights start as PyTorch's, but for the last bias: the mean training score.
- The sequence is normalised once more behind the last block, and its mean over the frames gives
  the score by a linear map.
- Neither stochastic depth nor AdamW with a schedule: the recipe is DepressionMLP's, but for the
  learning rate, which is the paper's 0.001 for pictures.
- DepressionMLP's paper compares itself with "gMLP+Linear" on landmarks and action units. The size
  of that network is in tables that could not be read: this is the same idea, not that network.
  This one takes head pose and gaze too, where a corpus has them, and of landmarks only their
  motion (joined.py): what the two score differently need not come from the blocks alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from deptool.joined import join
from deptool.recipe import Recipe
from deptool.recipe import loss as loss
from deptool.recipe import optimiser as optimiser
from deptool.recipe import sample as sample

TITLE = "Pay Attention to MLPs"
DOI = "10.48550/arXiv.2105.08050"
NEEDS = ()
USES = ("landmarks", "action_units", "head_pose", "gaze")

CPU_THREADS = 1  # a network this small gains nothing from a second


@dataclass(frozen=True)
class Settings(Recipe):
    """DepressionMLP's recipe and the size of the network."""

    learning_rate: float = 1e-3
    blocks: int = 4
    channels: int = 32
    inner_channels: int = 192  # inside a block, even: half of them gate the other half

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("blocks", "channels"):
            self.require(name, getattr(self, name) >= 1, "at least 1")
        good = self.inner_channels >= 2 and self.inner_channels % 2 == 0
        self.require("inner_channels", good, "even and at least 2")


class SpatialGatingUnit(nn.Module):
    """Z (batch, frame, channel) -> s(Z) (batch, frame, channel / 2): Z1 * (W norm(Z2) + b)."""

    def __init__(self, *, frames: int, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels // 2)
        self.weight = nn.Parameter(torch.empty(frames, frames))
        self.bias = nn.Parameter(torch.ones(frames, 1))
        nn.init.uniform_(self.weight, -0.001 / frames, 0.001 / frames)

    def forward(self, z: Tensor) -> Tensor:
        z1, z2 = z.chunk(2, dim=-1)
        return z1 * (self.weight @ self.norm(z2) + self.bias)


class Block(nn.Module):
    """X (batch, frame, channel) -> the same shape: X + s(gelu(norm(X) U)) V."""

    def __init__(self, *, frames: int, channels: int, inner: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.u = nn.Linear(channels, inner)
        self.gate = SpatialGatingUnit(frames=frames, channels=inner)
        self.v = nn.Linear(inner // 2, channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.v(self.gate(functional.gelu(self.u(self.norm(x)))))


class GMLP(nn.Module):
    """Groups, each (batch, frame, column of the group) -> score (batch), in points."""

    def __init__(self, *, columns: int, settings: Settings) -> None:
        super().__init__()
        frames, channels, inner = settings.frames, settings.channels, settings.inner_channels
        self.token = nn.Linear(columns, channels)
        self.blocks = nn.Sequential(
            *(Block(frames=frames, channels=channels, inner=inner) for _ in range(settings.blocks))
        )
        self.norm = nn.LayerNorm(channels)
        self.score = nn.Linear(channels, 1)

    def forward(self, **groups: Tensor) -> Tensor:
        x = self.blocks(self.token(join(groups)))
        return self.score(self.norm(x).mean(1)).squeeze(-1)


def build(settings: Settings, *, columns: Mapping[str, int]) -> GMLP:
    """The network for so many columns of each group, freshly drawn from torch's generator."""
    return GMLP(columns=sum(columns.values()), settings=settings)


def initialise(model: GMLP, train_mean: float) -> None:
    """The last bias at the mean training score, in points."""
    nn.init.constant_(model.score.bias, train_mean)
