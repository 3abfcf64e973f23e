"""How a face moves: mean, SD and rates of action units, pose, gaze and landmark deltas.

Shape is taken out: landmarks enter as what they are off the sample's own median. Beside mean and SD
of each signal stand the mean size of its change per second, how often action units are there, and
the correlation matrix of all signals: what goes with what in this face. That motion without shape
identifies people is known of conversations: Chapariniya et al., "Investigating Identity Signals in
Conversational Facial Dynamics via Disentangled Expression Features", arXiv 2510.11223 (2025), find
61 % of 1,429 persons at rank 1 from expression and jaw alone; docs/audit.md has more.

Where a level released windowed functionals, their mean and SD over windows are taken too. Every
number is taken in SDs of the gallery and weighted by how well it repeats in the up to 6 parts of a
gallery sample. "nearest" compares whole samples; "LDA" learns from the parts: PCA, then linear
discriminant analysis.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from deptool.attack_signals import (
    BEHAVIOUR,
    GAZE,
    INTENSITIES,
    POSE,
    PRESENCES,
    Signals,
    mean_known,
    parts,
    sd_known,
)
from deptool.functionals import REGIONS
from deptool.identification import Sample
from deptool.matchers import Cut, Scale, both, repeatable
from deptool.measured import LANDMARK_COLUMNS, LANDMARKS

MATCHERS = ("nearest", "LDA")
LOOKS_AT = "action units, pose, gaze or landmarks"
COLUMNS = (*BEHAVIOUR, *LANDMARK_COLUMNS)
LEAST_ROWS = 3

Floats = NDArray[np.float64]

_PART_S = 10.0
_LEAST_PART_ROWS = 3
_MOST_PARTS = 6
_PRESENT = 1.0  # intensity of 0-5: OpenFace's "just there"


def describe(sample: Sample) -> Floats | None:
    """(1 + part, number): the summary of the whole and of its parts; NaN where nothing is known."""
    signals = sample.signals
    seen = np.isfinite(signals.behaviour).any(axis=1) | np.isfinite(signals.face).any(axis=1)
    if seen.sum() < LEAST_ROWS:
        return None
    step = float(np.median(np.diff(signals.times))) if len(signals.times) > 1 else 1.0
    least = max(_LEAST_PART_ROWS, round(_PART_S / max(step, 1e-3)))
    moving = np.concatenate([signals.behaviour, signals.deltas], axis=1)
    change = np.abs(signals.change(moving))
    joint = _joint(signals)
    found = []
    for part in parts(len(moving), least, _MOST_PARTS):
        if seen[part].sum() >= LEAST_ROWS:
            described = _summary(moving[part], change[part], joint[part])
            found.append(np.concatenate([described, _released(sample, signals, part)]))
    vectors: Floats = np.stack(found)
    return vectors


def match(
    gallery: Sequence[Floats], persons: NDArray[np.int64], probes: Sequence[Floats], seed: int
) -> dict[str, Floats]:
    """{matcher: (probe, person)}."""
    known, asked = Cut.of(gallery), Cut.of(probes)
    scale = Scale(np.concatenate(known.parts))
    known, asked = known.each(scale), asked.each(scale)
    weight = repeatable(known.parts, persons)
    known, asked = (side.each(lambda vectors: vectors * weight) for side in (known, asked))
    return both(known, persons, asked, seed)


def _summary(moving: Floats, change: Floats, joint: Floats) -> Floats:
    """moving, change (row, signal), joint (row, fewer signals) -> (number,)."""
    units = moving[:, : len(INTENSITIES)]
    there = np.where(np.isfinite(units), units >= _PRESENT, np.nan)
    return np.concatenate(
        [
            mean_known(moving),
            sd_known(moving),
            np.log(mean_known(change) + 1e-3),
            mean_known(there),
            correlations(joint),
        ]
    )


def _joint(signals: Signals) -> Floats:
    """The signals (row, signal) whose correlations are taken.

    Intensities, pose, gaze, and how the brows, the nose, the eyes and the mouth move on each axis.
    """
    n, m = len(INTENSITIES), len(PRESENCES)
    one_by_one = np.r_[0:n, n + m : n + m + len(POSE) + len(GAZE)]
    points = signals.deltas.reshape(len(signals.times), 2, LANDMARKS)
    regions = [points[:, :, region].mean(axis=2) for region in REGIONS.values()]
    return np.concatenate([signals.behaviour[:, one_by_one], *regions], axis=1)


def correlations(values: Floats) -> Floats:
    """values (row, signal) -> Pearson's r of each pair (pair,), over rows with all that is there.

    NaN for a signal that is not there; 0 for one that never changes.
    """
    there = np.isfinite(values).any(axis=0)
    n = values.shape[1]
    found = np.full((n, n), np.nan)
    rows = values[:, there]
    rows = rows[np.isfinite(rows).all(axis=1)]
    if len(rows) > 2:
        away = rows - rows.mean(axis=0)
        size = np.sqrt((away**2).sum(axis=0))
        away = np.divide(away, size, out=np.zeros_like(away), where=size > 1e-9)
        found[np.ix_(there, there)] = away.T @ away
    return found[np.triu_indices(n, 1)]


def _released(sample: Sample, signals: Signals, part: slice) -> Floats:
    """Mean and SD over windows (2 x number,) of what a level released beside the rows."""
    if sample.vectors is None:
        return np.zeros(0)
    times = signals.times[part]
    middle = (sample.vectors.start + sample.vectors.end) / 2
    step = np.diff(signals.times).max(initial=0.0)
    inside = (middle >= times[0]) & (middle <= times[-1] + step) & sample.vectors.valid
    vectors = sample.vectors.vectors[inside].astype(np.float64)
    return np.concatenate([mean_known(vectors), sd_known(vectors)])
