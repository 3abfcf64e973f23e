"""`deptool evaluate`: score the predictions of one run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import polars as pl

PANEL = "Results"
ORDER = 50

_HEADER = ("scored", "over", "split", "seed", "N", "RMSE", "MAE", "CCC", "PCC", "R2", "SMAPE")
_N_TEXT = 4


def command(
    run: Annotated[Path, typer.Argument(help="A run folder, as in runs/NAME.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print metrics.json on stdout.")] = False,
) -> None:
    """Score a run: RMSE, MAE, CCC, PCC, R2 and SMAPE over its recordings.

    Reads predictions.parquet, writes metrics.json beside it. The constant predictor (the mean
    score of the training recordings) is scored on the same recordings. Where sessions have
    several recordings: over all of them, over each task, and per session.

    Example: deptool evaluate runs/NAME
    """
    from deptool.cli.terminal import say, show_json
    from deptool.evaluate import evaluate_run, run_warnings
    from deptool.tables import read_json

    frame = evaluate_run(run)
    about = read_json(run / "metrics.json")
    if as_json:
        show_json(about)
        return
    show(frame, f"Metrics of {run.resolve().name}", run_warnings(run))
    left_out = about["n_without_truth"]
    if isinstance(left_out, dict) and left_out:
        counts = ", ".join(f"{n} of {split}" for split, n in left_out.items())
        say(f"Recordings without a truth, left out: {counts}.")
    say(f"Written: {run / 'metrics.json'}")


def show(frame: pl.DataFrame, title: str, warnings: Sequence[str] = ()) -> None:
    """A table of metrics, as `evaluate_run` returns them, on stdout, below what is worth knowing.

    Notes on rows are those of a report. A column says what they are computed over, where that
    differs.
    """
    from deptool.cli.terminal import page, show_sheet
    from deptool.report_cells import BRACKETS
    from deptool.report_table import FUSED, Line, Sheet, mark, sentences

    cells = _cells(frame)
    # Runs without sessions of several recordings are spared a column that says nothing.
    several = len({row[1] for row in cells}) > 1
    keep = [i for i in range(len(_HEADER)) if several or i != 1]
    notes = _notes(frame)
    said = sentences(zip(notes, frame["n_distinct"], frame["unit"], strict=True))
    signs = mark(said)
    groups: dict[tuple[str, ...], list[Line]] = {}
    for row, codes in zip(cells, notes, strict=True):
        key = tuple(row[1:_N_TEXT]) if several else ()
        marks = [sign for code, sign in signs.items() if code in codes]
        line = Line([row[i] for i in keep], marks, dim=row[0] == "constant")
        groups.setdefault(key, []).append(line)
    header = [_HEADER[i] for i in keep]
    n_text = _N_TEXT - (not several)
    caption = f"{FUSED} {BRACKETS}" if several else BRACKETS
    footnotes = list(zip(signs.values(), said.values(), strict=True))
    sheet = Sheet(caption, header, n_text, list(groups.values()), footnotes, warnings, title)
    show_sheet(sheet, page())


def _notes(frame: pl.DataFrame) -> list[list[str]]:
    """What a reader must know of each row, as codes of the report's notes."""
    from deptool.evaluate import TRAIN_MEAN
    from deptool.report_table import FEW

    notes = []
    for row in frame.iter_rows(named=True):
        # One constant has no correlation: where there is one, each fold has its own.
        several = row["predictor"] == TRAIN_MEAN and (row["ccc"] != 0 or row["pcc"] != 0)
        has = {"repeated": row["n_distinct"] < row["n"], "few": row["n_distinct"] < FEW}
        notes.append([code for code, true in (has | {"folds": several}).items() if true])
    return notes


def _cells(frame: pl.DataFrame) -> list[list[str]]:
    """Numbers as they are shown: two digits, per cent one; the first three with intervals."""
    from deptool.bootstrap import Interval
    from deptool.evaluate import TRAIN_MEAN
    from deptool.over import Over
    from deptool.report_cells import number

    digits = {"rmse": 2, "mae": 2, "ccc": 2, "pcc": 2, "r2": 2, "smape": 1}
    shown = []
    for row in frame.iter_rows(named=True):
        names = ["constant" if row["predictor"] == TRAIN_MEAN else row["predictor"]]
        names += [Over(row["unit"], row["task"]).text, row["split"], str(row["seed"])]
        numbers = [
            "" if row[name] is None else f"{row[name]:z.{places}f}"
            for name, places in digits.items()
        ]
        for i, name in enumerate(("rmse", "mae", "ccc")):
            low, high = row[f"{name}_low"], row[f"{name}_high"]
            if low is not None:
                numbers[i] = number(name, row[name], None, Interval(low, high, 0, ""))
        shown.append([*names, str(row["n"]), *numbers])
    return shown
