"""The 68-point scheme out of MediaPipe's mesh of 478.

Numbering as in Multi-PIE / dlib / OpenFace: jaw 0-16 from the left of the picture to the right,
brows 17-26, nose 27-35, eyes 36-47, outer lips 48-59, inner lips 60-67. Along each curve the
mesh point nearest to an even spacing on the canonical face was taken, and every one was checked
on a picture.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

JAW = (127, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 356)
BROWS = (70, 63, 105, 66, 107, 336, 296, 334, 293, 300)
NOSE = (168, 197, 5, 4, 98, 97, 2, 326, 327)
EYES = (33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380)
OUTER_LIPS = (61, 39, 37, 0, 267, 269, 291, 321, 314, 17, 84, 91)
INNER_LIPS = (78, 81, 13, 311, 308, 402, 14, 178)

MESH_OF_68 = np.array(JAW + BROWS + NOSE + EYES + OUTER_LIPS + INNER_LIPS, dtype=np.intp)

# Where each landmark goes when the picture is mirrored.
MIRROR_OF_68 = np.array(
    [
        *range(16, -1, -1),
        *range(26, 16, -1),
        *(27, 28, 29, 30, 35, 34, 33, 32, 31),
        *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),
        *(54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55),
        *(64, 63, 62, 61, 60, 67, 66, 65),
    ],
    dtype=np.intp,
)


def landmarks_68(mesh: NDArray[np.float64]) -> NDArray[np.float64]:
    """Meshes (…, 478 points, axis) in px to landmarks (…, 68 points, x y) in px."""
    points: NDArray[np.float64] = mesh[..., MESH_OF_68, :2]
    return points
