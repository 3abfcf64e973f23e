"""Numbers out of feature files: CSV of any width, columns by name, damage with file and line.

Only the columns asked for are parsed, a block of lines at a time, so that a table of 700 columns
and 100,000 rows costs the memory of what is kept. Names and cells may have spaces around them and
quotes; blank lines are passed over. Lines are counted from 1, the header being line 1.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from deptool.errors import InputError, SchemaError
from deptool.feature_files.damage import Damage

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

LINE = "line"  # the column that holds the line in the file

# Clocks need more digits than float32 has, before they are divided into steps.
CLOCKS = ("timestamp", "frameTime")

# What programs write for a number that is none.
NOT_A_NUMBER = (
    *("nan", "NaN", "NAN", "-nan", "-NaN", "inf", "-inf", "Inf", "-Inf", "+inf"),
    *("-nan(ind)", "nan(ind)", "-1.#IND", "1.#QNAN", "-1.#QNAN", "1.#INF", "-1.#INF"),
    *("", "NA", "N/A", "None", "null"),
)
_BLOCK = 8_000_000  # bytes parsed at once
_TOP = 3.4e38  # the largest float32, nearly
_LONGEST = 1_000_000  # bytes of a header that are read


@dataclass(frozen=True)
class Numbers:
    """values (row, column): float64 clocks, all else float32; null where there is no number."""

    values: pl.DataFrame  # the column `LINE`, then those asked for that the file has
    problems: tuple[str, ...] = ()
    truncated: bool = False


def read_header(path: Path, separator: str = ",") -> list[str]:
    """The names in the first line, without spaces and quotes around them.

    Raises InputError where the file cannot be read, is empty, or is no text.
    """
    try:
        with path.open("rb") as file:
            line = file.readline(_LONGEST)
    except OSError as error:
        raise _unreadable(path, error) from error
    if not line:
        raise InputError("is empty", where=path.name)
    if b"\0" in line:
        raise InputError("is not text in UTF-8", where=path.name, fix="Save it as CSV in UTF-8.")
    if not line.strip():
        raise InputError("begins with an empty line, not with names", where=path.name)
    if b"\r" in line.rstrip(b"\r\n"):
        raise InputError(
            "has a carriage return within its first line",
            where=path.name,
            fix="Save it with the usual ends of lines, \\n or \\r\\n.",
        )
    return _cells(line.removeprefix(b"\xef\xbb\xbf"), separator)


def first_row(path: Path, separator: str = ",") -> dict[str, str]:
    """The first row below the header as text, by column; empty where there is none.

    Raises InputError as `read_header` does.
    """
    header = read_header(path, separator)
    with path.open("rb") as file:
        file.readline()
        while line := file.readline(_LONGEST):
            if line.strip():
                return dict(zip(header, _cells(line, separator), strict=False))
    return {}


def read_numbers(
    path: Path,
    wanted: Sequence[str],
    separator: str = ",",
    *,
    exact: Collection[str] = CLOCKS,
    texts: Collection[str] = (),
) -> Numbers:
    """The wanted columns that the file has, as numbers.

    Those in `exact` are float64, those in `texts` stay text. A cell that is no number is null, a
    line with more or fewer cells than the header has is left out, and both are problems; a last
    line that is too short was cut off. Raises InputError where the file cannot be read or is empty,
    SchemaError where a wanted column is there twice.
    """
    import polars as pl

    header = read_header(path, separator)
    twice = [name for name in wanted if header.count(name) > 1]
    if twice:
        raise SchemaError(f"has two columns named {twice[0]!r}", where=f"{path.name}, line 1")
    places = {name: header.index(name) for name in dict.fromkeys(wanted) if name in header}
    kinds: dict[str, type[pl.DataType]] = {
        name: pl.String if name in texts else pl.Float64 if name in exact else pl.Float32
        for name in places
    }
    found = Damage(path.name)
    parts = [pl.DataFrame(schema={LINE: pl.Int32, **kinds})]
    try:
        for block in _blocks(path):
            table = _sound(block, len(header), places, separator, texts)
            if table is None:  # slower, and finds what is wrong
                text, lines = _whole_lines(block, len(header), places, separator, found)
                table = _parse(text, lines, len(header), places, separator, texts, found)
            parts.append(table.cast(kinds))  # type: ignore[arg-type]
    except OSError as error:
        raise _unreadable(path, error) from error
    return Numbers(pl.concat(parts), found.problems(), found.cut_off)


@dataclass(frozen=True)
class _Block:
    """Whole lines below the header, the number of the first, and whether they are the last."""

    data: bytes
    first: int
    is_last: bool


def _blocks(path: Path) -> Iterator[_Block]:
    with path.open("rb") as file:
        file.readline()
        number, data = 2, b""
        while more := file.read(_BLOCK):
            end = data.rfind(b"\n") + 1
            if end:
                yield _Block(data[:end], number, is_last=False)
                number += data.count(b"\n")
            data = data[end:] + more
        if data:
            yield _Block(data if data.endswith(b"\n") else data + b"\n", number, is_last=True)


def _sound(
    block: _Block, n_cells: int, places: dict[str, int], separator: str, texts: Collection[str]
) -> pl.DataFrame | None:
    """As `_parse`, where every line is whole and every number is one; else None."""
    import polars as pl

    if b'"' in block.data or n_cells < 2:
        return None
    try:
        table = _read(
            block.data, n_cells, {*places.values(), n_cells - 1}, places, separator, texts
        )
    except pl.exceptions.PolarsError:  # whatever it is, the slow way tells
        return None
    n_lines = block.data.count(b"\n")
    # A line that is too short lacks its last cell; a blank one is no row.
    if len(table) != n_lines or table[f"c{n_cells - 1}"].null_count():
        return None
    lines = np.arange(block.first, block.first + n_lines, dtype=np.int32)
    return _named(table, places, pl.Series(LINE, lines), texts)


def _whole_lines(
    block: _Block, n_cells: int, places: dict[str, int], separator: str, found: Damage
) -> tuple[bytes, NDArray[np.intp]]:
    """The lines that have as many cells as the header, without quotes and spaces; their numbers."""
    mark = separator.encode()
    data = _plain(block.data, mark)
    if b'"' in data:
        data = _unquoted(data, places, separator)
    letters = np.frombuffer(data, dtype=np.uint8)
    ends = np.flatnonzero(letters == ord("\n"))
    cells = np.diff(np.searchsorted(np.flatnonzero(letters == mark[0]), ends), prepend=0) + 1
    starts = np.concatenate([[0], ends[:-1] + 1])
    filled = ends > starts
    good = filled & (cells == n_cells)
    last = np.flatnonzero(filled)[-1:] if block.is_last else ()
    for i in np.flatnonzero(filled & ~good):
        found.line(block.first + int(i), int(cells[i]), n_cells, is_last=i in last)
    if not good.all():
        data = b"".join(data[starts[i] : ends[i] + 1] for i in np.flatnonzero(good))
    return data, block.first + np.flatnonzero(good)


def _plain(data: bytes, mark: bytes) -> bytes:
    """Lines without a carriage return, and without spaces around cells."""
    data = data.replace(b"\r", b"")
    for blank in (b" ", b"\t"):
        for edge in (mark, b"\n"):
            for pair in (edge + blank, blank + edge):
                # Looking for one letter is much faster than looking for two.
                while blank != mark and blank in data and pair in data:
                    data = data.replace(pair, edge)
        data = data.lstrip(blank) if blank != mark else data
    return data


def _unquoted(data: bytes, places: dict[str, int], separator: str) -> bytes:
    """Lines without quotes: of those that have some, the wanted cells are kept."""
    wanted = set(places.values())
    lines = []
    for line in data.split(b"\n")[:-1]:
        if b'"' in line:
            cells = [
                cell if place in wanted and not {separator, "\n"} & set(cell) else ""
                for place, cell in enumerate(_cells(line, separator))
            ]
            line = separator.join(cells).encode()
        lines.append(line + b"\n")
    return b"".join(lines)


def _parse(
    text: bytes,
    lines: NDArray[np.intp],
    n_cells: int,
    places: dict[str, int],
    separator: str,
    texts: Collection[str],
    found: Damage,
) -> pl.DataFrame:
    """Lines of equal length -> `LINE` and the wanted columns in float64, null where no number."""
    import polars as pl

    number = pl.Series(LINE, lines, dtype=pl.Int32)
    if not (len(lines) and places):
        kinds = {name: pl.String if name in texts else pl.Float64 for name in places}
        return pl.DataFrame([number, *(pl.Series(n, [], dtype=k) for n, k in kinds.items())])
    kept = set(places.values())
    try:
        table = _read(text, n_cells, kept, places, separator, texts)
    except pl.exceptions.ComputeError:
        cells = _read(text, n_cells, kept, places, separator, list(places))
        numbers = {f"c{i}": name for name, i in places.items() if name not in texts}
        table = cells.with_columns(pl.col(list(numbers)).cast(pl.Float64, strict=False))
        for key, name in numbers.items():
            for i in (table[key].is_null() & cells[key].is_not_null()).arg_true():
                found.cell(int(lines[i]), name)
    return _named(table, places, number, texts)


def _read(
    text: bytes,
    n_cells: int,
    kept: set[int],
    places: dict[str, int],
    separator: str,
    texts: Collection[str],
) -> pl.DataFrame:
    """The kept columns as c0, c1, …: numbers, but for `texts` and what was not asked for.

    Raises polars.ComputeError where a cell is no number, or a line has too many.
    """
    import polars as pl

    asked = {i for name, i in places.items() if name not in texts}
    return pl.read_csv(
        text,
        has_header=False,
        schema={f"c{i}": pl.Float64 if i in asked else pl.String for i in range(n_cells)},
        columns=sorted(kept),
        separator=separator,
        quote_char=None,
        null_values=list(NOT_A_NUMBER),
        encoding="utf8-lossy",
    )


def _named(
    table: pl.DataFrame, places: dict[str, int], number: pl.Series, texts: Collection[str]
) -> pl.DataFrame:
    """`LINE` and the wanted columns under their names; NaN, infinity, 1e300 are no numbers."""
    import polars as pl

    columns = []
    for name, i in places.items():
        cell = pl.col(f"c{i}")
        value = cell.str.strip_chars() if name in texts else pl.when(cell.abs() <= _TOP).then(cell)
        columns.append(value.alias(name))
    return table.select(number, *columns)


def _cells(line: bytes, separator: str) -> list[str]:
    """The cells of one line, without spaces and quotes around them."""
    text = line.decode("utf-8", errors="replace").rstrip("\r\n")
    reader = csv.reader([text], delimiter=separator, skipinitialspace=True)
    try:
        return [cell.strip() for cell in next(reader, [])]
    except csv.Error:  # a cell of more than 131,072 letters, a carriage return
        return [cell.strip() for cell in text.split(separator)]


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(f"cannot be read: {error.strerror or type(error).__name__}", where=path.name)
