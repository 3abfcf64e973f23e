"""`deptool report`: all runs in one table, the constant predictor beside them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deptool.cli.terminal import show_sheet

if TYPE_CHECKING:
    from rich.console import Console

    from deptool.figure_data import FigureData
    from deptool.report_table import Report

PANEL = "Results"
ORDER = 60

_PLOTTED = 80  # columns of a terminal from which plots are shown unasked
_SUFFIXES = {".md": "markdown", ".tex": "latex", ".csv": "csv", ".json": "json", ".html": "html"}


class Format(StrEnum):
    """How the report is written."""

    rich = "rich"
    markdown = "markdown"
    latex = "latex"
    html = "html"
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
            " subject_id, session_id, task, train_mean, gender, age."
        ),
    ] = None,
    split: Annotated[
        Split | None, typer.Option(help="The part to report; without it, test for runs.")
    ] = None,
    over: Annotated[
        str | None,
        typer.Option(
            help="Report only what is computed over recordings, over sessions, or over one task,"
            " by its name."
        ),
    ] = None,
    train_mean: Annotated[
        float | None, typer.Option(help="With --predictions: the constant predictor's score.")
    ] = None,
    scale: Annotated[
        str | None,
        typer.Option(help="With --predictions: BDI-II, PHQ-8, … for severity bands and classes."),
    ] = None,
    published: Annotated[
        str | None,
        typer.Option(
            metavar="CORPUS",
            help="Set published results beside: avec2013, avec2014, daic-woz or e-daic.",
        ),
    ] = None,
    figures: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Also draw each run for a paper: DIR/<run>/<figure>.svg, .pdf, .png and .csv.",
            file_okay=False,
        ),
    ] = None,
    format: Annotated[
        Format | None, typer.Option(help="Unless given: by the suffix of --out, else rich.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write to this file.", dir_okay=False)] = None,
    full: Annotated[
        bool,
        typer.Option(
            "--full",
            help="Also protocols side by side, severity bands, regression to the mean, classes,"
            " gender and age; they are always in JSON.",
        ),
    ] = False,
    plot: Annotated[
        bool | None,
        typer.Option(
            "--plot/--no-plot",
            help="Prediction over truth as points, and by severity band; the latter without it"
            " too, on a terminal of 80 columns.",
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Compare runs: N, RMSE, MAE, CCC and PCC, mean ± SD over seeds, constant predictor beside.

    Where sessions have several recordings: over all of them, over each task, and per session.
    Scores anybody's predictions too, with --predictions. CSV and JSON carry every digit and
    also R2 and SMAPE. HTML is one file with tables and figures that opens without a network.

    Example: deptool report runs/ --out table.tex
    """
    from dataclasses import replace

    from deptool.cli.terminal import page, say, warn
    from deptool.report_published import with_published

    chosen = _format(Format.json if json else format, out)
    report = replace(_read(runs, predictions, split, over, train_mean, scale), full=full)
    if published:
        report = with_published(report, published)

    def drawn() -> list[FigureData]:
        return _drawn(report, runs, predictions, split, over, train_mean, scale)

    if chosen is Format.html:
        _write_html(report, drawn(), out)
    elif out is None and chosen is Format.rich:
        console = page()
        _print(report, console)
        _plot(report, console, plot)
    else:
        _write(report, chosen, out)
    if full and not all(row.scale for row in report.rows):
        say(
            "Severity bands and classes need the scale of the scores: --scale BDI-II, for instance."
        )
    for name, reason in report.skipped.items():
        warn(f"left out, {name}: {reason}")
    if out:
        say(f"Written: {out}")
    if figures:
        _write_figures(drawn(), figures)


