"""Faces as a network for images or videos sees them.

The network of a checkpoint of transformers: ResNet, ConvNeXt, ViT, DINOv2, Swin and others of
images; VideoMAE, TimeSformer and ViViT of videos, which see clips of as many faces as they were
trained on (16), each clip a vector. They see aligned crops of the whole face, at the size and with
the means and deviations that the checkpoint's preprocessor_config.json states. The cropping of
photographs that it may also state is left out: it would cut chin and brow off.

A vector is what the network's pooler gives. Where it has none, or the checkpoint does not hold what
the pooler has learnt, it is the mean of the last map, or over the patches of the last layer; tokens
ahead of the patches (class, registers) are not among them. With `stages` a vector holds four of
them instead, stage1 to stage4: the means of four maps or layers, evenly spread, the last included.
Those of a ResNet are its four stages; those of a ViT of 12 layers are what its layers 3, 6, 9 and
12 give, before the last normalisation.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeGuard

import numpy as np
from numpy.typing import NDArray

from deptool import pretrained
from deptool.embeddings import Encoding
from deptool.errors import InputError

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]

# 2048 numbers, trained on ImageNet. "MDDR" (Zhang et al., ACM MM 2024) sees with a ResNet-50, of
# one of 100 frames; its own was trained on AffectNet.
MODEL = "microsoft/resnet-50"

LICENCE = "Apache-2.0 (ResNet-50 by Microsoft; another checkpoint has its own)"
WEIGHTS = pretrained.hub_files(MODEL, "ResNet-50, 2048 numbers for a face", "Apache-2.0")
SOURCE = "video"
IDENTIFIES = True
EXTRA = "encoders"
VERSION = 1

STAGES = 4
BATCH = 16

_WHAT = "the encoder vision"


@dataclass(frozen=True)
class Settings:
    """model: a folder, or owner/name on the hub. fps: faces per second. stages: four stages instead
    of what is pooled at the end. step: of a network of videos, faces from one clip to the next;
    none is a clip's length.
    """

    model: str = MODEL
    fps: float = 1.0
    stages: bool = False
    step: int | None = None

    def __post_init__(self) -> None:
        if not 0.01 <= self.fps <= 120:
            raise ValueError(f"fps must be from 0.01 to 120, not {self.fps}")
        if self.step is not None and self.step < 1:
            raise ValueError(f"step cannot be {self.step}: at least 1")


@dataclass(frozen=True)
class Look:
    """How pixels become what a network sees: (pixel * scale - shift - mean) / std, px its side."""

    px: int
    scale: float
    shift: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    blue_first: bool

    def see(self, faces: Pixels) -> Floats:
        """faces (…, row, column, RGB) -> (…, channel, row, column)"""
        found = faces.astype(np.float32) * np.float32(self.scale) - np.float32(self.shift)
        found = (found - np.array(self.mean, np.float32)) / np.array(self.std, np.float32)
        found = found[..., ::-1] if self.blue_first else found
        return np.ascontiguousarray(np.moveaxis(found, -1, -3))


def require(settings: Settings, weights: Path | None) -> None:
    """Raise MissingExtraError where transformers or the checkpoint is not here."""
    pretrained.require_transformers(_WHAT)
    pretrained.find(settings.model, weights, _WHAT)


def encoding(settings: Settings, weights: Path | None) -> Encoding:
    """What its vectors are. Reads the weights' file for its digest; the network stays empty.

    Raises InputError where the checkpoint is of no kind that vision can use.
    """
    checkpoint = pretrained.find(settings.model, weights, _WHAT)
    config = pretrained.read_config(checkpoint)
    frames = _frames(config)
    sizes = _sizes(checkpoint, config, settings)
    ends = np.cumsum([0, *sizes]).tolist()
    parts = {f"stage{k}": ends for k, ends in enumerate(pairwise(ends), 1)}
    about = {"model": checkpoint.name, "config_sha256": checkpoint.config_digest()}
    return Encoding(
        encoder="vision",
        version=VERSION,
        dimension=ends[-1],
        hop_s=(settings.step or frames) / settings.fps if frames > 1 else 1 / settings.fps,
        source=SOURCE,
        identifies_people=IDENTIFIES,
        settings=asdict(settings) | about,
        weights=checkpoint.digest(),
        parts=parts if settings.stages else {},
    )


class Encoder:
    """The network, ready to look at faces of px by px, `batch` of them at once.

    `frames` is how many faces a vector is of; where that is more than 1, they come at `fps`.
    """

    def __init__(self, settings: Settings, weights: Path | None, device: str) -> None:
        """Load the checkpoint. Raises as `encoding`, and InputError where it cannot be read."""
        checkpoint = pretrained.find(settings.model, weights, _WHAT)
        self._network = pretrained.load(checkpoint, device)
        self._pooler = pretrained.has_pooler(self._network, checkpoint.parameters())
        self._look = _look(checkpoint)
        self._device, self._stages = device, settings.stages
        self.px = self._look.px
        self.fps = settings.fps
        self.frames = _frames(self._network.config)
        self.batch = max(1, BATCH // self.frames)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._network = None

    def encode(self, faces: Pixels) -> Floats:
        """faces (face, row, column, RGB) -> vectors (face, number).

        Of a network of videos: clips (clip, face, row, column, RGB) -> vectors (clip, number).
        """
        import torch

        seen = torch.from_numpy(self._look.see(faces)).to(self._device)
        with torch.inference_mode():
            parts = _parts(self._network, seen, stages=self._stages, pooler=self._pooler)
            found: Floats = torch.cat(parts, dim=1).cpu().numpy()
        return found


def _frames(config: Any) -> int:
    """How many faces the network takes at once: 1 of images, a clip's of videos."""
    return int(getattr(config, "num_frames", None) or 1)


