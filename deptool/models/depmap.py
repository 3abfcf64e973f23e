"""Dep-MAP: key frames, prototypes of behaviour and their distillation across scales.

Wang, Ye, Wang: "Dep-MAP: A Multi-level Alignment Framework with Semantic Prototypes for Video-based
Automatic Depression Assessment", AAAI 2026.

Read from the poster, the abstract and the official code (github.com/QLUTEmoTechCrew/DepMap); the
paper's text was not at hand. Names as in the poster: a visual and an emotional branch of four
scales each, ESA (in the code AUSGA), MSR, SDPM (SDPC), KFBSD (KDM), MAP. Blocks: multi_scale.py,
action_unit_guidance.py, key_frames.py, prototypes.py.

Departures from the paper, and readings of what it leaves open
- Tables instead of pixels. The visual branch is not a ResNet-18 on face crops: it is four stages of
  1-D convolutions over a clip of landmark, head pose and gaze vectors (6 a second), of as many
  channels as the ResNet's (64, 128, 256, 512), at T, T/2, T/4 and T/8 steps. So maps are over time,
  within a clip, where the paper's are over the picture, within a frame.
- ESA. CLIP's text vector of the five most intense action units becomes the mean of learned
  embeddings of the (at most) five columns that stand highest above their training mean, in SDs;
  CLIP's image vector becomes the vector of all action units; the value is the visual stage. As in
  the code attention is between channels, of rank one for each step, and the gate starts at zero.
- The source gives no way by which the emotional maps reach the score. Here MSR fuses them (the
  visual maps where there is no emotional branch), and the visual maps go through the same refining
  block for KFBSD alone.
- MSR: the Haar transform is that of a series; the deeper map enters the low band of the shallower
  one. Its batch norms are layer norms over channels, and its mean map is the running mean of
  training: in the code the current batch's mean is part of it at inference, so that a score depends
  on the other videos in the batch (defect d). Without MSR the deepest stage alone gives the score.
- A token is what one channel does in `span` = 7 frames about one frame (for the code's 7 x 7 map of
  the frame), through a linear map to 49 numbers. The code first hashes the map into the places of
  its four highest values. Places have no gradient: nothing that KFBSD says could reach a stage.
- Key frames: the measure is max - mean over all valid frames of a clip, not over u of them drawn at
  random (defect e). The greatest product of a unit token is that with itself; u is ceil(5 ln T), T
  being valid frames. Time weights are a softmax of counts, divided by `temperature` (1 is the
  source's; with 64 channels its softmax is nearly one-hot).
- Prediction needs no label (defect b). Key frames are those that the channels of all emotional
  branches chose, which is how "multi-scale weighted fusion" is read; each branch has its own time
  weights in KFBSD. (On synthetic tables, where severity shows in known segments, the deepest
  branch alone found them with an AUC of 0.67, the second scale with 0.82, all four with 0.78:
  eight frames are one step of the deepest scale.) Prototypes are assigned in each branch by its
  own tokens: of all clips of a batch, by Sinkhorn-Knopp within a class, the greatest share
  counting.
- All four severity classes of BDI-II by default; the code has three (`bands` = "14,20").
- Two phases: 10 epochs of the frame mean's squared error; then 0.1 KFBSD + the squared error of
  MAP, to which the frame mean's is still added (defect i: the code drops it, so that frames that
  are not chosen learn nothing). The optimiser starts anew in the second one. The learning rate is
  stepped once (defect c): one warm-up epoch, then half a cosine over all epochs of both.
- The best epoch is the one of the lowest RMSE over dev recordings; the code takes that of the test
  set (defect a). PCAMask, which the code builds and never uses, is left out (defect f); labels are
  read from the labels table, never from a name (defects g, h).
- A prediction is the mean over clips that cover the whole recording (`windows` = "centre": one clip
  from its middle, as in the code). Frames without a face are never key frames and in no mean.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss
from torch.optim import AdamW, Optimizer

from deptool.depmap_network import DepMap
from deptool.key_frames import frame_mean
from deptool.sequences import Batch, Clip, Known, Phase, Shape, Stream, Track
from deptool.severity import BDI_II, cuts

TITLE = (
    "Dep-MAP: A Multi-level Alignment Framework with Semantic Prototypes for Video-based"
    " Automatic Depression Assessment"
)
DOI = "10.1609/aaai.v40i3.37192"
NEEDS = ()
USES = ()

_WARM_UP, _LOWEST = 1e-3, 1e-6  # factors of the learning rate at both ends: the official code
_MEAN_MOMENTUM = 0.1  # of MSR's running mean: torch's for batch norms

# Settings that the contract tests try too: the lines of Table 3 and some of Table 2, and others.
VARIANTS = (
    *({"branches": "visual", "msr": False, "sdpm": False, "kdm": False, "map": False},),
    *({"branches": "visual", "sdpm": False, "kdm": False, "map": False},),
    *({"sdpm": False, "kdm": False, "map": False}, {"map": False}, {"kdm": False}, {"esa": False}),
    *({"branches": "emotional"}, {"scales": "1"}, {"scales": "14"}, {"bands": "14,20"}),
)

# Small enough to be tried in seconds: the contract tests, docs.
SMALL = {
    **{"frames": 24, "width": 16, "channels": 8, "dimension": 8, "prototypes": 2},
    **{"gate_epochs": 1, "epochs": 2},
}


@dataclass(frozen=True)
class Settings:
    """The official code's values; `branches`, `msr` … `map` and `scales` leave parts of it out.

    frames: T of a clip, `hz` of them a second. `clips_per_recording`: drawn in an epoch; none is
    as many as fit into the shortest. `width` divides the channels of the stages; `channels` are
    those of MSR and of tokens; `dimension` is a token's. `epochs` come after `gate_epochs`.
    """

    visual: str = "behaviour:shape?+motion?+head_pose?+gaze?"
    hz: float = 6.0
    frames: int = 50
    windows: Literal["all", "centre"] = "all"
    clips_per_recording: int | None = None
    branches: Literal["both", "visual", "emotional"] = "both"
    scales: str = "1234"
    msr: bool = True
    esa: bool = True
    sdpm: bool = True
    kdm: bool = True
    map: bool = True
    width: int = 1
    channels: int = 64
    span: int = 7
    dimension: int = 49
    prototypes: int = 8
    bands: str = BDI_II
    momentum: float = 0.999
    key_factor: float = 5.0
    temperature: float = 1.0
    distillation: float = 0.1
    dropout: float = 0.2
    learning_rate: float = 1e-4
    weight_decay: float = 1e-4
    clip_norm: float = 1.0
    batch_size: int = 8
    gate_epochs: int = 10
    epochs: int = 90
    warm_up_epochs: int = 1
    patience: int = 90

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type in ("int", "float", "int | None") and value is not None:
                low = _LEAST.get(field.name, 1 if "int" in str(field.type) else None)
                good = value > 0 if low is None else value >= low
                self.require(field.name, good, "above 0" if low is None else f"at least {low}")
        self.require("momentum", self.momentum < 1, "below 1")
        self.require("dropout", self.dropout < 1, "below 1")
        self.require("span", self.span % 2 == 1, "odd")
        self.require("width", self.width <= 16, "at most 16")
        known = sorted(set(self.scales) & set("1234"))
        self.require("scales", self.scales and list(self.scales) == known, "some of 1234, in order")
        for name, options in _OPTIONS.items():
            self.require(name, getattr(self, name) in options, f"one of {', '.join(options)}")
        for name in ("kdm", "map"):
            if getattr(self, name) and not self.sdpm:
                raise ValueError(f"{name} needs the prototypes and key frames of sdpm")
        cuts(self.bands)

    def require(self, name: str, good: object, wanted: str) -> None:
        """ValueError where a setting is not good."""
        if not good:
            raise ValueError(f"{name} must be {wanted}, not {getattr(self, name)}")

    @property
    def borders(self) -> list[float]:
        """The first score of each severity class but the lowest, in points."""
        return cuts(self.bands)


_LEAST = {"momentum": 0, "dropout": 0, "weight_decay": 0, "distillation": 0, "warm_up_epochs": 0}
_OPTIONS = {"windows": ("all", "centre"), "branches": ("both", "visual", "emotional")}


def streams(settings: Settings) -> dict[str, Stream]:
    """What the branches take."""
    every = {
        "visual": Stream(settings.visual, settings.hz),
        "emotional": Stream("behaviour:action_units", settings.hz),
    }
    return {name: s for name, s in every.items() if settings.branches in ("both", name)}


def build(settings: Settings, *, streams: Mapping[str, Shape]) -> DepMap:
    """The network for streams of these shapes, freshly drawn from torch's generator."""
    return DepMap(settings, {name: shape.dimension for name, shape in streams.items()})


