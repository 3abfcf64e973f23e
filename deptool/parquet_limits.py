"""What a Parquet file may ask for, looked at before anything of it is decoded.

A file is a stranger's word for its own sizes: a few bytes may stand for gigabytes of zeros, a deep
schema overflows the stack of the C++ reader, a page may be a bomb that the footer says nothing of.
So the footer is bounded before it is parsed, then what it says, then the header of every page that
will be read. Limits are far beyond what deptool writes: 20 hours of 30 rows a second in 714 columns
are 6.2 GB of numbers, of which a file that holds them has more than 1 in 1000.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from deptool.errors import SchemaError
from deptool.parquet_headers import DICTIONARY, Chunk, Footer, Page, read_page
from deptool.plain_files import open_plain
from deptool.thrift import Malformed

if TYPE_CHECKING:
    import pyarrow.parquet as pq

PLAIN, ENCRYPTED = b"PAR1", b"PARE"

FOOTER = 16 << 20  # bytes; a frames table's of 195 columns has 65 kB
# Columns, row groups, texts beside the table: pyarrow refuses a longer list of any of them, and
# a schema cannot be nested deeper than it has elements. The C++ reader survives 1000 levels.
THRIFT_LIST = 1000
THRIFT_TEXT = 8 << 20  # bytes of one text in the footer, the Arrow schema in base64 among them
NAME = 200  # letters of a column's name
PAGES = 200_000  # that are read of one file

_AT_LEAST = 2 << 30  # bytes that any file may hold once it is decoded
_RATIO = 1000  # and this many for each byte of the file
# Of texts alone; 1 million recordings have less, and a row of them takes some bytes in the file.
_TEXTS_AT_LEAST, _TEXTS_RATIO = 256 << 20, 100
LONGEST_TEXT = 1000  # bytes of one text in a table: ids have 200, the reasons of a batch a line
_LEVELS = 1024  # bytes in a page beside its values: how often a value is there

_WIDTHS = {"BOOLEAN": 1, "INT32": 4, "INT64": 8, "FLOAT": 4, "DOUBLE": 8, "BYTE_ARRAY": 20}
_FIXED = 16  # bytes of the longest FIXED_LEN_BYTE_ARRAY: a decimal
# parquet.thrift, Encoding: DELTA_BYTE_ARRAY (7) is missing since it repeats a text in one byte.
_ENCODINGS = {0: "PLAIN", 2: "PLAIN_DICTIONARY", 3: "RLE", 4: "BIT_PACKED"}
_ENCODINGS |= {5: "DELTA_BINARY_PACKED", 6: "DELTA_LENGTH_BYTE_ARRAY"}
_ENCODINGS |= {8: "RLE_DICTIONARY", 9: "BYTE_STREAM_SPLIT"}
# Zstandard makes of 4 bytes 128 kB at most (RFC 8878, RLE blocks), the others less: so many bytes
# of one column are no bomb, and the footer bounds how many values are taken from them.
_SMALL = 4096
# parquet.thrift, CompressionCodec: none, Snappy, gzip, LZ4, Zstandard, LZ4 without a frame.
_CODECS = frozenset((0, 1, 2, 5, 6, 7))
_HEADER = 300, 1 << 16  # bytes that are read for a header: at first, and at most

# (module's bytes, is it of a dictionary page, row group, column, page) -> the header in plain.
Unseal = Callable[[bytes, bool, int, int, int], bytes]


def is_encrypted(path: Path) -> bool:
    """Whether a plain file begins as an encrypted Parquet file does. Raises OSError."""
    with open_plain(path) as file:
        return file.read(len(ENCRYPTED)) == ENCRYPTED


def allowance(size: int) -> int:
    """How many bytes a file of that size may hold once it is decoded."""
    return _AT_LEAST + _RATIO * size


def allowance_of_texts(size: int) -> int:
    """How many bytes the texts of such a file may have altogether, each in full."""
    return _TEXTS_AT_LEAST + _TEXTS_RATIO * size


def shown(name: object) -> str:
    """A name or value of a stranger's file, in quotes and bounded."""
    text = repr(str(name)[: NAME + 1])
    return text if len(text) <= 80 else f"{text[:77]}…{text[0]}"


