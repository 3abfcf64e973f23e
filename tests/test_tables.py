"""Writing and reading tables: what is in the file, what is refused, what comes back."""

import json

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deptool import tables
from deptool.errors import InputError, SchemaError
from deptool.schema import FRAMES, LABELS, RECORDINGS, SCHEMA_VERSION, TABLES, TRACKS
from deptool.validate import check

KINDS = {"string": pl.String, "float32": pl.Float32, "int32": pl.Int32}


def frames(n=3, groups=("landmarks", "head_pose", "gaze", "action_units")):
    """A frames table of n rows, measurements 0.5, presences 1."""
    fill = {"frame": range(1, n + 1), "timestamp": [i / 6 for i in range(n)]}
    fill |= {"success": [1] * n, "n_faces": [1] * n, "status": ["ok"] * n}
    return pl.DataFrame(
        {
            c.name: pl.Series(fill.get(c.name, [1.0 if c.whole else 0.5] * n), dtype=KINDS[c.dtype])
            for c in FRAMES.columns
            if c.group == "base" or c.group in groups
        }
    )


def with_value(name, value, row=1):
    frame = frames()
    values = frame[name].to_list()
    values[row] = value
    return frame.with_columns(pl.Series(name, values, dtype=frame[name].dtype))


def test_what_is_written_is_read_back(tmp_path):
    tables.write_table(tmp_path / "f.parquet", FRAMES, frames())
    assert tables.read_table(tmp_path / "f.parquet", FRAMES).equals(frames())


def test_columns_are_read_alone_and_in_the_schemas_order(tmp_path):
    mixed = frames().select(reversed(frames().columns))
    tables.write_table(tmp_path / "f.parquet", FRAMES, mixed)
    assert tables.read_table(tmp_path / "f.parquet", FRAMES).columns == frames().columns
    part = tables.read_table(tmp_path / "f.parquet", FRAMES, ["timestamp", "AU12_r"])
    assert part.columns == ["timestamp", "AU12_r"]


def test_numbers_of_another_width_are_cast(tmp_path):
    wide = frames().with_columns(
        pl.col("timestamp").cast(pl.Float64), pl.col("frame").cast(pl.Int64)
    )
    tables.write_table(tmp_path / "f.parquet", FRAMES, wide)
    assert tables.read_table(tmp_path / "f.parquet", FRAMES).equals(frames())


def test_the_file_is_one_row_group_of_zstd_with_floats_split_by_byte(tmp_path):
    tables.write_table(tmp_path / "f.parquet", FRAMES, frames(5000))
    about = pq.read_metadata(tmp_path / "f.parquet")
    assert about.num_row_groups == 1
    group = about.row_group(0)
    for i in range(group.num_columns):
        chunk = group.column(i)
        dictionary = {"PLAIN_DICTIONARY", "RLE_DICTIONARY"} & set(chunk.encodings)
        assert chunk.compression == "ZSTD"
        if FRAMES.column(chunk.path_in_schema).dtype == "float32":
            assert "BYTE_STREAM_SPLIT" in chunk.encodings
            assert not dictionary
        if FRAMES.column(chunk.path_in_schema).dtype == "string":
            assert dictionary


def test_units_and_meanings_are_in_the_arrow_fields_and_the_version_in_the_file(tmp_path):
    tables.write_table(tmp_path / "f.parquet", FRAMES, frames(), {"deptool.fps": "6"})
    found = pq.read_schema(tmp_path / "f.parquet")
    assert found.field("pose_Tz").metadata[b"unit"] == b"mm"
    assert found.field("x_0").metadata[b"unit"] == b"px"
    for column in FRAMES.columns:
        field = found.field(column.name)
        assert field.metadata[b"unit"].decode() == column.unit
        assert field.metadata[b"meaning"].decode() == column.meaning
        assert field.nullable == column.nullable
    assert tables.read_metadata(tmp_path / "f.parquet") == {
        "deptool.table": "frames",
        "deptool.schema_version": str(SCHEMA_VERSION),
        "deptool.fps": "6",
    }


def test_the_same_table_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        tables.write_table(tmp_path / name, FRAMES, frames())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_table_without_rows_round_trips(tmp_path):
    tables.write_table(tmp_path / "f.parquet", FRAMES, frames(0))
    assert tables.read_table(tmp_path / "f.parquet", FRAMES).shape == frames(0).shape


def test_a_group_of_columns_is_there_as_a_whole_or_not_at_all(tmp_path):
    tables.write_table(tmp_path / "f.parquet", FRAMES, frames(groups=["gaze"]))
    assert "x_0" not in tables.read_table(tmp_path / "f.parquet", FRAMES).columns
    with pytest.raises(SchemaError, match=r"lacks 1 of the 35 columns .* action_units: AU12_r"):
        check(frames().drop("AU12_r"), FRAMES, "f")
    with pytest.raises(SchemaError, match=r"lacks 2 of the 10 columns .* base: timestamp, status"):
        check(frames().drop("timestamp", "status"), FRAMES, "f")


