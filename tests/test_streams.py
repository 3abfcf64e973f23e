"""Streams: vectors on steady grids, parts that are asked for, what is missing said by name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deptool.corpus import Corpus
from deptool.embeddings import Embedding, Encoding, read_embedding, write_embedding
from deptool.errors import DataError, SchemaError
from deptool.sequences import Stream
from deptool.streams import Opened, load, on_grid, open_streams, unusable
from fixtures.tables import make_tables_corpus

VOICE = Encoding("voice", 1, 2, 0.5, "sound", True)


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return make_tables_corpus(tmp_path / "toy", n_subjects=4, sessions=1, seconds=4.0)


def embedding(encoding: Encoding = VOICE, n: int = 8) -> Embedding:
    start = encoding.hop_s * np.arange(n)
    vectors = np.stack([np.arange(n), -np.arange(n)], axis=1).astype(np.float32)
    return Embedding(encoding, start, start + encoding.hop_s, vectors, np.ones(n, bool))


def give_all(corpus: Corpus, encoding: Encoding = VOICE, name: str = "voice") -> None:
    for recording in corpus.recordings()["recording_id"]:
        write_embedding(corpus.embedding_path(name, recording), embedding(encoding))


def opened(corpus: Corpus, source: str, hz: float | None = None) -> Opened:
    return open_streams(corpus, corpus.recordings(), {"x": Stream(source, hz)})["x"]


# --- the grid -----------------------------------------------------------------------------


def test_steps_take_the_mean_of_the_vectors_in_them() -> None:
    # Middles 0.25, 0.75, 1.25, …: two in each second; of 0 1 2 3 the means are 0.5 and 2.5.
    values, valid = on_grid(embedding(n=4), np.array([0]), 1.0, 2.0)
    assert values.tolist() == [[0.5], [2.5]]
    assert valid.all()


def test_a_vector_that_is_not_valid_is_left_out_of_the_mean() -> None:
    source = embedding(n=4)
    source = replace(source, valid=np.array([True, False, False, False]))
    values, valid = on_grid(source, np.array([0, 1]), 1.0, 2.0)
    assert values.tolist() == [[0, 0], [0, 0]]
    assert valid.tolist() == [True, False]


def test_steps_between_slow_vectors_lie_on_the_line() -> None:
    # 0.5 s a vector, four steps a second: steps at 0.125, 0.375, … between middles 0.25 and 0.75.
    # Step 1 (0.375) is a quarter of the way from 0 to 1; step 0 lies before the first middle but
    # step 1's cell 0.25 to 0.5 holds the middle 0.25: the vector 0 itself.
    values, valid = on_grid(embedding(n=3), np.array([0]), 4.0, 1.5)
    assert valid.tolist() == [False, True, True, True, True, True]
    assert values[:, 0].tolist() == [0, 0, 0.75, 1, 1.75, 2]


def test_what_lies_further_apart_than_a_hop_is_a_hole() -> None:
    source = replace(embedding(n=4), valid=np.array([True, False, False, True]))
    _, valid = on_grid(source, np.array([0]), 2.0, 2.0)
    assert valid.tolist() == [True, False, False, True]


@given(st.integers(1, 40), st.floats(0.5, 30), st.floats(0.05, 2))
def test_a_constant_stays_what_it_is_on_every_grid(n: int, hz: float, hop: float) -> None:
    encoding = replace(VOICE, hop_s=hop)
    start = hop * np.arange(n)
    source = Embedding(
        encoding, start, start + hop, np.full((n, 2), 3.0, np.float32), np.ones(n, bool)
    )
    values, valid = on_grid(source, np.array([0, 1]), hz, float(source.end[-1]))
    assert len(values) >= 1
    np.testing.assert_allclose(values[valid], 3, rtol=1e-5)
    assert (values[~valid] == 0).all()


# --- what a corpus has --------------------------------------------------------------------


def test_tables_need_no_cache(corpus: Corpus) -> None:
    found = opened(corpus, "behaviour", 6.0)
    assert (found.encoding.encoder, found.cached, found.shape.hz) == ("behaviour", False, 6.0)
    assert set(found.shape.parts) == set(found.encoding.parts)
    series = load(corpus, corpus.recordings().row(0, named=True), {"x": found})
    assert series.values["x"].shape == (len(series.valid["x"]), found.shape.dimension)
    assert series.valid["x"].mean() > 0.5


def test_parts_stand_in_the_order_in_which_they_are_asked_for(corpus: Corpus) -> None:
    whole, some = opened(corpus, "behaviour", 6.0), opened(corpus, "behaviour:motion+shape", 6.0)
    assert some.shape.parts == {"motion": (0, 204), "shape": (204, 340)}
    row = corpus.recordings().row(0, named=True)
    every, few = (load(corpus, row, {"x": each}).values["x"] for each in (whole, some))
    first, last = whole.shape.parts["shape"]
    assert np.array_equal(few[:, 204:], every[:, first:last])


def test_a_part_with_a_question_mark_may_lack(corpus: Corpus) -> None:
    give_all(corpus, replace(VOICE, parts={"low": (0, 1), "high": (1, 2)}))
    assert opened(corpus, "voice:high+gaze?").shape.parts == {"high": (0, 1)}
    with pytest.raises(DataError, match=r"have no gaze, which the model needs.*low, high"):
        opened(corpus, "voice:high+gaze")
    with pytest.raises(DataError, match="have none of gaze"):
        opened(corpus, "voice:gaze?")


def test_a_missing_cache_is_named_with_the_command_that_makes_it(corpus: Corpus) -> None:
    give_all(corpus, name="other")
    with pytest.raises(DataError, match=r"no embeddings called .voice.*there are: other") as found:
        opened(corpus, "voice")
    assert "deptool embed" in str(found.value.fix)
    assert "--encoder voice" in str(found.value.fix)


def test_a_recording_without_a_file_in_the_cache_is_told(corpus: Corpus) -> None:
    give_all(corpus)
    row = corpus.recordings().row(1, named=True)
    streams = {"x": opened(corpus, "voice")}
    assert unusable(corpus, row, streams) == ""
    corpus.embedding_path("voice", row["recording_id"]).unlink()
    assert "deptool embed --encoder voice" in unusable(corpus, row, streams)


def test_a_cache_of_two_kinds_is_refused(corpus: Corpus) -> None:
    give_all(corpus)
    row = corpus.recordings().row(1, named=True)
    streams = {"x": opened(corpus, "voice")}
    path = corpus.embedding_path("voice", row["recording_id"])
    write_embedding(path, embedding(replace(VOICE, weights="other")))
    with pytest.raises(SchemaError, match="weights is None, not other"):
        load(corpus, row, streams)


def test_another_corpus_must_be_embedded_in_the_same_way(corpus: Corpus) -> None:
    give_all(corpus)
    kept = {"x": opened(corpus, "voice").about()}
    wanted = {"x": Stream("voice")}
    open_streams(corpus, corpus.recordings(), wanted, kept)
    give_all(corpus, replace(VOICE, settings={"layer": 3}))
    with pytest.raises(DataError, match="not made as those of the training: layer is None, not 3"):
        open_streams(corpus, corpus.recordings(), wanted, kept)


def test_tables_are_read_as_the_model_was_trained_on_them(corpus: Corpus) -> None:
    # A cache with other settings is passed over: the tables give what is wanted.
    kept = {"x": opened(corpus, "behaviour", 6.0).about()}
    other = replace(VOICE, encoder="behaviour", source="tables")
    give_all(corpus, other, name="behaviour")
    found = open_streams(corpus, corpus.recordings(), {"x": Stream("behaviour", 6.0)}, kept)["x"]
    assert (found.cached, found.encoding.digest) == (False, kept["x"]["digest"])


# --- the files ----------------------------------------------------------------------------


@pytest.mark.parametrize("half", [False, True])
def test_a_file_gives_back_what_was_written(tmp_path: Path, half: bool) -> None:
    source = replace(embedding(n=3), valid=np.array([True, True, False]))
    write_embedding(tmp_path / "a.parquet", source, half=half)
    found = read_embedding(tmp_path / "a.parquet")
    assert found.encoding == replace(VOICE)
    assert found.vectors.tolist() == [[0, 0], [1, -1], [0, 0]]  # what is not valid is zeros
    assert found.valid.tolist() == [True, True, False]
    assert found.end.tolist() == [0.5, 1, 1.5]
    kind = pl.read_parquet_schema(tmp_path / "a.parquet")["vector"]
    assert kind == pl.Array(pl.Float16 if half else pl.Float32, 2)


def test_a_digest_is_of_what_changes_the_vectors() -> None:
    assert replace(VOICE, synthetic=True).digest == VOICE.digest
    for change in ({"weights": "1"}, {"version": 2}, {"settings": {"layer": 1}}, {"hop_s": 1.0}):
        assert replace(VOICE, **change).digest != VOICE.digest


def test_another_table_is_no_cache(corpus: Corpus) -> None:
    path = next((corpus.root / "frames").iterdir())
    with pytest.raises(SchemaError, match="is no embedding cache"):
        read_embedding(path)


def test_a_file_that_is_cut_off_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write_embedding(path, embedding())
    content = bytearray(path.read_bytes())
    content[10:40] = bytes(30)
    path.write_bytes(content)
    with pytest.raises(SchemaError, match=r"cannot be read as Parquet(.|\n)*deptool embed"):
        read_embedding(path)