def footer_of(file: BinaryIO, size: int, where: str) -> tuple[bool, bytes]:
    """Whether a Parquet file is encrypted, and its footer.

    Raises Malformed where the file is no Parquet file, SchemaError where its footer is too long.
    """
    if size < 12:
        raise Malformed("too short")
    head = file.read(4)
    file.seek(size - 8)
    tail = file.read(8)
    if head != tail[4:] or head not in (PLAIN, ENCRYPTED):
        raise Malformed("has not the marks of Parquet")
    length = int.from_bytes(tail[:4], "little")
    if length > size - 12:
        raise Malformed("its footer is longer than the file")
    if length > FOOTER:
        raise refused(f"its footer has {length} bytes", f"at most {FOOTER}", where)
    file.seek(size - 8 - length)
    return head == ENCRYPTED, file.read(length)


class Leaf(NamedTuple):
    """A column that has values; of a list, its elements.

    `top` is the name of the table's column, `width` bytes of a value in memory, at least: a text
    has a place of 4 in a dictionary and one of 16 in a column of polars. A few bytes of `packed`
    columns may be many values.
    """

    top: str
    path: str
    width: int
    is_text: bool
    is_list: bool
    packed: bool


Leaves = Mapping[int, Leaf]


def leaves_of(schema: pq.ParquetSchema, where: str) -> dict[int, Leaf]:
    """A file's columns by number. Raises SchemaError where deptool has no such: see `refused`."""
    if len(schema) > THRIFT_LIST:
        raise refused(f"{len(schema)} columns", f"at most {THRIFT_LIST}", where)
    return {k: _leaf(schema.column(k), where) for k in range(len(schema))}


def _leaf(column: Any, where: str) -> Leaf:
    name, deepest = column.name, column.max_definition_level
    if len(name) > NAME:
        raise refused(f"a column's name has {len(name)} letters", f"at most {NAME}", where)
    is_list = column.max_repetition_level > 0
    # A list of numbers is what embeddings have; nothing of deptool's is deeper.
    if column.max_repetition_level > 1 or deepest > 3:
        raise refused(f"column {shown(name)} is nested", "columns of numbers and texts", where)
    kind = column.physical_type
    width, is_text = _WIDTHS.get(kind), kind == "BYTE_ARRAY"
    fixed = width is None and kind == "FIXED_LEN_BYTE_ARRAY" and 0 < column.length <= _FIXED
    if width is None and not fixed:
        found = f"column {shown(name)} is of the type {kind} ({column.length} bytes)"
        raise refused(found, "columns of numbers and texts", where)
    path = column.path if deepest > 1 or is_list else name
    top = path.split(".")[0] if path != name else name  # a name may have dots of its own
    return Leaf(top, path, width or column.length, is_text, is_list, is_text or is_list or fixed)


def check_sizes(footer: Footer, leaves: Leaves, n_leaves: int, size: int, where: str) -> None:
    """Check rows and sizes that a footer says of columns. Raises SchemaError, Malformed."""
    most, held, rows = allowance(size), 0, 0
    for group in footer.groups:
        if group.rows < 0 or group.n_columns != n_leaves:
            raise Malformed("a row group that is not of this table")
        rows += group.rows
        for k, chunk in group.chunks.items():
            held += max(chunk.unpacked, group.rows * leaves[k].width)
        if held > most:
            raise _too_much(held, size, where)
    if rows != footer.rows:
        raise Malformed("its row groups have other rows than the table")


