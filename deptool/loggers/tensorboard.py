"""TensorBoard: curves of each member in RUN/tensorboard.

The names of its files hold this machine's name and the time: leave them out when a run is shared.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import TYPE_CHECKING

from deptool.errors import MissingExtraError

if TYPE_CHECKING:
    from deptool.runs import Run

LICENCE = "Apache-2.0"
FOLDER = "tensorboard"


class Logger:
    """Writes scalars: train_loss and dev_rmse of each member, metrics at the end."""

    def __init__(self, run: Run) -> None:
        require()
        from torch.utils.tensorboard import SummaryWriter

        self.writer = SummaryWriter(str(run.root / FOLDER))

    def epoch(self, seed: int, fold: int, epoch: int, loss: float, dev_rmse: float) -> None:
        member = f"seed{seed}-fold{fold}"
        self.writer.add_scalar(f"train_loss/{member}", loss, epoch)
        self.writer.add_scalar(f"dev_rmse/{member}", dev_rmse, epoch)

    def finish(self, metrics: Mapping[str, float]) -> None:
        for name, value in metrics.items():
            self.writer.add_scalar(f"result/{name}", value)
        self.writer.close()


def require() -> None:
    """Raise MissingExtraError where TensorBoard is not installed."""
    if importlib.util.find_spec("tensorboard") is None:
        raise MissingExtraError(
            "the logger tensorboard cannot run: the package tensorboard is not installed",
            fix="pip install 'deptool[loggers]'",
        )


def start(run: Run) -> Logger:
    """Open the event file."""
    return Logger(run)
