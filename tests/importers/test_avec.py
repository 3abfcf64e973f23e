"""AVEC 2013 and 2014: two layouts, labels, others' lists, corpora that were extracted."""

import json

import polars as pl
import pytest
from typer.testing import CliRunner

from deptool.check import check_corpus
from deptool.cli.main import app
from deptool.corpus import create_corpus
from deptool.errors import DataError, InputError
from deptool.feature_files.avec_lists import read_list, split_of
from deptool.importers import avec2013, avec2014
from deptool.ingest import import_corpus
from deptool.schema import FRAMES
from deptool.tables import write_table
from fixtures.avec_lists import sessions
from fixtures.corpora import AVEC_SESSIONS, make_avec2013, make_avec2014
from fixtures.tables import make_tables_corpus

Settings = avec2014.Settings


def text(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def videos(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def extracted(root, *recording_ids):
    """A corpus as `deptool extract` makes it, without ids, splits and labels."""
    made = make_tables_corpus(root / "toy", n_subjects=1, sessions=1, seconds=5, labels=False)
    (name,) = made.recordings()["recording_id"]
    corpus = create_corpus(root / "corpus", made.feature_set, {"fps": 6})
    blank = dict.fromkeys(("subject_id", "session_id", "task", "split"))
    rows = [
        made.recordings().row(0, named=True) | blank | {"recording_id": r} for r in recording_ids
    ]
    for recording in recording_ids:
        write_table(corpus.frames_path(recording), FRAMES, made.frames(name))
    corpus.write_recordings(pl.DataFrame(rows, schema=made.recordings().schema))
    return corpus


@pytest.mark.parametrize("mirror", [False, True])
def test_both_layouts_of_2014(tmp_path, mirror):
    found = avec2014.find(make_avec2014(tmp_path, mirror=mirror, seconds=0.1), Settings())
    about = {i.recording_id: i for i in found.items}
    assert len(about) == 2 * len(AVEC_SESSIONS)
    item = about["203_2_Northwind_video"]
    assert (item.subject_id, item.session_id, item.task) == ("203", "203_2", "Northwind")
    assert item.split == "dev"
    assert item.files["features"].name == "203_2_Northwind_video.csv"
    scores = {(s.session_id, s.scale): s.score for s in found.labels}
    assert scores == {(session, "BDI-II"): score for session, _, score in AVEC_SESSIONS}
    assert (found.id_space, found.persons_unknown, found.frame_known) == ("avec", False, False)


def test_2013_has_one_recording_a_session_and_no_task(tmp_path):
    found = avec2013.find(make_avec2013(tmp_path, seconds=0.1), avec2013.Settings())
    about = {i.recording_id: (i.subject_id, i.session_id, i.task, i.split) for i in found.items}
    assert about["208_1_cut_combined"] == ("208", "208_1", None, "test")
    assert len(about) == len(AVEC_SESSIONS)
    assert found.id_space == "avec"  # the same persons as in 2014


def test_2013_does_not_take_the_videos_of_2014(tmp_path):
    videos(tmp_path, "203_1_Freeform_video.mp4", "203_1_Northwind_video.mp4")
    with pytest.raises(InputError, match="holds no video"):
        avec2013.find(tmp_path, avec2013.Settings())


def test_persons_in_two_splits_are_said(tmp_path):
    found = avec2014.find(make_avec2014(tmp_path, seconds=0.1), Settings())
    # fixtures.corpora: 203 has a session in train and one in dev; 7 persons.
    assert any(n.startswith("of 7 persons 1 is in more than one of train") for n in found.notes)


def test_features_may_lie_in_another_folder(tmp_path):
    make_avec2014(tmp_path / "avec", seconds=0.1)
    other = tmp_path / "openface" / "Freeform" / "203_1.csv"  # the task is in the folder's name
    text(other, "frame, timestamp, confidence, success, AU01_r", "1, 0, 0.9, 1, 2.5")
    found = avec2014.find(tmp_path / "avec", Settings(features=tmp_path / "openface"))
    with_files = [i for i in found.items if i.files]
    assert [(i.recording_id, i.split) for i in with_files] == [("203_1_Freeform_video", "train")]
    assert avec2014.read(with_files[0], Settings()).table["AU01_r"].to_list() == [2.5]


def test_two_feature_files_of_one_recording_are_refused(tmp_path):
    make_avec2014(tmp_path, mirror=True, seconds=0.1)
    (path,) = tmp_path.rglob("203_1_Freeform_video.csv")
    path.with_name("203_1_Freeform_video_again.csv").write_bytes(path.read_bytes())
    with pytest.raises(InputError, match="one recording has two feature files"):
        avec2014.find(tmp_path, Settings())


def test_sound_and_lists_are_no_feature_files(tmp_path):
    videos(tmp_path, "Training/Freeform/203_1_Freeform_video.mp4")
    text(tmp_path / "Training" / "Freeform" / "203_1_Freeform_audio.csv", "a", "1")
    text(tmp_path / "list.csv", "path,label")
    (item,) = avec2014.find(tmp_path, Settings()).items
    assert item.files == {}


@pytest.mark.parametrize("content", ["64", "-1", "ten", "3\n4"])
def test_a_label_is_one_number_of_bdi(tmp_path, content):
    videos(tmp_path, "203_1_Freeform_video.mp4")
    text(tmp_path / "203_1_Depression.csv", content)
    with pytest.raises(DataError, match="not one number from 0 to 63"):
        avec2014.find(tmp_path, Settings())


def test_labels_that_contradict_each_other_are_refused(tmp_path):
    videos(tmp_path, "203_1_Freeform_video.mp4")
    text(tmp_path / "a" / "203_1_Depression.csv", "4")
    text(tmp_path / "b" / "203_1_Depression.csv", "5")
    with pytest.raises(DataError, match=r"203_1 has 4 .* and 5"):
        avec2014.find(tmp_path, Settings())
    assert avec2014.find(tmp_path, Settings(labels=tmp_path / "a")).labels[0].score == 4


# Lists


def published(kind):
    """AVEC 2014's 300 recordings as a list of that kind; ids, splits and scores are made up."""
    told = [
        (session, task, split, score)
        for split in ("train", "dev", "test")
        for _, session, part, score in sessions("avec2014")
        if part == split
        for task in ("Freeform", "Northwind")
    ]
    folder = {"train": "Training", "dev": "Development", "test": "Testing"}
    if kind == "json":
        parts = {
            split: {
                "IDs": [f"{s}_{t[0]}" for s, t, part, _ in told if part == split],
                "labels": [0 for _, _, part, _ in told if part == split],
                "scores": [score for _, _, part, score in told if part == split],
            }
            for split in folder
        }
        return json.dumps(parts)
    lines = {
        "mgnn": lambda s, t, part, score: f"{part}/{t}/{s}_{t}_video 1300 {score}",
        "csv": lambda s, t, part, score: f"{folder[part]}/{t}/{s}_{t}_video,{score}",
        "order": lambda s, t, _, score: f"{t}/{s}_{t}_video,{score}",
        "frames": lambda s, t, part, score: " ".join(
            [f"/data/{folder[part]}/{t}/{s}_{t}_video/{k:05}.jpg" for k in range(30)] + [str(score)]
        ),
    }
    header = ["path,label"] if kind in ("csv", "order") else []
    return "\n".join(header + [lines[kind](*row) for row in told]) + "\n"


@pytest.mark.parametrize("kind", ["json", "mgnn", "csv", "order", "frames"])
def test_a_published_list_gives_splits_and_scores(tmp_path, kind):
    path = tmp_path / ("list.json" if kind == "json" else "list.csv")
    path.write_text(published(kind))
    entries, notes = read_list(path)
    assert len(entries) == 300
    for part in ("train", "dev", "test"):
        expected = {s: score for _, s, split, score in sessions("avec2014") if split == part}
        assert {e.session: e.score for e in entries if e.split == part} == expected
    assert {e.task for e in entries} == {"Freeform", "Northwind"}
    # Only the list whose paths name no split is taken by its order.
    assert len(notes) == (1 if kind == "order" else 0)


def test_a_list_in_an_import(tmp_path):
    videos(tmp_path / "v", "501_1_Freeform_video.mp4", "999_1_Freeform_video.mp4")
    path = text(tmp_path / "all.json", published("json"))
    found = avec2014.find(tmp_path / "v", Settings(labels=path))
    assert len(found.items) == 300 + 1  # all that the list names, and the one it lacks
    about = {i.recording_id: i for i in found.items}
    assert about["999_1_Freeform_video"].split is None
    assert any("the list lacks 1 recording of the folder: 999_1" in note for note in found.notes)
    # 26 persons are in train and dev, 10 in train and test, 12 in dev and test, 5 of them in all
    # three: 26 + 10 + 12 - 2 * 5.
    assert any(note.startswith("of 83 persons 38 are in more than one") for note in found.notes)


def test_a_part_of_a_list_without_splits_gives_none(tmp_path):
    path = text(tmp_path / "some.txt", "203_1_Freeform_video,3", "204_1_Freeform_video,30")
    entries, notes = read_list(path)
    assert [e.split for e in entries] == [None, None]
    assert notes == []


def test_a_list_of_sessions_speaks_of_both_tasks(tmp_path):
    path = text(tmp_path / "l.json", json.dumps({"train": {"IDs": ["203_1"], "scores": ["7"]}}))
    found = avec2014.find(videos(tmp_path, "203_1_Freeform_video.mp4"), Settings(labels=path))
    assert {i.recording_id: i.split for i in found.items} == {
        "203_1_Freeform_video": "train",
        "203_1_Northwind_video": "train",
    }
    videos(tmp_path / "o", "203_1_cut_combined.mp4")
    found = avec2013.find(tmp_path / "o", avec2013.Settings(labels=path))
    assert [(i.recording_id, i.task, i.split) for i in found.items] == [
        ("203_1_cut_combined", None, "train")
    ]


def test_a_list_of_the_other_year_is_refused(tmp_path):
    path = text(tmp_path / "l.txt", "train/Freeform/203_1_Freeform_video 200 3")
    with pytest.raises(DataError, match="is of AVEC 2014"):
        avec2013.find(videos(tmp_path, "203_1_cut_combined.mp4"), avec2013.Settings(labels=path))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("l.txt", "203_1_Freeform_video 200 3\n204_1_Freeform_video", "line 2"),
        ("l.txt", "203_1_Freeform_video 200 3\nbla 3", "line 2: 'bla 3'"),
        ("l.txt", "203_1_Freeform_video 200 99", "line 1"),
        ("l.txt", "path,label\n", "names no recording"),
        ("l.json", "[1]", "is not a list of train, dev and test"),
        ("l.json", '{"train": {"IDs": ["203_1_F"], "scores": []}}', "1 IDs and 0 scores"),
        ("l.json", '{"train": {"IDs": ["x"], "scores": [1]}}', "entry 1"),
        ("l.json", '{"week": {"IDs": [], "scores": []}}', "l.json, week"),
    ],
)
def test_other_files_are_no_lists(tmp_path, name, content, said):
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError) as caught:
        read_list(tmp_path / name)
    assert said in str(caught.value)


