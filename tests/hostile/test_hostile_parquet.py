"""Parquet files that lie about their sizes are refused, and before they take any memory."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from deptool import parquet_headers, tables
from deptool.breaches import read_whole
from deptool.columns import Table
from deptool.errors import DeptoolError, SchemaError
from deptool.parquet_file import Parquet, opened
from deptool.parquet_headers import read_footer, read_page
from deptool.parquet_limits import FOOTER, allowance
from deptool.schema import FRAMES, RECORDINGS
from deptool.thrift import Malformed, read_struct
from fixtures import hostile_parquet as hostile
from fixtures.fuzz_targets import embedding, frames
from fixtures.hostile_parquet import deep, fields, one_column, page, zeros
from fixtures.mutations import mutations

ROOT = Path(__file__).parents[2]
BOMB = 1_900_000_000  # zeros: 1.9 GB, of which zstd makes less than 100 kB

# Reads every file, and says what came of it and how much memory the process took at most (kB).
READ_ALL = """
import json, resource, sys
from pathlib import Path
import polars, pyarrow.parquet
from deptool.errors import DeptoolError
from deptool.parquet_file import read_parquet
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
said = {}
for name in sys.argv[1:]:
    try:
        read_parquet(Path(name))
        said[Path(name).name] = "read"
    except DeptoolError as error:
        said[Path(name).name] = f"{type(error).__name__}: {error.what}"
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([said, after - before]))
"""


def text_bomb(path: Path) -> None:
    """10,000 rows of one text of 1 MB, which stands in the file once: 10 GB."""
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 10_000, pa.int32()), ["a" * 1_000_000])
    pq.write_table(
        pa.table({"status": texts}), path, store_schema=False, dictionary_pagesize_limit=1 << 22
    )


def contradiction(path: Path) -> None:
    """A column that may lack values by its counts of them, and may not by the schema.

    pyarrow ends the process where it is asked for this column's place in the file.
    """
    pq.write_table(pa.table({"a": pa.array([1.0, None], pa.float32())}), path)
    content = path.read_bytes()
    # SchemaElement: type 4 (float), repetition 1 (may lack), name.
    optional, required = (b"\x15\x08\x25" + r + b"\x18\x01a" for r in (b"\x02", b"\x00"))
    assert content.count(optional) == 1
    path.write_bytes(content.replace(optional, required))


def test_bombs_are_refused_and_take_no_memory(tmp_path: Path) -> None:
    packed = zeros(BOMB)
    assert len(packed) < 1_000_000
    paths = {
        name: tmp_path / f"{name}.parquet"
        for name in (
            "declared",
            "real",
            "hidden",
            "many",
            "texts",
            "deep",
            "deepest",
            "list",
            "odd",
        )
    }
    contradiction(paths["odd"])
    # The footer says 2.5e9 rows of 4 bytes: 10 GB.
    one_column(paths["declared"], [page(zeros(400), 400, 100)], 2_500_000_000)
    # Two pages of 1.9 GB, as the footer says too.
    two = [page(packed, BOMB, BOMB // 4)] * 2
    one_column(paths["real"], two, BOMB // 2, unpacked=2 * BOMB)
    # The same, but the footer says 200 bytes and 50 rows.
    one_column(paths["hidden"], two, 50, unpacked=200)
    # 300,000 pages of no value before the one of the row.
    one_column(paths["many"], [*[page(b"", 0, 0)] * 300_000, page(zeros(4), 4, 1)], 1)
    text_bomb(paths["texts"])
    deep(paths["deep"], 900)
    deep(paths["deepest"], 100_000)
    pq.write_table(pa.table({"a": [[[1.0]]]}), paths["list"])
    done = subprocess.run(
        [sys.executable, "-c", READ_ALL, *map(str, paths.values())],
        capture_output=True,
        text=True,
        env=dict(os.environ, PYTHONPATH=str(ROOT)),
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said, kilobytes = json.loads(done.stdout)
    refused = {name: text.split(":")[0] for name, text in said.items()}
    assert refused == {f"{name}.parquet": "SchemaError" for name in paths}, said
    # The texts are the largest: 1 MB, and their places in it. A page of a bomb has 1.9 GB.
    assert kilobytes < 200_000, said


def test_a_table_of_20_hours_may_be_as_large_as_it_is() -> None:
    # 20 h x 3600 s x 30 rows/s x 714 columns x 4 bytes = 6.2e9; zstd halves such numbers, and even
    # where 1 row in 100 holds a face, the file has some 30 MB.
    assert allowance(30_000_000) > 20 * 3600 * 30 * 714 * 4
    # One of 5 h in which nothing was measured has next to no bytes.
    assert allowance(300_000) > 5 * 3600 * 30 * 714 * 4


@pytest.mark.parametrize(
    ("pages", "rows"),
    [
        ([page(zeros(400), 400, 100)], 99),  # more values than rows
        ([page(zeros(400), 400, 100)], 101),
        ([page(zeros(400), -400, 100)], 100),
        ([page(zeros(400), 400, 100)[:-3]], 100),  # the page goes on beyond its column
        ([b"\x15\x07" + page(zeros(400), 400, 100)], 100),  # a page of no known kind
        ([b"\xff" * 5000], 100),
    ],
)
def test_pages_that_contradict_the_footer_are_damage(
    tmp_path: Path, pages: list[bytes], rows: int
) -> None:
    # Pages beyond 4 kB are looked at in any column of numbers, so these are filled up with one.
    filler = page(os.urandom(8000), 8000, 0)
    one_column(tmp_path / "a.parquet", [*pages, filler], rows)
    with opened(tmp_path / "a.parquet") as file, pytest.raises(SchemaError, match="cannot be read"):
        file.read()


def test_a_file_written_by_hand_is_read(tmp_path: Path) -> None:
    # What the other tests break is sound: 100 zeros.
    one_column(tmp_path / "a.parquet", [page(zeros(400), 400, 100)], 100, unpacked=400)
    with opened(tmp_path / "a.parquet") as file:
        assert file.read().column("frame").to_pylist() == [0] * 100


def test_a_footer_that_is_too_long_is_not_parsed(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    length = FOOTER + 1
    path.write_bytes(b"PAR1" + bytes(length) + length.to_bytes(4, "little") + b"PAR1")
    with pytest.raises(SchemaError, match="footer has 16777217 bytes"), opened(path):
        pass


def test_delta_encoded_texts_are_refused(tmp_path: Path) -> None:
    # A text that repeats the one before takes one byte, whatever its length.
    table = pa.table({"status": ["a" * 1000] * 5})
    pq.write_table(
        table,
        tmp_path / "a.parquet",
        use_dictionary=False,
        column_encoding={"status": "DELTA_BYTE_ARRAY"},
    )
    with opened(tmp_path / "a.parquet") as file, pytest.raises(SchemaError, match="encoding 7"):
        file.read()


def test_texts_in_a_dictionary_are_read_where_they_fit(tmp_path: Path) -> None:
    # A dictionary of 1 MB and 3,000 rows: 3 GB if each text were all of it; but they are 1 MB.
    texts = ["b", *("a" for _ in range(1_999)), *(f"{k:01000}" for k in range(1000))]
    pq.write_table(pa.table({"status": texts}), tmp_path / "a.parquet", store_schema=False)
    with opened(tmp_path / "a.parquet") as file:
        table = file.read()
    assert table.schema.field("status").type == pa.string()
    assert table.column("status").to_pylist() == texts


@pytest.mark.parametrize("length", [1_001, 50_000_000])
@pytest.mark.parametrize("dictionary", [True, False])
def test_a_text_of_more_than_a_line_is_refused(
    tmp_path: Path, length: int, dictionary: bool
) -> None:
    # A dictionary's text stands in the file once, and in full in each of 8 rows.
    pq.write_table(
        pa.table({"task": ["x" * length] * 8}), tmp_path / "a.parquet", use_dictionary=dictionary
    )
    with (
        opened(tmp_path / "a.parquet") as file,
        pytest.raises(SchemaError, match=rf"'task' has a text of {length // 10}\d+ bytes, .* 1000"),
    ):
        file.read()


def test_texts_are_added_up_before_each_stands_in_full(tmp_path: Path) -> None:
    # 1 million rows of 1,000 bytes, in a file of a few kB: 1 GB.
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 1_000_000, pa.int32()), ["x" * 1000])
    pq.write_table(pa.table({"task": texts}), tmp_path / "a.parquet", store_schema=False)
    with (
        opened(tmp_path / "a.parquet") as file,
        pytest.raises(SchemaError, match="too long altogether"),
    ):
        file.read()


@pytest.mark.parametrize(("schema", "most"), [(RECORDINGS, 1_000_000), (FRAMES, 20_000_000)])
def test_more_rows_than_any_table_has_are_refused_by_the_footer(
    tmp_path: Path, schema: Table, most: int
) -> None:
    about = [("deptool.schema_version", str(tables.SCHEMA_VERSION))]
    path = tmp_path / "a.parquet"
    name = schema.columns[0].name
    one_column(path, [page(zeros(4), 4, 1)], most + 1, name=name, texts=about)
    with pytest.raises(SchemaError, match=f"has {most + 1} rows, expected at most {most}"):
        tables.read_table(path, schema)
    table, (problem, *others) = read_whole(path, schema, "a.parquet")
    assert table is None
    assert f"{most + 1} rows" in problem.what
    assert not others


def test_a_table_without_its_columns_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = {"deptool.schema_version": str(tables.SCHEMA_VERSION)}
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"frame": [1]}).replace_schema_metadata(about), path)
    monkeypatch.setattr(Parquet, "read", lambda *_: pytest.fail("it was read"))
    with pytest.raises(SchemaError, match="lacks 9 of the 10 columns of its group base"):
        tables.read_table(path, FRAMES)


def test_names_of_strangers_are_cut_in_errors(tmp_path: Path) -> None:
    one_column(tmp_path / "a.parquet", [page(zeros(4), 4, 1)], 1, name="n" * 150)
    about = [("deptool.schema_version", str(tables.SCHEMA_VERSION))]
    one_column(tmp_path / "b.parquet", [page(zeros(4), 4, 1)], 1, name="n" * 150, texts=about)
    one_column(tmp_path / "c.parquet", [page(zeros(4), 4, 1)], 1, name="n" * 500_000, texts=about)
    for name in "abc":
        with pytest.raises(SchemaError) as caught:
            tables.read_table(tmp_path / f"{name}.parquet", FRAMES)
        assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "kind",
    [
        *(pa.list_(pa.list_(pa.float32())), pa.struct([("a", pa.int32())]), pa.binary()),
        *(pa.decimal128(30, 2), pa.map_(pa.string(), pa.int32()), pa.list_(pa.float32())),
        pa.dictionary(pa.int32(), pa.string()),
    ],
)
def test_types_that_no_table_has_are_refused(tmp_path: Path, kind: pa.DataType) -> None:
    pq.write_table(pa.table({"a": pa.array([None], kind)}), tmp_path / "a.parquet")
    with pytest.raises(SchemaError, match="numbers and texts"), opened(tmp_path / "a.parquet"):
        pass


def test_texts_that_are_no_utf_8_are_damage(tmp_path: Path) -> None:
    bad = pa.array([b"\xff\xfe"]).cast(pa.string(), safe=False)
    pq.write_table(pa.table({"status": bad}), tmp_path / "a.parquet")
    with opened(tmp_path / "a.parquet") as file, pytest.raises(SchemaError, match="cannot be read"):
        file.read()


def slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read footers and pages field by field, never as pyarrow writes them."""
    monkeypatch.setattr(parquet_headers, "_usual_chunk", lambda _data, at: (None, at))
    monkeypatch.setattr(
        parquet_headers, "_past_element", lambda data, at: parquet_headers.skip(data, at, 12)
    )
    monkeypatch.setattr(parquet_headers, "_PAGE", re.compile(b"(?!)"))


