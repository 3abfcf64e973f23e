"""deptool train."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deptool.cli.terminal import Verbose

if TYPE_CHECKING:
    from deptool.corpus import Corpus
    from deptool.runs import Run
    from deptool.trainer import Member

PANEL = "Models"
ORDER = 30


def command(
    model: Annotated[str, typer.Option(help="The model: a file name in deptool/models.")],
    corpora: Annotated[
        list[Path] | None,
        typer.Argument(help="The corpus folder, or several; corpus unless given."),
    ] = None,
    scale: Annotated[
        str | None, typer.Option(help="The scale to learn; not needed where there is only one.")
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(
            help="official (the corpus's own split), clean, clean:train+dev, group-kfold:K,"
            " leave-one-subject-out, holdout:SHARE. Default: official, or group-kfold:5 where"
            " there is no split.",
            show_default=False,
        ),
    ] = None,
    split_seed: Annotated[int, typer.Option(min=0, help="Deals persons to parts.")] = 0,
    train_on: Annotated[
        list[Path] | None,
        typer.Option(help="Train on this corpus's train part, choose on its dev part; repeatable."),
    ] = None,
    test_on: Annotated[
        Path | None, typer.Option(help="With --train-on: test on all of this other corpus.")
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(
            metavar="GROUP",
            help="Do without landmarks, action_units, head_pose or gaze, where the model can.",
        ),
    ] = None,
    drop_shared: Annotated[
        bool,
        typer.Option(
            "--drop-shared", help="Leave out, and say so, what two corpora share; else refused."
        ),
    ] = False,
    seeds: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="How many seeds to train. Default: 5 for networks, 1 for models fitted at once.",
            show_default=False,
        ),
    ] = None,
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
    log: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LOGGER",
            help="Also write curves for tensorboard or mlflow, below the run; repeatable.",
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse a split with a person on two sides.")
    ] = False,
    verbose: Verbose = False,
) -> None:
    """Train a model on a corpus; the same command again resumes an interrupted run.

    Example: deptool train corpus --model depressionmlp --protocol group-kfold:5 --seeds 3
    """
    from functools import partial

    from deptool.cli.bars import Bars
    from deptool.cli.terminal import say
    from deptool.logbook import Logbook
    from deptool.train import default_seeds, train

    settings = _settings(model, config, list(set_ or []), epochs)
    opened = _open(corpora or [], train_on or [], test_on, protocol, drop_shared, verbose)
    logbook = Logbook(log or [])
    bars = Bars(settings, partial(_begin, verbose=verbose))

    def start(run: Run, resumed: bool) -> None:
        logbook.start(run)
        bars.start(run, resumed)

    def advance(member: Member, epoch: int, loss: float, dev_rmse: float) -> None:
        logbook.epoch(member, epoch, loss, dev_rmse)
        bars.advance(member, epoch, loss, dev_rmse)

    try:
        run = train(
            opened,
            model,
            settings,
            scale=scale,
            protocol=protocol,
            split_seed=split_seed,
            without=without or (),
            seeds=range(seed, seed + (seeds or len(default_seeds(model)))),
            device=device,
            out=out,
            strict=strict,
            on_read=bars.read,
            on_start=start,
            on_epoch=advance,
        )
        bars.done()
    except KeyboardInterrupt:
        bars.stop()  # before the talk, or the bar is drawn over it
        say("Interrupted. Whole epochs are kept: the same command again goes on after the last.")
        raise typer.Exit(130) from None
    finally:
        bars.stop()
    if not bars.started:
        say(f"{run.root} is finished already with these settings; nothing was changed.")
        if log:
            say("No epoch was trained, so --log wrote nothing.")
    logbook.finish(run)
    _show(run)


def _open(
    corpora: list[Path],
    train_on: list[Path],
    test_on: Path | None,
    protocol: str | None,
    drop_shared: bool,
    verbose: bool,
) -> Corpus:
    """The corpus to train on, several as one, or one to train on and another to test on."""
    from deptool.cli.terminal import warn
    from deptool.corpus import open_corpus
    from deptool.errors import UsageError
    from deptool.joint import across, join
    from deptool.naming import told

    if bool(train_on) != bool(test_on):
        raise UsageError("--train-on and --test-on need each other")
    if test_on and corpora:
        raise UsageError("name the corpora with --train-on and --test-on alone, or as arguments")
    if test_on and protocol not in (None, "official"):
        raise UsageError(
            f"--protocol {protocol} cannot be used with --test-on: the corpora are the split"
        )
    if test_on:
        opened = [open_corpus(path) for path in train_on]
        joint = across(opened, open_corpus(test_on), drop_shared)
    elif len(corpora) > 1:
        joint = join([open_corpus(path) for path in corpora], drop_shared)
    else:
        return open_corpus(corpora[0] if corpora else Path("corpus"))
    for note in joint.notes:
        warn(told(note, verbose))
    return joint


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
    asked = any(word.partition("=")[0].strip() == "epochs" for word in words)
    if asked and "epochs" not in cls.__dataclass_fields__:
        raise UsageError(f"{model} is fitted at once and has no epochs")
    layer = read_toml(config) if config else {}
    return resolve(cls, layer, words=words, where=f"settings of {model}")


def _begin(run: Run, resumed: bool, *, verbose: bool) -> None:
    """What is about to be trained, and what makes its numbers worth less."""
    from deptool.cli.terminal import count, say

    members = count(len(run.about["members"]), "member")
    verb = "Resuming" if resumed else "Training"
    say(f"{verb} {run.root}: {members} on {run.about['device']}, {run.about['protocol']}")
    _warn(run, verbose)


def _warn(run: Run, verbose: bool) -> None:
    """What makes the run's numbers worth less, before any number is seen."""
    from rich.markup import escape

    from deptool.cli.terminal import say, talk, warn
    from deptool.naming import by_reason, told
    from deptool.splits import Overlap

    about = run.about
    overlap = Overlap(**about["overlap"])
    if overlap:
        talk().print(
            f"[bold red]Warning:[/] {escape(told(overlap.sentence(), verbose))}", soft_wrap=True
        )
        for split, n in overlap.recordings.items():
            of = sum(fold[split]["recordings"] for fold in about["folds"])
            say(f"  {n} of {of} {split} recordings show a person the model has met before.")
        say("  Scores on them flatter. Without them: --protocol clean, or group-kfold:5")
    if about["persons_unknown"]:
        warn(
            "the source does not say who is in a recording: whether a person is in two parts of"
            " the split cannot be known."
        )
    if not all(fold["test"]["recordings"] for fold in about["folds"]):
        warn("there are no test recordings, so there will be no test score. Dev chose the epoch.")
    if about["skipped"]:
        warn(f"{len(about['skipped'])} recordings cannot be used and have no prediction:")
        lines = [f"{name}: {why}" for name, why in about["skipped"].items()]
        for line in (lines if verbose else by_reason(about["skipped"].values()))[:10]:
            say(f"  {line}")
        if any("its table has no" in why for why in about["skipped"].values()):
            say("  A model that can do without a group keeps them: --without GROUP")
    if about["n_segments_dropped"]:
        total = about["n_segments"] + about["n_segments_dropped"]
        limit = f"more than {about['settings']['max_missing']:.0%} of their frames unmeasured"
        say(f"{about['n_segments_dropped']} of {total} segments are left out: {limit}.")
    if about["columns"]:
        used = ", ".join(group.replace("_", " ") for group in about["columns"])
        say(f"It works on {used}.")
    for name, stream in about.get("streams", {}).items():
        cache = stream["source"].partition(":")[0]
        made = f"embeddings/{cache}" if stream["cached"] else "made of the tables"
        parts = ", ".join(part.replace("_", " ") for part in stream["parts"])
        say(f"It works on {name}: {cache} ({parts}), {made}, {stream['rate']:.3g} a second.")
    if about["columns_null"]:
        say(f"Null in the whole corpus and left out: {', '.join(about['columns_null'])}")


