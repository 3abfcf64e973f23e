"""Gaze from the irises: planted offsets and planted heads."""

import numpy as np
import pytest

from deptool.face.canonical import canonical_face
from deptool.face.gaze import EYES, PUPIL_CM, gaze, gaze_angles
from deptool.face.pose import head_pose
from deptool.face.rigid import rotation_from_euler


def _mesh(iris_cm: tuple[float, float] = (0, 0), head: tuple[float, float, float] = (0, 0, 0)):
    """The canonical face, 10 px per cm, irises moved in the face by (right, down), head turned."""
    face = canonical_face().copy()
    face[[iris for iris, _ in EYES], :2] += iris_cm
    return 10 * face @ rotation_from_euler(*head).T + [320, 240, 0]


def _gaze(mesh: np.ndarray) -> np.ndarray:
    return gaze(mesh, head_pose(mesh, 640, 480))


def test_the_canonical_face_looks_into_the_camera() -> None:
    assert _gaze(_mesh()) == pytest.approx(np.array([[0, 0, -1.0]] * 2), abs=1e-9)


@pytest.mark.parametrize(("axis", "offset"), [(0, 0.3), (0, -0.3), (1, 0.2), (1, -0.2)])
def test_an_iris_that_moves_turns_the_gaze_by_its_arc_sine(axis: int, offset: float) -> None:
    moved = (offset, 0.0) if axis == 0 else (0.0, offset)
    angles = gaze_angles(_gaze(_mesh(moved)))
    assert angles[axis] == pytest.approx(np.arcsin(offset / PUPIL_CM), abs=1e-6)
    assert angles[1 - axis] == pytest.approx(0, abs=1e-9)


def test_the_eyes_turn_with_the_head() -> None:
    # A nose that turns down and to the left of the picture takes eyes that look straight along.
    x, y = gaze_angles(_gaze(_mesh(head=(0.2, 0.3, 0.0))))
    assert x < -0.2
    assert y > 0.15


def test_an_iris_beyond_the_eyeball_still_gives_a_unit_vector() -> None:
    assert np.linalg.norm(_gaze(_mesh((3.0, 3.0))), axis=1) == pytest.approx([1, 1])
