"""Scoring predictions: from a run's table or anybody's CSV, the constant predictor beside.

The one reader of CSV files that people write by hand is here too; `label` uses it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import deptool
from deptool.bootstrap import LEVEL, METHOD, RESAMPLES, Interval, intervals
from deptool.errors import DataError, InputError
from deptool.metrics import DEFINITIONS, Metrics, measure
from deptool.over import Over, check_sessions, views
from deptool.report_table import NOTES
from deptool.run_about import check_about
from deptool.schema import METRICS, PREDICTIONS
from deptool.shared_persons import of_run
from deptool.tables import read_json, read_table, write_json

if TYPE_CHECKING:
    import polars as pl

MODEL = "model"
TRAIN_MEAN = "train_mean"
COLUMNS = tuple(c.name for c in METRICS.columns)
HOW = (
    "once over recording-level predictions (the mean of a recording's segments), never over"
    " segments, batches or folds; the folds of a cross-validation are pooled first"
)


@dataclass(frozen=True)
class Score:
    """The metrics of one predictor on one split with one seed; numbers in double precision."""

    predictor: str
    split: str
    seed: int
    over: Over
    n_distinct: int  # recordings or sessions behind n, each once
    n_subjects: int | None
    metrics: Metrics
    # What was scored, the predictor's scores in the column prediction.
    rows: pl.DataFrame = field(repr=False, compare=False)

    @cached_property
    def intervals(self) -> dict[str, Interval]:
        """The interval of each metric that has one."""
        return intervals(self.rows)

    def as_row(self) -> dict[str, object]:
        """One row of the metrics table, columns in the schema's order."""
        parts = (vars(self), dataclasses.asdict(self.over), dataclasses.asdict(self.metrics))
        values = {k: v for part in parts for k, v in part.items()}
        return {name: values[name] for name in COLUMNS}


def score(predictions: pl.DataFrame) -> pl.DataFrame:
    """Predictions (row = recording x fold x seed) -> metrics (row = predictor x split x seed).

    Where sessions have several recordings, also one row per task and one over the sessions. Rows
    without truth are left out. Raises DataError where a number is not finite, where a recording
    has two rows, where a session has two truths or persons, or where nothing has a truth.
    """
    return _frame(scores(predictions))


def scores(predictions: pl.DataFrame, seen: bool = False) -> list[Score]:
    """The same as `score`, as objects in double precision, sorted by split and seed.

    The constant predictor is there where every scored row knows its train mean; with `seen`, it
    is the mean of the very truths that are scored. A recording, or a session, that was predicted
    in several folds counts in n once for each of them, and once in `n_distinct`.
    """
    import polars as pl

    check(predictions)
    known = predictions.filter(pl.col("truth").is_not_null())
    if known.is_empty():
        raise DataError(
            f"none of the {len(predictions)} predictions has a truth to be scored against"
        )
    groups = known.partition_by("split", "seed", as_dict=True, maintain_order=True)
    ordered = sorted(groups.items(), key=lambda item: _split_order(item[0]))
    found: list[Score] = []
    for (split, seed), part in ordered:
        predictors = {MODEL: "prediction"}
        if seen or not part["train_mean"].null_count():
            predictors[TRAIN_MEAN] = "train_mean"
        for over, rows in views(part):
            if seen:
                rows = rows.with_columns(train_mean=pl.col("truth").cast(pl.Float64).mean())
            for predictor, column in predictors.items():
                counts = rows["recording_id"].n_unique(), _n_subjects(rows)
                scored = rows.with_columns(prediction=pl.col(column).cast(pl.Float64))
                found.append(
                    Score(
                        *(predictor, str(split), int(str(seed)), over, *counts),
                        *(_measure(rows, column), scored),
                    )
                )
    return found


def n_without_truth(predictions: pl.DataFrame) -> dict[str, int]:
    """Recordings without a truth, per split; splits with none are not named."""
    import polars as pl

    left_out = predictions.filter(pl.col("truth").is_null())
    counts = left_out.group_by("split").agg(pl.col("recording_id").n_unique()).sort("split")
    return dict(counts.iter_rows())


def evaluate_run(run: Path) -> pl.DataFrame:
    """Score runs/<run>/predictions.parquet, write metrics.json beside it, return the metrics.

    More columns than `score` has: n_distinct, the recordings or sessions behind n, each once; and
    both ends of each metric's interval, rmse_low, rmse_high and so on, null where there is none.
    Raises InputError where the folder holds no predictions, DataError as `score` does.
    """
    import polars as pl

    predictions = read_predictions(run)
    found = scores(predictions)
    write_json(run / "metrics.json", _record(predictions, found, run_warnings(run)))
    behind = pl.Series("n_distinct", [s.n_distinct for s in found], pl.Int32)
    ends = [
        pl.Series(f"{name}_{end}", [getattr(s.intervals.get(name), end, None) for s in found])
        for name in DEFINITIONS
        for end in ("low", "high")
    ]
    return _frame(found).with_columns(behind, *(e.cast(pl.Float64) for e in ends))


