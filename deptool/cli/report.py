"""`deptool report`: all runs in one table, the constant predictor beside them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from deptool.report_formats import Report

PANEL = "Results"
ORDER = 60

_SUFFIXES = {".md": "markdown", ".tex": "latex", ".csv": "csv", ".json": "json"}


class Format(StrEnum):
    """How the report is written."""

    rich = "rich"
    markdown = "markdown"
    latex = "latex"
    csv = "csv"
    json = "json"


class Split(StrEnum):
    """The part that is reported."""

    train = "train"
    dev = "dev"
    test = "test"


def command(
    runs: Annotated[Path | None, typer.Argument(help="The runs folder; runs unless given.")] = None,
    predictions: Annotated[
        Path | None,
        typer.Option(
            help="Score this CSV instead: recording_id, truth, prediction; optionally split,"
            " subject_id, train_mean."
        ),
    ] = None,
    split: Annotated[
        Split | None, typer.Option(help="The part to report; without it, test for runs.")
    ] = None,
    train_mean: Annotated[
        float | None, typer.Option(help="With --predictions: the constant predictor's score.")
    ] = None,
    format: Annotated[
        Format | None, typer.Option(help="Unless given: by the suffix of --out, else rich.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write to this file.", dir_okay=False)] = None,
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Compare runs: N, RMSE, MAE, CCC and PCC, mean ± SD over seeds, constant predictor beside.

    Scores anybody's predictions too, with --predictions. CSV and JSON carry every digit and
    also R2 and SMAPE.

    Example: deptool report runs/ --out table.tex
    """
    from deptool.cli.view import page, say, warn

    report = _read(runs, predictions, split, train_mean)
    chosen = Format.json if json else format
    if chosen is None:
        chosen = _by_suffix(out)
    if out is None and chosen is Format.rich:
        _print(report, page())
    else:
        _write(report, chosen, out)
    for name, reason in report.skipped.items():
        warn(f"left out, {name}: {reason}")
    if out:
        say(f"Written: {out}")


def _by_suffix(out: Path | None) -> Format:
    from deptool.errors import UsageError

    if out is None:
        return Format.rich
    known = {**_SUFFIXES, ".txt": "rich"}
    if out.suffix not in known:
        raise UsageError(
            f"cannot tell the format from the name {out.name!r}",
            fix=f"Use a name in {', '.join(known)}, or --format.",
        )
    return Format(known[out.suffix])


def _read(
    runs: Path | None, predictions: Path | None, split: Split | None, train_mean: float | None
) -> Report:
    from deptool.errors import UsageError
    from deptool.report import report_file, report_runs

    if predictions is None:
        if train_mean is not None:
            raise UsageError("--train-mean is for --predictions; runs know their own")
        return report_runs(runs or Path("runs"), split.value if split else "test")
    if runs is not None:
        raise UsageError("give a runs folder or --predictions, not both")
    return report_file(predictions, train_mean, split.value if split else None)


def _write(report: Report, chosen: Format, out: Path | None) -> None:
    import io
    import sys

    from rich.console import Console

    from deptool.cli.view import WIDE
    from deptool.report_formats import WRITERS
    from deptool.tables import write_text

    if chosen is Format.rich:
        page = io.StringIO()
        _print(report, Console(file=page, width=WIDE, highlight=False))
        text = page.getvalue()
    else:
        text = WRITERS[chosen.value](report)
    if out:
        write_text(out, text)
    else:
        sys.stdout.write(text)


def _print(report: Report, console: Console) -> None:
    from deptool.report_formats import NOTES, caption, marks

    console.print(_table(report, console))
    console.print(caption(report), markup=False)
    for code, mark in marks(report).items():
        console.print(f"{mark} {NOTES[code]}", markup=False)


def _table(report: Report, console: Console) -> Table:
    """The report's table; where it is too wide, what all rows share moves into the title."""
    from rich.measure import Measurement

    from deptool.report_formats import HEADER, N_TEXT, cells

    rows = [cells(row) for group in report.groups for row in group]
    shared = {i for i in range(1, N_TEXT) if len({row[i] for row in rows}) == 1}
    table = _draw(report, set(), None)
    needed = Measurement.get(console, console.options.update(width=1000), table).maximum
    if not shared or needed <= console.width:
        return table
    title = ", ".join(f"{HEADER[i]} {rows[0][i]}" for i in sorted(shared))
    return _draw(report, shared, title)


def _draw(report: Report, without: set[int], title: str | None) -> Table:
    from rich.markup import escape
    from rich.table import Table

    from deptool.report_formats import HEADER, N_TEXT, cells, marked, marks

    signs = marks(report)
    table = Table(title=title and escape(title), title_justify="left")
    for i, name in enumerate(HEADER):
        if i not in without:
            table.add_column(name, justify="left" if i < N_TEXT else "right")
    for group in report.groups:
        for row in group:
            shown = [escape(cell) for i, cell in enumerate(cells(row)) if i not in without]
            shown[0] += "".join(marked(row, signs))
            table.add_row(*shown, style="dim" if row.constant else None)
        table.add_section()
    return table
