"""Where a track is highest: its values on pieces of time, and the spans that stand out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from deptool.asked import Floats, Units

if TYPE_CHECKING:
    import polars as pl

SHARE = 0.2  # of the units: what counts as top, as ExpADA takes it for its Fig. 4

# Tracks whose values say how much; the others are scores in points, and numbers of prototypes.
RANKED = ("relevance", "time", "modality", "key_frame", "attribution")
_SIGNED = ("relevance", "attribution")  # where they have negative values

COLUMNS = ("kind", "name", "direction", "start_s", "end_s", "value")


def on_units(rows: pl.DataFrame, units: Units) -> Floats:
    """A track's rows (start_s, end_s, value) -> its value in each unit (unit,): NaN where it has
    none, the mean over what overlaps, weighted by how much.
    """
    start, end, value = (rows[name].to_numpy() for name in ("start_s", "end_s", "value"))
    if len(start) == len(units) and np.allclose(start, units.start) and np.allclose(end, units.end):
        return value.astype(np.float64)
    found = np.full(len(units), np.nan)
    order = np.argsort(start, kind="stable")
    start, end, value = start[order], end[order], value[order]
    reach = np.maximum.accumulate(end)
    for k, (low, high) in enumerate(zip(units.start, units.end, strict=True)):
        first = int(np.searchsorted(reach, low, side="right"))
        last = int(np.searchsorted(start, high, side="left"))
        some = slice(first, last)
        overlap = np.minimum(end[some], high) - np.maximum(start[some], low)
        overlap = np.where(overlap > 1e-6, overlap, 0)
        if overlap.sum() > 0:
            found[k] = (overlap * value[some]).sum() / overlap.sum()
    return found


def top(values: Floats, share: float = SHARE) -> list[int]:
    """The units of the highest values, so many of those that have one, at least one of them."""
    there = int((~np.isnan(values)).sum())
    count = min(there, max(1, round(share * there)))
    return [int(k) for k in ranked(values)[:count]]


def ranked(values: Floats) -> list[int]:
    """All units, the highest value first, those without one last; ties in the order of time."""
    low = np.where(np.isnan(values), -np.inf, values)
    return [int(k) for k in np.argsort(-low, kind="stable")]


def spans(tracks: pl.DataFrame, units: Units) -> pl.DataFrame:
    """COLUMNS: the top fifth of each track's units, neighbours joined, the highest mean first.

    direction: high; of tracks that have a sign, raises the score or lowers it. A track that is the
    same everywhere has no span.
    """
    import polars as pl

    rows: list[tuple[str, str, str, float, float, float]] = []
    for (kind, name), some in tracks.group_by(["kind", "name"], maintain_order=True):
        if kind not in RANKED:
            continue
        values = on_units(some, units)
        good = values[~np.isnan(values)]
        if len(good) < 2 or good.max() == good.min():
            continue
        signed = kind in _SIGNED and good.min() < 0
        for direction, sign in (("raises", 1), ("lowers", -1)) if signed else (("high", 1),):
            chosen = [k for k in top(sign * values) if not signed or sign * values[k] > 0]
            found = [
                (str(kind), str(name), direction, start, end, value)
                for start, end, value in _joined(sorted(chosen), values, units)
            ]
            rows += sorted(found, key=lambda row: -sign * row[-1])
    kinds = [pl.String] * 3 + [pl.Float64] * 3
    return pl.DataFrame(rows, schema=dict(zip(COLUMNS, kinds, strict=True)), orient="row")


def _joined(chosen: list[int], values: Floats, units: Units) -> list[tuple[float, float, float]]:
    """start, end and mean value of runs of units that touch or overlap."""
    runs: list[list[int]] = []
    for k in chosen:
        if runs and units.start[k] <= units.end[runs[-1][-1]] + 1e-6:
            runs[-1].append(k)
        else:
            runs.append([k])
    return [
        (float(units.start[run[0]]), float(units.end[run[-1]]), float(values[run].mean()))
        for run in runs
    ]