def test_broken_json_is_an_input_error(tmp_path):
    (tmp_path / "l.json").write_text("{")
    with pytest.raises(InputError, match="is not JSON"):
        read_list(tmp_path / "l.json")


@pytest.mark.parametrize(
    ("path", "split"),
    [
        ("AVEC2014/Video/Training/Freeform", "train"),
        ("Final_Labels/Development_DepressionLabels", "dev"),
        ("AVEC2014_Labels_Testset/Testing/DepressionLabels", "test"),
        ("test/copy/train", "train"),  # the innermost counts
        ("Video/Freeform", None),
    ],
)
def test_the_split_in_a_path(path, split):
    assert split_of(path.split("/")) == split


# A corpus that was extracted from the videos


def test_without_features_and_corpus_it_says_which_commands_to_give(tmp_path):
    make_avec2014(tmp_path / "avec", features=False)
    with pytest.raises(InputError) as caught:
        import_corpus("avec2014", tmp_path / "avec", tmp_path / "c", Settings())
    fix = str(caught.value.fix)
    assert f"deptool extract {tmp_path / 'avec'} --out {tmp_path / 'c'}" in fix
    assert f"deptool import avec2014 {tmp_path / 'avec'}" in fix
    assert not (tmp_path / "c").exists()


def test_ids_splits_and_labels_are_joined_to_what_was_extracted(tmp_path):
    make_avec2014(tmp_path / "avec", features=False)
    # extract names a recording by its path below the folder; one was extracted from its own folder.
    corpus = extracted(
        tmp_path,
        "AVEC2014_AudioVisual__Video__Training__Freeform__203_1_Freeform_video",
        "AVEC2014_AudioVisual__Video__Development__Northwind__203_2_Northwind_video",
        "208_1_Freeform_video",
        "somebody_else",
    )
    done = import_corpus("avec2014", tmp_path / "avec", corpus.root, Settings())
    rows = done.corpus.recordings().select("subject_id", "session_id", "task", "split").rows()
    assert rows == [  # in the order of the ids
        ("208", "208_1", "Freeform", "test"),
        ("203", "203_2", "Northwind", "dev"),
        ("203", "203_1", "Freeform", "train"),
        (None, None, None, None),
    ]
    scores = done.corpus.labels().rows()
    assert scores == [("203_1", "BDI-II", 3), ("203_2", "BDI-II", 5), ("208_1", "BDI-II", 0)]
    assert (done.n_new, done.n_labels, len(done.without_files)) == (0, 3, 16 - 3)
    assert done.corpus.id_space == "avec"
    assert done.corpus.feature_set == corpus.feature_set
    assert done.corpus.normalise == "frame"  # as it was extracted
    assert check_corpus(corpus.root).problems == ()


