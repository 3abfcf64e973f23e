"""A smooth, random facial performance for the animated portrait, with as much motion as asked."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from deptool.portrait import Motion

Array = NDArray[Any]


def _smoothstep(t: Array) -> Array:
    return np.asarray(np.clip(t, 0, 1) ** 2 * (3 - 2 * np.clip(t, 0, 1)))


def performance(intensity: float, seconds: float, fps: int, seed: int) -> list[Motion]:
    """Smooth random motions, `fps` a second: the seed's curves in time, scaled by `intensity`."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * fps)) / fps
    gain = 0.06 + 0.94 * intensity

    def wave(low_hz: float, high_hz: float) -> Array:  # unit variance, never beyond 3.5
        rates, phases = rng.uniform(low_hz, high_hz, 6), rng.uniform(0, 2 * np.pi, 6)
        return np.asarray(np.sin(2 * np.pi * rates * time[:, None] + phases).sum(1) / np.sqrt(3))

    def bursts(low_hz: float, high_hz: float) -> Array:  # at rest two thirds of the time
        return gain * _smoothstep(0.5 * (wave(low_hz, high_hz) - 0.4))

    flash, frown = bursts(0.1, 0.4), bursts(0.05, 0.25)
    curves = {
        "brow_inner_up": np.maximum(flash, bursts(0.1, 0.3)),
        "brow_outer_up": flash,
        "brow_down": frown,
        "lid_widen": 0.6 * flash,
        "smile": bursts(0.05, 0.25),
        "corner_down": 0.8 * bursts(0.05, 0.25),
        "jaw_open": 0.6 * bursts(0.1, 0.3) * (0.5 + 0.5 * np.tanh(wave(1.0, 3.0))),
        "pucker": 0.7 * bursts(0.1, 0.4),
        "nose_wrinkle": 0.5 * frown,
    }
    for name, far in (("roll_deg", 3.0), ("yaw_deg", 4.0), ("shift_x", 0.012), ("shift_y", 0.01)):
        curves[name] = far * gain * wave(0.05, 0.4)
    onsets = np.cumsum(0.4 + rng.exponential(3.0, round(seconds) + 1))[:, None]
    curves["lid_close"] = (np.sin(np.pi * np.clip((time - onsets) / 0.4, 0, 1)) ** 2).max(0)
    return [Motion(**{k: float(c[i]) for k, c in curves.items()}) for i in range(len(time))]
