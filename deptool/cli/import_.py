"""deptool import."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deptool.cli.terminal import Verbose

if TYPE_CHECKING:
    from deptool.ingest import ImportSummary

PANEL = "Tables"
ORDER = 12

_SHOWN = 20  # notes on single recordings that the terminal shows


def command(
    kind: Annotated[
        str, typer.Argument(help="Whose files: a file name in deptool/importers (deptool list).")
    ],
    source: Annotated[Path, typer.Argument(help="The folder of feature files, or one file.")],
    out: Annotated[Path, typer.Option(help="The corpus folder.")] = Path("corpus"),
    set: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="One setting of the importer; repeatable."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="A TOML file of settings; --set wins over it.")
    ] = None,
    normalise: Annotated[
        str | None,
        typer.Option(
            help="How models scale landmarks: frame (picture size), session-max, inter-ocular, or"
            " the picture's longer side in px. Default: frame where it is known, else session-max."
        ),
    ] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Recordings at once; cores.")] = None,
    force: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Import this again, or all; repeatable.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="The corpus's name; its folder's.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print recordings as JSON.")] = False,
    verbose: Verbose = False,
) -> None:
    """Import feature files of a public corpus or another tool; the same command again resumes.

    Ids, splits and labels come along where the source has them; else a labels.csv beside the
    files is joined. A file that is damaged becomes a
    row that says why; then the exit code is 4.

    Example: deptool import daic-woz DAIC-WOZ/ --out corpus
    """
    from deptool import plugins
    from deptool.cli import terminal
    from deptool.ingest import import_corpus
    from deptool.machine import usable_cores
    from deptool.settings import read_toml, resolve

    cls = plugins.load("importers", kind).Settings
    layer = read_toml(config) if config else {}
    settings = resolve(cls, layer, words=list(set or ()), where=f"settings of {kind}")
    bar = terminal.progress("speed")
    task = bar.add_task("Importing", total=None, speed="")

    def show(n_done: int, n_all: int, n_bytes: int, total: int) -> None:
        bar.start()
        spent = bar.tasks[task].elapsed or 0.0
        speed = f"{n_bytes / spent / 1e6:.0f} MB/s" if spent else ""
        bar.update(task, total=n_all, completed=n_done, speed=speed)

    try:
        summary = import_corpus(
            kind,
            source,
            out,
            settings,
            normalise=normalise,
            jobs=jobs or usable_cores(),
            force=tuple(force or ()),
            name=name,
            on_progress=show,
        )
    except KeyboardInterrupt:
        if bar.live.is_started:
            bar.stop()
        terminal.say("Interrupted. What is done is kept: the same command again goes on.")
        raise typer.Exit(130) from None
    finally:
        if bar.live.is_started:
            bar.stop()
    if json:
        terminal.show_json(summary.rows.to_dicts())
    else:
        _show(summary)
    _tell(summary, verbose or len(summary.rows) == 1)
    if summary.labels is not None:
        from deptool.cli.label import show as show_labels

        show_labels(summary.labels, verbose)
    if summary.labels_refused:
        terminal.say(
            "labels.csv was not joined. The tables are kept: mend it and give the same command"
            f" again, or join it with: deptool label {out} {source / 'labels.csv'}"
        )
        raise summary.labels_refused
    if summary.failed:
        raise typer.Exit(4)


def _show(summary: ImportSummary) -> None:
    """Recordings by split: how many, of whom, how long, how much of it measured."""
    import polars as pl

    from deptool.cli import terminal

    lines = []
    for split in ("train", "dev", "test", None):
        rows = summary.rows.filter(pl.col("split").eq_missing(split))
        if len(rows):
            people = rows["subject_id"].drop_nulls().n_unique()
            hours = sum(rows["duration_s"].drop_nulls()) / 3600
            frames, good = int(rows["n_frames"].sum()), int(rows["n_success"].sum())
            lines.append(
                (
                    split or "no split",
                    len(rows),
                    people or "?",
                    f"{hours:.2f}",
                    frames,
                    f"{100 * good / frames:.0f} %" if frames else "",
                )
            )
    terminal.show_table(
        f"{summary.corpus.name}: {summary.corpus.feature_set}",
        ("split", "recordings", "persons", "hours", "rows", "measured"),
        lines,
    )


def _tell(summary: ImportSummary, verbose: bool) -> None:
    from deptool.cli import terminal
    from deptool.naming import told

    n_unread = int((summary.rows["n_frames"] == 0).sum())
    unread = f" {n_unread} could not be read," if n_unread else ""
    there = "1 was" if summary.n_kept == 1 else f"{summary.n_kept} were"
    terminal.say(
        f"{summary.n_new - n_unread} imported,{unread} {there} there already{_scores(summary)}."
        f" The tables are in {summary.corpus.root}."
    )
    _tell_changes(summary)
    how = summary.corpus.normalise
    if summary.has_landmarks:
        terminal.say(f"Models divide landmarks by {_divisor(how)} (--normalise).")
    if summary.normalise_before:
        terminal.warn(
            f"--normalise was {summary.normalise_before} before and is {how} now: models trained on"
            " this corpus before need another corpus."
        )
    if summary.corpus.persons_unknown:
        terminal.warn(
            "the source does not say who is in a recording: whether a person is in two splits"
            " cannot be known, for this corpus or by anybody."
        )
    for note in summary.notes:
        terminal.say(f"Note: {told(note, verbose)}")
    if any(told(note, False) != note for note in summary.notes) and not verbose:
        terminal.say(f"Notes with ids stand whole in corpus.json ({terminal.ASK}).")
    if n := len(summary.without_files):
        listed = ", ".join(summary.without_files[:10]) + (", …" * (n > 10))
        terminal.warn(
            f"{n} recordings are not in the corpus"
            + (f": {listed}" if verbose else f" ({terminal.ASK}).")
        )
    if odd := summary.odd_rates:
        name, fps = next(iter(odd.items()))
        more = f" (and {len(odd) - 1} more)" if len(odd) > 1 else ""
        who = f"{name}{more}" if verbose else terminal.count(len(odd), "recording")
        terminal.warn(f"{who}: {fps:.2g} rows per second; is the unit of time (or fps) right?")
    lines = [f"{name}: {text}" for name, texts in summary.said.items() for text in texts]
    for line in lines[:_SHOWN] if verbose else ():
        terminal.say(line)
    if lines[_SHOWN:] and verbose:
        terminal.say(f"… and {len(lines) - _SHOWN} more such notes.")
    if lines and not verbose:
        n_notes = terminal.count(len(lines), "note")
        on = terminal.count(len(summary.said), "recording")
        terminal.say(
            f"{n_notes} on {on} (gaps, several faces) in corpus.json; --verbose says them here."
        )
    terminal.warn_of_rows(summary.rows.to_dicts(), verbose, _SHOWN)


def _scores(summary: ImportSummary) -> str:
    """', 15 scores joined: 15 PHQ-8'; nothing where a labels.csv beside has the scores."""
    from deptool.cli import terminal

    if summary.labels or summary.labels_refused:
        return ""
    scales = ", ".join(f"{n} {scale}" for scale, n in summary.scores.by_scale.items())
    return f", {terminal.count(summary.n_labels, 'score')} joined" + (
        f": {scales}" if scales else ""
    )


def _tell_changes(summary: ImportSummary) -> None:
    """What of the corpus is not as it was before, or not of this source."""
    from deptool.cli import terminal

    if n := summary.scores.n_changed:
        were = "1 score was" if n == 1 else f"{n} scores were"
        terminal.warn(f"{were} another number before and {'was' if n == 1 else 'were'} replaced.")
    if n := summary.n_redescribed:
        were = "was" if n == 1 else "were"
        terminal.warn(
            f"{terminal.count(n, 'recording')} had another subject, session, task or split"
            f" and {were} given the source's."
        )
    if n := summary.n_elsewhere:
        are = "recording whose file is" if n == 1 else "recordings whose files are"
        terminal.say(f"The corpus also holds {n} {are} not in this source.")


def _divisor(how: str) -> str:
    """What --normalise divides by, in words."""
    shown = {
        "frame": "the picture's longer side",
        "session-max": "the recording's largest value",
        "inter-ocular": "the distance of the eyes",
    }
    return shown.get(how, f"{how} px")