def initialise(
    model: DepMap, train_mean: float, moments: Mapping[str, tuple[Tensor, Tensor]]
) -> None:
    """Scales of the streams, and the last bias at the mean training score, in points."""
    for name, (mean, sd) in moments.items():
        model.scaler(name).learn(mean, sd)
    nn.init.constant_(model.score.bias, train_mean)


def phases(settings: Settings) -> tuple[Phase, ...]:
    """Frames alone, to the gate; then all, from the last epoch of the first, as in the code."""
    if not settings.sdpm:
        return (Phase("frames", settings.gate_epochs + settings.epochs),)
    return (
        Phase("frames", settings.gate_epochs, chosen=False),
        Phase("prototypes", settings.epochs),
    )


def begin(model: DepMap, phase: int, settings: Settings) -> Optimizer:
    """AdamW of all; MAP is how the last phase predicts."""
    model.aggregating = settings.map and phase == len(phases(settings)) - 1
    return AdamW(model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)


def rate(phase: int, progress: float, settings: Settings) -> float:
    """A straight warm-up, then half a cosine over the epochs of both phases."""
    done = progress + (settings.gate_epochs if phase else 0)
    warm = settings.warm_up_epochs
    if done < warm:
        return _WARM_UP + (1 - _WARM_UP) * done / warm
    share = (done - warm) / max(settings.gate_epochs + settings.epochs - warm, 1)
    return _LOWEST + (1 - _LOWEST) * (1 + math.cos(math.pi * min(share, 1))) / 2


