"""DAIC-WOZ: four files a session, two dialects of names, labels with known errors."""

import json
import math
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from deptool.check import check_corpus
from deptool.cli.main import app
from deptool.corpus import open_corpus
from deptool.errors import DataError, InputError
from deptool.importers.daic_woz import Settings, find, read
from deptool.ingest import import_corpus
from fixtures.corpora import PHQ_ITEMS, make_daic_woz, write_daic_session
from fixtures.openface_rows import measure

TRAIN = "train_split_Depression_AVEC2017.csv"
DEV = "dev_split_Depression_AVEC2017.csv"
TEST = "test_split_Depression_AVEC2017.csv"
HEADER = "Participant_ID,PHQ8_Binary,PHQ8_Score,Gender," + ",".join(f"PHQ8_{i}" for i in PHQ_ITEMS)


def text(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def session(root, number=300, seconds=2.0, fps=5.0):
    write_daic_session(root / f"{number}_P", number, measure(seconds, fps, failing=0))
    return root


def rows_of(root, number="300", **settings):
    chosen = Settings(**settings)
    item = next(i for i in find(root, chosen).items if i.recording_id == number)
    return read(item, chosen)


def notes_of(root, **settings):
    return " | ".join(find(root, Settings(**settings)).notes)


def small(root, number=300):
    """Three frames of one session, written by hand as the files are: a space after each comma."""
    stem = root / f"{number}_P" / f"{number}_CLNF"
    clock = "frame, timestamp, confidence, success"
    points = ", ".join(f"{a}{i}" for a in "xy" for i in range(68))
    rows = [f"{k + 1}, {k / 30:.4f}, 0.9, 1" for k in range(3)]
    values = [", ".join(str(100 * k + j) for j in range(136)) for k in range(3)]
    text(
        Path(f"{stem}_features.txt"),
        f"{clock}, {points}",
        *map(", ".join, zip(rows, values, strict=True)),
    )
    text(
        Path(f"{stem}_pose.txt"),
        f"{clock}, Tx, Ty, Tz, Rx, Ry, Rz",
        *(f"{r}, 1, 2, 600, 0.1, 0.2, 0.3" for r in rows),
    )
    names = "x_0, y_0, z_0, x_1, y_1, z_1, x_h0, y_h0, z_h0, x_h1, y_h1, z_h1"
    text(
        Path(f"{stem}_gaze.txt"),
        f"{clock}, {names}",
        *(f"{r}, 0.6, 0, -0.8, 0, 0, -1, 9, 9, 9, 9, 9, 9" for r in rows),
    )
    text(
        Path(f"{stem}_AUs.txt"),
        f"{clock}, AU01_r, AU12_r, AU04_c, AU45_c",
        *(f"{r}, 1.5, 0.25, 1, 0" for r in rows),
    )
    return root


def test_columns_of_the_four_files_get_the_schemas_names_and_values(tmp_path):
    rows = rows_of(small(tmp_path))
    assert (rows.problems, rows.notes) == ((), ())
    second = rows.table.row(1, named=True)
    # Values of the second row start at 100: x_0 … x_67, then y_0 … y_67.
    assert (second["x_0"], second["x_67"], second["y_0"], second["y_67"]) == (100, 167, 168, 235)
    assert (second["pose_Tx"], second["pose_Tz"]) == (1, 600)
    assert second["pose_Rz"] == pytest.approx(0.3)
    # The file's x_0 is the first eye's x, and x_1 the second eye's.
    assert [second[f"gaze_0_{a}"] for a in "xyz"] == pytest.approx([0.6, 0, -0.8])
    assert [second[f"gaze_1_{a}"] for a in "xyz"] == pytest.approx([0, 0, -1])
    assert (second["AU01_r"], second["AU04_c"], second["AU45_c"]) == (1.5, 1, 0)
    assert second["timestamp"] == pytest.approx(0.0333)


def test_gaze_angles_are_those_of_the_mean_of_both_eyes(tmp_path):
    row = rows_of(small(tmp_path)).table.row(0, named=True)
    # Mean of (0.6, 0, -0.8) and (0, 0, -1): (0.3, 0, -0.9), so atan2(0.3, 0.9).
    assert row["gaze_angle_x"] == pytest.approx(math.atan2(0.3, 0.9), abs=1e-6)
    assert row["gaze_angle_y"] == 0


def test_what_the_schema_has_no_place_for_is_left_out(tmp_path):
    columns = set(rows_of(session(tmp_path)).table.columns)
    assert not {c for c in columns if "_h" in c or c[0] in "XYZ"}
    assert len([c for c in columns if c.endswith(("_r", "_c"))]) == 14 + 6


def test_the_documentations_names_are_understood_too(tmp_path):
    text(
        tmp_path / "300_P" / "300_CLNF_pose.csv",
        "frame, timestamp, confidence, detection_success, X, Y, Z, Rx, Ry, Rz",
        "1, 0, 0.9, 1, 10, 20, 500, 0, 0, 0",
    )
    row = rows_of(tmp_path).table.row(0, named=True)
    assert (row["pose_Tx"], row["pose_Ty"], row["pose_Tz"], row["success"]) == (10, 20, 500, 1)


def test_a_session_without_one_file_has_the_other_groups_and_says_so(tmp_path):
    (small(tmp_path) / "300_P" / "300_CLNF_gaze.txt").unlink()
    rows = rows_of(tmp_path)
    assert rows.notes == ("has no 300_CLNF_gaze.txt: no gaze",)
    assert {"x_0", "pose_Rx", "AU01_r"} <= set(rows.table.columns)
    assert "gaze_0_x" not in rows.table.columns


def test_a_file_that_cannot_be_read_costs_its_own_columns_only(tmp_path):
    (small(tmp_path) / "300_P" / "300_CLNF_AUs.txt").write_text("")
    rows = rows_of(tmp_path)
    assert rows.problems == ("300_CLNF_AUs.txt: is empty",)
    assert "AU01_r" not in rows.table.columns
    assert len(rows.table) == 3


def test_landmarks_cut_short_leave_the_other_files_whole(tmp_path):
    path = small(tmp_path) / "300_P" / "300_CLNF_features.txt"
    path.write_text("\n".join(path.read_text().splitlines()[:2]) + "\n")  # one row of three
    table = rows_of(tmp_path).table
    assert table["x_0"].to_list() == [0, None, None]
    assert table["AU01_r"].to_list() == [1.5, 1.5, 1.5]


def test_files_are_joined_by_frame_and_not_by_row(tmp_path):
    path = small(tmp_path) / "300_P" / "300_CLNF_AUs.txt"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], lines[1], lines[3].replace("1.5", "2.5")]) + "\n")  # no 2
    assert rows_of(tmp_path).table["AU01_r"].to_list() == [1.5, None, 2.5]


