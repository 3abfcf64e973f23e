"""Checking a corpus: every kind of problem found, `deptool check` and its exit codes."""

import io
import json
import re
import shutil
import sys
from dataclasses import replace

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from rich.console import Console
from typer.testing import CliRunner

from deptool import tables
from deptool.check import check_corpus
from deptool.cli import check as verb
from deptool.cli.main import app, main
from deptool.corpus import open_corpus
from deptool.encryption import VARIABLE, encrypt_tables
from deptool.errors import DataError, InputError, SchemaError
from deptool.key_file import new_key, read_key
from deptool.limits import MEASURES, NAMES, parse_limit
from deptool.schema import FRAMES, LABELS, RECORDINGS, TRACKS
from fixtures.tables import make_tables_corpus

IDS = ("s000_0", "s000_1", "s001_0", "s001_1")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_tables_corpus(tmp_path_factory.mktemp("made") / "c", n_subjects=2, seconds=5)


@pytest.fixture
def corpus(made, tmp_path):
    """Four sound recordings of 30 rows, of two subjects with two sessions each."""
    shutil.copytree(made.root, tmp_path / "c")
    return open_corpus(tmp_path / "c")


def rewrite(path, change):
    """Write a table anew as `change` makes it, past every check; metadata stay."""
    table = pq.read_table(path, partitioning=None)
    changed = change(pl.DataFrame(table)).to_arrow()
    pq.write_table(changed.replace_schema_metadata(table.schema.metadata), path)


def change_frames(corpus, change, name="s000_0"):
    rewrite(corpus.frames_path(name), change)


def change_recordings(corpus, change):
    rewrite(corpus.root / "recordings.parquet", change)


def put(column, value, row=0):
    """A change that puts one value into one row of a column."""
    return lambda t: t.with_columns(
        pl.when(pl.int_range(pl.len()) == row)
        .then(pl.lit(value, t.schema[column]))
        .otherwise(column)
        .alias(column)
    )


def scores(corpus, *rows):
    frame = pl.DataFrame(rows, schema=["session_id", "scale", "score"], orient="row")
    tables.write_table(corpus.root / "labels.parquet", LABELS, frame)


def add_track(corpus, name="s000_0", change=lambda t: t):
    path = corpus.root / "tracks" / f"{name}.parquet"
    frame = corpus.frames("s000_0").with_columns(track=pl.lit(0), primary=pl.lit(1))
    tables.write_table(path, TRACKS, frame)
    rewrite(path, change)


def found(corpus):
    return [(p.severity, p.where, p.what) for p in check_corpus(corpus.root).problems]


def test_a_sound_corpus_has_no_problems(corpus):
    add_track(corpus)
    report = check_corpus(corpus.root)
    assert (report.corpus, report.problems, report.failed, report.verdicts()) == ("c", (), (), [])
    assert tuple(q.recording_id for q in report.recordings) == IDS
    assert [q.n_rows for q in report.recordings] == [30] * 4
    # The measures are those of the tables: about 4 % of the rows are not measured.
    rows = corpus.recordings()
    assert [q.coverage for q in report.recordings] == pytest.approx(rows["coverage"].to_list())


def cut_off(path):
    path.write_bytes(path.read_bytes()[:-50])


def other_version(path):
    table = pq.read_table(path, partitioning=None)
    about = table.schema.metadata | {b"deptool.schema_version": b"999"}
    pq.write_table(table.replace_schema_metadata(about), path)


def rot(path):
    """A text in the file's schema that is no UTF-8: polars panics where it meets one."""
    table = pq.read_table(path, partitioning=None)
    first = table.schema.field(0).with_metadata({b"unit": b"\xff\xff"})
    pq.write_table(table.cast(table.schema.set(0, first)), path)


def edit_json(corpus, **changes):
    path = corpus.root / "corpus.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


FRAMES_FILE = "frames/s000_0.parquet"

