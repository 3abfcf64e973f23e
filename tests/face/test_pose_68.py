"""Head pose from 68 landmarks, with and without depth."""

import numpy as np
import pytest

from deptool.face.canonical import canonical_face
from deptool.face.landmarks import MESH_OF_68, landmarks_68
from deptool.face.pose import head_pose
from deptool.face.pose_68 import canonical_68, head_pose_68, in_canonical_68, stable_68
from deptool.face.rigid import rotation_from_euler
from deptool.portrait import Motion, Person, render

TURNS = [(0.0, 0.0, 0.0), (0.2, -0.3, 0.4), (-0.3, 0.5, 0.0), (0.0, 0.02, -0.6)]


def _head(turn: tuple[float, float, float], shape: np.ndarray | None = None) -> np.ndarray:
    """Landmarks (68, 3) of a head at 10 px per cm, its origin 50 px right of (320, 240)."""
    face = canonical_68() if shape is None else shape
    return 10 * face @ rotation_from_euler(*turn).T + [370, 240, 0]


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("axes", [2, 3])
def test_a_planted_head_is_found(turn: tuple[float, float, float], axes: int) -> None:
    # 640 x 480: the focal length is 500 px, so a head at 500 mm shows 10 px per cm, and one that is
    # 50 px right of the centre sits 50 mm to the right.
    head = head_pose_68(_head(turn)[:, :axes], 640, 480)
    assert head.rotation_rad == pytest.approx(turn, abs=1e-6)
    assert head.translation_mm == pytest.approx([50, 0, 500], abs=1e-3)
    face = in_canonical_68(head, _head(turn)[:, :axes])
    assert np.allclose(face, canonical_68(), atol=1e-6)


@pytest.mark.parametrize("axes", [2, 3])
def test_many_heads_at_once_are_as_one_by_one(axes: int) -> None:
    noise = np.random.default_rng(0).normal(size=(4, 68, axes))
    heads = np.array([_head(turn)[:, :axes] for turn in TURNS]) + noise
    together = head_pose_68(heads, 640, 480)
    for k, head in enumerate(heads):
        alone = head_pose_68(head, 640, 480)
        assert together.rotation_rad[k] == pytest.approx(alone.rotation_rad, abs=1e-9)
        assert together.translation_mm[k] == pytest.approx(alone.translation_mm, abs=1e-6)


def test_no_heads_give_no_poses() -> None:
    head = head_pose_68(np.empty((0, 68, 2)), 640, 480)
    assert head.rotation_rad.shape == (0, 3)
    assert in_canonical_68(head, np.empty((0, 68, 2))).shape == (0, 68, 3)


def test_an_outline_that_follows_the_contour_does_not_turn_the_head() -> None:
    # Turned by 20 degrees to the left of the picture, the left of the outline is hidden: annotators
    # mark the contour they see, here the leftmost point of the mesh within half a centimetre.
    turn = (0.1, float(np.radians(20)), 0.0)
    mesh = 10 * canonical_face()[:468] @ rotation_from_euler(*turn).T + [370, 240, 0]
    seen = _head(turn)[:, :2]
    for k in range(8):
        seen[k, 0] = mesh[np.abs(mesh[:, 1] - seen[k, 1]) < 5, 0].min()
    assert seen[1, 0] < _head(turn)[1, 0] - 8  # it moved by almost a centimetre
    found = head_pose_68(seen, 640, 480)
    assert np.degrees(found.rotation_rad) == pytest.approx(np.degrees(turn), abs=0.5)


def test_expressions_survive_the_removal_of_pose() -> None:
    # The brows 0.5 cm up, seen from the side: landmarks without depth show it all the same.
    face = canonical_68().copy()
    face[17:27, 1] -= 0.5
    for turn in TURNS:
        points = _head(turn, face)[:, :2]
        found = in_canonical_68(head_pose_68(points, 640, 480), points)
        assert np.allclose(found, face, atol=1e-6)


def test_landmarks_in_one_point_are_no_head_and_no_crash() -> None:
    head = head_pose_68(np.zeros((1, 68, 2)), 640, 480)
    assert np.isfinite(head.rotation_rad).all()
    assert np.isfinite(in_canonical_68(head, np.zeros((1, 68, 2)))).all()


def test_only_landmarks_that_no_muscle_moves_decide() -> None:
    index, _ = stable_68()
    points = _head(TURNS[1])[:, :2]
    moved = points.copy()
    moved[np.setdiff1d(np.arange(68), index)] += 30
    expected = head_pose_68(points, 640, 480).rotation_rad
    assert head_pose_68(moved, 640, 480).rotation_rad == pytest.approx(expected)
    assert set(index) <= {0, 1, 15, 16, *range(27, 36), 36, 39, 42, 45}  # outline, nose, corners


def test_it_agrees_with_the_mesh_on_pictures() -> None:
    mediapipe = pytest.importorskip("mediapipe")
    turns = [Motion(yaw_deg=y) for y in (-12, 0, 12)] + [Motion(roll_deg=r) for r in (-15, 15)]
    with mediapipe.solutions.face_mesh.FaceMesh(static_image_mode=True) as mesher:
        for person in (Person(), Person.random(1)):
            pictures = [render(motion, person) for motion in turns]
            found = [mesher.process(p).multi_face_landmarks[0].landmark for p in pictures]
            size = pictures[0].shape[0]
            meshes = size * np.array([[(p.x, p.y, p.z) for p in face] for face in found])
            expected = np.degrees(head_pose(meshes, size, size).rotation_rad)
            flat = np.degrees(head_pose_68(landmarks_68(meshes), size, size).rotation_rad)
            deep = head_pose_68(meshes[:, MESH_OF_68], size, size).rotation_rad
            assert np.abs(flat - expected).max(0) == pytest.approx([0, 0, 0], abs=4)
            assert np.abs(np.degrees(deep) - expected).max(0) == pytest.approx([0, 0, 0], abs=3)
