"""How DepressionMLP's landmarks and action units inform each other: masks, or cross-attention.

The paper, its letters and the readings of it stand in models/depressionmlp.py. Axes: sequence
(X, Y, AU), frame, batch, location.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from deptool.dual_gating import OverFrames


class MutualGuidance(nn.Module):
    """Q (sequence X, Y, AU; frame, batch, location) -> D of the same shape: Eqs. 14-18.

    `guided`: who gets a mask: "action_units" from the landmarks (P→U), "landmarks" from the action
    units (U→P). What gets none stays Q.
    """

    def __init__(self, *, frames: int, locations: int, guided: frozenset[str]) -> None:
        super().__init__()
        self.guided = guided
        guides = 2 * ("action_units" in guided) + ("landmarks" in guided)
        self.summary = OverFrames(sequences=guides, inputs=frames, outputs=1)  # Eqs. 14, 17
        if "action_units" in guided:
            self.from_landmarks = nn.Linear(2 * locations, frames)  # W^XY of Eq. 15
        if "landmarks" in guided:
            self.from_au = nn.Linear(locations, frames)  # W^AU of Eq. 17
        if "action_units" in guided:
            self.au_mask = nn.Linear(1, locations)  # C1 of Eq. 16
        if "landmarks" in guided:
            self.landmark_mask = nn.Linear(1, locations)  # C1 of Eq. 18
        for layer in self.children():
            if isinstance(layer, nn.Linear):
                keras(layer)

    def forward(self, q: Tensor) -> Tensor:
        landmarks, units = q.split((2, 1))
        masks = self.masks(q)
        if "landmarks" in masks:
            landmarks = masks["landmarks"] * landmarks  # Eq. 18
        if "action_units" in masks:
            units = masks["action_units"] * units  # Eq. 16
        return torch.cat([landmarks, units])

    def masks(self, q: Tensor) -> dict[str, Tensor]:
        """The masks (frame, batch, location) of what is guided, by its name."""
        landmarks, units = q.split((2, 1))
        one = landmarks if "action_units" in self.guided else units
        guides = q if len(self.guided) == 2 else one
        summaries = self.summary(guides).relu().squeeze(1)  # Eqs. 14, 17: (guide, batch, N)
        found = {}
        if "landmarks" in self.guided:
            found["landmarks"] = self._landmark_mask(summaries)
        if "action_units" in self.guided:
            found["action_units"] = self._au_mask(summaries)
        return found

    def _au_mask(self, summaries: Tensor) -> Tensor:
        """(frame, batch, location), from those of X and Y, the first two."""
        q_xy = self.from_landmarks(torch.cat([summaries[0], summaries[1]], dim=-1)).relu()  # Eq. 15
        return self.au_mask(q_xy.mT[..., None]).sigmoid()

    def _landmark_mask(self, summaries: Tensor) -> Tensor:
        """(frame, batch, location), from that of AU, the last."""
        q_au = self.from_au(summaries[-1]).relu()  # Eq. 17: (batch, M)
        return self.landmark_mask(q_au.mT[..., None]).sigmoid()


class CrossAttention(nn.Module):
    """Q (sequence X, Y, AU; frame, batch, location) -> each a mean over the other's frames."""

    def __init__(self, *, frames: int, locations: int) -> None:
        super().__init__()
        self.from_landmarks = keras(nn.Linear(2 * locations, frames))
        self.from_au = keras(nn.Linear(locations, frames))

    def forward(self, q: Tensor) -> Tensor:
        x, y, au = q.transpose(1, 2)  # (batch, frame, location) each
        xy = torch.cat([x, y], dim=-1)
        points, units = self.from_landmarks(xy), self.from_au(au)
        alike = points @ units.mT / math.sqrt(points.shape[-1])  # (batch, frame of P, frame of U)
        of_units = alike.softmax(-1) @ au
        of_points = alike.mT.softmax(-1) @ xy
        return torch.stack([*of_points.chunk(2, dim=-1), of_units]).transpose(1, 2)


def keras(layer: nn.Linear) -> nn.Linear:
    """The layer, started as Keras starts it: Glorot-uniform, and a bias of zero."""
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
