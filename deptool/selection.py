"""ExpADA's second half: representations at several scales, their relevance, and the best of them.

Its paper, its letters and the readings of it stand in models/expada.py. Axes: clip, segment (N),
representation (M: those of scale 1 in the order of time, then those of scale 2, …), category (C).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy, one_hot
from torch.nn.functional import binary_cross_entropy_with_logits as bce_with_logits

from deptool.sequence_blocks import masked_mean, masked_softmax

_EPSILON = 1e-6  # of z in Eq. 13


def mlp(
    inputs: int, hidden: int, outputs: int, dropout: float, *, bias: bool = True
) -> nn.Sequential:
    """Two linear maps, GELU and dropout between them; `bias` is the second map's."""
    last = nn.Linear(hidden, outputs, bias=bias)
    return nn.Sequential(nn.Linear(inputs, hidden), nn.GELU(), nn.Dropout(dropout), last)


def places(segments: int, scales: int) -> Tensor:
    """(representation, 2): the first segment of each representation, and its scale."""
    pairs = [(n, s) for s in range(1, scales + 1) for n in range(segments - s + 1)]
    return torch.tensor(pairs)


class MultiScale(nn.Module):
    """Eq. 7: f^v (clip, N, D), usable (clip, N) -> F (clip, M, D), usable (clip, M).

    A representation can be used where all of its segments can. A scale of more segments than
    there are has no representation.
    """

    def __init__(self, *, dimension: int, hidden: int, scales: int, dropout: float) -> None:
        super().__init__()
        self.maps = nn.ModuleList(
            mlp(s * dimension, hidden, dimension, dropout) for s in range(1, scales + 1)
        )

    def forward(self, units: Tensor, usable: Tensor) -> tuple[Tensor, Tensor]:
        features, there = [], []
        for s, each in enumerate(self.maps, start=1):
            if s > units.shape[1]:
                break
            windows = units.unfold(1, s, 1)  # (clip, N - s + 1, D, s)
            features.append(each(windows.transpose(2, 3).flatten(2)))
            there.append(usable.unfold(1, s, 1).all(-1))
        return torch.cat(features, 1), torch.cat(there, 1)


class Relevance(nn.Module):
    """Eqs. 8-10: F (clip, M, D), usable (clip, M) -> R^ = P * R (clip, M, C).

    P is a softmax over categories, R one over the usable representations of a clip.
    """

    def __init__(self, *, dimension: int, hidden: int, categories: int, dropout: float) -> None:
        super().__init__()
        self.category = mlp(dimension, hidden, categories, dropout)
        # A bias would be the same for all representations, which a softmax over them does not see.
        self.relevance = mlp(dimension, hidden, categories, dropout, bias=False)

    def forward(self, features: Tensor, usable: Tensor) -> Tensor:
        p = self.category(features).softmax(-1)
        r = masked_softmax(self.relevance(features), usable.unsqueeze(-1), dim=1)
        return p * r


class Selected(NamedTuple):
    """What is known of a clip's representations; masks are True where there is something.

    features (clip, M, D) and usable (clip, M) as `MultiScale` gives them; relevance R^
    (clip, M, C); z (clip, C); category I (clip); sdr (clip, M), the column I of R^; chosen
    (clip, M), the K of the greatest sdr; score (clip, M) and category logits (clip, M, C) of the
    head, of all representations.
    """

    features: Tensor
    usable: Tensor
    relevance: Tensor
    z: Tensor
    category: Tensor
    sdr: Tensor
    chosen: Tensor
    score: Tensor
    logits: Tensor


class Selection(nn.Module):
    """MTE, DFS and the head: f^v (clip, N, D), usable (clip, N) -> `Selected`.

    `share` is p; with `vote` the category is Eq. 4's. A true `category` (clip) takes the place of
    the predicted one.
    """

    def __init__(
        self,
        *,
        dimension: int,
        hidden: int,
        categories: int,
        scales: int,
        share: float,
        vote: bool,
        dropout: float,
    ) -> None:
        super().__init__()
        self.share, self.vote = share, vote
        self.mte = MultiScale(dimension=dimension, hidden=hidden, scales=scales, dropout=dropout)
        self.dfs = Relevance(
            dimension=dimension, hidden=hidden, categories=categories, dropout=dropout
        )
        self.head = mlp(dimension, hidden, 1 + categories, dropout)

    def forward(self, units: Tensor, usable: Tensor, category: Tensor | None = None) -> Selected:
        features, usable = self.mte(units, usable)
        relevance = self.dfs(features, usable)
        z = relevance.sum(1)  # Eqs. 10, 14
        if category is None:
            category = voted(relevance, usable) if self.vote else z.argmax(-1)
        sdr = of_category(relevance, category)
        chosen = top(sdr.detach(), usable, self.share)
        out = self.head(features)
        return Selected(
            *(features, usable, relevance, z, category, sdr, chosen), out[..., 0], out[..., 1:]
        )


def voted(relevance: Tensor, usable: Tensor) -> Tensor:
    """Eq. 4: R^ (clip, M, C) -> the category (clip) that most representations are greatest in."""
    votes = one_hot(relevance.argmax(-1), relevance.shape[-1])
    return (votes * usable.unsqueeze(-1)).sum(1).argmax(-1)


def of_category(relevance: Tensor, category: Tensor) -> Tensor:
    """SDR (clip, M): the column of R^ (clip, M, C) that belongs to each clip's category (clip)."""
    index = category[:, None, None].expand(-1, relevance.shape[1], 1)
    return relevance.gather(-1, index).squeeze(-1)


def top(sdr: Tensor, usable: Tensor, share: float) -> Tensor:
    """Which representations (clip, M) are among the K of the greatest SDR in their clip.

    K = max(1, floor(share * M)), M being the clip's usable representations; of equal ones the
    first are taken. None where there is none.
    """
    k = (share * usable.sum(1) + 1e-6).floor().clamp_min(1)  # 0.29 * 100 is just below 29
    order = sdr.masked_fill(~usable, -1).argsort(dim=1, descending=True, stable=True)
    return (order.argsort(1) < k[:, None]) & usable


def weakly_supervised(z: Tensor, category: Tensor) -> Tensor:
    """Eq. 13: z (clip, C), category (clip) -> loss (clip), the mean over categories."""
    truth = one_hot(category, z.shape[-1]).to(z.dtype)
    z = z.clamp(_EPSILON, 1 - _EPSILON)
    return binary_cross_entropy(z, truth, reduction="none").mean(-1)


def of_selected(found: Selected, target: Tensor, category: Tensor) -> tuple[Tensor, Tensor]:
    """L_MSE and L_BCE (clip each): means over the selected representations.

    target (clip) in the head's units, category (clip).
    """
    squared = (found.score - target[:, None]).square()
    truth = one_hot(category, found.z.shape[-1]).to(found.z.dtype)
    each = truth[:, None].expand_as(found.logits)
    classed = bce_with_logits(found.logits, each, reduction="none").mean(-1)
    both = masked_mean(torch.stack([squared, classed], -1), found.chosen)
    return both[:, 0], both[:, 1]
