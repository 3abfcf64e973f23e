"""Anybody's predictions: a CSV as a predictions table, and the mean score it was trained on."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from deptool.csv_file import CsvFile, read_csv, read_number, read_split, refuse
from deptool.errors import DataError, UsageError
from deptool.scales import Scale, find_scale
from deptool.schema import PREDICTIONS
from deptool.subjects import COLUMNS as PERSON
from deptool.subjects import merge, read_persons
from deptool.tables import read_table

if TYPE_CHECKING:
    import polars as pl

REQUIRED = ("recording_id", "truth", "prediction")
CSV_COLUMNS = (*REQUIRED, "split", "subject_id", "session_id", "task", "train_mean", *PERSON)
NEW = "new"
_LARGEST = 1e9  # points: what is beyond is no score, and its square may be no number
_SHOWN = 40  # letters of a cell that an error repeats
NO_SPLIT = "all"  # the split of predictions that name none


def read_anybodys(path: Path, scale: str | None = None) -> pl.DataFrame:
    """A CSV with `CSV_COLUMNS`, in the columns of a predictions table, in double precision.

    A Parquet file is read as a predictions table. Raises InputError, SchemaError or DataError,
    with line numbers, for what cannot be scored, truths beyond the ends of `scale` among it, and
    UsageError for an unknown scale.
    """
    import polars as pl

    if path.suffix == ".parquet":
        return read_table(path, PREDICTIONS)
    file = read_csv(path, CSV_COLUMNS, REQUIRED)
    _check(file)
    if scale is not None:
        _check_range(file, find_scale(scale))
    persons = read_persons(file)
    rows = [
        {
            "recording_id": row["recording_id"],
            **{name: row.get(name) or None for name in ("subject_id", "session_id", "task")},
            "split": _split(row["split"]) if "split" in row else NO_SPLIT,
            **{"fold": 0, "seed": 0, "scale": None},
            "truth": read_number(row["truth"]),
            "prediction": read_number(row["prediction"]),
            "train_mean": read_number(row.get("train_mean", "")),
            **persons.get(row.get("subject_id", ""), {}),
        }
        for _, row in file.rows
    ]
    kinds = {c.name: pl.String for c in PREDICTIONS.columns if c.dtype == "string"}
    kinds["gender"] = pl.String
    names = dict.fromkeys(name for row in rows for name in row)
    kinds_used = {name: kinds.get(name, pl.Float64) for name in names}
    return pl.DataFrame(rows, schema=kinds_used | {"fold": pl.Int32, "seed": pl.Int32})


def with_train_mean(frame: pl.DataFrame, given: float | None) -> tuple[pl.DataFrame, bool]:
    """The frame with its train_mean filled where it can be, and whether every row has one."""
    import polars as pl

    if given is None and not frame["train_mean"].null_count():
        return frame, True
    known = given if given is not None else frame.filter(pl.col("split") == "train")["truth"].mean()
    return frame.with_columns(train_mean=pl.lit(known, pl.Float64)), known is not None


def with_scale(frame: pl.DataFrame, scale: str | None, where: str) -> pl.DataFrame:
    """The frame on that scale. Raises UsageError where it is unknown, or the file's is another."""
    import polars as pl

    if scale is None:
        return frame
    find_scale(scale)
    other = next((name for name in frame["scale"].drop_nulls() if name != scale), None)
    if other:
        raise UsageError(f"{where} is on {other}, not on {scale}")
    return frame.with_columns(scale=pl.lit(scale))


def subjects_of(frame: pl.DataFrame) -> pl.DataFrame | None:
    """What the columns gender and age of a CSV say of persons; None where it has neither."""
    from deptool.corpus import empty
    from deptool.schema import SUBJECTS

    has = [name for name in PERSON if name in frame.columns]
    if not has:
        return None
    rows = frame.select("subject_id", *has).drop_nulls("subject_id").unique().to_dicts()
    persons = {row.pop("subject_id"): row for row in rows}
    return merge(empty(SUBJECTS), persons, persons)


def _split(word: str) -> str | None:
    """A part of a corpus, or new as `predict` calls what a run does not know; None: neither."""
    return NEW if word.lower() == NEW else read_split(word)


def _check(file: CsvFile) -> None:
    """Raise DataError, with line numbers, for cells that hold no number, id or split."""
    seen: dict[tuple[str, str], int] = {}
    problems: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for line, row in file.rows:
        key = row["recording_id"], _split(row.get("split", "")) or ""
        if not row["recording_id"]:
            problems["a recording_id is missing"].append((line, "it is empty"))
        elif key in seen:
            text = f"{row['recording_id']!r} is on line {seen[key]} too"
            problems["a recording has two rows: average its segments first"].append((line, text))
        seen.setdefault(key, line)
        for name in ("truth", "prediction", "train_mean"):
            cell = row.get(name, "")
            value = read_number(cell)
            if value is None and (cell or name == "prediction"):
                problems["not a finite number"].append((line, f"{name} {cell[:_SHOWN]!r}"))
            elif value is not None and abs(value) > _LARGEST:
                what = f"not a number of points below {_LARGEST:g}"
                problems[what].append((line, f"{name} {value:g}"))
        if "split" in row and not key[1]:
            problems["a split is train, dev, test or new"].append((line, repr(row["split"])))
    for what, found in problems.items():
        refuse(DataError, what, found, file.name)


def _check_range(file: CsvFile, scale: Scale) -> None:
    """Raise DataError, with line numbers, for truths beyond the ends of the scale."""
    ends = f"on {scale.name}, which goes from {scale.low} to {scale.high}"
    truths = [(line, row["truth"], read_number(row["truth"])) for line, row in file.rows]
    found = [
        (line, f"{cell!r} {ends}")
        for line, cell, truth in truths
        if truth is not None and not scale.low <= truth <= scale.high
    ]
    refuse(DataError, "a truth is not a number in its scale's range", found, file.name)