def test_a_file_without_frame_numbers_is_said(tmp_path):
    text(small(tmp_path) / "300_P" / "300_CLNF_AUs.txt", "timestamp, AU01_r", "0, 1")
    assert rows_of(tmp_path).problems == ("300_CLNF_AUs.txt, line 1: has no column frame",)


def test_splits_scores_and_ids(tmp_path):
    found = find(make_daic_woz(tmp_path, n=8, seconds=0.2), Settings())
    about = {i.recording_id: (i.subject_id, i.session_id, i.task, i.split) for i in found.items}
    # fixtures.corpora: of every four sessions two are in train, one in dev, one in test.
    assert about["319"] == ("319", "319", None, "train")
    assert about["402"] == ("402", "402", None, "dev")
    assert about["373"] == ("373", "373", None, "test")
    scores = {(s.session_id, s.scale): s.score for s in found.labels}
    assert scores["373", "PHQ-8"] == 7  # from full_test_split.csv
    assert (scores["319", "binary"], scores["373", "binary"]) == (1, 0)
    assert (found.id_space, found.persons_unknown, found.frame_known) == ("daic", False, False)


def test_a_test_list_without_scores_gives_the_split_and_says_what_lacks(tmp_path):
    make_daic_woz(tmp_path, n=8, seconds=0.2)
    (tmp_path / "full_test_split.csv").unlink()
    assert "participant_ID" in (tmp_path / TEST).read_text()  # in lower case, as AVEC wrote it
    found = find(tmp_path, Settings())
    assert {i.recording_id for i in found.items if i.split == "test"} == {"373", "303"}
    assert not {s.session_id for s in found.labels} & {"373", "303"}
    assert "2 sessions have a split but no score (2 test)" in notes_of(tmp_path)


def test_the_documentations_names_of_label_files(tmp_path):
    text(
        session(tmp_path) / "labels" / "dev_split.csv",
        "Participant_ID,PHQ_Binary,PHQ_Score,Gender",
        "300,1,12,0",
    )
    found = find(tmp_path, Settings())
    assert found.items[0].split == "dev"
    assert {s.scale: s.score for s in found.labels} == {"PHQ-8": 12, "binary": 1}


def test_labels_may_lie_elsewhere(tmp_path):
    session(tmp_path / "daic")
    text(tmp_path / "mine" / TRAIN, HEADER, "300,0,8,1,1,1,1,1,1,1,1,1")
    assert "no label file was found" in notes_of(tmp_path / "daic")
    found = find(tmp_path / "daic", Settings(labels=tmp_path / "mine"))
    assert found.items[0].split == "train"


