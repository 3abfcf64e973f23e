"""k-same: groups of k persons, whose recordings have the same medians."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from deptool.errors import DataError, UsageError
from deptool.k_same import group_persons, k_same_columns, mdav, medians_of


def make_table(au, pose=0.0, n=9):
    """A table whose medians are `au` and `pose`; every value differs from its neighbours'."""
    spread = np.linspace(-0.4, 0.4, n)
    return pl.DataFrame(
        {"AU01_r": au + spread, "AU01_c": np.ones(n), "pose_Rx": pose + spread},
        schema={"AU01_r": pl.Float32, "AU01_c": pl.Float32, "pose_Rx": pl.Float32},
    )


def test_neighbours_on_a_line_are_grouped() -> None:
    # The mean is 10.2; 21 is furthest: it goes with 19 and 18. Then 0, 1, 2 are left.
    points = np.array([[0.0], [19.0], [1.0], [21.0], [2.0], [18.0]])
    assert [sorted(group) for group in mdav(points, 3)] == [[1, 3, 5], [0, 2, 4]]


@given(
    arrays(np.float64, st.tuples(st.integers(2, 30), st.integers(1, 3)), elements=st.floats(-9, 9)),
    st.integers(2, 5),
)
def test_everybody_is_in_one_group_of_k_to_2k_less_1(points, k) -> None:
    groups = mdav(points, k)
    assert sorted(i for group in groups for i in group) == list(range(len(points)))
    if len(points) >= k:
        assert all(k <= len(group) <= 2 * k - 1 for group in groups)


def test_all_recordings_of_a_group_have_the_same_median() -> None:
    # Two groups by AU01: (1.0, 1.2) and (3.0, 3.4). Person b has two recordings, mean 1.2.
    tables = {"a": [make_table(1.0)], "b": [make_table(1.1), make_table(1.3)]}
    tables |= {"c": [make_table(3.0)], "d": [make_table(3.4)]}
    columns = k_same_columns(tables["a"][0])
    assert columns == ("pose_Rx", "AU01_r")
    medians = {name: [medians_of(t, columns) for t in of] for name, of in tables.items()}
    same = group_persons(columns, medians, 2)
    assert sorted(map(sorted, same.groups)) == [["a", "b"], ["c", "d"]]
    for name, of in tables.items():
        expected = {"a": 1.1, "b": 1.1, "c": 3.2, "d": 3.2}[name]  # means of 1.0, 1.2; of 3.0, 3.4
        for table in of:
            moved = same.apply(table, name)
            assert moved["AU01_r"].median() == pytest.approx(expected, abs=1e-6)
            # How it moves around the median stays, and presences do.
            gap = moved["AU01_r"] - table["AU01_r"]
            assert gap.max() == pytest.approx(gap.min(), abs=1e-5)
            assert moved["AU01_c"].equals(table["AU01_c"])


def test_a_value_at_the_end_of_its_range_leaves_the_median_right() -> None:
    tables = {"a": make_table(0.5), "b": make_table(0.1, n=9).with_columns(AU01_r=pl.lit(0.0))}
    columns = ("AU01_r",)
    medians = {
        name: [medians_of(t.cast({"AU01_r": pl.Float32}), columns)] for name, t in tables.items()
    }
    same = group_persons(columns, medians, 2)
    moved = same.apply(tables["a"], "a")["AU01_r"]
    # 0.1 - 0.25 = -0.15 is no intensity: it becomes 0.
    assert moved.min() == 0
    assert moved.median() == pytest.approx(0.25, abs=1e-6)


def test_gaze_vectors_stay_unit_vectors() -> None:
    x = np.array([0.1, 0.2, 0.3])
    table = pl.DataFrame(
        {"gaze_0_x": x, "gaze_0_y": x * 0, "gaze_0_z": -np.sqrt(1 - x**2)},
        schema=dict.fromkeys(("gaze_0_x", "gaze_0_y", "gaze_0_z"), pl.Float32),
    )
    columns = k_same_columns(table)
    other = table.with_columns(gaze_0_x=pl.col("gaze_0_x") - 0.4)
    same = group_persons(
        columns, {"a": [medians_of(table, columns)], "b": [medians_of(other, columns)]}, 2
    )
    moved = same.apply(table, "a")
    length = moved.select(pl.sum_horizontal(pl.all() ** 2)).to_series()
    assert moved["gaze_0_x"].median() == pytest.approx(0.0, abs=1e-6)  # of 0.2 and -0.2
    assert length.to_list() == pytest.approx([1, 1, 1], abs=1e-6)
    assert moved["gaze_0_z"].max() < 0


def test_a_column_that_some_person_lacks_is_left_alone() -> None:
    medians = {"a": [np.array([1.0, np.nan])], "b": [np.array([2.0, 0.5])]}
    same = group_persons(("AU01_r", "AU02_r"), medians, 2)
    assert same.columns == ("AU01_r",)


def test_too_few_persons_is_said() -> None:
    with pytest.raises(DataError, match="needs 3 persons, and the corpus has 2"):
        group_persons(("AU01_r",), {"a": [np.ones(1)], "b": [np.ones(1)]}, 3)
    with pytest.raises(UsageError, match="at least 2"):
        group_persons(("AU01_r",), {"a": [np.ones(1)]}, 1)