def read_or_refuse(read: Callable[[bytes], object], data: bytes) -> object:
    try:
        return read(data)
    except Malformed:
        return None


def test_the_quick_way_reads_what_the_slow_one_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Footers and first pages of the tables of deptool, sound and broken.
    footers, pages = [], []
    for kind in (frames, embedding):
        for content in kind.seeds(tmp_path / kind.__name__):
            length = int.from_bytes(content[-8:-4], "little")
            footers.append(content[-8 - length : -8])
            pages += [content[4:200], content[5000:5200]]
    footers = [*footers, *mutations(footers, 200)]
    pages = [*pages, *mutations(pages, 1000)]
    ways: tuple[tuple[Callable[[bytes], object], list[bytes]], ...] = (
        (lambda data: read_footer(data, 1000), footers),
        (lambda data: read_footer(data, 1000, {0, 5}), footers),
        (read_page, pages),
    )
    quick = [[read_or_refuse(read, data) for data in some] for read, some in ways]
    slowly(monkeypatch)
    slow = [[read_or_refuse(read, data) for data in some] for read, some in ways]
    assert quick == slow
    assert sum(found is not None for found in quick[0]) > 20
    # And what pyarrow reads: offsets and sizes of every column.
    said = pq.read_metadata(tmp_path / frames.__name__ / "frames" / "s000_0.parquet")
    assert quick[0][1] is not None
    chunks = quick[0][1].groups[0].chunks
    for k in range(said.num_columns):
        column = said.row_group(0).column(k)
        assert (chunks[k].data_at, chunks[k].packed, chunks[k].unpacked, chunks[k].values) == (
            *(column.data_page_offset, column.total_compressed_size),
            *(column.total_uncompressed_size, column.num_values),
        )


