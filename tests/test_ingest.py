"""The import itself: resuming, forcing, several processes, what a corpus says of it."""

import json

import numpy as np
import polars as pl
import pytest

from deptool import ingest_run
from deptool.corpus import create_corpus
from deptool.errors import DataError, InputError, SchemaError, UsageError
from deptool.feature_files.feature_csv import LINE
from deptool.importers import Rows
from deptool.importers.openface import Settings
from deptool.ingest import import_corpus
from deptool.ingest_frames import rate, to_frames
from fixtures import feature_files as files
from fixtures.openface_rows import measure


@pytest.fixture
def source(tmp_path):
    for k in range(4):
        files.openface2(tmp_path / "in" / f"r{k}.csv", measure(1.0, seed=k), ("2d", "aus"))
    return tmp_path / "in"


def everything(root):
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


def run(source, out, **options):
    return import_corpus("openface", source, out, **options)


def test_several_processes_write_the_same_bytes(source, tmp_path, monkeypatch):
    monkeypatch.setattr(ingest_run, "WORTH_A_WORKER", 1)
    files.cut_off(source / "r2.csv")
    (source / "empty.csv").write_text("")
    one, two = run(source, tmp_path / "one", jobs=1), run(source, tmp_path / "two", jobs=2)
    assert one.rows.equals(two.rows)
    assert one.said == two.said
    first, second = everything(tmp_path / "one"), everything(tmp_path / "two")
    first["corpus.json"] = first["corpus.json"].replace(b'"one"', b'"two"')
    assert first == second
    assert len(first) == 6  # corpus.json, recordings.parquet, four tables


def test_little_work_is_done_in_this_process(source, tmp_path, monkeypatch):
    monkeypatch.setattr(ingest_run, "ProcessPoolExecutor", None)
    assert run(source, tmp_path / "corpus", jobs=8).n_new == 4


def test_a_second_run_imports_what_is_new_or_could_not_be_read(source, tmp_path):
    (source / "r4.csv").write_text("")
    assert run(source, tmp_path / "corpus").failed == ["r4"]
    files.openface2(source / "r4.csv", measure(1.0), ("2d", "aus"))
    files.openface2(source / "r5.csv", measure(1.0), ("2d", "aus"))
    again = run(source, tmp_path / "corpus")
    assert (again.n_new, again.n_kept) == (2, 4)
    assert again.failed == []
    assert len(again.rows) == 6


def test_a_forced_recording_is_read_again_and_no_other(source, tmp_path):
    run(source, tmp_path / "corpus")
    for k in (1, 2):
        files.openface2(source / f"r{k}.csv", measure(2.0), ("2d", "aus"))
    again = run(source, tmp_path / "corpus", force=("r1",))
    assert (again.n_new, again.n_kept) == (1, 3)
    assert dict(again.rows.select("recording_id", "n_frames").rows()) == {
        **{"r0": 30, "r1": 60, "r2": 30, "r3": 30}
    }
    assert run(source, tmp_path / "corpus", force=("all",)).n_new == 4
    with pytest.raises(UsageError, match="no recording 'r9' to force"):
        run(source, tmp_path / "corpus", force=("r9",))


def test_what_a_label_file_said_survives_a_forced_import(source, tmp_path):
    from deptool.label import join_labels

    corpus = run(source, tmp_path / "corpus").corpus
    (tmp_path / "labels.csv").write_text(
        "recording_id,subject_id,split,scale,score\nr1,P1,train,PHQ-8,5\n"
    )
    join_labels(corpus, tmp_path / "labels.csv")
    again = run(source, tmp_path / "corpus", force=("all",))
    row = again.rows.filter(pl.col("recording_id") == "r1").row(0, named=True)
    assert (row["subject_id"], row["split"], row["n_frames"]) == ("P1", "train", 30)


