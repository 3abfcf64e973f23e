"""MDDR's blocks: alignment of modalities in time, and attention over modalities and over time.

Zhang et al., "MDDR", ACM Multimedia 2024, sections 3.3 and 3.4; the file of the model says where
they are read freely. L times of a common grid, M modalities, D numbers of each.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from deptool.sequence_blocks import masked_softmax, positions

# Kernel, stride and share of D of the convolutions (section 4.3): fifty steps become one.
DENSE = ((10, 5, 1 / 4), (5, 5, 1 / 2), (3, 2, 1.0))
SPARSE = ((1, 1, 1.0),)
_FROM = 49.5  # steps of a stream for one of the grid, from which on it is dense


class Alignment(nn.Module):
    """x (clip, step, number), valid (clip, step) of one modality -> (clip, L, D), (clip, L).

    `ratio` is how many steps there are for one time of the grid. Behind every convolution what is
    not valid is zeros again, as in the padding; a step of its output is valid where one of the
    steps that it stands for is.
    """

    def __init__(self, numbers: int, width: int, ratio: float) -> None:
        super().__init__()
        layers = DENSE if ratio >= _FROM else SPARSE
        sizes = [numbers, *(max(1, round(share * width)) for _, _, share in layers)]
        self.convolutions = nn.ModuleList(
            nn.Conv1d(before, after, kernel, stride)
            for before, after, (kernel, stride, _) in zip(sizes, sizes[1:], layers, strict=False)
        )
        self.layers = layers
        for _, stride, _ in layers:
            ratio /= stride
        self.ratio = ratio  # of what the convolutions give

    def forward(self, x: Tensor, valid: Tensor, length: int) -> tuple[Tensor, Tensor]:
        x = x * valid.unsqueeze(-1)
        for convolution, (kernel, stride, _) in zip(self.convolutions, self.layers, strict=True):
            whole = -(-x.shape[1] // stride) * stride  # steps, up to a whole number of strides
            missing = whole - x.shape[1]
            before = (kernel - stride) // 2
            padding = (before, missing + kernel - stride - before)
            x = convolution(functional.pad(x.transpose(1, 2), padding)).transpose(1, 2).relu()
            valid = functional.pad(valid, (0, missing)).unflatten(1, (-1, stride)).any(-1)
            x = x * valid.unsqueeze(-1)
        return on_grid(x, valid, self.ratio, length)


def on_grid(x: Tensor, valid: Tensor, ratio: float, length: int) -> tuple[Tensor, Tensor]:
    """x (clip, step, number), valid (clip, step) -> (clip, L, number), (clip, L) by time.

    `ratio` steps for one time of the grid: the mean of the valid steps whose middle lies in it; or,
    where there are fewer steps than times, the step in which its middle lies.
    """
    steps = x.shape[1]
    if ratio <= 1:
        at = ((torch.arange(length, device=x.device) + 0.5) * ratio).long()
        there = valid[:, at.clamp(max=steps - 1)] & (at < steps)
        return x[:, at.clamp(max=steps - 1)] * there.unsqueeze(-1), there
    cell = ((torch.arange(steps, device=x.device) + 0.5) / ratio).long().clamp(max=length - 1)
    weight = valid.to(x.dtype)
    count = weight.new_zeros(len(x), length).index_add(1, cell, weight)
    total = x.new_zeros(len(x), length, x.shape[2]).index_add(1, cell, x * weight.unsqueeze(-1))
    return total / count.clamp_min(1).unsqueeze(-1), count > 0


class Attention(nn.Module):
    """x (..., n, D), valid (..., n) -> its mean over n (..., D), and the weights (..., n): Eq. 1.

    One network of two layers scores each of the n; softmax makes weights of the scores. What is not
    valid has weight 0, and so has everything where nothing is valid. `values` are what is summed,
    where that is not x.
    """

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.score = nn.Sequential(
            nn.Linear(width, hidden),
            nn.Tanh(),
            nn.Linear(hidden, 1, bias=False),  # softmax is the same with and without one
        )

    def forward(
        self, x: Tensor, valid: Tensor, values: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        weight = masked_softmax(self.score(x).squeeze(-1), valid, -1)
        return (weight.unsqueeze(-1) * (x if values is None else values)).sum(-2), weight


class Mean(nn.Module):
    """The same with equal weights of all that is valid: what the ablations put in its place."""

    def forward(
        self, x: Tensor, valid: Tensor, values: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        weight = valid.to(x.dtype) / valid.sum(-1, keepdim=True).clamp_min(1)
        return (weight.unsqueeze(-1) * (x if values is None else values)).sum(-2), weight


class Encoder(nn.Module):
    """x (clip, L, D), valid (clip, L) -> O (clip, L, D): a Transformer's encoder (Eq. 2).

    Vaswani et al. 2017, layer norm behind each residual sum as there and in section 3.4.
    """

    def __init__(
        self, *, width: int, layers: int, heads: int, feed_forward: int, dropout: float
    ) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(width, heads, feed_forward, dropout, batch_first=True)
            for _ in range(layers)
        )

    def forward(self, x: Tensor, valid: Tensor) -> Tensor:
        x = self.dropout(x + positions(x.shape[1], x.shape[2], x.device))
        unseen = ~valid & valid.any(1, keepdim=True)  # where nothing is valid all of it is seen
        for block in self.blocks:
            x = block(x, src_key_padding_mask=unseen)
        return x
