"""Predictions: segment scores averaged per recording; a trained run on new recordings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from deptool import plugins, runs
from deptool.corpus import Corpus
from deptool.errors import DataError, UsageError
from deptool.measured import find_columns, same_scaling
from deptool.networks import find_device
from deptool.prepare import Plan, prepare
from deptool.schema import PREDICTIONS
from deptool.settings import resolve
from deptool.tables import read_table, replacing, write_table


@dataclass(frozen=True)
class Predicted:
    """predictions (row = recording); what had no usable segment, and why; what was known before."""

    predictions: pl.DataFrame
    skipped: Mapping[str, str]
    in_training: tuple[str, ...]  # recording ids that the run was trained on, by their ids
    known_persons: tuple[str, ...]  # subject ids of new recordings that the run was trained on


def predict(
    corpus: Corpus, run_root: Path, device: str = "auto", out: Path | None = None
) -> Predicted:
    """The mean over a run's members of each recording's score; labels are not needed.

    `out` is written where it is given: Parquet, or CSV for a name in .csv. Raises UsageError for
    another name, InputError where there is no finished run, DataError where the corpus has another
    feature set, lacks action units of the model, has no recording that can be used, or one whose
    prediction is not finite.
    """
    if out is not None:
        _check_name(out)
    runs.open_run(run_root)
    header, members = runs.read_model(run_root)
    recordings = corpus.recordings()
    check_features(corpus, recordings, header)
    module = plugins.load("models", header["model"])
    settings = resolve(module.Settings, header["settings"], where=f"model of {run_root.name}")
    place, streams = find_device(device), header.get("streams")
    plan = Plan(module, settings, header["columns"], place, streams, keep=False)
    prepared = prepare(corpus, recordings, plan)
    if prepared.recordings.is_empty():
        listed = "; ".join(f"{name}: {why}" for name, why in list(prepared.skipped.items())[:5])
        raise DataError(
            f"none of the {len(recordings)} recordings can be predicted from ({listed})",
            where=f"corpus {corpus.name!r}",
            fix="recordings.parquet says how reading each of them went.",
        )
    prediction = np.sum(prepared.predict(members), axis=0) / len(members)
    finite = np.abs(prediction) <= np.finfo(np.float32).max  # as the table holds it
    if not finite.all():
        name = prepared.recordings["recording_id"][int(finite.argmin())]
        raise DataError(
            f"the model's prediction of recording {name!r} is not a finite number",
            where=f"model of {run_root.name}",
            fix="Its parameters are not those of a trained model, or the recording's numbers are"
            " far from any it was trained on.",
        )
    parts = parts_of(run_root, header, corpus)
    known = corpus.labels().filter(pl.col("scale") == header["scale"])
    table = predictions_table(
        prepared.recordings.join(
            known.select("session_id", "score"), on="session_id", how="left", maintain_order="left"
        ),
        prediction=prediction,
        n_segments=prepared.n_segments,
        scale=header["scale"],
        train_mean=float(np.mean([m["train_mean"] for m in header["members"]])),
        split="new",
    )
    split = pl.Series("split", [parts.get(r, "new") for r in table["recording_id"]], pl.String)
    table = table.with_columns(split)
    if out is not None:
        write_predictions(out, table)
    trained = table.filter(pl.col("split") == "train")["recording_id"]
    return Predicted(
        table, prepared.skipped, tuple(trained), known_persons(run_root, corpus, table)
    )


def predictions_path(run_root: Path, corpus: Corpus) -> Path:
    """Where predictions go unless a name is given: RUN/predicted/<corpus>.parquet."""
    return run_root / "predicted" / f"{runs.slug(corpus.name)}.parquet"


def predictions_table(
    recordings: pl.DataFrame,
    *,
    prediction: NDArray[np.float64],
    n_segments: NDArray[np.int64],
    scale: str,
    train_mean: float,
    split: str = "test",
    seed: int = 0,
    fold: int = 0,
) -> pl.DataFrame:
    """Rows of the predictions table: recordings with a score (null where it is not known)."""
    return recordings.select(
        *("recording_id", "subject_id", "session_id", "task"),
        pl.lit(split).alias("split"),
        pl.lit(fold, pl.Int32).alias("fold"),
        pl.lit(seed, pl.Int32).alias("seed"),
        pl.lit(scale).alias("scale"),
        pl.col("score").cast(pl.Float32).alias("truth"),
        pl.Series("prediction", prediction, pl.Float32),
        pl.lit(train_mean, pl.Float32).alias("train_mean"),
        pl.Series("n_segments", n_segments, pl.Int32),
    )


def parts_of(run_root: Path, header: Mapping[str, Any], corpus: Corpus) -> dict[str, str]:
    """The part each recording had in the run, if this is the corpus of that name, or one of them.

    In a cross-validation every recording was in some member's train part, and so in train here:
    the mean over members knows it.
    """
    path = run_root / "predictions.parquet"
    if not path.is_file():
        return {}
    before = read_table(path, PREDICTIONS, ["recording_id", "split"])
    if header["corpus"] != corpus.name:  # in a run on several, ids begin with their corpus
        own = f"{corpus.name}/"
        before = before.filter(pl.col("recording_id").str.starts_with(own))
        before = before.with_columns(pl.col("recording_id").str.strip_prefix(own))
    parts: dict[str, str] = {}
    for split in ("test", "dev", "train"):  # the last to speak wins
        parts |= dict.fromkeys(before.filter(pl.col("split") == split)["recording_id"], split)
    return parts


def known_persons(run_root: Path, corpus: Corpus, table: pl.DataFrame) -> tuple[str, ...]:
    """Subjects of the rows that are new, whom the run was trained on under the same id.

    Two corpora that both say whose ids theirs are, and differ in it, mean two persons by one id.
    """
    path = run_root / "predictions.parquet"
    space = runs.open_run(run_root).about.get("id_space")
    if not path.is_file() or (space and corpus.id_space and space != corpus.id_space):
        return ()
    before = read_table(path, PREDICTIONS, ["subject_id", "split"])
    met = set(before.filter(pl.col("split") == "train")["subject_id"].drop_nulls())
    mine = table.filter(pl.col("split") == "new")["subject_id"].drop_nulls().unique()
    return tuple(sorted(s for s in mine if {s, f"{corpus.id_space}:{s}"} & met))


def check_features(corpus: Corpus, recordings: pl.DataFrame, header: Mapping[str, Any]) -> None:
    """Raise DataError where a model cannot read this corpus."""
    where = f"corpus {corpus.name!r}"
    if corpus.feature_set != header["feature_set"]:
        raise DataError(
            f"its features are {corpus.feature_set}, but the model was trained on"
            f" {header['feature_set']}",
            where=where,
            fix=f"Give a corpus of {header['feature_set']}, or a run that was trained on"
            f" {corpus.feature_set}.",
        )
    if recordings.is_empty():
        raise DataError("has no recordings", where=where, fix="Add some with: deptool extract")
    if not same_scaling(str(header["normalise"]), corpus.normalise):
        raise DataError(
            f"its landmarks are scaled by {corpus.normalise}, but the model was trained on"
            f" landmarks scaled by {header['normalise']}",
            where=where,
            fix=f"Import it again with --normalise {header['normalise']}.",
        )
    if not header["columns"]:  # a constant looks at nothing
        return
    kept, _ = find_columns(corpus, recordings, header["columns"])
    lacking = [
        c for group, names in header["columns"].items() for c in names if c not in kept[group]
    ]
    if lacking:
        raise DataError(
            f"{len(lacking)} columns of the model have no value in any recording:"
            f" {', '.join(lacking[:10])}",
            where=where,
            fix="Extract it with the extractor and settings of the training corpus.",
        )


def write_predictions(path: Path, predictions: pl.DataFrame) -> None:
    """Write Parquet or, for a name in .csv, CSV. UsageError for another ending."""
    _check_name(path)
    if path.suffix == ".csv":
        with replacing(path) as temporary:
            predictions.write_csv(temporary)
    else:
        write_table(path, PREDICTIONS, predictions)


def _check_name(path: Path) -> None:
    if path.suffix not in (".parquet", ".csv"):
        raise UsageError(
            f"cannot write predictions to {path.name!r}", fix="Use a name in .parquet or .csv."
        )
