"""ExpADA: which segments of a recording speak of its severity, at several temporal scales.

Liao, Kong, Tang, He, Fu, Xie, Liu, Liu, Song: "Explainable Depression Assessment from Face Videos
by Weakly Supervised Learning", AAAI 2026. The version that its authors published; no DOI is known
here, and the supplement it names was not available.

Letters as in the paper: T = 32 frames of a segment, N segments of a recording, f^v a segment's
vector, S = 3 scales, F the M representations of all scales, C severity categories, P their
probabilities, R their relevances, z what they add up to, I the recording's category, SDR the
relevances to it, K = p M of the M selected. First an encoder learns from single segments; then it
is frozen, and Multi-scale Temporal Behaviour Encoder (MTE) and Discriminative Feature Selection
(DFS), in selection.py, learn from whole recordings which segments to read. `method` says how far:
"base" (segments, MSE alone), "ordinal" (with Eq. 12) or "selection" (both steps), as in Table 2.

Departures from the paper, and readings of what it leaves open
- The encoder is not a Video Action Transformer on face crops, which needs pixels: a transformer
  over the vectors of a segment's frames (segment_encoder.py), their mean its output, takes its
  place. How deep and wide it is are choices of this file.
- T is 32 frames as in the paper, but of 6 a second (`hz`), not of the video's 25 or 30: a segment
  lasts 5.3 s and not about 1 s. The paper's segments are `hz` 30, where a source has it.
- No flips and no colour jitter: there is no picture.
- Of the behaviour vectors, `features` leaves out the shape of the face and the place of the head.
  They say who somebody is: on a synthetic cohort with 30 persons to learn from, one draw each, the
  encoder with them was worse than a constant after its first epoch (dev RMSE 13.4, constant 11.0).
- Eqs. 8 and 9 both name MLP_rel, and the axes of their softmax are not clear. There are two MLPs;
  P is a softmax over categories and R one over representations, as in weakly supervised action
  localisation. Only so is every z in Eq. 13 between 0 and 1.
- The category I: Eq. 4 takes the one that most segments are in, the text behind Eq. 10 the
  greatest z. It is the greatest z, which is what the loss trains; `vote` takes Eq. 4's. In training
  I is the true category, and not the predicted one.
- Eq. 5 selects among the representations that are in category I, the text behind Eq. 10 among all
  M by their SDR: the latter.
- K = max(1, floor(p M)): a short clip has fewer than five representations, and floor gives none. A
  scale longer than the recording is left out.
- c_n of Eq. 11 has four numbers, but there are three thresholds: three logits, independent ones.
- L_BCE has no target in the paper: the one-hot category, on each selected representation, from
  the same head as the score. L_MSE too is of each selected representation: the recording's score
  stands for each.
- Eq. 13 takes logarithms of z, which is kept 1e-6 away from 0 and 1.
- Scores are learnt in units of the mean width of the middle bands (7.5 points with BDI-II's) from
  the mean training score; squared errors of points, which are near 100, would drown the other
  losses, which are near 1.
- Categories are the bands of the BDI-II; `bands` has the first score of each but the lowest. On
  the PHQ-8 it is "5,10,15,20", and there are five categories.
- Learning rates, batch sizes, momentum, weight decay, dropout, the greatest norm of
  a gradient and widths are not in the paper. What matters among them is that the encoder does not
  learn its recordings by heart: the second step learns from the same ones, and where all segments
  seem to tell the score there is nothing to select. On a synthetic cohort of 150 persons, two
  draws each, SDR found informative segments with an AUC of 0.65 and 0.68 (dropout 0.3, 12 segments
  of a recording in an epoch), or 0.80 and 0.75 (dropout 0.5, 6 segments).
- Segments with fewer measured frames than `max_missing` allows take no part in anything. A
  recording without another has the mean training score.
- The base and ordinal methods give a recording the mean score of its segments, without overlap as
  in the second step. The paper does not say.
- The epoch of each step is the one of the lowest dev RMSE; the paper does not say how it chose.
- AVEC 2014's two tasks, whose predictions the paper averages, are two recordings here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce_with_logits

from deptool.scales import SCALES
from deptool.segment_encoder import SegmentEncoder, cut, encode
from deptool.selection import Selected, Selection, of_selected, places, weakly_supervised
from deptool.sequence_blocks import masked_mean
from deptool.sequences import Batch, Clip, Known, Phase, Shape, Stream, Track

TITLE = "Explainable Depression Assessment from Face Videos by Weakly Supervised Learning"
DOI = None
NEEDS = ()
USES = ()

CPU_THREADS = 1

STREAM = "face"
_BDI_II = ",".join(str(first) for first, _ in SCALES["BDI-II"].bands[1:])

# What the contract tests build it with, and settings that they try too.
SMALL = {"dimension": 16, "layers": 1, "heads": 2, "hidden": 16, "frames": 16}
VARIANTS = ({"method": "base"}, {"method": "ordinal"}, {"vote": True})


@dataclass(frozen=True)
class Settings:
    """frames, scales, share, encoder_epochs and epochs are the paper's; the others are not in it.

    Raises ValueError for values that make no sense.
    """

    method: Literal["base", "ordinal", "selection"] = "selection"
    features: str = "behaviour:motion?+action_units?+gaze?"  # or the name of an embedding cache
    hz: float = 6.0
    bands: str = _BDI_II  # first score of each band but the lowest, points
    frames: int = 32  # T
    max_missing: float = 0.5  # of a segment's frames
    dimension: int = 64  # D
    layers: int = 1  # of the encoder
    heads: int = 4
    hidden: int = 64  # of every MLP
    dropout: float = 0.5
    scales: int = 3  # S
    share: float = 0.2  # p
    vote: bool = False
    segments_per_recording: int | None = 6  # in an epoch of the first step; None: all
    segments_per_batch: int = 32
    encoder_epochs: int = 15
    encoder_learning_rate: float = 5e-4
    batch_size: int = 8  # recordings
    epochs: int = 80
    learning_rate: float = 1e-2
    momentum: float = 0.9
    weight_decay: float = 1e-4
    clip_norm: float = 1.0  # of a gradient, at most
    patience: int = 80

    def __post_init__(self) -> None:
        for name in (
            *("frames", "dimension", "layers", "heads", "hidden", "scales", "segments_per_batch"),
            *("encoder_epochs", "batch_size", "epochs", "patience"),
        ):
            self._require(name, getattr(self, name) >= 1, "at least 1")
        for name in ("hz", "encoder_learning_rate", "learning_rate", "clip_norm"):
            self._require(name, 0 < getattr(self, name) < math.inf, "above 0")
        for name in ("max_missing", "dropout", "momentum"):
            self._require(name, 0 <= getattr(self, name) < 1, "from 0 to below 1")
        self._require("method", self.method in ("base", "ordinal", "selection"), "a known one")
        self._require("weight_decay", 0 <= self.weight_decay < math.inf, "0 or more")
        self._require("share", 0 < self.share <= 1, "above 0, and at most 1")
        self._require("dimension", self.dimension % self.heads == 0, "a multiple of heads")
        few = self.segments_per_recording
        self._require("segments_per_recording", few is None or few >= 1, "none or at least 1")
        cuts = thresholds(self)
        self._require("bands", bool(cuts) and sorted(set(cuts)) == cuts, "scores that ascend")

    def _require(self, name: str, good: bool, words: str) -> None:
        if not good:
            raise ValueError(f"{name} must be {words}, not {getattr(self, name)}")


def thresholds(settings: Settings) -> list[float]:
    """The first score of each band but the lowest, points. Raises ValueError for other words."""
    try:
        return [float(word) for word in settings.bands.split(",")]
    except ValueError:
        raise ValueError(f"bands must be scores and commas, not {settings.bands!r}") from None


class Details(NamedTuple):
    """What is known of the representations of clips, and when each is.

    features F (clip, M, D), usable and sdr (clip, M); scale, start and end (M,), the latter in s
    from the start of a clip. selected: all that DFS says, None where nothing is selected; then
    M is N, and all that can be used weighs the same.
    """

    features: Tensor
    usable: Tensor
    sdr: Tensor
    scale: Tensor
    start: Tensor
    end: Tensor
    selected: Selected | None


class ExpADA(nn.Module):
    """values, valid: STREAM -> (clip, step, number), (clip, step); score (clip) in points.

    `selecting` is False in the first step of training, and in methods without a second one.
    """

    mean: Tensor
    cuts: Tensor

    def __init__(self, settings: Settings, *, numbers: int) -> None:
        super().__init__()
        self.settings = settings
        self.selecting = settings.method == "selection"
        cuts = thresholds(settings)
        self.unit = (cuts[-1] - cuts[0]) / (len(cuts) - 1) if len(cuts) > 1 else 1.0  # points
        self.register_buffer("cuts", torch.tensor(cuts), persistent=False)
        self.register_buffer("mean", torch.zeros(()))
        d, dropout = settings.dimension, settings.dropout
        self.encoder = SegmentEncoder(
            *(numbers, d, settings.layers, settings.heads), dropout=dropout
        )
        self.score = nn.Linear(d, 1)
        if settings.method != "base":
            self.ordinal = nn.Linear(d, len(cuts))
        if settings.method == "selection":
            self.selection = Selection(
                dimension=d,
                hidden=settings.hidden,
                categories=len(cuts) + 1,
                scales=settings.scales,
                share=settings.share,
                vote=settings.vote,
                dropout=dropout,
            )

    def train(self, mode: bool = True) -> ExpADA:
        """As always, but a frozen encoder drops nothing out."""
        super().train(mode)
        self.encoder.train(mode and not self.selecting)
        return self

    def forward(self, values: Mapping[str, Tensor], valid: Mapping[str, Tensor]) -> Tensor:
        units, taken = self.units(values, valid)
        if self.selecting:
            found = self.selection(units, taken)
            score, taken = found.score, found.chosen
        else:
            score = self.score(units).squeeze(-1)
        return self.mean + self.unit * masked_mean(score.unsqueeze(-1), taken).squeeze(-1)

    def units(
        self, values: Mapping[str, Tensor], valid: Mapping[str, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """f^v (clip, segment, D), and which segments can be used (clip, segment)."""
        rows, there = cut(values[STREAM], valid[STREAM], self.settings.frames)
        measured = there.sum(-1)
        enough = measured >= (1 - self.settings.max_missing) * self.settings.frames
        usable = enough & (measured > 0)
        frozen = self.selecting and self.training  # explanations ask for gradients of the input
        with torch.set_grad_enabled(torch.is_grad_enabled() and not frozen):
            return encode(self.encoder, rows, there, usable), usable

    def representations(self, values: Mapping[str, Tensor], valid: Mapping[str, Tensor]) -> Details:
        """F before the selection, SDR and times of clips."""
        units, usable = self.units(values, valid)
        if self.selecting:
            found = self.selection(units, usable)
            said = (found.features, found.usable, found.sdr)
        else:
            found = None
            said = (units, usable, usable / usable.sum(1, keepdim=True).clamp_min(1))
        scales = self.settings.scales if self.selecting else 1
        first, scale = places(units.shape[1], scales).to(units.device).unbind(1)
        frames, hz = self.settings.frames, self.settings.hz
        last = (frames * (first + scale)).clamp_max(values[STREAM].shape[1])  # or it was filled up
        return Details(*said, scale, frames * first.double() / hz, last.double() / hz, found)


def streams(settings: Settings) -> dict[str, Stream]:
    """One stream of vectors."""
    return {STREAM: Stream(settings.features, settings.hz)}


def build(settings: Settings, *, streams: Mapping[str, Shape]) -> ExpADA:
    """The network for vectors of that many numbers, freshly drawn from torch's generator."""
    return ExpADA(settings, numbers=streams[STREAM].dimension)


