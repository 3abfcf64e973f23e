"""What a run's networks looked at, as rows of the player's time line."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deptool.view_columns import Packed, pack
from deptool.view_rows import Row

if TYPE_CHECKING:
    import polars as pl

    from deptool.asked import Question
    from deptool.segment_scores import RunFacts

_FEW = 400  # spans of a row that are drawn one by one; more of them become a column
_TITLES = {
    "relevance": "Relevance",
    "modality": "Modality weights",
    "time": "Time weights",
    "key_frame": "Key frames",
    "prototype": "Prototypes",
}
_DIGITS = 3  # of the greatest value of a row, at least


@dataclass(frozen=True)
class Told:
    """What a run adds to a page: facts, rows, and columns beside the table's."""

    facts: RunFacts
    rows: Sequence[Row]
    packed: Mapping[str, Packed]


def told_by_tracks(question: Question, table: pl.DataFrame) -> Told:
    """Tracks as rows, one for each kind; the person's own score stays out of the page.

    Raises UsageError where the model says nothing itself of times.
    """
    from deptool.asked import silent

    tracks = question.asked.tracks()
    if tracks.is_empty():
        raise silent(question)
    prediction = float(question.asked.predictions().mean())
    facts = replace(question.facts, truth=None, looked=prediction)
    rows: list[Row] = []
    packed: dict[str, Packed] = {}
    times = table["timestamp"].to_numpy().astype(np.float64)
    for (kind,), some in tracks.group_by(["kind"], maintain_order=True):
        names = some["name"].unique(maintain_order=True)
        long = len(some) > _FEW * len(names)
        row, more = (_as_line if long else _as_steps)(str(kind), some, times)
        rows.append(row)
        packed |= more
    return Told(facts, rows, packed)


def track_rows(tracks: pl.DataFrame, times: NDArray[np.float64]) -> NDArray[np.float64]:
    """A track whose spans do not overlap, at times (row,) in s: NaN where it says nothing."""
    tracks = tracks.sort("start_s")
    start, end, value = (tracks[name].to_numpy() for name in ("start_s", "end_s", "value"))
    at = np.searchsorted(start, times + 1e-6, side="right") - 1
    inside = (at >= 0) & (times < end[at.clip(0)])
    return np.where(inside, value[at.clip(0)], np.nan).astype(np.float64)


def _as_line(
    kind: str, some: pl.DataFrame, times: NDArray[np.float64]
) -> tuple[Row, dict[str, Packed]]:
    """Many spans, as columns that have a value in each row of the table."""
    packed, series = {}, []
    low, high = _limits(some)
    for (name,), rows in some.group_by(["name"], maintain_order=True):
        column = f"run: {kind}, {name}"
        packed[column] = pack(track_rows(rows, times), _step(low, high))
        series.append({"name": name, "column": column, "digits": _digits(low, high)})
    return Row(f"run-{kind}", _TITLES[kind], "line", series, low=low, high=high), packed


def _as_steps(
    kind: str, some: pl.DataFrame, times: NDArray[np.float64]
) -> tuple[Row, dict[str, Packed]]:
    """Few spans, each of them drawn, also where they overlap; those that the page shows."""
    columns = {"start": "start_s", "end": "end_s", "value": "value", "low": "low", "high": "high"}
    low, high = _limits(some)
    digits = _digits(low, high)
    series: list[dict[str, Any]] = []
    for (name,), rows in some.group_by(["name"], maintain_order=True):
        shown = rows.filter((rows["end_s"] > times[0]) & (rows["start_s"] <= times[-1]))
        lists = {
            key: [round(v, 3 if key in ("start", "end") else digits + 1) for v in shown[column]]
            for key, column in columns.items()
        }
        series.append({"name": name, "digits": digits, **lists})
    return Row(f"run-{kind}", _TITLES[kind], "steps", series, low=low, high=high), {}


def _limits(some: pl.DataFrame) -> tuple[float, float]:
    """From 0, or the lowest value below it, to the highest."""
    low, high = min(0.0, *some["low"]), max(0.0, *some["high"])
    return (low, high) if high > low else (low, low + 1)


def _digits(low: float, high: float) -> int:
    """Decimals that leave the greatest value three digits."""
    return max(0, _DIGITS - 1 - math.floor(math.log10(max(high, -low))))


def _step(low: float, high: float) -> float:
    return 10.0 ** -(_digits(low, high) + 1)
