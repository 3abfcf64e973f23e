"""What a Parquet file says of the bytes of each column and page, read without pyarrow.

pyarrow ends the process where its Python objects of a column meet a footer that contradicts itself
(a C++ exception that nobody catches), so a stranger's footer is read here first. Source:
parquet.thrift of Apache Parquet, structs FileMetaData,
RowGroup, ColumnChunk, ColumnMetaData and PageHeader.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple

from deptool.thrift import Malformed, Struct, field, read_list, read_struct, read_whole, skip

BYTE_STREAM_SPLIT = 9  # parquet.thrift, Encoding
DICTIONARY = 2  # parquet.thrift, PageType

# parquet.thrift, PageHeader: type of page -> field of its own header, field of the encoding in it.
_OWN = {0: (5, 2), DICTIONARY: (7, 2), 3: (8, 4)}

# A number; one of few bits; statistics of 4 bytes; counts. With these, columns of numbers are read
# as pyarrow writes them, which takes a fifth of the time: a footer has 195 of them. Each part
# begins with a byte of its own, so that there is one way to read it; what does not match is read
# field by field.
_V, _1 = rb"[\x80-\xff]{0,9}[\x00-\x7f]", rb"[\x00-\x7f]"
_STATISTICS = rb"(?:[\x18\x28\x38\x48\x58]\x04.{4}|[\x16\x26\x36]%b|[\x11\x12])*\x00" % _V
_COUNT = rb"\x15%b\x15%b\x15%b\x00" % (_1, _1, _V)
_COUNTS = rb"\x19(?:\x1c%b|\x2c%b|\x3c%b)" % (_COUNT, _COUNT * 2, _COUNT * 3)
_LEVELS = rb"\x3c(?:\x16%b)?(?:[\x19\x29\x39](?:\x06|\x16%b|\x26%b))*\x00" % (_V, _V, _V * 2)
_BEFORE_NAME = re.compile(
    rb"\x26%b\x1c\x15%b\x19(?:\x15(%b)|\x25(%b)|\x35(%b))\x19\x18" % (_V, _1, _1, _1 * 2, _1 * 3)
)
_AFTER_NAME = re.compile(
    rb"\x15(%b)\x16(%b)\x16(%b)\x16(%b)\x26(%b)(?:\x26(%b))?[\x1c\x3c]%b(?:%b)?(?:%b)?\x00\x00"
    % (_1, _V, _V, _V, _V, _V, _STATISTICS, _COUNTS, _LEVELS),
    re.DOTALL,
)
_PAGE = re.compile(
    rb"\x15\x00\x15(%b)\x15(%b)(?:\x15%b)?[\x1c\x2c]\x15(%b)\x15(%b)\x15%b\x15%b(?:\x1c%b)?\x00\x00"
    % (_V, _V, _V, _V, _1, _1, _1, _STATISTICS),
    re.DOTALL,
)
_BEFORE_ELEMENT = re.compile(rb"\x15%b\x25%b\x18" % (_1, _1))
_Usual = tuple[re.Match[bytes], re.Match[bytes]]
_I32, _I64, _TEXT, _LIST, _STRUCT = 5, 6, 8, 9, 12


class Chunk(NamedTuple):
    """The pages of one column in one row group: where they begin, and sizes in bytes."""

    codec: int
    encodings: tuple[int, ...]
    values: int
    unpacked: int
    packed: int
    data_at: int
    dictionary_at: int | None

    @property
    def at(self) -> int:
        """Where it begins: at its dictionary, if it has one. As pyarrow finds it."""
        first = self.dictionary_at
        return first if first is not None and 0 < first < self.data_at else self.data_at


class Page(NamedTuple):
    """A page's header: its type, sizes in bytes, values, encoding, and its own length."""

    kind: int
    unpacked: int
    packed: int
    values: int
    encoding: int
    length: int


class Group(NamedTuple):
    """A row group: its rows, how many columns it has, and those of them that are looked at."""

    rows: int
    n_columns: int
    chunks: dict[int, Chunk]


class Footer(NamedTuple):
    """Rows of the file, and its row groups."""

    rows: int
    groups: tuple[Group, ...]


def read_footer(data: bytes, longest: int, columns: Collection[int] | None = None) -> Footer:
    """The footer in these bytes, of these columns, by their numbers, or of all.

    No list in it may have more than `longest` elements. Raises Malformed.
    """
    rows: int | None = None
    groups: list[Group] = []
    at = last = 0
    try:
        while data[at]:
            last, kind, at = field(data, at, last)
            if (last, kind) == (3, _I64):
                rows, at = read_whole(data, at)
            elif (last, kind) == (2, _LIST):
                n, at = read_list(data, at, _STRUCT, longest)
                for _ in range(n):
                    at = _past_element(data, at)
            elif (last, kind) == (4, _LIST):
                n, at = read_list(data, at, _STRUCT, longest)
                for _ in range(n):
                    group, at = _group(data, at, longest, columns)
                    groups.append(group)
            else:
                at = skip(data, at, kind)
    except IndexError as error:
        raise Malformed("a footer that is cut off") from error
    if rows is None:
        raise Malformed("a footer without rows")
    return Footer(rows, tuple(groups))


