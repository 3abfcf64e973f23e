"""`deptool card`: the model card of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

PANEL = "Results"
ORDER = 65


def command(
    run: Annotated[Path, typer.Argument(help="A run folder, as in runs/NAME.")],
    out: Annotated[
        Path | None,
        typer.Option(help="Write it there; without it, it is printed.", dir_okay=False),
    ] = None,
) -> None:
    """Print a run's model card: data, split, leakage, metrics with intervals, uses, limits.

    Markdown, with licences. `deptool train` writes the same into RUN/card.md.

    Example: deptool card runs/NAME --out card.md
    """
    from deptool.card import card
    from deptool.cli.terminal import say, write_file
    from deptool.tables import write_text

    text = card(run)
    if out is None:
        write_file(text)
    else:
        write_text(out, text)
        say(f"Written: {out}")
