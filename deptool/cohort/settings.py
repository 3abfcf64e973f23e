"""What a synthetic cohort is: its size, and how much of what is planted in it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

SCALE = "BDI-II"
TASKS = ("Freeform", "Northwind")


# A settings file that fills the disk is refused; this many rows take some 60 GB.
MOST_ROWS = 100_000_000


@dataclass(frozen=True)
class SynthSettings:
    """A cohort's settings; the same ones make the same bytes.

    Raises ValueError for values that make no sense.
    """

    subjects: int = 60
    sessions: int = 2  # of each person
    tasks: int = 1  # recordings of each session
    seconds: float = 90.0  # of each recording
    fps: float = 6.0  # rows a second
    width: int = 640  # of the picture, px
    height: int = 480
    seed: int = 7
    signal: float = 0.65  # share of the cues' variance that severity explains
    informative: float = 0.8  # share of segments that carry it at all
    identity: float = 0.3  # share of the rest that is a person's habit; of shape and place too
    noise: float = 2.0  # SD of the recorded score around the true one, points
    marker: float = 0.8  # how surely the person speaks in informative segments and in no others
    segment_s: float = 6.0  # length of a segment, s
    drift: float = 0.0  # how far the reliability of visual, audio and pose drifts from 1
    drift_s: float = 15.0  # how slowly it does, s
    voice: bool = False  # write the voice stream too
    score_mean: float = 15.0  # points
    score_sd: float = 11.5
    change: float = 5.0  # mean absolute difference of a person's scores between sessions, points
    jitter: float = 0.4  # SD of the tracking noise on each axis, px at 640 x 480
    dropouts: float = 1.0  # times a minute that the face is lost

    def __post_init__(self) -> None:
        self._require("subjects", self.subjects >= 4, "at least 4: two to train, one each beside")
        self._require("sessions", self.sessions >= 1, "at least 1")
        self._require("tasks", 1 <= self.tasks <= len(TASKS), f"1 to {len(TASKS)}")
        self._require("seconds", 3 <= self.seconds <= 36_000, "from 3 to 36000")
        self._require("fps", 1 <= self.fps <= 120, "from 1 to 120")
        for name in ("width", "height"):
            self._require(name, 64 <= getattr(self, name) <= 16_384, "from 64 to 16384")
        self._require("seed", 0 <= self.seed < 2**63, "from 0 to below 2 to the power of 63")
        for name in ("signal", "identity", "marker", "drift"):
            self._require(name, 0 <= getattr(self, name) <= 1, "from 0 to 1")
        self._require(
            "informative", 0 < self.informative <= 1, "above 0 and at most 1 (for none: signal=0)"
        )
        self._require("segment_s", 1 <= self.segment_s < math.inf, "at least 1")
        self._require("drift_s", 0 < self.drift_s < math.inf, "above 0")
        for name in ("noise", "jitter", "dropouts"):
            self._require(name, 0 <= getattr(self, name) <= 20, "from 0 to 20")
        self._require("score_mean", 1 <= self.score_mean <= 62, "from 1 to 62")
        most = math.sqrt(self.score_mean * (63 - self.score_mean))
        self._require(
            "score_sd", 1 <= self.score_sd < most, f"from 1 to below {most:.1f} at this score_mean"
        )
        self._require("change", 0 <= self.change < math.inf, "0 or more")
        rows = self.subjects * self.sessions * self.tasks * int(self.seconds * self.fps)
        if rows > MOST_ROWS:
            raise ValueError(
                f"the cohort would have {rows / MOST_ROWS:.3g} times the {MOST_ROWS:,} rows that a"
                " cohort may have: fewer persons, sessions, tasks or seconds, or a lower fps"
            )

    def _require(self, name: str, good: bool, words: str) -> None:
        if not good:
            raise ValueError(f"{name} must be {words}, not {getattr(self, name)}")

    @property
    def picture_scale(self) -> float:
        """Pixels of this picture for one of 640 x 480, as OpenFace's focal length is scaled."""
        return (self.width / 640 + self.height / 480) / 2


class Draw(IntEnum):
    """What a stream of random numbers is for: each has one of its own, whatever else is drawn."""

    PERSON = 1
    SESSION = 2
    DEAL = 3
    LATENT = 4
    BEHAVIOUR = 5
    TRACKING = 6
    VOICE = 7


def generator(
    settings: SynthSettings, what: Draw, person: int = 0, session: int = 0, task: int = 0
) -> np.random.Generator:
    """The stream of one thing of one recording: it does not depend on how many others there are."""
    return np.random.default_rng([settings.seed, what, person, session, task])