def test_feature_files_beside_the_videos_can_be_passed_over(tmp_path):
    make_avec2014(tmp_path / "avec", seconds=0.1)
    corpus = extracted(tmp_path, "208_1_Freeform_video")
    with pytest.raises(DataError, match="the corpus was made as"):
        import_corpus("avec2014", tmp_path / "avec", corpus.root, Settings())
    done = import_corpus("avec2014", tmp_path / "avec", corpus.root, Settings(labels_only=True))
    assert (done.n_new, done.n_labels) == (0, 1)
    assert done.corpus.recordings()["split"].to_list() == ["test"]


def test_2013_is_joined_to_what_was_extracted(tmp_path):
    make_avec2013(tmp_path / "avec", features=False)
    corpus = extracted(tmp_path, "Training__203_1_cut_combined")
    done = import_corpus("avec2013", tmp_path / "avec", corpus.root, avec2013.Settings())
    row = done.corpus.recordings().row(0, named=True)
    assert (row["session_id"], row["task"], row["split"]) == ("203_1", None, "train")


def test_import_check_and_resume_on_the_command_line(tmp_path):
    make_avec2014(tmp_path / "a", seconds=0.5)
    words = ["import", "avec2014", str(tmp_path / "a"), "--out", str(tmp_path / "c"), "--jobs", "1"]
    done = CliRunner().invoke(app, [*words, "--json"])
    assert done.exit_code == 0, done.stderr
    assert len(json.loads(done.stdout)) == 16
    assert check_corpus(tmp_path / "c").problems == ()
    again = import_corpus("avec2014", tmp_path / "a", tmp_path / "c", Settings())
    assert (again.n_new, again.n_kept, again.n_labels) == (0, 16, 8)


