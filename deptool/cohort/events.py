"""Events that come by chance, and processes that wander: what behaviour is made of.

Both live in continuous time and are then read at the rows' times, so that a table of 30 rows a
second and one of 6 show the same behaviour.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_STEP = 0.1  # of the process's own time
_WARM_UP = 20.0  # after which it has forgotten where it began


@dataclass(frozen=True)
class Events:
    """Events (event,): begin, onset (rise), apex (hold) and offset (fall) in s, peak."""

    begin: Floats
    onset: Floats
    apex: Floats
    offset: Floats
    peak: Floats

    def intensity(self, times: Floats) -> Floats:
        """Intensity (time,): rises in the onset, stays, falls in the offset; the largest counts."""
        if not len(self.begin):
            return np.zeros(len(times))
        since = times[:, None] - self.begin
        rising = smoothstep(since / self.onset)
        falling = smoothstep((since - self.onset - self.apex) / self.offset)
        found: Floats = (self.peak * (rising - falling)).max(axis=1)
        return found


def smoothstep(share: Floats) -> Floats:
    """From 0 at 0 to 1 at 1, level at both ends."""
    x = np.clip(share, 0, 1)
    smooth: Floats = x * x * (3 - 2 * x)
    return smooth


def poisson_times(
    rng: np.random.Generator, borders: Floats, per_minute: Floats
) -> tuple[Floats, NDArray[np.intp]]:
    """When events begin (event,) in s, ascending, and in which segment (event,) each does.

    borders (segment + 1,) in s, per_minute (segment,): a Poisson process of that rate in each.
    """
    seconds = np.diff(borders)
    counts = rng.poisson(per_minute * seconds / 60)
    segment = np.repeat(np.arange(len(seconds)), counts)
    begin = borders[segment] + rng.random(len(segment)) * seconds[segment]
    order = np.argsort(begin, kind="stable")
    return begin[order], segment[order]


def smooth_noise(rng: np.random.Generator, phase: Floats, end: float) -> Floats:
    """A stationary process of SD 1 read at `phase` (time,), from 0 to `end`, in its own time.

    An autoregressive process of first order, whose time constant is the unit of time, through a
    filter of the same constant: autoregressive of second order, with a speed. How much is drawn
    depends on `end` alone, and not on where it is read.
    """
    from scipy.signal import lfilter

    steps = int(np.ceil((_WARM_UP + end) / _STEP)) + 2
    a = np.exp(-_STEP)
    shocks = np.sqrt(1 - a**2) * rng.standard_normal(steps)
    once = lfilter([1.0], [1.0, -a], shocks)
    twice = lfilter([1 - a], [1.0, -a], once)
    sd = np.sqrt(1 + a**2) / (1 + a)  # of `twice`: the sum of (1 - a) a^k over both filters
    return np.interp(_WARM_UP + phase, _STEP * np.arange(steps), twice / sd)


def levels(borders: Floats, values: Floats, times: Floats, ramp_s: float = 1.0) -> Floats:
    """values (segment,) over time (time,): constant inside a segment, a ramp where two meet."""
    if len(values) == 1:
        return np.full(len(times), values[0])
    half = min(ramp_s, float(np.diff(borders).min())) / 2
    at = np.stack([borders[:-1] + half, borders[1:] - half], axis=1).ravel()
    return np.interp(times, at, np.repeat(values, 2))


def phase_of(borders: Floats, time_constant: Floats, times: Floats) -> Floats:
    """The own time (time,) of a process whose time constant (segment,) in s changes."""
    at_borders = np.concatenate([[0.0], np.cumsum(np.diff(borders) / time_constant)])
    return np.interp(times, borders, at_borders)