def test_the_binary_column_is_derived_from_the_score(tmp_path):
    make_daic_woz(tmp_path, n=4, seconds=0.2)
    found = find(tmp_path, Settings())
    # 409 has 10 points, and 0 in the file.
    assert {s.scale: s.score for s in found.labels if s.session_id == "409"} == {
        "PHQ-8": 10,
        "binary": 1,
    }
    assert (
        "1 session has 0 in the binary column but a score of 10 or more (1 train); the score"
        " counts: 409" in found.notes
    )


def test_an_empty_item_is_said_and_the_total_stands(tmp_path):
    found = find(make_daic_woz(tmp_path, n=4, seconds=0.2), Settings())
    assert f"319: the item Sleep is empty ({TRAIN}, line 2); the total, 13, stands" in found.notes


def test_items_that_do_not_add_up_are_said(tmp_path):
    text(session(tmp_path) / TRAIN, HEADER, "300,0,9,1,1,1,1,1,1,1,1,1")  # eight times 1 is 8
    assert "300: the items add up to 8, but the total is 9" in notes_of(tmp_path)


def test_excluded_and_missing_sessions_are_said(tmp_path):
    make_daic_woz(tmp_path, n=8, seconds=2.0, damage=True)
    found = find(tmp_path, Settings())
    assert "342" not in {i.recording_id for i in found.items}
    assert "left out, as the documentation excludes them: 342" in found.notes
    assert "1 session has labels but no features: 492" in found.notes
    assert "1 session has features but no labels: 491" in found.notes
    assert next(i for i in found.items if i.recording_id == "491").split is None


def test_a_cut_video_is_said_only_where_it_is_there(tmp_path):
    assert "402" not in notes_of(session(tmp_path))
    assert "402: its video ends 2 minutes before" in notes_of(session(tmp_path, 402))


def test_interruptions_are_left_out_unless_they_are_to_be_kept(tmp_path):
    session(tmp_path, 373, seconds=430, fps=1)
    dropped = rows_of(tmp_path, "373")
    times = dropped.table["timestamp"].to_list()
    # 5:52 is 352 s and 7:00 is 420 s: of rows at 0, 1, … 429 s those from 352 to 420 go, 69 rows.
    assert len(times) == 430 - 69
    assert (351 in times, 352 in times, 420 in times, 421 in times) == (True, False, False, True)
    assert "the interruption from 5:52 to 7:00 is left out (69 rows)" in dropped.notes
    assert len(rows_of(tmp_path, "373", interruptions="keep").table) == 430


def test_another_session_loses_nothing_at_that_time(tmp_path):
    session(tmp_path, 444, seconds=400, fps=1)
    # 4:46 to 6:27 is 286 to 387 s: 102 rows.
    assert len(rows_of(tmp_path, "444").table) == 400 - 102
    session(tmp_path, 445, seconds=400, fps=1)
    assert len(rows_of(tmp_path, "445").table) == 400


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ((TRAIN, "300,0,8,1", DEV, "300,0,8,1"), "300 has train .* and dev"),
        ((TRAIN, "300,0,8,1", "train_split.csv", "300,0,9,1"), "300 has 8 .* and 9"),
        ((TRAIN, "300,0,25,1", DEV, "301,0,2,1"), "a score is a number from 0 to 24.*line 2: '25'"),
        ((TRAIN, "Anna,0,5,1", DEV, "301,0,2,1"), "a participant is a number.*line 2: 'Anna'"),
    ],
)
def test_labels_that_contradict_themselves_are_refused(tmp_path, lines, said):
    session(tmp_path)
    for name, line in zip(lines[::2], lines[1::2], strict=True):
        text(tmp_path / name, "Participant_ID,PHQ8_Binary,PHQ8_Score,Gender", line)
    with pytest.raises(DataError, match=said):
        find(tmp_path, Settings())


def test_two_files_of_one_kind_are_refused(tmp_path):
    folder = session(tmp_path) / "300_P"
    (folder / "300_CLNF_AUs.csv").write_text((folder / "300_CLNF_AUs.txt").read_text())
    with pytest.raises(InputError, match="300 has two files of action units"):
        find(tmp_path, Settings())


def test_a_folder_of_something_else_is_refused(tmp_path):
    text(tmp_path / "notes.txt", "nothing")
    with pytest.raises(InputError, match=r"300_CLNF_features\.txt"):
        find(tmp_path, Settings())


