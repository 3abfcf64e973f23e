"""A loss that lets go of predictions that are near enough and in the right severity band.

Zhang et al., "MDDR", ACM Multimedia 2024, section 3.5.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional


def dr_loss(
    score: Tensor,
    target: Tensor,
    *,
    bands: Sequence[float],
    delta: float = 2.0,
    w: float = 0.1,
    smooth: bool = False,
) -> Tensor:
    """Eq. 3 of score (clip) and target (clip), in points -> loss of each (clip).

    `smooth`: the weight rises from w at no error to 1 at delta, and over the last point before the
    border of the target's band, so that the loss has no jumps.
    """
    huber = functional.huber_loss(score, target, reduction="none", delta=delta)
    edges = torch.tensor([-math.inf, *bands, math.inf], device=score.device)
    band = torch.bucketize(target, edges[1:-1], right=True)  # a band begins at its border
    error = (score - target).abs()
    if not smooth:
        same = torch.bucketize(score, edges[1:-1], right=True) == band
        return torch.where(same & (error <= delta), w * huber, huber)
    inside = torch.minimum(score - edges[band], edges[band + 1] - score).clamp(0, 1)
    near = (1 - (error / delta).square()).clamp_min(0)
    return huber * (1 - (1 - w) * inside * near)
