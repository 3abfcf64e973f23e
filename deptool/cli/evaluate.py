"""`deptool evaluate`: score the predictions of one run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import polars as pl

PANEL = "Results"
ORDER = 50

_HEADER = ("scored", "split", "seed", "N", "RMSE", "MAE", "CCC", "PCC", "R2", "SMAPE")


def command(
    run: Annotated[Path, typer.Argument(help="A run folder, as in runs/NAME.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print metrics.json on stdout.")] = False,
) -> None:
    """Score a run: RMSE, MAE, CCC, PCC, R2 and SMAPE over its recordings.

    Reads predictions.parquet, writes metrics.json beside it. The constant predictor (the mean
    score of the training recordings) is scored on the same recordings.

    Example: deptool evaluate runs/NAME
    """
    from deptool.cli.view import say, show_json
    from deptool.evaluate import evaluate_run
    from deptool.tables import read_json

    frame = evaluate_run(run)
    about = read_json(run / "metrics.json")
    if as_json:
        show_json(about)
        return
    show(frame, f"Metrics of {run.resolve().name}")
    left_out = about["n_without_truth"]
    if isinstance(left_out, dict) and left_out:
        counts = ", ".join(f"{n} of {split}" for split, n in left_out.items())
        say(f"Recordings without a truth, left out: {counts}.")
    say(f"Written: {run / 'metrics.json'}")


def show(frame: pl.DataFrame, title: str) -> None:
    """A table of metrics on stdout."""
    from deptool.cli.view import show_table

    show_table(title, _HEADER, _cells(frame), left=2)


def _cells(frame: pl.DataFrame) -> list[list[str]]:
    """Numbers as they are shown: errors and correlations with two digits, per cent with one."""
    from deptool.evaluate import TRAIN_MEAN

    shown = frame.drop("n_subjects")
    shown = shown.with_columns(shown["predictor"].replace(TRAIN_MEAN, "constant"))
    digits = {"rmse": 2, "mae": 2, "ccc": 2, "pcc": 2, "r2": 2, "smape": 1}
    return [
        [
            "" if value is None else f"{value:z.{digits[name]}f}" if name in digits else str(value)
            for name, value in row.items()
        ]
        for row in shown.to_dicts()
    ]
