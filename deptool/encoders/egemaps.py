"""openSMILE's low-level descriptors of the voice: eGeMAPS v02, 25 numbers; no weights.

Eyben et al., IEEE TAFFC 7(2), 2016, 10.1109/TAFFC.2015.2457417: loudness, spectral slopes and flux,
MFCC 1 to 4, pitch, jitter, shimmer, harmonics and formants, every 10 ms, smoothed over three
frames. Pitch and all that depends on it is 0 where there is no voice, as openSMILE gives it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from deptool.embeddings import Encoding
from deptool.errors import MissingExtraError

LICENCE = "audEERING Research License (research and other non-commercial use, no products)"
SOURCE = "sound"
IDENTIFIES = True
EXTRA = "encoders"
VERSION = 1
DIMENSION = 25

_RATE = 16000  # samples per second
_STEP = 160  # samples, openSMILE's hop of 10 ms
_LEAST = 1280  # samples; of fewer openSMILE gives nothing
_PIECE_S = 60.0
# Pitch is smoothed along a path; how sure it is fades within this.
_MARGIN_S = 2.0


@dataclass(frozen=True)
class Settings:
    """hop_s: vectors are means over so many seconds, whole multiples of 0.01; 0.01 is all of them.

    The mean of a number that is 0 without voice is over all of the time, not over the voice.
    """

    hop_s: float = 0.01

    def __post_init__(self) -> None:
        frames = self.hop_s * _RATE / _STEP
        if not 0.01 <= self.hop_s <= 60 or abs(frames - round(frames)) > 1e-6:
            raise ValueError(f"hop_s must be a multiple of 0.01 up to 60, not {self.hop_s:g}")


def require(settings: Settings, weights: Path | None) -> None:
    """Raise MissingExtraError where openSMILE is not installed."""
    from importlib.util import find_spec

    del settings, weights
    if find_spec("opensmile") is None:
        raise MissingExtraError(
            "the encoder egemaps cannot run: opensmile is not installed",
            fix="pip install 'deptool[encoders]'",
        )


def encoding(settings: Settings, weights: Path | None) -> Encoding:
    """The order of the numbers is openSMILE's."""
    del weights
    return Encoding(
        encoder="egemaps",
        version=VERSION,
        dimension=DIMENSION,
        hop_s=settings.hop_s,
        source=SOURCE,
        identifies_people=IDENTIFIES,
        settings=asdict(settings),
    )


class Encoder:
    """See `deptool.encoders`; it stays on the CPU."""

    rate = _RATE
    piece_s = _PIECE_S
    margin_s = _MARGIN_S

    def __init__(self, settings: Settings, weights: Path | None, device: str) -> None:
        del weights, device
        self._frames = round(settings.hop_s * _RATE / _STEP)
        self._smile: Any = None

    def __enter__(self) -> Self:
        import opensmile

        self._smile = opensmile.Smile(
            feature_set=opensmile.FeatureSet.eGeMAPSv02,
            feature_level=opensmile.FeatureLevel.LowLevelDescriptors,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._smile = None

    def encode(self, wave: NDArray[np.float32]) -> NDArray[np.float32]:
        """Wave (sample,) at 16 kHz -> vectors (vector, number), one for every whole hop.

        openSMILE's frames are 60 ms long: the last of them stands for those it has no room for.
        """
        n_frames = len(wave) // _STEP
        padded = np.pad(wave, (0, max(0, _LEAST - len(wave))))
        found = self._smile.process_signal(padded, _RATE).to_numpy(np.float32)[:n_frames]
        found = np.pad(found, ((0, n_frames - len(found)), (0, 0)), mode="edge")
        whole = n_frames // self._frames
        means: NDArray[np.float32] = (
            found[: whole * self._frames].reshape(whole, self._frames, DIMENSION).mean(axis=1)
        )
        return means
