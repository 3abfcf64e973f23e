"""`deptool release`: a corpus that is one, with less in it, and nothing of where it came from."""

import contextlib
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
from deptool.release import Released, release_corpus, settings_of
from deptool.schema import FRAMES
from deptool.synth import synthesise
from deptool.tables import read_table, write_table
from fixtures.releases import make_raw
from fixtures.tables import make_tables_corpus
from tests.conftest import Run, corpus_files

KEY = Key(bytes(range(32)))
LEVELS = ("dynamics", "shape", "summary")
DOCUMENTS = {
    *("README.md", "croissant.json", "data_dictionary.csv", "data_dictionary.md", "licences.md"),
    *("processing_record.json", "processing_record.md", "quality.json", "quality.md"),
    "ro-crate-metadata.json",
}


def release(root: Path, out: Path, settings: object, key: Key = KEY, **more: object) -> Released:
    """Without an audit, which takes seconds and is tested by itself."""
    return release_corpus(root, out, settings, key, **{"audited": False, **more})


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
        level: release(cohort.root, place / level, settings_of(level), KEY).corpus
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
    again = release(cohort.root, tmp_path / "summary", settings_of("summary"), KEY).corpus
    assert corpus_files(again.root) == corpus_files(released["summary"].root)
    other = Key(bytes(32))
    release(cohort.root, tmp_path / "other", settings_of("summary"), other)
    names = {p.name for p in (tmp_path / "other" / "frames").iterdir()}
    assert not names & {p.name for p in (again.root / "frames").iterdir()}


def test_every_step_and_its_numbers_stand_in_corpus_json(cohort: Corpus, tmp_path: Path) -> None:
    settings = settings_of("dynamics", ("trim_s=5", "au=0.5", "fps=3"), k_same=3)
    about = release(cohort.root, tmp_path / "out", settings, KEY).corpus.about
    entry = about["release"]
    steps = {step["name"]: step["parameters"] for step in entry["steps"]}
    assert list(steps) == [
        *("pseudonyms", "clock", "unmeasured", "box", "place", "k-same"),
        *("landmarks", "rounding"),
    ]
    assert steps["clock"] == {"fps_at_most": 3, "trim_s": 5}
    assert steps["k-same"]["k"] == 3
    assert steps["rounding"]["au"] == 0.5
    assert about["feature_set"] == "synthetic-1-dynamics-1"
    assert about["synthetic"] is True
    assert entry["extraction"] == {"fps": 6, "tool": "synth"}  # what is no plain word is not told
    assert entry["key_id"] == KEY.id
    assert len(about["deidentification"]) == 2 + len(steps)


def test_k_same_gives_all_recordings_of_a_group_the_same_medians(
    cohort: Corpus, tmp_path: Path
) -> None:
    fine = ("au=0.001", "angle_rad=0.0001", "gaze=0.0001")
    done = release(cohort.root, tmp_path / "out", settings_of("dynamics", fine, k_same=4), KEY)
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
    there = release(cohort.root, tmp_path / "out", settings, KEY).corpus.subjects()
    names, raw = Pseudonyms(KEY), cohort.subjects()
    ages = {names.of("subject", s): age for s, age in raw.select("subject_id", "age").rows()}
    for subject, age in there.select("subject_id", "age").rows():
        assert age % 10 == 0
        assert abs(age - ages[subject]) <= 5


def test_links_are_written_only_where_asked_and_apart(cohort: Corpus, tmp_path: Path) -> None:
    settings = settings_of("dynamics")
    links = tmp_path / "links.csv"
    release(cohort.root, tmp_path / "out", settings, KEY, links=links)
    assert stat.S_IMODE(links.stat().st_mode) == 0o600
    table = pl.read_csv(links)
    assert set(table["kind"]) == {"recording", "session", "subject"}
    assert table["pseudonym"][0] == Pseudonyms(KEY).of("recording", table["id"][0])
    for place in (tmp_path / "next" / "links.csv", cohort.root / "links.csv"):
        with pytest.raises(UsageError, match="link table must not lie in a corpus"):
            release(cohort.root, tmp_path / "next", settings, KEY, links=place)
        assert not (tmp_path / "next").exists()


