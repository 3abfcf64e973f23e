"""`deptool explain`."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from deptool.corpus import Corpus
    from deptool.deletion import Deleted
    from deptool.explain import Explained
    from deptool.tsne import Clouds

PANEL = "Models"
ORDER = 44

_SHOWN = 3  # spans of each track and direction


class Method(StrEnum):
    """Where the explanation comes from."""

    own = "own"
    integrated_gradients = "integrated-gradients"


def command(
    run: Annotated[Path, typer.Argument(help="A run folder that `deptool train` made.")],
    recording: Annotated[
        str | None, typer.Argument(help="The recording's id; not needed with --tsne.")
    ] = None,
    corpus: Annotated[
        Path | None,
        typer.Option(help="The corpus folder. Default: the folder here that the run's is called."),
    ] = None,
    method: Annotated[
        Method, typer.Option(help="What the model itself says, or gradients of its score.")
    ] = Method.own,
    steps: Annotated[int, typer.Option(min=2, help="Of integrated gradients.")] = 50,
    tsne: Annotated[
        bool,
        typer.Option("--tsne", help="Plot segments of high and low relevance of all recordings."),
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="The folder to write. Default: RUN/explained/<recording>.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = "cpu",
    json: Annotated[bool, typer.Option("--json", help="What was found as JSON.")] = False,
) -> None:
    """What a run's networks looked at in a recording, and whether that matters to them.

    Weights and scores over time, the spans that stand out, maps of landmarks and action units,
    as tables and a figure. What ranks highest is deleted, and so is as much at random: where
    the prediction does not move more, the explanation says nothing. It is no finding about a
    person.

    Example: deptool explain runs/first S01_1 --corpus corpus/
    """
    from deptool.cli.terminal import show_json
    from deptool.corpus import open_corpus
    from deptool.errors import UsageError
    from deptool.explain import find_corpus

    opened = open_corpus(corpus) if corpus else find_corpus(run, Path())
    if tsne:
        _tsne(opened, run, out, device, json)
        return
    if recording is None:
        raise UsageError("no recording is named", fix="Name one, or plot all of them with --tsne.")
    found, folder = _explain(opened, run, recording, method, steps, out, device)
    if json:
        from deptool.explain_files import about

        show_json({**about(found), "folder": str(folder)})
    else:
        _show(found)
    _tell(found, folder)


def _explain(
    corpus: Corpus,
    run: Path,
    recording: str,
    method: Method,
    steps: int,
    out: Path | None,
    device: str,
) -> tuple[Explained, Path]:
    from deptool.explain import default_folder, explain
    from deptool.explain_files import write

    bar, on_step = _bar()
    try:
        found = explain(
            corpus,
            run,
            recording,
            method=method.value,
            steps=steps,
            device=device,
            on_step=on_step,
        )
    finally:
        if bar.live.is_started:
            bar.stop()
    folder = out or default_folder(run, corpus, recording, method.value)
    write(found, folder)
    return found, folder


_WAIT_S = 2.0  # before a bar appears


def _bar() -> tuple[Any, Callable[[str, int, int], None]]:
    """A bar that appears where there is more to do than two seconds, and what moves it."""
    import time

    from deptool.cli.terminal import progress

    bar = progress(count=True)
    tasks: dict[str, Any] = {}
    began = time.monotonic()

    def show(what: str, done: int, of: int) -> None:
        if what not in tasks:
            tasks[what] = bar.add_task(what, total=of)
        bar.update(tasks[what], completed=done)
        if time.monotonic() - began > _WAIT_S and not bar.live.is_started and done < of:
            bar.start()

    return bar, show


def _show(found: Explained) -> None:
    """Tables on stdout: the spans, then the check."""
    from deptool.cli.terminal import show_table, write

    shown: dict[tuple[str, str, str], int] = {}
    rows = []
    for row in found.spans.iter_rows(named=True):
        key = (row["kind"], row["name"], row["direction"])
        shown[key] = shown.get(key, 0) + 1
        if shown[key] <= _SHOWN:
            times = (f"{row['start_s']:.1f}", f"{row['end_s']:.1f}")
            rows.append((*key, *times, f"{row['value']:.3g}"))
    names = ("kind", "track", "direction", "start (s)", "end (s)", "mean value")
    show_table(f"Spans that stand out in {found.recording_id}", names, rows, left=3)
    if not rows:
        write("No span stands out: the tracks have the same value everywhere, or one only.")
    if found.deleted:
        _show_check(found.deleted)
    if found.unchecked:
        write(f"NOT CHECKED: {found.unchecked}.")
    if found.attributed:
        a = found.attributed
        write(
            f"Completeness: attributions add up to {a.total.mean():.4g} points; the score less"
            f" the baseline's is {(a.score - a.base).mean():.4g}. At worst a member misses by"
            f" {a.gap:.2g}. The baseline is {a.baseline}."
        )


def _show_check(deleted: list[Deleted] | Any) -> None:
    from deptool.cli.terminal import show_table, write
    from deptool.deletion import FRACTIONS, ORDERS

    names = ["ranking", *(f"{100 * f:.0f} %" for f in FRACTIONS), "area", "above", "check"]
    planted = any(each.planted is not None for each in deleted)
    names += ["planted"] * planted
    rows = []
    for each in deleted:
        cells = [f"{row['change']:.2g} / {row['random_change']:.2g}" for row in each.rows()]
        ratio = "" if each.ratio is None else f"{each.ratio:.2g} ×"
        verdict = "passes" if each.holds else "FAILS"
        if each.holds and each.by_construction:
            verdict = "passes, as it must"
        found = "" if each.planted is None else f"{each.planted:.2f}"
        row = [each.what, *cells, ratio, f"{each.better} of {ORDERS}", verdict]
        rows.append([*row, *[found] * planted])
    title = "Deletion check: change of the prediction in points, by the ranking / at random"
    show_table(title, names, rows)
    for each in deleted:
        if each.of_times:
            write(each.sentence())
    if planted:
        write(
            "planted: how often a piece in which the synthetic corpus shows the score ranks above"
            " one in which it does not; 0.5 is chance."
        )


def _tell(found: Explained, folder: Path) -> None:
    from deptool.cli.terminal import say, warn
    from deptool.explain_files import NOTE
    from deptool.view_about import run_sentences

    for text, matters in run_sentences(found.facts)[1:]:
        (warn if matters else say)(text)
    failed = [each.what for each in found.deleted if not each.holds]
    if found.attributed and not found.attributed.complete:
        warn(
            "The attributions are not complete: along the way from the baseline the network's score"
            " jumps, as where it picks frames or segments. Read them as a rough guide."
        )
    if failed:
        warn(f"Of {len(found.deleted)} rankings {len(failed)} fail the deletion check.")
    say(f"Written: {folder}")
    say(NOTE)


def _tsne(corpus: Corpus, run: Path, out: Path | None, device: str, json: bool) -> None:
    from functools import partial

    from deptool.cli.terminal import say, show_json, show_table
    from deptool.tsne import clouds, write

    bar, on_step = _bar()
    try:
        found = clouds(corpus, run, device, partial(on_step, "Reading"))
    finally:
        if bar.live.is_started:
            bar.stop()
    folder = out or run / "explained"
    write(found, folder)
    if json:
        show_json([vars(picture) for picture in found.pictures])
    else:
        _show_clouds(found, show_table)
    say(f"Written: {folder / 'tsne.png'}, .svg, .pdf, .csv, .json")
    say(
        f"{found.n_recordings} recordings of dev and test, one member ({found.member});"
        f" {found.track}; {found.vectors}. Segments of one person lie together whatever the band"
        " is: believe the numbers of other persons, not the picture."
    )


def _show_clouds(found: Clouds, show_table: Callable[..., None]) -> None:
    def percent(value: float | None) -> str:
        return "" if value is None else f"{100 * value:.0f} %"

    rows = [
        (
            p.relevance,
            p.n,
            "" if p.silhouette is None else f"{p.silhouette:.2f}",
            percent(p.same),
            percent(p.chance),
        )
        for p in found.pictures
    ]
    names = ("relevance", "segments", "silhouette of bands", "nearest of another person", "chance")
    show_table("Do segments of one severity band lie together?", names, rows)
