"""What a release makes of one recording's frames table: steps that all levels share, then a level.

Nothing here sees another recording, so that whoever holds a video can do the same with it; k-same
(k_same.py), which does, comes between the shared steps and the level.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deptool import plugins
from deptool.schema import FRAMES
from deptool.settings import resolve

if TYPE_CHECKING:
    import polars as pl

Change = Callable[["pl.DataFrame"], "pl.DataFrame"]

_VALUES = ("landmarks", "head_pose", "gaze", "action_units")
_BOX = ("face_x", "face_y", "face_w", "face_h")
_PLACE = ("pose_Tx", "pose_Ty", "pose_Tz")
_SLACK = 0.5  # of a step
_DIGITS = 3  # of the rate: of the source's own clock no more is left
_GAP = 1.5  # median steps; a longer one is a gap
_NO_MORE_THAN = 120.0  # rows a second that a release can be asked for


@dataclass(frozen=True)
class Step:
    """One step of a release: its name, what it does in a sentence, its numbers."""

    name: str
    what: str
    parameters: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Common:
    """Numbers of the steps that all levels share.

    fps: rows a second, None for as many as there are; never more. trim_s: lengths are cut to a
    multiple of it, 0 for none; of what is shorter nothing is left. The others are the steps to
    which values are rounded: confidence; au: intensities, of 0 to 5; angle_rad: head pose and gaze
    angles; gaze: parts of gaze vectors; place_mm: the head's place. Landmarks are rounded by the
    level that keeps them.
    """

    fps: float | None = None
    trim_s: float = 0.0
    confidence: float = 0.1
    au: float = 0.1
    angle_rad: float = 0.01
    gaze: float = 0.01
    place_mm: float = 5.0

    def __post_init__(self) -> None:
        if self.fps is not None and not 0.01 <= self.fps <= _NO_MORE_THAN:
            raise ValueError(f"fps must be from 0.01 to {_NO_MORE_THAN:g}, not {self.fps}")
        if not 0 <= self.trim_s <= 3600:
            raise ValueError(f"trim_s must be from 0 to 3600, not {self.trim_s}")
        most = {"confidence": 0.5, "au": 2.5, "angle_rad": 0.5, "gaze": 0.5}
        most |= {"place_mm": 200.0}
        for name, highest in most.items():
            if not 0 < getattr(self, name) <= highest:
                raise ValueError(
                    f"{name} must be above 0 and at most {highest:g}, not {getattr(self, name)}"
                )


def shared_steps(common: Common) -> tuple[Step, ...]:
    """What `shared` does."""
    clock = {"fps_at_most": common.fps or "as it was", "trim_s": common.trim_s}
    return (
        Step(
            "clock",
            "Time starts at 0, rows lie on a regular grid and are counted anew from 1. No column of"
            " a frames table holds a date.",
            clock,
        ),
        Step("unmeasured", "Rows in which the face was not measured are emptied."),
        Step("box", "Face boxes and the number of other faces in the picture are left out."),
        Step("place", "The head's place is told from its median in the recording."),
    )


def shared(table: pl.DataFrame, common: Common) -> pl.DataFrame:
    """A frames table -> the same after the steps that all levels share, but for rounding."""
    import polars as pl

    table = _on_clock(table, common)
    there = [c.name for c in FRAMES.columns if c.group in _VALUES and c.name in table.columns]
    measured = pl.col("success") == 1
    table = table.with_columns(
        pl.when(measured).then(pl.col(there)),
        pl.lit(None, pl.Float32).alias(_BOX[0]),
        *(pl.lit(None, pl.Float32).alias(name) for name in _BOX[1:]),
        pl.col("n_faces").clip(upper_bound=1),
    )
    place = [name for name in _PLACE if name in table.columns]
    return table.with_columns(pl.col(name) - pl.col(name).median() for name in place)


def rounded(table: pl.DataFrame, common: Common) -> pl.DataFrame:
    """The same with every value rounded to a multiple of its step; presences and times stay."""
    import polars as pl

    def to(name: str, step: float) -> pl.Expr:
        value = pl.col(name).cast(pl.Float64)
        return ((value / step).round() * step).cast(pl.Float32).alias(name)

    steps = {name: step for name in table.columns if (step := rounding_of(name, common))}
    return table.with_columns(to(name, step) for name, step in steps.items())


def rounding_step(common: Common) -> Step:
    """What `rounded` does."""
    names = ("confidence", "au", "angle_rad", "gaze", "place_mm")
    what = "Values are rounded to multiples of these steps."
    return Step("rounding", what, {name: getattr(common, name) for name in names})


def reduced(
    table: pl.DataFrame,
    level: ModuleType,
    settings: Any,
    common: Common,
    between: Change = lambda table: table,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A raw frames table -> what is released of it, and what the level was given.

    `between` is done after the shared steps and before the level: k-same.
    """
    given = between(shared(table, common))
    return rounded(level.reduce(given, settings), common), given


