"""A face of 68 points in 3D: a person's shape, what action units do to it, and its picture.

Axes: x to the right of the picture, y down, z away from the camera; cm in the head, mm before the
camera, px in the picture. The mean shape is `canonical_68`, midway between the outer eye corners
its origin. The sizes of deformations are this generator's own, of the order of what
`action_units.UNITS` reads as 5.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from deptool.cohort.behaviour import UNITS
from deptool.face.landmarks import MIRROR_OF_68
from deptool.face.pose_68 import canonical_68

Floats = NDArray[np.float64]
Moves = dict[int, tuple[float, float, float]]

UPPER_LIDS, LOWER_LIDS = (37, 38, 43, 44), (41, 40, 47, 46)

# What an action unit of intensity 5 does, in cm, to landmarks on the right of the picture and on
# the midline: away from the midline, down, away from the camera. The left side mirrors it.
_DEFORM: dict[str, Moves] = {
    "AU01": {22: (0, -0.6, 0), 23: (0, -0.45, 0), 24: (0, -0.15, 0)},
    "AU02": {26: (0, -0.6, 0), 25: (0, -0.65, 0), 24: (0, -0.45, 0), 23: (0, -0.15, 0)},
    "AU04": {
        **{22: (-0.22, 0.36, 0), 23: (-0.15, 0.33, 0), 24: (-0.06, 0.2, 0), 25: (0, 0.08, 0)},
        **{27: (0, 0.04, 0)},
    },
    "AU05": {43: (0, -0.28, 0), 44: (0, -0.28, 0)},
    "AU06": {45: (0, -0.03, 0), 46: (0, -0.14, 0), 47: (0, -0.12, 0)},
    "AU07": {43: (0, 0.08, 0), 44: (0, 0.08, 0), 46: (0, -0.16, 0), 47: (0, -0.16, 0)},
    "AU09": {
        **{22: (-0.05, 0.12, 0), 33: (0, -0.06, 0), 34: (0, -0.12, 0), 35: (0.04, -0.18, 0)},
        **{51: (0, -0.1, 0), 52: (0, -0.12, 0)},
    },
    "AU10": {
        **{35: (0.03, -0.08, 0), 51: (0, -0.36, 0), 52: (0, -0.42, 0), 53: (0, -0.34, 0)},
        **{62: (0, -0.26, 0), 63: (0, -0.28, 0)},
    },
    "AU12": {
        **{54: (0.5, -1.05, 0.4), 64: (0.46, -0.95, 0.35), 53: (0.26, -0.36, 0.2)},
        **{55: (0.34, -0.46, 0.24), 52: (0.08, -0.06, 0.05), 56: (0.12, -0.1, 0.08)},
        **{63: (0.2, -0.22, 0.12), 65: (0.22, -0.2, 0.12)},
        **{11: (0.06, -0.06, 0), 12: (0.1, -0.1, 0), 13: (0.08, -0.06, 0)},
    },
    "AU14": {54: (0.18, 0.02, 0.2), 64: (0.16, 0.02, 0.18)},
    "AU15": {
        **{54: (-0.06, 0.52, 0), 64: (-0.06, 0.46, 0), 53: (0, 0.16, 0), 55: (0, 0.24, 0)},
        **{63: (0, 0.08, 0), 65: (0, 0.1, 0)},
    },
    "AU17": {
        **{55: (0, -0.2, -0.05), 56: (0, -0.28, -0.1), 57: (0, -0.3, -0.1)},
        **{65: (0, -0.06, 0), 66: (0, -0.08, 0), 9: (0, -0.2, 0), 8: (0, -0.24, 0)},
    },
    "AU20": {
        **{54: (0.6, 0.1, 0.25), 64: (0.55, 0.08, 0.2), 53: (0.3, 0.06, 0.1)},
        **{55: (0.35, 0.04, 0.12), 52: (0.1, 0, 0), 56: (0.12, 0, 0)},
    },
    "AU23": {
        **{54: (-0.16, 0, 0), 64: (-0.14, 0, 0), 51: (0, 0.12, 0.05), 52: (0, 0.12, 0.05)},
        **{56: (0, -0.14, 0.05), 57: (0, -0.14, 0.05)},
    },
    "AU25": {
        **{51: (0, -0.12, 0), 52: (0, -0.12, 0), 62: (0, -0.26, 0), 63: (0, -0.22, 0)},
        **{55: (0, 0.32, 0), 56: (0, 0.6, 0), 57: (0, 0.64, 0), 65: (0, 0.58, 0), 66: (0, 0.68, 0)},
    },
    "AU26": {
        **{54: (-0.12, 0.3, 0), 64: (-0.1, 0.3, 0), 55: (-0.05, 0.66, 0), 56: (0, 0.9, 0.1)},
        **{57: (0, 0.94, 0.1), 65: (0, 0.84, 0), 66: (0, 0.94, 0.1)},
        **{8: (0, 1.4, 0.4), 9: (0, 1.36, 0.4), 10: (0, 1.1, 0.3), 11: (0, 0.7, 0.2)},
        **{12: (0, 0.42, 0.1), 13: (0, 0.2, 0)},
    },
    "AU28": {
        **{51: (0, 0.22, 0.25), 52: (0, 0.2, 0.25), 53: (0, 0.1, 0.1)},
        **{55: (0, -0.12, 0.1), 56: (0, -0.26, 0.25), 57: (0, -0.28, 0.25)},
    },
}

_MIDLINE = {8, 27, 28, 29, 30, 33, 51, 57, 62, 66}


@cache
def unit_moves() -> Floats:
    """What each action unit does at intensity 1: (unit, landmark, axis) in cm. Read-only."""
    moves = np.zeros((len(UNITS), 68, 3))
    for name, points in _DEFORM.items():
        for landmark, (out, down, away) in points.items():
            unit = UNITS.index(name)
            moves[unit, landmark] = (out, down, away)
            if landmark not in _MIDLINE:
                moves[unit, MIRROR_OF_68[landmark]] = (-out, down, away)
    moves /= 5
    moves.setflags(write=False)
    return moves


@cache
def shape_modes() -> Floats:
    """What one SD of each way in which faces vary does: (mode, landmark, axis) in cm. Read-only.

    Ten smooth and symmetric ways, with spreads somewhat above those of adults' faces: width,
    length, chin, jaw, opening and distance of the eyes, length and width of the nose, width of the
    mouth, height of the brows.
    """
    x, y, z = canonical_68().T
    no = np.zeros(68)
    side = np.sign(x) * (np.abs(x) > 1e-6)
    jaw, brows, nose, eyes, mouth = (
        np.isin(np.arange(68), range(*ends))
        for ends in ((0, 17), (17, 27), (27, 36), (36, 48), (48, 68))
    )
    middle = np.where(x < 0, x[36:42].mean(), x[42:48].mean())
    height = np.where(x < 0, y[36:42].mean(), y[42:48].mean())
    low = np.clip((y - 4) / 6, 0, 1) * jaw
    ways = [
        (0.045 * x, no, 0.02 * z),
        (no, 0.04 * np.maximum(y, 0), no),
        (no, 0.1 * np.maximum(y - 6.5, 0) * jaw, -0.15 * low),
        (0.09 * x * low, no, no),
        (0.04 * (x - middle) * eyes, 0.22 * (y - height) * eyes, no),
        (0.14 * side * (eyes | brows), no, no),
        (no, 0.07 * np.maximum(y, 0) * nose, 0.08 * (z + 2) * nose),
        (0.14 * x * nose, no, no),
        (0.1 * x * mouth, 0.12 * (y - 6.5) * mouth, no),
        (no, -0.22 * brows, no),
    ]
    modes: Floats = np.stack([np.stack(way, axis=1) for way in ways])
    modes.setflags(write=False)
    return modes


def person_face(shape: Floats) -> Floats:
    """shape (mode) in SDs -> the neutral face (landmark, axis) in cm."""
    face: Floats = canonical_68() + np.tensordot(shape, shape_modes(), axes=1)
    return face


def deform(face: Floats, units: Floats, closure: Floats) -> Floats:
    """The faces (row, landmark, axis) in cm of units (row, unit) and closure (row,).

    face (landmark, axis) is the neutral one in cm. `closure` from 0 (open) to 1 brings the upper
    lids down to the lower ones.
    """
    faces = face + np.tensordot(units, unit_moves(), axes=1)
    upper, lower = list(UPPER_LIDS), list(LOWER_LIDS)
    gap = faces[:, lower] - faces[:, upper]
    share = closure[:, None, None]
    faces[:, upper] += 0.85 * share * gap
    faces[:, lower] -= 0.1 * share * gap
    return faces


def line_of_sight(place: Floats) -> Floats:
    """Rotations (row, 3, 3) that turn the camera's axis to heads at `place` (row, x y z)."""
    from scipy.spatial.transform import Rotation

    along = place / np.linalg.norm(place, axis=1, keepdims=True)
    yaw, pitch = np.arctan2(along[:, 0], along[:, 2]), -np.arcsin(along[:, 1])
    turned: Floats = Rotation.from_euler("YX", np.stack([yaw, pitch], axis=1)).as_matrix()
    return turned


def rotations(angles: Floats) -> Floats:
    """pitch yaw roll (row, 3) in rad -> Rx @ Ry @ Rz (row, 3, 3), OpenFace's convention."""
    from scipy.spatial.transform import Rotation

    turned: Floats = Rotation.from_euler("XYZ", angles).as_matrix()
    return turned


def picture(faces: Floats, angles: Floats, place: Floats, width: int, height: int) -> Floats:
    """faces (row, landmark, axis) in cm -> landmarks (row, landmark, x y) in px, in perspective.

    angles (row, pitch yaw roll) in rad are relative to the line of sight, as `pose_R*` are; place
    (row, x y z) in mm. The focal length is OpenFace's guess: see `face.pose.placed`.
    """
    focal = (500 * width / 640 + 500 * height / 480) / 2
    turned = line_of_sight(place) @ rotations(angles)
    points = 10 * faces @ np.swapaxes(turned, 1, 2) + place[:, None, :]
    centre = np.array([width / 2, height / 2])
    seen: Floats = centre + focal * points[..., :2] / points[..., 2:]
    return seen