# What lies there and cannot be used


def test_files_of_the_other_year_name_its_importer(tmp_path):
    make_avec2013(tmp_path / "a13", seconds=0.1)
    make_avec2014(tmp_path / "a14", seconds=0.1)
    for kind, there, other in (("avec2014", "a13", "avec2013"), ("avec2013", "a14", "avec2014")):
        module = avec2014 if kind == "avec2014" else avec2013
        with pytest.raises(InputError) as caught:
            import_corpus(kind, tmp_path / there, tmp_path / "c", module.Settings())
        assert f"are of another year: deptool import {other}" in str(caught.value.fix)
        with pytest.raises(InputError, match="no feature file of this year") as caught:
            module.find(tmp_path / there, module.Settings(features=tmp_path / there))
        assert f"deptool import {other}" in str(caught.value.fix)


def test_feature_files_without_a_session_in_their_name_are_said(tmp_path):
    make_avec2014(tmp_path / "avec", features=False)
    path = tmp_path / "of" / "person1.csv"
    text(path, "frame, timestamp, confidence, success, AU01_r", "1, 0, 0.9, 1, 2.5")
    with pytest.raises(InputError, match="no feature file of this year") as caught:
        avec2014.find(tmp_path / "avec", Settings(features=tmp_path / "of"))
    fix = str(caught.value.fix)
    assert "1 table of OpenFace, such as person1.csv" in fix
    assert "203_1_Freeform_video.csv" in fix
    # Beside the videos they are said where nothing was extracted, and else passed over.
    path.rename(tmp_path / "avec" / "person1.csv")
    with pytest.raises(InputError, match="holds no feature files to import") as caught:
        import_corpus("avec2014", tmp_path / "avec", tmp_path / "c", Settings())
    assert "person1.csv" in str(caught.value.fix)
    corpus = extracted(tmp_path, "208_1_Freeform_video")
    assert import_corpus("avec2014", tmp_path / "avec", corpus.root, Settings()).n_labels == 1


def test_without_labels_it_says_how_to_give_them(tmp_path):
    videos(tmp_path / "v", "203_1_Freeform_video.mp4")
    (note,) = [n for n in avec2014.find(tmp_path / "v", Settings()).notes if "no score" in n]
    assert note.startswith("1 session has no score: 203_1; --set labels=FOLDER")
    other = text(tmp_path / "l" / "204_1_Depression.csv", "3").parent
    (note,) = [
        n for n in avec2014.find(tmp_path / "v", Settings(labels=other)).notes if "no score" in n
    ]
    assert "--set" not in note
