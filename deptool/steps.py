"""Steps: pairs of rows about a sixth of a second apart, so that change is read alike at any rate.

A speed taken from one row to the next grows with the rate of the rows, because noise is divided by
an ever shorter time. Here a change is always one over about `LAG_S`, whether five rows lie in it
(30 rows a second) or one (6 rows a second).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LAG_S = 1 / 6
_TOLERANCE_S = 0.09  # how much longer or shorter a step may be: half of it, and some rounding


@dataclass(frozen=True)
class Steps:
    """Rows `start` (step,) and `end` (step,), `seconds` (step,) between them."""

    start: NDArray[np.intp]
    end: NDArray[np.intp]
    seconds: Floats

    def through(self, measured: NDArray[np.bool_]) -> Steps:
        """Those in which every row, from the first to the last, is measured (row,)."""
        missing = np.concatenate([[0], np.cumsum(~measured)])
        return self._only(missing[self.end + 1] == missing[self.start])

    def _only(self, keep: NDArray[np.bool_]) -> Steps:
        return Steps(self.start[keep], self.end[keep], self.seconds[keep])


def find_steps(times: Floats) -> Steps:
    """times (row,) in s, ascending -> a step from each row to the row nearest to `LAG_S` later.

    None where that row is more than 0.09 s off, so fewer than 4 rows a second have no steps, and no
    step leads over a hole of more than a quarter of a second in the table.
    """
    wanted = times + LAG_S
    after = np.searchsorted(times, wanted).clip(max=len(times) - 1)
    before = np.maximum(after - 1, 0)
    end = np.where(wanted - times[before] <= times[after] - wanted, before, after)
    start = np.arange(len(times))
    steps = Steps(start, end, times[end] - times)
    row_s = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    inside = wanted <= times[-1:] + row_s / 2  # the last rows would have ever shorter steps
    near = np.abs(steps.seconds - LAG_S) <= _TOLERANCE_S
    return steps._only((end > start) & near & inside)
