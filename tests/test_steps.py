"""Steps: pairs of rows about a sixth of a second apart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deptool.steps import find_steps


@pytest.mark.parametrize(
    ("rate", "rows", "seconds"),
    [
        (30, 5, 1 / 6),
        (25, 4, 0.16),  # 4 rows are 0.007 s short, 5 would be 0.033 s long
        (24, 4, 1 / 6),
        (6, 1, 1 / 6),
        (5, 1, 0.2),
        (4, 1, 0.25),
    ],
)
def test_a_step_is_about_a_sixth_of_a_second_at_any_rate(
    rate: float, rows: int, seconds: float
) -> None:
    steps = find_steps(np.arange(60) / rate)
    assert steps.start.tolist() == list(range(60 - rows))
    assert set(steps.end - steps.start) == {rows}
    assert steps.seconds == pytest.approx(seconds)


@pytest.mark.parametrize("times", [[], [0.5], [0, 1 / 3, 2 / 3, 1]])
def test_too_few_rows_have_no_steps(times: list[float]) -> None:
    assert len(find_steps(np.array(times, float)).start) == 0


def test_no_step_leads_over_a_hole() -> None:
    # Rows 0-9 in the first 1.5 s, the next ones 10 s later.
    times = np.concatenate([np.arange(10) / 6, 10 + np.arange(10) / 6])
    steps = find_steps(times)
    assert steps.start.tolist() == [*range(9), *range(10, 19)]


def test_a_step_needs_every_row_in_it_measured() -> None:
    measured = np.ones(20, bool)
    measured[10] = False
    steps = find_steps(np.arange(20) / 30).through(measured)
    # A step has 5 rows' length: those that start in rows 5 to 10 have row 10 in them.
    assert steps.start.tolist() == [0, 1, 2, 3, 4, 11, 12, 13, 14]


@given(st.lists(st.floats(0.005, 0.5), min_size=1, max_size=40))
def test_steps_ascend_and_last_about_a_sixth_of_a_second(gaps: list[float]) -> None:
    times = np.concatenate([[0.0], np.cumsum(gaps)])
    steps = find_steps(times)
    assert (steps.end > steps.start).all()
    assert steps.seconds == pytest.approx(times[steps.end] - times[steps.start])
    # One by one: of all later rows the one nearest to 1/6 s later, if it is at most 0.09 s off.
    last = times[-1] + np.median(gaps) / 2
    for start in range(len(times)):
        off = np.abs(times[start + 1 :] - times[start] - 1 / 6)
        found = steps.end[steps.start == start]
        assert len(found) <= 1
        if len(found):
            assert off[found[0] - start - 1] == pytest.approx(off.min())
        elif len(off):
            assert off.min() > 0.09 - 1e-9 or times[start] + 1 / 6 > last - 1e-9
