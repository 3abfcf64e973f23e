"""A corpus folder: made, opened, read."""

import json
from pathlib import Path

import polars as pl
import pytest

from deptool.corpus import MARKER, create_corpus, empty, open_corpus
from deptool.errors import DataError, InputError, SchemaError
from deptool.schema import LABELS, RECORDINGS, SCHEMA_VERSION, TABLES


def recordings(*rows):
    """Rows of (recording_id, session_id)."""
    schema = empty(RECORDINGS).schema
    same = {"n_frames": 1, "n_success": 1, "n_ambiguous": 0, "coverage": 1.0, "extractor": "x"}
    same |= {"feature_set": "x-1", "status": "ok"}
    full = [dict.fromkeys(schema) | same | {"recording_id": r, "session_id": s} for r, s in rows]
    return pl.DataFrame(full, schema=schema)


def labels(*rows):
    return pl.DataFrame(rows, schema=empty(LABELS).schema, orient="row")


def test_a_new_corpus_says_what_it_is_and_no_path(tmp_path):
    create_corpus(tmp_path / "demo", "mediapipe-1", {"fps": 6})
    text = (tmp_path / "demo" / MARKER).read_text()
    about = json.loads(text)
    assert (about["name"], about["schema_version"]) == ("demo", SCHEMA_VERSION)
    assert about["extraction"] == {"fps": 6}
    assert "consent" in about["note"]
    assert str(tmp_path) not in text


def test_a_reason_of_any_length_is_kept_as_far_as_a_table_takes_it(tmp_path):
    corpus = create_corpus(tmp_path / "c", "mediapipe-1", {"fps": 6})
    said = ["\U0001f600" * 5000, "x" * 1000, None]
    rows = recordings(("a", "a"), ("b", "b"), ("c", "c"))
    corpus.write_recordings(rows.with_columns(reason=pl.Series(said)))
    first, *others = corpus.recordings()["reason"]
    assert first == "\U0001f600" * 249 + "…"
    assert others == said[1:]


def test_a_corpus_is_opened_again_and_not_written_again(tmp_path):
    create_corpus(tmp_path / "c", "mediapipe-1", {"fps": 6})
    before = (tmp_path / "c" / MARKER).read_bytes()
    corpus = create_corpus(tmp_path / "c", "mediapipe-1", {"fps": 6})
    assert (corpus.name, corpus.feature_set) == ("c", "mediapipe-1")
    assert (tmp_path / "c" / MARKER).read_bytes() == before
    assert open_corpus(tmp_path / "c") == corpus


@pytest.mark.parametrize(
    ("features", "extraction"), [("other-1", {"fps": 6}), ("mediapipe-1", {"fps": 3})]
)
def test_other_features_or_settings_do_not_mix(tmp_path, features, extraction):
    corpus = create_corpus(tmp_path / "c", "mediapipe-1", {"fps": 6})
    corpus.frames_path("a").parent.mkdir()
    corpus.frames_path("a").touch()  # something was measured
    with pytest.raises(DataError, match="or another folder"):
        create_corpus(tmp_path / "c", features, extraction)


def test_folders_that_are_no_corpus_are_refused(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        open_corpus(tmp_path / "none")
    with pytest.raises(InputError, match=f"is not a corpus: it holds no {MARKER}"):
        open_corpus(tmp_path)
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(InputError, match="neither empty nor a corpus"):
        create_corpus(tmp_path, "x-1", {})
    with pytest.raises(InputError, match="is a file"):
        create_corpus(tmp_path / "notes.txt", "x-1", {})


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({"schema_version": 999, "name": "c", "feature_set": "x"}, "schema version 999"),
        ({"name": "c", "feature_set": "x"}, "schema version None"),
        ({"schema_version": SCHEMA_VERSION, "feature_set": "x"}, "lacks the text 'name'"),
        ({"schema_version": SCHEMA_VERSION, "name": "c"}, "lacks the text 'feature_set'"),
    ],
)
def test_a_corpus_json_of_another_kind_is_refused(tmp_path, about, said):
    (tmp_path / MARKER).write_text(json.dumps(about))
    with pytest.raises(SchemaError, match=said):
        open_corpus(tmp_path)


def test_tables_that_are_not_there_yet_are_empty(tmp_path):
    corpus = create_corpus(tmp_path / "c", "x-1", {})
    assert corpus.recordings().columns == [c.name for c in RECORDINGS.columns]
    assert corpus.labels().is_empty()
    with pytest.raises(InputError, match="no such table"):
        corpus.frames("a")


def test_rows_are_sorted_when_written(tmp_path):
    corpus = create_corpus(tmp_path / "c", "x-1", {})
    corpus.write_recordings(recordings(("b", None), ("a", None)))
    assert corpus.recordings()["recording_id"].to_list() == ["a", "b"]


def test_a_recording_with_two_rows_is_refused(tmp_path):
    corpus = create_corpus(tmp_path / "c", "x-1", {})
    corpus.write_recordings(recordings(("a", None), ("a", None)))
    with pytest.raises(SchemaError, match="'a' has more than one row"):
        corpus.recordings()


def test_scored_joins_by_session_and_leaves_out_the_unlabelled(tmp_path):
    corpus = create_corpus(tmp_path / "c", "x-1", {})
    corpus.write_recordings(recordings(("a", "s"), ("b", "s"), ("c", "t"), ("d", None)))
    corpus.write_labels(labels(("s", "BDI-II", 9.0)))
    found, scale = corpus.scored()
    assert scale == "BDI-II"
    assert found.select("recording_id", "score").rows() == [("a", 9.0), ("b", 9.0)]


def test_scored_needs_labels_and_one_scale(tmp_path):
    corpus = create_corpus(tmp_path / "c", "x-1", {})
    corpus.write_recordings(recordings(("a", "s")))
    with pytest.raises(DataError, match="deptool label"):
        corpus.scored()
    corpus.write_labels(labels(("s", "BDI-II", 9.0), ("s", "PHQ-8", 3.0)))
    with pytest.raises(DataError, match="several scales: BDI-II, PHQ-8"):
        corpus.scored()
    assert corpus.scored("PHQ-8")[0]["score"].to_list() == [3.0]
    with pytest.raises(DataError, match="no scores on the scale 'PHQ-9'"):
        corpus.scored("PHQ-9")


def test_an_empty_table_has_all_columns():
    for table in TABLES.values():
        assert empty(table).columns == [c.name for c in table.columns]


def test_subjects_round_trip_and_are_empty_where_nothing_is_known(tmp_path: Path) -> None:
    corpus = create_corpus(tmp_path / "corpus", "toy-1", {})
    assert corpus.subjects().is_empty()
    known = pl.DataFrame(
        {"subject_id": ["b", "a"], "gender": ["male", None], "age": [None, 31.0]},
        schema={"subject_id": pl.String, "gender": pl.String, "age": pl.Float32},
    )
    corpus.write_subjects(known)
    assert corpus.subjects().rows() == [("a", None, 31.0), ("b", "male", None)]
