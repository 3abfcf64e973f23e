"""Joining labels to a corpus, and `deptool label`."""

import json

import polars as pl
import pytest
from typer.testing import CliRunner

from deptool.cli.main import app
from deptool.corpus import create_corpus, empty
from deptool.errors import DataError, InputError, SchemaError
from deptool.label import HEADER, join_labels
from deptool.schema import RECORDINGS


def make_corpus(root, *ids, **columns):
    """A corpus with recordings of these ids; `columns` overrides whole columns."""
    corpus = create_corpus(root / "corpus", "mediapipe-1", {"fps": 6})
    same = {"n_frames": 10, "n_success": 10, "n_ambiguous": 0, "coverage": 1.0}
    same |= {"extractor": "mediapipe", "feature_set": "mediapipe-1", "status": "ok"}
    schema = empty(RECORDINGS).schema
    rows = [dict.fromkeys(schema) | same | {"recording_id": r} for r in ids]
    frame = pl.DataFrame(rows, schema=schema)
    frame = frame.with_columns(pl.Series(k, v, dtype=pl.String) for k, v in columns.items())
    corpus.write_recordings(frame)
    return corpus


def csv(tmp_path, *lines, header=HEADER):
    path = tmp_path / "labels.csv"
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def about(corpus):
    frame = corpus.recordings().select("recording_id", "subject_id", "session_id", "task", "split")
    return {row[0]: row[1:] for row in frame.rows()}


def labels(corpus):
    return corpus.labels().rows()


def test_ids_split_and_scores_are_joined(tmp_path):
    corpus = make_corpus(tmp_path, "001_1", "002_1")
    path = csv(tmp_path, "001_1,001,s1,reading,train,BDI-II,12", "002_1,002,s2,,test,BDI-II,0")
    summary = join_labels(corpus, path)
    # 001 stays 001: it is a name and not a number.
    assert about(corpus) == {
        "001_1": ("001", "s1", "reading", "train"),
        "002_1": ("002", "s2", None, "test"),
    }
    assert labels(corpus) == [("s1", "BDI-II", 12.0), ("s2", "BDI-II", 0.0)]
    assert (summary.n_recordings, summary.n_sessions, summary.n_subjects) == (2, 2, 2)
    assert summary.n_scores == {"BDI-II": 2}
    assert summary.n_splits == {"train": 1, "dev": 0, "test": 1, "none": 0}
    assert (summary.n_unlabelled, summary.warnings()) == (0, [])


def test_joined_scores_can_be_trained_on(tmp_path):
    corpus = make_corpus(tmp_path, "a", "b")
    join_labels(corpus, csv(tmp_path, "a,p,,,train,PHQ-8,7", "b,q,,,dev,PHQ-8,"))
    recordings, scale = corpus.scored()
    assert scale == "PHQ-8"
    assert recordings.select("recording_id", "score").rows() == [("a", 7.0)]


def test_without_labels_training_says_what_file_to_make(tmp_path):
    with pytest.raises(DataError, match=HEADER):
        make_corpus(tmp_path, "a").scored()


def test_a_session_of_several_recordings_has_one_label(tmp_path):
    corpus = make_corpus(tmp_path, "a", "b")
    join_labels(corpus, csv(tmp_path, "a,p,s,north,train,BDI-II,9", "b,p,s,free,train,BDI-II,9.0"))
    assert labels(corpus) == [("s", "BDI-II", 9.0)]


def test_rows_keyed_by_session_reach_all_its_recordings(tmp_path):
    corpus = make_corpus(tmp_path, "a", "b", "c", session_id=["s", "s", None])
    head = "subject_id,session_id,split,scale,score"
    # c has no session yet, so its session is its own id.
    join_labels(corpus, csv(tmp_path, "p,s,train,BDI-II,9", "q,c,dev,BDI-II,3", header=head))
    assert about(corpus) == {
        "a": ("p", "s", None, "train"),
        "b": ("p", "s", None, "train"),
        "c": ("q", "c", None, "dev"),
    }
    assert labels(corpus) == [("c", "BDI-II", 3.0), ("s", "BDI-II", 9.0)]


def test_a_row_can_name_a_session_that_another_row_makes(tmp_path):
    corpus = make_corpus(tmp_path, "a", "b")
    lines = (",p,s,,,PHQ-8,4", "a,p,s,,train,BDI-II,9", "b,p,s,,train,BDI-II,9")
    join_labels(corpus, csv(tmp_path, *lines))
    assert labels(corpus) == [("s", "BDI-II", 9.0), ("s", "PHQ-8", 4.0)]
    assert about(corpus)["b"] == ("p", "s", None, "train")


