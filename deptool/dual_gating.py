"""Gates of DepressionMLP: what a sequence's frames and locations weigh.

The paper, its letters and the readings of it stand in models/depressionmlp.py. Axes: sequence
(X, Y, AU), frame, batch, location. With the batch in between, a matrix over locations and one over
frames both work on the numbers as they lie: a step spends its time on passes over memory, and
copies that turn axes around were half of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from deptool.models import gmlp


class C1(nn.Module):
    """C1's matrix and bias, one for each sequence: drawn Glorot-uniform, and zero."""

    def __init__(self, *, sequences: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(sequences, inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(sequences, 1, outputs))
        for weight in self.weight.detach():
            nn.init.xavier_uniform_(weight)
            if outputs == 1 and weight.sum() < 0:
                weight.neg_()


class OverLocations(C1):
    """C1: (sequence, frame, batch, inputs) -> (sequence, frame, batch, outputs)."""

    def forward(self, values: Tensor) -> Tensor:
        rows = torch.baddbmm(self.bias, values.flatten(1, 2), self.weight)
        return rows.unflatten(1, values.shape[1:3])


class OverFrames(C1):
    """C1 of the transpose: (sequence, inputs, batch, location) -> (sequence, outputs, …)."""

    def forward(self, values: Tensor) -> Tensor:
        columns = torch.baddbmm(self.bias.mT, self.weight.mT, values.flatten(2, 3))
        return columns.unflatten(2, values.shape[2:4])


class C2(nn.Module):
    """Eq. 13's C2 of gated maps of R: gates, each like R (sequence, frame, batch, location).

    `sizes`: over how many numbers each gate's softmax goes, its mean being one over that.
    """

    def __init__(self, *, sequences: int, sizes: Sequence[int]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(sequences, len(sizes)))
        self.bias = nn.Parameter(torch.zeros(sequences))
        glorot = math.sqrt(6 / (len(sizes) + 1))
        nn.init.uniform_(self.weight, -glorot, glorot)
        weight = self.weight.detach()
        total = (weight / torch.tensor(sizes)).sum(1, keepdim=True)  # the sum's sign
        weight *= torch.where(total < 0, -1.0, 1.0)

    def forward(self, gates: Sequence[Tensor], r: Tensor) -> Tensor:
        # w1 (g1 * R) + w2 (g2 * R) is (w1 g1 + w2 g2) * R, in fewer passes.
        weights = self.weight[..., None, None, None].unbind(1)
        gate = weights[0] * gates[0]
        for weight, other in zip(weights[1:], gates[1:], strict=True):
            gate = gate + weight * other
        return gate * r + self.bias[:, None, None, None]


class DualGating(nn.Module):
    """R (sequence, frame, batch, location) -> Q of the same shape: Eqs. 7-13.

    `over` says which of the two gates there are.
    """

    def __init__(
        self,
        *,
        sequences: int,
        frames: int,
        locations: int,
        over: Sequence[str] = ("locations", "frames"),
    ) -> None:
        super().__init__()
        m, n, s = frames, locations, sequences
        self.over = tuple(over)
        if "locations" in over:
            self.locations = OverLocations(sequences=s, inputs=n, outputs=n)  # Eq. 7
            self.frame_mix = OverFrames(sequences=s, inputs=m, outputs=m)  # Eq. 8
            self.location_gate = OverLocations(sequences=s, inputs=n // 2, outputs=n)  # Eq. 10
        if "frames" in over:
            self.frames = OverFrames(sequences=s, inputs=m, outputs=m)  # Eq. 11
            self.location_mix = OverLocations(sequences=s, inputs=n, outputs=n)  # Eq. 8 for R^F
            self.frame_gate = OverFrames(sequences=s, inputs=m // 2, outputs=m)  # Eq. 10, G(L->F)
        sizes = {"locations": n, "frames": m}
        self.merge = C2(sequences=s, sizes=[sizes[axis] for axis in over])  # Eq. 13

    def forward(self, r: Tensor) -> Tensor:
        gates = {"locations": self.gate_locations, "frames": self.gate_frames}
        return self.merge([gates[axis](r) for axis in self.over], r).relu() + r  # Eq. 13

    def gate_locations(self, r: Tensor) -> Tensor:
        """The weights of Eq. 10, which add up to one over the locations."""
        first, second = self.locations(r).relu().chunk(2, dim=-1)  # Eq. 7: (frame, N/2) twice
        mask = self.frame_mix(second).sigmoid()  # Eq. 8: (N/2, frame)
        return self.location_gate(mask * first).softmax(-1)  # Eqs. 9, 10

    def gate_frames(self, r: Tensor) -> Tensor:
        """The weights of Eq. 10 with G(L->F), which add up to one over the frames."""
        first, second = self.frames(r).relu().chunk(2, dim=1)  # Eq. 11: (N, M/2) twice
        mask = self.location_mix(second).sigmoid()  # Eq. 8: (M/2, N)
        return self.frame_gate(mask * first).softmax(1)  # Eqs. 12, 10


class GMLPBlocks(nn.Module):
    """R (sequence, frame, batch, location) -> G of the same shape: Eqs. 4-6, a block for each."""

    def __init__(self, *, sequences: int, frames: int, locations: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            gmlp.Block(frames=frames, channels=locations, inner=locations) for _ in range(sequences)
        )

    def forward(self, r: Tensor) -> Tensor:
        parts = zip(self.blocks, r.transpose(1, 2), strict=True)
        return torch.stack([block(part).transpose(0, 1) for block, part in parts])
