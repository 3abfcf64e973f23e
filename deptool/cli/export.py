"""`deptool export`: the tables as CSV files in the layout of another tool."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deptool.cli.terminal import Verbose

if TYPE_CHECKING:
    from deptool.export import ExportSummary

PANEL = "Tables"
ORDER = 28

_SHOWN = 10  # columns, or recordings that failed, which the terminal names


class Format(StrEnum):
    """Whose layout the files have."""

    openface = "openface-csv"
    fex = "fex-csv"
    csv = "csv"


class Angles(StrEnum):
    """The unit of Pitch, Roll and Yaw."""

    degrees = "degrees"
    radians = "radians"


def command(
    corpus: Annotated[Path, typer.Argument(help="The corpus folder.")],
    format: Annotated[
        Format,
        typer.Option(
            help="OpenFace's CSV, py-feat's Fex, or csv: deptool's own columns, with recordings.csv"
            " and labels.csv."
        ),
    ],
    out: Annotated[
        Path, typer.Option(help="The folder to write; empty, new, or of an earlier export.")
    ],
    recording: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="This recording only; repeatable.")
    ] = None,
    digits: Annotated[
        int | None,
        typer.Option(
            min=1, max=9, help="Decimals of measured values; all that they have unless given."
        ),
    ] = None,
    angles: Annotated[
        Angles | None,
        typer.Option(help="With fex-csv: the unit of Pitch, Roll and Yaw; radians unless given."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False,
    verbose: Verbose = False,
) -> None:
    """Write the tables of a corpus as CSV, one file per recording, for use in other tools.

    The corpus stays as it is. A recording that cannot be exported is named, the others go on, and
    the exit code is 4. The files identify people as the corpus does.

    Example: deptool export corpus/ --format openface-csv --out openface
    """
    from deptool.cli import terminal
    from deptool.corpus import open_corpus
    from deptool.errors import UsageError
    from deptool.export import export_corpus
    from deptool.export_formats import Choices

    if angles is not None and format is not Format.fex:
        raise UsageError(f"--angles is for --format fex-csv, not {format.value}")
    opened = open_corpus(corpus)
    bar = terminal.progress()
    task = bar.add_task("Exporting", total=None)

    def show(done: int, of: int) -> None:
        bar.start()
        bar.update(task, total=of, completed=done)

    try:
        summary = export_corpus(
            opened,
            format.value,
            out,
            recordings=tuple(recording or ()),
            choices=Choices(digits, angles.value if angles else "radians"),
            on_progress=show,
        )
    except KeyboardInterrupt:
        if bar.live.is_started:
            bar.stop()
        terminal.say(
            "Interrupted. The files that are there are whole; the same command does it all."
        )
        raise typer.Exit(130) from None
    finally:
        if bar.live.is_started:
            bar.stop()
    if json:
        terminal.show_json(_as_json(summary))
    _tell(summary, verbose or bool(recording))  # who names recordings may hear of them
    if summary.failed:
        raise typer.Exit(4)


def _as_json(summary: ExportSummary) -> dict[str, object]:
    return {
        "format": summary.form,
        "written": list(summary.written),
        "failed": {name: error.what for name, error in summary.failed.items()},
        "left_out": summary.left_out,
        "as_presence": summary.as_presence,
        "warnings": list(summary.warnings),
        "n_bytes": summary.n_bytes,
    }


def _tell(summary: ExportSummary, verbose: bool) -> None:
    from deptool.cli import terminal
    from deptool.export import PRIVACY
    from deptool.naming import by_reason

    terminal.say(
        f"{terminal.count(len(summary.written), 'recording')} written to {summary.out},"
        f" {summary.n_bytes / 1e6:.1f} MB."
    )
    for text in _columns("never measured, so their files are without", summary.left_out):
        terminal.say(text)
    for text in _columns("no intensity, so 0 or 1 for presence in", summary.as_presence):
        terminal.say(text)
    for text in summary.warnings:
        terminal.warn(text)
    # The table's name in the error would say the recording as well.
    failed = {n: e.what + (f". {e.fix}" if e.fix else "") for n, e in summary.failed.items()}
    lines = [f"{name}: not exported: {why}" for name, why in failed.items()]
    if not verbose:
        lines = [f"not exported, {line}" for line in by_reason(failed.values())]
    for line in lines[:_SHOWN]:
        terminal.warn(line)
    if lines[_SHOWN:]:
        terminal.warn(f"… and {len(lines) - _SHOWN} more. All are in --json.")
    terminal.say(PRIVACY)


def _columns(what: str, noted: dict[str, tuple[str, ...]]) -> list[str]:
    """'In 189 recordings WHAT AU07_r, AU23_r', a line for each set of recordings."""
    from deptool.cli.terminal import count

    same: dict[tuple[str, ...], list[str]] = {}
    for column, names in noted.items():
        same.setdefault(names, []).append(column)
    return [
        f"In {count(len(names), 'recording')} {what} {', '.join(columns[:_SHOWN])}"
        + (f" and {len(columns) - _SHOWN} more" if columns[_SHOWN:] else "")
        for names, columns in same.items()
    ]
