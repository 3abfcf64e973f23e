"""`deptool view`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from deptool.view import Viewed

PANEL = "Tables"
ORDER = 26

_LARGE_MB = 15  # of a page that a browser takes a while to open


def command(
    corpus: Annotated[Path, typer.Argument(help="The corpus folder.")],
    recording: Annotated[str, typer.Argument(help="The recording's id.")],
    out: Annotated[
        Path | None,
        typer.Option(help="The page to write. Default: <recording>.html here.", dir_okay=False),
    ] = None,
    run: Annotated[
        Path | None, typer.Option(help="A run folder, for its scores of each segment.")
    ] = None,
    start: Annotated[
        float | None, typer.Option("--from", help="Only from this time on, in s.", min=0)
    ] = None,
    end: Annotated[
        float | None, typer.Option("--to", help="Only up to this time, in s.", min=0)
    ] = None,
    device: Annotated[
        str, typer.Option(help="Where the run computes: auto, cpu, cuda, cuda:1, mps.")
    ] = "cpu",
    json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False,
) -> None:
    """Write a page that plays what a recording's table holds: moving landmarks, pose, gaze, AUs.

    The page is one file. It holds numbers, no picture and no sound, and opens in a browser without
    a network. It identifies people as the table does.

    Example: deptool view corpus/ S01_1 --out view.html
    """
    from deptool.cli import terminal
    from deptool.corpus import open_corpus
    from deptool.view import default_name, view

    found = view(
        open_corpus(corpus),
        recording,
        out=out or default_name(recording),
        run=run,
        start_s=start,
        end_s=end,
        device=device,
    )
    if json:
        shown = {"path": str(found.path), "n_rows": found.n_rows, "n_bytes": found.n_bytes}
        terminal.show_json({**shown, "part": found.facts.part if found.facts else None})
    _tell(found)


def _tell(found: Viewed) -> None:
    from deptool.cli import terminal
    from deptool.view_about import run_sentences, steward

    done = "Replaced" if found.replaced else "Written"
    size = found.n_bytes / 1e6
    rows = terminal.count(found.n_rows, "row")
    terminal.say(f"{done}: {found.path} ({rows}, {size:.1f} MB). Open it in a browser.")
    if size > _LARGE_MB:
        terminal.warn(f"A page of {size:.0f} MB opens slowly. --from and --to cut it.")
    # The first says what the run is; whoever gave it knows.
    for text, matters in run_sentences(found.facts)[1:] if found.facts else []:
        (terminal.warn if matters else terminal.say)(text)
    terminal.say("It holds no picture and no sound.")
    for text, _ in steward(found.synthetic, found.facts):
        terminal.say(text)
