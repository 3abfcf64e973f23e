"""Action units from geometry: what the mesh shows of 13 of OpenFace's 18 action units.

A frame's mesh, with pose and scale removed, is reduced to a few distances in cm (`MEASURES`). Each
is compared with the canonical face's, corrected within limits by the recording's own quiet frames
(`personal_neutral`), and each action unit is a small formula over these differences, mapped to the
FACS range 0-5 (`UNITS`). Action units that geometry cannot see are null, never guessed: `UNSEEN`.

What the muscles do is after Ekman, Friesen and Hager, Facial Action Coding System, 2002 (FACS).
Limits, dead zones and spans are this project's own, set on the people of the canonical face, on two
clips and on planted motion. They are no FACS coding, and are not calibrated against human coders.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from deptool.face.canonical import canonical_face
from deptool.schema import AU_INTENSITY, AU_PRESENCE

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Measure:
    """A distance on the face, and how far a person's neutral may lie from the canonical (cm).

    The limits are the trade between two wrongs: a build that reads as an expression, and an
    expression held through a recording that reads as a build.
    """

    meaning: str
    of: Callable[[Floats], Floats]
    below: float
    above: float


def height(face: Floats, points: tuple[int, ...], over: tuple[int, ...]) -> Floats:
    """How far up (cm) the middle of `points` lies over the middle of `over`."""
    up: Floats = face[..., over, 1].mean(-1) - face[..., points, 1].mean(-1)
    return up


def distance(face: Floats, *pairs: tuple[int, int]) -> Floats:
    """Mean distance (cm) of pairs of points."""
    gaps = [np.linalg.norm(face[..., a, :] - face[..., b, :], axis=-1) for a, b in pairs]
    mean: Floats = np.mean(gaps, axis=0)
    return mean


_INNER, _OUTER = (133, 362), (33, 263)
_EYES = (*_INNER, *_OUTER)
_LIDS = ((159, 145), (386, 374), (158, 153), (385, 380), (160, 144), (387, 373))

MEASURES: dict[str, Measure] = {
    "brow_inner": Measure(
        "inner brows over the inner eye corners",
        lambda f: height(f, (55, 107, 285, 336), _INNER),
        *(0.1, 0.4),
    ),
    "brow_outer": Measure(
        "outer brows over the outer eye corners",
        lambda f: height(f, (46, 70, 276, 300), _OUTER),
        *(0.2, 0.35),
    ),
    "brow_tilt": Measure(
        "inner brows over the outer brows, each from its corner of the eye",
        lambda f: height(f, (55, 107, 285, 336), _INNER) - height(f, (46, 70, 276, 300), _OUTER),
        *(0.15, 0.3),
    ),
    "brow_gap": Measure(
        "between the inner brows", lambda f: distance(f, (55, 285), (107, 336)), 0.12, 0.2
    ),
    "lid_gap": Measure("between the lids", lambda f: distance(f, *_LIDS), 0.15, 0.3),
    "upper_lid": Measure(
        "upper lid over the line of the eye corners",
        lambda f: height(f, (159, 386, 158, 385), _EYES),
        *(0.1, 0.2),
    ),
    "lower_lid": Measure(
        "lower lid over the line of the eye corners",
        lambda f: height(f, (145, 374, 153, 380), _EYES),
        *(0.15, 0.06),
    ),
    "cheek": Measure(
        "cheeks over the line of the eye corners",
        lambda f: height(f, (50, 101, 280, 330), _EYES),
        *(0.6, 0.15),
    ),
    "upper_lip": Measure(
        "upper lip's edge over the base of the nostrils",
        lambda f: height(f, (37, 267, 39, 269), (98, 327)),
        *(0.25, 0.25),
    ),
    "corner": Measure(
        "mouth corners over the middle of the lips",
        lambda f: height(f, (61, 291), (13, 14)),
        *(0.15, 0.15),
    ),
    "mouth_width": Measure("between the mouth corners", lambda f: distance(f, (61, 291)), 0.8, 0.8),
    "lip_gap": Measure(
        "between the lips", lambda f: distance(f, (13, 14), (82, 87), (312, 317)), 0.0, 0.1
    ),
    "jaw": Measure("nose base over the chin", lambda f: height(f, (2,), (152,)), 0.4, 0.4),
}


@dataclass(frozen=True)
class Unit:
    """An action unit: what is read (cm), the dead zone of noise, and what counts as 5."""

    reads: str
    muscle: str
    of: Callable[[Mapping[str, Floats]], Floats]
    dead: float
    span: float


def _smile(d: Mapping[str, Floats]) -> Floats:
    lift: Floats = np.maximum(d["corner"], 0.0)
    return lift


def _frown(d: Mapping[str, Floats]) -> Floats:
    """Inner brows lower than the outer; a shut eye moves its outer corner and tells nothing."""
    tilt: Floats = np.maximum(-d["brow_tilt"], 0.0)
    seen: Floats = np.clip(1.0 - _closure(d), 0.0, 1.0)
    return tilt * seen


def _closure(d: Mapping[str, Floats]) -> Floats:
    """Share of the person's own lid opening that is closed; `open` is that opening."""
    share: Floats = -d["lid_gap"] / d["open"]
    return share


