"""What a column and a table are; which ones there are stands in schema.py."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

MOST_ROWS = 20_000_000  # 7 days of 33 rows a second, the longest that a recording can be

DType = Literal["float32", "int32", "string"]


@dataclass(frozen=True)
class Column:
    """One column: name, Arrow type, unit, closed range or choices, meaning, source, nullability."""

    name: str
    dtype: DType
    meaning: str
    unit: str = "1"
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] | None = None
    source: str = "deptool"
    nullable: bool = False
    group: str = "base"
    whole: bool = False  # a float column that holds whole numbers


@dataclass(frozen=True)
class Table:
    """One table. Columns of the groups in `optional` are there as a whole group or not at all.

    One of more than `most_rows` is no table: a few bytes may stand for any number of rows.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    optional: tuple[str, ...] = ()
    most_rows: int = MOST_ROWS

    def column(self, name: str) -> Column:
        """The column of that name; KeyError where there is none."""
        return self._by_name[name]

    def group(self, name: str) -> tuple[Column, ...]:
        """The columns of one group, in order."""
        return tuple(c for c in self.columns if c.group == name)

    @cached_property
    def _by_name(self) -> dict[str, Column]:
        return {c.name: c for c in self.columns}
