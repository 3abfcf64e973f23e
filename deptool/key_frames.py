"""Key frames of Dep-MAP: which frames stand out, what they weigh, and what is made of them.

The paper, its names and the readings of it stand in models/depmap.py. Nothing here is learnt,
nothing is random, and a clip never sees another.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from deptool.sequence_blocks import masked_softmax


@torch.no_grad()
def sparsity(z: Tensor, valid: Tensor) -> Tensor:
    """z (clip, frame, channel, number) unit, valid (clip, frame) -> M (clip, frame, channel).

    Informer's measure: of a token's products with those of all valid frames of its channel, the
    greatest less the mean. The greatest is that with itself, 1. Zero where a frame is not valid.
    """
    there = valid[..., None, None].to(z.dtype)
    mean = (z * there).sum(1, keepdim=True) / there.sum(1, keepdim=True).clamp_min(1)
    return (1 - (z * mean).sum(-1)) * valid[..., None]


def how_many(valid: Tensor, factor: float) -> Tensor:
    """u (clip): ceil(factor · ln n) of n valid frames, at least one of them and no more than n."""
    n = valid.sum(-1)
    counts = [
        0,
        *(min(k, max(1, math.ceil(factor * math.log(k)))) for k in range(1, 1 + len(valid.mT))),
    ]
    return torch.tensor(counts, device=valid.device)[n]


@torch.no_grad()
def highest(measure: Tensor, valid: Tensor, u: Tensor) -> Tensor:
    """measure (clip, frame, …), valid (clip, frame), u (clip) -> bool like measure: the u highest.

    Of equal ones the earlier come first; frames that are not valid are never among them.
    """
    extra = (1,) * (measure.dim() - 2)
    there = valid.reshape(*valid.shape, *extra)
    low = measure.masked_fill(~there, -math.inf)
    order = low.argsort(dim=1, descending=True, stable=True)
    place = order.argsort(dim=1)
    return (place < u.reshape(-1, 1, *extra)) & there


def time_weight(chosen: Tensor, valid: Tensor, temperature: float) -> Tensor:
    """chosen (clip, frame, channel) -> tw (clip, frame): softmax of how many channels chose it."""
    count = chosen.sum(-1).to(torch.get_default_dtype())
    return masked_softmax(count / temperature, valid, dim=1)


def aggregate(scores: Tensor, tw: Tensor, chosen: Tensor) -> Tensor:
    """MAP: scores, tw, chosen, each (clip, frame) -> (clip): mean of the chosen, weighted by tw."""
    weight = tw * chosen
    total = weight.sum(1, keepdim=True)
    return (scores * weight / total.clamp_min(torch.finfo(tw.dtype).tiny)).sum(1)


def frame_mean(scores: Tensor, valid: Tensor) -> Tensor:
    """scores and valid (clip, frame) -> (clip): the mean over valid frames.

    Where there is none, the mean of all: what a network says of frames that it did not see.
    """
    weight = torch.where(valid.any(1, keepdim=True), valid, torch.ones_like(valid)).to(scores.dtype)
    return (scores * weight).sum(1) / weight.sum(1)