def test_several_scales_take_several_rows(tmp_path):
    corpus = make_corpus(tmp_path, "a")
    summary = join_labels(corpus, csv(tmp_path, "a,p,,,train,BDI-II,9", "a,p,,,train,PHQ-8,4"))
    assert labels(corpus) == [("a", "BDI-II", 9.0), ("a", "PHQ-8", 4.0)]
    assert summary.n_recordings == 1


def test_recordings_that_are_not_mentioned_stay_as_they_were_and_are_counted(tmp_path):
    corpus = make_corpus(tmp_path, "a", "b", "c")
    join_labels(corpus, csv(tmp_path, "a,p,,,train,BDI-II,9", "b,q,,,dev,BDI-II,8"))
    summary = join_labels(corpus, csv(tmp_path, "b,q,,,test,BDI-II,7"))
    assert about(corpus)["a"] == ("p", "a", None, "train")
    assert labels(corpus) == [("a", "BDI-II", 9.0), ("b", "BDI-II", 7.0)]
    assert (summary.n_not_mentioned, summary.n_unlabelled) == (2, 1)
    assert summary.n_changed == 1  # b had 8
    changed, untouched = summary.warnings()
    assert changed.startswith("1 scores were another number before")
    assert untouched.startswith("2 recordings are not in the file")


def test_a_second_scale_leaves_the_first_in_place(tmp_path):
    corpus = make_corpus(tmp_path, "a")
    join_labels(corpus, csv(tmp_path, "a,p,,,train,BDI-II,9"))
    join_labels(corpus, csv(tmp_path, "a,p,,,train,PHQ-8,4"))
    assert len(labels(corpus)) == 2


def test_an_emptied_cell_takes_its_old_value_away_and_an_absent_column_does_not(tmp_path):
    corpus = make_corpus(tmp_path, "a")
    join_labels(corpus, csv(tmp_path, "a,p,s,reading,train,BDI-II,9"))
    head = "recording_id,subject_id,session_id,split,scale,score"
    join_labels(corpus, csv(tmp_path, "a,p,s,,BDI-II,", header=head))
    assert about(corpus)["a"] == ("p", "s", "reading", None)
    assert labels(corpus) == []


def test_scores_of_a_session_that_no_recording_has_any_more_are_dropped(tmp_path):
    corpus = make_corpus(tmp_path, "a")
    join_labels(corpus, csv(tmp_path, "a,p,,,train,BDI-II,9"))
    summary = join_labels(corpus, csv(tmp_path, "a,p,s1,,train,BDI-II,9"))
    assert labels(corpus) == [("s1", "BDI-II", 9.0)]
    assert summary.n_dropped == 1


@pytest.mark.parametrize(
    ("word", "split"),
    [
        *(("train", "train"), ("Training", "train"), ("dev", "dev"), ("DEVELOPMENT", "dev")),
        *(("val", "dev"), ("valid", "dev"), ("Validation", "dev")),
        *(("test", "test"), ("Testing", "test"), ("", None)),
    ],
)
def test_split_words(tmp_path, word, split):
    corpus = make_corpus(tmp_path, "a")
    join_labels(corpus, csv(tmp_path, f"a,p,,,{word},BDI-II,9"))
    assert about(corpus)["a"][3] == split


def test_a_subject_in_several_splits_is_a_loud_warning(tmp_path):
    corpus = make_corpus(tmp_path, "a", "b")
    summary = join_labels(corpus, csv(tmp_path, "a,p,,,train,BDI-II,9", "b,p,,,test,BDI-II,8"))
    assert summary.shared_subjects == ("p",)
    assert "1 subjects are in more than one split: p" in summary.warnings()[0]


def test_columns_that_are_not_read_are_named(tmp_path):
    corpus = make_corpus(tmp_path, "a")
    summary = join_labels(corpus, csv(tmp_path, "a,p,,,,BDI-II,9,33", header=HEADER + ",IQ"))
    assert summary.ignored_columns == ("iq",)
    assert "Columns not read: iq." in summary.warnings()


