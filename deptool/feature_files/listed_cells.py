"""CSV files whose cells hold lists as text, '[[1.0, 2.0], [3.0, 4.0]]': one column a number."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from deptool.errors import InputError
from deptool.feature_files.damage import Damage
from deptool.feature_files.feature_csv import LINE, NOT_A_NUMBER, Numbers, read_header


def read_listed(path: Path, plain: Sequence[str], lists: Mapping[str, int]) -> Numbers:
    """Plain columns by their names, and NAME_0 … of each list column, of which so many are read.

    A cell that is empty is null throughout; one that is no list of at least so many numbers too,
    and is a problem. Otherwise as `feature_csv.read_numbers`, but that nothing is exact.
    """
    import polars as pl

    header = read_header(path)
    found = Damage(path.name)
    places = [(n, header.index(n), 0) for n in plain if n in header]
    places += [(n, header.index(n), size) for n, size in lists.items() if n in header]
    names = [
        column
        for name, _, size in places
        for column in ([f"{name}_{i}" for i in range(size)] if size else [name])
    ]
    lines, rows = [], []
    for line, cells in _rows(path, len(header), found):
        lines.append(line)
        values = []
        for name, place, size in places:
            cell = cells[place].strip()
            read = _numbers(cell, size)
            if read is None and cell not in NOT_A_NUMBER:
                found.cell(line, name, f"a list of {size} numbers" if size else "a number")
            values += read or [np.nan] * (size or 1)
        with np.errstate(over="ignore"):  # what is too large for float32 is no number
            rows.append(np.array(values, dtype=np.float32))
    matrix = np.array(rows, dtype=np.float32).reshape(len(rows), len(names))
    table = pl.DataFrame(matrix, schema=names, orient="row")
    table = table.select(pl.when(pl.all().is_finite()).then(pl.all()))
    number = pl.Series(LINE, lines, dtype=pl.Int32)
    return Numbers(table.select(number, pl.all()), found.problems(), found.cut_off)


def _rows(path: Path, n_cells: int, found: Damage) -> Iterator[tuple[int, list[str]]]:
    """The line and the cells of each row that is as long as the header."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        reader = csv.reader(file)
        next(reader, None)
        odd: tuple[int, int] | None = None
        try:
            for cells in reader:
                if odd:
                    found.line(*odd, n_cells, is_last=False)
                    odd = None
                if len(cells) == n_cells:
                    yield reader.line_num, cells
                elif any(cell.strip() for cell in cells):
                    odd = reader.line_num, len(cells)
        except csv.Error as error:
            raise InputError(str(error), where=f"{path.name}, line {reader.line_num}") from error
        if odd:
            found.line(*odd, n_cells, is_last=True)


def _numbers(cell: str, size: int) -> list[float] | None:
    """The first `size` numbers in a list of them, or the one number where size is 0."""
    try:
        values = json.loads(cell.replace("nan", "NaN").replace("None", "null"))
        flat = np.array(values, dtype=np.float64).ravel().tolist()
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None
    wanted = size or 1
    return flat[:wanted] if len(flat) >= wanted else None
