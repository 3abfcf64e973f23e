"""Plots of characters."""

from deptool.text_plot import scatter, spark


def test_blocks_go_from_the_lowest_to_the_highest():
    assert spark([0, 3.5, 7, None, 99, -5], 0, 7) == "▁▅█ █▁"


def test_a_point_is_where_truth_and_prediction_say():
    lines = scatter([0, 10, 10], [0, 10, 0], 0, 10, width=8)
    # 4 rows of 8 characters: the corners have a point, and the diagonal between them is dotted.
    assert len(lines) == 6
    field = [line.split("│")[1] for line in lines[:4]]
    assert field[0][7] == chr(0x2808)  # the highest point of the right column
    assert field[3][0] == chr(0x2840)  # the lowest of the left one
    assert field[3][7] == chr(0x2880)
    assert "·" in field[1]
    assert lines[0].startswith("10 │")
    assert lines[-1].split() == ["0", "10"]


def test_what_is_beyond_the_ends_is_drawn_at_them():
    assert scatter([99], [-99], 0, 10) == scatter([10], [0], 0, 10)
    assert {len(line) for line in scatter([1], [1], 0, 10)[:16]} == {36}
