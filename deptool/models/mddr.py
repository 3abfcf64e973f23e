"""MDDR: attention over modalities at each time, then over the times of a recording.

Zhang et al.: "MDDR: Multi-modal Dual-Attention Aggregation Architecture for Depression
Recognition", ACM Multimedia 2024 (openreview.net, YHOcexl2fT). This follows the version that was
submitted for review; no DOI is known here. Blocks are in dual_attention.py and band_loss.py.

Letters as in the paper: L times, M modalities, D numbers; X the aligned modalities (L, M, D), F
what FAA makes of them (L, D), O what SEA's encoder makes of that, E (D) what temporal attention
makes of O; w and delta of the DR loss.

Departures from the paper, and readings of what it leaves open
- Modalities: the paper has ResNet-50 vectors of the face, HuBERT vectors of the sound, and head
  pose and gaze. `face` is here landmarks (aligned, and how they move) and action units of the
  tables, `pose` head pose and gaze; any other word in `modalities` is the name of an embedding
  cache, so that vectors as the paper's can be given. Inputs are in SDs from the training mean.
- The paper takes 0.3 (AVEC 2013) or 1.2 frames a second (AVEC 2014), its sound has 1 step a second,
  and sequences are padded with zeros to one length. Here everything is brought by time to one grid
  of `hz` steps a second, and what is missing is masked and not filled.
- Of face and pose a step holds the mean of the vectors in its time (about six). So does a step of a
  cache that is denser than the grid, behind its convolutions; of a slower one each vector stands
  for the steps in its time.
- "AL-CNN": a stream of 50 steps or more for one of the grid has the three convolutions of the
  sound, others the one of the head pose; a ReLU behind each, and zeros around, so that a second is
  read from 80 steps of sound, 2 before it to 28 behind it. The paper lists no network for its 2048
  visual numbers, though all modalities have D: they too have that of the head pose.
- Layer norm is "data normalization" in the paper, without a place but the encoder's blocks. Here it
  also stands on what FAA sums, and not on what FAA scores: layer norm hides how strong a vector is,
  and noise shows in that. On a synthetic cohort with drifting reliability (one seed each) weights
  followed it with a rank correlation of 0.60, with layer norm on both 0.49.
- D = 512, as the last convolutions have; the "hidden dimension" 2048 is the feed-forward width.
- W_m of Eq. 1 has a row for each time, and the text shares weights: one network D -> 128 -> 1 with
  tanh scores all times and modalities. The sum has M terms; the paper's runs from 0 to M. 128 is
  the classification network's hidden size.
- A modality that was not measured at a time has weight 0 there; a time at which none was takes no
  part; a recording in which nothing was has the training mean.
- With one modality there is nothing to weigh, and no network for it.
- DR loss: "hyperparameters set to 2" is delta, and the Huber loss's threshold is the same. A
  prediction is in the band that its own value is in: 13.9 is below 14. Eq. 3 jumps where
  |error| = delta and where a prediction crosses a band's border; with `smooth` its weight goes from
  w to 1 without a jump.
- The classification network has one hidden layer of 128, ReLU and dropout; its last bias starts at
  the mean training score. Its output is in points and has no bounds.
- `fan` and `san` off put plain means in the place of attention over modalities, and of the encoder
  with attention over time: Table 4, whose "FAN" and "SAN" have one of the two alone.
- The positional encoding is the sinusoidal one, from the start of a clip. Dropout is in the encoder
  and before the score; the paper does not say where.
- Epochs are not in the paper: 100, so that its learning rate falls once on the way. The best is the
  one of the lowest RMSE over dev recordings.
- Recordings longer than `crop_s` are trained on in crops of that length at random places, another
  one in each epoch; they are scored whole.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from deptool.band_loss import dr_loss
from deptool.dual_attention import Alignment, Attention, Encoder, Mean
from deptool.sequence_blocks import Standardise
from deptool.sequences import Batch, Clip, Known, Phase, Shape, Stream, Track
from deptool.severity import BDI_II, cuts

TITLE = "MDDR: Multi-modal Dual-Attention Aggregation Architecture for Depression Recognition"
DOI = None
NEEDS = ()
USES = ()

_TABLES = {
    "face": "behaviour:shape?+motion?+action_units?",
    "pose": "behaviour:head_pose?+gaze?",
}

# What the contract tests build it with, and settings that they try too.
SMALL = {"width": 16, "layers": 1, "heads": 2, "feed_forward": 16, "hidden": 8, "batch_size": 4}
VARIANTS = (
    {"modalities": "face,pose,voice"},
    {"modalities": "voice"},
    {"fan": False},
    {"san": False},
    {"loss": "huber"},
)


@dataclass(frozen=True)
class Settings:
    """The paper's values, but for modalities, rates, epochs, patience and crops.

    modalities: face, pose and names of embedding caches. hz: steps a second of the grid. bands: the
    first score of each severity band but the lowest, points; delta: points. learning_rate falls to
    a tenth every `decay_epochs`. Raises ValueError for values that make no sense.
    """

    modalities: str = "face,pose"
    hz: float = 1.0
    width: int = 512  # D
    layers: int = 6
    heads: int = 8
    feed_forward: int = 2048
    hidden: int = 128
    dropout: float = 0.1
    fan: bool = True
    san: bool = True
    loss: Literal["dr", "huber"] = "dr"
    delta: float = 2.0
    w: float = 0.1
    smooth: bool = False
    bands: str = BDI_II
    learning_rate: float = 1e-3
    momentum: float = 0.9
    weight_decay: float = 5e-4
    decay_epochs: float = 50.0
    crop_s: float = 300.0
    batch_size: int = 16
    epochs: int = 100
    patience: int = 100

    def __post_init__(self) -> None:
        for name in (
            *("width", "layers", "heads", "feed_forward", "hidden"),
            *("batch_size", "epochs", "patience"),
        ):
            self._require(name, getattr(self, name) >= 1, "at least 1")
        for name in ("hz", "delta", "learning_rate", "decay_epochs", "crop_s"):
            self._require(name, 0 < getattr(self, name) < math.inf, "above 0")
        for name in ("dropout", "momentum"):
            self._require(name, 0 <= getattr(self, name) < 1, "from 0 to below 1")
        self._require("weight_decay", 0 <= self.weight_decay < math.inf, "0 or more")
        self._require("w", 0 <= self.w <= 1, "from 0 to 1")
        self._require("width", self.width % self.heads == 0, "a multiple of heads")
        self._require("loss", self.loss in ("dr", "huber"), "dr or huber")
        words = names(self)
        good = all(re.fullmatch(r"[A-Za-z0-9_-]+", word) for word in words)
        self._require("modalities", good and len(set(words)) == len(words), "names, each once")
        cuts(self.bands)

    def _require(self, name: str, good: bool, words: str) -> None:
        if not good:
            raise ValueError(f"{name} must be {words}, not {getattr(self, name)}")


def names(settings: Settings) -> list[str]:
    """The modalities, in order."""
    return [word.strip() for word in settings.modalities.split(",")]


class Seen(NamedTuple):
    """score (clip); weights of modalities (clip, L, M) and of times (clip, L); valid (clip, L)."""

    score: Tensor
    modality: Tensor
    time: Tensor
    valid: Tensor


class MDDR(nn.Module):
    """values, valid: modality -> (clip, step, number), (clip, step) -> score (clip)."""

    train_mean: Tensor

    def __init__(self, streams: Mapping[str, Shape], settings: Settings) -> None:
        super().__init__()
        width, hidden = settings.width, settings.hidden
        self.names = names(settings)
        self.ratio = {name: streams[name].hz / settings.hz for name in self.names}
        self.scale = nn.ModuleDict({n: Standardise(streams[n].dimension) for n in self.names})
        self.align = nn.ModuleDict(
            {n: Alignment(streams[n].dimension, width, self.ratio[n]) for n in self.names}
        )
        self.norm = nn.LayerNorm(width)
        weighs = settings.fan and len(self.names) > 1
        self.fan = Attention(width, hidden) if weighs else Mean()
        self.encoder = (
            Encoder(
                width=width,
                layers=settings.layers,
                heads=settings.heads,
                feed_forward=settings.feed_forward,
                dropout=settings.dropout,
            )
            if settings.san
            else None
        )
        self.san = Attention(width, hidden) if settings.san else Mean()
        self.score = nn.Sequential(
            nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(settings.dropout), nn.Linear(hidden, 1)
        )
        self.register_buffer("train_mean", torch.zeros(()))

    def aligned(
        self, values: Mapping[str, Tensor], valid: Mapping[str, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """X (clip, L, M, D), and what of it is valid (clip, L, M)."""
        length = max(math.ceil(valid[n].shape[1] / self.ratio[n] - 1e-6) for n in self.names)
        pairs = [
            self.align[n](self.scale[n](values[n], valid[n]), valid[n], max(length, 1))
            for n in self.names
        ]
        x, there = zip(*pairs, strict=True)
        return torch.stack(x, 2), torch.stack(there, 2)

    def see(self, values: Mapping[str, Tensor], valid: Mapping[str, Tensor]) -> Seen:
        """The score, and the weights that it comes from."""
        x, there = self.aligned(values, valid)
        fused, modality = self.fan(x, there, self.norm(x))
        present = there.any(-1)
        if self.encoder is not None:
            fused = self.encoder(fused, present)
        whole, time = self.san(fused, present)
        score = self.score(whole).squeeze(-1)
        return Seen(torch.where(present.any(1), score, self.train_mean), modality, time, present)

    def forward(self, values: Mapping[str, Tensor], valid: Mapping[str, Tensor]) -> Tensor:
        return self.see(values, valid).score


def streams(settings: Settings) -> dict[str, Stream]:
    """The modalities: of the tables on the grid, of caches as they are."""
    return {
        name: Stream(_TABLES[name], settings.hz) if name in _TABLES else Stream(name)
        for name in names(settings)
    }


def build(settings: Settings, *, streams: Mapping[str, Shape]) -> MDDR:
    """The network, freshly drawn from torch's generator."""
    return MDDR(streams, settings)


