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
    """Gaze (eye, x y z) of a mesh (478 points, x y z) in px; unit vectors."""
    face, neutral = head.in_canonical(mesh), canonical_face()
    out = np.empty((2, 3))
    for eye, (iris, corners) in enumerate(EYES):
        now = face[iris, :2] - face[list(corners), :2].mean(0)
        straight = neutral[iris, :2] - neutral[list(corners), :2].mean(0)
        xy = np.clip((now - straight) / PUPIL_CM, -1, 1)
        length = np.linalg.norm(xy)
        xy = xy / max(length / 0.95, 1.0)  # an iris beyond the eyeball's edge is a misfit
        out[eye] = head.fit.rotation @ [*xy, -np.sqrt(1 - xy @ xy)]
    return out


def gaze_angles(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """(x, y) in rad of the mean of both eyes; positive to the right and to the bottom."""
    x, y, z = vectors.mean(0)
    return np.array([np.arctan2(x, -z), np.arctan2(y, -z)])