def test_a_folder_in_which_nothing_is_good_leaves_no_rows(tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("b", "a"):
        (tmp_path / "in" / f"{name}.csv").write_text("name,age\nann,7\n")
    with pytest.raises(InputError) as error:
        run(tmp_path / "in", tmp_path / "corpus")
    assert error.value.what.startswith(
        "none of its 2 recordings could be read; the first, a: a.csv, line 1: is no OpenFace table"
    )
    assert error.value.exit_code == 4
    assert sorted(everything(tmp_path / "corpus")) == ["corpus.json"]
    # The folder is not bound to this try: another importer may begin there.
    files.libreface(tmp_path / "good" / "c.csv", measure(1.0))
    assert import_corpus("libreface", tmp_path / "good", tmp_path / "corpus").n_new == 1


def test_other_settings_and_other_tools_need_another_folder(source, tmp_path):
    run(source, tmp_path / "corpus")
    with pytest.raises(DataError, match="another folder"):
        run(source, tmp_path / "corpus", settings=Settings(face=1))
    files.libreface(tmp_path / "libre" / "a.csv", measure(1.0))
    with pytest.raises(DataError, match="another folder"):
        import_corpus("libreface", tmp_path / "libre", tmp_path / "corpus")


def test_corpus_json_says_how_it_was_made_but_not_from_where(source, tmp_path):
    corpus = run(source, tmp_path / "corpus", name="mine").corpus
    about = json.loads((corpus.root / "corpus.json").read_text())
    assert about["name"] == "mine"
    assert about["feature_set"] == "openface-2"
    assert about["extraction"] == {"importer": "openface", "face": None}
    assert str(tmp_path) not in (corpus.root / "corpus.json").read_text()


def test_scaling_stays_as_it_was_said_until_it_is_said_anew(source, tmp_path):
    def normalise(**options):
        return run(source, tmp_path / "corpus", **options).corpus.normalise

    assert normalise() == "session-max"
    assert normalise(normalise="640") == "640"
    assert normalise() == "640"
    assert normalise(normalise="Inter-Ocular") == "inter-ocular"
    with pytest.raises(UsageError, match="cannot be frame"):
        normalise(normalise="frame")
    for word in ("0", "-3", "often"):
        with pytest.raises(UsageError, match="--normalise cannot be"):
            normalise(normalise=word)


def test_what_a_killed_run_left_half_written_is_removed(source, tmp_path):
    run(source, tmp_path / "corpus")
    left = tmp_path / "corpus" / "frames" / ".r1.0123abcd.tmp.parquet"
    left.write_bytes(b"half")
    run(source, tmp_path / "corpus")
    assert not left.exists()


def test_two_imports_into_one_corpus_at_once_are_refused(source, tmp_path):
    corpus = run(source, tmp_path / "corpus").corpus
    with (
        corpus.writing(),
        pytest.raises(InputError, match="another extract, import or synth is writing"),
    ):
        run(source, corpus.root)


def test_progress_is_told_in_recordings_and_bytes(source, tmp_path):
    told = []
    run(source, tmp_path / "corpus", on_progress=lambda *news: told.append(news))
    total = sum(p.stat().st_size for p in source.iterdir())
    assert [(done, of) for done, of, _, _ in told] == [(k, 4) for k in (1, 2, 3, 4)]
    assert told[-1][2:] == (total, total)


def test_a_source_that_is_not_there_is_said(tmp_path):
    with pytest.raises(InputError, match="no such file or folder"):
        run(tmp_path / "none", tmp_path / "corpus")
    assert not (tmp_path / "corpus").exists()


def test_an_out_that_is_no_corpus_is_left_alone(source, tmp_path):
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "thesis.docx").write_text("all of it")
    with pytest.raises(InputError, match="neither empty nor a corpus"):
        run(source, tmp_path / "corpus")


# ---- rows to frames


