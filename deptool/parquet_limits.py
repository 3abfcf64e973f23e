"""What a Parquet file may ask for, looked at before anything of it is decoded.

A file is a stranger's word for its own sizes: a few bytes may stand for gigabytes of zeros, a deep
schema overflows the stack of the C++ reader, a page may be a bomb that the footer says nothing of.
So the footer is bounded before it is parsed, then what it says, then the header of every page that
will be read. Limits are far beyond what deptool writes: 20 hours of 30 rows a second in 714 columns
are 6.2 GB of numbers, of which a file that holds them has more than 1 in 1000.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

from deptool.errors import SchemaError
from deptool.thrift import Malformed, Struct, read_struct

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

_WIDTHS = {"BOOLEAN": 1, "INT32": 4, "INT64": 8, "FLOAT": 4, "DOUBLE": 8, "BYTE_ARRAY": 4}
_FIXED = 16  # bytes of the longest FIXED_LEN_BYTE_ARRAY: a decimal
# parquet.thrift, Encoding: DELTA_BYTE_ARRAY (7) is missing since it repeats a text in one byte.
_ENCODINGS = {0: "PLAIN", 2: "PLAIN_DICTIONARY", 3: "RLE", 4: "BIT_PACKED"}
_ENCODINGS |= {5: "DELTA_BINARY_PACKED", 6: "DELTA_LENGTH_BYTE_ARRAY"}
_ENCODINGS |= {8: "RLE_DICTIONARY", 9: "BYTE_STREAM_SPLIT"}
# parquet.thrift, PageHeader: type, and the field of that type's own header.
_DATA, _DICTIONARY, _DATA_2 = 0, 2, 3
_OWN = {_DATA: (5, 2), _DICTIONARY: (7, 2), _DATA_2: (8, 4)}  # field, encoding in it
# Zstandard makes of 4 bytes 128 kB at most (RFC 8878, RLE blocks), the others less: so many bytes
# of one column are no bomb, and the footer bounds how many values are taken from them.
_SMALL = 4096
_CODECS = {"UNCOMPRESSED", "SNAPPY", "GZIP", "LZ4", "LZ4_RAW", "ZSTD"}
_HEADER = 300, 1 << 16  # bytes that are read for a header: at first, and at most

# (module's bytes, is it of a dictionary page, row group, column, page) -> the header in plain.
Unseal = Callable[[bytes, bool, int, int, int], bytes]


def allowance(size: int) -> int:
    """How many bytes a file of that size may hold once it is decoded."""
    return _AT_LEAST + _RATIO * size


def shown(name: object) -> str:
    """A name or value of a stranger's file, in quotes and bounded."""
    text = repr(str(name)[: NAME + 1])
    return text if len(text) <= 80 else f"{text[:77]}…{text[0]}"


