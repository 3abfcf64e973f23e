"""What is known of persons: words for gender, numbers for age, the table of both, age bands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from deptool.csv_file import CsvFile, each, read_number, refuse
from deptool.errors import DataError
from deptool.schema import SUBJECTS

if TYPE_CHECKING:
    import polars as pl

COLUMNS = ("gender", "age")
FILE = "subjects.parquet"
AGE_BANDS = ((0, "under 30"), (30, "30 to 44"), (45, "45 to 59"), (60, "60 and over"))

Person = dict[str, str | float | None]  # of COLUMNS, what is known

_GENDERS = {
    **dict.fromkeys(("female", "f", "woman"), "female"),
    **dict.fromkeys(("male", "m", "man"), "male"),
    **dict.fromkeys(("other", "diverse", "non-binary", "nonbinary"), "other"),
}
_OLDEST = 120


def read_gender(word: str) -> str | None:
    """female, male or other for that word or a usual synonym in any case; None for another."""
    return _GENDERS.get(word.lower())


def read_age(word: str) -> float | None:
    """The age in years that a cell holds; None where it holds none from 0 to 120."""
    value = read_number(word)
    return value if value is not None and 0 <= value <= _OLDEST else None


def age_band(age: float) -> str:
    """The band of `AGE_BANDS` that an age (years) is in."""
    return next(name for first, name in reversed(AGE_BANDS) if age >= first)


def read_persons(file: CsvFile, lines: Iterable[int] | None = None) -> dict[str, Person]:
    """subject_id -> what the columns gender and age of a CSV say, of those that it has.

    `lines` are those that count; None: all. An empty cell says nothing, and None is what all of a
    person's cells say that are empty. Raises DataError, with line numbers, for a cell that holds
    no gender or age, one without a subject_id, and two that say different things of one person.
    """
    wanted = None if lines is None else set(lines)
    rows = [(n, row) for n, row in file.rows if wanted is None or n in wanted]
    found: dict[str, Person] = {}
    for name in (name for name in COLUMNS if name in file.columns):
        _check(name, rows, file.name)
        said: dict[str, dict[str | float, int]] = {}
        for line, row in rows:
            if not row.get("subject_id"):
                continue
            value = _READ[name](row[name]) if row[name] else None
            here = said.setdefault(row["subject_id"], {})
            if value is not None:
                here.setdefault(value, line)
        differing = [
            (min(values.values()), f"subject {person!r} has {each(values)}")
            for person, values in said.items()
            if len(values) > 1
        ]
        refuse(DataError, f"a person with two values of {name}", differing, file.name)
        for person, values in said.items():
            found.setdefault(person, {})[name] = next(iter(values), None)
    return found


def merge(old: pl.DataFrame, given: Mapping[str, Person], kept: Iterable[str]) -> pl.DataFrame:
    """The subjects table with what is given in place, of the persons `kept`, where any is known."""
    import polars as pl

    known: dict[str, Person] = {row.pop("subject_id"): row for row in old.to_dicts()}
    names = set(kept)
    rows = []
    for person in sorted((known.keys() | given.keys()) & names):
        about = dict.fromkeys(COLUMNS) | known.get(person, {}) | given.get(person, {})
        if any(value is not None for value in about.values()):
            rows.append({"subject_id": person, **about})
    schema = {"subject_id": pl.String, "gender": pl.String, "age": pl.Float32}
    return pl.DataFrame(rows, schema=schema, strict=False)


def n_emptied(old: pl.DataFrame, given: Mapping[str, Person]) -> int:
    """How many values of the subjects table are empty in what is given."""
    return sum(
        row[name] is not None
        for row in old.to_dicts()
        for name, value in given.get(row["subject_id"], {}).items()
        if value is None
    )


def read_subjects(run: Path) -> pl.DataFrame | None:
    """The subjects table that a run keeps of its corpus; None where the corpus said nothing."""
    from deptool.tables import read_table

    path = run / FILE
    return read_table(path, SUBJECTS) if path.is_file() else None


def _check(name: str, rows: Iterable[tuple[int, dict[str, str]]], where: str) -> None:
    odd = [(line, repr(row[name])) for line, row in rows if row[name] and not _fits(name, row)]
    refuse(DataError, f"{_WORDS[name]}, or empty", odd, where)
    nobody = [
        (line, f"{name} {row[name]!r}")
        for line, row in rows
        if row[name] and not row.get("subject_id")
    ]
    refuse(DataError, "gender and age are a person's: subject_id is missing", nobody, where)


def _fits(name: str, row: Mapping[str, str]) -> bool:
    return _READ[name](row[name]) is not None


_READ: dict[str, Callable[[str], str | float | None]] = {"gender": read_gender, "age": read_age}
_WORDS = {
    "gender": "a gender is female, male or other",
    "age": f"an age is a number of years from 0 to {_OLDEST}",
}