def _format(asked: Format | None, out: Path | None) -> Format:
    """The format that was asked for, else the one of the suffix; they must not contradict."""
    from deptool.errors import UsageError

    if asked is None:
        return _by_suffix(out)
    if out is not None and (named := _SUFFIXES.get(out.suffix, asked.value)) != asked.value:
        raise UsageError(
            f"{asked.value} was asked for, but the name {out.name!r} says {named}",
            fix="Give the file the suffix of its format, or leave the format to the suffix.",
        )
    return asked


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


def _drawn(
    report: Report,
    runs: Path | None,
    predictions: Path | None,
    split: Split | None,
    over: str | None,
    train_mean: float | None,
    scale: str | None,
) -> list[FigureData]:
    """What the figures of the reported runs are drawn from."""
    from deptool.figure_data import of_file, of_runs

    if predictions is None:
        names = {row.run for row in report.rows}
        return of_runs(runs or Path("runs"), names, split.value if split else "test", over)
    return of_file(predictions, train_mean, split.value if split else None, over, scale)


def _write_html(report: Report, found: list[FigureData], out: Path | None) -> None:
    import sys

    from deptool.cli.terminal import progress
    from deptool.errors import UsageError
    from deptool.report_html import to_html
    from deptool.tables import write_text

    if out is None and sys.stdout.isatty():
        raise UsageError("an HTML page is no use on a terminal", fix="Add: --out report.html")
    with progress() as bar:
        task = bar.add_task("Drawing runs", total=len(found))
        text = to_html(report, found, lambda done, _of: bar.update(task, completed=done))
    if out:
        write_text(out, text)
    else:
        sys.stdout.write(text)


def _write_figures(found: list[FigureData], folder: Path) -> None:
    from deptool.cli.terminal import progress, say
    from deptool.drawing import write_figures

    with progress() as bar:
        task = bar.add_task("Drawing figures", total=None)
        missing = write_figures(
            found, folder, lambda done, of: bar.update(task, completed=done, total=of)
        )
    for name, why in missing.items():
        say(f"Not drawn, {name}: {why}")
    say(f"Written: {folder}")


def _read(
    runs: Path | None,
    predictions: Path | None,
    split: Split | None,
    over: str | None,
    train_mean: float | None,
    scale: str | None,
) -> Report:
    from deptool.errors import UsageError
    from deptool.report import report_file, report_runs

    if predictions is None:
        if train_mean is not None:
            raise UsageError("--train-mean is for --predictions; runs know their own")
        if scale is not None:
            raise UsageError("--scale is for --predictions; runs know theirs")
        return report_runs(runs or Path("runs"), split.value if split else "test", over)
    if runs is not None:
        raise UsageError("give a runs folder or --predictions, not both")
    return report_file(predictions, train_mean, split.value if split else None, over, scale)


def _write(report: Report, chosen: Format, out: Path | None) -> None:
    import io

    from deptool.cli.plain_console import PlainConsole
    from deptool.cli.terminal import WIDE, write_file
    from deptool.report_formats import WRITERS
    from deptool.tables import write_text

    if chosen is Format.rich:
        page = io.StringIO()
        _print(report, PlainConsole(file=page, width=WIDE, highlight=False))
        text = page.getvalue()
    else:
        text = WRITERS[chosen.value](report)
    if out:
        write_text(out, text)
    else:
        write_file(text)


def _plot(report: Report, console: Console, plot: bool | None) -> None:
    """Means by band where it is a wide terminal or they are asked for; points where they are."""
    from deptool.report_plots import band_lines, scatter_lines

    lines = band_lines(report) if plot or (plot is None and console.is_terminal) else []
    if plot is None and console.width < _PLOTTED:
        lines = []
    if plot:
        lines += ["", "Prediction upwards, truth to the right, one point per recording:", ""]
        lines += scatter_lines(report, console.width)
    for line in lines:
        console.print(line, markup=False, no_wrap=True, overflow="ellipsis")


def _print(report: Report, console: Console) -> None:
    from deptool.report_formats import sheets

    for sheet in sheets(report, report.full):
        show_sheet(sheet, console)
