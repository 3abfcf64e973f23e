"""Rows of numbers as somebody printed them: read from texts, with what rounds to each number."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from deptool.csv_file import read_csv, refuse
from deptool.errors import DataError, UsageError
from deptool.scales import SCALES, find_scale, nearest

NUMBERS = ("rmse", "mae", "pcc", "ccc", "sd", "mean")  # those that are rounded
COLUMNS = ("name", *NUMBERS, "n", "scale")
_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)")
_LONGEST = 30  # digits: beyond them no number is meant, and some are none to a computer
_SLACK = 1e-9  # of a number: what floating point may lose on the way
_POINT = "Write it as in 5.68, with all of its decimals: they say how far it was rounded."


@dataclass(frozen=True)
class Interval:
    """All values from `low` to `high`, both included."""

    low: float
    high: float

    def within(self, low: float, high: float) -> Interval | None:
        """The part of it between two bounds; None where there is none."""
        both = Interval(max(self.low, low), min(self.high, high))
        return both if both.low <= both.high else None


@dataclass(frozen=True)
class Quoted:
    """One quoted row; what was not quoted is None. A Decimal keeps the decimals of its text.

    RMSE, MAE, the SD and the mean of the truths in points, the SD over N.
    """

    name: str = ""
    rmse: Decimal | None = None
    mae: Decimal | None = None
    pcc: Decimal | None = None
    ccc: Decimal | None = None
    sd: Decimal | None = None
    mean: Decimal | None = None
    n: int | None = None
    scale: str | None = None

    def filled(self, more: Quoted) -> Quoted:
        """The same row with what it lacks taken from another one."""
        lacking = [k for k in (*NUMBERS, "n", "scale") if getattr(self, k) is None]
        return replace(self, **{k: getattr(more, k) for k in lacking})

    def without(self, more: Quoted) -> Quoted:
        """The same row without what another one quotes itself."""
        quoted = [k for k in (*NUMBERS, "n", "scale") if getattr(more, k) is not None]
        nothing: dict[str, Any] = dict.fromkeys(quoted)
        return replace(self, **nothing)


def rounded_to(number: Decimal) -> Interval:
    """All values that round to a number: 5.68 -> 5.675 to 5.685, whichever way a half goes."""
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)  # no NaN comes out of `parse`
    half = 0.5 * 10.0**exponent + _SLACK * max(1.0, abs(float(number)))
    return Interval(float(number) - half, float(number) + half)


def parse(values: Mapping[str, str]) -> Quoted:
    """Texts by column of `COLUMNS` -> the row; an empty text is a number that was not quoted.

    Raises UsageError where a text is not a plain number, N not a whole number from 1, or the
    scale unknown.
    """
    for column, text in values.items():
        problem = _wrong(column, text)
        if problem:
            raise UsageError(problem, fix=_POINT if column in NUMBERS else None)
    scale = values.get("scale") or None
    return Quoted(
        name=values.get("name", ""),
        **{k: Decimal(values[k]) for k in NUMBERS if values.get(k)},
        n=int(values["n"]) if values.get("n") else None,
        scale=find_scale(scale).name if scale else None,
    )


def read_quoted(path: Path) -> list[Quoted]:
    """The rows of a CSV whose columns are some of `COLUMNS`; other columns are passed over.

    A row without a name is called by its line. Raises InputError and SchemaError as `read_csv`
    does, DataError with the lines where a cell cannot be read.
    """
    file = read_csv(path, COLUMNS, ())
    rows = [(line, {k: v for k, v in row.items() if k in COLUMNS}) for line, row in file.rows]
    problems = [
        (line, problem)
        for line, row in rows
        for column, text in row.items()
        if (problem := _wrong(column, text))
    ]
    refuse(DataError, "cells that cannot be read", problems, file.name, _POINT)
    return [parse({**row, "name": row.get("name") or f"line {line}"}) for line, row in rows]


def _wrong(column: str, text: str) -> str | None:
    """What is wrong with a text, or None."""
    if not text or column == "name":
        return None
    if len(text) > _LONGEST:
        return f"{column} {text[:_LONGEST]!r} … is too long"
    if column == "scale":
        return None if text in SCALES else f"unknown scale {text!r}. {nearest(text)}"
    if column == "n":
        good = text.isdecimal() and int(text) > 0
        return None if good else f"n {text!r} is not a whole number from 1"
    return None if _PLAIN.fullmatch(text) else f"{column} {text!r} is not a plain number"
