"""Thrift's compact protocol, read with bounds: what stands before pages and footers in Parquet.

Source: the specification of the Thrift compact protocol, and parquet.thrift of Apache Parquet. What
a stranger's file says of its sizes is read here before anything of that size is allocated. Where
readers could differ in what a struct says (a field twice, or out of order) it is refused.
"""

from __future__ import annotations

Value = bool | int | bytes | dict[int, "Value"]
Struct = dict[int, Value]

_DEEPEST = 8  # structs and lists in each other; a footer has 6
_LAST_FIELD = 100
_LONGEST_LIST = 10_000  # of one that is skipped; each element has a byte at least


class Malformed(ValueError):  # noqa: N818 - it never leaves the files that read Parquet
    """Bytes that are no struct of the compact protocol, or one that is cut off or too deep."""


def read_struct(data: bytes, at: int = 0) -> tuple[Struct, int]:
    """The struct that begins at a byte, without its lists, and where it ends. Raises Malformed."""
    try:
        return _struct(data, at, 0)
    except IndexError as error:
        raise Malformed("cut off") from error


def field(data: bytes, at: int, last: int) -> tuple[int, int, int]:
    """Number and type of the field that begins at a byte, and where its value does.

    `last` is the number of the field before. Raises Malformed, IndexError where it is cut off.
    """
    head = data[at]
    if head >> 4:
        number, at = last + (head >> 4), at + 1
    else:
        number, at = read_whole(data, at + 1)
    if not last < number <= _LAST_FIELD:
        raise Malformed("a field twice, out of order or of no meaning")
    return number, head & 0x0F, at


def skip(data: bytes, at: int, kind: int, depth: int = 0) -> int:
    """Where a value of that type ends. Raises as `field`."""
    if 1 <= kind <= 2:  # a boolean stands in the type itself
        return at
    if 4 <= kind <= 6:
        while data[at] > 0x7F:
            at += 1
        return at + 1
    if kind == 8:
        length, at = _varint(data, at)
        if length > len(data) - at:
            raise Malformed("a text that is longer than what is left")
        return at + length
    if depth > _DEEPEST:
        raise Malformed("nested too deep")
    if kind == 12:
        return _skip_struct(data, at, depth)
    if kind == 9:
        n, inner, at = _list(data, at, _LONGEST_LIST)
        for _ in range(n):
            at = at + 1 if inner <= 2 else skip(data, at, inner, depth + 1)
        return at
    if kind in (3, 7):
        return at + (1 if kind == 3 else 8)
    raise Malformed(f"type {kind}")


def _skip_struct(data: bytes, at: int, depth: int) -> int:
    last = 0
    while head := data[at]:
        kind = head & 0x0F
        if head > 0x0F and last < _LAST_FIELD:
            last += head >> 4
            at += 1
        else:
            last, kind, at = field(data, at, last)
        # What is most frequent is done here: a footer of 195 columns has 6,000 values.
        if (kind == 5 or kind == 6) and data[at] < 0x80:
            at += 1
        elif kind == 8 and data[at] < 0x80:
            at += 1 + data[at]
        else:
            at = skip(data, at, kind, depth + 1)
    return at + 1


def read_list(data: bytes, at: int, kind: int, longest: int) -> tuple[int, int]:
    """Number of elements of a list of that type, and where they begin. Raises as `field`."""
    n, found, at = _list(data, at, longest)
    if found != kind and n:
        raise Malformed("a list of another type")
    return n, at


def read_whole(data: bytes, at: int) -> tuple[int, int]:
    """A whole number and where it ends. Raises as `field`."""
    value = data[at]
    if value < 0x80:  # most are small
        return (value >> 1) ^ -(value & 1), at + 1
    value, at = _varint(data, at)
    return (value >> 1) ^ -(value & 1), at


def _struct(data: bytes, at: int, depth: int) -> tuple[Struct, int]:
    found: Struct = {}
    number = 0
    while head := data[at]:
        kind = head & 0x0F
        if head > 0x0F and number < _LAST_FIELD:
            number, at = number + (head >> 4), at + 1
        else:
            number, kind, at = field(data, at, number)
        if kind in (5, 6):
            found[number], at = read_whole(data, at)
        elif kind == 12 and depth < _DEEPEST:
            found[number], at = _struct(data, at, depth + 1)
        elif kind == 8:
            end = skip(data, at, kind)
            _, at = _varint(data, at)
            found[number], at = data[at:end], end
        elif kind in (1, 2):
            found[number] = kind == 1
        else:
            at = skip(data, at, kind, depth + 1)
    return found, at + 1


def _list(data: bytes, at: int, longest: int) -> tuple[int, int, int]:
    n, kind, at = data[at] >> 4, data[at] & 0x0F, at + 1
    if n == 15:
        n, at = _varint(data, at)
    if n > longest or n > len(data) - at:
        raise Malformed("a list that is too long")
    return n, kind, at


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise Malformed("a number of more than 64 bits")
