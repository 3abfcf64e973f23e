"""What an import changes in a corpus that is there already, and what it keeps of it."""

import json

import pytest

from deptool.ingest import import_corpus
from fixtures import feature_files as files
from fixtures.openface_rows import measure


@pytest.fixture
def source(tmp_path):
    for k in range(4):
        files.openface2(tmp_path / "in" / f"r{k}.csv", measure(1.0, seed=k), ("2d", "aus"))
    return tmp_path / "in"


def run(source, out, **options):
    return import_corpus("openface", source, out, **options)


def csv_map(**more):
    from deptool.importers import csv
    from deptool.settings import resolve

    layer = {"feature_set": "toy-1", "time": "t", "columns": {"AU01_r": "smile"}, **more}
    return resolve(csv.Settings, layer)


def test_what_a_label_file_said_otherwise_is_counted_and_replaced(tmp_path):
    from deptool.label import join_labels

    (tmp_path / "in").mkdir()
    for name in ("P1_1_talk", "P2_1_talk"):
        (tmp_path / "in" / f"{name}.csv").write_text("t,smile\n0,1\n1,2\n")
    settings = csv_map(names=r"(?P<subject>P\d)_(?P<session>\d)_(?P<task>\w+)")

    def again():
        return import_corpus("csv", tmp_path / "in", tmp_path / "c", settings)

    assert again().n_redescribed == 0
    (tmp_path / "labels.csv").write_text(
        "recording_id,subject_id,session_id,task,split,scale,score\n"
        "P1_1_talk,P1,P1_1,song,train,PHQ-8,5\n"
    )
    corpus = again().corpus
    join_labels(corpus, tmp_path / "labels.csv")
    # The task is another one; the split is not the source's to say, and stays.
    summary = again()
    assert summary.n_redescribed == 1
    assert corpus.recordings().select("task", "split").row(0) == ("talk", "train")
    assert again().n_redescribed == 0


def test_scores_that_were_another_number_are_counted(tmp_path):
    from deptool.importers.avec2014 import Settings as Avec
    from fixtures.corpora import make_avec2014

    make_avec2014(tmp_path / "avec", seconds=0.1)

    def again():
        return import_corpus("avec2014", tmp_path / "avec", tmp_path / "c", Avec()).scores

    assert (again().n_changed, again().by_scale) == (0, {"BDI-II": 8})
    path = next((tmp_path / "avec").rglob("203_1_Depression.csv"))
    path.write_text("44")
    assert again().n_changed == 1
    assert again().n_changed == 0


def test_a_labels_file_beside_that_moves_somebody_is_counted(source, tmp_path):
    head = "recording_id,subject_id,split,scale,score\n"
    (source / "labels.csv").write_text(f"{head}r1,P1,train,PHQ-8,5\n")
    assert run(source, tmp_path / "c").n_redescribed == 0
    (source / "labels.csv").write_text(f"{head}r1,P1,dev,PHQ-8,5\n")
    assert run(source, tmp_path / "c").n_redescribed == 1


def test_notes_on_recordings_are_kept_and_told_again(source, tmp_path):
    table = files.without(measure(3.0), 1.0, 1.0)
    files.openface2(source / "r1.csv", table, ("2d", "aus"))
    first = run(source, tmp_path / "c")
    assert list(first.said) == ["r1"]
    assert first.said["r1"][0].startswith("1 gap in time")
    assert run(source, tmp_path / "c").said == first.said
    about = json.loads((tmp_path / "c" / "corpus.json").read_text())
    assert about["recording_notes"] == {"r1": list(first.said["r1"])}
    # A run that was killed before its end has them in its tables.
    del about["recording_notes"]
    (tmp_path / "c" / "corpus.json").write_text(json.dumps(about))
    assert run(source, tmp_path / "c").said == first.said
    # What another source brings does not lose them, and a mended file does.
    files.openface2(tmp_path / "more" / "r9.csv", measure(1.0), ("2d", "aus"))
    assert run(tmp_path / "more", tmp_path / "c").corpus.about["recording_notes"]["r1"]
    files.openface2(source / "r1.csv", measure(1.0), ("2d", "aus"))
    assert run(source, tmp_path / "c", force=("r1",)).corpus.about["recording_notes"] == {}


def test_recordings_whose_files_are_gone_are_counted(source, tmp_path):
    assert run(source, tmp_path / "c").n_elsewhere == 0
    (source / "r2.csv").unlink()
    again = run(source, tmp_path / "c")
    assert (again.n_kept, again.n_elsewhere, len(again.corpus.recordings())) == (3, 1, 4)


def test_another_scaling_of_a_filled_corpus_is_told(source, tmp_path):
    assert run(source, tmp_path / "c").normalise_before is None
    assert run(source, tmp_path / "c", normalise="session-max").normalise_before is None
    changed = run(source, tmp_path / "c", normalise="640")
    assert (changed.normalise_before, changed.corpus.normalise) == ("session-max", "640")


def test_whether_there_are_landmarks(source, tmp_path):
    assert run(source, tmp_path / "c").has_landmarks
    files.openface2(tmp_path / "aus" / "a.csv", measure(1.0), ("aus",))
    assert not run(tmp_path / "aus", tmp_path / "d").has_landmarks
