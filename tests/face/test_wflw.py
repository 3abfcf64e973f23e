"""The 98 points of WFLW and the 68 they stand for."""

from deptool.face.landmarks import MIRROR_OF_68
from deptool.face.wflw import N_POINTS, WFLW_OF_68

# Where each of the 98 goes in a mirrored picture: the jaw turned round; brows, eyes and mouth
# swapped side for side. Written down from the scheme's figure.
MIRROR_OF_98 = [
    *range(32, -1, -1),
    *(46, 45, 44, 43, 42, 50, 49, 48, 47),
    *(37, 36, 35, 34, 33, 41, 40, 39, 38),
    *(51, 52, 53, 54, 59, 58, 57, 56, 55),
    *(72, 71, 70, 69, 68, 75, 74, 73),
    *(64, 63, 62, 61, 60, 67, 66, 65),
    *(82, 81, 80, 79, 78, 77, 76, 87, 86, 85, 84, 83),
    *(92, 91, 90, 89, 88, 95, 94, 93),
    *(97, 96),
]


def test_68_different_points_of_the_98():
    assert sorted(MIRROR_OF_98) == list(range(N_POINTS))
    assert len(set(WFLW_OF_68.tolist())) == 68
    assert WFLW_OF_68.max() < N_POINTS


def test_the_map_and_the_mirror_change_places():
    # A landmark's point mirrored is the mirrored landmark's point: that fixes sides and directions.
    for i, point in enumerate(WFLW_OF_68.tolist()):
        assert MIRROR_OF_98[point] == WFLW_OF_68[MIRROR_OF_68[i]]


def test_the_ends_of_each_curve():
    of = WFLW_OF_68.tolist()
    assert (of[0], of[8], of[16]) == (0, 16, 32)  # jaw, left, chin, right
    assert (of[27], of[30], of[33]) == (51, 54, 57)  # nose: bridge, tip, base
    assert (of[36], of[39], of[42], of[45]) == (60, 64, 68, 72)  # corners of the eyes
    assert (of[48], of[54], of[60], of[64]) == (76, 82, 88, 92)  # corners of the lips