def footer(file: BinaryIO, size: int, where: str) -> tuple[bool, int]:
    """Whether a Parquet file is encrypted, and the length of its footer in bytes.

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
    return head == ENCRYPTED, length


def check_metadata(metadata: pq.FileMetaData, size: int, where: str) -> None:
    """Check what a footer says: columns, nesting, types, rows and sizes. Raises SchemaError."""
    schema = metadata.schema
    if metadata.num_columns > THRIFT_LIST:
        raise refused(f"{metadata.num_columns} columns", f"at most {THRIFT_LIST}", where)
    widths = [_width(schema.column(k), where) for k in range(metadata.num_columns)]
    most, declared, decoded, rows = allowance(size), 0, 0, 0
    for g in range(metadata.num_row_groups):
        group = metadata.row_group(g)
        if group.num_rows < 0 or group.num_columns != len(widths):
            raise Malformed("a row group that is not of this table")
        rows += group.num_rows
        declared += max(group.total_byte_size, 0)
        decoded += group.num_rows * sum(widths)
    if rows != metadata.num_rows:
        raise Malformed("its row groups have other rows than the table")
    if max(declared, decoded) > most:
        raise _too_much(max(declared, decoded), size, where)


def _width(column: Any, where: str) -> int:
    """Bytes of one value in memory, at least; a text has its place in a dictionary."""
    name = column.name
    if len(name) > NAME:
        raise refused(f"a column's name has {len(name)} letters", f"at most {NAME}", where)
    # A list of numbers is what embeddings have; nothing of deptool's is deeper.
    if column.max_repetition_level > 1 or column.max_definition_level > 3:
        raise refused(f"column {shown(name)} is nested", "columns of numbers and texts", where)
    kind = column.physical_type
    if kind == "FIXED_LEN_BYTE_ARRAY" and 0 < column.length <= _FIXED:
        return int(column.length)
    if kind not in _WIDTHS:
        found = f"column {shown(name)} is of the type {kind} ({column.length} bytes)"
        raise refused(found, "columns of numbers and texts", where)
    return _WIDTHS[kind]


def check_pages(
    file: BinaryIO,
    metadata: pq.FileMetaData,
    columns: Sequence[int],
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
    unsafe = {k: _is_unsafe(metadata, k) for k in columns}
    wide = {k: _WIDTHS.get(metadata.schema.column(k).physical_type, _FIXED) for k in columns}
    for g in range(metadata.num_row_groups):
        group = metadata.row_group(g)
        for k in columns:
            chunk = group.column(k)
            small = 0 <= chunk.total_compressed_size <= _SMALL and chunk.compression in _CODECS
            if (small and not unsafe[k]) or chunk.num_values == group.num_rows == 0:
                continue
            values = longest = 0
            is_text = metadata.schema.column(k).physical_type == "BYTE_ARRAY"
            for n_bytes, n_values, is_data in _pages(file, chunk, g, k, size, where, unseal):
                pages += 1
                # A page takes its bytes in plain, or its values once decoded: that which is more.
                held += max(n_bytes, n_values * (wide[k] if is_data else _FIXED))
                values += n_values if is_data else 0
                longest = longest if is_data else n_bytes
                texts += n_values * longest if is_data and is_text else 0
                if held > most:
                    raise _too_much(held, size, where)
                if pages > PAGES:
                    raise refused("too many pages", f"at most {PAGES}", where)
            flat = not metadata.schema.column(k).max_repetition_level
            if values != chunk.num_values or (flat and values != group.num_rows):
                raise Malformed("pages with other values than the footer says")
    return texts


def _is_unsafe(metadata: pq.FileMetaData, k: int) -> bool:
    """Whether a few bytes of a column may be many values: texts and lists."""
    column = metadata.schema.column(k)
    fixed = column.physical_type in _WIDTHS and column.physical_type != "BYTE_ARRAY"
    return column.max_repetition_level > 0 or not fixed


def _pages(
    file: BinaryIO, chunk: Any, group: int, column: int, size: int, where: str, seal: Unseal | None
) -> Iterator[tuple[int, int, bool]]:
    """Bytes in plain and values of each page of a column chunk, and whether they are its data."""
    at = chunk.data_page_offset
    if chunk.has_dictionary_page and 0 < chunk.dictionary_page_offset < at:
        at = chunk.dictionary_page_offset
    dictionary = chunk.has_dictionary_page
    end = at + chunk.total_compressed_size
    if not 4 <= at <= end <= size - 8:
        raise Malformed("a column that lies outside the file")
    page = 0
    while at < end:
        header, length = _header(file, at, end, group, column, page, dictionary, seal)
        kind, unpacked, packed = (header.get(n) for n in (1, 2, 3))
        if kind not in _OWN or not isinstance(unpacked, int) or not isinstance(packed, int):
            raise Malformed("a page without a size")
        field, place = _OWN[kind]
        own = header.get(field)
        values = own.get(1) if isinstance(own, dict) else None
        if not isinstance(own, dict) or not isinstance(values, int):
            raise Malformed("a page without a number of values")
        if min(unpacked, packed, values) < 0 or packed > end - at - length:
            raise Malformed("a page that is longer than its column")
        encoding = own.get(place)
        if encoding not in _ENCODINGS:
            raise refused(f"a page has the encoding {encoding!r}", "a usual one", where)
        at += length + packed
        page += kind != _DICTIONARY
        dictionary = False
        yield unpacked, values, kind != _DICTIONARY


def _header(
    file: BinaryIO,
    at: int,
    end: int,
    group: int,
    column: int,
    page: int,
    dictionary: bool,
    seal: Unseal | None,
) -> tuple[Struct, int]:
    """A page's header and its length in the file."""
    if seal is not None:
        file.seek(at)
        length = 4 + int.from_bytes(file.read(4), "little")
        if length > min(_HEADER[1], end - at):
            raise Malformed("a header that is too long")
        file.seek(at)
        plain = seal(file.read(length), dictionary, group, column, page)
        return read_struct(plain)[0], length
    for most in _HEADER:
        file.seek(at)
        try:
            return read_struct(file.read(min(most, end - at)))
        except Malformed:
            if most == _HEADER[1] or most >= end - at:
                raise
    raise Malformed("a header that is too long")


def refused(found: str, expected: str, where: str) -> SchemaError:
    """The error where a file asks for more than any sound one of deptool's."""
    return SchemaError(
        f"is not read: {found}, expected {expected}",
        where=where,
        fix="No table of deptool is like this. Ask who sent it, and do not open it otherwise.",
    )


def _too_much(n_bytes: int, size: int, where: str) -> SchemaError:
    found = f"{size} bytes say that they hold {n_bytes / 1e9:.1f} GB"
    return refused(found, f"at most {allowance(size) / 1e9:.1f} GB", where)