def run_warnings(run: Path) -> list[str]:
    """What run.json says that makes the numbers worth less: a synthetic corpus, persons met."""
    path = run / "run.json"
    about = read_json(path) if path.is_file() else {}
    check_about(about, str(path))
    said = [NOTES["synthetic"]] if about.get("synthetic") is True else []
    return said + [s.sentence for s in (of_run(about, split) for split in ("test", "dev")) if s]


def read_predictions(run: Path) -> pl.DataFrame:
    """The predictions table of a run folder. Raises InputError where there is none."""
    path = run / "predictions.parquet"
    if path.is_file():
        return read_table(path, PREDICTIONS)
    if not run.is_dir():
        raise InputError("no such run folder", where=str(run), fix=_runs_near(run.parent))
    raise InputError("holds no predictions.parquet", where=str(run), fix=_runs_near(run))


def check(predictions: pl.DataFrame, where: str = "predictions") -> None:
    """Raise DataError, naming the recording, for what would make a metric meaningless."""
    import polars as pl

    for name in ("truth", "prediction", "train_mean"):
        column = pl.col(name).cast(pl.Float64)
        bad = predictions.filter(~column.is_finite())
        if name == "prediction":
            bad = predictions.filter(~column.is_finite() | column.is_null())
        if len(bad):
            raise DataError(
                f"recording {bad['recording_id'][0]!r} has the {name} {bad[name][0]},"
                " which is not a finite number",
                where=where,
            )
    scales = sorted(set(predictions["scale"].drop_nulls()))
    if len(scales) > 1:
        raise DataError(
            f"predictions on several scales cannot be scored together: {', '.join(scales)}",
            where=where,
        )
    key = ["recording_id", "split", "seed", "fold"]
    twice = predictions.filter(pl.struct(key).is_duplicated())
    if len(twice):
        first: Mapping[str, object] = twice.row(0, named=True)
        raise DataError(
            f"recording {first['recording_id']!r} has more than one row in split {first['split']},"
            f" seed {first['seed']}, fold {first['fold']}",
            where=where,
            fix="Average the segments of a recording first: metrics are over recordings.",
        )
    check_sessions(predictions, where)


def _measure(rows: pl.DataFrame, column: str) -> Metrics:
    import polars as pl

    kind = pl.Float64
    return measure(rows["truth"].cast(kind).to_numpy(), rows[column].cast(kind).to_numpy())


def _n_subjects(rows: pl.DataFrame) -> int | None:
    subjects = rows["subject_id"]
    return None if subjects.null_count() else subjects.n_unique()


def _split_order(key: tuple[object, ...]) -> tuple[int, str, int]:
    split, seed = str(key[0]), int(str(key[1]))
    order = ("test", "new", "dev", "train")  # the split that counts comes first
    return (order.index(split) if split in order else len(order), split, seed)


def _frame(found: list[Score]) -> pl.DataFrame:
    import polars as pl

    from deptool.corpus import empty

    kinds = empty(METRICS).schema
    return pl.DataFrame([s.as_row() for s in found], schema=kinds, orient="row", strict=False)


def _record(
    predictions: pl.DataFrame, found: list[Score], warnings: list[str]
) -> dict[str, object]:
    """What metrics.json says: the numbers and how they were computed; no time and no path."""
    return {
        "deptool_version": deptool.__version__,
        "computed": HOW,
        "definitions": DEFINITIONS,
        "intervals": {"level": LEVEL, "resamples": RESAMPLES, "method": METHOD},
        "warnings": warnings,
        "scales": sorted(set(predictions["scale"])),
        "n_without_truth": n_without_truth(predictions),
        "rows": [
            s.as_row()
            | {"n_distinct": s.n_distinct, "over": s.over.text, "rule": s.over.rule}
            | {"intervals": {k: dataclasses.asdict(v) for k, v in s.intervals.items()}}
            for s in found
        ],
    }


def _runs_near(folder: Path) -> str:
    """Where runs lie in `folder`, or how to make one."""
    found = sorted(p.parent for p in folder.glob("*/predictions.parquet"))
    if not found:
        return "Make a run with: deptool train --model MODEL"
    return "Name a run: " + ", ".join(str(p) for p in found[:5])