def _show(run: Run) -> None:
    """The metrics of test and dev on stdout."""
    from deptool.cli.terminal import page, say, show_sheet
    from deptool.evaluate import evaluate_run
    from deptool.report import report_runs
    from deptool.report_sheets import sheets

    evaluate_run(run.root)  # writes metrics.json
    for split in ("test", "dev"):
        if any(fold[split]["recordings"] for fold in run.about["folds"]):
            for sheet in sheets(report_runs(run.root, split), full=False):
                show_sheet(sheet, page())
    if "epochs" not in run.about["settings"]:  # fitted at once
        say(f"Run: {run.root}")
        return
    phases = run.about.get("phases")
    wanted = sum(p["epochs"] for p in phases) if phases else run.about["settings"]["epochs"]
    early = [m["epochs"] for m in run.about["members"] if m["epochs"] < wanted]
    if early:
        patience = run.about["settings"]["patience"]
        say(
            f"{len(early)} of {len(run.about['members'])} members stopped before epoch {wanted}:"
            f" dev RMSE had not fallen for {patience} epochs (--set patience=N)."
        )
    say("Is it better than a simple model? Train --model ridge on the same split: deptool report.")
    best = ", ".join(str(m["best_epoch"]) for m in run.about["members"])
    say(f"Epochs were chosen on dev (best: {best}), so dev flatters. Run: {run.root}")
