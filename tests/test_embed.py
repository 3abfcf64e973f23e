"""`embed`: what it writes, keeps, makes again, refuses and names."""

import json
import shutil

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from filelock import FileLock

from deptool.check import check_corpus
from deptool.corpus import open_corpus
from deptool.embed import EmbedSettings, embed
from deptool.embed_one import Job, Plan, Worker
from deptool.embeddings import Embedding, read_embedding, write_embedding
from deptool.encoders import hog
from deptool.errors import DataError, InputError, SettingsError, UsageError
from deptool.schema import FRAMES
from deptool.settings import resolve
from deptool.tables import write_table
from fixtures.embeddable import SIDE, buzz, corpus_of, video
from fixtures.tables import make_tables_corpus

BEHAVIOUR = EmbedSettings(jobs=1)
HOG = EmbedSettings(encoder="hog", jobs=1)


@pytest.fixture
def tables(tmp_path):
    """Four recordings of 30 rows, of two persons; no videos."""
    return make_tables_corpus(tmp_path / "corpus", n_subjects=2, seconds=5)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Videos a (with sound), b (without) and a corpus of them and of c, whose video is gone."""
    root = tmp_path_factory.mktemp("place")
    video(root / "videos" / "a.mkv", 2.0, sound=buzz(2, 200))
    video(root / "videos" / "b.mp4", 1.0)
    video(root / "videos" / "stranger.mp4", 0.5)
    corpus_of(root / "corpus", {"a": 2.0, "b": 1.0, "c": 1.0}, no_face=[2, 3])
    return root


@pytest.fixture
def copied(place, tmp_path):
    shutil.copytree(place, tmp_path, dirs_exist_ok=True)
    return tmp_path


def _stamps(corpus, name):
    folder = corpus.root / "embeddings" / name
    return {p.name: p.stat().st_mtime_ns for p in sorted(folder.glob("*.parquet"))}


def test_of_tables_every_recording_has_vectors_with_times(tables):
    summary = embed(tables.root, None, BEHAVIOUR)
    assert [d.recording_id for d in summary.done] == ["s000_0", "s000_1", "s001_0", "s001_1"]
    assert not summary.failed
    name = tables.recordings().sort("n_success")["recording_id"][0]
    found = read_embedding(tables.embedding_path("behaviour", name))
    # 30 rows at 6 a second; where no face was measured, a vector is zeros and not valid.
    np.testing.assert_allclose(found.start, np.arange(30) / 6, atol=1e-6)
    np.testing.assert_allclose(found.end, np.arange(1, 31) / 6, atol=1e-6)
    missing = tables.frames(name)["success"].to_numpy() == 0
    assert missing.any()
    assert not found.valid[missing].any()
    assert not found.vectors[missing].any()
    assert found.encoding.digest == summary.encoding.digest
    assert list(found.encoding.parts) == ["shape", "motion", "action_units"]  # in their order


def test_metadata_say_what_made_the_vectors(tables):
    embed(tables.root, None, BEHAVIOUR)
    schema = pq.read_schema(tables.embedding_path("behaviour", "s000_0"))
    about = {k.decode(): v.decode() for k, v in schema.metadata.items()}
    assert about["deptool.encoder"] == "behaviour"
    assert about["deptool.identifies_people"] == "false"
    assert about["deptool.hop_s"] == f"{1 / 6:g}"
    assert int(about["deptool.dimension"]) == schema.field("vector").type.list_size
    assert json.loads(about["deptool.encoding"])["settings"] == {"fps": 6.0}
    assert str(tables.root) not in str(about)


def test_a_second_run_keeps_what_is_there_and_makes_what_is_not(tables):
    embed(tables.root, None, BEHAVIOUR)
    before = _stamps(tables, "behaviour")
    tables.embedding_path("behaviour", "s001_0").unlink()
    tables.embedding_path("behaviour", "s001_1").write_bytes(b"PAR1 cut off")
    leftover = tables.root / "embeddings/behaviour/.s001.12345678.tmp.parquet"
    leftover.write_bytes(b"half")
    summary = embed(tables.root, None, BEHAVIOUR)
    assert summary.kept == 2
    assert [d.recording_id for d in summary.done] == ["s001_0", "s001_1"]
    after = _stamps(tables, "behaviour")
    assert {k: v for k, v in after.items() if k.startswith("s000")} == {
        k: v for k, v in before.items() if k.startswith("s000")
    }
    assert not leftover.exists()


def test_the_same_corpus_gives_the_same_bytes(tables):
    path = tables.embedding_path("behaviour", "s000_0")
    embed(tables.root, None, BEHAVIOUR)
    first = path.read_bytes()
    path.unlink()
    embed(tables.root, None, BEHAVIOUR)
    assert path.read_bytes() == first


def test_vectors_of_a_table_that_changed_are_made_again(tables):
    embed(tables.root, None, BEHAVIOUR)
    before = _stamps(tables, "behaviour")
    changed = tables.frames("s000_1").with_columns(x_30=pl.col("x_30") + 5)
    write_table(tables.frames_path("s000_1"), FRAMES, changed)
    summary = embed(tables.root, None, BEHAVIOUR)
    assert [d.recording_id for d in summary.done] == ["s000_1"]
    after = _stamps(tables, "behaviour")
    assert [name for name in after if after[name] != before[name]] == ["s000_1.parquet"]


def test_other_settings_are_refused_by_name_and_another_name_takes_them(tables):
    embed(tables.root, None, BEHAVIOUR)
    slower = EmbedSettings(options=("fps=3",), jobs=1)
    with pytest.raises(DataError, match=r"fps is 6\.0, not 3\.0") as caught:
        embed(tables.root, None, slower)
    assert "--as" in (caught.value.fix or "")
    embed(tables.root, None, EmbedSettings(options=("fps=3",), name="slow", jobs=1))
    for name, fps in (("slow", 3), ("behaviour", 6)):
        found = read_embedding(tables.embedding_path(name, "s000_0"))
        np.testing.assert_allclose(np.diff(found.start), 1 / fps, atol=1e-6)


def test_half_is_half_and_another_cache(tables):
    embed(tables.root, None, EmbedSettings(half=True, name="half", jobs=1))
    embed(tables.root, None, BEHAVIOUR)
    path = tables.embedding_path("half", "s000_0")
    assert str(pq.read_schema(path).field("vector").type.value_type) == "halffloat"
    halves, whole = (
        read_embedding(tables.embedding_path(name, "s000_0")) for name in ("half", "behaviour")
    )
    # float16 has 11 bits of mantissa: a relative error of at most 2^-11.
    np.testing.assert_allclose(halves.vectors, whole.vectors, rtol=2**-11, atol=1e-6)
    with pytest.raises(DataError, match="its vectors are float32, not float16"):
        embed(tables.root, None, EmbedSettings(half=True, jobs=1))


def test_a_number_that_float16_cannot_hold_is_its_largest(tmp_path):
    encoding = hog.encoding(hog.Settings(px=16, cell=16, block=1, orientations=2), None)
    times = np.arange(2.0)
    vectors = np.array([[1e6, -1e6], [1, 2]], np.float32)
    made = Embedding(encoding, times, times + 1, vectors, np.array([True, True]))
    write_embedding(tmp_path / "a.parquet", made, half=True)
    assert read_embedding(tmp_path / "a.parquet").vectors.tolist() == [[65504, -65504], [1, 2]]


def test_a_table_that_is_broken_is_named_and_the_others_go_on(tables):
    whole = tables.frames_path("s000_1").read_bytes()
    tables.frames_path("s000_1").write_bytes(b"no table")
    tables.frames_path("s000_0").unlink()
    summary = embed(tables.root, None, BEHAVIOUR)
    assert [d.recording_id for d in summary.done] == ["s001_0", "s001_1"]
    assert "frames table is missing" in summary.failed["s000_0"]
    assert "cannot be read as Parquet" in summary.failed["s000_1"]
    path = tables.root / "embeddings/behaviour/failed.json"
    assert json.loads(path.read_text()) == summary.failed
    for name in ("s000_0", "s000_1"):
        tables.frames_path(name).write_bytes(whole)
    assert not embed(tables.root, None, BEHAVIOUR).failed
    assert not path.exists()


def test_a_recording_without_rows_is_left_out_and_said(tables):
    zero = pl.col("recording_id") == "s001_1"
    rows = tables.recordings().with_columns(
        n_frames=pl.when(zero).then(0).otherwise("n_frames").cast(pl.Int32),
        status=pl.when(zero).then(pl.lit("corrupt")).otherwise("status"),
        reason=pl.when(zero).then(pl.lit("damaged data")).otherwise("reason"),
    )
    tables.write_recordings(rows)
    summary = embed(tables.root, None, BEHAVIOUR)
    assert summary.left_out == {"s001_1": "corrupt: damaged data"}
    assert not summary.failed


def test_one_process_writes_a_cache_and_another_may_write_another(tables):
    folder = tables.root / "embeddings" / "behaviour"
    folder.mkdir(parents=True)
    with FileLock(folder / ".embed.lock"):
        with pytest.raises(InputError, match="another embed is writing this cache"):
            embed(tables.root, None, BEHAVIOUR)
        embed(tables.root, None, EmbedSettings(name="other", jobs=1))


def test_what_makes_no_sense_is_refused(tables):
    with pytest.raises(UsageError, match="needs the videos: it reads their pictures"):
        embed(tables.root, None, HOG)
    with pytest.raises(SettingsError, match="cannot be called"):
        resolve(EmbedSettings, {"name": "../elsewhere"})
    with pytest.raises(SettingsError, match="unknown setting 'fsp'"):
        embed(tables.root, None, EmbedSettings(options=("fsp=3",)))
    other = video(tables.root.parent / "videos" / "other.mp4", 0.5)
    with pytest.raises(InputError, match="no video is of a recording"):
        embed(tables.root, other.parent, HOG)


def test_a_corpus_in_the_place_of_videos_is_told_with_the_right_words(tables):
    with pytest.raises(UsageError, match="is a corpus, not a folder of videos") as error:
        embed(tables.root, tables.root, BEHAVIOUR)
    assert "--corpus corpus --encoder behaviour" in str(error.value.fix)


def test_of_videos_faces_are_encoded_and_what_lacks_is_named(copied):
    corpus = open_corpus(copied / "corpus")
    heard = []
    summary = embed(
        corpus.root,
        copied / "videos",
        HOG,
        lambda state: heard.append((state.n_done, state.n_vectors, state.total_s)),
    )
    assert {d.recording_id: (d.n_vectors, d.n_valid) for d in summary.done} == {
        **{"a": (12, 10), "b": (6, 4)},
    }
    assert summary.failed == {"c": "there is no video of it in that folder"}
    assert summary.strangers == ["stranger"]
    assert heard[-1] == (2, 18, 3.0)
    found = read_embedding(corpus.embedding_path("hog", "a"))
    assert np.flatnonzero(~found.valid).tolist() == [2, 3]  # rows without a face
    assert not found.vectors[2:4].any()
    assert found.encoding.identifies_people
    # The picture stands still, so its vectors are alike but for the coding of pictures.
    good = found.vectors[found.valid]
    assert np.abs(good - good.mean(axis=0)).max() < 0.15
    assert good.std() > 0.05
    cached = {p.name for p in (corpus.root / "embeddings/hog").iterdir()}
    assert cached - {".embed.lock"} == {"a.parquet", "b.parquet", "failed.json"}  # and no picture
    # A video that was replaced by one of another size is not what the tables are of; vectors that
    # are there are kept, and one file by name is that recording alone.
    corpus.embedding_path("hog", "b").unlink()
    video(copied / "videos" / "b.mp4", 1.0, side=SIDE // 2)
    again = embed(corpus.root, copied / "videos", HOG)
    assert again.kept == 1
    assert "another video" in again.failed["b"]
    assert not again.done
    alone = embed(corpus.root, copied / "videos" / "a.mkv", HOG)
    assert (alone.kept, alone.failed) == (1, {})


def test_of_sound_a_recording_without_any_is_named(copied):
    pytest.importorskip("opensmile")
    corpus = open_corpus(copied / "corpus")
    settings = EmbedSettings(encoder="egemaps", options=("hop_s=0.1",), jobs=1)
    summary = embed(corpus.root, copied / "videos", settings)
    assert summary.failed == {
        "b": "holds no sound",
        "c": "there is no video of it in that folder",
    }
    found = read_embedding(corpus.embedding_path("egemaps", "a"))
    assert len(found.start) == 20
    np.testing.assert_allclose(found.start, np.arange(20) / 10, atol=1e-6)
    assert found.valid.all()
    # 200 Hz in semitones above 27.5 Hz: 12 log2(200 / 27.5) = 34.35.
    assert np.median(found.vectors[:, 10]) == pytest.approx(34.35, abs=0.1)
    # Sound needs no table: it is kept where that changes.
    table = corpus.frames("a")
    write_table(corpus.frames_path("a"), FRAMES, table.with_columns(x_1=pl.col("x_1") + 1))
    assert embed(corpus.root, copied / "videos", settings).kept == 1


def _heard(tmp_path, source, name="a"):
    """The vectors of one video's sound, ten a second, encoded in this process."""
    from deptool.encoders import egemaps

    corpus = corpus_of(tmp_path / name, {"a": 2.0})
    settings = egemaps.Settings(hop_s=0.1)
    encoding = egemaps.encoding(settings, None)
    plan = Plan(corpus, "egemaps", settings, encoding, False, None, "cpu")
    path = corpus.embedding_path("egemaps", "a")
    Worker(plan).embed(Job(corpus.recordings().row(0, named=True), source, path, None))
    return read_embedding(path)


