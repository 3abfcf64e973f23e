"""One score for everybody."""

import numpy as np
import pytest

from deptool.models import constant

SCORES = np.array([0.0, 1.0, 2.0, 41.0])
NOBODY = [None] * 4


@pytest.mark.parametrize(("statistic", "expected"), [("mean", 11.0), ("median", 1.5)])
def test_by_hand(statistic: str, expected: float) -> None:
    settings = constant.Settings(statistic=statistic)  # type: ignore[arg-type]
    state = constant.fit(np.zeros((4, 0)), SCORES, NOBODY, settings, 0)
    assert constant.apply(state, np.zeros((3, 0)), ["a", None, "b"]).tolist() == [expected] * 3


def test_another_statistic_is_refused() -> None:
    with pytest.raises(ValueError, match="mean or median, not 'mode'"):
        constant.Settings(statistic="mode")  # type: ignore[arg-type]
