"""What the figures of a run are drawn from: its scored predictions, its history, its run.json."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deptool.evaluate import read_predictions
from deptool.over import ALL, SESSION, Over, views
from deptool.report_csv import read_anybodys, with_train_mean
from deptool.runs import MARKER, open_run, slug
from deptool.scales import SCALES, Scale
from deptool.schema import HISTORY
from deptool.tables import read_table

if TYPE_CHECKING:
    import polars as pl

RECORDINGS, SESSIONS = "recordings", "sessions"  # what --over names besides tasks


@dataclass(frozen=True)
class FigureData:
    """One run on one split; `scale` is None where a CSV of predictions names none.

    `predictions` has a row per recording (or session), fold and seed, all with a truth. `history`
    is None for models that are fitted at once and for anybody's CSV; `train_mean` (points), the
    mean over folds, is None where it is not known.
    """

    run: str
    model: str
    scale: Scale | None
    split: str
    predictions: pl.DataFrame
    history: pl.DataFrame | None
    about: Mapping[str, Any]
    synthetic: bool
    train_mean: float | None
    over: Over = ALL

    @property
    def folder(self) -> str:
        """The name of the folder that its files go to."""
        return slug(self.run).strip(".") or "run"

    @property
    def noun(self) -> str:
        """What a point is: 'recording' or 'session'."""
        return self.over.unit

    @property
    def points_of(self) -> str:
        """The unit of scores, for axes: 'points of BDI-II', or 'points'."""
        return f"points of {self.scale.name}" if self.scale else "points"

    @property
    def n_members(self) -> int:
        """How many seeds and folds predicted the recording that most of them predicted."""
        return int(str(self.points["members"].max()))

    @cached_property
    def points(self) -> pl.DataFrame:
        """One row per recording (or session): truth, and its predictions over the members.

        Columns recording_id, subject_id, truth, train_mean, prediction (the mean over seeds, and
        over the folds that predicted it), low, high, members, error (prediction - truth); points.
        """
        import polars as pl

        value = pl.col("prediction").cast(pl.Float64)
        # Clipped: the mean of equal numbers can differ from them in the last digit.
        mean = value.mean().clip(value.min(), value.max())
        rows = self.predictions.group_by("recording_id", maintain_order=True).agg(
            pl.col("subject_id").drop_nulls().first(),
            pl.col("truth").cast(pl.Float64).first(),
            pl.col("train_mean").cast(pl.Float64).mean(),
            mean.alias("prediction"),
            value.min().alias("low"),
            value.max().alias("high"),
            pl.len().alias("members"),
        )
        error = pl.col("prediction") - pl.col("truth")
        return rows.with_columns(error=error).sort("truth", "recording_id")


def of_runs(
    folder: Path, names: Collection[str], split: str = "test", over: str | None = None
) -> list[FigureData]:
    """The runs of these names in `folder`, or the run that it is itself, on one split.

    Raises what reading them raises: name the runs that a report could read.
    """
    alone = any((folder / mark).is_file() for mark in (MARKER, "predictions.parquet"))
    roots = [folder] if alone else [folder / name for name in sorted(names)]
    return [_of_run(root, split, over) for root in roots]


def of_file(
    path: Path,
    train_mean: float | None = None,
    split: str | None = None,
    over: str | None = None,
    scale: str | None = None,
) -> list[FigureData]:
    """Anybody's predictions, once for each split that is scored, or for `split` alone.

    `scale` names the questionnaire where the file names none.
    """
    import polars as pl

    frame, known = with_train_mean(read_anybodys(path), train_mean)
    frame = frame.with_columns(pl.col("scale").fill_null(pl.lit(scale, pl.String)))
    scored = frame.filter(pl.col("truth").is_not_null())
    parts = [name for name in dict.fromkeys(scored["split"]) if split in (None, name)]
    found = []
    for name in parts:
        run = path.stem if len(parts) == 1 else f"{path.stem}-{name}"
        part = scored.filter(pl.col("split") == name)
        about = {"model": path.name}
        found += [_data(run, name, over, part, about, train_mean_known=known)]
    return found


def _of_run(root: Path, split: str, over: str | None) -> FigureData:
    import polars as pl

    about = open_run(root).about
    frame = read_predictions(root)
    part = frame.filter((pl.col("split") == split) & pl.col("truth").is_not_null())
    path = root / "history.parquet"
    history = read_table(path, HISTORY) if path.is_file() else None
    if history is not None and (history["epoch"].max() or 0) == 1:
        history = None  # a model that is fitted at once has one epoch, and no curve
    return _data(root.name, split, over, part, about, history=history)


def _data(
    run: str,
    split: str,
    over: str | None,
    part: pl.DataFrame,
    about: Mapping[str, Any],
    history: pl.DataFrame | None = None,
    train_mean_known: bool = True,
) -> FigureData:
    import polars as pl

    chosen, rows = _counted(part, over)
    means = rows["train_mean"].cast(pl.Float64)
    known = train_mean_known and not means.null_count()
    scales = set(rows["scale"].drop_nulls()) if "scale" in rows.columns else set()
    return FigureData(
        run=run,
        model=str(about.get("model", run)),
        scale=SCALES[scales.pop()] if len(scales) == 1 else None,
        split=split,
        predictions=rows,
        history=history,
        about=about,
        synthetic=about.get("synthetic") is True,
        train_mean=float(str(means.mean())) if known else None,
        over=chosen,
    )


def _counted(part: pl.DataFrame, over: str | None) -> tuple[Over, pl.DataFrame]:
    """The rows as `over` counts them: 'recordings' (also None), 'sessions' or those of a task."""
    import polars as pl

    if over in (None, RECORDINGS):
        return ALL, part
    wanted = Over(SESSION) if over == SESSIONS else Over(task=over)
    found = []
    for seed, rows in part.partition_by("seed", as_dict=True, maintain_order=True).items():
        counted = dict(views(rows)).get(wanted)
        if counted is None:  # every recording is one of the task
            counted = rows
        elif wanted.unit == SESSION:
            name = pl.col("recording_id").struct
            named = pl.coalesce(name.field("session_id"), name.field("lone"))
            scale = pl.lit(rows["scale"][0], pl.String)
            counted = counted.with_columns(
                recording_id=named, scale=scale, seed=pl.lit(seed[0], pl.Int32)
            )
        names = ("recording_id", "subject_id", "fold", "seed", "scale")
        found.append(counted.select(*names, "truth", "prediction", "train_mean"))
    return wanted, pl.concat(found)
