"""`deptool release`: a corpus that is one, with less in it, and nothing of where it came from."""

import json
import re
import stat
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from deptool.check import check_corpus
from deptool.cli.main import app
from deptool.cohort.settings import SynthSettings
from deptool.corpus import Corpus, open_corpus
from deptool.embeddings import read_embedding
from deptool.errors import DataError, InputError, SchemaError, SettingsError, UsageError
from deptool.key_file import Key, new_key
from deptool.keys import in_time
from deptool.pseudonyms import Pseudonyms
from deptool.release import release_corpus, settings_of
from deptool.schema import FRAMES
from deptool.synth import synthesise
from deptool.tables import read_table, write_table
from fixtures.tables import make_tables_corpus
from tests.conftest import Run, corpus_files

KEY = Key(bytes(range(32)))
LEVELS = ("dynamics", "shape", "summary")
DOCUMENTS = {
    *("README.md", "croissant.json", "data_dictionary.csv", "data_dictionary.md", "licences.md"),
    *("processing_record.json", "processing_record.md", "quality.json", "quality.md"),
    "ro-crate-metadata.json",
}


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """A cohort with a voice stream, a table of other faces, a mesh, and dates in odd places."""
    root = tmp_path_factory.mktemp("private") / "cohort"
    corpus = synthesise(root, SynthSettings(subjects=8, seconds=20, voice=True)).corpus
    rows = corpus.recordings().with_columns(
        reason=pl.lit("filmed on 2024-03-05 by J. Doe"), status=pl.lit("truncated")
    )
    corpus.write_recordings(rows)
    (root / "mesh").mkdir()
    (root / "mesh" / "P0001_1.parquet").write_bytes(b"a mesh")
    (root / "tracks").mkdir()
    (root / "tracks" / "P0001_1.parquet").write_bytes(b"other faces")
    (root / "notes.txt").write_text("P0001 is J. Doe", encoding="utf-8")
    about = dict(corpus.about, extraction={"fps": 6, "roi": "/data/J. Doe.mp4", "tool": "synth"})
    return corpus.with_about({**about, "corpus_notes": ["P0001_1: from /data/J. Doe.mp4"]})


@pytest.fixture(scope="module")
def released(cohort: Corpus, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Corpus]:
    place = tmp_path_factory.mktemp("public")
    return {
        level: release_corpus(cohort.root, place / level, settings_of(level), KEY).corpus
        for level in LEVELS
    }


@pytest.mark.parametrize("level", LEVELS)
def test_a_release_is_a_sound_corpus(released: dict[str, Corpus], level: str) -> None:
    report = check_corpus(released[level].root)
    assert not report.problems
    assert len(report.recordings) == 16
    assert not report.need_a_look()


@pytest.mark.parametrize("level", LEVELS)
def test_nothing_of_the_source_is_in_any_file_name_or_byte(
    released: dict[str, Corpus], level: str
) -> None:
    """Ids, notes, reasons and paths of the private corpus; texts of Parquet as they are read."""
    files = corpus_files(released[level].root)
    texts = [" ".join(files)]
    for name, content in files.items():
        if name.endswith(".parquet"):
            table = pq.read_table(released[level].root / name)
            texts.append(str(table.schema) + str(table.schema.metadata))
            columns = [c for c in table.column_names if str(table.schema.field(c).type) == "string"]
            texts.append(str(table.select(columns).to_pydict()))
        else:
            texts.append(content.decode())
    for text in texts:
        assert not re.search(r"P\d{4}|Doe|2024|/data|mp4", text)


@pytest.mark.parametrize("level", LEVELS)
def test_only_what_is_listed_is_there(released: dict[str, Corpus], level: str) -> None:
    expected = {"corpus.json", "frames", "labels.parquet", "recordings.parquet", *DOCUMENTS}
    expected |= {"embeddings"} if level == "summary" else set()
    assert {p.name for p in released[level].root.iterdir()} == expected
    assert released[level].about["release"]["left_out"] == {
        "embedding caches": 1,
        "tables of other faces": 1,
        "meshes": 1,
        "persons' gender and age": 8,
    }


@pytest.mark.parametrize("level", LEVELS)
def test_file_facts_are_empty_and_statuses_plain(released: dict[str, Corpus], level: str) -> None:
    table = released[level].recordings()
    for name in ("width", "height", "fps_source", "reason"):
        assert table[name].null_count() == 16
    assert set(table["status"]) == {"ok"}


def test_pseudonyms_keep_who_belongs_together(cohort: Corpus, released: dict[str, Corpus]) -> None:
    names = Pseudonyms(KEY)
    raw, there = cohort.recordings(), released["dynamics"].recordings()
    expected = {
        (
            names.of("recording", row["recording_id"]),
            names.of("subject", row["subject_id"]),
            names.of("session", row["session_id"]),
            row["split"],
        )
        for row in raw.iter_rows(named=True)
    }
    assert set(there.select("recording_id", "subject_id", "session_id", "split").rows()) == expected
    scores = {names.of("session", s): score for s, _, score in cohort.labels().rows()}
    assert {s: score for s, _, score in released["dynamics"].labels().rows()} == scores


