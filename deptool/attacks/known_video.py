"""Which recording is mine, by every number in it: who holds the video makes the release's table.

The attacker extracts the video again, applies the release's public steps (they stand in
corpus.json) and looks for the table that is the most alike. Here the raw table stands for the
video, as if extracting it again gave the same numbers: the best case for the attacker. Only k-same
is not repeated, which needs the others of the corpus: it moves what is a column's median, so all
columns are compared without theirs. The threat is membership: that this person is in this study
(WP216 calls it linkability).

"nearest" compares rows at 64 times, spread evenly over the recording, in SDs of all of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from deptool.attack_signals import BEHAVIOUR, middle
from deptool.identification import Sample
from deptool.matchers import best, normalised
from deptool.measured import LANDMARK_COLUMNS

MATCHERS = ("nearest",)
LOOKS_AT = "action units, pose, gaze or landmarks"
COLUMNS = (*BEHAVIOUR, *LANDMARK_COLUMNS)
LEAST_ROWS = 1
SAME_RECORDING = True
WHO = "Who holds the video of a recording"

Floats = NDArray[np.float64]

_TIMES = 64


def describe(sample: Sample) -> NDArray[np.float32] | None:
    """(time, column): behaviour and landmarks less their medians, at 64 rows; NaN: not measured."""
    signals = sample.signals
    rows = np.linspace(0, len(signals.times) - 1, _TIMES).round().astype(int)
    behaviour = signals.behaviour - middle(signals.behaviour)
    values = np.concatenate([behaviour[rows], signals.deltas[rows]], axis=1)
    return values.astype(np.float32) if np.isfinite(values).any() else None


def match(
    gallery: Sequence[Floats], persons: NDArray[np.int64], probes: Sequence[Floats], seed: int
) -> dict[str, Floats]:
    """{matcher: (probe, recording)}: less the mean square difference of what both measured."""
    known, asked = (np.stack(list(side)).astype(np.float32) for side in (gallery, probes))
    flat = known.reshape(-1, known.shape[-1])
    there = np.isfinite(flat)
    count = np.maximum(there.sum(axis=0), 1)
    mean = np.where(there, flat, 0).sum(axis=0) / count
    sd = np.sqrt(np.where(there, (flat - mean) ** 2, 0).sum(axis=0) / count)
    sd = np.where(sd > 1e-6, sd, 1)
    scaled = [((side - mean) / sd).reshape(len(side), -1) for side in (known, asked)]
    masks = [np.isfinite(side).astype(np.float32) for side in scaled]
    (a, b), (m, n) = [np.where(np.isfinite(s), s, 0) for s in scaled], masks
    square = n @ (a**2).T + (b**2) @ m.T - 2 * b @ a.T
    both = n @ m.T
    # Nothing in common: as far as anything can be.
    far = np.where(both > 0, np.maximum(square, 0) / np.maximum(both, 1), np.inf)
    far = np.minimum(far, 2 * np.max(far, where=np.isfinite(far), initial=1.0))
    return {"nearest": normalised(best(-far.astype(np.float64), persons))}