WRONG = {
    "unknown id": (
        ["a,p,,,,BDI-II,1", "x,p,,,,BDI-II,1", "y,p,,,,BDI-II,1"],
        r"unknown recording_id \(2 rows\): line 3: 'x'; line 4: 'y'\nThe corpus has a, b",
    ),
    "unknown session": ([",p,nowhere,,,BDI-II,1"], "unknown session_id .*line 2: 'nowhere'"),
    "no id": ([",p,,,,BDI-II,1"], "line 2: both are empty"),
    "score above the scale": (
        ["a,p,,,,BDI-II,64"],
        "line 2: '64' on BDI-II, which goes from 0 to 63",
    ),
    "score below the scale": (["a,p,,,,PHQ-8,-1"], "line 2: '-1' on PHQ-8"),
    "score of another scale": (["a,p,,,,PHQ-8,25"], "from 0 to 24"),
    "score in words": (["a,p,,,,PHQ-8,high"], "line 2: 'high'"),
    "score not finite": (["a,p,,,,PHQ-8,nan"], "line 2: 'nan'"),
    "unknown scale": (["a,p,,,,phq8,1"], "line 2: 'phq8'. Did you mean 'PHQ-8'"),
    "score without a scale": (["a,p,,,,,1"], "unknown scale .*line 2: ''"),
    "subject missing": (["a,,,,,BDI-II,1"], "subject_id is missing .*line 2: subject of 'a'"),
    "unknown split": (["a,p,,,holdout,BDI-II,1"], "line 2: 'holdout'"),
    "two scores on one recording": (
        ["a,p,,,,BDI-II,1", "a,p,,,,BDI-II,2"],
        r"two scores .*session 'a', BDI-II: 1.0 \(line 2\), 2.0 \(line 3\)",
    ),
    "two scores in one session": (
        ["a,p,s,,,BDI-II,1", "b,p,s,,,BDI-II,2"],
        r"session 's', BDI-II: 1.0 \(line 2\), 2.0 \(line 3\)",
    ),
    "two persons of one recording": (
        ["a,p,,,,BDI-II,1", "a,q,,,,PHQ-8,2"],
        r"two values of subject_id .*'a' has p \(line 2\), q \(line 3\)",
    ),
    "two persons in one session": (
        ["a,p,1,,,BDI-II,1", "b,q,1,,,BDI-II,1"],
        r"line 2: session '1' has p and q \(also line 3\)\n.*unique",
    ),
    "two splits in one session": (
        ["a,p,1,,train,BDI-II,1", "b,p,1,,test,BDI-II,1"],
        r"two values of split .*session '1' has test and train",
    ),
}


