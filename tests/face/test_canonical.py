"""The canonical face: its shape, and that it agrees with MediaPipe's own where that is at hand."""

import numpy as np
import pytest

from deptool.face.canonical import (
    N_MESH,
    OUTER_EYE_CORNERS,
    STABLE,
    canonical_face,
    stable_points,
)
from deptool.face.landmarks import MESH_OF_68, MIRROR_OF_68
from deptool.face.pose import head_pose
from deptool.face.rigid import euler_from_rotation, fit, rotation_from_euler
from tests.conftest import BESIDE


def test_scale_and_place() -> None:
    face = canonical_face()
    left, right = face[list(OUTER_EYE_CORNERS)]
    assert face.shape == (N_MESH, 3)
    # Farkas 1994: biocular width 87.8 mm (women) and 91.2 mm (men), mean 89.5 mm.
    assert right[0] - left[0] == pytest.approx(8.95, abs=1e-3)
    assert np.allclose((left + right)[:2] / 2, 0, atol=1e-3)


def test_axes_are_right_down_away() -> None:
    face = canonical_face()
    nose, chin, forehead = face[4], face[152], face[10]
    assert chin[1] > nose[1] > forehead[1]
    assert nose[2] < min(chin[2], forehead[2])  # the nose is nearest to the camera


def test_the_face_is_symmetric() -> None:
    face = canonical_face()[MESH_OF_68]
    assert np.allclose(face[MIRROR_OF_68] * [-1, 1, 1], face, atol=2e-3)


def test_stable_points_come_in_pairs() -> None:
    # The weights must not pull the fit to one side.
    index, weights = stable_points()
    pull = (weights * canonical_face()[index, 0]).sum() / weights.sum()
    assert abs(pull) < 0.01
    assert len(set(STABLE)) == len(index)


def test_pose_agrees_with_mediapipes_canonical_face() -> None:
    path = BESIDE / "facts" / "canonical_face.csv"
    if not path.is_file():
        pytest.skip("MediaPipe's canonical face is not beside this checkout")
    theirs = np.loadtxt(path, delimiter=",", skiprows=1)[:, 1:] * [1, -1, -1]
    index, weights = stable_points()
    for angles in ((0, 0, 0), (0.3, 0, 0), (0, -0.4, 0.1), (-0.2, 0.2, -0.3)):
        mesh = 40 * theirs @ rotation_from_euler(*angles).T + [320, 240, 0]
        ours = euler_from_rotation(fit(canonical_face()[index], mesh[index], weights).rotation)
        assert np.degrees(np.abs(ours - angles)).max() < 3


@pytest.mark.parametrize("angles", [(0.0, 0.0, 0.0), (0.2, -0.3, 0.4)])
def test_head_pose_of_a_planted_head(angles: tuple[float, float, float]) -> None:
    # 640 x 480: OpenFace's focal length is 500 px, so a head at 500 mm shows 1 px per mm, 10 px
    # per cm. Placed 50 px right of the centre it sits 50 mm to the right.
    mesh = 10 * canonical_face() @ rotation_from_euler(*angles).T + [370, 240, 0]
    head = head_pose(mesh, 640, 480)
    assert head.rotation_rad == pytest.approx(angles, abs=1e-9)
    assert head.translation_mm == pytest.approx([50, 0, 500], abs=1e-6)
    assert np.allclose(head.in_canonical(mesh), canonical_face(), atol=1e-9)
