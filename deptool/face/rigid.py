"""Weighted similarity fit between two point sets, and OpenFace's Euler angles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Similarity:
    """`target = scale * rotation @ source + shift`; points are rows (point, axis).

    scale (…), rotation (…, 3, 3) and shift (…, 3) share their leading axes: one fit or many.
    """

    scale: Points
    rotation: Points
    shift: Points

    def apply(self, points: Points) -> Points:
        """Source points (…, point, 3) moved into the target's frame."""
        turned = points @ np.swapaxes(self.rotation, -1, -2)
        moved: Points = self.scale[..., None, None] * turned + self.shift[..., None, :]
        return moved

    def inverse(self, points: Points) -> Points:
        """Target points (…, point, 3) moved back into the source's frame."""
        centred = points - self.shift[..., None, :]
        back: Points = centred @ self.rotation / self.scale[..., None, None]
        return back


def fit(source: Points, target: Points, weights: Points) -> Similarity:
    """The similarity that brings `source` nearest to `target` in weighted least squares.

    source (point, 3); target (…, point, 3), one fit for each; weights (point). Never a reflection.
    Source: Umeyama, IEEE TPAMI 13(4), 1991, Eqs. 34 to 43, with weights.
    """
    w = (weights / weights.sum())[:, None]
    mean_s, mean_t = (w * source).sum(-2), (w * target).sum(-2)
    s, t = source - mean_s, target - mean_t[..., None, :]
    u, d, vt = np.linalg.svd(np.swapaxes(w * t, -1, -2) @ s)
    sign = np.ones(d.shape)
    sign[..., 2] = np.sign(np.linalg.det(u) * np.linalg.det(vt))
    rotation = (u * sign[..., None, :]) @ vt
    scale = np.asarray((d * sign).sum(-1) / (w * s**2).sum())
    return Similarity(scale, rotation, mean_t - scale[..., None] * (rotation @ mean_s))


def euler_from_rotation(rotation: Points) -> Points:
    """OpenFace's angles (…, Rx Ry Rz) in rad of R (…, 3, 3) = Rx @ Ry @ Rz.

    Axes: x right, y down, z away. Source: OpenFace 2, `RotationMatrix2Euler` and
    `Euler2RotationMatrix` (convention only).
    """
    ry = np.arcsin(np.clip(rotation[..., 0, 2], -1.0, 1.0))
    rx = np.arctan2(-rotation[..., 1, 2], rotation[..., 2, 2])
    rz = np.arctan2(-rotation[..., 0, 1], rotation[..., 0, 0])
    return np.stack([rx, ry, rz], axis=-1)


def rotation_from_euler(rx: float, ry: float, rz: float) -> Points:
    """The matrix R = Rx @ Ry @ Rz of angles in rad."""
    cx, sx, cy, sy, cz, sz = (f(a) for a in (rx, ry, rz) for f in (np.cos, np.sin))
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    product: Points = about_x @ about_y @ about_z
    return product