def rows(**columns):
    n = len(next(iter(columns.values())))
    base = {"timestamp": [k / 10 for k in range(n)], "AU01_r": [1.0] * n}
    return Rows(pl.DataFrame(base | columns))


def test_a_column_that_the_schema_lacks_is_the_importers_fault():
    with pytest.raises(SchemaError, match="gave a column 'smile'"):
        to_frames(rows(smile=[1.0]))


def test_values_just_outside_lie_on_the_edge_and_others_are_null():
    # 5.004 is 0.1 % of the range above it and rounding; 5.2 is not.
    table, problems = to_frames(rows(AU01_r=[5.004, 5.2, -0.004, -1.0, 2.0]), "a.csv")
    assert table["AU01_r"].to_list() == [5.0, None, 0.0, None, 2.0]
    assert problems == ("a.csv, line 3, column AU01_r: 5.2 is out of range; 2 such values",)


def test_presences_are_whole():
    table, problems = to_frames(rows(AU01_c=[0.0, 1.0, 0.7]))
    assert table["AU01_c"].to_list() == [0.0, 1.0, None]
    assert len(problems) == 1


def test_what_failed_is_not_out_of_range():
    table, problems = to_frames(rows(AU01_r=[-3.0, 1.0], success=[0, 1]))
    assert problems == ()
    assert table["AU01_r"].to_list() == [None, 1.0]


def test_a_group_of_which_some_is_there_is_whole():
    table, _ = to_frames(rows(AU01_r=[1.0]))
    assert table["AU45_c"].to_list() == [None]
    assert "x_0" not in table.columns
    assert table["face_w"].to_list() == [None]


@pytest.mark.parametrize(
    ("times", "kept"),
    [
        ([0, 1, 2, 3], [0, 1, 2, 3]),
        ([0, 1, 1, 2], [0, 1, 2]),
        ([0, None, 1, 2], [0, 1, 2]),
        ([-1, 0, 1, 2], [0, 1, 2]),
        ([0, 900, 1, 2, 3], [0, 1, 2, 3]),  # one runs ahead
        ([5, 6, 7, 0.5, 8], [5, 6, 7, 8]),  # one lies behind
        ([0, 1, 2, 3, 0, 1], [0, 1, 2, 3]),  # begun again
        ([None, None], []),
    ],
)
def test_times_ascend(times, kept):
    clock = pl.Series(times, dtype=pl.Float64)
    table, problems = to_frames(rows(timestamp=clock, AU01_r=[1.0] * len(times)))
    assert table["timestamp"].to_list() == kept
    assert bool(problems) == (len(kept) < len(times))


def test_numbers_of_pictures_that_cannot_be_are_replaced():
    for frame in ([None, 2.0], [-4.0, 2.0], [1.0, 1e12]):
        table, _ = to_frames(rows(frame=frame))
        assert table["frame"].to_list() == [1, 2]


def test_problems_name_the_line_of_the_file():
    table = rows(AU01_r=[1.0, 7.0]).table.with_columns(pl.Series(LINE, [5, 9], dtype=pl.Int32))
    assert to_frames(Rows(table), "b.csv")[1][0].startswith("b.csv, line 9, column AU01_r: 7 is")


def test_the_rate_is_that_between_gaps():
    # Times as OpenFace rounds them, and a second without rows.
    times = np.round(np.concatenate([np.arange(30) / 30, 2 + np.arange(30) / 30]), 3)
    fps, said = rate(pl.DataFrame({"timestamp": times}))
    assert fps == pytest.approx(30, rel=1e-3)
    assert said == ("1 gap in time, the longest 1.03 s",)
    assert rate(pl.DataFrame({"timestamp": [1.0]})) == (None, ())


def test_a_corpus_that_was_begun_and_never_filled_can_be_imported_into(source, tmp_path):
    create_corpus(tmp_path / "corpus", "mediapipe-1", {"fps": 6})
    assert run(source, tmp_path / "corpus").corpus.feature_set == "openface-2"
