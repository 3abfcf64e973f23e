"""`deptool list`: the plug-ins, and whether they can run here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from deptool.listing import PlugIn

PANEL = "Help"
ORDER = 100


def command(
    kind: Annotated[
        str | None, typer.Argument(help="extractors, models, levels, …; all kinds unless given.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="A folder of weights, instead of the libraries' own.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> None:
    """List extractors, models, encoders, importers, levels, attacks and more, and what runs here.

    For one that cannot, the line that mends it. What is installed is looked up, not tried;
    `deptool doctor` tries.

    Example: deptool list extractors
    """
    import dataclasses

    from deptool.cli.terminal import show_json
    from deptool.errors import UsageError, suggest
    from deptool.listing import list_plug_ins
    from deptool.plugins import KINDS

    if kind is not None and kind not in KINDS:
        raise UsageError(f"no kind of plug-in named {kind!r}", fix=suggest(kind, list(KINDS)))
    kinds = (kind,) if kind else KINDS
    found = list_plug_ins(kinds, weights)
    if json:
        show_json([dataclasses.asdict(plug_in) for plug_in in found])
        return
    for name in kinds:
        _show(name, [plug_in for plug_in in found if plug_in.kind == name])


def _show(kind: str, found: list[PlugIn]) -> None:
    from deptool.cli.terminal import show_marked, write

    if not found:
        write(f"{kind.capitalize()}: none yet\n")
        return
    rows = [
        (p.ready, "ready" if p.ready else "not ready", p.name, f"{p.title}\n{_terms(p)}")
        for p in found
    ]
    show_marked(kind.capitalize(), rows)
    for plug_in in found:
        if not plug_in.ready:
            write(f"{plug_in.name} cannot run: {plug_in.why}. {plug_in.fix}")
    write("")


def _terms(plug_in: PlugIn) -> str:
    needs = ", ".join(plug_in.needs) or "nothing besides deptool"
    return f"Licence: {plug_in.licence}. Needs: {needs}."
