"""Gender and age groups: who is in them, and which are hidden."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deptool.corpus import empty
from deptool.schema import SUBJECTS
from deptool.subgroups import BESIDE, FEW, LEAST, hidden, subgroups
from tests.test_bootstrap import rows


def people(genders, ages=None):
    n = len(genders)
    table = {"subject_id": [f"p{i}" for i in range(n)], "gender": genders}
    return pl.DataFrame(table | {"age": ages or [None] * n}, schema=empty(SUBJECTS).schema)


def test_groups_have_the_errors_of_their_persons():
    # 12 women are off by 1, 10 men by 3.
    off = [1.0] * 12 + [-3.0] * 10
    frame = rows(range(22), [i + o for i, o in enumerate(off)])
    found = subgroups(frame, people(["female"] * 12 + ["male"] * 10))
    assert [(g.kind, g.name, g.n_persons, g.n) for g in found] == [
        *(("gender", "female", 12, 12), ("gender", "male", 10, 10)),
    ]
    assert [g.errors["bias"].value for g in found] == pytest.approx([1, -3])


def test_ages_are_in_bands_and_who_is_not_known_is_a_group():
    ages = [29.5] * 10 + [30.0] * 10 + [60.0] * 10 + [None] * 10
    found = subgroups(rows(range(40), range(40)), people([None] * 40, ages))
    assert [(g.name, g.n_persons) for g in found] == [
        *(("under 30", 10), ("30 to 44", 10), ("60 and over", 10), ("not known", 10)),
    ]


def test_a_person_with_two_recordings_counts_once():
    frame = rows(range(24), range(24), [f"p{i // 2}" for i in range(24)])
    found = subgroups(frame, people(["female"] * 12))
    assert [(g.n_persons, g.n) for g in found] == [(12, 24)]


def test_small_groups_have_no_numbers_and_cannot_be_worked_out():
    assert hidden({"female": 30, "male": 20}) == {}
    # One small group alone would be what all have and the others do not.
    assert hidden({"female": 30, "male": 9}) == {"male": FEW, "female": BESIDE}
    assert hidden({"a": 30, "b": 9, "c": 12}) == {"b": FEW, "c": BESIDE}
    # Two small ones of 4 together are 8: their sum is small too.
    assert hidden({"a": 30, "b": 4, "c": 4, "d": 15}) == {"b": FEW, "c": FEW, "d": BESIDE}
    assert hidden({"a": 30, "b": 9, "c": 8}) == {"b": FEW, "c": FEW}
    frame = rows(range(39), range(39))
    found = subgroups(frame, people(["female"] * 30 + ["male"] * 9))
    assert [(g.n_persons, g.n, g.errors) for g in found] == [(None, None, {})] * 2


@given(st.dictionaries(st.text(max_size=3), st.integers(1, 40), max_size=6))
def test_what_is_hidden_is_never_one_group_nor_fewer_persons_than_the_least(persons):
    why = hidden(persons)
    assert all(name in why for name, n in persons.items() if n < LEAST)
    if why and len(why) < len(persons):
        assert len(why) > 1
        assert sum(persons[name] for name in why) >= LEAST


def test_without_persons_there_are_no_groups():
    assert subgroups(rows([1], [2], [None]), people(["female"])) == []
