"""What a metric is computed over: all recordings, those of one task, or whole sessions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from deptool.errors import DataError

if TYPE_CHECKING:
    import polars as pl

RECORDING = "recording"
SESSION = "session"


@dataclass(frozen=True)
class Over:
    """The unit that counts once, and the task whose recordings alone are scored; None: all."""

    unit: str = RECORDING
    task: str | None = None

    @property
    def text(self) -> str:
        """As tables show it: 'all recordings', 'task Northwind', 'session means'."""
        if self.unit == SESSION:
            return "session means"
        return "all recordings" if self.task is None else f"task {self.task}"

    def is_called(self, name: str) -> bool:
        """Whether it is what 'recordings', 'sessions' or the name of a task means."""
        return name == {RECORDING: self.task or "recordings", SESSION: "sessions"}[self.unit]

    @property
    def rule(self) -> str:
        """How a prediction comes about, in a sentence."""
        if self.unit == SESSION:
            return (
                "Each session counts once for each fold that predicted it; its prediction is the"
                " mean of the predictions of its recordings within one fold and seed. A recording"
                " without a session_id is its own session."
            )
        which = "recording" if self.task is None else f"recording of the task {self.task}"
        return (
            f"Each {which} counts once for each fold that predicted it; its prediction is the mean"
            " of its segments."
        )


ALL = Over()


def views(part: pl.DataFrame) -> list[tuple[Over, pl.DataFrame]]:
    """The scored rows of one split and seed, in every way to count them.

    All recordings; where a session has several, also each task's recordings, and the sessions.
    A row of the sessions' frame has the session in the place of its recording_id.
    """
    fused = _fuse(part)
    if len(fused) == len(part):
        return [(ALL, part)]
    overs = [Over(task=task) for task in sorted(set(part["task"].drop_nulls()))]
    tasks = [(over, recordings_of(over, part)) for over in overs]
    # A task that all recordings have says nothing new.
    tasks = [(over, rows) for over, rows in tasks if len(rows) < len(part)]
    return [(ALL, part), *tasks, (Over(SESSION), fused)]


def recordings_of(over: Over, part: pl.DataFrame) -> pl.DataFrame:
    """The rows of the recordings that `over` looks at."""
    return part if over.task is None else part.filter(part["task"] == over.task)


def check_sessions(predictions: pl.DataFrame, where: str) -> None:
    """Raise DataError for a session with two truths or two persons: it cannot be one visit."""
    import polars as pl

    sessions = predictions.drop_nulls("session_id").group_by("session_id", maintain_order=True)
    for column, what in (("truth", "truths"), ("subject_id", "persons")):
        found = sessions.agg(pl.col(column).drop_nulls().unique().sort())
        found = found.filter(pl.col(column).list.len() > 1)
        if len(found):
            session, values = found.row(0)
            shown = ", ".join(v if isinstance(v, str) else f"{v:g}" for v in values[:10])
            raise DataError(
                f"session {session!r} has several {what}: {shown}",
                where=where,
                fix="A session is one visit of one person: make its id unique, as in 001_1.",
            )


def _fuse(part: pl.DataFrame) -> pl.DataFrame:
    """One row per fold and session: means over the session's recordings, in double precision."""
    import polars as pl

    lone = pl.when(pl.col("session_id").is_null()).then(pl.col("recording_id"))
    means = []
    for name in ("truth", "prediction", "train_mean"):
        value = pl.col(name).cast(pl.Float64)
        # Clipped: the mean of equal numbers can differ from them in the last digit, and a
        # constant predictor would no longer be one.
        means.append(value.mean().clip(value.min(), value.max()))
    same = pl.col("seed").first(), pl.col("subject_id").drop_nulls().first()
    groups = part.with_columns(lone=lone).group_by(
        "fold", "session_id", "lone", maintain_order=True
    )
    return groups.agg(*means, *same).with_columns(recording_id=pl.struct("session_id", "lone"))