def clips(seconds: float, settings: Settings) -> list[tuple[float, float]]:
    """Clips side by side from the start, the last one back from the end; or the middle one."""
    length = settings.frames / settings.hz
    if seconds <= length:
        return [(0.0, seconds)]
    if settings.windows == "centre":
        start = (seconds - length) / 2
        return [(start, start + length)]
    whole = int(seconds / length + 1e-6)
    found = [(k * length, (k + 1) * length) for k in range(whole)]
    if seconds - found[-1][1] > 0.5 / settings.hz:  # half a frame
        found.append((seconds - length, seconds))
    return found


def draw(
    known: Known, phase: int, settings: Settings, generator: torch.Generator
) -> list[list[Clip]]:
    """Random clips of each recording that do not overlap, all mixed."""
    length = settings.frames / settings.hz
    seconds = known.seconds.tolist()
    most = settings.clips_per_recording or math.ceil(min(seconds) / length - 1e-6)
    drawn = []
    for recording, whole in enumerate(seconds):
        n = max(1, min(most, int(whole / length + 1e-6)))
        free = max(whole - n * length, 0)
        gaps = torch.rand(n, generator=generator).sort().values * free
        starts = [float(gap) + k * length for k, gap in enumerate(gaps)]
        drawn += [Clip(recording, start, min(start + length, whole)) for start in starts]
    order = torch.randperm(len(drawn), generator=generator).tolist()
    mixed = [drawn[k] for k in order]
    size = settings.batch_size
    return [mixed[k : k + size] for k in range(0, len(mixed), size)]


def loss(model: DepMap, batch: Batch, phase: int, settings: Settings) -> Tensor:
    """The frame mean's squared error; in the last phase MAP's and KFBSD too.

    In training it moves the running mean of MSR, and in the last phase the prototypes.
    """
    seen = model.look(batch.values, batch.valid)
    total = mse_loss(frame_mean(seen.scores, seen.valid), batch.score)
    if model.training:
        model.learn_mean(seen, _MEAN_MOMENTUM)
    if phase < len(phases(settings)) - 1 or not settings.sdpm:
        return total
    choices = model.choices(seen)
    if settings.map:
        aggregated = model.aggregated(seen, model.key(seen, choices))
        total = total + mse_loss(aggregated, batch.score)
    borders = torch.tensor(settings.borders, device=batch.score.device)
    severity = (batch.score[:, None] >= borders).sum(1)
    kfbsd = model.distil(seen, choices, severity, settings.momentum)
    return total + settings.distillation * kfbsd


def explain(
    model: DepMap, values: Mapping[str, Tensor], valid: Mapping[str, Tensor], settings: Settings
) -> Sequence[Track]:
    """Key frames, time weights, and the prototype nearest to each valid frame, group · K + k.

    Without SDPM each frame has the same weight, and that is all.
    """
    seen = model.look(values, valid)
    there = seen.valid[0].cpu().numpy()
    start = torch.arange(len(there), dtype=torch.float64).numpy() / settings.hz
    end = start + 1 / settings.hz

    def track(kind: str, name: str, value: Tensor) -> Track:
        return Track(kind, name, start[there], end[there], value[0].double().cpu().numpy()[there])

    if not settings.sdpm:
        equal = seen.valid / seen.valid.sum().clamp_min(1)
        return [track("relevance", "time weight", equal)]
    key = model.key(seen)
    return [
        track("key_frame", "key frame", key.frames),
        track("relevance", "time weight", key.tw),
        track("prototype", "assigned", model.nearest(seen)),
    ]
