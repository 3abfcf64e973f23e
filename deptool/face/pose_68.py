"""Head pose from the 68 landmarks, for networks that give no mesh; conventions as in `pose`.

With a depth for every landmark the fit is the mesh's own, on those of its stable points that are
landmarks. Without, the head is the one whose weak-perspective picture lies nearest to them: from
POS's pose on (DeMenthon and Davis, IJCV 15, 1995), each round takes the depths from the fit before
and fits again, which never raises the error in the picture.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from deptool.face.canonical import STABLE, canonical_face
from deptool.face.landmarks import MESH_OF_68
from deptool.face.pose import Head, placed
from deptool.face.rigid import Points, Similarity, fit

_ROUNDS = 30

# Landmarks 0-16 are the face's outline. Those of the far side follow the contour that can be seen;
# from this turn on (rad) they tell nothing of the head, and before it less and less.
_OUTLINE = 17
_HIDDEN_AT = np.radians(15)

_LEAST_FACING = 0.2  # cosine; a head turned further shows no depth plane
_LEAST_SCALE = 1e-6  # px per cm, where all landmarks are one point


@cache
def canonical_68() -> Points:
    """The canonical face's landmarks (68, x y z) in cm. Read-only."""
    face: Points = canonical_face()[MESH_OF_68]
    face.setflags(write=False)
    return face


@cache
def stable_68() -> tuple[NDArray[np.intp], Points]:
    """Indices (landmark) and weights (landmark) of those that no muscle moves much."""
    weights = np.array([STABLE.get(int(point), 0.0) for point in MESH_OF_68])
    index = np.flatnonzero(weights)
    return index, weights[index]


def head_pose_68(landmarks: Points, width: int, height: int) -> Head:
    """Poses of landmarks (…, 68, x y) or (…, 68, x y z) in px of a picture of that size.

    Landmarks without depth are taken to mark the outline that can be seen, as those of 300-W do;
    landmarks with depth to mark the same places of the head from every side.
    """
    index, weights = stable_68()
    points = landmarks[..., index, :]
    if landmarks.shape[-1] == 3:
        found = fit(canonical_68()[index], points, weights)
    else:
        found = _fit_picture(points)
    return placed(replace(found, scale=np.maximum(found.scale, _LEAST_SCALE)), width, height)


def in_canonical_68(head: Head, landmarks: Points) -> Points:
    """Landmarks (…, 68, x y or x y z) in px with pose and scale removed: (…, 68, x y z) in cm.

    Those without depth are taken to lie as deep in the face as the canonical face's.
    """
    if landmarks.shape[-1] == 3:
        return head.in_canonical(landmarks)
    scale, rotation, shift = head.fit.scale, head.fit.rotation, head.fit.shift
    flat = landmarks - shift[..., None, :2]
    # The depth z in the face of a point d from the head's origin: scale * z = rotation[:, 2] @ d.
    known = (flat * rotation[..., None, :2, 2]).sum(-1)
    facing = np.maximum(rotation[..., None, 2, 2], _LEAST_FACING)
    depth = (scale[..., None] * canonical_68()[:, 2] - known) / facing + shift[..., None, 2]
    return head.in_canonical(np.concatenate([landmarks, depth[..., None]], axis=-1))


def _fit_picture(points: Points) -> Similarity:
    """The fits canonical (cm) -> px of the stable landmarks (…, landmark, x y) alone."""
    index, weights = stable_68()
    face = canonical_68()[index]
    far_side = np.where(index < _OUTLINE, -np.sign(face[:, 0]), 0.0)  # at positive yaw: the left
    depth = _depth_by_pos(face, points, weights)
    target = points
    for _ in range(_ROUNDS):
        found = fit(face, np.concatenate([target, depth[..., None]], axis=-1), weights)
        expected = found.apply(face)
        depth = expected[..., 2]
        yaw = np.arcsin(np.clip(found.rotation[..., 0, 2], -1.0, 1.0))[..., None]
        hidden = np.clip(far_side * yaw / _HIDDEN_AT, 0.0, 1.0)[..., None]
        target = points + hidden * (expected[..., :2] - points)
    return found


def _depth_by_pos(face: Points, points: Points, weights: Points) -> Points:
    """Depths (…, landmark) in px by POS: the linear answer, and the rotation nearest to it."""
    w = np.sqrt(weights / weights.sum())[:, None]
    middle = (w**2 * points).sum(-2, keepdims=True)
    away = face - (w**2 * face).sum(0)
    linear = np.linalg.pinv(w * away) @ (w * (points - middle))  # (…, x y z, x y)
    u, d, vt = np.linalg.svd(linear, full_matrices=False)
    turned = u @ vt
    forward = np.cross(turned[..., 0], turned[..., 1])
    ahead: Points = d.mean(-1)[..., None] * (forward @ away.T)
    return ahead
