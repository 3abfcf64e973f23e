"""k-same on what stays the same in a person: resting levels shared by k persons at least.

After Newton, Sweeney and Malin, "Preserving privacy by de-identifying face images", IEEE TKDE 17
(2005): what an attacker could match is replaced by the mean of k persons, so that no match is
better than 1 of k. Here it is done to each column's median in a recording: of intensities, head
pose and gaze. Who is grouped with whom is found by MDAV (Domingo-Ferrer and Mateo-Sanz, "Practical
data-oriented microaggregation", IEEE TKDE 14, 2002): again and again the person furthest from the
mean of all, with the k - 1 nearest.

It bounds matching by medians, and nothing else: how values move around them is left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from deptool.errors import DataError, UsageError
from deptool.reduction import Step
from deptool.schema import FRAMES

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]

_EYES = ("gaze_0", "gaze_1")


@dataclass(frozen=True)
class KSame:
    """columns (column,), and subject -> the medians (column,) that all of its group have."""

    columns: tuple[str, ...]
    medians: Mapping[str, Floats]
    groups: tuple[tuple[str, ...], ...]

    def apply(self, table: pl.DataFrame, subject: str) -> pl.DataFrame:
        """The table with each column moved so that its median is the group's.

        Values are kept in the column's range, which leaves the median where it is. The part of a
        gaze vector that points away from the camera follows from the other two.
        """
        import polars as pl

        wanted = dict(zip(self.columns, self.medians[subject], strict=True))
        moved = []
        for name, value in wanted.items():
            column = FRAMES.column(name)
            low = None if column.low is None else pl.lit(column.low, pl.Float32)
            high = None if column.high is None else pl.lit(column.high, pl.Float32)
            shift = pl.lit(value, pl.Float64) - pl.col(name).cast(pl.Float64).median()
            new = (pl.col(name).cast(pl.Float64) + shift).cast(pl.Float32)
            moved.append(new.clip(low, high).alias(name))
        table = table.with_columns(moved)
        return table.with_columns(
            _away(eye) for eye in _EYES if f"{eye}_x" in wanted and f"{eye}_z" in table.columns
        )


def k_same_columns(table: pl.DataFrame) -> tuple[str, ...]:
    """Columns of a table whose medians are made the same."""
    return tuple(
        c.name
        for c in FRAMES.columns
        if c.name in table.columns
        and (
            (c.group == "action_units" and c.name.endswith("_r"))
            or c.name.startswith(("pose_R", "gaze_angle"))
            or (c.group == "gaze" and c.name.endswith(("_x", "_y")))
        )
    )


def medians_of(table: pl.DataFrame, columns: Sequence[str]) -> Floats:
    """The median of each column (column,); NaN where it has no value, or is not there."""
    import polars as pl

    there = [name for name in columns if name in table.columns]
    found = table.select(pl.col(there).cast(pl.Float64).median()).row(0, named=True)
    values = [found.get(name) for name in columns]
    return np.array([np.nan if v is None else v for v in values], dtype=np.float64)


def group_persons(columns: Sequence[str], medians: Mapping[str, Sequence[Floats]], k: int) -> KSame:
    """subject -> medians (column,) of each of its recordings -> groups of k persons or more.

    A column's value for a group is the mean over its persons of their mean over recordings. Raises
    UsageError where k is below 2, DataError where there are fewer than k persons.
    """
    if k < 2:
        raise UsageError(f"k-same needs at least 2 persons in a group, not {k}")
    require_persons(k, len(medians))
    subjects = sorted(medians)
    own = np.array([_mean(np.array(medians[subject])) for subject in subjects])
    used = ~np.isnan(own).any(axis=0)
    spread = own[:, used].std(axis=0)
    scaled = (own[:, used] - own[:, used].mean(axis=0)) / np.where(spread > 0, spread, 1)
    found: dict[str, Floats] = {}
    groups = mdav(scaled, k)
    for group in groups:
        shared = own[group][:, used].mean(axis=0)
        found |= {subjects[i]: shared for i in group}
    names = tuple(name for name, there in zip(columns, used, strict=True) if there)
    return KSame(names, found, tuple(tuple(subjects[i] for i in group) for group in groups))


def require_persons(k: int, n_persons: int) -> None:
    """Raise DataError where there are fewer than k persons to be made the same."""
    if n_persons < k:
        raise DataError(
            f"k-same of {k} needs {k} persons, and the corpus has {n_persons}",
            fix="Use a smaller --k-same, or none.",
        )


def mdav(points: Floats, k: int) -> list[list[int]]:
    """points (point, number) -> groups of k to 2k - 1 of them, near each other."""
    left = list(range(len(points)))
    groups: list[list[int]] = []

    def take(start: int) -> None:
        """Group that point with its k - 1 nearest."""
        far = np.linalg.norm(points[left] - points[start], axis=1)
        group = [left[i] for i in np.argsort(far, kind="stable")[:k]]
        groups.append(group)
        left[:] = [i for i in left if i not in set(group)]

    while len(left) >= 2 * k:
        middle = points[left].mean(axis=0)
        first = left[int(np.argmax(np.linalg.norm(points[left] - middle, axis=1)))]
        take(first)
        if len(left) >= 2 * k:
            take(left[int(np.argmax(np.linalg.norm(points[left] - points[first], axis=1)))])
    groups.append(left)
    return groups


def k_same_step(k: int, columns: Sequence[str], n_groups: int) -> Step:
    """What it did, in words."""
    return Step(
        "k-same",
        f"Medians of {len(columns)} columns in a recording are made the same for {k} persons or"
        " more; rounding afterwards may move one by half a step.",
        {"k": k, "groups": n_groups, "columns": list(columns)},
    )


def _mean(values: Floats) -> Floats:
    """values (recording, column) -> mean over the recordings that have one; NaN where none has."""
    known = ~np.isnan(values)
    sums = np.where(known, values, 0).sum(axis=0)
    n = known.sum(axis=0)
    return np.divide(sums, n, out=np.full(len(sums), np.nan), where=n > 0)


def _away(eye: str) -> pl.Expr:
    """The z of a unit vector from x and y, towards the camera (negative)."""
    import polars as pl

    x, y = (pl.col(f"{eye}_{axis}").cast(pl.Float64) for axis in "xy")
    return (-(1 - x * x - y * y).clip(lower_bound=0).sqrt()).cast(pl.Float32).alias(f"{eye}_z")
