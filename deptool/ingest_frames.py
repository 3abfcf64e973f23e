"""From rows as an importer read them to a frames table: clock, ranges, nulls, whole groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deptool.columns import Column
from deptool.errors import SchemaError
from deptool.feature_files.feature_csv import LINE
from deptool.importers import Rows
from deptool.schema import FRAMES

if TYPE_CHECKING:
    import polars as pl

# Beyond a column's range by this share of it, a value is rounded onto the edge; further out it is
# no value: OpenFace writes AU intensities below 0 where a run was interrupted.
_EDGE = 1e-3

# A clock (s) that begins later than this, four months, counts from some date.
_LATEST_START = 1e7

# A table's rows may be spread over so long a time (s), and over so much more for each row: beyond
# it a clock is wrong somewhere, and what is made at a steady rate would fill memory and disk.
_LONGEST, _LONGEST_PER_ROW = 86_400.0, 60.0

# What a row without a measurement may have for a status.
_EMPTY = ("no_face", "low_confidence", "too_small", "decode_error")


def to_frames(rows: Rows, file: str | None = None) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """The frames table of these rows, and the problems they have, those of reading first.

    Rows whose time is missing or does not ascend are left out; a value outside its column's range
    becomes null; where success is 0, everything measured is null; a group of which some columns
    are there gets the others as nulls. `file` is the name of the rows' file, where it is one.
    Raises SchemaError for a column that the schema lacks, and for a clock that tells the date.
    """
    import polars as pl

    known = {c.name for c in FRAMES.columns}
    unknown = [c for c in rows.table.columns if c not in known and c != LINE]
    if unknown:
        raise SchemaError(f"the importer gave a column {unknown[0]!r} that the schema lacks")
    table = rows.table
    if LINE not in table.columns:
        table = table.with_row_index(LINE, offset=2)
    if (table["timestamp"] > _LATEST_START).any():
        raise SchemaError(
            "its clock tells the date, not the time since the recording began",
            where=file,
            fix="Dates can identify people. Take the first time away from all, and import that.",
        )
    measured = [
        c for group in FRAMES.optional for c in FRAMES.group(group) if c.name in table.columns
    ]
    table, late = _in_time(table)
    _check_span(table, file)
    table, wild = _in_range(table, measured)
    at = f"{file}, " if file else ""
    problems = (*rows.problems, *(f"{at}{problem}" for problem in (*late, *wild)))
    names = [c.name for c in measured]
    has_value = pl.any_horizontal(pl.col(names).is_not_null()) if names else pl.lit(False)
    given = pl.col("success") == 1 if "success" in table.columns else has_value
    table = table.with_columns((given.fill_null(False) & has_value).alias("_good"))
    good = pl.col("_good")
    whole = [
        pl.when(good).then(pl.col(c.name)).alias(c.name)
        for c in FRAMES.columns
        if c.nullable and c.name in table.columns
    ]
    table = table.with_columns(*_base(table), *whole, *_absent(table))
    return table.select(c.name for c in FRAMES.columns if c.name in table.columns), problems


def rate(table: pl.DataFrame) -> tuple[float | None, tuple[str, ...]]:
    """Rows per second between gaps, and what to say of the gaps: steps over 1.5 times the median.

    None for less than two rows.
    """
    import numpy as np

    steps = np.diff(table["timestamp"].to_numpy().astype(np.float64))
    if not len(steps):
        return None, ()
    is_gap = steps > 1.5 * np.median(steps)
    gaps = steps[is_gap]
    plural = "gap" if len(gaps) == 1 else "gaps"
    said = (f"{len(gaps)} {plural} in time, the longest {gaps.max():.2f} s",) if len(gaps) else ()
    return 1 / float(steps[~is_gap].mean()), said


def _in_time(table: pl.DataFrame) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Without rows whose time is missing or negative, or is not between those before and after.

    Of a time that runs ahead and the many behind it, the one goes.
    """
    import polars as pl

    clock = pl.col("timestamp")
    table = table.with_columns(clock.cast(pl.Float32))
    bad = [table.filter(clock.is_null() | (clock < 0))]
    kept = table.filter(clock >= 0)
    ahead = (clock >= clock.reverse().cum_min().reverse().shift(-1)).fill_null(False)
    behind = (clock <= clock.cum_max().shift(1)).fill_null(False)
    n_ahead, n_behind = kept.select(ahead.sum().alias("a"), behind.sum().alias("b")).row(0)
    for wrong in (ahead, behind) if n_ahead < n_behind else (behind,):
        bad.append(kept.filter(wrong))
        kept = kept.filter(~wrong)
    left_out = pl.concat(bad).sort(LINE)
    if left_out.is_empty():
        return kept, ()
    first = left_out.row(0, named=True)
    found = "none" if first["timestamp"] is None else f"{first['timestamp']:g} s"
    rows = "1 such row" if len(left_out) == 1 else f"{len(left_out)} such rows"
    return kept, (f"line {first[LINE]}: its time ({found}) does not follow; {rows} left out",)