def test_neither_rows_nor_files_keep_the_corpus_order_or_its_time(
    cohort: Corpus, released: dict[str, Corpus]
) -> None:
    table = released["shape"].recordings()
    back = {Pseudonyms(KEY).of("recording", r): r for r in cohort.recordings()["recording_id"]}
    order = [back[name] for name in table["recording_id"]]
    assert order != sorted(order)  # 16 recordings: by chance one time in 2e13
    times = {p.stat().st_mtime for p in released["shape"].root.rglob("*")}
    assert times == {315_532_800.0}  # 1980-01-01 00:00 UTC


def test_the_same_corpus_and_key_give_the_same_bytes(
    cohort: Corpus, released: dict[str, Corpus], tmp_path: Path
) -> None:
    again = release_corpus(cohort.root, tmp_path / "summary", settings_of("summary"), KEY).corpus
    assert corpus_files(again.root) == corpus_files(released["summary"].root)
    other = Key(bytes(32))
    release_corpus(cohort.root, tmp_path / "other", settings_of("summary"), other)
    names = {p.name for p in (tmp_path / "other" / "frames").iterdir()}
    assert not names & {p.name for p in (again.root / "frames").iterdir()}


def test_every_step_and_its_numbers_stand_in_corpus_json(cohort: Corpus, tmp_path: Path) -> None:
    settings = settings_of("summary", ("window_s=5", "au=0.5", "fps=3"), k_same=3)
    about = release_corpus(cohort.root, tmp_path / "out", settings, KEY).corpus.about
    release = about["release"]
    steps = {step["name"]: step["parameters"] for step in release["steps"]}
    assert list(steps) == [
        *("pseudonyms", "clock", "unmeasured", "box", "place", "k-same"),
        *("landmarks", "windows", "rounding"),
    ]
    assert steps["clock"]["fps"] == 3
    assert steps["k-same"]["k"] == 3
    assert steps["windows"]["window_s"] == 5
    assert steps["rounding"]["au"] == 0.5
    assert about["feature_set"] == "synthetic-1-summary-1"
    assert about["synthetic"] is True
    assert release["extraction"] == {"fps": 6, "tool": "synth"}  # what is no plain word is not told
    assert release["key_id"] == KEY.id
    assert len(about["deidentification"]) == 2 + len(steps)


def test_k_same_gives_all_recordings_of_a_group_the_same_medians(
    cohort: Corpus, tmp_path: Path
) -> None:
    fine = ("au=0.001", "angle_rad=0.0001", "gaze=0.0001")
    done = release_corpus(
        cohort.root, tmp_path / "out", settings_of("dynamics", fine, k_same=4), KEY
    )
    medians: dict[float, set[str]] = {}
    for row in done.corpus.recordings().iter_rows(named=True):
        table = done.corpus.frames(row["recording_id"])
        # What a person looks down with at rest differs between any two of them in the raw corpus.
        medians.setdefault(round(table["pose_Rx"].median(), 3), set()).add(row["subject_id"])
    assert len(medians) == 2
    assert all(len(persons) == 4 for persons in medians.values())


def test_summary_vectors_are_a_cache_of_the_release(released: dict[str, Corpus]) -> None:
    corpus = released["summary"]
    name = corpus.recordings()["recording_id"][0]
    found = read_embedding(corpus.embedding_path("summary", name))
    assert found.start.tolist() == [0, 10]
    assert not found.encoding.identifies_people
    means = corpus.frames(name)
    at = found.encoding.parts["mean"][0] + found.encoding.columns["values"].index("AU12_r")
    assert np.abs(found.vectors[:, at] - means["AU12_r"].to_numpy()).max() <= 0.05 + 0.005


def test_attributes_are_released_where_asked_with_age_in_tens(
    cohort: Corpus, tmp_path: Path
) -> None:
    settings = settings_of("summary", keep_attributes=True)
    there = release_corpus(cohort.root, tmp_path / "out", settings, KEY).corpus.subjects()
    names, raw = Pseudonyms(KEY), cohort.subjects()
    ages = {names.of("subject", s): age for s, age in raw.select("subject_id", "age").rows()}
    for subject, age in there.select("subject_id", "age").rows():
        assert age % 10 == 0
        assert abs(age - ages[subject]) <= 5


def test_links_are_written_only_where_asked_and_apart(cohort: Corpus, tmp_path: Path) -> None:
    settings = settings_of("dynamics")
    links = tmp_path / "links.csv"
    release_corpus(cohort.root, tmp_path / "out", settings, KEY, links=links)
    assert stat.S_IMODE(links.stat().st_mode) == 0o600
    table = pl.read_csv(links)
    assert set(table["kind"]) == {"recording", "session", "subject"}
    assert table["pseudonym"][0] == Pseudonyms(KEY).of("recording", table["id"][0])
    for place in (tmp_path / "next" / "links.csv", cohort.root / "links.csv"):
        with pytest.raises(UsageError, match="link table must not lie in a corpus"):
            release_corpus(cohort.root, tmp_path / "next", settings, KEY, links=place)
        assert not (tmp_path / "next").exists()


