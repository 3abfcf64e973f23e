"""Numbers out of CSV files: any width, spaces, quotes, damage with file and line."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deptool.errors import InputError, SchemaError
from deptool.feature_files import feature_csv
from deptool.feature_files.feature_csv import LINE, first_row, read_header, read_numbers


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("csv")


def put(folder, data):
    path = folder / "a.csv"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def read(folder, data, wanted=("a", "b"), **options):
    """Rows (line, value, …), problems, and whether the last line was cut off."""
    found = read_numbers(put(folder, data), wanted, **options)
    return found.values.rows(), found.problems, found.truncated


NUMBER = st.floats(-1e6, 1e6, width=32)
CELLS = st.one_of(NUMBER, st.none())


@settings(max_examples=60, deadline=None)
@given(
    table=st.integers(1, 6).flatmap(
        lambda n: st.lists(st.lists(CELLS, min_size=n, max_size=n), min_size=1, max_size=8)
    ),
    space=st.sampled_from(["", " ", "   ", "\t"]),
    end=st.sampled_from(["\n", "\r\n"]),
    mark=st.booleans(),
    blank=st.sets(st.integers(0, 8)),
    separator=st.sampled_from([",", ";"]),
    quotes=st.booleans(),
    last_end=st.booleans(),
)
def test_any_table_comes_back_whatever_it_was_written_like(
    folder, table, space, end, mark, blank, separator, quotes, last_end
):
    # A row of nothing but empty cells in a table of one column is a blank line, and passed over.
    table = [row for row in table if len(row) > 1 or row[0] is not None] or [[1.0]]
    names = [f"c{i}" for i in range(len(table[0]))]
    lines, expected = [separator.join(f"{space}{name}" for name in names)], []
    for k, row in enumerate(table):
        lines += [space] if k in blank else []
        cells = ["" if v is None else f'"{v!r}"' if quotes and k % 2 else repr(v) for v in row]
        lines.append(f"{space}{separator}".join(cells))
        expected.append((len(lines), *row))
    text = end.join(lines) + (end if last_end else "")
    rows, problems, cut = read(
        folder, ("\ufeff" if mark else "") + text, names, separator=separator
    )
    assert rows == expected
    assert (problems, cut) == ((), False)


@pytest.mark.parametrize("size", [1, 7, 64])
def test_it_does_not_matter_where_blocks_of_lines_end(folder, size, monkeypatch):
    text = "a, b\n" + "".join(f"{k}, {k * k}\n" + "\n" * (k % 3 == 0) for k in range(20))
    whole = read(folder, text + "x, 1\n1, 2, 3\n4")
    monkeypatch.setattr(feature_csv, "_BLOCK", size)
    assert read(folder, text + "x, 1\n1, 2, 3\n4") == whole
    assert len(whole[0]) == 21
    assert whole[2]


def test_lines_are_those_of_the_file_after_blank_and_odd_ones(folder):
    # line:  1    2    3 4    5      6 7
    text = "a,b\n1,2\n\n3,4\n5,6,7\n \n8,9\n"
    rows, problems, cut = read(folder, text)
    assert rows == [(2, 1, 2), (4, 3, 4), (7, 8, 9)]
    assert problems == ("a.csv, line 5: has 3 cells, not 2",)
    assert not cut


def test_a_short_last_line_was_cut_off_and_another_short_line_was_not(folder):
    assert read(folder, "a,b\n1,2\n3")[1:] == (
        ("a.csv, line 3: is cut off: it has 1 cell, not 2",),
        True,
    )
    assert read(folder, "a,b\n1\n3,4\n")[1:] == (("a.csv, line 2: has 1 cell, not 2",), False)


def test_a_cell_that_is_no_number_is_null_and_named(folder):
    rows, problems, _ = read(folder, "a, b, c\n1, x, 9\n2 3, 4, 9\n5, 6, 9\n")
    # '2 3' are two numbers or none, never 23.
    assert rows == [(2, 1, None), (3, None, 4), (4, 5, 6)]
    assert problems == (
        "a.csv, line 3, column a: is not a number",
        "a.csv, line 2, column b: is not a number",
    )


def test_of_much_damage_the_first_is_named_and_the_rest_counted(folder):
    _, problems, _ = read(folder, "a,b\n" + "x,1\n" * 20 + "1\n" * 9 + "1,2\n")
    assert len([p for p in problems if "not a number" in p]) == 5
    assert "a.csv: 15 more cells like that" in problems
    assert "a.csv: 4 more lines of another length" in problems


@pytest.mark.parametrize("word", ["nan", "-nan(ind)", "inf", "-1.#IND", "NA", ""])
def test_what_programs_write_for_nothing_is_null_and_no_problem(folder, word):
    rows, problems, _ = read(folder, f"a,b\n{word},1\n")
    assert rows == [(2, None, 1)]
    assert problems == ()


def test_only_the_columns_asked_for_are_read(folder):
    data = 'note,a,b\n"no, number",1,2\n\xff,3,4\n'.encode("latin-1")
    rows, problems, _ = read(folder, data, ("b", "missing"))
    assert rows == [(2, 2), (3, 4)]
    assert problems == ()


def test_texts_stay_texts(folder):
    found = read_numbers(put(folder, "a,b\n00:01,1\n00:02,x\n"), ("a", "b"), texts=("a",))
    assert found.values.rows() == [(2, "00:01", 1), (3, "00:02", None)]


def test_clocks_keep_their_digits_and_all_else_is_float32(folder):
    values = read_numbers(put(folder, "timestamp,b\n12345.678901,0.1\n"), ("timestamp", "b")).values
    assert values["timestamp"][0] == 12345.678901
    assert values["b"][0] == pytest.approx(0.1, abs=1e-7)
    assert values["b"][0] != 0.1
    assert values.columns[0] == LINE


def test_a_header_alone_is_a_table_without_rows(folder):
    assert read(folder, "a,b\n") == ([], (), False)
    assert read(folder, "a,b") == ([], (), False)


def test_names_lose_their_spaces_and_quotes(folder):
    assert read_header(put(folder, '\ufeff a,  b ,"c, d"\r\n')) == ["a", "b", "c, d"]


def test_the_first_row_is_text_by_column(folder):
    assert first_row(put(folder, 'a, b\n\n007, "x, y"\n8,z\n')) == {"a": "007", "b": "x, y"}
    assert first_row(put(folder, "a,b\n")) == {}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "a.csv: is empty"),
        (b"\n1,2\n", "begins with an empty line"),
        ("a,b\n1,2\n".encode("utf-16"), "is not text in UTF-8"),
        (b"RIFF\0\0\0\0AVI ", "is not text in UTF-8"),
    ],
)
def test_what_is_no_csv_is_said(folder, data, said):
    with pytest.raises(InputError, match=said):
        read_numbers(put(folder, data), ("a",))


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(InputError, match=r"b\.csv: cannot be read: No such file"):
        read_header(tmp_path / "b.csv")


def test_a_wanted_column_that_is_there_twice_is_refused(folder):
    with pytest.raises(SchemaError, match="line 1: has two columns named 'a'"):
        read_numbers(put(folder, "a,b,a\n1,2,3\n"), ("a",))
    assert read(folder, "a,b,b\n1,2,3\n", ("a",))[0] == [(2, 1)]


@given(value=NUMBER)
@settings(max_examples=60, deadline=None)
def test_numbers_are_read_the_same_with_and_without_damage_beside_them(folder, value):
    # Damage is found by another way of reading; both must give the same numbers.
    clean = read(folder, f"a,b\n{value!r},1\n")[0][0][1]
    beside = read(folder, f"a,b\n{value!r},x\n")[0][0][1]
    assert clean == beside
    assert math.isclose(clean, value, rel_tol=1e-6, abs_tol=1e-30)
