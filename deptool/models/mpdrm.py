"""MPDRM: depression from facial movements, with what is the person's own taken out.

Liu, Chen, Zhang, Yuan, Wu, Cai, Chen, Liu, Mei, Deng, Bao, Hu: "MPDRM: A Multi-Scale Personalized
Depression Recognition Model via facial movements", Neurocomputing 632 (2025), 129669.

Only the abstract is public. It fixes the parts and what each is for: a depression feature network
(MDFN) and a personality feature network (MPFN), the latter learnt by contrast so that it holds
stable personal information; a multi-scale motion pattern module (MMP) in both; a relational
attention recognition module (RARM) that enhances the depression features and gives the result; a
longitudinal data set and cross-validation. Every equation and every number below is our reading.

Departures from the paper, and readings of what it leaves open
- Input: `behaviour` vectors of the tables, 6 a second, in SDs of the training steps; the paper has
  videos. A clip is a window of 30 s at a random place. A prediction is the mean over windows of
  about that length that cover the recording one after the other.
- MMP (motion_patterns.py): branches of 3, 7 and 15 steps on frame differences, each a depth-wise
  convolution, a 1 x 1 mix of channels and GELU; a gate over scales for each channel, from means
  over the clip (as in selective kernels, Li et al. 2019); a residual connection.
- MDFN and MPFN are alike, with weights of their own: stem, MMP, pool of 2, MMP, pool of 2, 64
  channels. MDFN gives a sequence d_t; MPFN's mean over time, through a linear map and made a unit
  vector, is the personal vector p.
- The contrast: supervised InfoNCE (Khosla et al. 2020, L_out) at temperature 0.1. Positives are
  clips of the same person from another session, so that the state of a day does not tell persons
  apart; negatives are clips of other persons. Clips of the same person and session are neither.
  Batches hold P persons with K clips each, and take a person's sessions of different scores first,
  so that what is alike in them is not severity.
- RARM reads "relational attention" as the two steps of Frame Attention Networks (Meng et al. 2019):
  self weight a_t = sigmoid(w d_t + c), v = sum a d / sum a; relation weight
  b_t = sigmoid(u [d_t; v; p] + e), f = sum a b d / sum a b.
- "Suppressing personalized information": with `personal` = "projection" f loses its projection on
  p, f - (f p) p; with "penalty" it does not, and the loss has |cos(f, p)| besides; "none" is the
  same network without MPFN and without p in the relation weight. "decorrelation" is ours: the loss
  has the mean squared correlation, over the clips of a batch, of each number of f with each of p.
  A right angle to p in a clip does not keep f from telling who it is, since f may say it in another
  direction, and f - (f p) p has p in it; where f does not vary with p, it cannot say it linearly.
- Two phases. First MPFN learns by contrast; dev RMSE says nothing of that, so its last epoch
  counts. Then MPFN is frozen, and MDFN and RARM learn the score.
- The paper's task is recognition, and its measure accuracy. Here the score is predicted, under a
  Huber loss; `deptool report` draws the severity bands from it.
- Optimiser, rates, sizes, epochs and dropout are ours, all of them.
- No persons with several sessions, no positives: training is refused. `positives` = "recordings"
  (of other tasks, say) or "clips" (that do not overlap) stand in, and are weaker: what is stable
  within a day is then taken for the person's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args, get_type_hints

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from deptool.motion_patterns import POOLED, MotionNetwork
from deptool.person_contrast import (
    Positives,
    contrast,
    person_batches,
    persons,
    place,
    require_pairs,
)
from deptool.relational_attention import RelationalAttention, shared
from deptool.sequence_blocks import Standardise, masked_mean
from deptool.sequences import Batch, Clip, Known, Phase, Shape, Stream, Track

TITLE = "MPDRM: A Multi-Scale Personalized Depression Recognition Model via facial movements"
DOI = "10.1016/j.neucom.2025.129669"
NEEDS = ()
USES = ()

# Settings of a network that tests train in no time.
SMALL = {"channels": 8, "seconds": 8.0, "persons": 2, "clips": 2, "rounds": 1, "batch_size": 4}

VARIANTS = (
    {"personal": "penalty"},
    {"personal": "decorrelation"},
    {"personal": "none"},
    {"positives": "clips"},
)

_STREAM = "movements"


@dataclass(frozen=True)
class Settings:
    """All values are our reading; the abstract gives none.

    features: a stream, as in `deptool train --set features=…`; hz: its steps per second. seconds:
    of a clip. channels: also the size of the personal vector. short, medium, long: MMP's scales,
    in steps. personal, positives: see the top of this file. temperature: of the contrast.
    persons, clips: P and K of its batches. contrast_epochs: of the first phase. rounds: how often
    an epoch takes each person (first phase) or each recording (second). delta: of the Huber loss,
    in points; penalty: weight of what "penalty" and "decorrelation" add to it.
    """

    features: str = "behaviour"
    hz: float = 6.0
    seconds: float = 30.0
    channels: int = 64
    short: int = 3
    medium: int = 7
    long: int = 15
    dropout: float = 0.3
    personal: Literal["projection", "penalty", "decorrelation", "none"] = "projection"
    positives: Positives = "sessions"
    temperature: float = 0.1
    persons: int = 16
    clips: int = 4
    contrast_epochs: int = 50
    rounds: int = 4
    delta: float = 5.0
    penalty: float = 1.0
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    clip_norm: float = 5.0
    batch_size: int = 32
    epochs: int = 50
    patience: int = 15

    def __post_init__(self) -> None:
        for name in ("channels", "contrast_epochs", "rounds", "batch_size", "epochs", "patience"):
            self.require(name, getattr(self, name) >= 1, "at least 1")
        for name in ("persons", "clips"):
            self.require(name, getattr(self, name) >= 2, "at least 2")
        for name in ("short", "medium", "long"):
            found = getattr(self, name)
            self.require(name, found >= 1 and found % 2 == 1, "odd and at least 1")
        for name in ("hz", "seconds", "temperature", "delta", "learning_rate", "clip_norm"):
            self.require(name, getattr(self, name) > 0, "more than 0")
        for name in ("penalty", "weight_decay"):
            self.require(name, getattr(self, name) >= 0, "at least 0")
        self.require("dropout", 0 <= self.dropout < 1, "at least 0 and less than 1")
        self.require("features", bool(self.features), "the name of a stream")
        for name in ("personal", "positives"):
            known = get_args(get_type_hints(Settings)[name])
            self.require(name, getattr(self, name) in known, f"one of {', '.join(known)}")

    def require(self, name: str, good: bool, expected: str) -> None:
        """Raise ValueError with the setting's name and value unless it is good."""
        if not good:
            raise ValueError(f"{name} must be {expected}, not {getattr(self, name)}")


