"""Prototypes of Dep-MAP (SDPM), and what they teach the features (KFBSD).

The paper, its names and the readings of it stand in models/depmap.py. A group is a severity class,
or the last one, "Other": of tokens that are not key.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, gelu, normalize

ROUNDS, EPSILON = 3, 0.05  # of Sinkhorn-Knopp: the official code
TEMPERATURE = 0.1  # of cosines, in both losses
SEVERITY_WEIGHT, OTHER_WEIGHT = 0.5, 0.1  # of the prototypes of a group in L_ppd


def sinkhorn(
    cosine: Tensor, group: Tensor, rounds: int = ROUNDS, epsilon: float = EPSILON
) -> Tensor:
    """cosine (token, prototype) -> share of each token that each prototype takes; rows add up to 1.

    group (token): each has prototypes of its own. A round gives every prototype of a group an equal
    part of the group's tokens, then every token one whole (Cuturi 2013); the more rounds, the
    nearer both are.
    """
    each = cosine.shape[1]
    groups = int(group.max()) + 1 if len(group) else 0
    part = torch.bincount(group, minlength=groups).to(cosine.dtype)[:, None] / each
    plan = torch.exp((cosine - 1) / epsilon)
    for _ in range(rounds):
        total = cosine.new_zeros(groups, each).index_add_(0, group, plan)
        plan = plan * (part / total.clamp_min(1e-30))[group]
        plan = plan / plan.sum(1, keepdim=True).clamp_min(1e-30)
    return plan


class Prototypes(nn.Module):
    """K unit vectors for each group: a buffer (group, K, number), moved by `learn` alone."""

    vectors: Tensor

    def __init__(self, *, groups: int, each: int, dimension: int) -> None:
        super().__init__()
        self.register_buffer("vectors", normalize(torch.randn(groups, each, dimension), dim=-1))

    def forward(self, z: Tensor) -> Tensor:
        """Unit tokens z (…, number) -> cosine with each prototype (…, group, K)."""
        now = self.vectors.clone()  # `learn` moves them before gradients flow
        cosine: Tensor = torch.einsum("...d,gkd->...gk", z, now)
        return cosine

    @torch.no_grad()
    def assign(self, cosine: Tensor, group: Tensor) -> Tensor:
        """cosine (token, group, K), group (token) -> the prototype that each belongs to (token).

        One of its own group, as a number among all of them, group · K + k.
        """
        own = cosine[torch.arange(len(group), device=group.device), group]
        return group * cosine.shape[-1] + sinkhorn(own, group).argmax(1)

    @torch.no_grad()
    def learn(self, z: Tensor, assigned: Tensor, momentum: float) -> None:
        """Move each prototype that has tokens towards the direction of their mean."""
        flat = self.vectors.flatten(0, 1)
        total = torch.zeros_like(flat).index_add_(0, assigned, z)
        has = torch.zeros(len(flat), device=z.device).index_add_(
            0, assigned, torch.ones_like(z[:, 0])
        )
        moved = normalize(momentum * flat + (1 - momentum) * normalize(total, dim=-1), dim=-1)
        self.vectors.copy_(torch.where(has[:, None] > 0, moved, flat).view_as(self.vectors))


class Head(nn.Module):
    """A branch's map (clip, its channel, frame) -> tokens (clip, frame, channel, number).

    A token is what one channel does in the frames about one frame.
    """

    def __init__(self, *, inputs: int, channels: int, span: int, dimension: int) -> None:
        super().__init__()
        self.channels = nn.Conv1d(inputs, channels, 1)
        self.token = nn.Conv1d(1, dimension, span, padding=span // 2)

    def forward(self, x: Tensor, valid: Tensor) -> Tensor:
        pooled = gelu(self.channels(x)) * valid[:, None]  # (clip, channel, frame)
        clips, channels, frames = pooled.shape
        tokens: Tensor = self.token(pooled.reshape(-1, 1, frames))
        return tokens.view(clips, channels, -1, frames).permute(0, 3, 1, 2)


class Distillation(nn.Module):
    """KFBSD of one branch: how far its tokens are from saying the class, and from prototypes."""

    def __init__(self, *, classes: int, each: int) -> None:
        super().__init__()
        self.share = nn.Parameter(torch.zeros(classes, each))

    def classify(self, cosine: Tensor, tw: Tensor) -> Tensor:
        """cosine (clip, frame, channel, group, K), tw (clip, frame) -> logits (clip, class)."""
        classes, each = self.share.shape
        severity = cosine[..., :classes, :].mean(2)  # over channels: (clip, frame, class, K)
        weighted = (severity * self.share.softmax(-1)).sum(-1) * each
        logits: Tensor = (tw[..., None] * weighted).sum(1) / TEMPERATURE
        return logits

    def forward(
        self, cosine: Tensor, tw: Tensor, severity: Tensor, assigned: Tensor, valid: Tensor
    ) -> Tensor:
        """L_cls + L_ppd. severity (clip): classes; assigned (token): those of valid frames."""
        classes, each = self.share.shape
        said = cross_entropy(self.classify(cosine, tw), severity)
        weight = cosine.new_full((cosine.shape[-2], each), SEVERITY_WEIGHT)
        weight[classes:] = OTHER_WEIGHT
        tokens = cosine[valid].flatten(0, 1).flatten(1)  # (token, prototype)
        near = cross_entropy(tokens / TEMPERATURE, assigned, weight=weight.flatten())
        return said + near


def groups_of(chosen: Tensor, severity: Tensor, valid: Tensor, other: int) -> Tensor:
    """chosen (clip, frame, channel), severity (clip) -> group (token), of valid frames.

    A key token has its recording's class, any other is `other`.
    """
    group = torch.where(
        chosen, severity[:, None, None], torch.full_like(severity, other)[:, None, None]
    )
    return group[valid].flatten()
