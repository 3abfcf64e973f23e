"""What MediaPipe's mesh of 478 points says of faces: for every extractor that has that mesh."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from deptool.face import action_units
from deptool.face.canonical import N_MESH
from deptool.face.gaze import gaze, gaze_angles
from deptool.face.landmarks import landmarks_68
from deptool.face.observation import Face, Measures
from deptool.face.pose import head_pose


def measure_meshes(
    faces: Sequence[Face], width: int, height: int, au: NDArray[np.float64] | None = None
) -> Measures:
    """Landmarks, head pose and gaze of faces in a picture of that size (px), vectorised.

    `au` (face, value) is what action units are derived from; unless given, the distances of
    `deptool.face.action_units`.
    """
    meshes = np.array([face.points for face in faces]).reshape(-1, N_MESH, 3)
    head = head_pose(meshes, width, height)
    vectors = gaze(meshes, head)
    return Measures(
        landmarks=landmarks_68(meshes),
        head_pose=np.concatenate([head.translation_mm, head.rotation_rad], axis=-1),
        gaze=np.concatenate([vectors.reshape(-1, 6), gaze_angles(vectors)], axis=-1),
        au=action_units.measure(head.in_canonical(meshes)) if au is None else au,
    )
