"""E-DAIC: one OpenFace 2 file a session, no landmarks; labels whose binary column is wrong."""

import json

import pytest
from typer.testing import CliRunner

from deptool.check import check_corpus
from deptool.cli.main import app
from deptool.errors import InputError
from deptool.feature_files import daic
from deptool.importers.e_daic import LABEL_FILES, Settings, find, read
from deptool.ingest import import_corpus
from fixtures.corpora import make_e_daic

HEADER = "Participant_ID,Gender,PHQ_Binary,PHQ_Score,PCL-C (PTSD),PTSD Severity"


def text(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def session(root, number=300):
    path = root / f"{number}_P" / "features" / f"{number}_OpenFace2.1.0_Pose_gaze_AUs.csv"
    clock = "frame, timestamp, confidence, success"
    names = f"{clock}, pose_Tx, pose_Rx, gaze_0_x, gaze_angle_x, AU01_r, AU28_c"
    text(
        path,
        names,
        "1, 0, 0.9, 1, 12.5, 0.25, 0.5, -0.125, 2.25, 1",
        "2, 0.033, 0.1, 0, 0, 0, 0, 0, 0, 0",
    )
    return root


def test_values_and_what_is_not_there(tmp_path):
    found = find(session(tmp_path), Settings())
    row = read(found.items[0], Settings()).table.row(0, named=True)
    assert (row["pose_Tx"], row["pose_Rx"], row["gaze_0_x"]) == (12.5, 0.25, 0.5)
    assert (row["gaze_angle_x"], row["AU01_r"], row["AU28_c"]) == (-0.125, 2.25, 1)
    assert "x_0" not in row
    assert any("no landmarks" in note for note in found.notes)
    assert found.items[0].recording_id == found.items[0].subject_id == "300"
    assert found.id_space == "daic"  # the same persons as DAIC-WOZ


def test_splits_and_scores(tmp_path):
    found = find(make_e_daic(tmp_path, n=4, seconds=0.2), Settings())
    splits = {i.recording_id: i.split for i in found.items}
    assert splits == {"600": "train", "601": "train", "602": "dev", "603": "test"}
    scores = {(s.session_id, s.scale): s.score for s in found.labels}
    # The second session has 10 points and 0 in the binary column; the score counts.
    assert (scores["601", "PHQ-8"], scores["601", "binary"]) == (10, 1)
    assert any("PCL-C (PTSD) is left out" in note for note in found.notes)


def split_of_published_size(root):
    """Label files of the real size: 163, 56 and 56 sessions, 20 of them wrong in the binary column.

    By the scores 50, 15 and 21 are depressed; by the binary column 37, 12 and 17.
    """
    number = 300
    for split, n, depressed, wrong in (
        ("train", 163, 50, 13),
        ("dev", 56, 15, 3),
        ("test", 56, 21, 4),
    ):
        lines = []
        for k in range(n):
            score = 10 + k % 14 if k < depressed else k % 10
            binary = int(wrong <= k < depressed)
            lines.append(f"{number},male,{binary},{score},0,20.0")
            number += 1
        text(root / f"{split}_split.csv", HEADER, *lines)
    return {name: root / name for name in LABEL_FILES if (root / name).exists()}


def test_twenty_disagreements_are_counted_and_listed(tmp_path):
    answers = daic.read_answers(split_of_published_size(tmp_path), LABEL_FILES)
    (note,) = answers.notes
    assert note.startswith(
        "20 sessions have 0 in the binary column but a score of 10 or more (13 train, 3 dev, 4"
        " test); the score counts: "
    )
    # Train begins at 300, dev at 300 + 163, test at 463 + 56; the wrong ones come first in each.
    wrong = [*range(300, 313), *range(463, 466), *range(519, 523)]
    assert note.split(": ")[1].split() == [str(number) for number in wrong]
    depressed = {s.session_id for s in answers.labels() if s.scale == "binary" and s.score == 1}
    count = {
        part: sum(answers.splits[s] == part for s in depressed) for part in ("train", "dev", "test")
    }
    assert count == {"train": 50, "dev": 15, "test": 21}


def test_the_other_direction_is_told_apart(tmp_path):
    text(tmp_path / "dev_split.csv", HEADER, "300,male,1,4,0,1", "301,male,0,4,0,1")
    answers = daic.read_answers({"dev_split.csv": tmp_path / "dev_split.csv"}, LABEL_FILES)
    assert answers.notes == (
        "1 session has 1 in the binary column but a score of below 10 (1 dev); the score counts:"
        " 300",
    )


def test_a_file_of_all_sessions_alone_will_do(tmp_path):
    header = "Participant,Depression_severity,Depression_label,gender,split"
    text(session(tmp_path) / "detailed_lables.csv", header, "300,11,1,male,validation")  # [sic]
    found = find(tmp_path, Settings())
    assert found.items[0].split == "dev"
    assert {s.scale: s.score for s in found.labels} == {"PHQ-8": 11, "binary": 1}


def test_a_file_of_all_sessions_fills_in_and_does_not_overrule(tmp_path):
    session(session(tmp_path), 301)
    text(tmp_path / "train_split.csv", HEADER, "300,male,0,4,0,1")
    text(tmp_path / "Detailed_PHQ8_Labels.csv", "Participant_ID,PHQ_8Total", "300,5", "301,6")
    found = find(tmp_path, Settings())
    scores = {s.session_id: s.score for s in found.labels if s.scale == "PHQ-8"}
    assert scores == {"300": 4, "301": 6}
    assert any(n.startswith("the files of all sessions give 1 score other") for n in found.notes)


def test_label_files_that_differ_under_one_name_are_refused(tmp_path):
    session(tmp_path)
    text(tmp_path / "a" / "dev_split.csv", HEADER, "300,male,0,4,0,1")
    text(tmp_path / "b" / "dev_split.csv", HEADER, "300,male,0,4,0,1")
    assert find(tmp_path, Settings()).items[0].split == "dev"  # a mere copy does no harm
    text(tmp_path / "b" / "dev_split.csv", HEADER, "300,male,0,5,0,1")
    with pytest.raises(InputError, match=r"two files named dev_split\.csv"):
        find(tmp_path, Settings())
    assert find(tmp_path, Settings(labels=tmp_path / "a")).items[0].split == "dev"


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no CSV files"):
        find(tmp_path, Settings())


def test_import_check_and_resume_on_the_command_line(tmp_path):
    make_e_daic(tmp_path / "e", n=4, seconds=2.0)
    words = ["import", "e-daic", str(tmp_path / "e"), "--out", str(tmp_path / "c"), "--jobs", "1"]
    done = CliRunner().invoke(app, [*words, "--json"])
    assert done.exit_code == 0, done.stderr
    assert [r["split"] for r in json.loads(done.stdout)] == ["train", "train", "dev", "test"]
    assert check_corpus(tmp_path / "c").problems == ()
    again = import_corpus("e-daic", tmp_path / "e", tmp_path / "c", Settings())
    assert (again.n_new, again.n_kept, again.n_labels) == (0, 4, 8)


def test_gender_is_a_word(tmp_path):
    session(session(tmp_path), 301)
    text(tmp_path / "train_split.csv", HEADER, "300,Male,0,2,20,0", "301,female,0,2,20,0")
    subjects = find(tmp_path, Settings()).subjects
    assert [(s.subject_id, s.gender) for s in subjects] == [("300", "male"), ("301", "female")]
