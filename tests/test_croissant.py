"""croissant.json: mlcroissant takes it without a network, and reads the tables through it."""

from __future__ import annotations

import hashlib
import json
import math
import socket
from pathlib import Path
from typing import Any

import pytest

from deptool.corpus import Corpus
from deptool.croissant import CONFORMS_TO
from deptool.release_documents import write_documents
from deptool.tables import read_json
from fixtures.releases import make_raw, make_release

mlc = pytest.importorskip("mlcroissant")

# Of rdflib's own, which mlcroissant reads JSON-LD with.
pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No address is looked up and nothing is connected to."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked")

    for name in ("getaddrinfo", "create_connection"):
        monkeypatch.setattr(socket, name, refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Corpus]:
    """A raw corpus, and a release at every level."""
    root = tmp_path_factory.mktemp("made")
    raw = make_raw(root / "raw", n_subjects=3, seconds=10.0)
    released = {
        level: make_release(raw, root / level, level, keep_attributes=level == "summary")
        for level in ("shape", "dynamics", "summary")
    }
    for corpus in (raw, *released.values()):
        write_documents(corpus)
    return {"raw": raw, **released}


def dataset(corpus: Corpus) -> Any:
    return mlc.Dataset(corpus.root / "croissant.json")


def read(corpus: Corpus) -> Any:
    return read_json(corpus.root / "croissant.json")


@pytest.mark.parametrize("level", ["raw", "shape", "dynamics", "summary"])
def test_mlcroissant_finds_no_error_and_misses_what_nobody_knows_yet(
    made: dict[str, Corpus], level: str
) -> None:
    issues = dataset(made[level]).metadata.issues
    assert not issues.errors
    missing = {text.split('"')[1].rpartition("/")[2] for text in issues.warnings}
    assert missing == {"citeAs", "datePublished", "version"}


def test_it_says_which_specifications_it_conforms_to(made: dict[str, Corpus]) -> None:
    assert tuple(read(made["shape"])["conformsTo"]) == CONFORMS_TO
    assert dataset(made["shape"]).metadata.ctx.is_v1_1()


@pytest.mark.parametrize("level", ["shape", "summary"])
def test_every_column_is_a_field(made: dict[str, Corpus], level: str) -> None:
    corpus = made[level]
    name = corpus.recordings()["recording_id"][0]
    tables = {
        "recordings": corpus.recordings().columns,
        "labels": corpus.labels().columns,
        "frames": ["recording_id", *corpus.frames(name).columns],
    }
    if level == "summary":
        tables["subjects"] = corpus.subjects().columns
        tables["embeddings-summary"] = ["recording_id", "start_s", "end_s", "vector", "valid"]
    found = {s["name"]: [f["name"] for f in s["field"]] for s in read(corpus)["recordSet"]}
    assert found == tables


def test_files_have_their_size_and_hash(made: dict[str, Corpus]) -> None:
    corpus = made["summary"]
    files = [f for f in read(corpus)["distribution"] if f["@type"] == "cr:FileObject"]
    assert {f["contentUrl"] for f in files} == {
        *("recordings.parquet", "labels.parquet", "subjects.parquet")
    }
    for file in files:
        content = (corpus.root / file["contentUrl"]).read_bytes()
        assert file["sha256"] == hashlib.sha256(content).hexdigest()
        assert file["contentSize"] == f"{len(content)} B"


def test_records_are_the_rows_of_the_table(made: dict[str, Corpus]) -> None:
    rows = made["shape"].recordings().to_dicts()
    records = list(dataset(made["shape"]).records("recordings"))
    assert len(records) == len(rows) == 3
    for row, record in zip(rows, records, strict=True):
        for name, value in row.items():
            found = record[f"recordings/{name}"]
            assert (found.decode() if isinstance(found, bytes) else found) == value


def test_frames_of_all_files_are_read_with_the_recording_that_they_are_of(
    made: dict[str, Corpus],
) -> None:
    corpus = made["summary"]
    expected = [
        (name, row["timestamp"], row["AU12_r"])
        for name in sorted(corpus.recordings()["recording_id"])
        for row in corpus.frames(name).to_dicts()
    ]
    found = [
        (r["frames/recording_id"].decode(), r["frames/timestamp"], r["frames/AU12_r"])
        for r in dataset(corpus).records("frames")
    ]
    assert sorted(found) == sorted(expected)


def test_vectors_are_read_whole(made: dict[str, Corpus]) -> None:
    corpus = made["summary"]
    field = next(
        f
        for s in read(corpus)["recordSet"]
        for f in s["field"]
        if f["@id"] == "embeddings-summary/vector"
    )
    first = next(iter(dataset(corpus).records("embeddings-summary")))
    vector = first["embeddings-summary/vector"]
    assert len(vector) == int(field["arrayShape"])
    assert all(math.isfinite(value) for value in vector)


def test_a_table_that_is_another_by_now_is_refused(tmp_path: Path) -> None:
    corpus = make_raw(tmp_path / "own", n_subjects=2, seconds=3.0)
    write_documents(corpus)
    corpus.write_recordings(corpus.recordings().head(1))
    with pytest.raises(mlc.GenerationError) as caught:
        list(dataset(corpus).records("recordings"))
    assert "not identical" in str(caught.value.__cause__)


def test_a_licence_is_that_of_corpus_json_or_a_note_that_it_is_not_stated(tmp_path: Path) -> None:
    corpus = make_raw(tmp_path / "own", n_subjects=2, seconds=3.0)
    write_documents(corpus)
    licence = read(corpus)["license"]
    assert (licence["@type"], licence["name"]) == ("sc:CreativeWork", "Not stated")
    spdx = "https://spdx.org/licenses/CC-BY-4.0.html"
    write_documents(corpus.with_about({"licence": spdx}))
    assert read(corpus)["license"] == spdx


def test_a_day_is_there_only_where_it_was_given(tmp_path: Path) -> None:
    corpus = make_raw(tmp_path / "own", n_subjects=2, seconds=3.0)
    write_documents(corpus)
    assert "datePublished" not in read(corpus)
    write_documents(corpus, published="2026-01-31")
    assert read(corpus)["datePublished"] == "2026-01-31"
    assert str(dataset(corpus).metadata.date_published.date()) == "2026-01-31"


def test_responsible_ai_says_what_is_sensitive_and_what_it_is_for(made: dict[str, Corpus]) -> None:
    found = dataset(made["summary"]).metadata
    assert any("health" in line for line in found.personal_sensitive_information)
    assert {"Gender.", "Age, coarsened."} <= set(found.personal_sensitive_information)
    assert "Gender." not in read(made["shape"])["rai:personalSensitiveInformation"]
    assert any(line.startswith("Not for finding out") for line in found.data_use_cases)
    steps: Any = made["summary"].about["release"]
    assert len(found.data_preprocessing_protocol) == len(steps["steps"])


def test_it_is_plain_json(made: dict[str, Corpus]) -> None:
    text = (made["shape"].root / "croissant.json").read_text(encoding="utf-8")
    assert json.loads(text)["@type"] == "sc:Dataset"
