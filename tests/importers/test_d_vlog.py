"""D-Vlog: arrays whose column order must be said, labels with folds, nobody's name."""

import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from deptool.check import check_corpus
from deptool.cli.main import app
from deptool.errors import DataError, InputError, SchemaError, SettingsError
from deptool.importers import Item
from deptool.importers.d_vlog import ORDERS, Settings, find, read
from deptool.ingest import import_corpus
from deptool.settings import resolve
from fixtures.corpora import make_d_vlog
from fixtures.openface_rows import face

XYXY = Settings(order="xyxy")


def array(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, values)
    return path


def rows_of(path, settings=XYXY, **options):
    return read(Item("0", {"visual": path}, options=options), settings)


def faces(n, order):
    """(row, 136 columns): the canonical face in that order."""
    points = face(n)
    return (points.transpose(0, 2, 1) if order == "xyxy" else points).reshape(n, 136)


@pytest.mark.parametrize("words", [[], ["order=yx"]])
def test_without_an_order_it_says_why_none_is_guessed(words):
    with pytest.raises(SettingsError, match="does not say in which order") as caught:
        resolve(Settings, words=words)
    assert "xyxy" in str(caught.value)
    assert "xxyy" in str(caught.value)


def test_the_two_orders(tmp_path):
    path = array(tmp_path / "0_visual.npy", np.arange(1, 137, dtype=np.float32)[None])
    row = rows_of(path).table.row(0, named=True)
    # Interleaved, columns 1 2 3 4 … are x_0 y_0 x_1 y_1 …, and the last two x_67 y_67.
    assert (row["x_0"], row["y_0"], row["x_1"], row["x_67"], row["y_67"]) == (1, 2, 3, 135, 136)
    row = rows_of(path, Settings(order="xxyy")).table.row(0, named=True)
    assert (row["x_0"], row["x_1"], row["x_67"], row["y_0"], row["y_67"]) == (1, 2, 68, 69, 136)


@pytest.mark.parametrize("order", ORDERS)
def test_a_face_read_in_the_wrong_order_is_doubted(tmp_path, order):
    path = array(tmp_path / "0_visual.npy", faces(5, order))
    assert rows_of(path, Settings(order=order)).notes == ()
    other = next(name for name in ORDERS if name != order)
    (note,) = rows_of(path, Settings(order=other)).notes
    assert f"is the order {order}" in note


def test_rows_of_zeros_are_not_measured_and_times_follow_the_rate(tmp_path):
    values = faces(3, "xyxy")
    values[1] = 0
    table = rows_of(array(tmp_path / "0_visual.npy", values)).table
    assert table["success"].to_list() == [1, 0, 1]
    assert table["timestamp"].to_list() == [0, 1, 2]
    half = rows_of(tmp_path / "0_visual.npy", Settings(order="xyxy", fps=2)).table
    assert half["timestamp"].to_list() == [0, 0.5, 1]


def test_cells_that_are_no_numbers_are_null_and_named(tmp_path):
    values = faces(3, "xyxy")
    values[1, 2] = np.nan  # x_1
    values[2] = np.inf
    rows = rows_of(array(tmp_path / "0_visual.npy", values))
    assert rows.table["x_1"].to_list()[1:] == [None, None]
    assert rows.table["success"].to_list() == [1, 1, 0]
    assert rows.problems == ("0_visual.npy, row 1, column 2: is not a number; 137 such cells",)


def test_standardised_rows_are_said_to_be_no_pixels(tmp_path):
    values = faces(4, "xyxy")
    values = (values - values.mean(1, keepdims=True)) / values.std(1, keepdims=True)
    (note,) = rows_of(array(tmp_path / "0_visual.npy", values)).notes
    assert "the numbers are no pixels" in note


def test_a_duration_that_does_not_fit_the_rows_is_said(tmp_path):
    path = array(tmp_path / "0_visual.npy", faces(60, "xyxy"))
    assert rows_of(path, duration=63.0).notes == ()  # within a tenth
    (note,) = rows_of(path, duration=120.0).notes
    assert note == "has rows for 60 s, but labels.csv says 120 s"