# What is broken, where it is found, and what is said: one kind of problem each.
BREACHES = {
    "corpus.json is no JSON": (
        lambda c: (c.root / "corpus.json").write_text("{"),
        *("corpus.json", "cannot be read as JSON"),
    ),
    "corpus.json of another version": (
        lambda c: edit_json(c, schema_version=999),
        *("corpus.json", "schema version 999, but this deptool reads"),
    ),
    "corpus.json without a feature set": (
        lambda c: edit_json(c, feature_set=None),
        *("corpus.json", "lacks the text 'feature_set'"),
    ),
    **{
        f"corpus.json with another kind of {name}: {value!r}": (
            lambda c, name=name, value=value: edit_json(c, **{name: value}),
            *("corpus.json", said),
        )
        for name, value, said in (
            ("extraction", [], "extraction is not an object"),
            ("deidentification", [5], "deidentification.* is not a text"),
            ("note", None, "note is not a text"),
            ("synthetic", "yes", "synthetic is not true or false"),
            ("id_space", 5, "id_space is not a text or null"),
            ("release", "3", "release is not an object"),
            ("release", {}, "what it says of its release cannot be read"),
        )
    },
    "another feature set": (
        lambda c: change_recordings(c, put("feature_set", "toy-2", row=1)),
        *("recordings.parquet", "feature set 'toy-2', but corpus.json says 'toy-1': s000_1"),
    ),
    "recordings of another version": (
        lambda c: other_version(c.root / "recordings.parquet"),
        *("recordings.parquet", "schema version 999, but this deptool reads"),
    ),
    "recordings missing": (
        lambda c: (c.root / "recordings.parquet").unlink(),
        *("recordings.parquet", "is missing, though there are 4 frames tables"),
    ),
    "recordings without a column": (
        lambda c: change_recordings(c, lambda t: t.drop("width")),
        *("recordings.parquet", "lacks 1 of the .* base: width"),
    ),
    "recordings with a value out of range": (
        lambda c: change_recordings(c, put("split", "training", row=2)),
        *("recordings.parquet, column split, row 2", "expected one of train, dev, test, found"),
    ),
    "a recording twice": (
        lambda c: change_recordings(c, lambda t: t.vstack(t[:1])),
        *("recordings.parquet", "recording 's000_0' has more than one row"),
    ),
    "two subjects in a session": (
        lambda c: change_recordings(c, put("session_id", "s000_0", row=3)),
        *("recordings.parquet", "session 's000_0' has 2 subjects: s000, s001"),
    ),
    "labels cut off": (
        lambda c: cut_off(c.root / "labels.parquet"),
        *("labels.parquet", "cannot be read as Parquet"),
    ),
    "an unknown scale": (
        lambda c: rewrite(c.root / "labels.parquet", put("scale", "HAMD")),
        *("labels.parquet, column scale, row 0", "expected one of BDI-II"),
    ),
    "two scores of a session": (
        lambda c: scores(c, ("s000_0", "BDI-II", 3.0), ("s000_0", "BDI-II", 4.0)),
        *("labels.parquet", "session 's000_0' has 2 scores on BDI-II"),
    ),
    "a score beyond its scale": (
        lambda c: scores(c, ("s000_0", "PHQ-8", 25.0)),
        *("labels.parquet", "'s000_0' has the score 25 on PHQ-8, which goes from 0 to 24"),
    ),
    "frames missing": (
        lambda c: c.frames_path("s000_0").unlink(),
        *(FRAMES_FILE, "is missing, though recordings.parquet says 30 rows"),
    ),
    "frames without a row": (
        lambda c: change_recordings(c, lambda t: t[1:]),
        *(FRAMES_FILE, "belongs to no recording"),
    ),
    "frames cut off": (
        lambda c: cut_off(c.frames_path("s000_0")),
        *(FRAMES_FILE, "cannot be read as Parquet"),
    ),
    "frames with a rotten text": (
        lambda c: rot(c.frames_path("s000_0")),
        *(FRAMES_FILE, "cannot be read as Parquet"),
    ),
    "frames of another version": (
        lambda c: other_version(c.frames_path("s000_0")),
        *(FRAMES_FILE, "schema version 999"),
    ),
    "an unknown column": (
        lambda c: change_frames(c, lambda t: t.with_columns(mood=pl.lit(1))),
        *(FRAMES_FILE, "column 'mood' is not part of the table frames"),
    ),
    "half a group": (
        lambda c: change_frames(c, lambda t: t.drop("x_3", "y_7")),
        *(FRAMES_FILE, "lacks 2 of the 136 columns of its group landmarks: x_3, y_7"),
    ),
    "another type": (
        lambda c: change_frames(c, lambda t: t.with_columns(pl.col("^[xy]_.*$").cast(pl.Float64))),
        *(FRAMES_FILE + ", column x_0 and 135 more columns", "expected float32, found Float64"),
    ),
    "out of range": (
        lambda c: change_frames(c, put("confidence", 1.5, row=4)),
        *(FRAMES_FILE + ", column confidence, row 4", "number from 0 up to 1, found 1.5"),
    ),
    "not finite": (
        lambda c: change_frames(c, put("x_5", np.nan, row=2)),
        *(FRAMES_FILE + ", column x_5, row 2", "expected a finite number, found nan"),
    ),
    "null where a value must be": (
        lambda c: change_frames(c, put("success", None, row=7)),
        *(FRAMES_FILE + ", column success, row 7", "expected a value, found null"),
    ),
    "a timestamp that stands": (
        lambda c: change_frames(c, put("timestamp", 0.5, row=4)),
        # At 6 rows/s rows 3 and 4 are at 0.5 s and 0.67 s.
        *(FRAMES_FILE + ", column timestamp, row 4", "ascend, but 0.5 s follows 0.5 s"),
    ),
    "another number of rows": (
        lambda c: change_recordings(c, put("n_frames", 31)),
        *(FRAMES_FILE, "its rows give n_frames 30, but recordings.parquet says 31"),
    ),
    "another number of measured rows": (
        lambda c: change_recordings(c, put("n_success", 2)),
        *(FRAMES_FILE, "its rows give n_success [23][0-9], but recordings.parquet says 2"),
    ),
    "another number of ambiguous rows": (
        lambda c: change_recordings(c, put("n_ambiguous", 5)),
        *(FRAMES_FILE, "its rows give n_ambiguous 0, but recordings.parquet says 5"),
    ),
    "another coverage": (
        lambda c: change_recordings(c, put("coverage", 0.5)),
        *(FRAMES_FILE, "its rows give coverage .*, but recordings.parquet says 0.5"),
    ),
    "a track out of range": (
        lambda c: add_track(c, change=put("primary", 2, row=1)),
        *("tracks/s000_0.parquet, column primary, row 1", "whole number from 0 up to 1, found 2"),
    ),
    "a track without a row": (
        lambda c: add_track(c, "other"),
        *("tracks/other.parquet", "belongs to no recording"),
    ),
}