def test_a_release_that_fails_leaves_nothing(cohort: Corpus, tmp_path: Path) -> None:
    def stop(what: str, done: int, of: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        release(cohort.root, tmp_path / "out", settings_of("shape"), KEY, on_progress=stop)
    assert not list(tmp_path.iterdir())


def test_what_a_killed_release_left_is_named(tmp_path: Path) -> None:
    make_tables_corpus(tmp_path / "corpus", n_subjects=4, seconds=6)
    new_key(tmp_path / "k")
    for name in (".out.0123abcd.tmp", ".other.0123abcd.tmp"):
        (tmp_path / name).mkdir()
    words = ("corpus", "out", "--level", "dynamics", "--key-file", "k", "--no-audit")
    with contextlib.chdir(tmp_path):
        done = CliRunner().invoke(app, ["release", *words])
    assert done.exit_code == 0
    assert ".out.0123abcd.tmp was left by a release that was killed" in done.stderr
    assert ".other." not in done.stderr


def test_while_it_is_built_a_release_is_its_owners_alone(cohort: Corpus, tmp_path: Path) -> None:
    modes = set()

    def look(what: str, done: int, of: int) -> None:
        modes.update(stat.S_IMODE(p.stat().st_mode) for p in tmp_path.iterdir())

    release(cohort.root, tmp_path / "out", settings_of("summary"), KEY, on_progress=look)
    assert modes == {0o700}


def test_what_makes_no_sense_is_refused_with_what_to_do(cohort: Corpus, tmp_path: Path) -> None:
    settings = settings_of("dynamics")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").touch()
    for out in (tmp_path / "full", tmp_path / "full" / "a"):
        with pytest.raises(UsageError, match="there already"):
            release(cohort.root, out, settings, KEY)
    with pytest.raises(UsageError, match="apart from every corpus"):
        release(cohort.root, cohort.root / "public", settings, KEY)
    with pytest.raises(InputError, match="no such folder"):
        release(tmp_path / "nowhere", tmp_path / "out", settings, KEY)
    with pytest.raises(UsageError, match=r"no level named 'shapes'"):
        settings_of("shapes")
    for words in (("window=3",), ("windows_s=3",), ("aus=1",)):
        with pytest.raises(SettingsError, match="unknown setting") as unknown:
            settings_of("summary", words)
        known = str(unknown.value.fix)  # those of the level and those of all levels
        assert all(name in known for name in ("window_s", "fps", "trim_s", "au", "place_mm"))
    with pytest.raises(SettingsError, match="au must be above 0"):
        settings_of("summary", ("au=0",))
    with pytest.raises(DataError, match="k-same of 9 needs 9 persons"):
        release(cohort.root, tmp_path / "out", settings_of("shape", k_same=9), KEY)
    with pytest.raises(UsageError, match="k-same does not hold for this level"):
        release(cohort.root, tmp_path / "out", settings_of("summary", k_same=2), KEY)
    with pytest.raises(DataError, match="nothing is left of any recording") as nothing:
        release(cohort.root, tmp_path / "out", settings_of("dynamics", ("trim_s=60",)), KEY)
    assert "trim_s" in str(nothing.value.fix)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["full"]


def test_what_cannot_be_audited_is_refused_before_the_work(cohort: Corpus, tmp_path: Path) -> None:
    def stop(what: str, done: int, of: int) -> None:
        raise AssertionError(what)

    with pytest.raises(UsageError, match="no model named 'foo'"):
        release_corpus(
            *(cohort.root, tmp_path / "out", settings_of("shape"), KEY),
            utility="foo",
            on_progress=stop,
        )
    settings = settings_of("shape", k_same=9)
    with pytest.raises(DataError, match="k-same of 9"):
        release(cohort.root, tmp_path / "out", settings, KEY, on_progress=stop)


def test_recordings_of_which_nothing_is_left_are_left_out_with_all_that_is_theirs(
    tmp_path: Path,
) -> None:
    """One is shorter than a window, one hardly measured: no row of theirs is in a summary."""
    corpus = make_raw(tmp_path / "raw", n_subjects=4, seconds=12)
    names = [row["recording_id"] for row in corpus.recordings().sort("subject_id").to_dicts()]
    short, lost = (corpus.frames_path(name) for name in names[:2])
    write_table(short, FRAMES, read_table(short, FRAMES)[:30])  # 5 s
    table = read_table(lost, FRAMES)
    values = [c.name for c in FRAMES.columns if c.nullable and c.name in table.columns]
    gone = pl.col("frame") > 20
    emptied = table.with_columns(
        *(pl.when(~gone).then(pl.col(name)).alias(name) for name in values if name != "status"),
        success=pl.when(gone).then(0).otherwise("success").cast(pl.Int32),
        status=pl.when(gone).then(pl.lit("no_face")).otherwise("status"),
    )
    write_table(lost, FRAMES, emptied)
    settings = settings_of("summary", keep_attributes=True)
    done = release(corpus.root, tmp_path / "out", settings, KEY)
    left = {Pseudonyms(KEY).of("subject", f"s00{n}") for n in (2, 3)}
    assert set(done.corpus.recordings()["subject_id"]) == left
    assert set(done.corpus.subjects()["subject_id"]) == left
    assert len(done.corpus.labels()) == 2
    assert len(list((done.corpus.root / "frames").iterdir())) == 2
    assert len(list((done.corpus.root / "embeddings" / "summary").glob("r*"))) == 2
    assert (done.written.n_recordings, done.written.n_persons) == (2, 2)
    assert done.written.left_out == {"recordings not measured or too short": 2}
    rows = done.corpus.recordings()
    assert rows["duration_s"].to_list() == [10, 10]  # the one whole window of 12 s
    assert rows["fps"].to_list() == pytest.approx([0.1, 0.1])
    assert not check_corpus(done.corpus.root).problems


def test_attributes_that_nobody_knows_are_not_said_to_be_kept(tmp_path: Path) -> None:
    make_tables_corpus(tmp_path / "raw", n_subjects=4, seconds=6)
    settings = settings_of("dynamics", keep_attributes=True)
    about = release(tmp_path / "raw", tmp_path / "out", settings, KEY).corpus.about["release"]
    assert about["kept_attributes"] == []
    assert "attributes" not in {step["name"] for step in about["steps"]}


def test_a_release_is_not_released_again(released: dict[str, Corpus], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="release already"):
        release(released["shape"].root, tmp_path / "out", settings_of("dynamics"), KEY)


def test_a_table_whose_clock_goes_back_is_named(tmp_path: Path) -> None:
    corpus = make_tables_corpus(tmp_path / "corpus", n_subjects=4, sessions=1, seconds=3)
    path = corpus.frames_path("s002_0")
    table = read_table(path, FRAMES)
    write_table(path, FRAMES, table.with_columns(timestamp=pl.col("timestamp").reverse()))
    assert in_time(read_table(path, FRAMES), path.name)
    with pytest.raises(SchemaError, match="must ascend") as caught:
        release(corpus.root, tmp_path / "out", settings_of("dynamics"), KEY)
    assert "s002_0" in str(caught.value.where)


def test_a_stranger_with_a_huge_clock_is_refused_and_memory_is_not_filled(tmp_path: Path) -> None:
    corpus = make_tables_corpus(tmp_path / "corpus", n_subjects=4, sessions=1, seconds=3)
    path = corpus.frames_path("s002_0")
    table = read_table(path, FRAMES)
    late = np.arange(len(table), dtype=np.float32)
    late[-1] = 1e30
    write_table(path, FRAMES, table.with_columns(timestamp=pl.Series(late)))
    with pytest.raises(SchemaError, match="goes on for"):
        release(corpus.root, tmp_path / "out", settings_of("summary"), KEY)


def test_the_verb_says_what_it_did(tmp_path: Path, deptool: Run) -> None:
    make_tables_corpus(tmp_path / "corpus", n_subjects=4, seconds=6)
    new_key(tmp_path / "k")
    words = (
        "release",
        "corpus",
        "out",
        "--level",
        "dynamics",
        "--key-file",
        "k",
        "--json",
        "--no-audit",
    )
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


def test_a_release_is_audited_and_what_goes_with_it_names_nobody(
    cohort: Corpus, tmp_path: Path
) -> None:
    done = release(
        cohort.root, tmp_path / "out", settings_of("dynamics"), audited=True, utility="none"
    )
    assert done.audit is not None
    assert done.audit.judged == "released"
    worst = {person for o in done.audit.outcomes for person, _ in o.worst}
    assert worst  # whoever releases is told
    text = (tmp_path / "out" / "audit.json").read_text() + (
        tmp_path / "out" / "audit.html"
    ).read_text()
    assert not any(person in text for person in worst)
    assert cohort.name not in text
    assert json.loads((tmp_path / "out" / "audit.json").read_text())["judged"] == "released"
    listed = json.loads((tmp_path / "out" / "ro-crate-metadata.json").read_text())["@graph"]
    assert "audit.html" in {entity["@id"] for entity in listed}


def test_persons_who_are_not_known_mean_no_audit_and_a_release_all_the_same(
    tmp_path: Path,
) -> None:
    corpus = make_tables_corpus(tmp_path / "corpus", n_subjects=4, sessions=1, seconds=3)
    rows = corpus.recordings().with_columns(subject_id=pl.lit(None, pl.String))
    corpus.write_recordings(rows)
    done = release(corpus.root, tmp_path / "out", settings_of("dynamics"), audited=True)
    assert done.audit is None
    assert done.audit_why
    assert not (tmp_path / "out" / "audit.json").exists()
    assert check_corpus(tmp_path / "out").recordings


def test_an_encrypted_release_is_a_corpus_to_whoever_has_its_key(
    cohort: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = new_key(tmp_path / "other")
    settings = settings_of("summary", keep_attributes=True)
    done = release(cohort.root, tmp_path / "out", settings, encrypt_with=other)
    assert done.encrypted
    files = corpus_files(tmp_path / "out")
    tables = {name: content for name, content in files.items() if name.endswith(".parquet")}
    assert len(tables) == 3 + 16 + 16
    assert all(content[:4] == b"PARE" for content in tables.values())
    sizes = json.loads(files["ro-crate-metadata.json"])["@graph"]
    said = {e["@id"]: e.get("contentSize") for e in sizes}
    assert str(said["labels.parquet"]) == str(len(tables["labels.parquet"]))
    with pytest.raises(InputError, match="is encrypted"):
        open_corpus(tmp_path / "out").recordings()
    monkeypatch.setenv("DEPTOOL_KEY_FILE", str(tmp_path / "other"))
    report = check_corpus(tmp_path / "out")
    assert not report.problems
    assert len(report.recordings) == 16
    with pytest.raises(UsageError, match="under the key of the pseudonyms"):
        release(cohort.root, tmp_path / "next", settings, encrypt_with=KEY)


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
