"""Whose face is whose: boxes over time, and which of them is the recording's own."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deptool.face.tracks import link, overlap, primary, prominence

WIDE, HIGH = 640, 480
MIDDLE = (270, 190, 100, 100)


def _faces(looks: list[list[tuple[float, ...]]]) -> tuple[np.ndarray, np.ndarray]:
    owner = [i for i, boxes in enumerate(looks) for _ in boxes]
    boxes = np.array([b for look in looks for b in look], dtype=float).reshape(-1, 4)
    return np.array(owner, dtype=np.intp), boxes


def _tracks(looks: list[list[tuple[float, ...]]], fps: float = 6.0) -> list[int]:
    owner, boxes = _faces(looks)
    return link(owner, boxes, [i / fps for i in range(len(looks))]).tolist()


def _primary(looks: list[list[tuple[float, ...]]]) -> tuple[list[int], list[bool]]:
    """Which face of each look is chosen (-1: none), and whether it is doubtful."""
    owner, boxes = _faces(looks)
    track = link(owner, boxes, [i / 6 for i in range(len(looks))])
    choice = primary(owner, track, boxes, len(looks), WIDE, HIGH)
    start = np.searchsorted(owner, np.arange(len(looks)))
    found = [-1 if f < 0 else int(f - s) for f, s in zip(choice.face, start, strict=True)]
    return found, choice.doubtful.tolist()


def test_overlap_is_shared_area_over_the_union() -> None:
    # Two squares of side 2, shifted by 1 along x: 2 shared, 4 + 4 - 2 = 6 together.
    shares = overlap(np.array([[0, 0, 2, 2.0]]), np.array([[1, 0, 2, 2.0], [5, 5, 1, 1]]))
    assert shares.tolist() == [[pytest.approx(1 / 3), 0]]


def test_a_face_that_moves_is_one_track_and_the_order_of_faces_does_not_matter() -> None:
    left, right = [(100 + 5 * i, 100, 80, 80) for i in range(4)], (400, 100, 80, 80)
    assert _tracks([[left[0], right], [right, left[1]], [left[2], right], [right, left[3]]]) == [
        *(0, 1, 1, 0, 0, 1, 1, 0)
    ]


def test_a_face_that_jumps_is_another_track() -> None:
    assert _tracks([[MIDDLE], [(20, 20, 100, 100)]]) == [0, 1]


def test_a_face_that_is_back_at_its_place_soon_is_the_same() -> None:
    # 6 looks a second: 11 empty looks are 2 s, 13 are more.
    assert _tracks([[MIDDLE], *[[]] * 11, [MIDDLE]]) == [0, 0]
    assert _tracks([[MIDDLE], *[[]] * 13, [MIDDLE]]) == [0, 1]
    assert _tracks([[MIDDLE], [], [], [MIDDLE]], fps=0.5) == [0, 0]  # rare looks


def test_prominence_is_area_weighed_by_the_centre() -> None:
    # 64 x 48 of 640 x 480 is a hundredth. In the middle it counts whole, in the corner half:
    # its middle is then 0.45 of each side away, 0.9 of the way.
    boxes = np.array([[288, 216, 64, 48], [0, 0, 64, 48.0]])
    assert prominence(boxes, WIDE, HIGH) == pytest.approx([0.01, 0.01 * (1 - 0.5 * 0.9)])


def test_the_largest_and_most_central_is_primary_whatever_the_order() -> None:
    small = (20, 20, 50, 50)
    looks = [[small, MIDDLE], [MIDDLE, small], [small, MIDDLE]]
    assert _primary(looks) == ([1, 0, 1], [False] * 3)


def test_the_face_that_is_there_longest_is_primary_though_another_is_larger_for_a_moment() -> None:
    visitor = (0, 100, 150, 150)
    looks = [[MIDDLE]] * 10 + [[MIDDLE, visitor]] + [[MIDDLE]] * 10
    found, doubtful = _primary(looks)
    assert found == [0] * 21
    assert [i for i, d in enumerate(doubtful) if d] == [10]  # but it is said


def test_two_alike_are_doubtful() -> None:
    looks = [[(200, 190, 100, 100), (400, 190, 100, 100)]] * 3
    found, doubtful = _primary(looks)
    assert len(set(found)) == 1
    assert doubtful == [True] * 3


def test_a_face_that_leaves_and_returns_is_primary_again() -> None:
    looks = [[MIDDLE]] * 3 + [[]] * 20 + [[(300, 180, 110, 110)]] * 3
    assert _primary(looks) == ([0] * 3 + [-1] * 20 + [0] * 3, [False] * 26)


def test_a_face_that_takes_over_elsewhere_is_doubtful_never_silent() -> None:
    looks = [[MIDDLE]] * 5 + [[(20, 20, 100, 100)]] * 3
    assert _primary(looks) == ([0] * 8, [False] * 5 + [True] * 3)


def test_a_picture_on_the_wall_does_not_become_the_person_who_left() -> None:
    poster = (600, 0, 30, 30)
    assert _primary([[MIDDLE, poster]] * 3 + [[poster]] * 3) == ([0] * 3 + [-1] * 3, [False] * 6)
    assert _primary([[MIDDLE]] * 3 + [[poster]] * 3) == ([0] * 3 + [-1] * 3, [False] * 6)


BOXES = st.tuples(*[st.integers(0, 400)] * 2, *[st.integers(20, 200)] * 2)


@given(st.lists(st.lists(BOXES, max_size=3), min_size=1, max_size=12))
def test_any_boxes_give_one_track_a_face_and_at_most_one_primary(
    looks: list[list[tuple[float, ...]]],
) -> None:
    owner, boxes = _faces(looks)
    track = link(owner, boxes, [i / 6 for i in range(len(looks))])
    for look in range(len(looks)):  # nobody is in one picture twice
        here = track[owner == look]
        assert len(set(here.tolist())) == len(here)
    assert sorted(set(track.tolist())) == list(range(len(set(track.tolist()))))
    choice = primary(owner, track, boxes, len(looks), WIDE, HIGH)
    for look, face in enumerate(choice.face):
        assert face == -1 or owner[face] == look
        assert not (choice.doubtful[look] and face == -1)