@pytest.mark.parametrize("kind", BREACHES)
def test_each_kind_of_problem_is_found_alone(corpus, kind):
    break_it, where, said = BREACHES[kind]
    break_it(corpus)
    ((found_where, what),) = [p[1:] for p in found(corpus) if p[0] == "error"]
    assert found_where == where
    assert re.search(said, what), what
    assert [type(v) for v in check_corpus(corpus.root).verdicts()] == [SchemaError]


def test_numbers_as_large_as_can_be_are_measured_without_a_warning(corpus, recwarn):
    # x_3 is 3e38 in one row and -3e38 in the next: their squares are none of float32.
    sign = pl.when(pl.int_range(pl.len()) % 2 == 0).then(3e38).otherwise(-3e38)
    names = [f"{axis}_{k}" for axis in "xy" for k in range(68)]
    columns = [sign.cast(pl.Float32).alias(name) for name in names]
    change_frames(corpus, lambda t: t.with_columns(columns))
    (first, *_) = check_corpus(corpus.root).recordings
    assert first.jitter_px is not None
    assert np.isfinite(first.jitter_px)
    assert first.outside == 1
    assert not recwarn.list


def test_a_session_with_a_score_and_no_recording_is_a_warning(corpus):
    scores(corpus, ("gone", "BDI-II", 3.0), ("s000_0", "BDI-II", 3.0))
    ((severity, where, what),) = found(corpus)
    assert (severity, where) == ("warning", "labels.parquet")
    assert what == "scores of sessions that no recording belongs to: gone"
    assert check_corpus(corpus.root).verdicts() == []


def test_half_written_files_are_a_warning_and_no_recordings(corpus):
    (corpus.root / "frames" / ".s000_0.1a2b3c4d.tmp.parquet").write_bytes(b"half")
    ((severity, where, _),) = found(corpus)
    assert (severity, where) == ("warning", "frames/.s000_0.1a2b3c4d.tmp.parquet")


