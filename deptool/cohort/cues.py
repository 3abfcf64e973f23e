"""The cues: what severity acts on, which way, and who found that it does.

A cue is a number per recording, standardised: mean 0 and SD 1 over persons. Its name says what
grows with it. The sources say which way a behaviour goes in depression, in their samples; how much,
and in which form, is this generator's choice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from deptool.cohort.settings import SynthSettings

Modality = Literal["visual", "audio", "pose"]

MODALITIES: tuple[Modality, ...] = ("visual", "audio", "pose")


@dataclass(frozen=True)
class Cue:
    """`sign` is that of severity's effect; `modality` the stream that shows the cue."""

    name: str
    modality: Modality
    sign: int
    meaning: str
    source: str


CUES = (
    Cue("smile_rate", "visual", -1, "smiles a minute", "Girard et al. 2014; Renneberg et al. 2005"),
    Cue(
        "smile_speed",
        "visual",
        -1,
        "how fast a smile grows",
        "Sobin and Sackeim 1997; Ellgring 1989",
    ),
    Cue("smile_amplitude", "visual", -1, "how far it goes", "Renneberg et al. 2005; Ellgring 1989"),
    Cue("brow_lowering", "visual", 1, "AU04 throughout", "Schwartz et al. 1976"),
    Cue("lip_corner_depression", "visual", 1, "AU15 throughout", "Ellgring 1989; disputed"),
    Cue("gaze_lowering", "pose", 1, "eyes and head turned down", "Waxer 1974"),
    Cue("head_amplitude", "pose", -1, "how far the head turns", "Girard et al. 2014"),
    Cue("head_speed", "pose", -1, "how fast it does", "Alghowinem et al. 2013"),
    Cue("voice_energy", "audio", -1, "variation of loudness", "Cummins et al. 2015"),
    Cue("voice_pitch", "audio", -1, "variation of pitch", "Cummins et al. 2015"),
)


def cues_of(settings: SynthSettings) -> tuple[Cue, ...]:
    """The cues that a cohort shows: those of the voice only where it has the voice stream."""
    return tuple(cue for cue in CUES if settings.voice or cue.modality != "audio")


def severity_part(settings: SynthSettings, z: NDArray[np.float64]) -> NDArray[np.float64]:
    """sqrt(signal) * sign * z: severities (…,) in SDs -> parts of the cues (…, cue)."""
    signs = np.array([cue.sign for cue in CUES], dtype=np.float64)
    part: NDArray[np.float64] = np.sqrt(settings.signal) * z[..., None] * signs
    return part


def habit_weight(settings: SynthSettings) -> float:
    """What a person's habit (SD 1) counts in a cue."""
    return float(np.sqrt((1 - settings.signal) * settings.identity))


def recording_weight(settings: SynthSettings) -> float:
    """What chance (SD 1), drawn for each recording, counts in a cue."""
    return float(np.sqrt((1 - settings.signal) * (1 - settings.identity)))
