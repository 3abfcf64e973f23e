"""What a face does in one recording: action units, lids, gaze and head over time.

Latent cues (in SDs) become rates, durations, intensities and angles here; beside them there is what
severity does not touch: blinks, speech, brows that flash, saccades. The sizes are this generator's
choice, within what adult faces do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deptool.cohort.events import (
    Events,
    levels,
    phase_of,
    poisson_times,
    smooth_noise,
    smoothstep,
)
from deptool.cohort.latent import Latent
from deptool.schema import AU_INTENSITY

Floats = NDArray[np.float64]

UNITS = (*AU_INTENSITY, "AU28")

# Events that severity does not touch: times a minute, median peak (0-5), seconds of onset, apex
# and offset.
_PLAIN = {
    "AU01": (2.5, 1.8, 0.25, 0.5, 0.4),
    "AU02": (2.0, 1.6, 0.25, 0.5, 0.4),
    "AU05": (1.5, 1.2, 0.2, 0.4, 0.3),
    "AU09": (0.6, 1.3, 0.3, 0.4, 0.4),
    "AU10": (0.8, 1.4, 0.3, 0.5, 0.5),
    "AU14": (1.5, 1.5, 0.3, 0.8, 0.5),
    "AU17": (1.5, 1.6, 0.3, 0.6, 0.5),
    "AU20": (0.8, 1.4, 0.3, 0.4, 0.4),
    "AU23": (1.2, 1.5, 0.3, 0.7, 0.4),
    "AU28": (0.4, 2.0, 0.3, 0.6, 0.4),
}
_BLINKS = (16.0, 5.0, 0.1, 0.06, 0.2)
_FAR = 3.0  # SDs of a cue, beyond which behaviour goes no further
_FLASHES = 3.0  # times a minute that both brows rise together

# Head: angles (rad) of pitch, yaw and roll per unit of motion, and its time constant (s).
_TURN = np.array([0.035, 0.06, 0.03])
_TURN_S = 0.8
_SWAY_MM = np.array([8.0, 5.0, 10.0])
_SWAY_S = 2.5


@dataclass(frozen=True)
class Behaviour:
    """units (row, unit) from 0 to 5 as in `UNITS`; closure (row,) from 0 to 1, of a blink alone.

    gaze (row, x y) in rad in the camera's axes, right and down; turn (row, pitch yaw roll) in rad
    and sway (row, x y z) in mm from where the head rests.
    """

    units: Floats
    closure: Floats
    gaze: Floats
    turn: Floats
    sway: Floats


def behave(latent: Latent, times: Floats, rng: np.random.Generator) -> Behaviour:
    """The behaviour at `times` (row,) in s of a recording with these latent cues."""
    units = {name: np.zeros(len(times)) for name in UNITS}
    for name, (rate, *shape) in _PLAIN.items():
        units[name] = _plain(latent, rate, shape, rng).intensity(times)
    _flash(units, latent, times, rng)
    _smile(units, latent, times, rng)
    _frown(units, latent, times, rng)
    _speak(units, latent, times, rng)
    rate, *shape = _BLINKS
    closure = _plain(latent, rate, shape, rng).intensity(times) / 5
    turn, sway = _move(latent, times, rng)
    gaze = _look(latent, times, rng)
    stacked = np.stack([units[name] for name in UNITS], axis=1).clip(0, 5)
    return Behaviour(stacked, closure.clip(0, 1), gaze, turn, sway)


def _cue(latent: Latent, name: str) -> Floats:
    return latent.cue(name).clip(-_FAR, _FAR)


def _spread(rng: np.random.Generator, median: Floats | float, n: int, sd: float = 0.25) -> Floats:
    """Durations or peaks (event,) around a median, log-normal."""
    return np.asarray(median * np.exp(sd * rng.standard_normal(n)))


def _wander(latent: Latent, times: Floats, constant_s: float, rng: np.random.Generator) -> Floats:
    """A process of SD 1 (time,) with that time constant, whatever the cues say."""
    return smooth_noise(rng, times / constant_s, float(latent.borders[-1]) / constant_s)


def _plain(
    latent: Latent, per_minute: float, shape: list[float], rng: np.random.Generator
) -> Events:
    """Events of one rate throughout; shape: peak, onset, apex, offset."""
    rates = np.full(len(latent.informative), per_minute)
    begin, _ = poisson_times(rng, latent.borders, rates)
    peak, onset, apex, offset = (_spread(rng, median, len(begin)) for median in shape)
    return Events(begin, onset, apex, offset, peak)


def _flash(
    units: dict[str, Floats], latent: Latent, times: Floats, rng: np.random.Generator
) -> None:
    """Both parts of the brows up at once, as in emphasis."""
    flash = _plain(latent, _FLASHES, [2.0, 0.2, 0.35, 0.35], rng).intensity(times)
    units["AU01"] = np.maximum(units["AU01"], flash)
    units["AU02"] = np.maximum(units["AU02"], 0.9 * flash)


def smiles(latent: Latent, rng: np.random.Generator) -> Events:
    """The smiles of a recording: how many, how fast and how far, as its cues say."""
    rate = 8.0 * np.exp(0.5 * _cue(latent, "smile_rate"))
    begin, segment = poisson_times(rng, latent.borders, rate)
    n = len(begin)
    slow = np.exp(-0.45 * _cue(latent, "smile_speed"))[segment]
    far = np.exp(0.35 * _cue(latent, "smile_amplitude"))[segment]
    return Events(
        begin,
        onset=_spread(rng, 0.5 * slow, n, 0.15),
        apex=_spread(rng, 1.4, n, 0.3),
        offset=_spread(rng, 0.8 * slow, n, 0.15),
        peak=_spread(rng, 2.2 * far, n, 0.15).clip(max=4.8),
    )


def _smile(
    units: dict[str, Floats], latent: Latent, times: Floats, rng: np.random.Generator
) -> None:
    """AU12, with the cheeks and the lids that go with it, and lips that part in a broad one."""
    smile = smiles(latent, rng).intensity(times)
    units["AU12"] = smile
    units["AU06"] = 0.7 * smile
    units["AU07"] = 0.3 * smile
    units["AU25"] = 0.8 * np.maximum(smile - 2.0, 0)


def _frown(
    units: dict[str, Floats], latent: Latent, times: Floats, rng: np.random.Generator
) -> None:
    """AU04 and AU15 held throughout, waxing and waning; a smile pulls the corners up again."""
    for name, cue, rest, gain in (
        ("AU04", "brow_lowering", 1.8, 1.0),
        ("AU15", "lip_corner_depression", 1.8, 1.0),
    ):
        held = np.maximum(rest + gain * _cue(latent, cue), 0)
        wave = 1 + 0.25 * _wander(latent, times, 1.5, rng)
        units[name] = levels(latent.borders, held, times) * wave.clip(0, 2)
    units["AU15"] *= 1 - 0.6 * smoothstep(units["AU12"] / 3)
    units["AU07"] = units["AU07"] + 0.3 * units["AU04"]
    units["AU17"] = np.maximum(units["AU17"], 0.6 * units["AU15"])


def _speak(
    units: dict[str, Floats], latent: Latent, times: Floats, rng: np.random.Generator
) -> None:
    """Lips and jaw at the pace of syllables in the segments in which the person speaks."""
    on = levels(latent.borders, latent.speaks.astype(float), times, ramp_s=0.6)
    pace = _wander(latent, times, 0.08, rng)
    pauses = smoothstep(1.5 + _wander(latent, times, 0.5, rng))
    speech = on * pauses
    units["AU25"] = units["AU25"] + speech * (1.4 + 0.8 * pace).clip(0, 4)
    units["AU26"] = units["AU26"] + speech * (0.8 + 0.5 * pace).clip(0, 3)


def _move(latent: Latent, times: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Turns (row, angle) in rad and sway (row, axis) in mm of the head."""
    time_constant = _TURN_S * np.exp(-0.45 * _cue(latent, "head_speed"))
    phase = phase_of(latent.borders, time_constant, np.append(times, latent.borders[-1]))
    phase, end = phase[:-1], float(phase[-1])
    far = np.exp(0.4 * levels(latent.borders, _cue(latent, "head_amplitude"), times))
    turn = np.stack([far * angle * smooth_noise(rng, phase, end) for angle in _TURN], axis=1)
    lowered = levels(latent.borders, _cue(latent, "gaze_lowering"), times)
    turn[:, 0] += 0.03 * lowered
    slow = _TURN_S / _SWAY_S
    way = [far * size * smooth_noise(rng, slow * phase, slow * end) for size in _SWAY_MM]
    sway = np.stack(way, axis=1)
    return turn, sway


def _look(latent: Latent, times: Floats, rng: np.random.Generator) -> Floats:
    """Gaze (row, right down) in rad: fixations around where the person likes to look."""
    begin, _ = poisson_times(rng, latent.borders, np.full(len(latent.informative), 70.0))
    spots = rng.standard_normal((len(begin) + 1, 2)) * (0.08, 0.04)
    at = spots[np.searchsorted(begin, times, side="right")]
    lowered = levels(latent.borders, _cue(latent, "gaze_lowering"), times)
    at[:, 1] += 0.12 + 0.09 * lowered
    return at
