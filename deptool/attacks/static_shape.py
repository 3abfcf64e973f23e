"""The face at rest: the median of the landmarks on the canonical face, place and size gone.

Gupta, Markey, Bovik: "Anthropometric 3D Face Recognition", International Journal of Computer Vision
90 (2010), 331-349: distances between ten points of a face find 96.8 % of 118 persons at rank 1.
There the points were in 3D and placed by hand; here they are in the picture, so that a head that
rests turned is taken for another shape.

"nearest" compares the medians of whole samples by Procrustes distance, no further scaling.
"LDA" learns from the medians of up to 8 parts of each sample which directions of shape tell
persons apart and which a pose or an expression changes: PCA, then linear discriminant analysis.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from deptool.attack_signals import middle, parts
from deptool.identification import Sample
from deptool.matchers import Cut, Scale, both
from deptool.measured import LANDMARK_COLUMNS

MATCHERS = ("nearest", "LDA")
LOOKS_AT = "landmarks"
COLUMNS = LANDMARK_COLUMNS
LEAST_ROWS = 3  # in a part too

Floats = NDArray[np.float64]

_PART_S = 4.0
_MOST_PARTS = 8


def describe(sample: Sample) -> Floats | None:
    """(1 + part, 136): the median shape of the whole and of its parts, x of 68 points, then y."""
    signals = sample.signals
    face = signals.face
    seen = np.isfinite(face).all(axis=1)
    if seen.sum() < LEAST_ROWS:
        return None
    step = float(np.median(np.diff(signals.times))) if len(signals.times) > 1 else 1.0
    least = max(LEAST_ROWS, round(_PART_S / max(step, 1e-3)))
    rows = [face[part][seen[part]] for part in parts(len(face), least, _MOST_PARTS)]
    return np.stack([middle(each) for each in rows if len(each) >= LEAST_ROWS])


def match(
    gallery: Sequence[Floats], persons: NDArray[np.int64], probes: Sequence[Floats], seed: int
) -> dict[str, Floats]:
    """{matcher: (probe, person)}."""
    known, asked = Cut.of(gallery), Cut.of(probes)
    plain = Scale(known.whole, standardise=False)
    return both(known.each(plain), persons, asked.each(plain), seed)
