"""From what was observed to rows: every value in the row and the column that it belongs to."""

from typing import Any

import numpy as np

from deptool.face.frames import choose, frames_table, tracks_table
from deptool.face.observation import Measures
from deptool.observe import Observed
from deptool.schema import FRAMES, TRACKS
from deptool.validate import check


class Toy:
    """Action units of a toy: AU12 is the first measure; nothing else is seen."""

    def action_units(self, au: np.ndarray) -> dict[str, Any]:
        seen = {c.name: None for c in FRAMES.group("action_units")}
        return {**seen, "AU12_r": au[:, 0]}


def _observed(faces: list[list[tuple[float, ...]]], gaze: bool = True, **about: Any) -> Observed:
    """Looks of boxes (x y w h); the k-th face of all has landmarks 100k + (0 … 67), AU12 of k."""
    owner = [look for look, boxes in enumerate(faces) for _ in boxes]
    boxes = np.array([b for look in faces for b in look], dtype=float).reshape(-1, 4)
    k = np.arange(len(owner), dtype=float)
    points = np.stack([np.add.outer(100 * k, np.arange(68)), np.add.outer(k, np.zeros(68))], -1)
    measures = Measures(
        landmarks=points,
        head_pose=np.multiply.outer(k, [10, 20, 30, 0.1, 0.2, 0.3]),
        gaze=np.zeros((len(k), 8)) if gaze else None,
        au=k[:, None],
    )
    plain: dict[str, Any] = {
        "times": [i / 6 for i in range(len(faces))],
        "numbers": [5 * i + 1 for i in range(len(faces))],
        "lost": np.zeros(len(faces), dtype=bool),
        "confidence": np.zeros(len(faces)),
    }
    return Observed(
        **{**plain, **about},
        owner=np.array(owner, dtype=np.intp),
        boxes=boxes,
        face_confidence=np.full(len(k), 0.9),
        measures=measures,
        width=640,
        height=480,
    )


BOX = (270, 190, 100, 100)


def _frames(observed: Observed) -> Any:
    return frames_table(observed, choose(observed), Toy())


def test_values_stand_in_the_rows_with_a_face() -> None:
    table = _frames(_observed([[], [BOX], [], [], [BOX]]))
    check(table, FRAMES, "frames")
    assert table["success"].to_list() == [0, 1, 0, 0, 1]
    assert table["x_5"].to_list() == [None, 5, None, None, 105]
    assert table["y_67"].to_list() == [None, 0, None, None, 1]
    assert table["pose_Ty"].to_list() == [None, 0, None, None, 20]
    assert table["AU12_r"].to_list() == [None, 0, None, None, 1]
    assert table["AU14_r"].null_count() == 5
    assert table["frame"].to_list() == [1, 6, 11, 16, 21]
    assert table["face_w"].to_list() == [None, 100, None, None, 100]


def test_a_recording_without_any_face_is_a_valid_table_of_nulls() -> None:
    table = _frames(_observed([[], []]))
    check(table, FRAMES, "frames")
    assert table["x_0"].null_count() == table["AU01_r"].null_count() == 2
    assert table["status"].to_list() == ["no_face", "no_face"]


def test_a_group_that_an_extractor_cannot_see_is_left_out_face_or_not() -> None:
    for faces in ([[BOX]], [[]]):
        table = _frames(_observed(faces, gaze=False))
        check(table, FRAMES, "frames")
        assert "gaze_0_x" not in table.columns
        assert "pose_Rx" in table.columns


def test_a_row_says_why_nothing_was_measured() -> None:
    # A candidate below a tenth is nothing; above it something; then a face of 63 px, then damage.
    observed = _observed(
        [[], [], [(300, 200, 63, 80)], []],
        confidence=np.array([0.05, 0.3, 0, 0]),
        lost=np.array([False, False, False, True]),
    )
    table = _frames(observed)
    expected = ["no_face", "low_confidence", "too_small", "decode_error"]
    assert table["status"].to_list() == expected
    assert table["success"].sum() == 0
    assert table["x_0"].null_count() == 4


def test_two_alike_are_ambiguous_and_measured() -> None:
    table = _frames(_observed([[BOX], [BOX, (400, 190, 100, 100)]]))
    assert table["status"].to_list() == ["ok", "ambiguous"]
    assert table["success"].to_list() == [1, 1]
    assert table["n_faces"].to_list() == [1, 2]


def test_all_faces_have_rows_of_their_own_by_track() -> None:
    small = (20, 20, 70, 70)
    observed = _observed([[BOX, small], [small, BOX], [small]])
    table = tracks_table(observed, choose(observed), Toy())
    check(table, TRACKS, "tracks")
    assert table["track"].to_list() == [0, 0, 1, 1, 1]
    assert table["primary"].to_list() == [1, 1, 0, 0, 0]
    assert table["AU12_r"].to_list() == [0, 3, 1, 2, 4]  # faces in order: 0 1 | 2 3 | 4
    assert table["timestamp"].to_list() == [0, np.float32(1 / 6), 0, *np.float32([1 / 6, 1 / 3])]


def test_no_face_gives_no_row_of_tracks() -> None:
    observed = _observed([[], []])
    table = tracks_table(observed, choose(observed), Toy())
    check(table, TRACKS, "tracks")
    assert len(table) == 0
