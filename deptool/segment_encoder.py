"""Segments of a clip, and a temporal transformer that makes a vector of each.

What stands here for ExpADA's Video Action Transformer; see models/expada.py.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from deptool.sequence_blocks import Standardise, masked_mean, positions

CHUNK = 512  # segments that are encoded at once: the memory of a recording has a bound


def cut(values: Tensor, valid: Tensor, frames: int) -> tuple[Tensor, Tensor]:
    """Non-overlapping segments of `frames` steps, the last one filled up with steps not valid.

    values (clip, step, number), valid (clip, step) -> (clip, segment, frame, number), (clip,
    segment, frame). There is at least one segment.
    """
    steps = values.shape[1]
    more = max(frames - steps, -steps % frames)
    values, valid = pad(values, (0, 0, 0, more)), pad(valid, (0, more))
    return values.unflatten(1, (-1, frames)), valid.unflatten(1, (-1, frames))


class SegmentEncoder(nn.Module):
    """values (segment, frame, number), valid (segment, frame) -> vector (segment, D).

    Every segment must have a valid frame. Frames that are not valid are attended by none, and are
    not in the mean over frames that becomes the vector.
    """

    def __init__(
        self, numbers: int, dimension: int, layers: int, heads: int, *, dropout: float
    ) -> None:
        super().__init__()
        self.scale = Standardise(numbers)
        self.project = nn.Linear(numbers, dimension)
        layer = nn.TransformerEncoderLayer(
            dimension,
            heads,
            dim_feedforward=2 * dimension,
            dropout=dropout,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        self.layers = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        for each in self.layers.layers:  # copies of one: drawn anew, each for itself
            for weight in each.parameters():
                if weight.dim() > 1:
                    nn.init.xavier_uniform_(weight)
        self.norm = nn.LayerNorm(dimension)

    def forward(self, values: Tensor, valid: Tensor) -> Tensor:
        x = self.project(self.scale(values, valid))
        x = x + positions(x.shape[1], x.shape[2], x.device)
        x = self.layers(x, src_key_padding_mask=~valid)
        return self.norm(masked_mean(x, valid))


def encode(encoder: SegmentEncoder, values: Tensor, valid: Tensor, usable: Tensor) -> Tensor:
    """Vectors (clip, segment, D) of segments as `cut` gives them; zeros of those not usable.

    `usable` (clip, segment). In chunks, so that a long recording needs no more memory than a
    short one.
    """
    found = usable.flatten().nonzero().squeeze(1)
    vectors = values.new_zeros(usable.numel(), encoder.norm.weight.numel())
    if len(found):
        rows, there = values.flatten(0, 1)[found], valid.flatten(0, 1)[found]
        chunks = zip(rows.split(CHUNK), there.split(CHUNK), strict=True)
        vectors = vectors.index_put((found,), torch.cat([encoder(*chunk) for chunk in chunks]))
    return vectors.unflatten(0, tuple(usable.shape))
