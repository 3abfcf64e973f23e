"""The 68 landmarks brought onto the canonical face in the picture's plane."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from deptool.face.pose_68 import canonical_68, stable_68

Floats = NDArray[np.float64]

_OUTER_CORNERS = (36, 45)


@cache
def template() -> Floats:
    """The canonical face's landmarks (68, x y): outer eye corners at distance 1. Read-only."""
    flat = canonical_68()[:, :2]
    left, right = flat[list(_OUTER_CORNERS)]
    face: Floats = (flat - (left + right) / 2) / np.hypot(*(right - left))
    face.setflags(write=False)
    return face


def similarity(landmarks: Floats) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """Landmarks (row, 68, x y) -> a, b (row,) such that a · (x + iy) + b lies on the template.

    The least squares fit over the points that no muscle moves much; never a reflection. NaN where
    one of them is not known, or all of them are one point.
    """
    index, weights = stable_68()
    share = weights / weights.sum()
    target = template()[index] @ np.array([1, 1j])
    points = landmarks[:, index] @ np.array([1, 1j])
    middle, centre = points @ share, target @ share
    moved, fixed = points - middle[:, None], target - centre
    size = (share * np.abs(moved) ** 2).sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        a = (share * fixed * moved.conj()).sum(1) / np.where(size > 0, size, np.nan)
    return a, centre - a * middle


def aligned(landmarks: Floats) -> Floats:
    """Landmarks (row, 68, x y) in px -> the same on the template, outer eye corners about 1 apart.

    Place, size and roll are gone; NaN rows where there is no fit.
    """
    a, b = similarity(landmarks)
    moved = a[:, None] * (landmarks @ np.array([1, 1j])) + b[:, None]
    return np.stack([moved.real, moved.imag], axis=-1)
