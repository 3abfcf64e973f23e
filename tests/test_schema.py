"""The schema, the files generated from it, and `deptool schema`."""

import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from deptool import schema
from deptool.cli.main import app
from deptool.corpus import MARKER, create_corpus
from deptool.errors import SchemaError
from deptool.schema import AU_INTENSITY, AU_PRESENCE, FRAMES, LABELS, TABLES
from deptool.schema_docs import corpus_schema, documents, json_schema, write_documents
from deptool.validate import check

ROOT = Path(__file__).parent.parent


def test_the_generated_files_in_the_checkout_are_up_to_date():
    stale = [n for n, text in documents().items() if (ROOT / n).read_bytes() != text.encode()]
    assert stale == [], "run: deptool schema --write"
    there = {f"schemas/{p.name}" for p in (ROOT / "schemas").iterdir()}
    assert there == {name for name in documents() if name.startswith("schemas/")}


def test_every_column_says_what_it_means_in_what_unit_and_from_where():
    for table in TABLES.values():
        assert len({c.name for c in table.columns}) == len(table.columns)
        for column in table.columns:
            assert column.meaning, column
            assert column.unit, column
            assert column.source, column
            assert column.choices is None or column.dtype == "string"


def test_the_frames_table_has_openfaces_columns():
    names = [c.name for c in FRAMES.columns]
    assert [n for n in names if n.startswith("x_")] == [f"x_{i}" for i in range(68)]
    assert [n for n in names if n.startswith("y_")] == [f"y_{i}" for i in range(68)]
    assert (len(AU_INTENSITY), len(AU_PRESENCE)) == (17, 18)
    assert len(FRAMES.group("action_units")) == 35
    assert len(FRAMES.group("head_pose")) == 6
    assert len(FRAMES.group("gaze")) == 8


def test_json_schema_carries_types_ranges_units_and_choices():
    found = json_schema(FRAMES)["properties"]
    assert found["pose_Tz"] == {
        "description": "head distance from the camera",
        "type": ["number", "null"],
        **{"unit": "mm", "dtype": "float32", "group": "head_pose"},
        "source": "OpenFace 2 (Baltrusaitis et al. 2018), column name and convention",
    }
    assert (found["frame"]["type"], found["frame"]["minimum"]) == ("integer", 1)
    assert (found["AU12_r"]["minimum"], found["AU12_r"]["maximum"]) == (0, 5)
    assert "no_face" in found["status"]["enum"]
    split = json_schema(schema.RECORDINGS)["properties"]["split"]
    assert split["enum"] == ["train", "dev", "test", None]


def test_optional_groups_are_not_required_but_whole():
    found = json_schema(FRAMES)
    assert found["required"] == [c.name for c in FRAMES.group("base")]
    together = found["dependentRequired"]
    assert len(together["x_0"]) == 135
    assert together["y_67"] == ["x_0"]


def valid(value, about):
    """What JSON Schema says of one value, for the few words that the schemas use."""
    kinds = about["type"] if isinstance(about["type"], list) else [about["type"]]
    python = {"number": (int, float), "integer": int, "string": str, "null": type(None)}
    if not any(isinstance(value, python[kind]) for kind in kinds):
        return False
    if value is None or isinstance(value, str):
        long = len(value or "x") >= about.get("minLength", 0)
        return value in about.get("enum", [value]) and (value is None or (long and value != ""))
    whole = "multipleOf" not in about or value % about["multipleOf"] == 0
    return whole and about.get("minimum", value) <= value <= about.get("maximum", value)


@given(
    st.sampled_from([c for t in TABLES.values() for c in t.columns]),
    st.one_of(
        st.none(),
        st.integers(-70, 300),
        st.floats(-9, 9, width=32),
        st.sampled_from(["", "ok", "test"]),
    ),
)
def test_json_schema_and_the_table_check_agree_on_every_column(column, value):
    kind = {"float32": pl.Float32, "int32": pl.Int32, "string": pl.String}[column.dtype]
    if value is not None and isinstance(value, str) != (column.dtype == "string"):
        return
    if column.dtype == "int32" and isinstance(value, float):
        return
    table = schema.Table("one", "one", (column,))
    frame = pl.DataFrame({column.name: pl.Series([value], dtype=kind)})
    try:
        check(frame, table, "t")
        accepted = True
    except SchemaError:
        accepted = False
    assert accepted == valid(value, json_schema(table)["properties"][column.name])


def test_corpus_json_is_what_its_schema_says(tmp_path):
    create_corpus(tmp_path / "c", "mediapipe-1", {"fps": 6})
    about = json.loads((tmp_path / "c" / MARKER).read_text())
    said = corpus_schema()
    assert set(about) == set(said["properties"])
    assert set(said["required"]) <= set(about)
    assert about["schema_version"] == said["properties"]["schema_version"]["const"]


def test_the_page_names_every_column_but_numbered_ones_once():
    page = documents()["docs/tables.md"]
    for table in TABLES.values():
        assert f"## {table.name}" in page
        for column in table.columns:
            if column.group != "landmarks":
                assert f"| `{column.name}` |" in page
    assert "| `x_0` … `x_67` | float32 | px |" in page
    assert "`x_1`" not in page
    assert "lip corner puller" in page


def test_writing_twice_changes_nothing(tmp_path):
    assert len(write_documents(tmp_path)) == len(TABLES) + 2
    assert write_documents(tmp_path) == []
    (tmp_path / "docs" / "tables.md").write_text("edited")
    assert [p.name for p in write_documents(tmp_path)] == ["tables.md"]


def test_generated_files_say_so():
    assert all("Generated by `deptool schema --write`" in text for text in documents().values())


def run(*words):
    return CliRunner().invoke(app, ["schema", *words])


def test_the_verb_shows_prints_and_writes(tmp_path):
    assert "One score per session and scale" in run().stdout
    assert json.loads(run("labels").stdout) == json_schema(LABELS)
    assert set(json.loads(run("--json").stdout)) == {*TABLES, "corpus"}
    done = run("--write", "--into", str(tmp_path))
    assert (done.exit_code, done.stdout) == (0, "")
    assert (tmp_path / "schemas" / "frames.schema.json").is_file()


@pytest.mark.parametrize(("words", "said"), [(["fames"], "frames"), (["labels", "--write"], "")])
def test_the_verb_refuses(words, said):
    error = run(*words).exception
    assert error.exit_code == 2
    assert said in str(error)
