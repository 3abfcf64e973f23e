"""CSV files that people write by hand: every cell as text, and errors that name lines."""

from __future__ import annotations

import csv
import difflib
import io
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from deptool.errors import DeptoolError, InputError, SchemaError
from deptool.plain_files import read_text

SPLIT_WORDS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("dev", "development", "val", "valid", "validation"), "dev"),
    **dict.fromkeys(("test", "testing"), "test"),
}
V = TypeVar("V")

_SHOWN = 10  # problems listed in one error


@dataclass(frozen=True)
class CsvFile:
    """A CSV as text: column names in lower case, rows of stripped cells with their line numbers."""

    name: str
    columns: tuple[str, ...]
    rows: list[tuple[int, dict[str, str]]]


def read_csv(path: Path, known: Sequence[str], required: Sequence[str]) -> CsvFile:
    """A CSV with commas, semicolons or tabs, every cell as text, so that subject 001 stays 001.

    Raises InputError where it cannot be read or holds no rows, SchemaError for a required
    column that is missing, one that is there twice, and rows of another length.
    """
    try:
        text = read_text(path)
    except UnicodeDecodeError as error:
        raise InputError("is not UTF-8 text", where=path.name, fix="Save it as UTF-8.") from error
    except OSError as error:
        raise InputError(
            f"cannot be read: {error.strerror or type(error).__name__}", where=str(path)
        ) from error
    header = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(",;\t", key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows: list[tuple[int, list[str]]] = []
    try:
        start = 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((start, [cell.strip() for cell in cells]))
            start = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"line {reader.line_num}: {error}", where=path.name) from error
    if len(rows) < 2:
        raise InputError(
            "holds no rows below a header", where=path.name, fix=f"The header is {','.join(known)}"
        )
    columns = _columns(rows[0][1], known, required, path.name)
    uneven = [(line, f"{len(r)} cells") for line, r in rows[1:] if len(r) != len(columns)]
    refuse(SchemaError, f"rows need {len(columns)} cells, as the header has", uneven, path.name)
    return CsvFile(
        path.name,
        columns,
        [(line, dict(zip(columns, cells, strict=True))) for line, cells in rows[1:]],
    )


def refuse(
    kind: type[DeptoolError],
    what: str,
    problems: Sequence[tuple[int, str]],
    where: str,
    fix: str | None = None,
) -> None:
    """Raise `kind` if there are problems, (line, what is there) each: the first ten and a count."""
    if not problems:
        return
    listed = "; ".join(f"line {line}: {found}" for line, found in problems[:_SHOWN])
    more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
    raise kind(f"{what} ({len(problems)} rows): {listed}{more}", where=where, fix=fix)


def each(said: Mapping[V, int]) -> str:
    """Values and the lines that say them: 12 (line 2), 13 (line 3)."""
    return ", ".join(f"{value} (line {line})" for value, line in said.items())


def read_split(word: str) -> str | None:
    """train, dev or test for that word or a usual synonym in any case; None for another word."""
    return SPLIT_WORDS.get(word.lower())


def read_number(word: str) -> float | None:
    """The finite number that a cell holds; None where it holds none."""
    try:
        value = float(word)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _columns(
    header: list[str], known: Sequence[str], required: Sequence[str], where: str
) -> tuple[str, ...]:
    columns = tuple(name.lower() for name in header)
    twice = [name for name, n in Counter(columns).items() if n > 1]
    if twice or "" in columns:
        what = f"has the column {twice[0]!r} more than once" if twice else "has a nameless column"
        fix = f"The first line is the header: {','.join(known)}"
        raise SchemaError(what, where=where, fix=fix)
    absent = [name for name in known if name not in columns]
    fix = f"The header is {','.join(known)}"
    for name in columns:
        # A column that is nearly one of ours and would be left unread is a slip of the pen.
        near = difflib.get_close_matches(name, absent, n=1, cutoff=0.8)
        if name not in known and near:
            raise SchemaError(f"has a column {name!r}, not {near[0]!r}", where=where, fix=fix)
    missing = [name for name in required if name not in columns]
    if missing:
        raise SchemaError(f"lacks the column {', '.join(missing)}", where=where, fix=fix)
    return columns
