"""Landmarks on the canonical face: place, size and roll are gone, the rest stays."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from deptool.face.align import aligned, template

FACE = template()


def test_the_template_has_its_outer_eye_corners_at_distance_one() -> None:
    assert np.allclose(np.hypot(*(FACE[45] - FACE[36])), 1)
    assert np.allclose(FACE[36] + FACE[45], 0)


@given(st.floats(0.5, 300), st.floats(-3.1, 3.1), st.floats(-500, 500), st.floats(-500, 500))
def test_place_size_and_roll_do_not_matter(size: float, roll: float, x: float, y: float) -> None:
    turn = np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
    moved = size * FACE @ turn.T + [x, y]
    np.testing.assert_allclose(aligned(moved[None])[0], FACE, atol=1e-6)


def test_what_muscles_move_stays_where_it_is() -> None:
    # The jaw (landmark 8, the chin) takes no part in the fit: it alone has moved.
    moved = FACE.copy()
    moved[8] += [0, 0.2]
    found = aligned(100 * moved[None])[0] - FACE
    np.testing.assert_allclose(found[8], [0, 0.2], atol=1e-9)
    np.testing.assert_allclose(np.delete(found, 8, axis=0), 0, atol=1e-9)


def test_a_mirrored_face_is_not_mirrored_back() -> None:
    mirrored = FACE * [-1, 1]
    assert not np.allclose(aligned(mirrored[None])[0], FACE, atol=0.1)


def test_what_was_not_measured_is_nan() -> None:
    unknown = np.full((1, 68, 2), np.nan)
    point = np.zeros((1, 68, 2))
    assert np.isnan(aligned(unknown)).all()
    assert np.isnan(aligned(point)).all()