def _check_span(table: pl.DataFrame, file: str | None) -> None:
    if table.is_empty():
        return
    span = float(table["timestamp"][-1]) - float(table["timestamp"][0])
    if span > _LONGEST + _LONGEST_PER_ROW * len(table):
        raise SchemaError(
            f"its clock leaps: {len(table)} rows are spread over {span:.4g} s",
            where=file,
            fix="Is the unit of time (or fps) right? If one row's time is wrong, take it out.",
        )


def _in_range(table: pl.DataFrame, columns: list[Column]) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Values outside their column's range become null; those just outside lie on its edge."""
    import polars as pl

    ranged = [c for c in columns if c.low is not None or c.high is not None or c.whole]
    if not ranged or table.is_empty():
        return table, ()
    success = pl.col("success") == 1 if "success" in table.columns else pl.lit(True)
    wild = {c.name: _wild(c) & success for c in ranged}
    counts = table.select(w.sum().alias(name) for name, w in wild.items()).row(0, named=True)
    problems = []
    for name, n in counts.items():
        if n:
            row = table.filter(wild[name]).row(0, named=True)
            problems.append(
                f"line {row[LINE]}, column {name}: {row[name]:g} is out of range; {n} such values"
            )
    fixed = [pl.when(~_wild(c)).then(_on_edge(c)).cast(pl.Float32).alias(c.name) for c in ranged]
    return table.with_columns(fixed), tuple(problems)


def _wild(column: Column) -> pl.Expr:
    """Further outside the column's range than rounding explains."""
    import polars as pl

    value, bad = pl.col(column.name), pl.lit(False)
    low, high = column.low, column.high
    slack = _EDGE * ((high if high is not None else 1) - (low or 0))
    if low is not None:
        bad = bad | (value < low - slack)
    if high is not None:
        bad = bad | (value > high + slack)
    if column.whole:
        bad = bad | ((value - value.round()).abs() > slack)
    return bad.fill_null(False)


def _on_edge(column: Column) -> pl.Expr:
    import polars as pl

    value = pl.col(column.name).clip(column.low, column.high)
    return value.round() if column.whole else value


def _base(table: pl.DataFrame) -> list[pl.Expr]:
    """The columns that every frames table has, from what there is."""
    import polars as pl

    there, good = set(table.columns), pl.col("_good")
    confidence = pl.col("confidence").clip(0, 1) if "confidence" in there else good
    confidence = confidence.cast(pl.Float32).fill_null(0.0)
    number = pl.int_range(1, pl.len() + 1)
    frame = number
    if "frame" in there and table["frame"].is_between(0, 2e9).fill_null(False).all():
        # Some programs count pictures from 0.
        frame = pl.col("frame") + (1 if table["frame"].is_between(0, 1, closed="left").any() else 0)
    given = pl.col("status") if "status" in there else pl.lit(None, pl.String)
    status = (
        pl.when(good)
        .then(pl.when(given == "ambiguous").then(given).otherwise(pl.lit("ok")))
        .when(given.is_in(_EMPTY))
        .then(given)
        .when(confidence > 0)
        .then(pl.lit("low_confidence"))
        .otherwise(pl.lit("no_face"))
    )
    n_faces = pl.col("n_faces") if "n_faces" in there else good
    return [
        frame.cast(pl.Int32).alias("frame"),
        confidence.alias("confidence"),
        good.cast(pl.Int32).alias("success"),
        status.alias("status"),
        n_faces.cast(pl.Int32).fill_null(0).alias("n_faces"),
    ]


def _absent(table: pl.DataFrame) -> list[pl.Expr]:
    """Nulls for the face box, and for what a group lacks of which some is there."""
    import polars as pl

    there = set(table.columns)
    names = [name for name in ("face_x", "face_y", "face_w", "face_h") if name not in there]
    for group in FRAMES.optional:
        own = [c.name for c in FRAMES.group(group)]
        if set(own) & there:
            names += [name for name in own if name not in there]
    return [pl.lit(None, pl.Float32).alias(name) for name in names]
