"""Every breach of a table's schema, where `tables.read_table` stops at the first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from deptool import tables
from deptool.columns import Table
from deptool.corpus import empty
from deptool.errors import DeptoolError, SchemaError
from deptool.schema import SCHEMA_VERSION
from deptool.validate import check

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

_UNREADABLE = "cannot be read as Parquet (cut off, damaged, or another kind of file)"
_WRITE_AGAIN = "Run the step that wrote it again; for a frames table: extract or import, --force ID"


@dataclass(frozen=True)
class Problem:
    """What is wrong in a corpus, where (a file's place in it), how grave, what to do."""

    where: str
    what: str
    severity: Literal["error", "warning"] = "error"
    fix: str | None = None


def read_whole(path: Path, schema: Table, where: str) -> tuple[pl.DataFrame | None, list[Problem]]:
    """All columns of a table, and every breach of its schema; `where` is what problems name it.

    With breaches, only the columns are left that the schema knows and that have its type. None
    where it is not Parquet, is damaged or was written under another version.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        version = _version(pq.read_schema(path))
        try:
            return tables.read_table(path, schema), []
        except DeptoolError as error:
            first = Problem(where, error.what, fix=error.fix)
        return (None, [first]) if version != SCHEMA_VERSION else _whole(path, schema, where)
    except (pa.ArrowException, OSError, ValueError):
        return None, [Problem(where, _UNREADABLE, fix=_WRITE_AGAIN)]


def _version(schema: pa.Schema) -> int:
    """The schema version in a file. Raises ValueError where a text beside it is not UTF-8.

    Such a text, on which polars would panic, is a damaged file.
    """
    for texts in (schema.metadata, *(field.metadata for field in schema)):
        for key, value in (texts or {}).items():
            key.decode()
            value.decode()
    return int((schema.metadata or {}).get(b"deptool.schema_version", -1))


def _whole(path: Path, schema: Table, where: str) -> tuple[pl.DataFrame, list[Problem]]:
    import polars as pl
    import pyarrow.parquet as pq

    frame = pl.DataFrame(pq.read_table(path, partitioning=None))
    found = list(_merged(_breaches(frame, schema, where)))
    sound = empty(schema).schema
    return frame.select(k for k, dtype in sound.items() if frame.schema.get(k) == dtype), found


def _breaches(frame: pl.DataFrame, schema: Table, where: str) -> Iterator[Problem]:
    """Groups that lack columns, then each column's first breach."""
    for group in dict.fromkeys(c.group for c in schema.columns):
        part = Table(schema.name, schema.title, schema.group(group), schema.optional)
        there = [c.name for c in part.columns if c.name in frame.columns]
        yield from _caught(empty(part).select(there), part, where, False)
    for name in frame.columns:
        yield from _caught(frame.select(name), schema, where, True)


def _caught(frame: pl.DataFrame, schema: Table, where: str, partial: bool) -> Iterator[Problem]:
    try:
        check(frame, schema, where, partial=partial)
    except SchemaError as error:
        yield Problem(error.where or where, error.what, fix=error.fix)


def _merged(problems: Iterator[Problem]) -> Iterator[Problem]:
    """One problem where many columns have the same: x_0 to y_67 of another type are one fault."""
    same: dict[str, list[Problem]] = {}
    for problem in problems:
        same.setdefault(problem.what, []).append(problem)
    for first, *others in same.values():
        more = f" and {len(others)} more columns" if others else ""
        yield replace(first, where=first.where + more)