def test_nothing_stops_at_the_first_problem(corpus):
    change_frames(corpus, lambda t: put("confidence", 2, 1)(put("n_faces", -1, 3)(t)))
    cut_off(corpus.frames_path("s000_1"))
    corpus.frames_path("s001_0").unlink()
    cut_off(corpus.root / "labels.parquet")
    edit_json(corpus, schema_version=999)
    wheres = [where for _, where, _ in found(corpus)]
    assert wheres == [
        "corpus.json",
        "labels.parquet",
        "frames/s000_0.parquet, column confidence, row 1",
        "frames/s000_0.parquet, column n_faces, row 3",
        "frames/s000_1.parquet",
        "frames/s001_0.parquet",
    ]
    # What is sound is measured all the same.
    measured = {q.recording_id: q.n_rows for q in check_corpus(corpus.root).recordings}
    assert measured == dict.fromkeys(IDS[:3]) | {"s001_1": 30}


def test_errors_stand_before_warnings(corpus):
    scores(corpus, ("gone", "BDI-II", 3.0))
    cut_off(corpus.frames_path("s001_1"))
    assert [severity for severity, _, _ in found(corpus)] == ["error", "warning"]


def test_without_a_recordings_table_frames_tables_are_still_measured(corpus):
    cut_off(corpus.root / "recordings.parquet")
    report = check_corpus(corpus.root)
    assert [p.where for p in report.problems] == ["recordings.parquet"]
    assert [(q.recording_id, q.n_rows, q.status) for q in report.recordings] == [
        (name, 30, None) for name in IDS
    ]
    assert report.recordings[0].outside is None  # nobody knows the size of the picture


def test_a_recording_that_could_not_be_read_has_no_problem_but_no_coverage(corpus):
    name = "s001_1"
    corpus.frames_path(name).unlink()
    gone = {"n_frames": 0, "n_success": 0, "coverage": 0.0, "status": "unreadable"}

    def change(table):
        for column, value in gone.items():
            table = put(column, value, row=3)(table)
        return table

    change_recordings(corpus, change)
    report = check_corpus(corpus.root, [parse_limit("coverage<0.1"), parse_limit("jitter_px>99")])
    assert report.problems == ()
    last = report.recordings[-1]
    assert (last.recording_id, last.status, last.n_rows, last.coverage) == (
        *(name, "unreadable"),
        *(0, 0.0),
    )
    assert [(f.recording_id, f.name, f.value, f.limit) for f in report.failed] == [
        (name, "coverage", 0.0, "coverage<0.1")
    ]
    assert report.need_a_look() == (last,)


def test_an_id_that_is_a_path_leads_nowhere(corpus):
    # A table from elsewhere may hold anything: no file outside the corpus is read by its ids.
    outside = corpus.root.parent / "s000_0.parquet"
    corpus.frames_path("s000_0").rename(outside)
    change_recordings(corpus, put("recording_id", "../../s000_0"))
    (_, column, why), (_, where, what) = found(corpus)
    assert column == "recordings.parquet, column recording_id"
    assert why == "the id '../../s000_0' has a sign that no file's name may have"
    assert where == "frames/../../s000_0.parquet"
    assert what.startswith("is missing")


@pytest.mark.parametrize("groups", [["landmarks"], ["action_units"], ["landmarks", "action_units"]])
def test_optional_groups_may_lack(corpus, groups):
    drop = [c.name for group in groups for c in FRAMES.group(group)]
    for name in IDS:
        change_frames(corpus, lambda t: t.drop(drop), name)
    report = check_corpus(corpus.root)
    assert report.problems == ()
    assert {q.jitter_px is None for q in report.recordings} == {"landmarks" in groups}


def test_an_empty_corpus_is_a_warning(tmp_path):
    corpus = make_tables_corpus(tmp_path / "c", n_subjects=1, seconds=1)
    for folder in ("frames", "."):
        for path in (corpus.root / folder).glob("*.parquet"):
            path.unlink()
    report = check_corpus(corpus.root)
    assert [(p.severity, p.what) for p in report.problems] == [("warning", "is not there yet")]
    assert (report.recordings, report.verdicts()) == ((), [])


