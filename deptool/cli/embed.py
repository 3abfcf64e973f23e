"""`deptool embed`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deptool.cli.terminal import Verbose

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from deptool.embed import EmbedSummary, Progress

PANEL = "Tables"
ORDER = 27

_SHOWN = 20  # recordings that the terminal names


def command(
    videos: Annotated[
        Path | None,
        typer.Argument(help="The videos of the corpus; not needed by an encoder of tables."),
    ] = None,
    corpus: Annotated[Path, typer.Option(help="The corpus folder.")] = Path("corpus"),
    encoder: Annotated[
        str, typer.Option(help="What makes the vectors; see deptool list encoders.")
    ] = "behaviour",
    set: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="A setting of the encoder; repeatable."),
    ] = None,
    as_: Annotated[
        str | None, typer.Option("--as", metavar="NAME", help="The cache's name; the encoder's.")
    ] = None,
    half: Annotated[bool, typer.Option("--half", help="Write float16 instead of float32.")] = False,
    weights: Annotated[
        Path | None, typer.Option(help="A folder of weights; see deptool weights.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(help="Workers; one per core unless given.", min=1)
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
    json: Annotated[bool, typer.Option("--json", help="Print what was done as JSON.")] = False,
    verbose: Verbose = False,
) -> None:
    """Turn recordings into vectors with times, which networks of recordings learn from.

    Writes embeddings/NAME/ in the corpus. Stops and goes on: a second run does only what is
    missing. Other settings or weights need another name (--as). A recording that cannot be encoded
    is named; then the exit code is 4.

    Example: deptool embed videos/ --encoder hog
    """
    from deptool.cli import terminal
    from deptool.embed import EmbedSettings, embed
    from deptool.settings import resolve

    values: dict[str, object] = {"encoder": encoder, "options": tuple(set or ()), "name": as_}
    values |= {"half": half, "weights": weights, "jobs": jobs, "device": device}
    settings = resolve(EmbedSettings, values, where="embed")
    bar, show = _bar()
    try:
        summary = embed(corpus, videos, settings, show)
    except KeyboardInterrupt:
        bar.stop()  # before the talk, or the bar is drawn over it
        terminal.say("Interrupted. What is done is kept: the same command again goes on.")
        raise typer.Exit(130) from None
    finally:
        if bar.live.is_started:
            bar.stop()
    if json:
        terminal.show_json(_as_json(summary))
    else:
        _show(summary)
    _tell(summary, corpus, verbose)
    if videos is not None and summary.encoding.source == "tables":
        terminal.say("The videos were not read: this encoder reads the tables alone.")
    if summary.failed:
        raise typer.Exit(4)


def _bar() -> tuple[Bar, Callable[[Progress], None]]:
    """A bar, and what moves it; it appears with the first news, not before an error."""
    from deptool.cli import terminal

    bar = terminal.progress("recordings", "speed", count=False)
    task = bar.add_task("Encoding", total=None, recordings="", speed="")

    def show(state: Progress) -> None:
        bar.start()
        spent = bar.tasks[task].elapsed or 0.0
        done = state.n_done == state.n_recordings
        bar.update(
            task,
            total=state.total_s,
            completed=state.total_s if done else min(state.seconds, state.total_s),
            recordings=f"{state.n_done}/{state.n_recordings} recordings",
            speed=f"{state.n_vectors / spent:.0f} vectors/s" if spent else "",
        )

    return bar, show


def _as_json(summary: EmbedSummary) -> dict[str, object]:
    encoding = summary.encoding
    return {
        "cache": summary.name,
        "encoder": encoding.encoder,
        "version": encoding.version,
        "settings": dict(encoding.settings),
        "source": encoding.source,
        "dimension": encoding.dimension,
        "hop_s": encoding.hop_s,
        "dtype": "float16" if summary.half else "float32",
        "weights": encoding.weights,
        "identifies_people": encoding.identifies_people,
        "digest": encoding.digest,
        "n_kept": summary.kept,
        "encoded": [
            {"recording_id": d.recording_id, "vectors": d.n_vectors, "valid": d.n_valid}
            for d in sorted(summary.done, key=lambda d: d.recording_id)
        ],
        "failed": dict(sorted(summary.failed.items())),
        "left_out": summary.left_out,
        "videos_without_recording": summary.strangers,
    }


def _show(summary: EmbedSummary) -> None:
    from deptool.cli import terminal

    encoding = summary.encoding
    done = sorted(summary.done, key=lambda d: d.recording_id)
    rows = [
        (d.recording_id, d.n_vectors, f"{100 * d.n_valid / max(d.n_vectors, 1):.0f} %")
        for d in done[:_SHOWN]
    ]
    if done[_SHOWN:]:
        rest = sum(d.n_vectors for d in done[_SHOWN:])
        rows.append((f"… and {len(done) - _SHOWN} more", rest, ""))
    title = (
        f"{summary.name}: {encoding.dimension} numbers, {1 / encoding.hop_s:.3g} vectors a second"
    )
    if rows:
        terminal.show_table(title, ("recording", "vectors", "valid"), rows)


def _tell(summary: EmbedSummary, corpus: Path, verbose: bool) -> None:
    """Say what was done, and what a user should look at."""
    from deptool.cli import terminal
    from deptool.naming import by_reason

    terminal.say(
        f"{len(summary.done)} encoded, {summary.kept} were there already, {len(summary.failed)}"
        f" could not be. The vectors are in {corpus / 'embeddings' / summary.name}."
    )
    if summary.encoding.identifies_people:
        terminal.warn(
            f"embeddings/{summary.name} identifies people: it is made of their"
            f" {'voices' if summary.encoding.source == 'sound' else 'faces'}."
        )
    if n := len(summary.strangers):
        shown = ", ".join(summary.strangers[:10]) + (", …" if n > 10 else "")
        are = "is" if n == 1 else "are"
        terminal.say(
            f"{terminal.count(n, 'video')} of this folder {are} not in the corpus"
            + (f": {shown}" if verbose else f" ({terminal.ASK}).")
        )
    unread = [f"{name}: left out: {why}" for name, why in sorted(summary.left_out.items())]
    failed = [f"{name}: {why}" for name, why in sorted(summary.failed.items())]
    if not verbose:
        unread = [f"left out, {line}" for line in by_reason(summary.left_out.values())]
        failed = [f"not encoded, {line}" for line in by_reason(summary.failed.values())]
    for lines, show in ((unread, terminal.say), (failed, terminal.warn)):
        for line in lines[:_SHOWN]:
            show(line)
        if lines[_SHOWN:]:
            show(f"… and {len(lines) - _SHOWN} more, which --json names.")
