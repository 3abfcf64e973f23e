"""Observations become rows: every value in the row and the column that it belongs to."""

import numpy as np

from deptool.face.observation import Observation, frames_table
from deptool.schema import FRAMES
from deptool.tables import check


def _face(k: float) -> Observation:
    points = np.stack([np.arange(68) + 100 * k, np.arange(68) + 1000 * k], axis=1)
    box, pose = k + np.array([0.0, 0.1, 0.2, 0.3]), k * np.array([10, 20, 30, 0.1, 0.2, 0.3])
    return Observation("ok", 1.0, 1, box, points, pose, np.full(8, 0.1 * k), np.zeros(1))


def test_values_stand_in_the_rows_with_a_face() -> None:
    gone = Observation("no_face", 0.0, 0)
    seen = [gone, _face(1), gone, gone, _face(2)]
    units = {"AU12_r": np.array([3.0, 4.0]), "AU14_r": None}
    table = frames_table([0, 1, 2, 3, 4], [1, 6, 11, 16, 21], seen, units)
    assert table["success"].to_list() == [0, 1, 0, 0, 1]
    assert table["x_5"].to_list() == [None, 105, None, None, 205]
    assert table["y_67"].to_list() == [None, 1067, None, None, 2067]
    assert table["pose_Ty"].to_list() == [None, 20, None, None, 40]
    assert table["AU12_r"].to_list() == [None, 3, None, None, 4]
    assert table["AU14_r"].null_count() == 5
    assert table["frame"].to_list() == [1, 6, 11, 16, 21]


def test_a_recording_without_any_face_is_a_valid_table_of_nulls() -> None:
    units = {c.name: None for c in FRAMES.group("action_units")}
    table = frames_table([0.0, 0.5], [1, 2], [Observation("no_face", 0.0, 0)] * 2, units)
    check(table, FRAMES, "frames")
    assert table["x_0"].null_count() == table["AU01_r"].null_count() == 2