def read_page(data: bytes) -> Page:
    """The header of a page at the beginning of these bytes. Raises Malformed."""
    if usual := _PAGE.match(data):
        unpacked, packed, values, encoding = (read_whole(group, 0)[0] for group in usual.groups())
        return Page(0, unpacked, packed, values, encoding, usual.end())
    header, length = read_struct(data)
    kind = _number(header, 1)
    if kind not in _OWN:
        raise Malformed("a page of no known type")
    field_of_own, field_of_encoding = _OWN[kind]
    own = header.get(field_of_own)
    if not isinstance(own, dict):
        raise Malformed("a page without a header of its type")
    values, encoding = _number(own, 1), _number(own, field_of_encoding)
    return Page(kind, _number(header, 2), _number(header, 3), values, encoding, length)


def _number(struct: Struct, number: int) -> int:
    found = struct.get(number)
    if type(found) is not int:
        raise Malformed("a page without a size")
    return found


def _group(
    data: bytes, at: int, longest: int, columns: Collection[int] | None
) -> tuple[Group, int]:
    chunks: dict[int, Chunk] = {}
    n = rows = last = 0
    while data[at]:
        last, kind, at = field(data, at, last)
        if (last, kind) == (1, _LIST):
            n, at = read_list(data, at, _STRUCT, longest)
            for k in range(n):
                found, end = _usual_chunk(data, at)
                if columns is None or k in columns:
                    chunks[k], at = _read_usual(found) if found else _chunk(data, at)
                else:
                    at = end if found else skip(data, at, _STRUCT)
        elif (last, kind) == (3, _I64):
            rows, at = read_whole(data, at)
        else:
            at = skip(data, at, kind)
    return Group(rows, n, chunks), at + 1


def _usual_chunk(data: bytes, at: int) -> tuple[_Usual | None, int]:
    """A column chunk of numbers as pyarrow writes it, and where it ends; None for any other."""
    before = _BEFORE_NAME.match(data, at)
    if before is None or data[before.end()] > 0x7F:
        return None, at
    after = _AFTER_NAME.match(data, before.end() + 1 + data[before.end()])
    return ((before, after), after.end()) if after else (None, at)


def _read_usual(found: _Usual) -> tuple[Chunk, int]:
    before, after = found
    encodings = next(group for group in before.groups() if group is not None)
    *numbers, first = after.groups()
    codec, values, unpacked, packed, data_at = (read_whole(number, 0)[0] for number in numbers)
    dictionary_at = None if first is None else read_whole(first, 0)[0]
    words = tuple(word >> 1 for word in encodings)
    return Chunk(codec, words, values, unpacked, packed, data_at, dictionary_at), after.end()


def _past_element(data: bytes, at: int) -> int:
    """Where an element of the schema ends; most are type, repetition, name and no more."""
    before = _BEFORE_ELEMENT.match(data, at)
    if before is not None and data[before.end()] < 0x80:
        end = before.end() + 1 + data[before.end()]
        if data[end] == 0:
            return end + 1
    return skip(data, at, _STRUCT)


def _chunk(data: bytes, at: int) -> tuple[Chunk, int]:
    found: Chunk | None = None
    last = 0
    while data[at]:
        last, kind, at = field(data, at, last)
        if (last, kind) == (3, _STRUCT):
            found, at = _column(data, at)
        elif last == 1:
            raise Malformed("a column in another file")
        elif last == 8 and data[at] != 0x1C:  # encrypted, and not with the footer's key
            raise Malformed("a column with a key of its own")
        elif last == 9:
            raise Malformed("a column whose place is encrypted")
        else:
            at = skip(data, at, kind)
    if found is None:
        raise Malformed("a column without a place")
    return found, at + 1


def _column(data: bytes, at: int) -> tuple[Chunk, int]:
    numbers: dict[int, int] = {}
    encodings: tuple[int, ...] = ()
    last = 0
    while head := data[at]:
        if head > 0x0F and last < 20:
            last, kind, at = last + (head >> 4), head & 0x0F, at + 1
        else:
            last, kind, at = field(data, at, last)
        if kind == _I64 or (kind == _I32 and last == 4):
            numbers[last], at = read_whole(data, at)
        elif kind == _LIST and last == 2:
            encodings, at = _wholes(data, at)
        else:
            at = skip(data, at, kind)
    try:
        codec, values, unpacked, packed, data_at = (numbers[k] for k in (4, 5, 6, 7, 9))
    except KeyError as error:
        raise Malformed("a column without a size") from error
    return Chunk(codec, encodings, values, unpacked, packed, data_at, numbers.get(11)), at + 1


def _wholes(data: bytes, at: int) -> tuple[tuple[int, ...], int]:
    n, at = read_list(data, at, _I32, 20)
    found = []
    for _ in range(n):
        each, at = read_whole(data, at)
        found.append(each)
    return tuple(found), at