def test_an_imported_corpus_is_sound_and_resumes(tmp_path):
    make_daic_woz(tmp_path / "daic", n=4, seconds=2.0)
    first = import_corpus("daic-woz", tmp_path / "daic", tmp_path / "c", Settings())
    assert (first.n_new, first.n_kept, first.failed) == (4, 0, [])
    assert check_corpus(tmp_path / "c").problems == ()
    recordings, scale = first.corpus.scored()
    assert scale == "PHQ-8"
    assert recordings.select("recording_id", "score").rows() == [
        *(("319", 13.0), ("373", 7.0), ("402", 4.0), ("409", 10.0)),
    ]
    again = import_corpus("daic-woz", tmp_path / "daic", tmp_path / "c", Settings())
    assert (again.n_new, again.n_kept) == (0, 4)


def test_labels_that_turn_up_later_are_joined_by_the_same_command(tmp_path):
    make_daic_woz(tmp_path / "daic", n=4, seconds=1.0)
    (tmp_path / "mine").mkdir()
    for path in (tmp_path / "daic").glob("*.csv"):
        path.rename(tmp_path / "mine" / path.name)
    before = import_corpus("daic-woz", tmp_path / "daic", tmp_path / "c", Settings())
    assert (before.n_new, before.n_labels) == (4, 0)
    after = import_corpus(
        "daic-woz", tmp_path / "daic", tmp_path / "c", Settings(labels=tmp_path / "mine")
    )
    assert (after.n_new, after.n_labels) == (0, 8)
    assert after.corpus.recordings()["split"].to_list() == ["train", "test", "dev", "train"]


def test_no_path_of_the_source_is_kept(tmp_path):
    make_daic_woz(tmp_path / "secret", n=4, seconds=1.0)
    import_corpus(
        "daic-woz", tmp_path / "secret", tmp_path / "c", Settings(labels=tmp_path / "secret")
    )
    for path in (tmp_path / "c").rglob("*"):
        assert path.is_dir() or b"secret" not in path.read_bytes(), path


def test_on_the_command_line_damage_is_told_and_the_exit_code_is_4(tmp_path):
    make_daic_woz(tmp_path / "daic", n=8, seconds=8.0, fps=10, damage=True)
    words = [
        "import",
        "daic-woz",
        str(tmp_path / "daic"),
        "--out",
        str(tmp_path / "c"),
        "--jobs",
        "1",
    ]
    done = CliRunner().invoke(app, [*words, "--json", "--verbose"])
    assert done.exit_code == 4
    status = {r["recording_id"]: r["status"] for r in json.loads(done.stdout)}
    # fixtures.corpora: the fifth session, 300, is cut off in its last line; others have mere notes.
    assert {name for name, s in status.items() if s != "ok"} == {"300"}
    told = done.stderr
    assert "300_CLNF_AUs.txt, line 81: is cut off" in told  # 8 s at 10 rows a second, and a header
    assert "301: has no 301_CLNF_gaze.txt: no gaze" in told
    # Rows from 4.0 to 6.0 s are gone: from 3.9 to 6.1.
    assert "302: 1 gap in time, the longest 2.20 s" in told
    table = pl.read_parquet(tmp_path / "c" / "frames" / "300.parquet")
    assert table["AU01_r"][-1] is None
    assert table["AU01_r"].drop_nulls().len() > 60


def test_gender_is_1_for_male_and_0_for_female(tmp_path):
    for number in (300, 301, 302):
        session(tmp_path, number)
    answers = ",".join(["0"] * len(PHQ_ITEMS))
    text(tmp_path / TRAIN, HEADER, f"300,0,0,1,{answers}", f"301,0,0,0,{answers}")
    # Of 302 two lists say different things: the person has none, and it is said.
    text(tmp_path / TEST, "participant_ID,Gender", "302,0")
    text(
        tmp_path / "full_test_split.csv", "Participant_ID,PHQ_Binary,PHQ_Score,Gender", "302,0,3,1"
    )
    import_corpus("daic-woz", tmp_path, tmp_path / "c", Settings())
    corpus = open_corpus(tmp_path / "c")
    assert corpus.subjects().rows() == [("300", "male", None), ("301", "female", None)]
    assert "two genders in the files, left out: 302" in notes_of(tmp_path)


def test_another_word_for_a_gender_is_left_out_and_named(tmp_path):
    session(tmp_path)
    answers = ",".join(["0"] * len(PHQ_ITEMS))
    text(tmp_path / TRAIN, HEADER, f"300,0,0,7,{answers}")
    assert find(tmp_path, Settings()).subjects == ()
    assert f"the gender '7' is left out ({TRAIN}, line 2)" in notes_of(tmp_path)
