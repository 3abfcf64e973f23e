"""The error classes: exit codes, texts, and the trip between processes."""

import inspect
import pickle
import re

import pytest

from deptool import errors
from deptool.errors import DeptoolError, InputError, suggest

CLASSES = [c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, DeptoolError)]


def test_exit_codes_are_unique_and_leave_0_to_success():
    codes = [c.exit_code for c in CLASSES]
    assert sorted(codes) == list(range(1, len(codes) + 1))


def test_the_table_in_the_docstring_is_the_classes():
    rows = re.findall(r"^(\w+Error) +(\d+) ", errors.__doc__, re.MULTILINE)
    assert {name: int(code) for name, code in rows} == {c.__name__: c.exit_code for c in CLASSES}


@pytest.mark.parametrize("cls", CLASSES)
def test_every_class_says_what_it_is_for(cls):
    assert cls.__doc__


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("where", [None, "a.parquet"])
@pytest.mark.parametrize("fix", [None, "Do this."])
def test_an_error_survives_the_trip_between_processes(cls, where, fix):
    error = cls("it broke", where=where, fix=fix)
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert type(copy) is cls
    assert (copy.what, copy.where, copy.fix) == ("it broke", where, fix)
    assert str(copy) == str(error)


def test_the_text_has_where_and_what_on_one_line_and_what_to_do_below():
    assert str(InputError("gone", where="x.mp4", fix="Look.")) == "x.mp4: gone\nLook."
    assert str(InputError("gone")) == "gone"


def test_suggest_offers_the_nearest_word_or_all():
    assert suggest("rigde", ["ridge", "mean"]) == "Did you mean 'ridge'? Known: ridge, mean."
    assert suggest("zzz", ["ridge", "mean"]) == "Known: ridge, mean."
