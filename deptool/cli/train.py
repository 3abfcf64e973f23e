"""deptool train."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from deptool.runs import Run

PANEL = "Models"
ORDER = 30


def command(
    model: Annotated[str, typer.Option(help="The model: a file name in deptool/models.")],
    corpus: Annotated[Path, typer.Argument(help="The corpus folder.")] = Path("corpus"),
    scale: Annotated[
        str | None, typer.Option(help="The scale to learn; not needed where there is only one.")
    ] = None,
    protocol: Annotated[
        str, typer.Option(help="corpus (its own split), or group-kfold:K by person.")
    ] = "corpus",
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds to train.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="The first of them.")] = 0,
    epochs: Annotated[int | None, typer.Option(help="The same as --set epochs=N.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="One setting; repeatable."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="A TOML file of settings; --set wins over it.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The run folder. Default: runs/<model>-<corpus>-<digest>.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse a split with a person on two sides.")
    ] = False,
) -> None:
    """Train a model on a corpus; the same command again resumes an interrupted run.

    Example: deptool train corpus --model depressionmlp --protocol group-kfold:5 --seeds 3
    """
    from deptool.cli.view import say
    from deptool.corpus import open_corpus
    from deptool.train import train

    opened = open_corpus(corpus)
    settings = _settings(model, config, list(set_ or []), epochs)
    bars = _Bars(settings.epochs)
    try:
        run = train(
            opened,
            model,
            settings,
            scale=scale,
            protocol=protocol,
            seeds=range(seed, seed + seeds),
            device=device,
            out=out,
            strict=strict,
            on_start=bars.start,
            on_epoch=bars.advance,
        )
    except KeyboardInterrupt:
        bars.stop()  # before the talk, or the bar is drawn over it
        say("Interrupted. Whole epochs are kept: the same command again goes on after the last.")
        raise typer.Exit(130) from None
    finally:
        bars.stop()
    if not bars.started:
        say(f"{run.root} is finished already with these settings; nothing was changed.")
    _show(run)


def _settings(model: str, config: Path | None, words: list[str], epochs: int | None) -> Any:
    """The model's settings: the paper's, then the TOML file's, then the command line's."""
    from deptool import plugins
    from deptool.errors import UsageError
    from deptool.settings import read_toml, resolve

    if epochs is not None:
        if any(word.partition("=")[0].strip() == "epochs" for word in words):
            raise UsageError("--epochs and --set epochs=… say the same thing: give one of them")
        words = [*words, f"epochs={epochs}"]
    cls = plugins.load("models", model).Settings
    layer = read_toml(config) if config else {}
    return resolve(cls, layer, words=words, where=f"settings of {model}")


class _Bars:
    """A progress bar for each member, with loss and dev RMSE; warnings before the first."""

    def __init__(self, epochs: int) -> None:
        from deptool.cli.view import progress

        self.epochs = epochs
        self.started = False
        self.progress = progress("loss", "dev")
        self.tasks: dict[tuple[int, int], Any] = {}

    def start(self, run: Run, resumed: bool) -> None:
        from deptool.cli.view import say

        self.started = True
        say(f"{'Resuming' if resumed else 'Training'} {run.root} on {run.about['device']}")
        _warn(run)
        self.progress.start()

    def advance(self, member: Any, epoch: int, loss: float, dev_rmse: float) -> None:
        key = (member.seed, member.fold.number)
        if key not in self.tasks:
            self.tasks[key] = self.progress.add_task(
                f"seed {key[0]}, fold {key[1]}", total=self.epochs, loss="", dev=""
            )
        self.progress.update(
            self.tasks[key],
            completed=epoch,
            loss=f"loss {loss:.2f}",
            dev=f"dev RMSE {dev_rmse:.2f}",
        )

    def stop(self) -> None:
        if self.progress.live.is_started:
            self.progress.stop()


def _warn(run: Run) -> None:
    """What makes the run's numbers worth less, before any number is seen."""
    from rich.markup import escape

    from deptool.cli.view import say, talk, warn
    from deptool.splits import Overlap

    about = run.about
    overlap = Overlap(**about["overlap"])
    if overlap:
        talk().print(f"[bold red]Warning:[/] {escape(overlap.sentence())}", soft_wrap=True)
        for split, n in overlap.recordings.items():
            of = sum(fold[split]["recordings"] for fold in about["folds"])
            say(f"  {n} of {of} {split} recordings show a person the model has met before.")
        say("  Scores on them flatter. Split by person with: --protocol group-kfold:5")
    if not all(fold["test"]["recordings"] for fold in about["folds"]):
        warn("there are no test recordings, so there will be no test score. Dev chose the epoch.")
    if about["skipped"]:
        warn(f"{len(about['skipped'])} recordings have no usable segment and no prediction:")
        for name, why in list(about["skipped"].items())[:10]:
            say(f"  {name}: {why}")
    if about["n_segments_dropped"]:
        total = about["n_segments"] + about["n_segments_dropped"]
        limit = f"more than {about['settings']['max_missing']:.0%} of their frames unmeasured"
        say(f"{about['n_segments_dropped']} of {total} segments are left out: {limit}.")
    if about["au_columns_null"]:
        say(f"Null in the whole corpus and left out: {', '.join(about['au_columns_null'])}")


def _show(run: Run) -> None:
    """The metrics of test and dev on stdout."""
    from deptool.cli.evaluate import show
    from deptool.cli.view import say
    from deptool.evaluate import evaluate_run

    metrics = evaluate_run(run.root)
    show(metrics.filter(metrics["split"] != "train"), f"{run.root.name}, {run.about['scale']}")
    wanted = run.about["settings"]["epochs"]
    early = [m["epochs"] for m in run.about["members"] if m["epochs"] < wanted]
    if early:
        patience = run.about["settings"]["patience"]
        say(
            f"{len(early)} of {len(run.about['members'])} members stopped before epoch {wanted}:"
            f" dev RMSE had not fallen for {patience} epochs (--set patience=N)."
        )
    best = ", ".join(str(m["best_epoch"]) for m in run.about["members"])
    say(f"Epochs were chosen on dev (best: {best}), so dev flatters. Run: {run.root}")
