"""`deptool reproduce`: a paper's claims on cohorts whose truth is known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deptool.reproduce import Reproduction
    from deptool.reproduce_work import Job, News

PANEL = "Results"
ORDER = 65


def command(
    model: Annotated[str, typer.Argument(help="A model whose paper's claims are here.")],
    out: Annotated[Path, typer.Option(help="Cohorts, runs and report go into OUT/<model>.")] = Path(
        "reproduction"
    ),
    seeds: Annotated[
        int | None, typer.Option(min=1, help="How many seeds; the claims file's unless given.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Epochs of every variant, to try it out.")
    ] = None,
    persons: Annotated[
        int | None, typer.Option(min=4, help="Persons of every cohort, to try it out.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Runs at a time; as many as cores unless given.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print report.json.")] = False,
) -> None:
    """Test a paper's claims on synthetic cohorts: make them, train its variants, judge.

    Prints the paper's tables with intervals over persons, and for each claim whether it holds.
    Everything is synthetic. The same command again goes on where it was interrupted.

    Example: deptool reproduce depressionmlp
    """
    from deptool.cli.terminal import say, show_json
    from deptool.machine import usable_cores
    from deptool.reproduce import plan, reproduce
    from deptool.reproduce_tables import as_objects, write_report

    planned = plan(
        model, out / model.replace("_", "-").lower(), seeds=seeds, epochs=epochs, persons=persons
    )
    bar = _Bar()
    try:
        done = reproduce(
            planned,
            jobs or usable_cores(),
            on_recording=bar.recording,
            on_plan=bar.plan,
            on_news=bar.news,
        )
    except KeyboardInterrupt:
        bar.stop()  # before the talk, or the bar is drawn over it
        say("Interrupted. What is done is kept: the same command again goes on.")
        raise typer.Exit(130) from None
    finally:
        bar.stop()
    if not bar.left:
        say("Every run is finished already with these settings; nothing was trained.")
    path = write_report(done)
    if json:
        show_json(as_objects(done))
    else:
        _show(done)
    say(f"Written: {path} and report.json beside it.")


class _Bar:
    """One bar: first the recordings of the cohorts, then the epochs of all runs' members.

    Epochs of an earlier call, and those that early stopping saved, are taken out of the whole, so
    that the rest of the time is reckoned from what was trained now.
    """

    def __init__(self) -> None:
        from deptool.cli.terminal import progress

        self.progress = progress("now", count=False)
        self.task: Any = self.progress.add_task("Making recordings", total=None, now="")
        self.left: dict[str, int] = {}  # epochs that a run may still take, by its name
        self.runs = 0
        self.ended = 0
        self.trained = 0
        self.seen: set[tuple[str, int, int]] = set()

    def recording(self, cohort: str, done: int, of: int) -> None:
        self.progress.start()
        self.progress.update(self.task, completed=done, total=of, now=cohort)

    def plan(self, jobs: Sequence[Job]) -> None:
        self.left = {job.name: job.epochs for job in jobs}
        self.runs = len(jobs)
        if jobs:
            self.progress.remove_task(self.task)
            self.task = self.progress.add_task("Training", total=self._total(), now="")
            self.progress.start()
            self._draw()

    def news(self, news: News) -> None:
        if news.kind == "epoch":
            member = (news.job, news.seed, news.fold)
            before = 0 if member in self.seen else news.epoch - 1
            self.seen.add(member)
            self.left[news.job] -= 1 + before
            self.trained += 1
        elif news.kind == "done":
            self.left[news.job] = 0
            self.ended += 1
        self._draw(news.job)

    def stop(self) -> None:
        if self.progress.live.is_started:
            self.progress.stop()

    def _total(self) -> int:
        return self.trained + sum(max(0, n) for n in self.left.values())

    def _draw(self, job: str = "") -> None:
        now = f"{self.ended} of {self.runs} runs {job}".strip()
        self.progress.update(self.task, total=self._total(), completed=self.trained, now=now)


def _show(done: Reproduction) -> None:
    from deptool.cli.terminal import page, say, show_marked, show_sheet
    from deptool.reproduce_tables import RULE, SYNTHETIC, cohorts, made, sheets

    console = page()
    *tables, claims = sheets(done)
    for sheet in tables:
        show_sheet(sheet, console)
        console.print()
    verdicts = {"holds": True, "does not hold": False, "open": None}
    show_marked(
        claims.title,
        [
            (
                verdicts[c.verdict],
                c.verdict,
                c.source,
                "\n".join(filter(None, (c.text, c.found, c.why))),
            )
            for c in done.claims
        ],
    )
    for text in (RULE, *cohorts(done.plan), made(done)):
        say(text)
    say(SYNTHETIC)