def initialise(
    model: MDDR, train_mean: float, moments: Mapping[str, tuple[Tensor, Tensor]]
) -> None:
    """The last bias at the mean training score, in points; inputs in SDs of the training."""
    for name in model.names:
        model.scale[name].learn(*moments[name])  # type: ignore[operator]
    model.train_mean.fill_(train_mean)
    nn.init.constant_(model.score[-1].bias, train_mean)  # type: ignore[arg-type]


def phases(settings: Settings) -> tuple[Phase, ...]:
    """One: everything is trained at once."""
    return (Phase("score", settings.epochs),)


def begin(model: MDDR, phase: int, settings: Settings) -> torch.optim.Optimizer:
    """SGD as in section 4.3."""
    return torch.optim.SGD(
        model.parameters(),
        lr=settings.learning_rate,
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
    )


def rate(phase: int, progress: float, settings: Settings) -> float:
    """A tenth after every `decay_epochs`."""
    return float(0.1 ** (progress // settings.decay_epochs))


def draw(
    known: Known, phase: int, settings: Settings, generator: torch.Generator
) -> list[list[Clip]]:
    """Every recording once, mixed; of long ones a crop."""
    rows = torch.randperm(len(known.score), generator=generator).tolist()
    places = torch.rand(len(rows), generator=generator).tolist()
    clips = [
        _crop(row, float(known.seconds[row]), place, settings)
        for row, place in zip(rows, places, strict=True)
    ]
    size = settings.batch_size
    return [clips[start : start + size] for start in range(0, len(clips), size)]


def _crop(row: int, seconds: float, place: float, settings: Settings) -> Clip:
    """A crop that begins with a step of the grid; `place` from 0 to below 1."""
    room = math.floor((seconds - settings.crop_s) * settings.hz + 1e-6)
    if room < 1:
        return Clip(row)
    start = math.floor(place * (room + 1)) / settings.hz
    return Clip(row, start, min(start + settings.crop_s, seconds))


def loss(model: MDDR, batch: Batch, phase: int, settings: Settings) -> Tensor:
    """The mean DR loss (Eq. 3), or the mean Huber loss."""
    score = model(batch.values, batch.valid)
    if settings.loss == "huber":
        return functional.huber_loss(score, batch.score, delta=settings.delta)
    return dr_loss(
        score,
        batch.score,
        bands=cuts(settings.bands),
        delta=settings.delta,
        w=settings.w,
        smooth=settings.smooth,
    ).mean()


def explain(
    model: MDDR, values: Mapping[str, Tensor], valid: Mapping[str, Tensor], settings: Settings
) -> list[Track]:
    """FAA's weight of each modality, and the weight of each time, at the times that take part.

    At each time the weights of modalities add up to 1; those of times do so over the clip.
    """
    seen = model.see(values, valid)
    step = np.flatnonzero(seen.valid[0].cpu().numpy())
    seconds = max(valid[n].shape[1] / model.ratio[n] for n in model.names) / settings.hz
    start = step / settings.hz
    end = np.minimum((step + 1) / settings.hz, seconds)
    modality = seen.modality[0].double().cpu().numpy()[step]
    time = seen.time[0].double().cpu().numpy()[step]
    found = [Track("modality", n, start, end, modality[:, k]) for k, n in enumerate(model.names)]
    return [*found, Track("time", "time", start, end, time)]