class PersonalNetwork(nn.Module):
    """MPFN: x (clip, step, number), valid (clip, step) -> p (clip, channel), of length 1.

    Zeros where nothing is valid.
    """

    def __init__(self, inputs: int, settings: Settings) -> None:
        super().__init__()
        self.sequence = _sequence(inputs, settings)
        self.out = nn.Linear(settings.channels, settings.channels)

    def forward(self, x: Tensor, valid: Tensor) -> Tensor:
        found = F.normalize(self.out(masked_mean(*self.sequence(x, valid))), dim=-1)
        return found * valid.any(1, keepdim=True)


class MPDRM(nn.Module):
    """values, valid: movements (clip, step, number) and (clip, step) -> score (clip)."""

    def __init__(self, shape: Shape, settings: Settings) -> None:
        super().__init__()
        self.hz = shape.hz
        self.scale = Standardise(shape.dimension)
        self.mpfn = (
            None if settings.personal == "none" else PersonalNetwork(shape.dimension, settings)
        )
        self.mdfn = _sequence(shape.dimension, settings)
        self.rarm = RelationalAttention(settings.channels, settings.personal)
        self.dropout = nn.Dropout(settings.dropout)
        self.score = nn.Linear(settings.channels, 1)
        self.learning = ""  # which part learns
        self.learn("score")

    def learn(self, what: Literal["contrast", "score"]) -> list[nn.Parameter]:
        """Freeze all but MPFN ("contrast"), or MPFN ("score"); the parameters of what learns."""
        self.learning = what
        for name, part in self.named_children():
            part.requires_grad_((name == "mpfn") == (what == "contrast"))
        self.train(self.training)
        return [p for p in self.parameters() if p.requires_grad]

    def train(self, mode: bool = True) -> MPDRM:
        super().train(mode)
        if self.mpfn is not None and self.learning == "score":
            self.mpfn.eval()  # what is frozen drops nothing
        return self

    def personal(self, values: Mapping[str, Tensor], valid: Mapping[str, Tensor]) -> Tensor | None:
        """p (clip, channel), of length 1; None where the network has no personal branch."""
        if self.mpfn is None:
            return None
        found: Tensor = self.mpfn(self.scale(values[_STREAM], valid[_STREAM]), valid[_STREAM])
        return found

    def depression(self, values: Mapping[str, Tensor], valid: Mapping[str, Tensor]) -> Tensor:
        """The vector (clip, channel) that the score is read from."""
        return self._depression(values, valid, self.personal(values, valid))

    def sequence(
        self, values: Mapping[str, Tensor], valid: Mapping[str, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """d (clip, step of 4, channel), and what of it is valid."""
        found: tuple[Tensor, Tensor] = self.mdfn(
            self.scale(values[_STREAM], valid[_STREAM]), valid[_STREAM]
        )
        return found

    def scored(
        self, values: Mapping[str, Tensor], valid: Mapping[str, Tensor]
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Score (clip), the vector it is read from and p (clip, channel)."""
        p = self.personal(values, valid)
        found = self._depression(values, valid, p)
        return self.score(self.dropout(found)).squeeze(-1), found, p

    def forward(self, values: Mapping[str, Tensor], valid: Mapping[str, Tensor]) -> Tensor:
        return self.scored(values, valid)[0]

    def _depression(
        self, values: Mapping[str, Tensor], valid: Mapping[str, Tensor], p: Tensor | None
    ) -> Tensor:
        found: Tensor = self.rarm(*self.sequence(values, valid), p)
        return found


def _sequence(inputs: int, settings: Settings) -> MotionNetwork:
    scales = (settings.short, settings.medium, settings.long)
    return MotionNetwork(inputs, settings.channels, scales, settings.dropout)


def streams(settings: Settings) -> dict[str, Stream]:
    """One stream, of which MMP takes the differences."""
    return {_STREAM: Stream(settings.features, settings.hz)}


def build(settings: Settings, *, streams: Mapping[str, Shape]) -> MPDRM:
    """The network, freshly drawn from torch's generator, as its last phase has it."""
    return MPDRM(streams[_STREAM], settings)


def initialise(
    model: MPDRM, train_mean: float, moments: Mapping[str, tuple[Tensor, Tensor]]
) -> None:
    """The last bias at the mean training score, in points; the input in SDs of the training."""
    model.scale.learn(*moments[_STREAM])
    nn.init.constant_(model.score.bias, train_mean)


def phases(settings: Settings) -> tuple[Phase, ...]:
    """The contrast, where there is a personal branch, and the score."""
    score = Phase("score", settings.epochs)
    if settings.personal == "none":
        return (score,)
    return (Phase("contrast", settings.contrast_epochs, chosen=False), score)


def begin(model: MPDRM, phase: int, settings: Settings) -> torch.optim.Optimizer:
    """Freeze what the phase does not train; AdamW on the rest."""
    return torch.optim.AdamW(
        model.learn("contrast" if _contrasts(phase, settings) else "score"),
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
    )


def draw(
    known: Known, phase: int, settings: Settings, generator: torch.Generator
) -> list[list[Clip]]:
    """P persons with K clips each; or all recordings, a window of each, mixed.

    Raises DataError where nobody to train on has what `positives` asks for.
    """
    if _contrasts(phase, settings):
        found = persons(known, settings.positives)
        require_pairs(found, known, settings.positives, "model mpdrm")
        return [
            batch
            for _ in range(settings.rounds)
            for batch in person_batches(
                found,
                known,
                positives=settings.positives,
                count=settings.persons,
                clips=settings.clips,
                seconds=settings.seconds,
                generator=generator,
            )
        ]
    rows = [
        row
        for _ in range(settings.rounds)
        for row in torch.randperm(len(known.score), generator=generator).tolist()
    ]
    clips = [
        Clip(row, *place(0.0, float(known.seconds[row]), settings.seconds, generator))
        for row in rows
    ]
    size = settings.batch_size
    return [clips[start : start + size] for start in range(0, len(clips), size)]


def loss(model: MPDRM, batch: Batch, phase: int, settings: Settings) -> Tensor:
    """InfoNCE of the personal vectors; or Huber of the score, and the penalty if there is one."""
    if _contrasts(phase, settings):
        p = model.personal(batch.values, batch.valid)
        assert p is not None
        subject = torch.where(batch.valid[_STREAM].any(1), batch.subject, -1)
        session = batch.session if settings.positives == "sessions" else None
        return contrast(p, subject, session, settings.temperature)
    score, found, p = model.scored(batch.values, batch.valid)
    total = F.huber_loss(score, batch.score, delta=settings.delta)
    if p is not None and settings.personal == "penalty":
        total = total + settings.penalty * F.cosine_similarity(found, p, dim=-1).abs().mean()
    if p is not None and settings.personal == "decorrelation":
        total = total + settings.penalty * shared(found, p)
    return total


def clips(seconds: float, settings: Settings) -> list[tuple[float, float]]:
    """Windows of equal length, about as long as those of training, that cover a recording."""
    edges = np.linspace(0.0, seconds, max(1, round(seconds / settings.seconds)) + 1)
    return [(float(a), float(b)) for a, b in pairwise(edges)]


def explain(
    model: MPDRM, values: Mapping[str, Tensor], valid: Mapping[str, Tensor], settings: Settings
) -> list[Track]:
    """Self weight and relation weight of each valid step of the depression features."""
    with torch.no_grad():
        d, there = model.sequence(values, valid)
        weights = model.rarm.weights(d, there, model.personal(values, valid))
    step = np.flatnonzero(there[0].cpu().numpy()).astype(np.float64)
    end = np.minimum((step + 1) * POOLED, valid[_STREAM].shape[1])
    return [
        Track("relevance", name, step * POOLED / model.hz, end / model.hz, _of(weight, there))
        for name, weight in zip(("self weight", "relation weight"), weights, strict=True)
    ]


def _of(weight: Tensor, there: Tensor) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    found: np.ndarray[tuple[int], np.dtype[np.float64]] = weight[0][there[0]].cpu().double().numpy()
    return found


def _contrasts(phase: int, settings: Settings) -> bool:
    return settings.personal != "none" and phase == 0
