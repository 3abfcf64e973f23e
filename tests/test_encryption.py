"""Encryption at rest: what is in the bytes, what it takes to read them, and who is told what."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from polars.testing import assert_frame_equal
from typer.testing import CliRunner

from deptool import encryption
from deptool.check import check_corpus
from deptool.cli.main import app
from deptool.corpus import Corpus, open_corpus
from deptool.embeddings import Embedding, Encoding, read_embedding, write_embedding
from deptool.encryption import VARIABLE, data_key, encrypt_tables
from deptool.errors import InputError, MissingExtraError, SchemaError, UsageError
from deptool.key_file import Key, new_key
from deptool.parquet_file import opened, read_parquet
from deptool.schema import SUBJECTS
from deptool.tables import read_metadata, write_table
from fixtures.tables import make_tables_corpus

ROOT = Path(__file__).parents[1]
ENCODINGS = {0: "PLAIN", 3: "RLE", 8: "RLE_DICTIONARY", 9: "BYTE_STREAM_SPLIT"}  # parquet.thrift
NOTE = "a text beside the table"


def plain_corpus(root: Path, seconds: float = 5.0) -> Corpus:
    """Four recordings with labels, persons and an embedding cache of one of them."""
    corpus = make_tables_corpus(root, n_subjects=4, sessions=1, seconds=seconds)
    persons = [{"subject_id": f"s00{k}", "gender": "female", "age": 30.0 + k} for k in range(4)]
    corpus.write_subjects(pl.DataFrame(persons))
    encoding = Encoding("toy", 1, 3, 0.5, "tables", False, parts={"all": (0, 3)})
    start = np.arange(4.0)
    vectors = np.arange(12, dtype=np.float32).reshape(4, 3)
    made = Embedding(encoding, start, start + 1, vectors, np.array([True] * 4))
    write_embedding(corpus.embedding_path("toy", "s000_0"), made, made_of=NOTE)
    return corpus


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    new_key(tmp_path / "keys")
    return tmp_path / "keys"


@pytest.fixture
def key(key_file: Path, monkeypatch: pytest.MonkeyPatch) -> Key:
    monkeypatch.setenv(VARIABLE, str(key_file))
    return encryption.read_key(key_file)


@pytest.fixture
def corpus(tmp_path: Path, key: Key) -> Corpus:
    corpus = plain_corpus(tmp_path / "c")
    assert encrypt_tables(corpus.root, key) == 8  # 4 frames, 3 tables of the corpus, 1 cache
    return corpus


def files(root: Path) -> list[Path]:
    return sorted(root.rglob("*.parquet"))


def test_every_table_comes_back_as_it_was(tmp_path: Path, key: Key) -> None:
    corpus = plain_corpus(tmp_path / "c")
    before = {
        p: (pq.read_table(p, partitioning=None), pq.read_metadata(p)) for p in files(corpus.root)
    }
    encrypt_tables(corpus.root, key)
    for path, (table, about) in before.items():
        assert path.read_bytes()[:4] == path.read_bytes()[-4:] == b"PARE"
        with opened(path) as file:
            after = file.read()
            assert after.equals(table, check_metadata=True)
            assert after.schema.equals(table.schema, check_metadata=True)
            assert len(file.footer().groups) == about.num_row_groups
            for k, now in file.footer().groups[0].chunks.items():
                was = about.row_group(0).column(k)
                assert (now.codec, was.compression) == (6, "ZSTD")
                assert [ENCODINGS[n] for n in now.encodings] == list(was.encodings)
    assert len(corpus.recordings()) == 4
    assert corpus.frames("s000_0", ["timestamp"]).shape == (30, 1)
    assert read_embedding(corpus.embedding_path("toy", "s000_0")).vectors.tolist()[3] == [9, 10, 11]


def test_row_groups_and_empty_tables_stay(tmp_path: Path, key: Key) -> None:
    corpus = plain_corpus(tmp_path / "c")
    write_table(corpus.root / "subjects.parquet", SUBJECTS, corpus.subjects()[:0])
    path = corpus.embedding_path("toy", "s000_0")
    table = pq.read_table(path, partitioning=None)
    pq.write_table(table, path, row_group_size=3)
    encrypt_tables(corpus.root, key)
    with opened(path) as file:
        assert [group.rows for group in file.footer().groups] == [3, 1]
        assert file.read().equals(table)
    assert corpus.subjects().shape == (0, 3)


def test_a_second_run_leaves_what_is_encrypted(corpus: Corpus, key: Key) -> None:
    before = {p: p.read_bytes() for p in files(corpus.root)}
    assert encrypt_tables(corpus.root, key) == 0
    assert {p: p.read_bytes() for p in files(corpus.root)} == before
    with pytest.raises(InputError, match="under another key"):
        encrypt_tables(corpus.root, Key(bytes(32)))


def test_the_bytes_hold_nothing_of_the_table(tmp_path: Path, key: Key) -> None:
    corpus = plain_corpus(tmp_path / "c", seconds=60)  # long enough for statistics of many values
    secrets: dict[Path, set[bytes]] = {}
    for path in files(corpus.root):
        found = secrets.setdefault(path, set())
        with opened(path) as file:
            # One or two letters are found in any kB of random bytes.
            found |= {n.encode() for n in file.schema.names if len(n) > 3}
            texts = [file.schema.metadata, *(field.metadata or {} for field in file.schema)]
            texts += [pq.read_metadata(path).metadata]  # Arrow's schema among them, in base 64
            found |= {t for some in texts for pair in some.items() for t in pair if len(t) > 3}
            for column in file.read().columns:
                if str(column.type) == "string":
                    found |= {t.encode() for t in column.drop_null().to_pylist() if len(t) > 3}
            about = pq.read_metadata(path)
            for g in range(about.num_row_groups):
                for k in range(about.num_columns):
                    stats = about.row_group(g).column(k).statistics
                    if stats is not None and stats.has_min_max and isinstance(stats.min, float):
                        low, high = (np.float32(v).tobytes() for v in (stats.min, stats.max))
                        # As headers and footer have them: the highest, then the lowest.
                        found.add(high + b"\x18\x04" + low)
        plain = path.read_bytes()
        # It can be found so; what is written in base 64 cannot.
        assert sum(word in plain for word in found) > len(found) / 3
    encrypt_tables(corpus.root, key)
    assert sum(map(len, secrets.values())) > 1000
    for path, words in secrets.items():
        # The key material is JSON and says true and false, which a text of the table may be too.
        content = re.sub(rb'\{"keyMaterialType".*?\}', b"", path.read_bytes())
        assert not [word for word in words if word in content]


def test_each_file_has_a_key_of_its_own(tmp_path: Path, key: Key) -> None:
    contents = []
    for name in "ab":
        corpus = plain_corpus(tmp_path / name)
        encrypt_tables(corpus.root, key)
        contents.append({p.relative_to(corpus.root): p for p in files(corpus.root)})
    one, other = contents
    assert all(one[p].read_bytes() != other[p].read_bytes() for p in one)
    keys = {data_key(p, key) for p in (*one.values(), *other.values())}
    assert len(keys) == 16
    assert {len(k) for k in keys} == {32}


@pytest.mark.parametrize("read", [read_parquet, read_metadata, lambda p: list(opened(p).gen)])
def test_without_a_key_it_is_said_what_to_do(
    corpus: Corpus, read: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(InputError, match=r"no key file is named\n.*export DEPTOOL_KEY"):
        read(corpus.frames_path("s000_0"))


def test_another_key_is_told_from_damage(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = new_key(tmp_path / "other")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "other"))
    with pytest.raises(InputError, match=f"under another key: .*, not {other.id}") as caught:
        corpus.recordings()
    assert other.secret.hex() not in str(caught.value)
    # For `check` that is no fault of the corpus: it stops, and does not report every table.
    with pytest.raises(InputError, match="under another key"):
        check_corpus(corpus.root)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "none"))
    with pytest.raises(InputError, match="no such key file"):
        corpus.recordings()


def test_without_cryptography_it_is_said_what_to_install(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encryption.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'deptool\[encryption\]'"):
        corpus.recordings()


def test_a_byte_that_is_flipped_anywhere_is_noticed(corpus: Corpus) -> None:
    path = corpus.root / "labels.parquet"
    sound = path.read_bytes()
    silent = []
    material = re.search(rb'\{"keyMaterialType".*?\}', sound)
    assert material is not None
    # Every byte of the key material, and one of five elsewhere.
    for at in sorted({*range(*material.span()), *range(0, len(sound), 5)}):
        broken = bytearray(sound)
        broken[at] ^= 0x10
        path.write_bytes(broken)
        try:
            corpus.labels()
            silent.append(at)
        except (SchemaError, InputError):
            pass
    assert not silent
    path.write_bytes(sound)
    assert len(corpus.labels()) == 4


def test_a_plain_table_does_not_take_the_place_of_an_encrypted_one(
    corpus: Corpus, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEPTOOL_KEY_FILE", str(key_file))
    path = corpus.root / "labels.parquet"
    before = path.read_bytes()
    with pytest.raises(UsageError, match="plain table would take its place"):
        corpus.write_labels(corpus.labels())
    assert path.read_bytes() == before


def test_two_files_that_are_swapped_are_noticed(corpus: Corpus) -> None:
    one, other = corpus.frames_path("s000_0"), corpus.frames_path("s001_0")
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)
    with pytest.raises(SchemaError, match="not where it was in its corpus"):
        corpus.frames("s000_0")
    problems = check_corpus(corpus.root).problems
    assert {p.where for p in problems} == {"frames/s000_0.parquet", "frames/s001_0.parquet"}


def test_a_corpus_that_is_moved_is_read(corpus: Corpus, tmp_path: Path) -> None:
    corpus.root.rename(tmp_path / "elsewhere")
    moved = open_corpus(tmp_path / "elsewhere")
    assert len(moved.recordings()) == 4
    assert len(moved.frames("s003_0")) == 30


def test_the_key_of_the_pseudonyms_is_refused(tmp_path: Path, key: Key) -> None:
    corpus = plain_corpus(tmp_path / "c").with_about({"release": {"key_id": key.id}})
    with pytest.raises(UsageError, match="key of its pseudonyms"):
        encrypt_tables(corpus.root, key)
    assert all(p.read_bytes()[:4] == b"PAR1" for p in files(corpus.root))


def test_verbs_read_an_encrypted_corpus(tmp_path: Path, key: Key) -> None:
    corpus = make_tables_corpus(tmp_path / "c", n_subjects=12, sessions=1, seconds=10)
    encrypt_tables(corpus.root, key)
    for words in (
        ["check", corpus.root],
        ["train", corpus.root, "--model", "ridge", "--out", tmp_path / "run"],
        ["report", tmp_path / "run"],
        ["view", corpus.root, "s000_0", "--out", tmp_path / "view.html"],
    ):
        done = CliRunner().invoke(app, list(map(str, words)))
        assert done.exit_code == 0, (words[0], done.output, done.exception)
    assert (tmp_path / "view.html").stat().st_size > 10_000


def test_workers_read_with_the_same_key(corpus: Corpus) -> None:
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        frame = pool.submit(read_parquet, corpus.frames_path("s000_0")).result()
    assert_frame_equal(frame, read_parquet(corpus.frames_path("s000_0")))


def test_a_key_that_was_changed_in_the_file_is_refused(corpus: Corpus, tmp_path: Path) -> None:
    path = corpus.root / "labels.parquet"
    sound = path.read_bytes()
    for old, new in (
        (b'"doubleWrapping":false', b'"doubleWrapping":true '),
        (b'"internalStorage":true', b'"internalStorage":null'),
        (b'"masterKeyID"', b'"masterKeyIX"'),
    ):
        assert old in sound
        path.write_bytes(sound.replace(old, new))
        with pytest.raises(SchemaError):
            corpus.labels()


def snippets() -> list[str]:
    text = (ROOT / "docs" / "encryption.md").read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```", text, re.S)


@pytest.mark.parametrize("number", range(len(snippets())))
def test_what_the_docs_show_runs(corpus: Corpus, key_file: Path, number: int) -> None:
    env = dict(os.environ, PYTHONPATH=str(ROOT))
    # The snippets read frames/s000_0.parquet of the folder they run in, and KEY2 beside it.
    code = snippets()[number].replace("KEY2", str(key_file))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code + "\nprint(table.shape)"],
        *(),
        capture_output=True,
        text=True,
        cwd=corpus.root,
        env=env,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().startswith("(30, ")


def test_the_docs_show_three_readers() -> None:
    assert len(snippets()) == 3


def test_the_key_material_holds_what_is_documented(corpus: Corpus, key: Key) -> None:
    content = (corpus.root / "labels.parquet").read_bytes()
    found = re.search(rb'\{"keyMaterialType".*?\}', content)
    assert found is not None
    said = json.loads(found[0])
    assert said["masterKeyID"] == key.id
    # 12 bytes of nonce, 32 of the data key, 16 of the tag.
    assert len(base64.b64decode(said["wrappedDEK"])) == 60
