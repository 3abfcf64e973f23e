"""The 68 landmarks: every index in its place."""

import numpy as np
import pytest

from deptool.face.canonical import canonical_face
from deptool.face.landmarks import MESH_OF_68, MIRROR_OF_68, landmarks_68


def test_one_mesh_point_each() -> None:
    assert len(MESH_OF_68) == 68
    assert len(set(MESH_OF_68)) == 68


def test_the_mirror_is_an_involution() -> None:
    assert sorted(MIRROR_OF_68) == list(range(68))
    assert (MIRROR_OF_68[MIRROR_OF_68] == np.arange(68)).all()


def test_the_scheme_lies_as_in_the_68_point_markup() -> None:
    x, y = landmarks_68(canonical_face()).T
    jaw = slice(0, 17)
    assert (np.diff(x[jaw]) > 0).all()  # from the left of the picture to the right
    assert y[jaw].argmax() == 8  # the chin
    assert (np.diff(x[17:27]) > 0).all()  # brows
    assert (np.diff(y[27:31]) > 0).all()  # down the nose
    assert (np.diff(x[31:36]) > 0).all()  # nostrils
    for eye in (36, 42):
        outer, inner = x[eye], x[eye + 3]
        assert outer < inner  # both eyes are numbered from the left of the picture
        assert y[eye + 1 : eye + 3].max() < y[eye + 4 : eye + 6].min()  # upper lid, lower lid
    assert y[17:27].max() < y[36:48].min() < y[30] < y[48:60].min()
    assert x[48] == x[48:60].min()
    assert x[54] == x[48:60].max()
    assert y[51] < y[62] <= y[66] < y[57]  # upper lip, opening, lower lip
    assert y[57] < y[8]


def test_on_a_picture_the_points_lie_on_what_they_name() -> None:
    mediapipe = pytest.importorskip("mediapipe")
    data = pytest.importorskip("skimage.data")
    picture = data.astronaut()
    with mediapipe.solutions.face_mesh.FaceMesh(
        static_image_mode=True, refine_landmarks=True
    ) as mesher:
        face = mesher.process(picture).multi_face_landmarks[0].landmark
    points = landmarks_68(np.array([(p.x * 512, p.y * 512, p.z * 512) for p in face]))
    # Read off the portrait by eye, in pixels: (landmark, x, y), each within 6 px.
    seen = [(36, 193, 101), (39, 211, 102), (42, 237, 104), (45, 258, 103)]  # eye corners
    seen += [(21, 212, 92), (22, 236, 94), (17, 190, 91), (26, 262, 95)]  # ends of the brows
    seen += [(27, 223, 100), (30, 224, 126), (33, 223, 133)]  # nasion, nose tip, nose base
    seen += [(48, 204, 140), (54, 246, 140), (62, 223, 142), (57, 223, 154), (8, 222, 178)]
    for landmark, x, y in seen:
        assert np.hypot(*(points[landmark] - (x, y))) < 6, landmark
