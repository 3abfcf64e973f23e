"""`deptool doctor`: what works here, what does not, and what mends it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from deptool.doctor import Diagnosis

PANEL = "Help"
ORDER = 102


def command(
    folder: Annotated[Path, typer.Argument(help="Where you want to work.")] = Path(),
    weights: Annotated[
        Path | None, typer.Option(help="A folder of weights, instead of the libraries' own.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print all of it as JSON.")] = False,
) -> None:
    """Find out what works here and what does not; for each problem, one line that mends it.

    It tries what it can: imports, a step of training, the default extractor on a test picture.
    The exit code is 6 where extracting with the default extractor, or training, cannot work.

    Example: deptool doctor
    """
    import dataclasses

    from deptool.cli.terminal import show_json

    found = _examine(folder, weights)
    if json:
        checks = [dataclasses.asdict(check) for check in found.checks]
        show_json(
            {
                "versions": found.versions,
                "checks": checks,
                "default_job_runs": found.default_job_runs,
            }
        )
    else:
        _show(found)
    if not found.default_job_runs:
        raise typer.Exit(6)


def _examine(folder: Path, weights: Path | None) -> Diagnosis:
    from deptool.cli.terminal import progress
    from deptool.doctor import examine

    bar = progress(count=False)
    bar.live.transient = True
    with bar:
        task = bar.add_task("Looking", total=None)
        return examine(
            folder, weights, lambda what: bar.update(task, description=f"Looking at {what}")
        )


def _show(found: Diagnosis) -> None:
    from deptool.cli.terminal import page, say, show_marked, write

    versions = ", ".join(f"{name} {text}" for name, text in found.versions.items())
    page().print(f"{versions}.\n", markup=False)
    good = {"ok": True, "warning": None, "problem": False}
    checks = [(good[c.status], c.status, c.name, c.detail) for c in found.checks]
    show_marked("Checks", checks)
    wrong = [check for check in found.checks if check.fix]
    if wrong:
        write("\nWhat to do")
        for check in wrong:
            write(f"{check.name}: {check.fix}")
    stop = sum(check.status == "problem" for check in found.checks)
    say(
        f"\n{stop} of these stop the default job: extract with the default extractor, then train."
        if stop
        else "\nThe default job can run here: extract with the default extractor, then train."
    )
