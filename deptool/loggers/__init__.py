"""Loggers of training, one file each, off unless asked for; all write below the run's folder.

A logger has `start(run) -> object` with `epoch(seed, fold, epoch, loss, dev_rmse)` and
`finish(metrics)`: the test (else dev) metrics by name, as means over seeds. `start` raises
MissingExtraError where the logger's package is not installed. Nothing is sent anywhere.
"""
