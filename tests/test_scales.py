"""Scales as data: ranges, bands with their cut points, and no way from one scale to another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deptool.errors import DataError, UsageError
from deptool.scales import SCALES, find_scale, nearest, require_same

# Scale: items, highest score of an item. The range of a total follows; HAM-D's 17 items have
# highest scores of 2 (8 items) and 4 (9 items), 52 together.
ITEMS = {"BDI-II": (21, 63), "PHQ-8": (8, 24), "PHQ-9": (9, 27), "HAM-D": (17, 8 * 2 + 9 * 4)}

# The last score of a band and the first one of the next, from the sources named in scales.py.
CUTS = [
    *(("BDI-II", 13, "minimal"), ("BDI-II", 14, "mild"), ("BDI-II", 19, "mild")),
    *(("BDI-II", 20, "moderate"), ("BDI-II", 28, "moderate"), ("BDI-II", 29, "severe")),
    *(("PHQ-8", 4, "none"), ("PHQ-8", 5, "mild"), ("PHQ-8", 9, "mild"), ("PHQ-8", 10, "moderate")),
    *(("PHQ-8", 14, "moderate"), ("PHQ-8", 15, "moderately severe"), ("PHQ-8", 20, "severe")),
    *(("PHQ-9", 19, "moderately severe"), ("PHQ-9", 27, "severe")),
    *(("HAM-D", 7, "none"), ("HAM-D", 8, "mild"), ("HAM-D", 16, "mild")),
    *(("HAM-D", 17, "moderate"), ("HAM-D", 23, "moderate"), ("HAM-D", 24, "severe")),
    *(("binary", 0, "not depressed"), ("binary", 1, "depressed")),
]


@pytest.mark.parametrize(("name", "score", "band"), CUTS)
def test_cut_points(name, score, band):
    assert SCALES[name].band(score) == band


def test_ranges_are_those_of_the_items():
    for name, (items, high) in ITEMS.items():
        scale = SCALES[name]
        assert (scale.items, scale.low, scale.high) == (items, 0, high)
    assert (SCALES["binary"].items, SCALES["binary"].high) == (None, 1)


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_bands_start_at_the_lowest_score_and_rise(scale):
    starts = [start for start, _ in scale.bands]
    assert starts[0] == scale.low
    assert starts == sorted(set(starts))
    assert starts[-1] <= scale.high
    assert scale.source


@given(st.sampled_from(sorted(SCALES)), st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_a_higher_score_is_never_in_a_lower_band(name, score, more):
    scale = SCALES[name]
    order = [word for _, word in scale.bands]
    assert order.index(scale.band(score)) <= order.index(scale.band(score + more))


def test_fractions_belong_to_the_band_below_the_cut_and_the_ends_are_open():
    bdi = SCALES["BDI-II"]
    assert [bdi.band(s) for s in (13.9, 14.0, -2, 70)] == ["minimal", "mild", "minimal", "severe"]


def test_what_is_no_number_has_no_band():
    with pytest.raises(DataError, match="nan"):
        SCALES["BDI-II"].band(float("nan"))


def test_bands_are_never_named_without_their_cut_points():
    assert SCALES["BDI-II"].labels() == (
        *("0 to 13 minimal", "14 to 19 mild", "20 to 28 moderate", "29 to 63 severe"),
    )
    assert SCALES["binary"].labels() == ("0 not depressed", "1 depressed")


def test_scores_of_one_scale_cannot_be_turned_into_another():
    assert require_same(["PHQ-8", "PHQ-8"]) == "PHQ-8"
    with pytest.raises(DataError, match=r"BDI-II and PHQ-8 .*cannot be turned into another"):
        require_same(["PHQ-8", "BDI-II"], where="two corpora")
    with pytest.raises(DataError, match="no score"):
        require_same([])


def test_a_scale_that_is_nearly_right_is_offered():
    assert find_scale("HAM-D").high == 52
    assert nearest("Binary").startswith("Did you mean 'binary'?")
    with pytest.raises(UsageError, match="unknown scale 'hamd'\nDid you mean 'HAM-D'"):
        find_scale("hamd")