BREACHES = [
    ("confidence", 1.5, "expected a finite number from 0 up to 1, found 1.5"),
    ("confidence", -0.5, "expected a finite number from 0 up to 1, found -0.5"),
    ("confidence", np.nan, "expected a finite number .*, found nan"),
    ("x_3", np.inf, "expected a finite number, found inf"),
    ("x_3", np.nan, "expected a finite number, found nan"),
    ("AU12_r", 5.5, ".*from 0 up to 5, found 5.5"),
    ("AU12_c", 2.0, ".*from 0 up to 1, found 2.0"),
    ("AU12_c", 0.5, "expected a whole number from 0 up to 1, found 0.5"),
    ("pose_Rx", 4.0, ".*found 4.0"),
    ("frame", 0, "expected a whole number from 1, found 0"),
    ("success", 2, "expected a whole number from 0 up to 1, found 2"),
    ("status", "fine", "expected one of ok, no_face, .*, found 'fine'"),
    ("status", None, "expected a value, found null"),
    ("timestamp", None, "expected a value, found null"),
]


@pytest.mark.parametrize(("column", "value", "said"), BREACHES)
def test_a_breach_names_file_column_row_and_expectation_when_written(tmp_path, column, value, said):
    path = tmp_path / "f.parquet"
    with pytest.raises(SchemaError, match=f"^f.parquet, column {column}, row 1: {said}"):
        tables.write_table(path, FRAMES, with_value(column, value))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("column", "value", "said"), BREACHES)
def test_a_breach_is_seen_when_read(tmp_path, column, value, said):
    table = with_value(column, value).to_arrow()
    about = {"deptool.schema_version": str(SCHEMA_VERSION)}
    pq.write_table(table.replace_schema_metadata(about), tmp_path / "f.parquet")
    with pytest.raises(SchemaError, match=f"^f.parquet, column {column}, row 1: {said}"):
        tables.read_table(tmp_path / "f.parquet", FRAMES)


def test_null_is_allowed_where_the_schema_says_so(tmp_path):
    frame = with_value("x_0", None)
    tables.write_table(tmp_path / "f.parquet", FRAMES, frame)
    assert tables.read_table(tmp_path / "f.parquet", FRAMES)["x_0"].null_count() == 1


def test_an_empty_text_is_no_id():
    frame = pl.DataFrame(
        {"session_id": [""], "scale": ["PHQ-8"], "score": [1.0]},
        schema_overrides={"score": pl.Float32},
    )
    with pytest.raises(SchemaError, match="column session_id, row 0: expected a text that is not"):
        check(frame, LABELS, "labels.parquet")


def test_a_column_of_another_kind_or_unknown_is_refused():
    with pytest.raises(SchemaError, match="column frame: expected int32, found String"):
        check(frames().with_columns(pl.col("frame").cast(pl.String)), FRAMES, "f")
    with pytest.raises(SchemaError, match="'pixels' is not part of the table frames"):
        check(frames().with_columns(pixels=1), FRAMES, "f")


def test_a_text_column_is_not_silently_made_a_number(tmp_path):
    frame = frames().with_columns(timestamp=pl.lit("0.5"))
    with pytest.raises(SchemaError, match="column timestamp: expected float32, found String"):
        tables.write_table(tmp_path / "f.parquet", FRAMES, frame)


def test_files_that_are_missing_cut_off_or_of_another_kind(tmp_path):
    path = tmp_path / "f.parquet"
    with pytest.raises(InputError, match=r"f.parquet: no such table"):
        tables.read_table(path, FRAMES)
    tables.write_table(path, FRAMES, frames())
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(SchemaError, match="cannot be read as Parquet"):
        tables.read_table(path, FRAMES)
    path.write_text("frame,timestamp\n")
    with pytest.raises(SchemaError, match="cannot be read as Parquet"):
        tables.read_metadata(path)


@pytest.mark.parametrize("version", [None, "0", "999"])
def test_another_schema_version_is_refused(tmp_path, version):
    about = {} if version is None else {"deptool.schema_version": version}
    pq.write_table(frames().to_arrow().replace_schema_metadata(about), tmp_path / "f.parquet")
    with pytest.raises(SchemaError, match=f"schema version {version or 'none'}, but"):
        tables.read_table(tmp_path / "f.parquet", FRAMES)


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "f.parquet"
    tables.write_table(path, FRAMES, frames())
    before = path.read_bytes()
    with pytest.raises(RuntimeError, match="stop"), tables.replacing(path) as temporary:  # noqa: PT012
        temporary.write_bytes(b"half")
        raise RuntimeError("stop")
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_json_is_written_as_utf8_and_read_back(tmp_path):
    tables.write_json(tmp_path / "a.json", {"name": "ä", "n": 1})
    assert (tmp_path / "a.json").read_bytes() == '{\n  "name": "ä",\n  "n": 1\n}\n'.encode()
    assert tables.read_json(tmp_path / "a.json") == {"name": "ä", "n": 1}
    for text in ("[1]", "{", ""):
        (tmp_path / "a.json").write_text(text)
        with pytest.raises(SchemaError, match="JSON"):
            tables.read_json(tmp_path / "a.json")


