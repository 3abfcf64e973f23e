"""Every breach of a table's schema, where `tables.read_table` stops at the first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from deptool import tables
from deptool.columns import Table
from deptool.corpus import empty
from deptool.errors import DeptoolError, InputError, SchemaError
from deptool.parquet_file import frame_of, opened
from deptool.schema import SCHEMA_VERSION
from deptool.validate import check, check_rows

if TYPE_CHECKING:
    import polars as pl

_SHOWN = 20  # columns that are named of those that do not belong to a table


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
    where it is not Parquet, is damaged or was written under another version. Raises InputError
    where it is encrypted and the key is not there.
    """
    try:
        return tables.read_table(path, schema), []
    except DeptoolError as error:
        if isinstance(error, InputError) and path.is_file():
            raise  # it is encrypted, and the key is not there: nothing is wrong with the table
        first = Problem(where, error.what, fix=error.fix)
    known = {c.name for c in schema.columns}
    try:
        with opened(path) as file:
            if file.metadata.get("deptool.schema_version") != str(SCHEMA_VERSION):
                return None, [first]
            check_rows(file.n_rows(), schema, where)
            names = [name for name in file.schema.names if name in known]
            others = [name for name in file.schema.names if name not in known]
            frame = frame_of(file.read(names), path.name)
    except SchemaError:
        return None, [first]
    found = list(_merged(_breaches(frame, others, schema, where)))
    sound = empty(schema).schema
    return frame.select(k for k, dtype in sound.items() if frame.schema.get(k) == dtype), found


def _breaches(
    frame: pl.DataFrame, others: Sequence[str], schema: Table, where: str
) -> Iterator[Problem]:
    """Groups that lack columns, each column's first breach, then columns that do not belong."""
    import polars as pl

    for group in dict.fromkeys(c.group for c in schema.columns):
        part = Table(schema.name, schema.title, schema.group(group), schema.optional)
        there = [c.name for c in part.columns if c.name in frame.columns]
        yield from _caught(empty(part).select(there), part, where, False)
    for name in frame.columns:
        yield from _caught(frame.select(name), schema, where, True)
    for name in others[:_SHOWN]:
        yield from _caught(pl.DataFrame(schema={name: pl.Float32}), schema, where, True)


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