def test_a_late_sound_is_not_valid_before_it_begins(tmp_path):
    pytest.importorskip("opensmile")
    source = video(tmp_path / "a.mkv", 2.0, sound=buzz(1, 200), late_s=0.5)
    assert _heard(tmp_path, source).valid.tolist() == [False] * 5 + [True] * 10


def test_sound_in_pieces_has_each_vector_once(tmp_path, monkeypatch):
    pytest.importorskip("opensmile")
    from deptool.encoders import egemaps

    source = video(tmp_path / "a.mkv", 2.0, sound=buzz(2, 200))
    whole = _heard(tmp_path, source, "whole")
    monkeypatch.setattr(egemaps.Encoder, "piece_s", 0.5)
    monkeypatch.setattr(egemaps.Encoder, "margin_s", 0.4)
    pieces = _heard(tmp_path, source, "pieces")
    np.testing.assert_array_equal(pieces.start, whole.start)
    # Loudness looks at single frames of 60 ms, so it cannot tell where a piece begins.
    np.testing.assert_allclose(pieces.vectors[:, 0], whole.vectors[:, 0], rtol=1e-3)


def test_check_names_caches_that_identify_people_and_what_is_wrong_in_them(tables):
    embed(tables.root, None, BEHAVIOUR)
    encoding = hog.encoding(hog.Settings(px=16, cell=16, block=1, orientations=2), None)
    time = np.zeros(1)
    vectors = np.ones((1, 2), np.float32)
    write_embedding(
        tables.embedding_path("faces", "s000_0"),
        Embedding(encoding, time, time + 1, vectors, np.array([True])),
    )
    report = check_corpus(tables.root)
    assert not report.problems
    assert [(c.name, c.identifies_people, c.n_recordings) for c in report.caches] == [
        *(("behaviour", False, 4), ("faces", True, 1)),
    ]
    assert report.caches[0].identifies == ""
    assert report.caches[1].identifies.startswith("embeddings/faces identifies people: ")
    folder = tables.root / "embeddings" / "behaviour"
    (folder / "s000_0.parquet").write_bytes(b"broken")
    shutil.copy(tables.embedding_path("faces", "s000_0"), folder / "s001_1.parquet")
    shutil.copy(folder / "s000_1.parquet", folder / "nobody.parquet")
    found = {(p.where.rpartition("/")[2], p.severity) for p in check_corpus(tables.root).problems}
    assert found == {
        *(("s000_0.parquet", "error"), ("s001_1.parquet", "error"), ("nobody.parquet", "warning")),
    }


def test_the_verb_shows_what_was_done(tables, deptool):
    done = deptool("embed", "--corpus", tables.root, "--jobs", 1)
    assert done.returncode == 0, done.stderr
    assert "s000_0" in done.stdout
    assert "4 encoded, 0 were there already, 0 could not be" in done.stderr
    tables.frames_path("s001_1").unlink()
    tables.embedding_path("behaviour", "s001_1").unlink()
    again = deptool("embed", "--corpus", tables.root, "--json")
    assert again.returncode == 4
    said = json.loads(again.stdout)
    assert said["n_kept"] == 3
    assert list(said["failed"]) == ["s001_1"]
    assert said["identifies_people"] is False
    wrong = deptool("embed", "--corpus", tables.root, "--encoder", "hogg")
    assert wrong.returncode == 2
    assert "Did you mean 'hog'?" in wrong.stderr
