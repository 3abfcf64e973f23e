"""Label files of public corpora: names in several spellings, contradictions, lost zeros."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deptool.errors import DataError, InputError, SchemaError
from deptool.feature_files.label_files import (
    Said,
    agree,
    find_named,
    listed,
    only_number,
    read_folds,
    read_rows,
)

NAMES = {"id": ("participant_id", "participant"), "score": ("phq8_score", "phq_score")}


def text(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def test_columns_go_by_any_of_their_names_in_any_case(tmp_path):
    path = text(tmp_path / "a.csv", "participant_ID;Gender;PHQ_Score\n 300 ;1; 4\n\n301;0;\n")
    rows = read_rows(path, NAMES, ("id",))
    assert [row.cells for row in rows] == [{"id": "300", "score": "4"}, {"id": "301", "score": ""}]
    assert [row.where for row in rows] == ["a.csv, line 2", "a.csv, line 4"]


def test_a_column_that_must_be_there_is_named_with_what_is(tmp_path):
    path = text(tmp_path / "a.csv", "who,PHQ8_Score\n300,4\n")
    with pytest.raises(SchemaError, match="lacks a column participant_id or participant") as caught:
        read_rows(path, NAMES, ("id",))
    assert caught.value.fix == "It has who, phq8_score."


def test_a_header_alone_is_an_error_without_wrong_advice(tmp_path):
    with pytest.raises(InputError, match="holds no rows") as caught:
        read_rows(text(tmp_path / "a.csv", "Participant_ID\n"), NAMES, ("id",))
    assert caught.value.fix is None


@pytest.mark.parametrize("content", ["12", "12\n", " 12 \r\n", "12.0", '"12"', "12,", "\ufeff12"])
def test_one_number_in_a_file(tmp_path, content):
    assert only_number(text(tmp_path / "a.csv", content), 0, 63) == 12


@given(st.text(max_size=12))
def test_any_text_is_one_number_in_range_or_an_error(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("n") / "a.csv"
    path.write_text(content, encoding="utf-8", newline="")
    try:
        value = only_number(path, 0, 63)
    except DataError:
        return
    assert 0 <= value <= 63


def test_files_are_found_by_name_in_any_case_nearest_first(tmp_path):
    deep = text(tmp_path / "x" / "Train_Split.csv", "same")
    assert find_named([deep], ["train_split.csv", "dev_split.csv"]) == {"train_split.csv": deep}
    near = text(tmp_path / "train_split.csv", "same")
    assert find_named([deep, near], ["train_split.csv"]) == {"train_split.csv": near}


def test_what_two_files_say_differently_is_refused():
    same = [Said("300", "train", "a, line 2"), Said("300", "train", "b, line 9")]
    assert agree(same, "splits") == {"300": "train"}
    with pytest.raises(DataError, match=r"splits: 300 has train \(a, line 2\) and dev \(c\)"):
        agree([*same, Said("300", "dev", "c")], "splits")


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["train", "dev"]))))
def test_agreement_is_one_value_for_each_key_or_an_error(pairs):
    said = [Said(key, value, "f") for key, value in pairs]
    clash = any(k == j and v != w for k, v in pairs for j, w in pairs)
    if clash:
        with pytest.raises(DataError):
            agree(said, "splits")
    else:
        assert agree(said, "splits") == dict(pairs)


def test_lost_zeros_are_found_again_and_an_exact_id_comes_first(tmp_path):
    path = text(tmp_path / "l.csv", "index,label,fold\n7,1,train\n831,normal,valid\n12,0,test\n")
    folds = read_folds(path, ["007", "0831", "12", "012"])
    assert folds.splits == {"007": "train", "0831": "dev", "12": "test"}
    assert folds.depressed == {"007": 1, "0831": 0, "12": 0}
    assert folds.durations == {}


def test_long_lists_of_ids_are_cut():
    assert listed(["b", "a"]) == "a b"
    assert listed([str(k) for k in range(10, 15)], at_most=3) == "10 11 12 and 2 more"
