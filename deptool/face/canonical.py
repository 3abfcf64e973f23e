"""The canonical face: a neutral mean face in MediaPipe's mesh order, in cm.

`canonical.csv` was derived by `derive_canonical.py` (see there for people, method and scale).
Axes as in OpenFace: x to the right of the picture, y down, z away from the camera. The origin
lies midway between the outer eye corners.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

N_MESH = 478

OUTER_EYE_CORNERS = (33, 263)

# Points that no muscle moves much, with their weight in the rigid fit: nose bridge, tip and
# wings, eye corners, temples, forehead, cheekbones. Even so the nose and the eyes' corners, which
# the network finds best, weigh more than the face's outline.
STABLE: dict[int, float] = {
    **dict.fromkeys((33, 133, 362, 263), 4.0),
    **dict.fromkeys((168, 6), 3.0),
    **dict.fromkeys((197, 195, 5), 2.0),
    **dict.fromkeys((151, 116, 345), 1.5),
    **dict.fromkeys((1, 4, 98, 327, 129, 358, 10), 1.0),
    **dict.fromkeys((109, 338, 67, 297, 54, 284, 103, 332), 1.0),
    **dict.fromkeys((127, 356, 162, 389, 234, 454, 227, 447, 123, 352), 1.0),
}


@cache
def canonical_face() -> NDArray[np.float64]:
    """The canonical mesh (478 points, the last 10 of them irises; x y z) in cm. Read-only."""
    text = files("deptool.face").joinpath("canonical.csv").read_text(encoding="utf-8")
    rows = list(csv.reader(line for line in text.splitlines() if not line.startswith("#")))
    face = np.array([[float(v) for v in row[1:]] for row in rows[1:]])
    face.setflags(write=False)
    return face


@cache
def stable_points() -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Indices (point) and weights (point) of the rigid fit."""
    return np.array(list(STABLE), dtype=np.intp), np.array(list(STABLE.values()))