def check_pages(
    file: BinaryIO,
    footer: Footer,
    leaves: Leaves,
    size: int,
    where: str,
    unseal: Unseal | None = None,
) -> int:
    """Check the header of every page of these columns, and what they hold altogether.

    `unseal` decrypts the headers of an encrypted file. Returns the bytes that their texts have at
    most, if each of them were the longest of its dictionary. Raises SchemaError where the headers
    say that there is too much, Malformed where they contradict the footer.
    """
    most, held, pages, texts = allowance(size), 0, 0, 0
    for k, leaf in leaves.items():
        for g, group in enumerate(footer.groups):
            chunk = group.chunks[k]
            small = 0 <= chunk.packed <= _SMALL and chunk.codec in _CODECS
            if (small and not leaf.packed) or chunk.values == group.rows == 0:
                continue
            values = longest = 0
            for n_bytes, n_values, is_data in _pages(file, chunk, g, k, size, where, unseal):
                pages += 1
                # A page takes its bytes in plain, or its values once decoded: that which is more.
                held += max(n_bytes, n_values * (leaf.width if is_data else _FIXED))
                if leaf.is_text and n_bytes > n_values * (4 + LONGEST_TEXT) + _LEVELS:
                    raise too_long(leaf.top, n_bytes // max(n_values, 1), where)
                values += n_values if is_data else 0
                longest = longest if is_data else n_bytes
                texts += n_values * longest if is_data and leaf.is_text else 0
                if held > most:
                    raise _too_much(held, size, where)
                if pages > PAGES:
                    raise refused("too many pages", f"at most {PAGES}", where)
            if values != chunk.values or (not leaf.is_list and values != group.rows):
                raise Malformed("pages with other values than the footer says")
    return texts


def _pages(
    file: BinaryIO,
    chunk: Chunk,
    group: int,
    column: int,
    size: int,
    where: str,
    seal: Unseal | None,
) -> Iterator[tuple[int, int, bool]]:
    """Bytes in plain and values of each page of a column chunk, and whether they are its data."""
    at, end = chunk.at, chunk.at + chunk.packed
    dictionary = at != chunk.data_at
    if not 4 <= at <= end <= size - 8:
        raise Malformed("a column that lies outside the file")
    page = 0
    while at < end:
        if seal is None:
            header = _plain_header(file, at, end)
        else:
            header = _sealed_header(file, at, end, seal, (dictionary, group, column, page))
        at += header.length
        if min(header.unpacked, header.packed, header.values) < 0 or header.packed > end - at:
            raise Malformed("a page that is longer than its column")
        if header.encoding not in _ENCODINGS:
            raise refused(f"a page has the encoding {header.encoding}", "a usual one", where)
        at += header.packed
        is_data = header.kind != DICTIONARY
        page += is_data
        dictionary = False
        yield header.unpacked, header.values, is_data


def _plain_header(file: BinaryIO, at: int, end: int) -> Page:
    for most in _HEADER:
        file.seek(at)
        try:
            return read_page(file.read(min(most, end - at)))
        except Malformed:
            if most == _HEADER[1] or most >= end - at:
                raise
    raise Malformed("a header that is too long")


def _sealed_header(
    file: BinaryIO, at: int, end: int, seal: Unseal, place: tuple[bool, int, int, int]
) -> Page:
    """A header that is encrypted; its length is that in the file."""
    file.seek(at)
    length = 4 + int.from_bytes(file.read(4), "little")
    if length > min(_HEADER[1], end - at):
        raise Malformed("a header that is too long")
    file.seek(at)
    return read_page(seal(file.read(length), *place))._replace(length=length)


def refused(found: str, expected: str, where: str) -> SchemaError:
    """The error where a file asks for more than any sound one of deptool's."""
    return SchemaError(
        f"is not read: {found}, expected {expected}",
        where=where,
        fix="No table of deptool is like this. Ask who sent it, and do not open it otherwise.",
    )


def too_long(name: str, n_bytes: int, where: str) -> SchemaError:
    """The error where a column has a text of so many bytes."""
    found = f"column {shown(name)} has a text of {n_bytes} bytes"
    return refused(found, f"at most {LONGEST_TEXT}", where)


def _too_much(n_bytes: int, size: int, where: str) -> SchemaError:
    found = f"{size} bytes say that they hold {n_bytes / 1e9:.1f} GB"
    return refused(found, f"at most {allowance(size) / 1e9:.1f} GB", where)
