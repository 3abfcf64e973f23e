"""Action units, head pose and gaze over time: no landmarks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from deptool.measured import LANDMARK_COLUMNS
from deptool.reduction import Step

if TYPE_CHECKING:
    import polars as pl

GROUPS = ("head_pose", "gaze", "action_units")
FEATURES = "dynamics-1"


@dataclass(frozen=True)
class Settings:
    """There is nothing to choose but the rate and how values are rounded."""


def steps(_: Settings) -> tuple[Step, ...]:
    return (Step("landmarks", "Landmarks are left out."),)


def reduce(table: pl.DataFrame, _: Settings) -> pl.DataFrame:
    """A frames table -> the same without landmarks."""
    return table.drop(LANDMARK_COLUMNS, strict=False)
