"""deptool predict."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deptool.cli.terminal import Verbose

PANEL = "Models"
ORDER = 40


def command(
    run: Annotated[Path, typer.Argument(help="A run folder that `deptool train` made.")],
    corpus: Annotated[Path, typer.Argument(help="The corpus folder; labels are not needed.")],
    out: Annotated[
        Path | None,
        typer.Option(help="A .parquet or .csv file. Default: RUN/predicted/<corpus>.parquet."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
    json_: Annotated[bool, typer.Option("--json", help="Rows as JSON on stdout.")] = False,
    verbose: Verbose = False,
) -> None:
    """Predict scores for new recordings with a trained run: the mean over its members.

    A prediction is a research result about a recording. It is not a diagnosis. The exit code is
    4 where a recording could not be predicted.

    Example: deptool predict runs/depressionmlp-corpus-1a2b3c4d new_corpus --out new.csv
    """
    from deptool.cli.terminal import ASK, count, say, show_json, show_table, warn
    from deptool.corpus import open_corpus
    from deptool.naming import by_reason
    from deptool.predict import predict, predictions_path

    opened = open_corpus(corpus)
    path = out or predictions_path(run, opened)
    found = predict(opened, run, device, path)
    if found.in_training:
        warn(
            "Of the run's own training data, so that their predictions say nothing about new"
            f" people: {len(found.in_training)} of {count(len(found.predictions), 'recording')}."
        )
    if found.known_persons:
        shown = ", ".join(found.known_persons[:10]) + (", …" if found.known_persons[10:] else "")
        warn(
            f"{count(len(found.known_persons), 'person')} of this corpus may be in the run's"
            f" training data, by the same id{f': {shown}' if verbose else f' ({ASK})'}."
            " Predictions for them flatter."
        )
    if found.skipped:
        warn(f"{count(len(found.skipped), 'recording')} cannot be used, without a prediction:")
        lines = [f"{name}: {why}" for name, why in found.skipped.items()]
        for line in (lines if verbose else by_reason(found.skipped.values()))[:10]:
            say(f"  {line}")
    rows = found.predictions.to_dicts()
    if json_:
        show_json(rows)
    else:
        # Rows of the run's own corpus are told apart: a training recording is no test.
        parts = ["split"] * any(row["split"] != "new" for row in rows)
        names = ["recording_id", "subject_id", *parts, "scale"]
        left = len(names)
        names += ["prediction", "truth", "n_segments"]
        cells = [
            [f"{v:.1f}" if isinstance(v, float) else v for v in (row[name] for name in names)]
            for row in rows
        ]
        show_table(f"Predictions of {run.name}", names, cells, left)
    say(f"Written: {path}. Research software: a prediction is not a diagnosis.")
    if found.skipped:
        raise typer.Exit(4)
