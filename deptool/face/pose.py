"""Head pose from a rigid fit of the mesh to the canonical face, in OpenFace's convention.

The camera sits at the origin, x to the right of the picture, y down, z away from the camera.
R = Rx @ Ry @ Rz with angles in rad: Rx (pitch) positive when the nose turns down, Ry (yaw) positive
when it turns to the left of the picture, Rz (roll) positive when the head tilts clockwise in the
picture. The mesh is a weak-perspective picture of the head, so the angles are relative to the line
of sight to the head; OpenFace's are relative to the camera's axis, and differ off the centre.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deptool.face.canonical import canonical_face, stable_points
from deptool.face.rigid import Similarity, euler_from_rotation, fit


@dataclass(frozen=True)
class Head:
    """Where heads are: the fits canonical (cm) -> mesh (px), and what follows from them.

    rotation_rad and translation_mm (…, 3): one head or many.
    """

    fit: Similarity
    rotation_rad: NDArray[np.float64]
    translation_mm: NDArray[np.float64]

    def in_canonical(self, mesh: NDArray[np.float64]) -> NDArray[np.float64]:
        """Meshes (…, point, 3) in px with pose and scale removed: cm in the canonical frame."""
        return self.fit.inverse(mesh)


def head_pose(mesh: NDArray[np.float64], width: int, height: int) -> Head:
    """Poses of meshes (…, 478 points, x y z) in px of a picture of that size."""
    index, weights = stable_points()
    return placed(fit(canonical_face()[index], mesh[..., index, :], weights), width, height)


def placed(found: Similarity, width: int, height: int) -> Head:
    """The heads of fits canonical (cm) -> px of a picture of that size.

    The translation is that of the point midway between the outer eye corners. Without a
    calibration the focal length is OpenFace's guess: 500 px at 640 x 480, scaled with the
    picture.
    """
    focal = (500 * width / 640 + 500 * height / 480) / 2
    depth = 10 * focal / found.scale
    x, y = found.shift[..., 0], found.shift[..., 1]
    place = [(x - width / 2) * depth / focal, (y - height / 2) * depth / focal, depth]
    return Head(found, euler_from_rotation(found.rotation), np.stack(place, axis=-1))
