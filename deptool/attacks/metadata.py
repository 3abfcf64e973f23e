"""No face at all: length, rows, rate, coverage, and where and how long the face was lost.

A person who always records with one camera, or whose glasses make the tracker lose the face, can be
known by that alone. The task is left out: it is what the person was asked to do. Sweeney, "k-
anonymity: a model for protecting privacy", International Journal of Uncertainty, Fuzziness and
Knowledge-Based Systems 10 (2002), 557-570, is the classic on linking by what is beside the data.

"nearest" compares in SDs of the gallery.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from deptool.identification import Sample
from deptool.matchers import Scale, nearest

if TYPE_CHECKING:
    import polars as pl

MATCHERS = ("nearest",)
LOOKS_AT = "rows"
COLUMNS = ("timestamp",)
LEAST_ROWS = 1

Floats = NDArray[np.float64]

_OF_RECORDING = (
    *("width", "height", "fps_source", "fps", "duration_s", "n_frames", "n_success"),
    *("n_ambiguous", "coverage"),
)
_PLACES = 16  # equal parts of a recording, of each of which the share without a face is taken


def describe(sample: Sample) -> Floats | None:
    """(number,): the recording's row, then what its frames table says of gaps."""
    row = [sample.recording.get(name) for name in _OF_RECORDING]
    known = np.array([np.nan if value is None else float(value) for value in row])
    return np.concatenate([known, of_rows(sample.table)]) if len(sample.table) else None


def of_rows(table: pl.DataFrame) -> Floats:
    """(number,): first and last time, rows, their step; gaps: how many, how long, where."""
    times = table["timestamp"].to_numpy().astype(np.float64)
    lost = table["success"].to_numpy() != 1
    step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    edges = np.flatnonzero(np.diff(np.concatenate([[0], lost.astype(np.int8), [0]])))
    gaps = (edges[1::2] - edges[::2]) * step
    places = [float(part.mean()) if len(part) else 0.0 for part in np.array_split(lost, _PLACES)]
    about = [times[-1] - times[0], times[0], len(times), step, lost.mean(), len(gaps)]
    about += [gaps.mean(), gaps.max()] if len(gaps) else [0.0, 0.0]
    return np.array([*about, *places])


def match(
    gallery: Sequence[Floats], persons: NDArray[np.int64], probes: Sequence[Floats], seed: int
) -> dict[str, Floats]:
    """{matcher: (probe, person)}."""
    known = np.stack(list(gallery))
    scale = Scale(known)
    return {"nearest": nearest(scale(known), persons, scale(np.stack(list(probes))))}
