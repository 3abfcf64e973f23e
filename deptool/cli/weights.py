"""`deptool weights`: the files of weights that plug-ins need, and whether they are right."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from deptool.weights_survey import Found

PANEL = "Help"
ORDER = 101


def command(
    name: Annotated[
        str | None, typer.Argument(help="The plug-in, as in deptool list; all unless given.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="A folder of weights, instead of the libraries' own.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> None:
    """List the files of weights that plug-ins need: where they must lie, and whether they do.

    deptool downloads nothing; what it needs is put there by you. The exit code is 4 where a file
    is there but wrong. A missing one is no error, unless NAME was given: then it is 6.

    Example: deptool weights mediapipe-tasks
    """
    from deptool.cli.terminal import show_json
    from deptool.weights import WRONG, check_folder, require_weights

    check_folder(weights)
    found = _survey(name, weights)
    if json:
        show_json([_record(file) for file in found])
    else:
        _show(found, name, weights)
    if any(file.status in WRONG for file in found):
        raise typer.Exit(4)
    if name is not None:
        require_weights([file.weight for file in found], weights, name)


def _survey(name: str | None, weights: Path | None) -> list[Found]:
    """The survey under a progress bar, which appears if it reads for more than a second."""
    import time

    from deptool.cli.terminal import progress
    from deptool.weights import size_text
    from deptool.weights_survey import survey

    bar = progress("read", count=False)
    task = bar.add_task("Checking files", read="")
    started = time.monotonic()

    def show(done: int, total: int) -> None:
        bar.update(
            task, total=total, completed=done, read=f"{size_text(done)} of {size_text(total)}"
        )
        if time.monotonic() - started > 1 and not bar.live.is_started:
            bar.start()

    try:
        return survey(name, weights, show)
    finally:
        if bar.live.is_started:
            bar.stop()


def _record(file: Found) -> dict[str, object]:
    import dataclasses

    about = dataclasses.asdict(file.weight)
    return {
        "kind": file.kind,
        "plug_in": file.plug_in,
        "path": str(file.path),
        "status": file.status,
        **about,
    }


def _show(found: list[Found], name: str | None, weights: Path | None) -> None:
    from deptool.cli.terminal import say, show_marked, write

    if not found:
        write(f"{name or 'No plug-in'} needs no file of weights.")
        return
    good = {"ok": True, "missing": None, "unchecked": None}
    show_marked(
        "Files of weights",
        [(good.get(file.status, False), file.status, file.plug_in, _about(file)) for file in found],
    )
    write("\nWhere they lie")
    for file in found:
        write(f"{file.path.name}: {_where(file, weights)}")
    unchecked = [file.path.name for file in found if file.status == "unchecked"]
    if unchecked:
        say(f"Nothing is known to check against: {', '.join(unchecked)}.")


def _about(file: Found) -> str:
    from deptool.weights import size_text

    weight = file.weight
    size = "size unknown" if weight.size_bytes is None else size_text(weight.size_bytes)
    return f"{file.path.name}, {size}\n{weight.purpose}\nLicence: {weight.licence}"


def _where(file: Found, weights: Path | None) -> str:
    from deptool.weights import instruction

    if file.status == "missing":
        return instruction(file.weight, weights)
    if file.status == "unreferenced":
        return f"huggingface_hub does not find it. {instruction(file.weight, weights)}"
    if file.status in ("wrong size", "wrong sha256"):
        return f"{file.path} has the {file.status}; get it again from {file.weight.source}."
    return str(file.path)
