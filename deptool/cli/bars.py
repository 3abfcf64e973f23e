"""The progress of a training on a terminal: a bar a member, or one for many of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deptool.runs import Run
    from deptool.trainer import Member

_MANY = 6  # members from which one bar shows them all


class Bars:
    """Reading, then training; `on_start` is told of the run between the two."""

    def __init__(self, settings: Any, on_start: Callable[[Run, bool], None]) -> None:
        from deptool.cli.terminal import progress

        self.epochs = getattr(settings, "epochs", 1)
        self.patience = getattr(settings, "patience", 1)
        self.on_start = on_start
        self.started = False
        self.progress = progress("loss", "dev")
        self.tasks: dict[tuple[int, int], Any] = {}
        self.history: dict[tuple[int, int], list[float]] = {}
        self.at: dict[tuple[int, int], int] = {}
        self.reading: Any = None
        self.all: Any = None
        self.total = 0  # epochs of all members

    def read(self, done: int, of: int) -> None:
        if self.reading is None:
            self.reading = self.progress.add_task("Reading", total=of, loss="", dev="")
            self.progress.start()
        self.progress.update(self.reading, completed=done)

    def start(self, run: Run, resumed: bool) -> None:
        if self.reading is not None:  # before the talk, or the bar is drawn over it
            self.progress.stop()
            self.progress.remove_task(self.reading)
        self.started = True
        if "phases" in run.about:  # a phase may end early, and the next begins
            self.epochs = sum(phase["epochs"] for phase in run.about["phases"])
            self.patience = self.epochs
        self.on_start(run, resumed)
        members = len(run.about["members"])
        if members >= _MANY:
            name = f"{members} members"
            self.total = members * self.epochs
            self.all = self.progress.add_task(name, total=self.total, loss="", dev="")
        self.progress.start()

    def advance(self, member: Member, epoch: int, loss: float, dev_rmse: float) -> None:
        rmses = self.history.setdefault(member.key, [])
        rmses.append(dev_rmse)
        best = min(rmses)
        stopped = len(rmses) - 1 - rmses.index(best) >= self.patience
        fields: Any = {"loss": f"loss {loss:.2f}", "dev": f"dev RMSE {dev_rmse:.2f}"}
        if self.all is not None:
            # Epochs of an earlier run count; a member that stopped early waits for no more.
            before = self.at.get(member.key, 0)
            self.at[member.key] = self.epochs if stopped else epoch
            step = self.at[member.key] - before
            self.progress.update(self.all, advance=step, **fields)
            return
        if member.key not in self.tasks:
            name = f"seed {member.seed}, fold {member.fold.number}"
            self.tasks[member.key] = self.progress.add_task(name, total=self.epochs, **fields)
        self.progress.update(self.tasks[member.key], completed=epoch, **fields)

    def done(self) -> None:
        """All members have ended, those of earlier runs that say nothing of it too."""
        if self.all is not None:
            self.progress.update(self.all, completed=self.total)

    def stop(self) -> None:
        if self.progress.live.is_started:
            self.progress.stop()
