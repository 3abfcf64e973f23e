"""A video's rate from numbers of pictures and whole seconds."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from deptool.errors import SchemaError
from deptool.feature_files.frame_rate import USUAL, rate_of_seconds


def shown(seconds):
    whole = int(seconds)
    return f"{whole // 60:02d}:{whole % 60:02d}"


def found(fps, n, step=1):
    frames = list(range(0, n, step))
    return rate_of_seconds(frames, [shown(f / fps) for f in frames], "a.csv")[0]


@pytest.mark.parametrize("fps", USUAL)
def test_usual_rates_are_found(fps):
    assert found(fps, round(90 * fps)) == pytest.approx(fps, rel=1e-9)


@settings(max_examples=30, deadline=None)
@example(fps=5.4, seconds=150.0, step=1)  # 27 / 5.4 is a hair below 5: picture 27 "in second 4"
@given(fps=st.floats(5, 60), seconds=st.floats(150, 200), step=st.integers(1, 3))
def test_any_rate_is_found_to_a_percent(fps, seconds, step):
    assert found(fps, round(seconds * fps), step) == pytest.approx(fps, rel=0.01)


def test_ten_seconds_do_not_tell_30_from_29_97():
    # Pictures 0-299 in seconds 0-9: above 299/10 and at most 270/9, so both fit, and 30 counts.
    rate, said = rate_of_seconds(range(300), [shown(f / 30) for f in range(300)], "a.csv")
    assert rate == 30
    assert said == "rate 30/s, as between 29.9 and 30 by frame and approx_time"


def test_an_hour_is_read():
    times = [f"{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}" for s in range(3590, 3700)]
    assert rate_of_seconds([s * 25 for s in range(3590, 3700)], times, "a")[0] == 25


@pytest.mark.parametrize("frames", [[], [0], list(range(30)), list(range(60))])
def test_a_short_file_does_not_tell(frames):
    with pytest.raises(SchemaError, match="too short") as error:
        rate_of_seconds(frames, [shown(f / 30) for f in frames], "a.csv")
    assert "fps" in error.value.fix


def test_times_that_contradict_each_other_do_not_tell():
    # Picture 100 in second 1 is at least 50 a second; picture 100 in second 50, at most 2.
    with pytest.raises(SchemaError, match="contradict"):
        rate_of_seconds([100, 100], ["00:01", "00:50"], "a.csv")


def test_words_that_are_no_times_are_passed_over():
    frames, times = list(range(600)), [shown(f / 30) for f in range(600)]
    assert rate_of_seconds([*frames, 5], [*times, "soon"], "a.csv")[0] == 30