def test_structs_are_read_with_bounds() -> None:
    # Field 1: -3, field 2: b"ab", field 3: {1: True}, field 20 by its long form: 300.
    inner = b"\x11\x00"
    content = (
        b"\x15\x05" + b"\x18\x02ab" + b"\x1c" + inner + b"\x05\x28\xd8\x04" + b"\x00" + b"rest"
    )
    assert read_struct(content) == ({1: -3, 2: b"ab", 3: {1: True}, 20: 300}, len(content) - 4)
    for broken in (content[:5], b"\x1c" * 50, b"\x18\xff\xff\xff\xff\x0f", b"\x15" + b"\xff" * 11):
        with pytest.raises(Malformed):
            read_struct(broken)
    with pytest.raises(Malformed, match="too long"):
        read_struct(fields((1, 9, hostile.listed(5, [b"\x00"] * 20_000))))
    # What readers could take for one thing or another: a field twice, or before its time, or a stop
    # that is none.
    for twice in (b"\x15\x02\x05\x02\x04\x00", b"\x25\x02\x05\x02\x04\x00", b"\x15\x02\x10\x00"):
        with pytest.raises(Malformed):
            read_struct(twice)


def test_every_error_is_one_of_ours(tmp_path: Path) -> None:
    for content in (
        b"",
        b"PAR1",
        b"PAR1PAR1",
        b"PARE" * 5,
        b"\0" * 100,
        b"PAR1" + bytes(4) + b"PAR1",
    ):
        (tmp_path / "a.parquet").write_bytes(content)
        with pytest.raises(DeptoolError), opened(tmp_path / "a.parquet"):
            pass
