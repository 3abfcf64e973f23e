"""Does a table keep its schema: columns, types, ranges, choices, nulls, whole groups."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from deptool.columns import Column, Table
from deptool.errors import SchemaError
from deptool.parquet_limits import LONGEST_TEXT, shown

if TYPE_CHECKING:
    import polars as pl


def check(frame: pl.DataFrame, schema: Table, where: str, partial: bool = False) -> None:
    """Raise SchemaError, naming file, column, row and what was expected, at the first breach."""
    check_names(frame.columns, schema, where)
    check_rows(len(frame), schema, where)
    if not partial:
        check_groups(frame.columns, schema, where)
    columns = [schema.column(name) for name in frame.columns]
    for column in _suspects(frame, columns):
        _check_column(frame, column, where)


def check_names(names: Iterable[str], schema: Table, where: str) -> None:
    """Raise SchemaError at the first column that the table does not know."""
    known = {c.name for c in schema.columns}
    for name in names:
        if name not in known:
            raise SchemaError(
                f"column {shown(name)} is not part of the table {schema.name}", where=where
            )


def check_rows(n: int, schema: Table, where: str) -> None:
    """Raise SchemaError where a table has more rows than any sound one."""
    if n > schema.most_rows:
        raise SchemaError(
            f"the table {schema.name} has {n} rows, expected at most {schema.most_rows}",
            where=where,
        )


def _suspects(frame: pl.DataFrame, columns: Sequence[Column]) -> list[Column]:
    """Columns of a wrong type, or with a value or a null that must not be: all in one pass."""
    import polars as pl

    types = frame.schema
    typed = [c for c in columns if types[c.name] == dtype(c)]
    numbers = [c.name for c in typed if c.dtype != "string"]
    floats = [c.name for c in typed if c.dtype == "float32"]
    # The lowest and the highest tell of any value out of range but NaN, and are quick to find.
    lowest = _row(frame, [pl.col(numbers).min()] if numbers else [])
    highest = _row(frame, [pl.col(numbers).max()] if numbers else [])
    nan = _row(frame, [pl.col(floats).is_nan().any(ignore_nulls=True)] if floats else [])
    nulls = _row(frame, [pl.all().null_count()])
    others = [c for c in typed if c.dtype == "string" or c.whole]
    found = _row(
        frame, [_breaches(pl.col(c.name), c).any(ignore_nulls=True).alias(c.name) for c in others]
    )

    def suspect(column: Column) -> bool:
        name = column.name
        if types[name] != dtype(column) or found.get(name) or nan.get(name):
            return True
        if nulls[name] and not column.nullable:
            return True
        low, high = lowest.get(name), highest.get(name)
        if low is None or high is None:  # a text, or nothing but nulls
            return False
        least = -math.inf if column.low is None else column.low
        most = math.inf if column.high is None else column.high
        return not (least <= low and high <= most and -math.inf < low and high < math.inf)

    return [c for c in columns if suspect(c)]


def _row(frame: pl.DataFrame, values: Sequence[pl.Expr]) -> dict[str, Any]:
    """One value per column, by its name."""
    return frame.select(values).row(0, named=True) if values and frame.columns else {}


def check_groups(names: Iterable[str], schema: Table, where: str) -> None:
    """Raise SchemaError at the first group of which columns lack."""
    there = set(names)
    for group in {c.group: None for c in schema.columns}:
        names = [c.name for c in schema.group(group)]
        missing = [name for name in names if name not in there]
        if missing and (group not in schema.optional or len(missing) < len(names)):
            shown = ", ".join(missing[:5]) + (", …" if len(missing) > 5 else "")
            raise SchemaError(
                f"the table {schema.name} lacks {len(missing)} of the {len(names)} columns of its"
                f" group {group}: {shown}",
                where=where,
            )


def _check_column(frame: pl.DataFrame, column: Column, where: str) -> None:
    import polars as pl

    values = frame[column.name]
    place = f"{where}, column {column.name}"
    if values.dtype != dtype(column):
        raise SchemaError(f"expected {column.dtype}, found {values.dtype}", where=place)
    if not column.nullable and values.null_count():
        row = values.is_null().arg_max()
        raise SchemaError("expected a value, found null", where=f"{place}, row {row}")
    row = frame.select(_breaches(pl.col(column.name), column).fill_null(False).arg_max()).item()
    raise SchemaError(
        f"expected {expectation(column)}, found {_value(values[row])}", where=f"{place}, row {row}"
    )


def _value(value: object) -> str:
    """A value in an error: a text in quotes and bounded, a number as it is."""
    return shown(value) if isinstance(value, str) else repr(value)


def _breaches(values: pl.Expr, column: Column) -> pl.Expr:
    """True where a value lies outside the column's choices or range; null where it is null."""
    if column.choices is not None:
        return ~values.is_in(list(column.choices))
    if column.dtype == "string":
        return (values == "") | (values.str.len_bytes() > LONGEST_TEXT)
    bad = ~values.is_finite() if column.dtype == "float32" else values != values
    if column.low is not None:
        bad = bad | (values < column.low)
    if column.high is not None:
        bad = bad | (values > column.high)
    if column.whole:
        bad = bad | (values != values.round())
    return bad


def expectation(column: Column) -> str:
    """What a column's values must be, in words: 'a finite number from 0 to 5'."""
    if column.choices is not None:
        return "one of " + ", ".join(column.choices)
    if column.dtype == "string":
        return f"a text that is not empty, of {LONGEST_TEXT} bytes at most"
    whole = column.whole or column.dtype == "int32"
    kind = "a whole number" if whole else "a finite number"
    low = "" if column.low is None else f" from {column.low:g}"
    high = "" if column.high is None else f" up to {column.high:g}"
    return kind + low + high


def dtype(column: Column) -> pl.DataType:
    """The type of a column in memory."""
    import polars as pl

    return {"float32": pl.Float32(), "int32": pl.Int32(), "string": pl.String()}[column.dtype]