@pytest.mark.parametrize(("lines", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_lists_its_lines_and_nothing_is_written(tmp_path, lines, said):
    corpus = make_corpus(tmp_path, "a", "b")
    before = {p.name: p.read_bytes() for p in corpus.root.iterdir()}
    with pytest.raises(DataError, match=said):
        join_labels(corpus, csv(tmp_path, *lines))
    assert {p.name: p.read_bytes() for p in corpus.root.iterdir()} == before


def test_a_session_against_a_recording_that_the_file_does_not_mention(tmp_path):
    corpus = make_corpus(tmp_path, "a", "b", session_id=["s", "s"], subject_id=["p", "p"])
    with pytest.raises(DataError, match="session 's' has p and q"):
        join_labels(corpus, csv(tmp_path, "a,q,s,,,BDI-II,1"))


def test_ten_lines_are_listed_and_the_rest_counted(tmp_path):
    corpus = make_corpus(tmp_path, "a")
    with pytest.raises(DataError, match=r"\(12 rows\): line 2: .*line 11: 'x9'; and 2 more") as e:
        join_labels(corpus, csv(tmp_path, *(f"x{i},p,,,,BDI-II,1" for i in range(12))))
    assert "line 12" not in str(e.value)


@pytest.mark.parametrize(
    ("header", "row", "said"),
    [
        ("subject_id,scale,score", "p,BDI-II,1", "neither a column recording_id nor"),
        ("recording_id,scale,score", "a,BDI-II,1", "lacks the column subject_id"),
        ("recording_id,subject_id,spilt,scale,score", "a,p,train,BDI-II,1", "'spilt', not 'split'"),
    ],
)
def test_a_header_of_another_kind_shows_the_right_one(tmp_path, header, row, said):
    with pytest.raises(SchemaError, match=said) as error:
        join_labels(make_corpus(tmp_path, "a"), csv(tmp_path, row, header=header))
    assert HEADER in str(error.value)


def test_a_semicolon_file_with_a_byte_order_mark_is_read(tmp_path):
    corpus = make_corpus(tmp_path, "a")
    path = tmp_path / "labels.csv"
    head = " ; ".join(HEADER.split(","))
    path.write_text(f"\ufeff{head}\r\na;001;;;train;BDI-II;9\r\n", encoding="utf-8")
    join_labels(corpus, path)
    assert about(corpus)["a"][0] == "001"


def test_a_corpus_without_recordings_is_an_error(tmp_path):
    corpus = create_corpus(tmp_path / "corpus", "mediapipe-1", {})
    with pytest.raises(InputError, match="no recordings to label"):
        join_labels(corpus, csv(tmp_path, "a,p,,,,BDI-II,1"))


def test_joining_twice_gives_the_same_bytes(tmp_path):
    corpus = make_corpus(tmp_path, "a", "b")
    path = csv(tmp_path, "a,p,,,train,BDI-II,9", "b,q,,,test,BDI-II,8")
    join_labels(corpus, path)
    first = {p.name: p.read_bytes() for p in corpus.root.iterdir()}
    join_labels(corpus, path)
    assert {p.name: p.read_bytes() for p in corpus.root.iterdir()} == first


def test_the_verb_talks_on_stderr_and_prints_json_on_stdout(tmp_path):
    corpus = make_corpus(tmp_path, "a", "b")
    path = csv(tmp_path, "a,p,,,train,BDI-II,9")
    done = CliRunner().invoke(app, ["label", str(corpus.root), str(path), "--json"])
    assert done.exit_code == 0
    assert json.loads(done.stdout)["n_unlabelled"] == 1
    assert "Labelled 1 recordings of 1 subjects in 1 sessions" in done.stderr
    assert "Warning: 1 recordings are not in the file" in done.stderr


PERSONS = HEADER + ",gender,age"


def test_gender_and_age_of_persons_go_to_the_subjects_table(tmp_path):
    corpus = make_corpus(tmp_path, "a", "b", "c")
    rows = ("a,p,,,,BDI-II,1,F,31", "b,p,,,,BDI-II,2,,31.0", "c,q,,,,BDI-II,3,,")
    summary = join_labels(corpus, csv(tmp_path, *rows, header=PERSONS))
    # q says nothing of itself, and has no row.
    assert corpus.subjects().rows() == [("p", "female", 31.0)]
    assert summary.n_described == 1
    assert summary.ignored_columns == ()


def test_without_the_columns_persons_stay_as_they_are_and_an_empty_one_clears(tmp_path):
    corpus = make_corpus(tmp_path, "a", "b")
    rows = ("a,p,,,,BDI-II,1,male,40", "b,q,,,,BDI-II,1,,50")
    join_labels(corpus, csv(tmp_path, *rows, header=PERSONS))
    join_labels(corpus, csv(tmp_path, "a,p,,,,BDI-II,1"))
    assert corpus.subjects().rows() == [("p", "male", 40.0), ("q", None, 50.0)]
    join_labels(corpus, csv(tmp_path, "a,p,,,,BDI-II,1,", header=HEADER + ",gender"))
    assert corpus.subjects().rows() == [("p", None, 40.0), ("q", None, 50.0)]


def test_genders_and_ages_that_the_file_empties_are_counted(tmp_path):
    corpus = make_corpus(tmp_path, "a", "b")
    rows = ("a,p,,,,BDI-II,1,male,40", "b,q,,,,BDI-II,1,,50")
    assert join_labels(corpus, csv(tmp_path, *rows, header=PERSONS)).n_cleared == 0
    # p loses both; q never had a gender, and its age is said again.
    rows = ("a,p,,,,BDI-II,1,,", "b,q,,,,BDI-II,1,,50")
    summary = join_labels(corpus, csv(tmp_path, *rows, header=PERSONS))
    assert summary.n_cleared == 2
    assert summary.warnings() == ["2 genders or ages were removed: they are empty in the file."]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (("a,p,,,,BDI-II,1,f,31", "b,p,,,,BDI-II,2,m,31"),
         r"two values of gender \(1 rows\): line 2: subject 'p' has female \(line 2\), male"),
        (("a,p,,,,BDI-II,1,f,31", "b,p,,,,BDI-II,2,f,32"),
         r"two values of age \(1 rows\): line 2: .*31.0 \(line 2\), 32.0 \(line 3\)"),
        (("a,p,,,,BDI-II,1,1,31",), r"a gender is female, male or other, .*line 2: '1'"),
        (("a,p,,,,BDI-II,1,f,1990",), r"an age is a number of years .*line 2: '1990'"),
    ],
)  # fmt: skip
def test_what_contradicts_itself_of_a_person_names_lines_and_writes_nothing(tmp_path, rows, said):
    corpus = make_corpus(tmp_path, "a", "b")
    with pytest.raises(DataError, match=said):
        join_labels(corpus, csv(tmp_path, *rows, header=PERSONS))
    assert not (corpus.root / "subjects.parquet").exists()
    assert labels(corpus) == []
