"""Any CSV with a row per picture: a TOML file says which column is what, and in which unit.

One file per recording: `deptool import csv SOURCE --config map.toml`. What can stand in map.toml is
on docs/import.md, with a whole example; every key is a field of `Settings`. Columns that it does
not name are not read.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from deptool.csv_file import read_split
from deptool.errors import DataError, InputError, SchemaError
from deptool.feature_files.csv_columns import columns_of, points_of
from deptool.feature_files.csv_map import ABOUT
from deptool.feature_files.csv_map import Map as Settings
from deptool.feature_files.feature_csv import LINE, first_row, read_header, read_numbers
from deptool.feature_files.file_names import about
from deptool.importers import Found, Item, Rows
from deptool.naming import naming
from deptool.schema import AU_INTENSITY
from deptool.sources import find_files, recording_ids

if TYPE_CHECKING:
    import polars as pl

TITLE = "any CSV with a row per picture, as a TOML file describes it"

_FULL = 5.0  # au_full, where it is not given
_INTENSITIES = {f"{unit}_r" for unit in AU_INTENSITY}
_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


def feature_set(settings: Settings) -> str:
    return settings.feature_set


def find(source: Path, settings: Settings) -> Found:
    """Every such file below the folder. Raises InputError where there is none."""
    ending = settings.ending.lower().lstrip(".")
    paths = find_files(source, {f".{ending}"}, f"files named *.{ending}")
    ids = recording_ids(source, paths)
    items, unnamed = [], []
    for name, path in ids.items():
        said = _said(path, path.name if path == source else path.relative_to(source), settings)
        if settings.names and not said:
            unnamed.append(name)
        subject, session = said.get("subject"), said.get("session")
        if settings.names and subject and session:
            session = f"{subject}_{session}"  # the number of a visit is nobody's own
        split = said.get("split")
        items.append(
            Item(
                name,
                {"features": path},
                subject,
                session,
                said.get("task"),
                read_split(split) if split else None,
                settings.width,
                settings.height,
            )
        )
    notes = []
    if unnamed:
        listed = ", ".join(unnamed[:5]) + (", …" if unnamed[5:] else "")
        fits = f"{len(items) - len(unnamed)} of {len(items)}"
        notes.append(naming(f"names fits {fits} files; the others have no ids", listed))
    return Found(tuple(items), notes=tuple(notes), frame_known=settings.width is not None)


def _said(path: Path, relative: Path | str, settings: Settings) -> dict[str, str]:
    """Subject, session, task and split, as far as known."""
    if settings.names:
        return about(settings.names, Path(relative).with_suffix("").as_posix())
    columns = {key: getattr(settings, key) for key in ABOUT if getattr(settings, key)}
    if not columns:
        return {}
    try:
        row = first_row(path, settings.separator)
    except InputError:  # reading it says so again
        return {}
    return {key: row[column] for key, column in columns.items() if row.get(column)}


def read(item: Item, settings: Settings) -> Rows:
    import polars as pl

    path = item.files["features"]
    header = read_header(path, settings.separator)
    where = f"{path.name}, line 1"
    named = {
        key: column
        for key in ("time", "confidence", "success", *ABOUT)
        if (column := getattr(settings, key))
    }
    for key, column in named.items():
        if column not in header:
            raise SchemaError(f"lacks the column {column!r}, which {key} names", where=where)
    measured = {**columns_of(settings, header, where), **points_of(settings, header, where)}
    base = [settings.time, settings.confidence, settings.success]
    wanted = [*(name for name in base if name), *(column.source for column in measured.values())]
    texts = [getattr(settings, key) for key in ABOUT if getattr(settings, key)]
    numbers = read_numbers(
        path, [*wanted, *texts], settings.separator, exact=(settings.time,), texts=texts
    )
    table = numbers.values
    _refuse_changing(table, texts, path.name)
    clock = pl.col(settings.time)
    columns = [_timestamp(settings).alias("timestamp")]
    if settings.time_unit == "frame":
        columns.append((clock - settings.first_frame + 1).alias("frame"))
    if settings.confidence:
        columns.append(pl.col(settings.confidence).alias("confidence"))
    if settings.success:
        columns.append(pl.col(settings.success).alias("success"))
    if settings.success_from is not None:
        good = pl.col(settings.confidence or "") >= settings.success_from
        columns.append(good.fill_null(False).cast(pl.Int32).alias("success"))
    columns += [column.expression().alias(name) for name, column in measured.items()]
    rows = table.select(LINE, *columns)
    notes = _about_scale(rows, settings, path.name)
    return Rows(rows, numbers.problems, notes, numbers.truncated)


def _timestamp(settings: Settings) -> pl.Expr:
    import polars as pl

    clock = pl.col(settings.time)
    if settings.time_unit == "frame":
        seconds = (clock - settings.first_frame) / (settings.fps or 1.0)
    else:
        seconds = clock * _SECONDS[settings.time_unit]
    return seconds - seconds.min() if settings.from_first else seconds


def _about_scale(table: pl.DataFrame, settings: Settings, file: str) -> tuple[str, ...]:
    """A doubt about au_full where intensities end at 1; it is 5 unless it was given."""
    names = [name for name in table.columns if name in _INTENSITIES]
    if not settings.au_intensity or settings.au_full != _FULL or not names:
        return ()
    tops = [top for name in names if isinstance(top := table[name].max(), float)]
    if not tops or not 0 < max(tops) <= 1:
        return ()
    return (f"{file}: no intensity is above 1; if they go from 0 to 1, say au_full = 1.0",)


def _refuse_changing(table: pl.DataFrame, texts: list[str], file: str) -> None:
    for name in texts:
        values = table[name].drop_nulls().unique().sort().to_list()
        if len(values) > 1:
            raise DataError(
                f"holds several recordings: column {name} has {values[0]!r} and {values[1]!r}",
                where=file,
                fix="Split it into one file per recording.",
            )
