"""Ids, JSON and files of weights of strangers; no pickle in the package."""

from __future__ import annotations

import ast
import json
import struct
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch

import deptool
from deptool.corpus import Corpus, open_corpus
from deptool.errors import DataError, SchemaError
from deptool.extract_one import read_row
from deptool.ids import why_no_file_name, why_no_id
from deptool.runs import read_model, read_tensors, write_tensors
from deptool.schema import FRAMES, LABELS, RECORDINGS
from deptool.tables import parse_json, read_json, write_json, write_table
from deptool.tensor_file import fill
from fixtures.fuzz_targets import model_file
from fixtures.tables import make_tables_corpus

PATHS = [
    *("../../x", "/etc/passwd", "a/b", "..", ".", ".hidden", "a\0b", "a\nb", "a" * 900),
    *(
        "C:\\x",
        "a\\b",
        "CON",
        "nul.txt",
        "com1",
        "a:b",
        "a*",
        "ends.",
        "ends ",
        "é" * 150,
        "\u2028",
    ),
]


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return make_tables_corpus(tmp_path / "c", n_subjects=2, sessions=1, seconds=5)


@pytest.mark.parametrize("id", PATHS)
def test_a_recording_that_is_called_like_a_path_is_refused(corpus: Corpus, id: str) -> None:
    path = corpus.root / "recordings.parquet"
    frame = pl.read_parquet(path)
    first = pl.int_range(pl.len()) == 0
    named = pl.when(first).then(pl.lit(id)).otherwise("recording_id").alias("recording_id")
    write_table(path, RECORDINGS, frame.with_columns(named))
    with pytest.raises(SchemaError, match="column recording_id: the id") as caught:
        open_corpus(corpus.root).recordings()
    assert len(str(caught.value)) < 400
    assert "\n" not in caught.value.what


HIDDEN = ("\u202eabc", "a\u200bb", "a\u2066b", "\ufeffa", "a\xadb")


@pytest.mark.parametrize("id", HIDDEN)
def test_no_id_has_a_sign_that_is_not_seen(id: str) -> None:
    assert why_no_file_name(id) == why_no_id(id) == "has a sign that cannot be printed"


def test_ids_that_extract_and_import_give_are_taken() -> None:
    plain = ("s000_0", "203_1_Freeform", "führung-1.2", "a__b", "r" + "a" * 150, "300_P", "Ω")
    for id in (*plain, "a\xa0b", "a\u202fb"):
        assert why_no_file_name(id) is None
        assert why_no_id(id) is None


@pytest.mark.parametrize("id", ["", "a\nb", "\x1b[2J", "a" * 5000, "\ud800", *HIDDEN])
def test_persons_and_sessions_have_printable_names(id: str) -> None:
    assert why_no_id(id) is not None


def test_labels_of_a_session_that_cannot_be_printed_are_refused(corpus: Corpus) -> None:
    frame = corpus.labels().with_columns(session_id=pl.lit("\x1b[2J") + pl.col("session_id"))
    write_table(corpus.root / "labels.parquet", LABELS, frame)
    with pytest.raises(SchemaError, match="cannot be printed"):
        corpus.labels()


def test_the_cache_that_a_run_names_lies_in_the_corpus(corpus: Corpus) -> None:
    with pytest.raises(DataError, match="name of an embedding cache"):
        corpus.embedding_path("../../elsewhere", "r")


@pytest.mark.parametrize(
    "row", ['{"recording_id": "../../x"}', '{"recording_id": "s000_0", "x": 1}', "[1]", "{", "1"]
)
def test_the_row_in_a_frames_table_is_that_of_its_file(corpus: Corpus, row: str) -> None:
    path = corpus.frames_path("s000_0")
    write_table(path, FRAMES, corpus.frames("s000_0"), {"deptool.recording": row})
    assert read_row(path) is None


def test_a_recording_of_years_is_refused(corpus: Corpus) -> None:
    path = corpus.frames_path("s000_0")
    frame = corpus.frames("s000_0").with_columns(pl.col("timestamp") + 1e9)
    write_table(path, FRAMES, frame)
    with pytest.raises(SchemaError, match="goes on for 1e"):
        corpus.frames("s000_0", ["timestamp"])


@pytest.mark.parametrize(
    "text",
    [
        *("[1]", "1", '{"a": 1', "", "\ufeff{}", '{"a": 1, "a": 2}', '{"a": {"b": 1, "b": 1}}'),
        *(
            '{"a": ' + "[" * 100_000,
            '{"a": ' + "[" * 40 + "]" * 40 + "}",
            '{"a":1' + "0" * 5000 + "}",
        ),
        *('{"a": NaN}', '{"a": [Infinity]}', '{"a": -Infinity}', '{"a": 1e999}', '{"a": -1e400}'),
        *('{"a": "\\ud800"}', '{"\\uDC00": 1}', '{"a": 123456789012345678901}'),
    ],
)
def test_json_that_is_no_plain_object_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text, encoding="utf-8")
    with pytest.raises(SchemaError, match=r"run\.json"):
        read_json(tmp_path / "run.json")


def test_json_that_is_too_long_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "run.json").open("wb") as file:
        file.truncate(40 << 20)  # no block of it is written
    with pytest.raises(SchemaError, match="more than 32 MB"):
        read_json(tmp_path / "run.json")


def test_json_of_deptool_holds_finite_numbers(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"a": float("nan")})
    assert not (tmp_path / "a.json").exists()


