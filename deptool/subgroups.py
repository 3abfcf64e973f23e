"""Errors by gender and age band, where a corpus says them; small groups are not shown.

A group of fewer than `LEAST` persons has no numbers. Where the hidden groups of one kind together
have fewer persons than that, the smallest of the others is hidden too: otherwise the numbers of the
hidden ones would follow from those of all and of the rest. So one group is never hidden alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from deptool.bootstrap import Estimate, estimates
from deptool.subjects import AGE_BANDS, age_band

if TYPE_CHECKING:
    import polars as pl

LEAST = 10
MEASURES = ("rmse", "mae", "bias")
UNKNOWN = "not known"
FEW = f"fewer than {LEAST} persons"
BESIDE = "not shown, so that a smaller group stays hidden"


@dataclass(frozen=True)
class Subgroup:
    """One group of persons; where it is `hidden`, in words why, it has no counts and no numbers."""

    kind: str  # 'gender' or 'age'
    name: str
    hidden: str | None = None
    n_persons: int | None = None
    n: int | None = None
    errors: Mapping[str, Estimate] = field(default_factory=dict)


def subgroups(frame: pl.DataFrame, subjects: pl.DataFrame) -> list[Subgroup]:
    """Scored rows (recording x fold x seed) and the subjects table -> groups, by kind.

    Empty where a row does not say who it is. A kind of which nothing is known of any person in
    the rows is left out.
    """
    import polars as pl

    if frame.is_empty() or frame["subject_id"].null_count():
        return []
    bands = [None if age is None else age_band(age) for age in subjects["age"]]
    about = subjects.select("subject_id", "gender", age=pl.Series(bands, dtype=pl.String))
    joined = frame.join(about, on="subject_id", how="left", maintain_order="left")
    found: list[Subgroup] = []
    orders = {"gender": ("female", "male", "other"), "age": tuple(name for _, name in AGE_BANDS)}
    for kind, order in orders.items():
        if joined[kind].null_count() == len(joined):
            continue
        filled = joined.with_columns(pl.col(kind).fill_null(UNKNOWN))
        parts = {name: filled.filter(pl.col(kind) == name) for name in (*order, UNKNOWN)}
        parts = {name: rows for name, rows in parts.items() if len(rows)}
        why = hidden({name: rows["subject_id"].n_unique() for name, rows in parts.items()})
        found += [_subgroup(kind, name, rows, why.get(name)) for name, rows in parts.items()]
    return found


def hidden(persons: Mapping[str, int]) -> dict[str, str]:
    """Persons per group -> the groups that are not shown, and why."""
    why = {name: FEW for name, n in persons.items() if n < LEAST}
    others = sorted((n, name) for name, n in persons.items() if name not in why)
    while why and others and sum(persons[name] for name in why) < LEAST:
        _, name = others.pop(0)
        why[name] = BESIDE
    return why


def _subgroup(kind: str, name: str, rows: pl.DataFrame, why: str | None) -> Subgroup:
    from deptool.report_entries import n_of

    if why:
        return Subgroup(kind, name, why)
    errors = estimates(rows, MEASURES)
    return Subgroup(kind, name, None, rows["subject_id"].n_unique(), n_of(rows), errors)
