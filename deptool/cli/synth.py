"""`deptool synth`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from deptool.synth import SynthSummary

PANEL = "Start here"
ORDER = 5

_PREDICTORS = {
    "constant": "constant (train mean)",
    "oracle": "oracle (sees the latent cues)",
    "oracle_knowing_habits": "oracle that knows the habits too",
}


def command(
    out: Annotated[Path, typer.Argument(help="The corpus folder to make.")],
    subjects: Annotated[int | None, typer.Option(help="Persons (60).")] = None,
    sessions: Annotated[int | None, typer.Option(help="Sessions of each person (2).")] = None,
    tasks: Annotated[int | None, typer.Option(help="Recordings of each session (1).")] = None,
    seconds: Annotated[float | None, typer.Option(help="Length of a recording (90).")] = None,
    fps: Annotated[float | None, typer.Option(help="Rows per second (6).")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed, the same cohort (7).")] = None,
    signal: Annotated[
        float | None,
        typer.Option(help="Share of the cues that severity explains (0.65)."),
    ] = None,
    informative: Annotated[
        float | None, typer.Option(help="Share of segments that carry it at all (0.8).")
    ] = None,
    identity: Annotated[
        float | None, typer.Option(help="Share of the rest that is personal (0.3); 0: nothing is.")
    ] = None,
    noise: Annotated[float | None, typer.Option(help="SD of the labels' noise (2 points).")] = None,
    drift: Annotated[
        float | None, typer.Option(help="How far each modality's reliability drifts, up to 1 (0).")
    ] = None,
    voice: Annotated[bool, typer.Option("--voice", help="Write a voice stream too.")] = False,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Any other setting; repeatable."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="A TOML file of settings; options win over it.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print what truth.json scores.")] = False,
) -> None:
    """Make a synthetic cohort with known truth: faces that move, scores, and what was planted.

    Nothing in it was measured on a person. Run again, it makes only what is missing. Every setting
    stands in docs/synth.md.

    Example: deptool synth cohort --subjects 60 --seed 7
    """
    from deptool.cli.terminal import progress, say, show_json
    from deptool.cohort.settings import SynthSettings
    from deptool.errors import UsageError
    from deptool.settings import read_toml, resolve
    from deptool.synth import synthesise

    said: dict[str, object] = {"subjects": subjects, "sessions": sessions, "tasks": tasks}
    said |= {"seconds": seconds, "fps": fps, "seed": seed, "signal": signal}
    said |= {"informative": informative, "identity": identity, "noise": noise, "drift": drift}
    said |= {"voice": voice or None}
    given = {name: value for name, value in said.items() if value is not None}
    for word in set_ or []:
        key = word.partition("=")[0].strip().replace("-", "_")
        if key in given:
            raise UsageError(f"--{key} and --set {key}=… say the same thing: give one of them")
    layer = read_toml(config) if config else {}
    settings = resolve(SynthSettings, layer, given, words=set_ or [], where="synth")
    bar = progress()
    task = bar.add_task("Making recordings", total=None)

    def show(done: int, of: int) -> None:
        bar.start()  # with the first news, not before an error
        bar.update(task, completed=done, total=of)

    try:
        summary = synthesise(out, settings, show)
    except KeyboardInterrupt:
        bar.stop()  # before the talk, or the bar is drawn over it
        say("Interrupted. What is done is kept: the same command again goes on.")
        raise typer.Exit(130) from None
    finally:
        if bar.live.is_started:
            bar.stop()
    if json:
        show_json({"synthetic": True, "scores": summary.scores})
    else:
        _show(summary)
    say(
        f"{summary.n_new} made, {summary.n_kept} were there already. The corpus is in"
        f" {summary.corpus.root}, what was planted in {summary.corpus.root / 'truth'}."
    )
    say("All of it is synthetic: no result on it says anything about depression.")


def _show(summary: SynthSummary) -> None:
    """What a model can be put between, over the test recordings and over all."""
    from deptool.cli.terminal import show_table

    rows = [
        (
            name,
            part,
            scores[key]["n"],
            *(f"{scores[key][metric]:.2f}" for metric in ("rmse", "mae", "ccc")),
        )
        for part in ("test", "all")
        for scores in (summary.scores[part],)
        for key, name in _PREDICTORS.items()
    ]
    title = f"{summary.corpus.name}: a synthetic cohort, BDI-II"
    header = ("predictor", "recordings", "N", "RMSE", "MAE", "CCC")
    show_table(title, header, rows, left=2)
