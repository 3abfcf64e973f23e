"""Thresholds of the measures, and limits as users write them."""

import contextlib
import dataclasses
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deptool.errors import UsageError
from deptool.limits import MEASURES, NAMES, Limit, measures_of, needs_look, parse_limit
from deptool.quality import Quality
from tests.conftest import ROOT

FINE = Quality("a", "ok", n_rows=9, fps=6.0, coverage=1.0)


def test_every_measure_of_a_recording_has_a_line_in_the_legend():
    fields = {f.name for f in dataclasses.fields(Quality)} - {"recording_id", "status"}
    assert sorted(NAMES) == sorted(fields)


def test_every_measure_is_on_the_page_with_its_thresholds():
    text = (ROOT / "docs" / "check.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \|(.*?)\|.*\|(.*)\|(.*)\|$", text, re.M)
    shown = {name: [cell.strip() for cell in cells] for name, *cells in rows}
    for m in MEASURES:
        limits = ["" if v is None else f"{m.sign}{v:g}" for v in (m.look, m.bad)]
        assert shown[m.name] == [m.unit, *limits]


def test_bad_lies_beyond_look():
    for measure in MEASURES:
        if measure.look is not None and measure.bad is not None:
            assert measure.level(measure.look) == 0, measure.name
            assert measure.level((measure.look + measure.bad) / 2) == 1, measure.name
            assert measure.level(measure.bad + (measure.bad - measure.look)) == 2, measure.name


def test_what_was_not_measured_or_has_no_threshold_needs_no_look():
    coverage, n_rows = MEASURES[0], MEASURES[-1]
    assert (coverage.level(None), n_rows.level(0)) == (0, 0)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, False),
        ({"coverage": 0.89}, True),
        ({"coverage": 0.9}, False),  # the threshold itself is fine
        ({"frozen_s": 1.0}, True),
        ({"status": "truncated"}, True),
        ({"n_rows": None}, True),
        ({"n_rows": 0}, True),
        ({"status": None}, False),
    ],
)
def test_which_recordings_need_a_look(changed, expected):
    assert needs_look(dataclasses.replace(FINE, **changed)) is expected


def test_the_rate_of_an_import_is_compared_with_its_own():
    # The median of 1, 30, 30, 24 and 14 is 24: a look below 18 and bad below 12.
    rates = (1.0, 30.0, 30.0, 24.0, 14.0)
    recordings = [dataclasses.replace(FINE, fps=rate) for rate in (*rates, None)]
    measures = measures_of(recordings, imported=True)
    (fps,) = [m for m in measures if m.name == "fps"]
    assert (fps.look, fps.bad) == (18.0, 12.0)
    assert [fps.level(rate) for rate in rates] == [2, 0, 0, 0, 1]
    assert [needs_look(q, measures) for q in recordings] == [True, *[False] * 3, True, False]
    # All else is as it was; so is everything of what was extracted.
    assert [m for m in measures if m != fps] == [m for m in MEASURES if m.name != "fps"]
    assert measures_of(recordings, imported=False) == MEASURES


def test_one_row_a_second_is_fine_where_all_have_it():
    recordings = [dataclasses.replace(FINE, fps=1.0)] * 3
    assert not any(needs_look(q, measures_of(recordings, True)) for q in recordings)
    assert all(needs_look(q, measures_of(recordings, False)) for q in recordings)


def test_without_any_rate_none_is_low():
    measures = measures_of([dataclasses.replace(FINE, fps=None)], True)
    assert [(m.look, m.bad) for m in measures if m.name == "fps"] == [(None, None)]
    assert {m.name for m in measures_of([], True)} == set(NAMES)


@given(
    name=st.sampled_from(NAMES),
    sign=st.sampled_from(["<", "<=", ">", ">="]),
    value=st.floats(allow_nan=False, allow_infinity=False),
    space=st.sampled_from(["", " ", "  "]),
)
def test_a_limit_is_read_as_it_is_written(name, sign, value, space):
    text = space.join(["", name, sign, repr(value), ""])
    assert parse_limit(text) == Limit(name, sign, value)


@given(st.text(max_size=20))
def test_other_words_are_refused_in_words(text):
    with contextlib.suppress(UsageError):
        assert parse_limit(text).name in NAMES


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("coverage", "not of the form"),
        ("coverage=0.8", "not of the form"),
        ("coverage==0.8", "not of the form"),
        ("coverage<<0.8", "not of the form"),
        ("0.8>coverage", "not of the form|no measure named '0'"),
        ("coverage<", "not of the form"),
        ("coverage<80%", "'80%' is not a number\nGive coverage .* 0-1"),
        ("coverage<nan", "'nan' is not a number"),
        ("jiter_px>3", "no measure named 'jiter_px'\nDid you mean 'jitter_px'"),
        ("Coverage<1", "Did you mean 'coverage'"),
        ("recording_id<1", "no measure named 'recording_id'"),
    ],
)
def test_a_limit_that_makes_no_sense_says_why(text, said):
    with pytest.raises(UsageError, match=said):
        parse_limit(text)


@pytest.mark.parametrize(
    ("text", "value", "broken"),
    [
        ("coverage<0.8", 0.79, True),
        ("coverage<0.8", 0.8, False),
        ("coverage<=0.8", 0.8, True),
        ("jitter_px>3", 3.0, False),
        ("jitter_px>3", 3.1, True),
        ("jitter_px>=3", 3.0, True),
        ("jitter_px>=3", None, False),
    ],
)
def test_what_breaks_a_limit(text, value, broken):
    limit = parse_limit(text)
    assert limit.broken_by(dataclasses.replace(FINE, **{limit.name: value})) is broken


def test_a_limit_is_shown_as_it_is_written():
    assert str(parse_limit(" coverage <0.80")) == "coverage<0.8"