def test_json_of_deptool_is_read() -> None:
    about = {"a": [1, -(2**63), 1.5, None, True, {"b": {"c": [[[]]]}}], "é": "\u2028😀"}
    assert parse_json(json.dumps(about), "x") == about
    assert parse_json(json.dumps(about, ensure_ascii=False).encode(), "x") == about


def header(path: Path, said: dict[str, Any] | bytes, body: bytes = b"") -> None:
    text = said if isinstance(said, bytes) else json.dumps(said).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


TENSOR = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    "said",
    [
        {"a": TENSOR | {"shape": [2**40]}},
        {"a": TENSOR | {"shape": [0, 2**62]}},
        {"a": TENSOR | {"shape": [-2, -1]}},
        {"a": TENSOR | {"shape": [1] * 100}},
        {"a": TENSOR | {"data_offsets": [0, 2**62]}},
        {"a": TENSOR | {"data_offsets": [0]}},
        {"a": TENSOR | {"dtype": "OBJECT"}},
        {"a" * 10_000: TENSOR},
        {"a\n": TENSOR},
        {"a": 1},
        {"__metadata__": {"deptool": 1}, "a": TENSOR},
        b'{"a": ' + b"[" * 100_000,
        b'{"a": 1, "a": 1}',
    ],
)
def test_a_header_of_weights_that_lies_is_refused(tmp_path: Path, said: Any) -> None:
    header(tmp_path / "model.safetensors", said, bytes(8))
    with pytest.raises(SchemaError):
        read_tensors(tmp_path / "model.safetensors")


def test_a_header_that_is_longer_than_its_file_is_refused(tmp_path: Path) -> None:
    for length in (2**63, 100, 33 << 20):
        with (tmp_path / "a").open("wb") as file:
            file.write(struct.pack("<Q", length))
            file.truncate(40 << 20 if length == 33 << 20 else 50)
        with pytest.raises(SchemaError):
            read_tensors(tmp_path / "a")


@pytest.mark.parametrize(
    "change",
    [
        {"members": [{"seed": 0, "fold": 7, "train_mean": 1.0}]},
        {"members": [{"seed": 0}]},
        *({"members": []}, {"members": None}, {"columns": {"gaze": 3}}, {"model": 1}),
        {"settings": []},
    ],
)
def test_a_model_whose_header_says_something_else_is_refused(
    tmp_path: Path, change: dict[str, object]
) -> None:
    (tmp_path / "model.safetensors").write_bytes(model_file.seeds(tmp_path)[0])
    tensors, about = read_tensors(tmp_path / "model.safetensors")
    assert read_model(tmp_path)[1][0].keys() == {"a.weight", "b"}
    write_tensors(tmp_path / "model.safetensors", tensors, {**about, **change})
    with pytest.raises(SchemaError):
        read_model(tmp_path)


def test_parameters_of_another_network_are_told() -> None:
    network = torch.nn.Linear(2, 1)
    good = network.state_dict()
    fill(network, good)
    with pytest.raises(SchemaError, match="it lacks 'bias'"):
        fill(network, {"weight": good["weight"]})
    with pytest.raises(SchemaError, match="'other' is not the model's"):
        fill(network, {**good, "other": good["bias"]})
    with pytest.raises(SchemaError, match="'weight' has another shape"):
        fill(network, {**good, "weight": torch.ones(3, 3)})


# A library reads a file of its own here: it is unpickled only where its SHA-256 is the known one.
LIBRARY_UNPICKLES = {"extractors/face_alignment.py"}
PICKLES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


def unsafe(tree: ast.AST) -> set[str]:
    """What a file does that runs what is in the file that it reads."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {a.name for a in node.names if a.name.split(".")[0] in PICKLES}
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in PICKLES:
            found.add(str(node.module))
        if not isinstance(node, ast.Call):
            continue
        called, given = ast.unparse(node.func), {k.arg: k.value for k in node.keywords}
        for call, key, good in (
            ("torch.load", "weights_only", True),
            ("load", "allow_pickle", False),
        ):
            value = given.get(key)
            right = isinstance(value, ast.Constant) and value.value is good
            if call == "torch.load" and called == call and not right:
                found.add(called)
            if key in given and not right:
                found.add(f"{called}({key})")
        if called.startswith("yaml.") and "safe" not in called:
            found.add(called)
        if called in ("eval", "exec", "read_pickle", "pd.read_pickle", "builtins.eval"):
            found.add(called)
    return found


def test_nothing_is_unpickled() -> None:
    root = Path(deptool.__file__).parent
    found = {
        path.relative_to(root).as_posix(): what
        for path in root.rglob("*.py")
        if (what := unsafe(ast.parse(path.read_bytes())))
    }
    assert found.keys() == LIBRARY_UNPICKLES
    # It names the library's error alone, and looks at the file's digest before the library does.
    source = (root / "extractors" / "face_alignment.py").read_text(encoding="utf-8")
    words = [ast.unparse(n) for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Attribute)]
    assert {w for w in words if w.startswith("pickle.")} == {"pickle.UnpicklingError"}
    assert source.index("_check_depth(weights)") < source.index("face_alignment.FaceAlignment(")


def test_what_is_looked_for_is_found() -> None:
    for text in (
        *("import pickle", "from joblib import load", "torch.load(p)", "yaml.load(p)", "eval(x)"),
        *("torch.load(p, weights_only=False)", "np.load(p, allow_pickle=True)"),
    ):
        assert unsafe(ast.parse(text))
    sound = "torch.load(p, weights_only=True); np.load(p, allow_pickle=False); np.load(q)"
    assert not unsafe(ast.parse(sound))