def released_form(table: pl.DataFrame, release: Mapping[str, Any]) -> pl.DataFrame:
    """A raw frames table -> what a release with that entry in corpus.json has of it.

    k-same alone is left out: it needs the other persons of the corpus. Raises SettingsError and
    UsageError where this deptool does not know what the entry says.
    """
    level: Any = plugins.load("levels", str(release["level"]))
    settings = resolve(level.Settings, release["settings"], where="release")
    common = resolve(Common, release["common"], where="release")
    return reduced(table, level, settings, common)[0]


def rounding_of(name: str, common: Common) -> float | None:
    """To which multiple a column is rounded; None for one that stays."""
    if name == "confidence":
        return common.confidence
    if name.startswith("AU"):
        return common.au if name.endswith("_r") else None
    if name.startswith(("pose_R", "gaze_angle")):
        return common.angle_rad
    if name.startswith("gaze_"):
        return common.gaze
    return common.place_mm if name in _PLACE else None


def _on_clock(table: pl.DataFrame, common: Common) -> pl.DataFrame:
    """Rows at multiples of one step from 0 on, each the nearest of the table's; holes have none."""
    import polars as pl

    if table.is_empty():
        return table
    times = table["timestamp"].to_numpy().astype(np.float64)
    kept, wanted = _nearest(times - times[0], common)
    count = np.arange(1, len(kept) + 1, dtype=np.int32)
    return table[kept].with_columns(
        pl.Series("frame", count), pl.Series("timestamp", wanted, pl.Float32)
    )


def _nearest(
    times: NDArray[np.float64], common: Common
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """times (row,) from 0, ascending -> rows that are kept, and when they are from now on, in s.

    Each row belongs to the nearest multiple of the step, and each multiple keeps its nearest row.
    """
    rate = _rate(times)
    step = 1 / min(common.fps or rate, rate)
    multiple = np.rint(times / step)
    away = np.abs(times / step - multiple)
    order = np.lexsort((away, multiple))
    first = np.ones(len(order), bool)
    first[1:] = np.diff(multiple[order]) > 0
    kept = np.sort(order[first])
    end = times[-1] + _SLACK / rate  # no row is put after the last one
    if common.trim_s:
        length = whole(times[-1], rate, common.trim_s) * common.trim_s
        end = length - _SLACK * step
    kept = kept[multiple[kept] * step < end]
    return kept, multiple[kept] * step


def whole(last: float, rate: float, length: float) -> int:
    """How many pieces of so many s fit into rows from 0 to `last`, in s, at so many a second."""
    return int((last + (1 + _SLACK) / rate) / length)


def _rate(times: NDArray[np.float64]) -> float:
    """Rows a second where there are no gaps, in few digits; times (row,) ascend."""
    if len(times) < 2:
        return 1.0
    steps = np.diff(times)
    without_gaps = steps[steps <= _GAP * np.median(steps)]
    return float(f"{1 / without_gaps.mean():.{_DIGITS}g}")
