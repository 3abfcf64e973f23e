"""Label files as public corpora ship them: found by name, columns by any of their known names.

One corpus comes with the same columns under several names, so a column is known by what it means
here (`score`) and by all names it was seen under (`PHQ8_Score`, `PHQ_Score`); case does not matter.
"""

from __future__ import annotations

import filecmp
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from deptool.csv_file import read_csv, read_number, read_split, refuse
from deptool.errors import DataError, InputError, SchemaError
from deptool.plain_files import read_text

Names = Mapping[str, Sequence[str]]  # meaning -> names of the column, lower case
V = TypeVar("V", str, float)


class Row(NamedTuple):
    """One row of a label file: cells by meaning, '' where empty, and where it stands."""

    cells: dict[str, str]
    file: str
    line: int

    @property
    def where(self) -> str:
        return f"{self.file}, line {self.line}"


class Said(NamedTuple):
    """That one file says one thing of one session (or recording)."""

    key: str
    value: str | float
    where: str


def find_named(paths: Iterable[Path], names: Collection[str]) -> dict[str, Path]:
    """The files that have one of these names, in any case: name as given -> path, in that order.

    Raises InputError where two files of one name differ.
    """
    wanted = {name.lower(): name for name in names}
    found: dict[str, Path] = {}
    for path in sorted(paths, key=lambda p: (len(p.parts), p)):
        name = wanted.get(path.name.lower())
        if name is None:
            continue
        if name in found and not filecmp.cmp(found[name], path, shallow=False):
            raise InputError(
                f"there are two files named {name}, and they differ",
                fix="Say in which folder the labels are: --set labels=FOLDER",
            )
        found.setdefault(name, path)
    return {name: found[name] for name in names if name in found}


def read_rows(path: Path, names: Names, required: Sequence[str]) -> list[Row]:
    """The rows of a label file, cells by meaning; columns that `names` does not know are left out.

    Raises InputError where it cannot be read, SchemaError where a required meaning has no column.
    """
    try:
        file = read_csv(path, (), ())
    except InputError as error:
        fix = None if "header" in error.what else error.fix  # there is no one header to advise
        raise InputError(error.what, where=error.where, fix=fix) from error
    columns = {
        meaning: next((name for name in known if name in file.columns), None)
        for meaning, known in names.items()
    }
    lacking = [meaning for meaning in required if columns[meaning] is None]
    if lacking:
        raise SchemaError(
            f"lacks a column {' or '.join(names[lacking[0]])}",
            where=file.name,
            fix=f"It has {', '.join(file.columns)}.",
        )
    there = {meaning: column for meaning, column in columns.items() if column}
    return [
        Row({meaning: cells[column] for meaning, column in there.items()}, file.name, line)
        for line, cells in file.rows
    ]


def numbers(rows: Sequence[Row], meaning: str, low: float, high: float) -> list[float | None]:
    """The number in that cell of each row, None where it is empty or the column is absent.

    Raises DataError where a cell is no number from `low` to `high`; the lines are named.
    """
    values = [read_number(row.cells.get(meaning, "")) for row in rows]
    wrong = [
        (row.line, repr(row.cells[meaning]))
        for row, value in zip(rows, values, strict=True)
        if row.cells.get(meaning) and (value is None or not low <= value <= high)
    ]
    name = rows[0].file if rows else ""
    refuse(DataError, f"a {meaning} is a number from {low:g} to {high:g}", wrong, name)
    return values


def only_number(path: Path, low: float, high: float) -> float:
    """The one number of a file that holds nothing else: no header, no second line.

    Raises InputError where it cannot be read, DataError where it holds something else.
    """
    try:
        text = read_text(path).strip().strip(",;\"'")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is not UTF-8 text"
        raise InputError(f"cannot be read: {reason}", where=path.name) from error
    value = read_number(text)
    if value is None or not low <= value <= high:
        raise DataError(
            f"holds {text[:20]!r}, not one number from {low:g} to {high:g}", where=path.name
        )
    return value


