"""A report's further tables: what a line is of, its numbers, and how both are drawn and written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

from deptool.bootstrap import Estimate, Interval, units_of
from deptool.over import Over
from deptool.report_cells import NOTHING, estimate
from deptool.report_table import Line, Report, Row, Sheet

if TYPE_CHECKING:
    import polars as pl

_ORIGIN = ("corpus", "scale", "protocol", "split", "over")


@dataclass(frozen=True)
class Entry:
    """One line: whose row of the report it looks into, what it is of, and metric -> estimate."""

    row: Row
    about: Mapping[str, str | int | None]
    numbers: Mapping[str, Estimate] = field(default_factory=dict)


@dataclass(frozen=True)
class Layout:
    """How entries become a sheet: key -> header of text, of counts and of metrics."""

    title: str
    caption: str
    texts: Mapping[str, str]
    counts: Mapping[str, str]
    numbers: Mapping[str, str]


def primary(report: Report, constants: bool = False) -> list[Row]:
    """The rows that the further tables look into: each run's first way of counting.

    That is over all recordings, or the one that was asked for; with `constants` those too.
    """
    first: dict[tuple[str, ...], Over] = {}
    for row in report.rows:
        first.setdefault((row.run, row.corpus, row.protocol, row.split), row.over)
    return [
        row
        for row in report.rows
        if row.scored is not None
        and row.over == first[row.run, row.corpus, row.protocol, row.split]
        and (constants or not row.constant)
    ]


def draw_sheet(
    entries: Sequence[Entry], layout: Layout, footnotes: Sequence[tuple[str, str]] = ()
) -> Sheet:
    """The entries as a table; what all share of corpus, scale and so on is in the title."""
    origins = [key for key in _ORIGIN if key not in layout.texts]
    varying = [key for key in origins if len({_origin(e.row, key) for e in entries}) > 1]
    shared = [_origin(entries[0].row, key) for key in origins if key not in varying]
    header = ["model", *varying, *layout.texts.values()]
    n_text = len(header)
    header += [*layout.counts.values(), *layout.numbers.values()]

    def line(entry: Entry) -> Line:
        about = [entry.about.get(key) for key in (*layout.texts, *layout.counts)]
        cells = [entry.row.model, *(_origin(entry.row, key) for key in varying)]
        cells += [NOTHING if value is None else str(value) for value in about]
        cells += [estimate(name, entry.numbers.get(name)) for name in layout.numbers]
        return Line(cells, dim=entry.row.constant)

    groups = [
        [line(entry) for entry in group]
        for _, group in groupby(entries, key=lambda e: (id(e.row.scored), e.row.model))
    ]
    title = f"{layout.title} ({', '.join(filter(None, shared))})"
    return Sheet(layout.caption, header, n_text, groups, footnotes, (), title)


def as_objects(entries: Iterable[Entry]) -> list[dict[str, object]]:
    """Entries for JSON: every digit, with both ends of the intervals."""
    return [
        {"model": e.row.model, "run": e.row.run}
        | {key: _origin(e.row, key) for key in _ORIGIN}
        | {"constant": e.row.constant, **e.about}
        | {name: as_object(found) for name, found in e.numbers.items()}
        for e in entries
    ]


def as_object(found: Estimate) -> dict[str, object]:
    return {"value": found.value} | ends(found.interval)


def ends(interval: Interval | None) -> dict[str, object]:
    """Both ends of an interval for JSON; None where there is none."""
    return {"low": interval and interval.low, "high": interval and interval.high}


def n_of(frame: pl.DataFrame) -> int:
    """How many predictions a seed has: the smallest number over the seeds; 0 of no rows."""
    return int(frame.group_by("seed").len()["len"].min() or 0)  # type: ignore[arg-type]


def n_persons(frame: pl.DataFrame) -> int | None:
    """How many persons; None where a row does not say who it is."""
    return None if frame["subject_id"].null_count() else units_of(frame).n if len(frame) else 0


def _origin(row: Row, key: str) -> str:
    return row.over.text if key == "over" else str(getattr(row, key))
