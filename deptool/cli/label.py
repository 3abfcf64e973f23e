"""`deptool label`: join a labels CSV to a corpus."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deptool.cli.terminal import Verbose

if TYPE_CHECKING:
    from deptool.label_summary import LabelSummary

PANEL = "Tables"
ORDER = 20


def command(
    corpus: Annotated[Path, typer.Argument(help="The corpus folder.")],
    labels: Annotated[Path, typer.Argument(help="The CSV with the labels.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
    verbose: Verbose = False,
) -> None:
    """Join labels to a corpus: persons, sessions, splits and scores.

    LABELS is a CSV with the header

      recording_id,subject_id,session_id,task,split,scale,score

    one row per recording, or per session with recording_id left out. Several scales take several
    rows. task and split may be empty; score may be empty where a test label is not public.
    Columns gender and age may follow. All of it is checked before anything is written.

    Example: deptool label corpus/ labels.csv
    """
    import dataclasses

    from deptool.cli.terminal import show_json
    from deptool.corpus import open_corpus
    from deptool.label import join_labels

    summary = join_labels(open_corpus(corpus), labels)
    show(summary, verbose)
    if as_json:
        show_json(dataclasses.asdict(summary))


def show(summary: LabelSummary, verbose: bool) -> None:
    """Say on stderr what a join did, and what to be careful with."""
    from deptool.cli.terminal import say, warn
    from deptool.naming import told

    scores = ", ".join(f"{n} {scale}" for scale, n in summary.n_scores.items()) or "none"
    splits = ", ".join(f"{name} {n}" for name, n in summary.n_splits.items())
    say(
        f"Labelled {summary.n_recordings} recordings of {summary.n_subjects} subjects in"
        f" {summary.n_sessions} sessions.\n"
        f"Scores in the corpus: {scores}. Recordings by split: {splits}.\n"
        f"Recordings without a score: {summary.n_unlabelled}."
    )
    if summary.n_described:
        say(f"Persons of whom gender or age is known: {summary.n_described}.")
    for text in summary.warnings():
        warn(told(text, verbose))