def agree(said: Iterable[Said], what: str) -> dict[str, str | float]:
    """key -> the one value that is said of it.

    Raises DataError where two differ, with what says which.
    """
    first: dict[str, Said] = {}
    differing: dict[str, str] = {}
    for one in said:
        before = first.setdefault(one.key, one)
        if before.value != one.value:
            both = (
                f"{s.value if isinstance(s.value, str) else format(s.value, 'g')} ({s.where})"
                for s in (before, one)
            )
            differing.setdefault(one.key, f"{one.key} has {' and '.join(both)}")
    if differing:
        listed = "; ".join(list(differing.values())[:5])
        more = f"; and {len(differing) - 5} more" if len(differing) > 5 else ""
        raise DataError(
            f"the label files contradict each other on {what}: {listed}{more}",
            fix="Say which of them counts: --set labels=…",
        )
    return {key: one.value for key, one in first.items()}


def counted(n: int, word: str, many: str | None = None) -> str:
    """'1 session', '2 sessions'; 'is' and 'are' with `many`."""
    return f"{n} {word}" if n == 1 else f"{n} {many or word + 's'}"


def listed(ids: Iterable[str], at_most: int = 30) -> str:
    """Ids in their order, with how many more there are."""
    known = sorted(ids)
    more = f" and {len(known) - at_most} more" if known[at_most:] else ""
    return " ".join(known[:at_most]) + more


class Folds(NamedTuple):
    """What a file of index, label and fold says, by the ids that the features have."""

    splits: dict[str, str]
    depressed: dict[str, float]  # 0 or 1
    durations: dict[str, float]  # s, where the file has them
    named: set[str]


_FOLD_NAMES: Names = {
    "id": ("index", "id"),
    "label": ("label",),
    "duration": ("duration",),
    "fold": ("fold", "split"),
}
_DEPRESSED = {
    **dict.fromkeys(("depression", "depressed", "1", "1.0"), 1.0),
    **dict.fromkeys(("normal", "0", "0.0"), 0.0),
}


def read_folds(path: Path, ids: Collection[str]) -> Folds:
    """A file of index, label (depression or normal, 1 or 0) and fold (train, valid or test).

    Programs that write such files lose leading zeros, so `7` is `007` where the features have that.
    Raises DataError for a label or fold that is none, or two rows that contradict each other.
    """
    rows = read_rows(path, _FOLD_NAMES, ("id", "label"))
    by_number = {name.lstrip("0"): name for name in ids}
    names = [c if c in ids else by_number.get(c.lstrip("0"), c) for c in _cells(rows, "id")]
    labels = [_DEPRESSED.get(cell.lower()) for cell in _cells(rows, "label")]
    splits = [read_split(cell) for cell in _cells(rows, "fold")]
    for meaning, values, known in (
        ("label", labels, "depression or normal, 1 or 0"),
        ("fold", splits, "train, valid or test"),
    ):
        odd = [
            (row.line, repr(row.cells[meaning]))
            for row, value in zip(rows, values, strict=True)
            if row.cells.get(meaning) and value is None
        ]
        refuse(DataError, f"a {meaning} is {known}", odd, path.name)
    about = list(zip(rows, names, labels, splits, strict=True))
    depressed = agree((Said(n, v, r.where) for r, n, v, _ in about if v is not None), "labels")
    folds = agree((Said(n, s, r.where) for r, n, _, s in about if s), "splits")
    durations = dict(zip(names, numbers(rows, "duration", 0, 1e6), strict=True))
    return Folds(
        {name: str(split) for name, split in folds.items()},
        {name: float(value) for name, value in depressed.items()},
        {name: value for name, value in durations.items() if value},
        set(names),
    )


def _cells(rows: Sequence[Row], meaning: str) -> list[str]:
    return [row.cells.get(meaning, "") for row in rows]