def test_a_release_that_fails_leaves_nothing(cohort: Corpus, tmp_path: Path) -> None:
    def stop(what: str, done: int, of: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        release_corpus(cohort.root, tmp_path / "out", settings_of("shape"), KEY, on_progress=stop)
    assert not list(tmp_path.iterdir())


def test_while_it_is_built_a_release_is_its_owners_alone(cohort: Corpus, tmp_path: Path) -> None:
    modes = set()

    def look(what: str, done: int, of: int) -> None:
        modes.update(stat.S_IMODE(p.stat().st_mode) for p in tmp_path.iterdir())

    release_corpus(cohort.root, tmp_path / "out", settings_of("summary"), KEY, on_progress=look)
    assert modes == {0o700}


def test_what_makes_no_sense_is_refused_with_what_to_do(cohort: Corpus, tmp_path: Path) -> None:
    settings = settings_of("dynamics")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").touch()
    for out in (tmp_path / "full", tmp_path / "full" / "a"):
        with pytest.raises(UsageError, match="there already"):
            release_corpus(cohort.root, out, settings, KEY)
    with pytest.raises(UsageError, match="apart from every corpus"):
        release_corpus(cohort.root, cohort.root / "public", settings, KEY)
    with pytest.raises(InputError, match="no such folder"):
        release_corpus(tmp_path / "nowhere", tmp_path / "out", settings, KEY)
    with pytest.raises(UsageError, match=r"no level named 'shapes'"):
        settings_of("shapes")
    with pytest.raises(SettingsError, match="unknown setting 'window'"):
        settings_of("summary", ("window=3",))
    with pytest.raises(SettingsError, match="au must be above 0"):
        settings_of("summary", ("au=0",))
    with pytest.raises(DataError, match="k-same of 9 needs 9 persons"):
        release_corpus(cohort.root, tmp_path / "out", settings_of("shape", k_same=9), KEY)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["full"]


def test_a_release_is_not_released_again(released: dict[str, Corpus], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="release already"):
        release_corpus(released["shape"].root, tmp_path / "out", settings_of("dynamics"), KEY)


def test_a_table_whose_clock_goes_back_is_named(tmp_path: Path) -> None:
    corpus = make_tables_corpus(tmp_path / "corpus", n_subjects=4, sessions=1, seconds=3)
    path = corpus.frames_path("s002_0")
    table = read_table(path, FRAMES)
    write_table(path, FRAMES, table.with_columns(timestamp=pl.col("timestamp").reverse()))
    assert in_time(read_table(path, FRAMES), path.name)
    with pytest.raises(SchemaError, match="must ascend") as caught:
        release_corpus(corpus.root, tmp_path / "out", settings_of("dynamics"), KEY)
    assert "s002_0" in str(caught.value.where)


def test_a_stranger_with_a_huge_clock_does_not_fill_memory(tmp_path: Path) -> None:
    corpus = make_tables_corpus(tmp_path / "corpus", n_subjects=4, sessions=1, seconds=3)
    path = corpus.frames_path("s002_0")
    table = read_table(path, FRAMES)
    late = np.arange(len(table), dtype=np.float32)
    late[-1] = 1e30
    write_table(path, FRAMES, table.with_columns(timestamp=pl.Series(late)))
    done = release_corpus(corpus.root, tmp_path / "out", settings_of("summary"), KEY)
    assert done.n_recordings == 4


def test_the_verb_says_what_it_did(tmp_path: Path, deptool: Run) -> None:
    make_tables_corpus(tmp_path / "corpus", n_subjects=4, seconds=6)
    new_key(tmp_path / "k")
    words = ("release", "corpus", "out", "--level", "dynamics", "--key-file", "k", "--json")
    done = deptool(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["n_recordings"] == 8
    assert said["n_persons"] == 4
    assert "remains personal data" in done.stderr
    assert not re.search(r"s00\d", done.stderr + done.stdout)  # no id of the private corpus
    again = deptool(*words, cwd=tmp_path)
    assert again.returncode == 2
    assert "there already" in again.stderr
    assert open_corpus(tmp_path / "out").name == "out"


def test_a_missing_key_is_an_error_of_one_line(tmp_path: Path) -> None:
    make_tables_corpus(tmp_path / "corpus", n_subjects=4, sessions=1, seconds=3)
    words = ["release", str(tmp_path / "corpus"), str(tmp_path / "out"), "--level", "shape"]
    done = CliRunner().invoke(app, [*words, "--key-file", str(tmp_path / "none")])
    assert isinstance(done.exception, InputError)
    assert [p.name for p in tmp_path.iterdir()] == ["corpus"]


@pytest.mark.parametrize("level", LEVELS)
def test_models_train_on_a_release(
    released: dict[str, Corpus], level: str, tmp_path: Path, deptool: Run
) -> None:
    words = ["--protocol", "group-kfold:3", "--out", str(tmp_path / "run"), "--model", "ridge"]
    done = deptool("train", released[level].root, *words)
    assert done.returncode == 0, done.stderr
    assert "ridge" in done.stdout