def values(column):
    """Values that a column may hold, null included where it may be null."""
    low = None if column.low is None else np.nextafter(np.float32(column.low), np.float32(np.inf))
    high = (
        None if column.high is None else np.nextafter(np.float32(column.high), np.float32(-np.inf))
    )
    if column.choices is not None:
        one = st.sampled_from(column.choices)
    elif column.dtype == "string":
        one = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=5)
    elif column.dtype == "int32":
        one = st.integers(int(column.low or 0), int(column.high or 2**31 - 1))
    else:
        one = st.floats(
            *(None if v is None else float(v) for v in (low, high)),
            width=32,
            allow_nan=False,
            allow_infinity=False,
        )
    return st.one_of(st.none(), one) if column.nullable else one


@settings(max_examples=40, deadline=None)
@given(st.data(), st.sampled_from([t for t in TABLES.values() if t not in (FRAMES, TRACKS)]))
def test_any_table_that_keeps_the_schema_round_trips(tmp_path_factory, data, table):
    n = data.draw(st.integers(0, 4))
    frame = pl.DataFrame(
        {
            c.name: pl.Series(
                data.draw(st.lists(values(c), min_size=n, max_size=n)), dtype=KINDS[c.dtype]
            )
            for c in table.columns
        }
    )
    path = tmp_path_factory.mktemp("t") / "t.parquet"
    tables.write_table(path, table, frame)
    assert tables.read_table(path, table).equals(frame)


def test_the_recordings_table_takes_rows_without_ids_yet(tmp_path):
    row = {c.name: [None] for c in RECORDINGS.columns if c.nullable}
    row |= {"recording_id": ["a"], "n_frames": [0], "n_success": [0], "n_ambiguous": [0]}
    row |= {"coverage": [0.0]}
    row |= {"extractor": ["x"], "feature_set": ["x-1"], "status": ["corrupt"]}
    tables.write_table(tmp_path / "r.parquet", RECORDINGS, pl.DataFrame(row))
    assert (
        json.dumps(tables.read_table(tmp_path / "r.parquet", RECORDINGS)["split"].to_list())
        == "[null]"
    )
    assert pq.read_schema(tmp_path / "r.parquet").field("split").type == pa.string()


@pytest.mark.parametrize("name", ["Identity_1", "identity", "embedding_0", "pixel_0", "image"])
@pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))
def test_only_columns_of_the_schema_get_into_a_table(tmp_path, table, name):
    # Empty, but right in every other way: what remains wrong is the column more.
    kinds = {c.name: KINDS[c.dtype] for c in table.columns}
    frame = pl.DataFrame(schema={**kinds, name: pl.Float32})
    with pytest.raises(SchemaError, match=f"column '{name}' is not part of the table"):
        tables.write_table(tmp_path / "t.parquet", table, frame)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.5, 5.5])
def test_one_bad_value_among_good_ones_is_found_and_named(tmp_path, value):
    values = [1.0] * 7
    values[4] = value
    bad = frames(7).with_columns(pl.Series("AU12_r", values, dtype=pl.Float32))
    with pytest.raises(SchemaError, match=r"column AU12_r, row 4: expected a finite number"):
        tables.write_table(tmp_path / "f.parquet", FRAMES, bad)


def test_a_place_that_cannot_be_written_is_an_error_with_a_way_out(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written: File exists") as caught:
        tables.write_text(tmp_path / "file" / "a.json", "{}")
    assert "what a batch has done is kept" in caught.value.fix.replace("\n", " ")


def test_a_flipped_bit_in_the_values_is_noticed(tmp_path):
    path = tmp_path / "f.parquet"
    noise = np.random.default_rng(0).uniform(0, 640, 5000).astype(np.float32)
    tables.write_table(path, FRAMES, frames(5000).with_columns(pl.Series("x_7", noise)))
    group = pq.read_metadata(path).row_group(0)
    chunk = next(c for c in map(group.column, range(200)) if c.path_in_schema == "x_7")
    raw = bytearray(path.read_bytes())
    raw[chunk.data_page_offset + chunk.total_compressed_size // 2] ^= 1
    path.write_bytes(raw)
    with pytest.raises(SchemaError, match="cannot be read as Parquet"):
        tables.read_table(path, FRAMES)
