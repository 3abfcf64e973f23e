"""Which recording is mine, by its length and gaps alone: no face is compared.

Who knows when the face of a recording was lost, or only how long it lasts to the row, may find it
in a release without any of its numbers. The attacker's table is what the release's own public steps
make of the raw one, so that a down-sampled release is compared at its own rate. Its source is that
of metadata.py; here the same recording is looked for, there another of the same person.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from deptool.attacks.metadata import of_rows
from deptool.identification import Sample
from deptool.matchers import Scale, nearest

MATCHERS = ("nearest",)
LOOKS_AT = "rows"
COLUMNS = ("timestamp",)
LEAST_ROWS = 1
SAME_RECORDING = True
WHO = "Who knows the length and the gaps of a recording"

Floats = NDArray[np.float64]


def describe(sample: Sample) -> Floats | None:
    """(number,): what the frames table says of length and gaps."""
    return of_rows(sample.table) if len(sample.table) else None


def match(
    gallery: Sequence[Floats], persons: NDArray[np.int64], probes: Sequence[Floats], seed: int
) -> dict[str, Floats]:
    """{matcher: (probe, recording)}."""
    known = np.stack(list(gallery))
    scale = Scale(known)
    return {"nearest": nearest(scale(known), persons, scale(np.stack(list(probes))))}
