"""`deptool report`: all runs in one table, the constant predictor beside them."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from deptool.figure_data import FigureData
    from deptool.report_table import Report, Sheet

PANEL = "Results"
ORDER = 60

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
            " subject_id, session_id, task, train_mean."
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
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Compare runs: N, RMSE, MAE, CCC and PCC, mean ± SD over seeds, constant predictor beside.

    Where sessions have several recordings: over all of them, over each task, and per session.
    Scores anybody's predictions too, with --predictions. CSV and JSON carry every digit and
    also R2 and SMAPE. HTML is one file with tables and figures that opens without a network.

    Example: deptool report runs/ --out table.tex
    """
    from deptool.cli.terminal import page, say, warn
    from deptool.report_published import with_published

    report = _read(runs, predictions, split, over, train_mean)
    if published:
        report = with_published(report, published)
    chosen = Format.json if json else format
    if chosen is None:
        chosen = _by_suffix(out)
    if chosen is Format.html:
        _write_html(report, _drawn(report, runs, predictions, split, over, train_mean), out)
    elif out is None and chosen is Format.rich:
        _print(report, page())
    else:
        _write(report, chosen, out)
    for name, reason in report.skipped.items():
        warn(f"left out, {name}: {reason}")
    if out:
        say(f"Written: {out}")
    if figures:
        _write_figures(_drawn(report, runs, predictions, split, over, train_mean), figures)


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
) -> list[FigureData]:
    """What the figures of the reported runs are drawn from."""
    from deptool.figure_data import of_file, of_runs

    if predictions is None:
        names = {row.run for row in report.rows}
        return of_runs(runs or Path("runs"), names, split.value if split else "test", over)
    return of_file(predictions, train_mean, split.value if split else None, over)


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
) -> Report:
    from deptool.errors import UsageError
    from deptool.report import report_file, report_runs

    if predictions is None:
        if train_mean is not None:
            raise UsageError("--train-mean is for --predictions; runs know their own")
        return report_runs(runs or Path("runs"), split.value if split else "test", over)
    if runs is not None:
        raise UsageError("give a runs folder or --predictions, not both")
    return report_file(predictions, train_mean, split.value if split else None, over)


def _write(report: Report, chosen: Format, out: Path | None) -> None:
    import io
    import sys

    from rich.console import Console

    from deptool.cli.terminal import WIDE
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
    from deptool.report_formats import sheets

    for sheet in sheets(report):
        show_sheet(sheet, console)


def show_sheet(sheet: Sheet, console: Console) -> None:
    """A table: above it what makes it worth less, below it what its numbers and marks are."""
    from rich.text import Text

    for text in sheet.warnings:
        console.print(Text(text, "bold red"))
    console.print(_fitted(sheet, console))
    if sheet.caption:
        console.print(sheet.caption, markup=False)
    for mark, text in sheet.footnotes:
        console.print(f"{mark} {text}", markup=False)


def _fitted(sheet: Sheet, console: Console) -> Table:
    """A sheet as a table; where it is too wide, what all lines share moves into the title.

    Where that is not enough, the table loses its frame, and texts are broken.
    """
    lines = [line.cells for line in sheet.lines]
    shared = {i for i in range(1, sheet.n_text) if len({cells[i] for cells in lines}) == 1}
    said = [f"{sheet.header[i]} {lines[0][i]}" for i in sorted(shared) if lines[0][i]]
    table = _draw(sheet, sheet.title)
    if _width(table, console) > console.width:
        short = ", ".join([sheet.title, *said] if sheet.title else said)
        table = _draw(sheet, short, shared)
        if _width(table, console) > console.width:
            table = _draw(sheet, short, shared, framed=False)
    return table


def _width(table: Table, console: Console) -> int:
    from rich.measure import Measurement

    return Measurement.get(console, console.options.update(width=1000), table).maximum


def _draw(sheet: Sheet, title: str, without: Collection[int] = (), framed: bool = True) -> Table:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    frame = box.HEAVY_HEAD if framed else box.SIMPLE_HEAD
    table = Table(
        title=escape(title) or None,
        title_justify="left",
        box=frame,
        pad_edge=framed,
        show_edge=framed,
        collapse_padding=not framed,
    )
    for i, name in enumerate(sheet.header):
        if i not in without:
            if i < sheet.n_text:
                table.add_column(name, overflow="fold")  # a mark at the end must not be cut off
            else:
                table.add_column(name, justify="right", no_wrap=True)
    for group in sheet.groups:
        for line in group:
            shown = [escape(cell) for i, cell in enumerate(line.cells) if i not in without]
            shown[0] += "".join(line.marks)
            table.add_row(*shown, style="dim" if line.dim else None)
        table.add_section()
    return table
