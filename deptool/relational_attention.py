"""RARM: attention in two steps, of a step for itself and of a step beside the whole (mpdrm.py)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_SMALL = 1e-6


def project_out(x: Tensor, unit: Tensor) -> Tensor:
    """x (clip, channel) without its projection on `unit` (clip, channel), of length 1 or 0."""
    return x - (x * unit).sum(-1, keepdim=True) * unit


def shared(one: Tensor, other: Tensor) -> Tensor:
    """Mean squared correlation of the numbers of two vectors (clip, channel) over clips: 0 to 1."""
    a, b = ((x - x.mean(0)) / (x.var(0, correction=0) + _SMALL).sqrt() for x in (one, other))
    return (a.T @ b / len(one)).square().mean()


class RelationalAttention(nn.Module):
    """RARM without its head: d (clip, step, channel), valid (clip, step), p -> one vector a clip.

    `personal` says how p (clip, channel) is taken, if at all.
    """

    def __init__(self, channels: int, personal: str) -> None:
        super().__init__()
        self.personal = personal
        self.own = nn.Linear(channels, 1)
        self.relation = nn.Linear(channels * (2 if personal == "none" else 3), 1)

    def weights(self, d: Tensor, valid: Tensor, p: Tensor | None) -> tuple[Tensor, Tensor]:
        """Self weight a and relation weight b (clip, step), zeros where not valid."""
        a = torch.sigmoid(self.own(d)).squeeze(-1) * valid
        beside = [_weighted_mean(d, a)] + ([] if p is None else [p])
        wide = torch.cat([d, *(v.unsqueeze(1).expand(-1, d.shape[1], -1) for v in beside)], dim=-1)
        return a, torch.sigmoid(self.relation(wide)).squeeze(-1) * valid

    def forward(self, d: Tensor, valid: Tensor, p: Tensor | None) -> Tensor:
        a, b = self.weights(d, valid, p)
        found = _weighted_mean(d, a * b)
        return project_out(found, p) if p is not None and self.personal == "projection" else found


def _weighted_mean(x: Tensor, weight: Tensor) -> Tensor:
    """x (clip, step, channel), weight (clip, step) -> (clip, channel); 0 where nothing weighs."""
    total = weight.sum(1, keepdim=True).clamp_min(_SMALL)
    return (x * weight.unsqueeze(-1)).sum(1) / total
