"""Similarity fits and Euler angles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deptool.face.rigid import euler_from_rotation, fit, rotation_from_euler

ANGLE = st.floats(-1.4, 1.4)


def _points(seed: int = 0, n: int = 12) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, 3))


@given(ANGLE, ANGLE, ANGLE)
def test_angles_round_trip(rx: float, ry: float, rz: float) -> None:
    back = euler_from_rotation(rotation_from_euler(rx, ry, rz))
    assert back == pytest.approx([rx, ry, rz], abs=1e-9)


@given(ANGLE, ANGLE, ANGLE, st.floats(0.01, 100), st.integers(0, 5))
def test_a_planted_similarity_is_found(
    rx: float, ry: float, rz: float, scale: float, seed: int
) -> None:
    source, shift = _points(seed), np.array([3.0, -2.0, 7.0])
    rotation = rotation_from_euler(rx, ry, rz)
    target = scale * source @ rotation.T + shift
    found = fit(source, target, np.linspace(1, 2, len(source)))
    assert found.scale == pytest.approx(scale, rel=1e-9)
    assert np.allclose(found.rotation, rotation, atol=1e-8)
    assert np.allclose(found.inverse(target), source, atol=1e-8)


def test_a_mirrored_target_gives_no_reflection_and_still_the_best_scale() -> None:
    source = _points()
    target = source * [-1, 1, 1]
    found = fit(source, target, np.ones(len(source)))
    assert np.linalg.det(found.rotation) == pytest.approx(1.0)
    turned, middle = source @ found.rotation.T, target - target.mean(0)
    turned = turned - turned.mean(0)
    # Least squares along one direction: the best scale is <turned, target> / <turned, turned>.
    assert found.scale == pytest.approx((turned * middle).sum() / (turned**2).sum())


def test_a_point_without_weight_has_no_say() -> None:
    source = _points()
    target = source + 1.0
    target[0] += 100.0
    weights = np.ones(len(source))
    weights[0] = 0.0
    assert np.allclose(fit(source, target, weights).shift, 1.0)


def test_signs_are_those_of_openface() -> None:
    # OpenFace: x right, y down, z away; a nose points at the camera, towards -z.
    nose = np.array([0.0, 0.0, -1.0])
    ear = np.array([1.0, 0.0, 0.0])
    assert (rotation_from_euler(0.3, 0, 0) @ nose)[1] > 0  # positive pitch: nose down
    assert (rotation_from_euler(0, 0.3, 0) @ nose)[0] < 0  # positive yaw: nose to the left
    assert (rotation_from_euler(0, 0, 0.3) @ ear)[1] > 0  # positive roll: clockwise