UNITS: dict[str, Unit] = {
    "AU01": Unit(
        "inner brows up, more than the outer",
        "frontalis, medial part",
        lambda d: d["brow_inner"] - 0.3 * np.maximum(d["brow_outer"], 0.0),
        *(0.05, 0.6),
    ),
    "AU02": Unit(
        "outer brows up",
        "frontalis, lateral part",
        lambda d: d["brow_outer"],
        *(0.1, 0.7),
    ),
    "AU04": Unit(
        "inner brows down and together, beyond what a smile does",
        "corrugator supercilii, depressor supercilii, procerus",
        lambda d: (
            0.5 * _frown(d)
            - d["brow_inner"]
            - 0.3 * np.minimum(d["brow_gap"], 0.0)
            - 0.2 * _smile(d)
        ),
        *(0.06, 0.34),
    ),
    "AU05": Unit(
        "upper lids above their place",
        "levator palpebrae superioris",
        lambda d: d["upper_lid"],
        *(0.08, 0.4),
    ),
    "AU06": Unit(
        "cheeks up towards the eyes",
        "orbicularis oculi, orbital part",
        lambda d: d["cheek"],
        *(0.08, 0.6),
    ),
    "AU07": Unit(
        "lower lids up while the eyes are open",
        "orbicularis oculi, palpebral part",
        lambda d: d["lower_lid"] * np.clip(1.0 - _closure(d), 0.0, 1.0),
        *(0.04, 0.25),
    ),
    "AU10": Unit(
        "upper lip up towards the nose, beyond what a smile does",
        "levator labii superioris",
        lambda d: d["upper_lip"] - 0.3 * _smile(d),
        *(0.08, 0.45),
    ),
    "AU12": Unit(
        "mouth corners up and apart, less what an open mouth alone does",
        "zygomaticus major",
        lambda d: d["corner"] + 0.3 * d["mouth_width"] - 0.15 * d["lip_gap"],
        *(0.12, 1.5),
    ),
    "AU15": Unit(
        "mouth corners down",
        "depressor anguli oris",
        lambda d: -d["corner"],
        *(0.08, 0.5),
    ),
    "AU20": Unit(
        "mouth corners apart, beyond what a smile does",
        "risorius",
        lambda d: d["mouth_width"] - 2.6 * _smile(d),
        *(0.25, 1.5),
    ),
    "AU25": Unit(
        "lips apart", "depressor labii, relaxed mentalis", lambda d: d["lip_gap"], 0.1, 1.6
    ),
    "AU26": Unit(
        "chin away from the nose and lips apart, beyond what a smile does",
        "masseter relaxed, the jaw drops",
        lambda d: 0.5 * d["jaw"] + 0.4 * np.maximum(d["lip_gap"] - 0.8 * _smile(d), 0.0),
        *(0.3, 1.6),
    ),
    "AU45": Unit(
        "eyes closed, as a share of the person's own opening",
        "levator palpebrae relaxed, orbicularis oculi",
        _closure,
        *(0.3, 0.8),
    ),
}

UNSEEN = {
    "AU09": "a wrinkled nose moves the nostrils by no more than the mesh's noise, 1 to 2 mm",
    "AU14": "a dimple is a fold of skin; the corners hardly move",
    "AU17": "the chin boss wrinkles and the mesh smooths it away",
    "AU23": "tight lips change the red of the lips more than their outline",
    "AU28": "sucked-in lips look like closed lips to the mesh",
}

# A presence column is 1 from this intensity on: FACS's level A, a trace.
PRESENT = 1.0

QUIET_SHARE = 0.2


def measure(face: Floats) -> Floats:
    """Faces (…, 478 points, x y z) in canonical cm to measures (…, measure) in cm."""
    return np.stack([m.of(face) for m in MEASURES.values()], axis=-1)


@cache
def canonical_measures() -> Floats:
    """The canonical face's measures (measure) in cm."""
    return measure(canonical_face())


def personal_neutral(measures: Floats) -> Floats:
    """The neutral measures (measure) in cm that a recording's action units are read against.

    measures (frame, measure) in cm, NaN where one is never seen. The quiet frames are the fifth of
    all frames that lies nearest to the neutral, each measure counted in units of its limits; the
    neutral is the canonical one moved to their median, by no more than the limits. Three rounds,
    since the neutral and the quiet frames depend on each other.
    """
    start = canonical_measures()
    below = np.array([m.below for m in MEASURES.values()])
    above = np.array([m.above for m in MEASURES.values()])
    neutral = start
    count = max(1, round(QUIET_SHARE * len(measures)))
    for _ in range(3):
        away = np.nansum(np.abs(measures - neutral) / (below + above), axis=-1)
        quiet = measures[np.argsort(away, kind="stable")[:count]]
        neutral = start + np.clip(np.median(quiet, axis=0) - start, -below, above)
    return neutral


def intensities(measures: Floats) -> dict[str, Floats]:
    """Intensities 0-5 (frame) by action unit, of a whole recording's measures (frame, measure)."""
    neutral = personal_neutral(measures)
    d = dict(zip(MEASURES, (measures - neutral).T, strict=True))
    d["open"] = np.full(len(measures), dict(zip(MEASURES, neutral, strict=True))["lid_gap"])
    return {
        name: 5.0 * np.clip((unit.of(d) - unit.dead) / (unit.span - unit.dead), 0.0, 1.0)
        for name, unit in UNITS.items()
    }


def columns(measures: Floats) -> dict[str, Floats | None]:
    """The 35 columns AUxx_r and AUxx_c (frame) of one recording.

    None where geometry is blind, or where a measure that the action unit needs is NaN.
    """
    found = intensities(measures) if len(measures) else {}
    found = {name: values for name, values in found.items() if not np.isnan(values).any()}
    out: dict[str, Floats | None] = {f"{name}_r": found.get(name) for name in AU_INTENSITY}
    for name in AU_PRESENCE:
        seen = found.get(name)
        out[f"{name}_c"] = None if seen is None else (seen >= PRESENT).astype(float)
    return out
