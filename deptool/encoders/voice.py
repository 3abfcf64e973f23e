"""Voice as HuBERT or wav2vec 2.0 hears it, 50 vectors a second.

The network of a checkpoint of transformers: HuBERT (Hsu et al., "HuBERT: self-supervised speech
representation learning by masked prediction of hidden units", 2021), wav2vec 2.0 (Baevski et al.,
"wav2vec 2.0: a framework for self-supervised learning of speech representations", 2020), or another
with their convolutions. It hears 16 000 samples a second, and gives a vector for every 320 of them
(20 ms), made of 400 (25 ms) and, by attention, of all else in the wave.

A recording is heard in pieces, so that 50 minutes need no more memory than one. Each is heard with
`margin_s` of what comes before and after it, and the vectors of the margins are thrown away: every
vector knows at least the margin on either side, except at the ends of the recording. The network's
convolution over positions reaches 64 vectors (1.28 s) to each side and so never sees a cut. What
attention takes from beyond the margins is lost; it is the same for all vectors of a piece.

Waves are brought to mean 0 and variance 1 where the checkpoint's preprocessor_config.json says so:
a piece and its margins by their own mean and variance.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from deptool import pretrained
from deptool.embeddings import Encoding
from deptool.errors import InputError, SettingsError

Floats = NDArray[np.float32]

# HuBERT large, 1024 numbers: "MDDR" (Zhang et al., ACM MM 2024) hears with it.
MODEL = "facebook/hubert-large-ll60k"

LICENCE = "Apache-2.0 (HuBERT large by Meta; another checkpoint has its own)"
WEIGHTS = pretrained.hub_files(MODEL, "HuBERT large, 1024 numbers for 20 ms of voice", "Apache-2.0")
SOURCE = "sound"
IDENTIFIES = True
EXTRA = "encoders"
VERSION = 1

RATE = 16_000  # samples per second
HOP = 320  # samples, of the convolutions of both
PIECE_S = 30.0
MARGIN_S = 5.0

_WHAT = "the encoder voice"

# What transformers adds to a wave's variance before it divides (Wav2Vec2FeatureExtractor).
_LEAST_VARIANCE = 1e-7


@dataclass(frozen=True)
class Settings:
    """model: a folder, or owner/name on the hub. layer: of the transformer's, the first is 1, and
    0 is what it is given; none is the last. hop_s: vectors are means over so many seconds, whole
    multiples of 0.02; 0.02 is all of them.
    """

    model: str = MODEL
    layer: int | None = None
    hop_s: float = 0.02

    def __post_init__(self) -> None:
        if self.layer is not None and self.layer < 0:
            raise ValueError(f"layer cannot be {self.layer}: the first is 0")
        count = self.hop_s * RATE / HOP
        if not 0.02 <= self.hop_s <= MARGIN_S or abs(count - round(count)) > 1e-6:
            raise ValueError(
                f"hop_s must be a multiple of 0.02 up to {MARGIN_S:g}, not {self.hop_s:g}"
            )


def require(settings: Settings, weights: Path | None) -> None:
    """Raise MissingExtraError where transformers or the checkpoint is not here."""
    pretrained.require_transformers(_WHAT)
    pretrained.find(settings.model, weights, _WHAT)


def encoding(settings: Settings, weights: Path | None) -> Encoding:
    """What its vectors are. Reads the weights' file for its digest; no network is made.

    Raises InputError where the checkpoint is not of this kind, SettingsError where it has no such
    layer.
    """
    checkpoint = pretrained.find(settings.model, weights, _WHAT)
    config = _config(checkpoint, settings)
    about = {"model": checkpoint.name, "config_sha256": checkpoint.config_digest()}
    return Encoding(
        encoder="voice",
        version=VERSION,
        dimension=config.hidden_size,
        hop_s=settings.hop_s,
        source=SOURCE,
        identifies_people=IDENTIFIES,
        settings=asdict(settings) | about,
        weights=checkpoint.digest(),
    )


class Encoder:
    """The network, ready to hear."""

    rate = RATE
    piece_s = PIECE_S
    margin_s = MARGIN_S

    def __init__(self, settings: Settings, weights: Path | None, device: str) -> None:
        """Load the checkpoint. Raises as `encoding`, and InputError where it cannot be read."""
        checkpoint = pretrained.find(settings.model, weights, _WHAT)
        config = _config(checkpoint, settings)
        self._layer, self._mean_of = settings.layer, round(settings.hop_s * RATE / HOP)
        self._heard = _samples_heard(config.conv_kernel, config.conv_stride)
        self._normalise = bool(checkpoint.preprocessor().get("do_normalize", True))
        self._device = device
        self._network = pretrained.load(checkpoint, device)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._network = None

    def encode(self, wave: Floats) -> Floats:
        """wave (sample,) -> vectors (vector, number), vector k of the time from k hops on.

        One for every hop that the wave begins; silence is put behind its end.
        """
        import torch

        steps = math.ceil(len(wave) / HOP)
        lacking = (steps - 1) * HOP + self._heard - len(wave)
        heard = np.pad(_normalised(wave) if self._normalise else wave, (0, max(lacking, 0)))
        values = torch.from_numpy(heard.astype(np.float32))[None].to(self._device)
        with torch.inference_mode():
            vectors = self._see(values)[0, :steps].cpu().numpy()
        return _means(vectors, self._mean_of)

    def _see(self, values: Any) -> Any:
        """values (1, sample) -> vectors (1, vector, number)"""
        if self._layer is None:
            return self._network(values).last_hidden_state
        return self._network(values, output_hidden_states=True).hidden_states[self._layer]


def _config(checkpoint: pretrained.Checkpoint, settings: Settings) -> Any:
    """The checkpoint's configuration, of a kind that this file understands."""
    config = pretrained.read_config(checkpoint)
    hop = math.prod(getattr(config, "conv_stride", ()))
    if hop != HOP or getattr(config, "add_adapter", False):
        raise InputError(
            f"is a checkpoint of the kind {config.model_type}, which voice cannot use",
            where=checkpoint.name,
            fix="Give it one of HuBERT or wav2vec 2.0, without an adapter.",
        )
    rate = checkpoint.preprocessor().get("sampling_rate", RATE)
    if rate != RATE:
        raise InputError(f"hears {rate} samples per second, not {RATE}", where=checkpoint.name)
    if settings.layer is not None and settings.layer > config.num_hidden_layers:
        raise SettingsError(
            f"layer cannot be {settings.layer}: {checkpoint.name} has {config.num_hidden_layers}"
        )
    return config


def _samples_heard(kernels: list[int], strides: list[int]) -> int:
    """How many samples one vector is made of by convolutions in a row."""
    heard = 1
    for kernel, stride in zip(reversed(kernels), reversed(strides), strict=True):
        heard = (heard - 1) * stride + kernel
    return heard


def _normalised(wave: Floats) -> Floats:
    found: Floats = (wave - wave.mean()) / np.sqrt(wave.var() + _LEAST_VARIANCE)
    return found


def _means(vectors: Floats, count: int) -> Floats:
    """Of every `count` vectors, and of what is left at the end, their mean."""
    if count == 1:
        return vectors
    return np.stack([vectors[k : k + count].mean(axis=0) for k in range(0, len(vectors), count)])
