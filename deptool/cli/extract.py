"""`deptool extract`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deptool.cli.terminal import Verbose

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from deptool.extract import ExtractSummary, Progress

PANEL = "Tables"
ORDER = 10


def command(
    videos: Annotated[Path, typer.Argument(help="A folder of videos (sub-folders too), or one.")],
    out: Annotated[Path, typer.Option(help="The corpus to write or to add to.")] = Path("corpus"),
    extractor: Annotated[
        str, typer.Option(help="What measures the faces; see deptool list extractors.")
    ] = "mediapipe",
    fps: Annotated[str, typer.Option(help="Rows per second, or 'native' for all.")] = "6",
    faces: Annotated[
        str, typer.Option(help="'primary', or 'all' for a table of every face beside it.")
    ] = "primary",
    roi: Annotated[
        str | None, typer.Option(help="Look at this part only: x,y,w,h in px.", metavar="X,Y,W,H")
    ] = None,
    set: Annotated[
        list[str] | None, typer.Option(help="A setting of the extractor, key=value; repeatable.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="A folder of weights; see deptool weights.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(help="Workers; one per core unless given.", min=1)
    ] = None,
    shard: Annotated[
        str, typer.Option(help="Do the i-th of n parts, for job arrays.", metavar="I/N")
    ] = "1/1",
    engine: Annotated[
        str, typer.Option(help="Where the workers run: 'local', or 'ray' for a cluster.")
    ] = "local",
    address: Annotated[str | None, typer.Option(help="Address of the Ray cluster.")] = None,
    force: Annotated[
        list[str] | None,
        typer.Option(help="Extract this recording again ('all' for every one); repeatable."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="What reports call a new corpus; its folder's name if not.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the recordings as JSON.")] = False,
    verbose: Verbose = False,
) -> None:
    """Turn videos of faces into tables without pixels: landmarks, action units, pose, gaze.

    Stops and goes on: a second run does only what is missing. A file that cannot be read becomes
    a row that says why; then the exit code is 4. A labels.csv beside the videos is joined.

    Example: deptool extract videos/ --jobs 2
    """
    from deptool.cli import terminal
    from deptool.extract import ExtractSettings, extract
    from deptool.machine import usable_cores
    from deptool.settings import resolve

    values: dict[str, object] = {"extractor": extractor, "fps": _rate(fps), "faces": faces}
    values |= {"roi": _numbers("--roi", roi, ",", 4, "x,y,w,h"), "options": tuple(set or ())}
    values |= {"weights": weights, "jobs": jobs or usable_cores()}
    values |= {"shard": _numbers("--shard", shard, "/", 2, "i/n"), "engine": engine}
    values |= {"address": address, "force": tuple(force or ()), "name": name}
    settings = resolve(ExtractSettings, values, where="extract")
    bar, show = _bar()
    try:
        summary = extract(videos, out, settings, show)
    except KeyboardInterrupt:
        bar.stop()  # before the talk, or the bar is drawn over it
        terminal.say("Interrupted. What is done is kept: the same command again goes on.")
        raise typer.Exit(130) from None
    finally:
        if bar.live.is_started:
            bar.stop()
    _show(summary, json, verbose)
    if summary.labels_refused:
        raise summary.labels_refused
    if summary.failed or summary.changed:
        raise typer.Exit(4)


def _bar() -> tuple[Bar, Callable[[Progress], None]]:
    """A bar, and what moves it; it appears with the first news, not before an error."""
    from deptool.cli import terminal

    bar = terminal.progress("videos", "speed", count=False)
    task = bar.add_task("Opening videos", total=None, videos="", speed="")
    reading = False

    def show(state: Progress) -> None:
        nonlocal reading
        bar.start()
        if not state.n_videos:
            opened = f"{state.n_opened}/{state.n_files} files"
            bar.update(task, total=state.n_files, completed=state.n_opened, videos=opened)
            return
        if not reading:
            bar.reset(task, description="Reading videos", total=state.total_s)
            reading = True
        spent = bar.tasks[task].elapsed or 0.0
        done = state.n_done == state.n_videos
        bar.update(
            task,
            total=state.total_s,
            completed=state.total_s if done else min(state.seconds, state.total_s),
            videos=f"{state.n_done}/{state.n_videos} videos",
            speed=f"{state.n_pictures / spent:.0f} frames/s" if spent else "",
        )

    return bar, show


def _numbers(
    option: str, text: str | None, between: str, count: int, form: str
) -> tuple[int, ...] | None:
    """Whole numbers out of '1/2' or '0,0,640,480'."""
    from deptool.errors import UsageError

    if text is None:
        return None
    parts = text.split(between)
    try:
        numbers = tuple(int(part) for part in parts)
    except ValueError:
        numbers = ()
    if len(numbers) != count:
        example = between.join(str(k) for k in range(1, count + 1))
        raise UsageError(f"{option} {text!r} is not of the form {form}", fix=f"As in {example}.")
    return numbers


def _rate(word: str) -> float | None:
    """Rows per second; None for 'native'."""
    from deptool.errors import UsageError

    if word.lower() == "native":
        return None
    try:
        return float(word)
    except ValueError:
        raise UsageError(
            f"--fps {word!r} is not a rate", fix="Give a number, such as 6 or 7.5, or native."
        ) from None


def _show(summary: ExtractSummary, as_json: bool, verbose: bool) -> None:
    from deptool.cli import terminal

    rows = summary.rows
    if as_json:
        terminal.show_json(rows.to_dicts())
    else:
        terminal.show_table(
            f"{summary.corpus.name}: {terminal.count(len(rows), 'recording')},"
            f" {summary.corpus.feature_set}",
            ("recording", "status", "frames", "coverage", "fps", "seconds"),
            [
                (
                    row["recording_id"],
                    row["status"],
                    row["n_frames"],
                    f"{100 * row['coverage']:.0f} %",
                    "" if row["fps"] is None else f"{row['fps']:.1f}",
                    "" if row["duration_s"] is None else f"{row['duration_s']:.1f}",
                )
                for row in rows.to_dicts()
            ],
            left=2,
        )
    unread = sum(not row["n_frames"] for row in rows.to_dicts())
    terminal.say(
        f"{summary.n_new - unread} extracted, {summary.n_kept} were there already, {unread} could"
        f" not be read. The tables are in {summary.corpus.root}."
    )
    _warn(summary, verbose or len(summary.rows) == 1)
    if summary.labels is not None:
        from deptool.cli.label import show as show_labels

        show_labels(summary.labels, verbose)


def _warn(summary: ExtractSummary, verbose: bool) -> None:
    """Say what a user should look at; which recordings, where that was asked for."""
    from deptool.cli import terminal

    rows = summary.rows
    if n := len(summary.elsewhere):
        shown = ", ".join(summary.elsewhere[:10]) + (", …" if summary.elsewhere[10:] else "")
        terminal.say(
            f"The corpus also holds {terminal.count(n, 'recording')} not in this folder"
            + (f": {shown}" if verbose else f" ({terminal.ASK}).")
        )
    if n := len(summary.changed):
        shown = ", ".join(summary.changed) if verbose else f"{terminal.count(n, 'recording')}"
        terminal.warn(
            f"{shown}: the file is another video than the one in the corpus (size, rate or length),"
            f" and was left alone. Replaced? --force ID{'' if verbose else f' ({terminal.ASK})'}."
            " Another recording? Give it a name of its own, or another corpus with --out."
        )
    if summary.lost_labels:
        terminal.warn(
            "recordings.parquet was gone and was made again from the frames tables. What labels"
            " said of persons, sessions and splits is lost: deptool label"
            f" {summary.corpus.root} labels.csv"
        )
    for name, first in summary.duplicates if verbose else ():
        read = "both were read" if name in set(rows["recording_id"]) else "it was read once"
        terminal.warn(f"{name}: the same video as {first}; {read}. Is it one recording?")
    if summary.duplicates and not verbose:
        videos = terminal.count(len(summary.duplicates), "video")
        terminal.warn(
            f"{videos}: the same as another one. Are they one recording? ({terminal.ASK})"
        )
    n_ambiguous = int(rows["n_ambiguous"].sum())
    if n_ambiguous:
        terminal.warn(
            f"ambiguous: {terminal.count(n_ambiguous, 'row')}, perhaps of another person's face."
            " See the column n_ambiguous and `deptool check`; --roi or --faces all help."
        )
    terminal.warn_of_rows(rows.to_dicts(), verbose)
