"""What a frames table says of a face over time, as the attacks of `deptool audit` read it.

Axes: row (sampled time), column. Columns are always the same ones, whatever a corpus has, so that
all samples have vectors of one length; what is not there is NaN.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from deptool.face.align import aligned
from deptool.measured import LANDMARK_COLUMNS, LANDMARKS
from deptool.schema import AU_INTENSITY, AU_PRESENCE, FRAMES

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]

INTENSITIES = tuple(f"{name}_r" for name in AU_INTENSITY)
PRESENCES = tuple(f"{name}_c" for name in AU_PRESENCE)
POSE = tuple(c.name for c in FRAMES.group("head_pose"))
GAZE = ("gaze_angle_x", "gaze_angle_y")
BEHAVIOUR = (*INTENSITIES, *PRESENCES, *POSE, *GAZE)

LAG_S = 1 / 6  # over which a change is read, or a row's step where that is longer
_BREAK = 1.5  # times that: a hole, over which no change is read


@dataclass(frozen=True)
class Signals:
    """times (row,) in s, behaviour (row, column of BEHAVIOUR), points (row, 68, x y) as they stand.

    NaN where nothing was measured; `points` are empty where the table has no landmarks.
    """

    times: Floats
    behaviour: Floats
    points: Floats

    @cached_property
    def face(self) -> Floats:
        """Landmarks (row, 136) on the canonical face, x then y: place, size and roll are gone."""
        if not len(self.points):
            return np.full((len(self.times), 2 * LANDMARKS), np.nan)
        return aligned(self.points).swapaxes(1, 2).reshape(len(self.points), -1)

    @cached_property
    def deltas(self) -> Floats:
        """The same less its own median over rows: what a face does, without what it looks like."""
        return self.face - middle(self.face)

    def change(self, values: Floats) -> Floats:
        """values (row, column) -> change per second over `LAG_S` (row, column).

        NaN where either end was not measured, or a hole lies between them.
        """
        found = np.full(values.shape, np.nan)
        if len(values) < 2:
            return found
        step = float(np.median(np.diff(self.times)))
        lag = max(1, round(LAG_S / step)) if step > 0 else 1
        seconds = self.times[lag:] - self.times[:-lag]
        good = (seconds > 0) & (seconds < _BREAK * max(lag * step, 1e-6))
        moved = values[lag:] - values[:-lag]
        found[lag:][good] = moved[good] / seconds[good, None]
        return found


def read_signals(table: pl.DataFrame) -> Signals:
    """The signals of a frames table, or of some of its rows."""
    seen = table["success"].to_numpy() == 1

    def columns(names: tuple[str, ...]) -> Floats:
        there = [name in table.columns for name in names]
        chosen = [name for name, is_there in zip(names, there, strict=True) if is_there]
        values = np.full((len(table), len(names)), np.nan)
        values[:, there] = table.select(chosen).to_numpy()
        values[~seen] = np.nan
        return values

    points = np.zeros((0, LANDMARKS, 2))
    if LANDMARK_COLUMNS[0] in table.columns:
        points = columns(LANDMARK_COLUMNS).reshape(-1, 2, LANDMARKS).swapaxes(1, 2)
    times = table["timestamp"].to_numpy().astype(np.float64)
    return Signals(times, columns(BEHAVIOUR), points)


def middle(values: Floats) -> Floats:
    """Medians (column,) of values (row, column) over the rows that are measured in whole.

    Columns without any value do not count, and are NaN.
    """
    there = np.isfinite(values).any(axis=0)
    found = np.full(values.shape[1], np.nan)
    rows = values[:, there]
    rows = rows[np.isfinite(rows).all(axis=1)]
    if len(rows):
        found[there] = np.median(rows, axis=0)
    return found


def mean_known(values: Floats) -> Floats:
    """Means (column,) of what is known of values (row, column); NaN where nothing is."""
    known = np.isfinite(values)
    count = known.sum(axis=0)
    total = np.where(known, values, 0.0).sum(axis=0)
    return np.divide(total, count, out=np.full(values.shape[1], np.nan), where=count > 0)


def sd_known(values: Floats) -> Floats:
    """Their standard deviations (column,), over n."""
    found: Floats = np.sqrt(mean_known((values - mean_known(values)) ** 2))
    return found


def parts(n_rows: int, least: int, most: int) -> list[slice]:
    """All rows, then up to `most` parts of equal length of at least `least` rows each."""
    count = min(most, n_rows // least)
    edges = np.linspace(0, n_rows, count + 1).astype(int) if count > 1 else np.array([0])
    return [slice(0, n_rows), *(slice(int(a), int(b)) for a, b in pairwise(edges))]
