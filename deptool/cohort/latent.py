"""What is planted in one recording: segments, the severity that each shows, cues, reliabilities.

Axes: segment, cue (as in `cues.CUES`), modality (as in `cues.MODALITIES`). A segment that is not
informative shows a severity that is drawn anew from the scores' distribution; so does, in part, a
modality that is not reliable. The cues' variance is the same everywhere: only what they say tells.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deptool.cohort.cues import CUES, MODALITIES, habit_weight, recording_weight, severity_part
from deptool.cohort.events import smooth_noise
from deptool.cohort.persons import Person, Take
from deptool.cohort.settings import Draw, SynthSettings
from deptool.cohort.severity import Severity

Floats = NDArray[np.float64]

_DRIFT_GAIN = 2.0  # SD of the drift before the sigmoid: reliabilities from .02 to .98 occur
_STEP_S = 0.25  # of the curve of reliabilities


@dataclass(frozen=True)
class Latent:
    """borders (segment + 1,) in s, informative and speaks (segment,) bool, shown (segment, cue).

    severity_part, habit_part and value (cue,) are the recording's own: what a segment shows that is
    informative and wholly reliable. reliability (time, modality) is at `reliability_s` (time,).
    """

    borders: Floats
    informative: NDArray[np.bool_]
    speaks: NDArray[np.bool_]
    shown: Floats
    severity_part: Floats
    habit_part: Floats
    value: Floats
    reliability_s: Floats
    reliability: Floats

    def cue(self, name: str) -> Floats:
        """What each segment shows of that cue (segment,), in SDs."""
        shown: Floats = self.shown[:, _INDEX[name]]
        return shown

    def reliability_at(self, modality: str, times: Floats) -> Floats:
        """A modality's reliability (time,), from 0 to 1."""
        curve = self.reliability[:, MODALITIES.index(modality)]  # type: ignore[arg-type]
        return np.interp(times, self.reliability_s, curve)

    def segment_reliability(self) -> Floats:
        """Mean reliability (segment, modality)."""
        return _mean_over(self.borders, self.reliability_s, self.reliability)


_INDEX = {cue.name: i for i, cue in enumerate(CUES)}
_MODALITY_OF_CUE = np.array([MODALITIES.index(cue.modality) for cue in CUES])


def draw_latent(settings: SynthSettings, severity: Severity, person: Person, take: Take) -> Latent:
    """The latent side of a recording; the same one in a cohort of any size."""
    rng = take.generator(settings, Draw.LATENT)
    chance = recording_weight(settings) * rng.standard_normal(len(CUES))
    habit = habit_weight(settings) * person.habits
    own = severity.z(np.array(take.session.severity))
    part = severity_part(settings, own)

    borders = segment_borders(settings)
    n = len(borders) - 1
    informative = np.zeros(n, bool)
    count = max(1, round(settings.informative * n))
    informative[rng.permutation(n)[:count]] = True
    likely = 0.5 + 0.5 * settings.marker * np.where(informative, 1, -1)
    speaks = rng.random(n) < likely

    seconds, curve = _drift(settings, rng)
    trust = _mean_over(borders, seconds, curve)
    other = severity.z(severity.draw(rng.standard_normal(n)))
    mislead = severity.z(severity.draw(rng.standard_normal((n, len(MODALITIES)))))
    z = np.where(informative, own, other)[:, None]
    seen = (trust * z + np.sqrt(1 - trust**2) * mislead)[:, _MODALITY_OF_CUE]
    of_severity = seen * severity_part(settings, np.ones(()))
    return Latent(
        borders,
        informative,
        speaks,
        of_severity + habit + chance,
        part,
        habit,
        part + habit + chance,
        seconds,
        curve,
    )


def segment_borders(settings: SynthSettings) -> Floats:
    """Where segments begin and the last one ends (segment + 1,), in s; the last may be shorter."""
    starts = np.arange(0, settings.seconds - 1e-9, settings.segment_s)
    return np.append(starts, settings.seconds)


def _drift(settings: SynthSettings, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """times (time,) in s and reliabilities (time, modality): a process through a sigmoid."""
    times = np.append(np.arange(0, settings.seconds, _STEP_S), settings.seconds)
    curves = []
    for _ in MODALITIES:
        wander = smooth_noise(rng, times / settings.drift_s, settings.seconds / settings.drift_s)
        trust = 1 / (1 + np.exp(-_DRIFT_GAIN * wander))
        curves.append(1 - settings.drift * (1 - trust))
    return times, np.stack(curves, axis=1)


def _mean_over(borders: Floats, times: Floats, curves: Floats) -> Floats:
    """Means of curves (time, …) over segments: (segment, …)."""
    which = np.searchsorted(borders, times, side="right").clip(1, len(borders) - 1) - 1
    sums = np.zeros((len(borders) - 1, *curves.shape[1:]))
    np.add.at(sums, which, curves)
    counts = np.bincount(which, minlength=len(sums))
    means: Floats = sums / counts[:, None]
    return means
