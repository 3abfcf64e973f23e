"""The loggers of one training, together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from deptool import plugins

if TYPE_CHECKING:
    from deptool.runs import Run
    from deptool.trainer import Member


class Logbook:
    """Loggers by name, started with the run. Raises UsageError for an unknown name at once."""

    def __init__(self, names: Sequence[str]) -> None:
        self.modules = [plugins.load("loggers", name) for name in dict.fromkeys(names)]
        self.loggers: list[Any] = []

    def start(self, run: Run) -> None:
        """Open all; MissingExtraError where a package is missing."""
        self.loggers = [module.start(run) for module in self.modules]

    def epoch(self, member: Member, epoch: int, loss: float, dev_rmse: float) -> None:
        for logger in self.loggers:
            logger.epoch(member.seed, member.fold.number, epoch, loss, dev_rmse)

    def finish(self, run: Run) -> None:
        """Write the metrics of the test part, else of dev, as means over seeds; close all."""
        from deptool.evaluate import MODEL, evaluate_run
        from deptool.over import ALL

        if not self.loggers:
            return
        table = evaluate_run(run.root).filter(predictor=MODEL, unit=ALL.unit)
        table = table.filter(table["task"].is_null())
        split = next(s for s in ("test", "dev") if s in set(table["split"]))
        part = table.filter(split=split)
        means = {f"{split}_{name}": part[name].mean() for name in ("rmse", "mae", "ccc", "pcc")}
        for logger in self.loggers:
            logger.finish(means)