def initialise(
    model: ExpADA, train_mean: float, moments: Mapping[str, tuple[Tensor, Tensor]]
) -> None:
    """The mean training score, and mean and SD of the vectors."""
    model.mean.fill_(train_mean)
    model.encoder.scale.learn(*moments[STREAM])
    nn.init.zeros_(model.score.bias)


def phases(settings: Settings) -> tuple[Phase, ...]:
    """The encoder, then the selection."""
    if settings.method == "selection":
        return (
            Phase("encoder", settings.encoder_epochs),
            Phase("selection", settings.epochs),
        )
    return (Phase("encoder", min(settings.encoder_epochs, settings.epochs)),)


def begin(model: ExpADA, phase: int, settings: Settings) -> torch.optim.Optimizer:
    """Adam of the encoder and its heads; then SGD of all behind it, the encoder frozen."""
    model.selecting = phase == 1
    for name, module in model.named_children():
        module.requires_grad_((name == "selection") == model.selecting)
    learnt = [p for p in model.parameters() if p.requires_grad]
    decay = settings.weight_decay
    if model.selecting:
        rate, momentum = settings.learning_rate, settings.momentum
        return torch.optim.SGD(learnt, lr=rate, momentum=momentum, weight_decay=decay)
    return torch.optim.Adam(learnt, lr=settings.encoder_learning_rate, weight_decay=decay)


