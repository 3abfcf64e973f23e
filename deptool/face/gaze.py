"""Gaze from the irises: unit vectors per eye, OpenFace's columns and signs.

x to the right of the picture, y down, z away from the camera, so an eye that looks into the camera
has (0, 0, -1). An eye is a sphere whose pupil lies `PUPIL_CM` before the centre of rotation; the
iris's offset from where it lies in the canonical face (taken as looking straight ahead) gives the
angle in the head, and the head's rotation brings it into the camera's frame.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from deptool.face.canonical import canonical_face
from deptool.face.pose import Head

# Iris centre and the corners of its eye, the eye on the left of the picture first.
EYES = ((468, (33, 133)), (473, (362, 263)))

# Centre of rotation 13.5 mm behind the cornea (Fry and Hill, Am. J. Optom. 39, 1962), entrance
# pupil 3.0 mm behind it (Atchison and Smith, Optics of the Human Eye, 2000).
PUPIL_CM = 1.05


def gaze(mesh: NDArray[np.float64], head: Head) -> NDArray[np.float64]:
    """Gaze (…, eye, x y z) of meshes (…, 478 points, x y z) in px; unit vectors."""
    face, neutral = head.in_canonical(mesh), canonical_face()
    eyes = []
    for iris, corners in EYES:
        now = face[..., iris, :2] - face[..., corners, :2].mean(-2)
        straight = neutral[iris, :2] - neutral[list(corners), :2].mean(0)
        xy = np.clip((now - straight) / PUPIL_CM, -1, 1)
        length = np.linalg.norm(xy, axis=-1, keepdims=True)
        xy = xy / np.maximum(length / 0.95, 1.0)  # an iris beyond the eyeball's edge is a misfit
        z = -np.sqrt(1 - (xy**2).sum(-1, keepdims=True))
        in_head = np.concatenate([xy, z], axis=-1)
        eyes.append((head.fit.rotation @ in_head[..., None])[..., 0])
    return np.stack(eyes, axis=-2)


def gaze_angles(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Angles (…, x y) in rad of the mean of both eyes (…, eye, x y z); positive right and down."""
    x, y, z = np.moveaxis(vectors.mean(-2), -1, 0)
    return np.stack([np.arctan2(x, -z), np.arctan2(y, -z)], axis=-1)
