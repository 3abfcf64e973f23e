"""The oracle: the best that can be said of a score by somebody who sees the latent cues.

Given a true score s, a cue is normal around sqrt(signal) * sign * z(s) with variance 1 - signal,
and cues are independent of each other. So the posterior of s over 0..63 is the scores' distribution
times a product of normal densities, and the prediction that has the least squared error is the mean
recorded score under it. Each recording is judged by its own cues.

A second oracle also knows the persons' habits, and has only the rest of the variance against it.
What it has more is what a model can win that knows a person from other sessions.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from deptool.cohort.cues import CUES, cues_of, severity_part
from deptool.cohort.settings import SynthSettings
from deptool.cohort.severity import GRID, Severity

Floats = NDArray[np.float64]

_LEAST_VARIANCE = 1e-9  # cues without noise tell the score for sure


def predict(settings: SynthSettings, severity: Severity, cues: Floats) -> Floats:
    """cues (recording, cue) as in `CUES` -> the oracle's scores (recording,), in points."""
    return _posterior_mean(settings, severity, cues, 1 - settings.signal)


def predict_knowing_habits(
    settings: SynthSettings, severity: Severity, cues: Floats, habits: Floats
) -> Floats:
    """cues and habits' parts of them (recording, cue) -> scores (recording,), in points."""
    left = (1 - settings.signal) * (1 - settings.identity)
    return _posterior_mean(settings, severity, cues - habits, left)


def _posterior_mean(
    settings: SynthSettings, severity: Severity, cues: Floats, variance: float
) -> Floats:
    shown = [CUES.index(cue) for cue in cues_of(settings)]
    expected = severity_part(settings, severity.z(GRID))[:, shown]  # (score, cue)
    away = np.square(cues[:, None, shown] - expected).sum(axis=2)  # (recording, score)
    with np.errstate(divide="ignore"):
        log = np.log(severity.p) - away / (2 * max(variance, _LEAST_VARIANCE))
    weights = np.exp(log - log.max(axis=1, keepdims=True))
    found: Floats = weights @ severity.expected / weights.sum(axis=1)
    return found
