"""`deptool ablate`: which part of a model does what."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from deptool.ablate_tables import Scored
    from deptool.ablations import Variant
    from deptool.runs import Run
    from deptool.trainer import Member

PANEL = "Results"
ORDER = 64


class Format(StrEnum):
    """How the tables are written."""

    rich = "rich"
    markdown = "markdown"
    latex = "latex"
    json = "json"


class Split(StrEnum):
    """The part that is scored."""

    dev = "dev"
    test = "test"


def command(
    model: Annotated[str, typer.Argument(help="A model whose file declares ablations.")],
    corpus: Annotated[Path, typer.Argument(help="The corpus folder.")] = Path("corpus"),
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds to train.")] = 3,
    seed: Annotated[int, typer.Option(min=0, help="The first of them.")] = 0,
    protocol: Annotated[
        str, typer.Option(help="Who is in train, dev and test, as for deptool train.")
    ] = "group-kfold:5",
    split_seed: Annotated[int, typer.Option(min=0, help="Deals persons to parts.")] = 0,
    scale: Annotated[
        str | None, typer.Option(help="The scale to learn; not needed where there is only one.")
    ] = None,
    split: Annotated[
        Split, typer.Option(help="The part to score: test, or dev, which chose the epochs.")
    ] = Split.test,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Train and show this variant alone; repeatable."),
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="The same as --set epochs=N.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting of all variants; repeatable."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
    out: Annotated[
        Path | None,
        typer.Option(
            help="The folder of the runs. Default: runs/ablation-<model>-<corpus>-<digest>."
        ),
    ] = None,
    figures: Annotated[
        Path | None, typer.Option(help="Write ROC curves and QQ plots of each variant here.")
    ] = None,
    format: Annotated[Format, typer.Option(help="How the tables are written.")] = Format.rich,
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Train the variants that a model declares, over seeds and folds, and print the paper's tables.

    Each variant is a run as `deptool train` makes it: the same command again goes on where it was
    interrupted, and trains nothing twice. Metrics with intervals, Friedman's test, parameters and
    FLOPs, severity classes.

    Example: deptool ablate depressionmlp corpus --seeds 3
    """
    from deptool.ablate import ablate
    from deptool.ablate_tables import score
    from deptool.cli.terminal import say
    from deptool.corpus import open_corpus

    words = [*(set_ or []), *([f"epochs={epochs}"] if epochs is not None else [])]
    bar = _Bar()
    try:
        found = ablate(
            open_corpus(corpus),
            model,
            only=only or (),
            words=words,
            scale=scale,
            protocol=protocol,
            split_seed=split_seed,
            seeds=range(seed, seed + seeds),
            device=device,
            out=out,
            on_variant=bar.variant,
            on_read=bar.read,
            on_start=bar.start,
            on_epoch=bar.advance,
        )
    except KeyboardInterrupt:
        bar.stop()  # before the talk, or the bar is drawn over it
        say("Interrupted. Whole epochs are kept: the same command again goes on after the last.")
        raise typer.Exit(130) from None
    finally:
        bar.stop()
    if not bar.started:
        say("Every variant is finished already with these settings; nothing was trained.")
    say(f"Runs: {found.root}")
    scored = score(found, split.value)
    _show(scored, Format.json if json else format)
    if figures:
        _draw(scored, figures)


class _Bar:
    """One bar over variants, members and epochs; warnings of the corpus once, before the first."""

    def __init__(self) -> None:
        from deptool.cli.terminal import progress

        self.progress = progress("variant", count=False)
        self.task = self.progress.add_task("Training", total=None, variant="")
        self.started = False
        self.done, self.of = 0, 1
        self.per_variant: int | None = None  # epochs of all members; not known before the first
        self.seen: dict[Any, int] = {}

    def variant(self, variant: Variant, done: int, of: int) -> None:
        self.done, self.of, self.seen = done, of, {}
        self.progress.update(self.task, variant=f"{variant.name} ({done + 1} of {of})")
        self._draw()

    def read(self, done: int, of: int) -> None:
        self.progress.start()
        self.progress.update(self.task, description=f"Reading {done}/{of}")

    def start(self, run: Run, resumed: bool) -> None:
        self.per_variant = len(run.about["members"]) * run.about["settings"].get("epochs", 1)
        if not self.started:
            self.stop()  # before the talk, or the bar is drawn over it
            _warn(run)
            self.started = True
        self.progress.start()
        self.progress.update(self.task, description="Training")
        self._draw()

    def advance(self, member: Member, epoch: int, loss: float, dev_rmse: float) -> None:
        self.seen[member.key] = epoch
        self._draw()

    def stop(self) -> None:
        if self.progress.live.is_started:
            self.progress.stop()

    def _draw(self) -> None:
        # Members that stop early leave a gap, which closes with the next variant.
        if self.per_variant:
            completed = self.done * self.per_variant + sum(self.seen.values())
            self.progress.update(self.task, completed=completed, total=self.of * self.per_variant)


def _warn(run: Run) -> None:
    """What makes the numbers worth less, before any is seen."""
    from deptool.cli.terminal import count, say, warn
    from deptool.naming import told
    from deptool.splits import Overlap

    about = run.about
    say(f"Each variant: {count(len(about['members']), 'member')} on {about['device']}")
    if overlap := Overlap(**about["overlap"]):
        warn(told(overlap.sentence(), verbose=False))
    if about["skipped"]:
        warn(f"{count(len(about['skipped']), 'recording')} cannot be used: see run.json.")


def _show(scored: Scored, chosen: Format) -> None:

    from deptool.ablate_tables import as_objects, sheets
    from deptool.cli.terminal import page, say, show_json, show_sheet, warn, write_file
    from deptool.report_formats import markdown
    from deptool.report_latex import latex

    if chosen is Format.json:
        show_json(as_objects(scored))
    elif chosen is Format.rich:
        console = page()
        for sheet in sheets(scored, seconds=True):
            show_sheet(sheet, console)
            console.print()
    else:
        written = {Format.markdown: markdown, Format.latex: latex}[chosen]
        write_file(written(sheets(scored)))
    if scored.unranked:
        say(f"No Friedman test: {scored.unranked}.")
    if scored.split == "dev":
        warn("dev chose the epochs, so metrics on it flatter, as they do in the paper's tables.")


def _draw(scored: Scored, folder: Path) -> None:
    from deptool.cli.terminal import progress, say
    from deptool.drawing import write_figures
    from deptool.figure_data import of_runs

    with progress() as bar:
        task = bar.add_task("Drawing figures", total=None)
        missing = write_figures(
            of_runs(scored.ablation.root, scored.rows.keys(), scored.split),
            folder,
            lambda done, of: bar.update(task, completed=done, total=of),
            only=("roc", "qq"),
        )
    for name, why in missing.items():
        say(f"Not drawn, {name}: {why}")
    say(f"Written: {folder}")
