"""Thrift's compact protocol, read with bounds: what stands before pages and footers in Parquet.

Source: the specification of the Thrift compact protocol, and parquet.thrift of Apache Parquet. Only
what stands in a header is read, field number -> value, so that sizes can be looked at before
anything of that size is allocated.
"""

from __future__ import annotations

Value = bool | int | bytes | list["Value"] | dict[int, "Value"]
Struct = dict[int, Value]

_DEEPEST = 6  # structs in a page header and in the key's place: 3
_LONGEST_LIST = 1000


class Malformed(ValueError):  # noqa: N818 - it never leaves the files that read Parquet
    """Bytes that are no struct of the compact protocol, or one that is cut off or too deep."""


def read_struct(data: bytes, at: int = 0) -> tuple[Struct, int]:
    """The struct that begins at a byte, and where it ends. Raises Malformed."""
    try:
        return _struct(data, at, 0)
    except IndexError as error:
        raise Malformed("cut off") from error


def _struct(data: bytes, at: int, depth: int) -> tuple[Struct, int]:
    if depth > _DEEPEST:
        raise Malformed("nested too deep")
    found: Struct = {}
    number = 0
    while True:
        head = data[at]
        at += 1
        if head == 0:
            return found, at
        kind = head & 0x0F
        if head >> 4:
            number += head >> 4
        else:
            number, at = _whole(data, at)
        # First what is most frequent, by hand: a table of 195 columns has 400 headers.
        if kind == 5:
            byte = data[at]
            if byte < 0x80:
                found[number] = (byte >> 1) ^ -(byte & 1)
                at += 1
            else:
                found[number], at = _whole(data, at)
        elif kind == 12:
            found[number], at = _struct(data, at, depth + 1)
        elif kind in (1, 2):  # a boolean stands in the type itself
            found[number] = kind == 1
        else:
            found[number], at = _value(data, at, kind, depth)


def _value(data: bytes, at: int, kind: int, depth: int) -> tuple[Value, int]:
    if kind in (4, 5, 6):
        return _whole(data, at)
    if kind == 12:
        return _struct(data, at, depth + 1)
    if kind == 8:
        length, at = _varint(data, at)
        if length > len(data) - at:
            raise Malformed("a text that is longer than what is left")
        return data[at : at + length], at + length
    if kind in (1, 2, 3):
        return data[at], at + 1
    if kind == 7:
        return data[at : at + 8], at + 8
    if kind == 9:
        return _list(data, at, depth)
    raise Malformed(f"type {kind}")


def _list(data: bytes, at: int, depth: int) -> tuple[Value, int]:
    if depth >= _DEEPEST:
        raise Malformed("nested too deep")
    size, kind = data[at] >> 4, data[at] & 0x0F
    at += 1
    if size == 15:
        size, at = _varint(data, at)
    if size > _LONGEST_LIST:
        raise Malformed("a list that is too long")
    values: list[Value] = []
    for _ in range(size):
        value, at = _value(data, at, kind, depth + 1)
        values.append(value)
    return values, at


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


def _whole(data: bytes, at: int) -> tuple[int, int]:
    value, at = _varint(data, at)
    return (value >> 1) ^ -(value & 1), at
