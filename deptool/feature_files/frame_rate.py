"""A video's rate from the numbers of pictures and the whole seconds at which they were shown."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from deptool.errors import SchemaError

# The rates that cameras have; of those that fit, the first counts.
USUAL = (30.0, 25.0, 24.0, 60.0, 50.0, 30000 / 1001, 24000 / 1001, 60000 / 1001, 15.0, 20.0, 12.0)

# How far apart the lowest and the highest rate that fit may be.
_WITHIN = 0.01

# A picture on the very edge of a second is in the one before it by rounding, at some rates.
_ROUNDING = 1e-6

_FIX = "Give the video's pictures per second, such as --set fps=30"


def rate_of_seconds(frames: Sequence[float], shown: Sequence[str], file: str) -> tuple[float, str]:
    """Pictures per second, and how it was found.

    frames: numbers of pictures, from 0; shown: their times, 'mm:ss' or 'hh:mm:ss', cut down to
    whole seconds. A picture f shown in second s says that f/(s + 1) < rate <= f/s. Raises
    SchemaError where these contradict each other, or leave more than 1 % open.
    """
    numbers, seconds = np.array(frames, dtype=np.float64), np.array([_seconds(t) for t in shown])
    known = np.isfinite(seconds) & np.isfinite(numbers)
    numbers, seconds = numbers[known], seconds[known]
    low = float((numbers / (seconds + 1)).max(initial=0.0))
    late = seconds > 0
    high = float((numbers[late] / seconds[late]).min(initial=np.inf))
    if low > (1 + _ROUNDING) * high:
        what = "its frames and its approx_time contradict each other: its rate is not known"
        raise SchemaError(what, where=file, fix=_FIX)
    if not np.isfinite(high) or high > (1 + _WITHIN) * low:
        what = "is too short to tell its rate from whole seconds"
        raise SchemaError(what, where=file, fix=_FIX)
    fits = [rate for rate in USUAL if low < rate <= high * (1 + _ROUNDING)]
    rate = fits[0] if fits else (low + high) / 2
    return rate, f"rate {rate:.4g}/s, as between {low:.5g} and {high:.5g} by frame and approx_time"


def _seconds(shown: str) -> float:
    found = re.fullmatch(r"(?:(\d+):)?(\d+):(\d\d)", shown.strip())
    if found is None:
        return float("nan")
    return 3600 * int(found[1] or 0) + 60 * int(found[2]) + int(found[3])