def _sizes(checkpoint: pretrained.Checkpoint, config: Any, settings: Settings) -> list[int]:
    """Numbers of each part of a vector, by asking a network without numbers."""
    import torch

    px, frames = _look(checkpoint).px, _frames(config)
    try:
        network = pretrained.outline(config)
        if network.main_input_name != "pixel_values":
            raise ValueError(f"it looks at {network.main_input_name}")
        shape = (1, frames, 3, px, px) if frames > 1 else (1, 3, px, px)
        seen = torch.zeros(shape, device="meta")
        pooler = pretrained.has_pooler(network, checkpoint.parameters())
        with torch.inference_mode():
            parts = _parts(network, seen, stages=settings.stages, pooler=pooler)
    except (ValueError, TypeError, RuntimeError, AttributeError, NotImplementedError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise InputError(
            f"is a checkpoint of the kind {config.model_type}, which vision cannot use: {reason}",
            where=checkpoint.name,
            fix="Give it one of ResNet, ViT, DINOv2, VideoMAE or a network like these.",
        ) from error
    return [part.shape[1] for part in parts]


def _parts(network: Any, seen: Any, *, stages: bool, pooler: bool) -> list[Any]:
    """What vectors are made of, each (face, number): the pooled one, or those of four stages."""
    found = network(pixel_values=seen, output_hidden_states=stages)
    patches = _patches(network.config, seen.shape)
    if not stages:
        pooled = getattr(found, "pooler_output", None)
        if pooled is not None and pooler:
            return [pooled.flatten(1)]
        return [_mean(found.last_hidden_state, patches)]
    layers = found.hidden_states[1:]  # the first is what the layers are given
    if len(layers) < STAGES:
        raise ValueError(f"it has {len(layers)} layers, so no {STAGES} stages")
    last = [round(k * len(layers) / STAGES) - 1 for k in range(1, STAGES + 1)]
    return [_mean(layers[k], patches) for k in last]


def _mean(values: Any, patches: int) -> Any:
    """The mean (face, number) of a map (face, number, row, column) or of tokens (face, token, …)"""
    if values.ndim == 4:
        return values.mean(dim=(2, 3))
    ahead = max(values.shape[1] - patches, 0) if patches else 0
    return values[:, ahead:].mean(dim=1)


def _patches(config: Any, shape: tuple[int, ...]) -> int:
    """How many patches a transformer cuts its input into; 0 of another network."""
    side = getattr(config, "patch_size", None)
    tubelet = getattr(config, "tubelet_size", 1)
    if isinstance(tubelet, (list, tuple)):  # of frames, rows and columns: ViViT
        tubelet, *sides = tubelet
    elif side is not None:
        sides = [side, side] if isinstance(side, int) else list(side)
    else:
        return 0
    clips = shape[1] // tubelet if len(shape) == 5 else 1
    found: int = clips * (shape[-2] // sides[0]) * (shape[-1] // sides[1])
    return found


def _look(checkpoint: pretrained.Checkpoint) -> Look:
    """What preprocessor_config.json says of pixels. Raises InputError where it does not say it."""
    said = checkpoint.preprocessor()
    cropped = "crop_size" in said and said.get("do_center_crop", True)
    size = said.get("crop_size" if cropped else "size")
    if isinstance(size, dict):
        size = size.get("shortest_edge") or (
            size.get("height") if size.get("height") == size.get("width") else None
        )
    normalised = said.get("do_normalize", True)
    mean = said.get("image_mean") if normalised else [0.0] * 3
    std = said.get("image_std") if normalised else [1.0] * 3
    if not isinstance(size, int) or not _is_colour(mean) or not _is_colour(std):
        raise InputError(
            "does not state one side for pictures, and image_mean and image_std of three colours",
            where=f"{checkpoint.name}: {pretrained.PREPROCESSOR}",
            fix="Get the file again, as the checkpoint's makers publish it.",
        )
    return Look(
        px=size,
        scale=said.get("rescale_factor", 1 / 255) if said.get("do_rescale", True) else 1.0,
        shift=1.0 if said.get("offset") else 0.0,
        mean=tuple(mean),
        std=tuple(std),
        blue_first=bool(said.get("do_flip_channel_order", False)),
    )


def _is_colour(value: object) -> TypeGuard[list[float]]:
    return (
        isinstance(value, list)
        and len(value) == 3
        and all(isinstance(x, (int, float)) for x in value)
    )
