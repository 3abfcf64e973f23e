"""The face: what action units do to it and which way it turns, by the extractors' rulers."""

import numpy as np
import pytest

from deptool.cohort.behaviour import UNITS
from deptool.cohort.face import deform, person_face, picture, shape_modes, unit_moves
from deptool.cohort.persons import SHAPES
from deptool.face.landmarks import MIRROR_OF_68
from deptool.face.measures_68 import OF_68
from deptool.face.pose_68 import canonical_68, head_pose_68
from deptool.schema import AU_INTENSITY

NEUTRAL = person_face(np.zeros(SHAPES))
STRAIGHT = np.array([[0.0, 0.0, 450.0]])


def _measures(units: dict[str, float], closure: float = 0.0) -> dict[str, float]:
    """What a unit of `UNITS` at an intensity changes of the extractors' measures, in cm."""
    row = np.array([[units.get(name, 0.0) for name in UNITS]])
    face = deform(NEUTRAL, row, np.array([closure]))
    return {name: float(of(face)[0] - of(NEUTRAL[None])[0]) for name, of in OF_68.items()}


def test_a_smile_raises_the_corners_and_widens_the_mouth() -> None:
    change = _measures({"AU12": 4})
    assert change["corner"] > 0.5
    assert change["mouth_width"] > 0.5


def test_a_frown_lowers_the_inner_brows_most() -> None:
    change = _measures({"AU04": 5})
    assert change["brow_inner"] < -0.25
    assert change["brow_inner"] < change["brow_outer"] <= 0


def test_depressed_lip_corners_are_lower() -> None:
    assert _measures({"AU15": 5})["corner"] < -0.4


def test_raised_brows_are_higher_inside_and_outside() -> None:
    assert _measures({"AU01": 5})["brow_inner"] > 0.4
    assert _measures({"AU02": 5})["brow_outer"] > 0.4


def test_a_jaw_that_drops_and_lips_that_part() -> None:
    assert _measures({"AU26": 5})["jaw"] > 1
    assert _measures({"AU25": 5})["lip_gap"] > 0.6


def test_a_blink_closes_the_lids() -> None:
    open_gap = float(OF_68["lid_gap"](NEUTRAL[None])[0])
    assert _measures({}, closure=1)["lid_gap"] == pytest.approx(-0.95 * open_gap, rel=0.02)


def test_every_action_unit_moves_something_but_the_blink_which_is_closure() -> None:
    moved = np.abs(unit_moves()).sum(axis=(1, 2)) > 0
    assert [u for u, m in zip(UNITS, moved, strict=True) if not m] == ["AU45"]
    assert {*AU_INTENSITY} < {*UNITS}


@pytest.mark.parametrize("moves", [unit_moves(), shape_modes()], ids=["units", "shape"])
def test_both_sides_do_the_same(moves: np.ndarray) -> None:
    mirrored = moves[:, MIRROR_OF_68] * (-1, 1, 1)
    # The canonical face itself is symmetric to a hundredth of a mm.
    assert mirrored == pytest.approx(moves, abs=2e-3)


def test_nobodys_shape_is_the_canonical_face() -> None:
    assert pytest.approx(canonical_68()) == NEUTRAL


def _angled(*angles: float, place: np.ndarray = STRAIGHT) -> np.ndarray:
    return picture(NEUTRAL[None], np.array([angles]), place, 640, 480)[0]


def test_signs_are_those_of_the_conventions() -> None:
    straight = _angled(0, 0, 0)
    nose, eyes = 30, (36, 45)

    def nose_from_eyes(points: np.ndarray) -> np.ndarray:
        return np.asarray(points[nose] - points[list(eyes)].mean(axis=0))

    ahead = nose_from_eyes(straight)
    assert nose_from_eyes(_angled(0.2, 0, 0))[1] > ahead[1] + 3  # pitch: the nose turns down
    assert nose_from_eyes(_angled(0, 0.2, 0))[0] < ahead[0] - 3  # yaw: to the left
    rolled = _angled(0, 0, 0.2)  # roll: clockwise, the eye on the right sinks
    assert rolled[45, 1] > rolled[36, 1] + 3


def test_the_extractors_pose_of_the_picture_is_the_planted_one() -> None:
    angles = np.array([[0.1, -0.2, 0.1], [-0.1, 0.15, -0.05], [0.05, 0.05, 0.0]])
    place = np.array([[0.0, 0, 450], [60, -20, 500], [-50, 30, 400]])
    points = picture(np.repeat(NEUTRAL[None], 3, axis=0), angles, place, 640, 480)
    found = head_pose_68(points, 640, 480)
    # A weak-perspective fit of a picture in perspective: right to some 3 degrees and 6 %.
    assert found.rotation_rad == pytest.approx(angles, abs=0.06)
    assert found.translation_mm == pytest.approx(place, abs=0.06 * 450)


def test_a_face_further_away_is_smaller_and_one_to_the_right_is_there() -> None:
    near, far = _angled(0, 0, 0), _angled(0, 0, 0, place=np.array([[0.0, 0, 900.0]]))
    # The origin lies at 450 and 900 mm, and so do the outer eye corners, 8.95 cm apart.
    assert np.ptp(near[[36, 45], 0]) == pytest.approx(89.5 * 500 / 450)
    assert np.ptp(far[[36, 45], 0]) == pytest.approx(89.5 * 500 / 900)
    right = _angled(0, 0, 0, place=np.array([[45.0, 0, 450.0]]))
    assert right[:, 0].mean() - near[:, 0].mean() == pytest.approx(50, abs=3)
