"""`deptool demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

PANEL = "Start here"
ORDER = 0


def command(
    folder: Annotated[Path, typer.Argument(help="Where everything goes.")] = Path("demo"),
    subjects: Annotated[int, typer.Option(help="People to make, two sessions each.", min=4)] = 20,
    seconds: Annotated[float, typer.Option(help="Length of each video.", min=3)] = 16,
    epochs: Annotated[int, typer.Option(help="Epochs to train at most.", min=1)] = 150,
    jobs: Annotated[
        int | None, typer.Option(help="Processes; one per core unless given.", min=1)
    ] = None,
) -> None:
    """See it all work: make videos, extract, train, report. The labels are toys.

    Every command that it runs is printed, so that you can run it yourself.

    Example: deptool demo
    """
    from deptool.cli import terminal
    from deptool.demo import DemoSettings, make_videos
    from deptool.extractors.mediapipe import Settings, require
    from deptool.machine import usable_cores

    require(Settings(), None)
    jobs = jobs or usable_cores()
    videos, corpus, runs = folder / "videos", folder / "corpus", folder / "runs"
    terminal.say(
        "This demo animates one public-domain portrait. Its scores are toys, tied to how much the\n"
        "face moves; no result of it says anything about depression."
    )
    with terminal.progress() as bar:
        task = bar.add_task("Making videos", total=None)
        make_videos(
            videos,
            DemoSettings(subjects=subjects, seconds=seconds),
            jobs,
            lambda done, of: bar.update(task, completed=done, total=of),
        )
    _run("extract", videos, "--out", corpus, "--jobs", jobs)
    model = ("--model", "depressionmlp", "--epochs", epochs)
    _run("train", corpus, *model, "--out", runs / "depressionmlp")
    _run("report", runs)
    terminal.say("Toy labels, animated portrait: this shows that the tool works, and nothing else.")


def _run(*words: object) -> None:
    """Print a command, run it as a user would, and stop with its exit code if it fails."""
    import shlex
    import subprocess
    import sys

    from deptool.cli import terminal

    texts = [str(w) for w in words]
    terminal.say(f"\n$ deptool {shlex.join(texts)}")
    done = subprocess.run([sys.executable, "-m", "deptool.cli.main", *texts], check=False)
    if done.returncode:
        raise typer.Exit(done.returncode)
