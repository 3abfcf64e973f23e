"""The measures of action units from 68 landmarks instead of a mesh.

Each measure of `action_units.MEASURES` is read off the landmarks that stand where its mesh points
do, or next to them (`OF_68`), and written as what the mesh would show: the canonical mesh's measure
plus what the landmarks' differs by from the same on the canonical face's landmarks. So limits, dead
zones and formulas are the mesh's. What landmarks cannot tell is NaN, and the action units that need
it are null: `UNSEEN_68`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from deptool.face.action_units import MEASURES, Floats, canonical_measures, distance, height
from deptool.face.pose_68 import canonical_68

_INNER, _OUTER = (39, 42), (36, 45)
_EYES = (*_INNER, *_OUTER)
_INNER_BROWS, _OUTER_BROWS = (21, 22), (17, 18, 25, 26)

OF_68: dict[str, Callable[[Floats], Floats]] = {
    "brow_inner": lambda f: height(f, _INNER_BROWS, _INNER),
    "brow_outer": lambda f: height(f, _OUTER_BROWS, _OUTER),
    "lid_gap": lambda f: distance(f, (37, 41), (38, 40), (43, 47), (44, 46)),
    "upper_lid": lambda f: height(f, (37, 38, 43, 44), _EYES),
    "upper_lip": lambda f: height(f, (49, 50, 52, 53), (31, 35)),
    "corner": lambda f: height(f, (48, 54), (62, 66)),
    "mouth_width": lambda f: distance(f, (48, 54)),
    "lip_gap": lambda f: distance(f, (61, 67), (62, 66), (63, 65)),
    "jaw": lambda f: height(f, (33,), (8,)),
}

# FAN places a landmark on half-cells of a grid of 64 over twice the face: steps of 2 mm on it.
UNSEEN_68 = {
    "AU04": "a frown moves the brows by 2 to 3 mm, little more than a step of the network's grid",
    "AU06": "no landmark lies on a cheek",
    "AU07": "the lower lid moves by 1 to 2 mm, less than a step of the network's grid",
}


def measure_68(face: Floats) -> Floats:
    """Landmarks (…, 68, x y z) in canonical cm to measures (…, measure) in cm, NaN where unseen."""
    return canonical_measures() + _read(face) - _canonical()


@cache
def _canonical() -> Floats:
    return _read(canonical_68())


def _read(face: Floats) -> Floats:
    unseen = np.full(face.shape[:-2], np.nan)
    return np.stack([OF_68[name](face) if name in OF_68 else unseen for name in MEASURES], axis=-1)
