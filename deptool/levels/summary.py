"""Windowed functionals only: how action units, head pose and gaze were, some seconds at a time.

The frames table has one row per window, with the means of the intensities, of head pose and of gaze
in the columns that they have anyway; presences are empty, since the mean of 0 and 1 is neither.
Their shares, and how values spread and change within a window, are vectors in `embeddings/summary`:

======  ==========================================================================================
mean    of intensities, head pose and gaze angles
sd      their standard deviation
p10     what a tenth of the window's rows lie below
p90     what nine tenths lie below
change  their mean absolute change, per second
share   of presences: the share of rows that have them
======  ==========================================================================================

Only whole windows are left: what follows the last one is not, lest a row be a single frame. A
window in which less than half was measured is empty. Columns without any value are 0 in the
vectors.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from deptool.embeddings import Embedding, Encoding
from deptool.levels import dynamics
from deptool.reduction import Step, whole
from deptool.schema import FRAMES

if TYPE_CHECKING:
    import polars as pl

GROUPS = dynamics.GROUPS
FEATURES = "summary-1"
CACHE = "summary"
NO_K_SAME = "means of windows have other medians than those that k-same makes alike"

VERSION = 1
_LEAST = 0.5  # of a window's rows are measured, or it is empty
_DIGITS = 2  # of the vectors' numbers

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Settings:
    """window_s: length of a window in s."""

    window_s: float = 10.0

    def __post_init__(self) -> None:
        if not 1 <= self.window_s <= 3600:
            raise ValueError(f"window_s must be from 1 to 3600, not {self.window_s}")


def steps(settings: Settings) -> tuple[Step, ...]:
    return (
        *dynamics.steps(dynamics.Settings()),
        Step(
            "windows",
            "Each window is one row: means of what was measured in it; presences are empty. Spread,"
            " change and shares of presences are vectors in embeddings/summary.",
            {"window_s": settings.window_s, "least_measured": _LEAST, "vector_digits": _DIGITS},
        ),
    )


def step_s(settings: Settings) -> float:
    return settings.window_s


def reduce(table: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """A frames table -> a frames table with one row per window: means of what was measured."""
    import polars as pl

    table, n_rows = _in_windows(dynamics.reduce(table, dynamics.Settings()), settings)
    values = _columns(table, "_c", keep=False)
    presences = _columns(table, "_c", keep=True)
    measured = pl.col("success").sum() >= _LEAST * n_rows
    means = table.group_by(_window(settings), maintain_order=True).agg(
        *(pl.when(measured).then(pl.col(name).mean()).alias(name) for name in values),
        pl.col("confidence").mean(),
        measured.cast(pl.Int32).alias("success"),
        pl.when(measured).then(pl.lit("ok")).otherwise(pl.lit("no_face")).alias("status"),
        pl.col("n_faces").max(),
    )
    means = means.with_columns(
        pl.int_range(1, pl.len() + 1, dtype=pl.Int32).alias("frame"),
        (pl.col("window") * settings.window_s).cast(pl.Float32).alias("timestamp"),
        *(pl.lit(None, pl.Float32).alias(name) for name in presences),
        *(pl.lit(None, pl.Float32).alias(f"face_{side}") for side in "xywh"),
    )
    return means.select(table.columns)


def vectors(table: pl.DataFrame, settings: Settings) -> Embedding:
    """A frames table -> the functionals of each window (window, number), with its start and end."""
    values, presences = _columns(table, "_c", keep=False), _columns(table, "_c", keep=True)
    values = [name for name in values if name.startswith(("AU", "pose_", "gaze_angle"))]
    table, n_rows = _in_windows(table, settings)
    start, rows, valid = [], [], []
    for (window,), part in table.group_by(_window(settings), maintain_order=True):
        good = part.filter(success=1)
        start.append(float(str(window)) * settings.window_s)
        valid.append(len(good) >= _LEAST * n_rows)
        rows.append(_functionals(part.select(values), good.select(presences), settings, len(good)))
    parts, columns, at = {}, {"values": tuple(values), "presences": tuple(presences)}, 0
    for name in ("mean", "sd", "p10", "p90", "change", "share"):
        size = len(presences if name == "share" else values)
        parts[name] = (at, at + size)
        at += size
    encoding = Encoding(
        *("summary", VERSION, at, settings.window_s, "tables", False),
        settings=asdict(settings),
        parts=parts,
        columns=columns,
    )
    begin = np.array(start)
    found = np.array(rows).reshape(len(rows), at).astype(np.float32)
    return Embedding(encoding, begin, begin + settings.window_s, found, np.array(valid, bool))


def _functionals(
    values: pl.DataFrame, presences: pl.DataFrame, settings: Settings, n_good: int
) -> Floats:
    import polars as pl

    x = values.cast(pl.Float64).to_numpy()
    known = x[~np.isnan(x).all(axis=1)]
    if not len(known):
        return np.zeros(5 * x.shape[1] + presences.width)
    rate = len(x) / settings.window_s
    change = np.abs(np.diff(x, axis=0)) * rate
    share = presences.cast(pl.Float64).mean().to_numpy()[0] if n_good else np.zeros(0)
    low, high = np.nanpercentile(np.nan_to_num(known), (10, 90), axis=0)
    parts = (known.mean(axis=0), known.std(axis=0), low, high, _mean(change), share)
    found: Floats = np.nan_to_num(np.concatenate(parts)).round(_DIGITS)
    return found


def _mean(values: Floats) -> Floats:
    """Mean of each column (column,) over the rows that are known; 0 where none is."""
    known = ~np.isnan(values)
    sums = np.where(known, values, 0).sum(axis=0)
    return np.divide(sums, known.sum(axis=0), out=np.zeros(len(sums)), where=known.any(axis=0))


def _in_windows(table: pl.DataFrame, settings: Settings) -> tuple[pl.DataFrame, float]:
    """The rows that lie in whole windows, and how many of them a window without holes has."""
    if table.is_empty():
        return table, 1.0
    times = table["timestamp"].to_numpy().astype(np.float64)
    step = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    n_windows = whole(times[-1], 1 / step, settings.window_s)
    return table.filter(_window(settings) < n_windows), settings.window_s / step


def _window(settings: Settings) -> pl.Expr:
    import polars as pl

    # A hundredth of a row's step more, since times are float32.
    return ((pl.col("timestamp") + 1e-3) / settings.window_s).floor().alias("window")


def _columns(table: pl.DataFrame, ending: str, *, keep: bool) -> list[str]:
    """Measured columns that end so, or those that do not."""
    names = [c.name for c in FRAMES.columns if c.group in GROUPS and c.name in table.columns]
    return [name for name in names if name.endswith(ending) == keep]
