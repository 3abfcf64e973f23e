"""LMVD: OpenFace 2 files by id, one label file each, a split that others drew; refused forms."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from deptool.check import check_corpus
from deptool.cli.main import app
from deptool.errors import DataError, InputError
from deptool.importers.lmvd import Settings, find, read
from deptool.ingest import import_corpus
from fixtures.corpora import make_lmvd


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Vlogs 001, 002, 003 and 0831, half a second each."""
    return make_lmvd(tmp_path_factory.mktemp("lmvd"), n=4, seconds=0.5)


def test_the_blocks_of_a_file(tree):
    item = find(tree, Settings()).items[0]
    lines = item.files["features"].read_text().splitlines()
    assert len(lines[0].split(",")) == 5 + 8 + 280 + 6 + 136 + 17 + 18
    told = dict(zip(lines[0].split(", "), lines[3].split(", "), strict=True))
    row = read(item, Settings()).table.row(2, named=True)
    for name in ("x_0", "y_67", "pose_Rz", "gaze_1_y", "gaze_angle_x", "AU45_r", "AU28_c"):
        assert row[name] == pytest.approx(float(told[name]), rel=1e-6)
    assert "eye_lmk_x_0" not in row


def test_labels_and_a_split_whose_ids_lost_their_zeros(tree):
    assert "\n831,0,test\n" in (tree / "lmvd_labels.csv").read_text()
    found = find(tree, Settings())
    about = {i.recording_id: (i.subject_id, i.session_id, i.split) for i in found.items}
    assert about == {
        "001": (None, "001", "train"),
        "002": (None, "002", "train"),
        "003": (None, "003", "dev"),
        "0831": (None, "0831", "test"),
    }
    # fixtures.corpora: the first and the third are depressed.
    assert {s.session_id: s.score for s in found.labels} == {
        "001": 1,
        "002": 0,
        "003": 1,
        "0831": 0,
    }
    assert (found.persons_unknown, found.notes) == (True, ())


def test_without_others_split_there_is_none_and_it_says_so(tmp_path):
    found = find(make_lmvd(tmp_path, n=2, seconds=0.1, folds=False), Settings())
    assert {i.split for i in found.items} == {None}
    assert "LMVD has no split of its own" in found.notes[0]


def test_missing_and_contradicting_labels(tmp_path):
    make_lmvd(tmp_path, n=3, seconds=0.1, folds=False)
    (tmp_path / "label" / "003_Depression.csv").rename(tmp_path / "label" / "0900_Depression.csv")
    notes = find(tmp_path, Settings()).notes[1:]
    assert notes == (
        "1 vlog has labels but no features: 0900",
        "1 vlog has features but no labels: 003",
    )
    (tmp_path / "lmvd_labels.csv").write_text("index,label,fold\n001,normal,train\n")
    with pytest.raises(DataError, match=r"001 has 1 .* and 0"):  # the label file says 1
        find(tmp_path, Settings())


@pytest.mark.parametrize("content", ["2", "yes", "", "1\n0"])
def test_a_label_file_holds_one_number(tmp_path, content):
    make_lmvd(tmp_path, n=1, seconds=0.1, folds=False)
    (tmp_path / "label" / "001_Depression.csv").write_text(content)
    with pytest.raises(
        DataError, match=r"001_Depression\.csv: holds .*, not one number from 0 to 1"
    ):
        find(tmp_path, Settings())


def test_standardised_landmarks_are_refused_with_the_reason(tmp_path):
    np.save(tmp_path / "001_visual.npy", np.zeros((10, 136)))
    with pytest.raises(InputError, match="each row in them is standardised") as caught:
        find(tmp_path, Settings())
    assert "Video_feature" in str(caught.value.fix)


def test_tcnfeature_is_refused_with_the_reason(tmp_path):
    np.save(tmp_path / "001.npy", np.zeros((915, 171)))
    with pytest.raises(InputError, match=r"tcnfeature .* is not read"):
        find(tmp_path, Settings())


def test_other_files_beside_the_right_ones_do_no_harm(tmp_path):
    make_lmvd(tmp_path, n=1, seconds=0.1)
    np.save(tmp_path / "001.npy", np.zeros((915, 171)))
    assert [i.recording_id for i in find(tmp_path, Settings()).items] == ["001"]


def test_import_check_and_resume_on_the_command_line(tree, tmp_path):
    words = ["import", "lmvd", str(tree), "--out", str(tmp_path / "c"), "--jobs", "1", "--json"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.stderr
    assert [r["n_frames"] for r in json.loads(done.stdout)] == [15] * 4  # half a second at 30
    assert "cannot be known" in done.stderr
    assert check_corpus(tmp_path / "c").problems == ()
    again = import_corpus("lmvd", tree, tmp_path / "c", Settings())
    assert (again.n_new, again.n_kept) == (0, 4)