@pytest.mark.parametrize(
    "values", [np.zeros((5, 68)), np.zeros(136), np.zeros((5, 68, 2)), np.full((2, 136), "a")]
)
def test_other_shapes_are_refused(tmp_path, values):
    with pytest.raises(SchemaError):
        rows_of(array(tmp_path / "0_visual.npy", values))


def test_no_code_in_a_file_is_run(tmp_path):
    path = tmp_path / "0_visual.npy"
    array(path, np.array([{"a": 1}], dtype=object))  # numpy pickles objects
    with pytest.raises(InputError, match="is no readable"):
        rows_of(path)
    path.write_bytes(pickle.dumps([1]))
    with pytest.raises(InputError, match="is no readable"):
        rows_of(path)


@given(data=st.binary(max_size=200), header=st.booleans())
def test_any_bytes_are_an_array_or_an_error(tmp_path_factory, data, header):
    path = tmp_path_factory.mktemp("d") / "0_visual.npy"
    path.write_bytes(b"\x93NUMPY\x01\x00" * header + data)
    with pytest.raises((InputError, SchemaError)):
        rows_of(path)


def test_labels_folds_and_what_is_unknown(tmp_path):
    found = find(make_d_vlog(tmp_path, n=4, seconds=6), XYXY)
    about = {i.recording_id: (i.subject_id, i.session_id, i.task, i.split) for i in found.items}
    assert about["0"] == (None, "0", None, "train")
    assert about["2"] == (None, "2", None, "dev")  # 'valid' in the file
    # fixtures.corpora: of the first four, vlogs 0 and 2 are depressed.
    assert {s.session_id: s.score for s in found.labels} == {"0": 1, "1": 0, "2": 1, "3": 0}
    assert {s.scale for s in found.labels} == {"binary"}
    assert (found.persons_unknown, found.id_space) == (True, None)


def test_missing_vlogs_and_labels_are_said(tmp_path):
    make_d_vlog(tmp_path, n=4, seconds=6)
    labels = tmp_path / "labels.csv"
    labels.write_text(labels.read_text().replace("3,normal", "17,normal"))
    notes = find(tmp_path, XYXY).notes
    assert notes == (
        "1 vlog has labels but no features: 17",
        "1 vlog has features but no labels: 3",
    )
    labels.unlink()
    assert "no labels.csv was found" in find(tmp_path, XYXY).notes[0]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("depression", "sad", "a label is depression or normal.*'sad'"),
        ("valid", "week", "a fold is train, valid or test.*'week'"),
        ("1,normal", "0,normal", "0 has 1 .* and 0"),
    ],
)
def test_wrong_labels_are_refused(tmp_path, before, after, said):
    make_d_vlog(tmp_path, n=4, seconds=6)
    labels = tmp_path / "labels.csv"
    labels.write_text(labels.read_text().replace(before, after, 1))
    with pytest.raises(DataError, match=said):
        find(tmp_path, XYXY)


def test_import_check_and_resume_on_the_command_line(tmp_path):
    make_d_vlog(tmp_path / "d", n=4, seconds=20)
    words = ["import", "d-vlog", str(tmp_path / "d"), "--out", str(tmp_path / "c"), "--jobs", "1"]
    assert isinstance(CliRunner().invoke(app, words).exception, SettingsError)
    done = CliRunner().invoke(app, [*words, "--set", "order=xyxy", "--json"])
    assert done.exit_code == 0, done.stderr
    # Rows 3 and 4 of 20 are zeros.
    assert [r["n_success"] for r in json.loads(done.stdout)] == [18] * 4
    assert "cannot be known" in done.stderr
    assert check_corpus(tmp_path / "c").problems == ()
    again = import_corpus("d-vlog", tmp_path / "d", tmp_path / "c", XYXY)
    assert (again.n_new, again.n_kept) == (0, 4)
