"""MLflow: settings, curves and metrics as one MLflow run in RUN/mlruns, on this disk alone.

MLflow's own tracking address, from its environment variable or elsewhere, is not used, and its
usage telemetry is switched off. Its files hold the run folder's path and the time: leave them out
when a run is shared.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from deptool.errors import MissingExtraError

if TYPE_CHECKING:
    from deptool.runs import Run

LICENCE = "Apache-2.0"
FOLDER = "mlruns"


class Logger:
    """One MLflow run in the experiment `deptool`."""

    def __init__(self, run: Run) -> None:
        # Read at import; without the second, releases since 3.15 refuse a folder as a store.
        os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
        os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
        require()
        from mlflow.tracking import MlflowClient

        self.client = MlflowClient(tracking_uri=(run.root / FOLDER).resolve().as_uri())
        known = self.client.get_experiment_by_name("deptool")
        experiment = known.experiment_id if known else self.client.create_experiment("deptool")
        self.id = self.client.create_run(experiment, run_name=run.root.name).info.run_id
        about = {name: run.about[name] for name in ("model", "corpus", "scale", "protocol")}
        for name, value in {**about, **run.about["settings"]}.items():
            self.client.log_param(self.id, name, value)

    def epoch(self, seed: int, fold: int, epoch: int, loss: float, dev_rmse: float) -> None:
        member = f"seed{seed}_fold{fold}"
        self.client.log_metric(self.id, f"train_loss_{member}", loss, step=epoch)
        self.client.log_metric(self.id, f"dev_rmse_{member}", dev_rmse, step=epoch)

    def finish(self, metrics: Mapping[str, float]) -> None:
        for name, value in metrics.items():
            self.client.log_metric(self.id, name, value)
        self.client.set_terminated(self.id)


def require() -> None:
    """Raise MissingExtraError where MLflow is not installed."""
    if importlib.util.find_spec("mlflow") is None:
        raise MissingExtraError(
            "the logger mlflow cannot run: the package mlflow is not installed",
            fix="pip install 'deptool[loggers]'",
        )


def start(run: Run) -> Logger:
    """Open the run."""
    return Logger(run)