def draw(
    known: Known, phase: int, settings: Settings, generator: torch.Generator
) -> list[list[Clip]]:
    """Segments that overlap by half, mixed; then whole recordings, mixed."""
    if phase == 0:
        seconds = known.seconds.tolist()
        found = [c for i, s in enumerate(seconds) for c in _segments(i, s, settings, generator)]
        size = settings.segments_per_batch
    else:
        found = [Clip(i) for i in range(len(known.seconds))]
        size = settings.batch_size
    order = torch.randperm(len(found), generator=generator).tolist()
    return [[found[i] for i in order[at : at + size]] for at in range(0, len(order), size)]


def _segments(
    recording: int, seconds: float, settings: Settings, generator: torch.Generator
) -> list[Clip]:
    """A recording's whole segments, or so many drawn of them; all of it where it is too short."""
    frames, hz = settings.frames, settings.hz
    stride = max(1, frames // 2)
    count = max(1, (int(seconds * hz + 1e-6) - frames) // stride + 1)
    few = settings.segments_per_recording
    kept = torch.arange(count)
    if few is not None and few < count:
        kept = torch.randperm(count, generator=generator)[:few]
    starts = [int(k) * stride for k in kept]
    return [Clip(recording, at / hz, min(seconds, (at + frames) / hz)) for at in starts]


def loss(model: ExpADA, batch: Batch, phase: int, settings: Settings) -> Tensor:
    """MSE and Eq. 12 of segments; then Eq. 15 of recordings. 0 where none can be used."""
    target = (batch.score - model.mean) / model.unit
    category = torch.bucketize(batch.score, model.cuts, right=True)
    units, usable = model.units(batch.values, batch.valid)
    if phase == 0:
        counts = usable.sum(1)
        return _of_segments(
            model,
            units[usable],
            target.repeat_interleave(counts),
            category.repeat_interleave(counts),
        )
    some = usable.any(1)
    target, category = target[some], category[some]
    found = model.selection(units[some], usable[some], category)
    mse, bce = of_selected(found, target, category)
    return (weakly_supervised(found.z, category) + mse + bce).sum() / max(1, len(mse))  # Eq. 15


def _of_segments(model: ExpADA, units: Tensor, target: Tensor, category: Tensor) -> Tensor:
    """units (segment, D), target and category (segment) -> the first step's loss."""
    n = max(1, len(units))
    total = (model.score(units).squeeze(-1) - target).square().sum() / n
    if model.settings.method == "base":
        return total
    k = torch.arange(len(model.cuts), device=category.device)
    over = (category[:, None] > k).to(units.dtype)  # t_{n,k}
    return total + bce_with_logits(model.ordinal(units), over, reduction="sum") / n  # Eq. 12


def explain(
    model: ExpADA,
    values: Mapping[str, Tensor],
    valid: Mapping[str, Tensor],
    settings: Settings,
) -> list[Track]:
    """SDR of the segments of each scale; where none are selected, all weigh the same."""
    found = model.representations(values, valid)
    tracks = []
    for s in range(1, settings.scales + 1):
        rows = found.usable[0] & (found.scale == s)
        if rows.any():
            said = (found.start, found.end, found.sdr[0])
            parts = (each[rows].detach().double().cpu().numpy() for each in said)
            tracks.append(Track("relevance", f"scale {s}", *parts))
    return tracks