def test_what_is_no_corpus_is_refused(tmp_path):
    with pytest.raises(InputError, match="is not a corpus"):
        check_corpus(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        check_corpus(tmp_path / "none")


def test_verdicts_name_recordings_and_values(corpus):
    report = check_corpus(corpus.root, [parse_limit("n_rows<31"), parse_limit("face_px>240")])
    (verdict,) = report.verdicts()
    assert isinstance(verdict, DataError)
    said = "n_rows<31 (s000_0 30, s000_1 30, s001_0 30, s001_1 30)"  # faces are 240 px wide
    assert verdict.what == f"4 of 4 recordings break a limit: {said}"


def test_one_recording_breaks_a_limit(corpus):
    change_recordings(corpus, lambda t: t[:1])
    for name in IDS[1:]:
        corpus.frames_path(name).unlink()
    (verdict,) = check_corpus(corpus.root, [parse_limit("n_rows<31")]).verdicts()
    assert verdict.what == "1 of 1 recording breaks a limit: n_rows<31 (s000_0 30)"
    (corpus.root / "recordings.parquet").unlink()
    assert found(corpus)[0][2] == "is missing, though there is 1 frames table"


IMPORTED = {"importer": "openface", "face": None}

# Of each, a step and what must be said about it; in all of them extract becomes import.
FIXES = {
    "frames missing": "Run the same deptool {} command again: what is missing is made.",
    "frames without a row": "Run the same deptool {} command again: what is missing is made."
    " If it should not be here, delete it.",
    "a track without a row": "Run the same deptool {} command again: what is missing is made."
    " If it should not be here, delete it.",
    "another feature set": "{cap} it again: deptool {} … --force ID",
    "another number of rows": "{cap} it again: deptool {} … --force ID",
    "a timestamp that stands": "{cap} it again: deptool {} … --force ID",
    "a recording twice": "{cap} into a new folder with --out.",
}


@pytest.mark.parametrize("made_by", ["extract", "import"])
@pytest.mark.parametrize("kind", FIXES)
def test_what_to_do_names_the_command_that_made_the_corpus(corpus, kind, made_by):
    if made_by == "import":
        edit_json(corpus, extraction=IMPORTED)
    BREACHES[kind][0](corpus)
    (fix,) = [p.fix for p in check_corpus(corpus.root).problems if p.severity == "error"]
    assert fix == FIXES[kind].format(made_by, cap=made_by.capitalize())


def test_an_import_that_was_interrupted_joins_labels_itself(corpus):
    (corpus.root / "recordings.parquet").unlink()
    again = "Run the same deptool {} command again: what is missing is made. "
    (problem,) = check_corpus(corpus.root).problems
    assert problem.fix == again.format("extract") + "Then join the labels again."
    edit_json(corpus, extraction=IMPORTED)
    (problem,) = check_corpus(corpus.root).problems
    itself = "It joins the labels of its source itself; join others again with deptool label."
    assert problem.fix == again.format("import") + itself


def test_scores_of_no_recording_say_what_to_do(corpus):
    scores(corpus, ("gone", "BDI-II", 3.0))
    edit_json(corpus, extraction=IMPORTED)
    (problem,) = check_corpus(corpus.root).problems
    assert problem.fix == (
        "Join the labels again (deptool label), import what they belong to, or leave it so."
    )


def test_missing_rows_break_a_limit_on_gaps(run, corpus):
    # At 6 rows/s rows 10 to 19 are left out: 10 steps, 1.67 s, beside single unmeasured rows.
    assert run("--fail-if", "longest_gap_s>1")[0] == 0
    change_frames(corpus, lambda t: t.filter(~pl.int_range(pl.len()).is_between(10, 19)))
    left = corpus.frames("s000_0")
    n_success = int(left["success"].sum())
    assert left["success"][9] == left["success"][10] == 1  # else the gap is longer
    for column, value in (
        *(("n_frames", 20), ("n_success", n_success)),
        ("coverage", n_success / 20),
    ):
        change_recordings(corpus, put(column, value))
    code, said = run("--fail-if", "longest_gap_s>1")
    assert (code, "longest_gap_s>1 (s000_0 1.667)" in said) == (7, True)
    assert run("--fail-if", "longest_gap_s>1.7")[0] == 0


def test_an_import_of_a_low_rate_is_not_marked(corpus):
    # Ten times slower: 0.6 rows a second. One recording alone is another 4 times slower.
    for name in IDS:
        change_frames(corpus, lambda t: t.with_columns(pl.col("timestamp") * 10), name)
    assert len(check_corpus(corpus.root).need_a_look()) == 4
    edit_json(corpus, extraction=IMPORTED)
    report = check_corpus(corpus.root)
    assert (report.imported, [q for q in report.need_a_look() if q.fps < 0.5]) == (True, [])
    change_frames(corpus, lambda t: t.with_columns(pl.col("timestamp") * 4), "s001_1")
    page = shown(corpus)
    marked = {line.split()[0] for line in page.splitlines() if "0.6!" in line or "0.1!!" in line}
    assert marked == {"s001_1"}
    (legend,) = [line for line in page.splitlines() if line.startswith("fps ")]
    assert legend.split()[-2:] == ["<0.45", "<0.3"]  # 3/4 and 1/2 of 0.6


def test_progress_ends_with_all(corpus):
    add_track(corpus)
    steps = []
    check_corpus(corpus.root, on_progress=lambda done, of: steps.append((done, of)))
    assert steps == [(k, 5) for k in range(1, 6)]


def test_json_has_everything_and_no_path(corpus):
    cut_off(corpus.frames_path("s000_0"))
    edit_json(corpus, schema_version=999)
    done = CliRunner().invoke(
        app, ["check", str(corpus.root), "--json", "--fail-if", "coverage<0.5"]
    )
    said = json.loads(done.stdout)
    assert list(said) == [
        *("corpus", "imported", "problems", "recordings", "failed", "caches"),
    ]
    assert said["imported"] is False
    assert set(said["recordings"][0]) == {"recording_id", "status", *NAMES}
    assert [p["where"] for p in said["problems"]] == ["corpus.json", "frames/s000_0.parquet"]
    assert [f["recording_id"] for f in said["failed"]] == ["s000_0"]
    assert str(corpus.root.parent) not in done.stdout


@pytest.fixture
def run(corpus, monkeypatch, capsys):
    """Run `deptool check` on the corpus; returns the exit code and what it said on stderr."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["deptool", "check", str(corpus.root), *words])
        with pytest.raises(SystemExit) as end:
            main()
        return end.value.code, capsys.readouterr().err

    return run


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_exit_codes(run, corpus, form):
    assert run(*form)[0] == 0
    assert run(*form, "--fail-if", "coverage<0.1", "--fail-if", "jitter_px > 50")[0] == 0
    code, said = run(*form, "--fail-if", "coverage<0.1", "--fail-if", "n_rows<31")
    assert (code, "n_rows<31 (s000_0 30, " in said) == (7, True)
    code, said = run(*form, "--fail-if", "coverag<0.1")
    assert (code, "Did you mean 'coverage'" in said) == (2, True)
    scores(corpus, ("gone", "BDI-II", 3.0))
    assert run(*form)[0] == 0  # a warning
    cut_off(corpus.frames_path("s001_1"))
    code, said = run(*form, "--fail-if", "n_rows<31")
    # A table that is not sound weighs more, but the limits are told all the same.
    verdict = "Error: corpus 'c': 1 error in the tables: frames/s001_1.parquet"
    assert (code, verdict in said) == (5, True)
    assert "n_rows<31 (s000_0 30, " in said


def shown(corpus, *words):
    done = CliRunner().invoke(app, ["check", str(corpus.root), *words])
    assert done.exit_code == 0, done.stderr
    return done.stdout


def test_the_page_marks_what_needs_a_look_and_says_from_where_on(corpus):
    # 12 of 30 rows are measured: coverage 0.40 is below 0.7, and 18 rows are a gap of 3.0 s.
    keep = pl.int_range(pl.len()) < 12
    empty = [c.name for c in FRAMES.columns if c.nullable]

    def change(table):
        table = table.with_columns(success=keep.cast(pl.Int32))
        there = [c for c in empty if c in table.columns]
        return table.with_columns(pl.when(keep).then(pl.col(c)).alias(c) for c in there)

    change_frames(corpus, change)
    change_recordings(corpus, lambda t: put("coverage", 0.4)(put("n_success", 12)(t)))
    page = shown(corpus)
    assert "c: 4 recordings, 1 to look at" in page
    (row,) = [line for line in page.splitlines() if line.startswith("s000_0")]
    assert row.split()[1:3] == ["0.40!!", "3.0"]
    (legend,) = [line for line in page.splitlines() if line.startswith("coverage")]
    assert legend.split()[-2:] == ["<0.9", "<0.7"]
    assert "In the tables: no problems." in page


def test_a_table_too_wide_loses_columns_without_a_mark_but_no_mark(corpus):
    report = check_corpus(corpus.root)
    fine, odd = report.recordings[0], replace(report.recordings[1], fps=2.0, face_px=50.0)

    def drawn(width, *shown):
        page = Console(width=width, file=io.StringIO())
        page.print(verb._fitting("c", shown, MEASURES, set(), width))
        return page.file.getvalue()

    assert "for columns without a mark" not in drawn(160, fine, odd)
    narrow = drawn(80, fine, odd)
    assert ("50!!" in narrow, "2.0!!" in narrow) == (True, True)
    assert "for columns without a mark: several_faces, outside, frozen_s" in narrow
    # Where even the marked columns do not fit, the marks are told in words.
    bad = {
        "doubtful": 0.5,
        "ambiguous": 0.5,
        "several_faces": 1.0,
        "jitter_pct": 3.0,
        "frozen_s": 20,
    }
    words = " ".join(drawn(60, fine, replace(odd, coverage=0.1, **bad)).split())
    assert "coverage 0.10!!, jitter_pct 3.00!!, doubtful 0.50!!, ambiguous 0.50!!" in words
    assert "face_px 50!!, frozen_s 20.0!!, fps 2.0!!" in words


def test_of_many_recordings_only_those_to_look_at_are_shown(corpus, monkeypatch):
    monkeypatch.setattr(verb, "_MANY", 3)
    assert "s000_0" not in shown(corpus)
    change_recordings(corpus, put("status", "truncated", row=3))
    assert ("s001_1" in shown(corpus), "s000_0" in shown(corpus)) == (True, False)
    assert "s000_0" in shown(corpus, "--all")
    for name in IDS[:2]:  # so that one is left
        change_recordings(corpus, put("status", "truncated", row=IDS.index(name)))
    talk = CliRunner().invoke(app, ["check", str(corpus.root)]).stderr
    assert "nothing is marked: 1 recording. See --all." in talk


def test_no_more_recordings_are_shown_than_can_be_looked_at(corpus, monkeypatch):
    monkeypatch.setattr(verb, "_MANY", 3)
    monkeypatch.setattr(verb, "_ROWS", 2)
    change_recordings(corpus, lambda t: t.with_columns(status=pl.lit("truncated")))
    done = CliRunner().invoke(app, ["check", str(corpus.root)])
    assert [name in shown(corpus) for name in IDS] == [True, True, False, False]
    assert "too many: 2 recordings to look at. See --json or --all." in done.stderr
    assert all(name in shown(corpus, "--all") for name in IDS)


def test_the_same_problem_of_many_tables_is_one_line(corpus):
    for name in IDS:
        other_version(corpus.frames_path(name))
    done = CliRunner().invoke(app, ["check", str(corpus.root)])
    (line,) = [line for line in done.stdout.splitlines() if "schema version 999" in line]
    assert line.startswith("Error: frames/s000_0.parquet and 3 more: ")


def test_recordings_of_all_columns_of_the_schema_are_checked():
    """The counts that `in_counts` compares are still columns of the recordings table."""
    assert {"n_frames", "n_success", "n_ambiguous", "coverage"} <= {
        c.name for c in RECORDINGS.columns
    }


def test_a_corpus_that_is_being_written_says_so(tmp_path):
    corpus = make_tables_corpus(tmp_path / "c", n_subjects=4, sessions=1, seconds=2)
    with corpus.writing((1, 2)):
        during = check_corpus(tmp_path / "c").problems
    assert [p.what for p in during if "right now" in p.what] == [
        "an extract or import is writing it right now: what looks wrong may be half-done"
    ]
    assert not [p for p in check_corpus(tmp_path / "c").problems if "right now" in p.what]


def test_plain_tables_beside_encrypted_ones_are_a_warning(corpus, tmp_path, monkeypatch):
    pytest.importorskip("cryptography")
    plain = corpus.frames_path("s000_1").read_bytes()
    new_key(tmp_path / "k.key")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "k.key"))
    encrypt_tables(corpus.root, read_key(tmp_path / "k.key"))
    assert check_corpus(corpus.root).problems == ()
    corpus.frames_path("s000_1").write_bytes(plain)
    (problem,) = check_corpus(corpus.root).problems
    assert (problem.where, problem.severity) == ("frames/s000_1.parquet", "warning")
    assert "who lacks the key could have put or changed it" in problem.what


def test_the_verdict_names_the_first_file(corpus):
    for name in IDS[1:3]:
        other_version(corpus.frames_path(name))
    (verdict,) = check_corpus(corpus.root).verdicts()
    assert verdict.what == "2 errors in the tables, the first in frames/s000_1.parquet"
