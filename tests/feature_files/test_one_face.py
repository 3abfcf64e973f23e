"""One face out of tables that hold all faces in no lasting order."""

import numpy as np
import polars as pl

from deptool.feature_files.feature_csv import LINE
from deptool.feature_files.one_face import BOX, one_face


def table(*rows):
    """Rows (frame, x, w, what): a box w px wide and high at (x, 100); without x, no face."""
    boxes = [(x, 100.0, w, w) if x is not None else (None,) * 4 for _, x, w, _ in rows]
    return pl.DataFrame(
        {
            LINE: np.arange(2, len(rows) + 2, dtype=np.int32),
            "frame": [float(f) for f, *_ in rows],
            "timestamp": [f / 10 for f, *_ in rows],
            **{
                name: pl.Series(column, dtype=pl.Float32)
                for name, column in zip(BOX, zip(*boxes, strict=True), strict=True)
            },
            "AU01": [what for *_, what in rows],
        }
    )


def test_a_table_of_one_face_is_left_as_it_is():
    rows = table((0, 50, 100, 0.1), (1, None, None, None), (2, 52, 100, 0.3))
    kept, said = one_face(rows, "a.csv")
    assert said == ()
    assert kept["n_faces"].to_list() == [1, 0, 1]
    assert kept["AU01"].to_list() == [0.1, None, 0.3]
    assert "status" not in kept.columns


def test_the_larger_face_is_followed_through_changes_of_order():
    rows = table(
        *((0, 50, 100, 0.1), (0, 400, 50, 9.0)),
        *((1, 402, 50, 9.0), (1, 53, 100, 0.2)),
        *((2, 56, 100, 0.3), (2, 404, 50, 9.0)),
    )
    kept, said = one_face(rows, "a.csv", 640, 480)
    assert kept["AU01"].to_list() == [0.1, 0.2, 0.3]
    assert kept[LINE].to_list() == [2, 5, 6]
    assert kept["n_faces"].to_list() == [2, 2, 2]
    assert kept["frame"].to_list() == [0, 1, 2]
    assert said == ("a.csv: up to 2 faces at once, 2 in all; the most prominent is kept",)


def test_where_only_the_other_is_seen_the_row_is_empty():
    # The other is seen beside the first, so it is somebody else and never stands in.
    rows = table((0, 50, 100, 0.1), (0, 400, 60, 9.0), (1, 402, 60, 9.0), (2, 52, 100, 0.3))
    kept, _ = one_face(rows, "a.csv", 640, 480)
    assert kept["AU01"].to_list() == [0.1, None, 0.3]
    assert kept["n_faces"].to_list() == [2, 1, 1]
    assert kept["timestamp"].to_list() == [0.0, 0.1, 0.2]
    assert kept[LINE].to_list() == [2, 4, 5]


def test_a_rival_of_nearly_the_same_size_makes_it_ambiguous():
    rows = table(*(row for f in range(4) for row in ((f, 50, 100, 0.1), (f, 400, 95, 9.0))))
    kept, _ = one_face(rows, "a.csv", 640, 480)
    assert set(kept["status"]) == {"ambiguous"}
