"""Reports: one row per run, mean and SD over seeds, the constant predictor always beside it.

Reads run.json and predictions.parquet alone, or anybody's CSV; needs no torch. The rows, and how
they are written, are in `report_formats.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from deptool.csv_file import CsvFile, read_csv, read_number, read_split, refuse
from deptool.errors import DataError, DeptoolError, InputError
from deptool.evaluate import MODEL, TRAIN_MEAN, Score, read_predictions, scores
from deptool.metrics import mean_and_sd
from deptool.report_formats import FEW, METRICS, Origin, Report, Row
from deptool.runs import Run, open_run
from deptool.schema import PREDICTIONS
from deptool.tables import read_table

if TYPE_CHECKING:
    import polars as pl

CSV_COLUMNS = ("recording_id", "truth", "prediction", "split", "subject_id", "train_mean")
CONSTANT = "train mean (constant)"
OPTIMISTIC = "mean of these truths (constant)"
NO_SPLIT = "all"  # the split of predictions that name none


_Group = tuple[object, ...]


def report_runs(folder: Path, split: str = "test") -> Report:
    """A report on one split over all runs in `folder`, or over the run that it is itself.

    Runs that are unfinished, unreadable or without that split are left out and listed. Raises
    InputError where there is no run that can be reported.
    """
    fix = "Make a run with: deptool train --model depressionmlp"
    if not folder.is_dir():
        raise InputError("no such folder", where=str(folder), fix=fix)
    found = _run_folders(folder)
    if not found:
        raise InputError("holds no runs", where=str(folder), fix=fix)
    groups: dict[_Group, list[Row]] = defaultdict(list)
    skipped: dict[str, str] = {}
    for root in found:
        try:
            key, rows = _report_run(open_run(root), split)
        except DeptoolError as error:
            # The folder is named already; a table's column and row are not.
            known = error.where is None or error.where.startswith(str(root))
            skipped[root.name] = error.what if known else f"{error.where}: {error.what}"
        else:
            groups[key] += rows
    if not groups:
        listed = "; ".join(f"{name}: {why}" for name, why in skipped.items())
        raise InputError(
            f"none of its {len(found)} runs can be reported: {listed}", where=str(folder)
        )
    ordered = sorted(groups.items(), key=lambda item: [str(part) for part in item[0]])
    return Report(tuple(_arrange(rows) for _, rows in ordered), skipped)


def report_file(path: Path, train_mean: float | None = None, split: str | None = None) -> Report:
    """A report on anybody's predictions: a CSV with `CSV_COLUMNS`, the last three optional.

    One group per split, or only `split`. The constant predictor beside it is `train_mean`, else
    the column of that name, else the mean of the truths with the split train, else the mean of
    the scored truths, which is marked as optimistic. A Parquet file is read as a predictions
    table. Raises InputError, SchemaError or DataError, with line numbers, for what cannot be
    scored.
    """
    if path.suffix == ".parquet":
        frame = read_table(path, PREDICTIONS)
    else:
        frame = _csv_predictions(read_csv(path, CSV_COLUMNS, CSV_COLUMNS[:3]))
    frame, optimistic = _with_train_mean(frame, train_mean)
    found = scores(frame)
    has = [name for name in dict.fromkeys(s.split for s in found) if split in (None, name)]
    if not has:
        raise InputError(f"has no scored recordings in the split {split}", where=path.name)
    groups = []
    for name in has:
        base = Origin(path.name, path.name, "", _only(frame["scale"]), "as given", name)
        rows = _rows(base, [s for s in found if s.split == name], _shared(frame, name))
        if optimistic:
            rows = [_as_optimistic(row) for row in rows]
        groups.append(_arrange(rows))
    return Report(tuple(groups), {})


def _run_folders(folder: Path) -> list[Path]:
    marks = ("run.json", "predictions.parquet")
    if any((folder / mark).is_file() for mark in marks):
        return [folder]
    return sorted({path.parent for mark in marks for path in folder.glob(f"*/{mark}")})


def _report_run(run: Run, split: str) -> tuple[_Group, list[Row]]:
    """The rows of a run, and what makes them comparable with those of another."""
    import polars as pl

    if not run.done:
        raise InputError("is not finished: run its train command again to resume it")
    frame = read_predictions(run.root)
    known = frame.filter(pl.col("truth").is_not_null())
    part = known.filter(pl.col("split") == split)
    if part.is_empty():
        has = ", ".join(sorted(set(known["split"]))) or "none"
        raise InputError(f"has no scored recordings in the split {split} (it has: {has})")
    about = run.about
    names = {key: str(about.get(key, "")) for key in ("corpus", "scale", "protocol")}
    base = Origin(str(about.get("model", run.root.name)), run.root.name, **names, split=split)
    rows = _rows(base, scores(part), _overlaps(about.get("overlap"), split))
    folds = part.filter(pl.col("train_mean").is_not_null()).group_by("seed")
    if folds.agg(pl.col("train_mean").n_unique().alias("n")).filter(pl.col("n") > 1).height:
        rows = [_noted(row, "folds") if row.constant else row for row in rows]
    test_set = tuple(sorted(set(part.select("recording_id", "truth").iter_rows())))
    return (*names.values(), test_set), rows


def _rows(base: Origin, found: list[Score], shared: bool) -> list[Row]:
    """The model's row and the constant's, over the seeds of one split."""
    notes = ["shared"] * shared
    notes += [base.split] * (base.split in ("dev", "train"))
    model = _row(base, [s for s in found if s.predictor == MODEL], notes)
    means = [s for s in found if s.predictor == TRAIN_MEAN]
    if len(means) < model.n_seeds:
        return [_noted(model, "alone")]
    constant = replace(_row(base, means, []), model=CONSTANT, constant=True)
    ours, its = model.values["rmse"][0], constant.values["rmse"][0]
    if ours is not None and its is not None and ours >= its:
        model = _noted(model, "beaten")
    return [constant, model]


def _row(base: Origin, found: list[Score], notes: Iterable[str]) -> Row:
    counts = [s.metrics.n for s in found]
    people = [s.n_subjects for s in found if s.n_subjects is not None]
    row = Row(
        **asdict(base),
        constant=False,
        n=min(counts),
        n_subjects=min(people) if len(people) == len(found) else None,
        n_seeds=len(found),
        values={name: _over_seeds([getattr(s.metrics, name) for s in found]) for name in METRICS},
        notes=tuple(notes),
    )
    row = _noted(row, "few") if row.n < FEW else row
    return _noted(row, "uneven") if len(set(counts)) > 1 else row


def _over_seeds(values: list[float | None]) -> tuple[float | None, float | None]:
    known = [v for v in values if v is not None]
    return mean_and_sd(known) if known and len(known) == len(values) else (None, None)


def _noted(row: Row, code: str) -> Row:
    return replace(row, notes=(*row.notes, code))


def _as_optimistic(row: Row) -> Row:
    return _noted(replace(row, model=OPTIMISTIC), "optimistic") if row.constant else row


def _arrange(rows: list[Row]) -> tuple[Row, ...]:
    """Constants first, each once; then the runs, named by folder where models repeat."""
    constants: dict[object, Row] = {}
    for row in sorted((r for r in rows if r.constant), key=lambda r: r.run):
        mean_sd = [row.values[name] for name in METRICS]
        key = tuple(None if v is None else round(v, 6) for v, _ in mean_sd)
        # Seeds that all have the same training mean have no spread to show.
        same = all(not sd for _, sd in mean_sd)
        once = {name: (v, None) for name, (v, _) in row.values.items()} if same else row.values
        constants.setdefault(key, replace(row, values=once, n_seeds=1 if same else row.n_seeds))
    models = sorted((r for r in rows if not r.constant), key=lambda r: (r.model, r.run))
    names = [r.model for r in models]
    models = [
        replace(r, model=f"{r.model} ({r.run})") if names.count(r.model) > 1 else r for r in models
    ]
    first = list(constants.values())
    if len(first) > 1:
        first = [replace(r, model=f"{r.model}, {r.run}") for r in first]
    return (*first, *models)


def _overlaps(overlap: object, split: str) -> bool:
    """Whether run.json says that recordings of this split show a person known from another."""
    counts = overlap.get("recordings") if isinstance(overlap, dict) else None
    return bool(counts.get(split)) if isinstance(counts, dict) else False


def _shared(frame: pl.DataFrame, split: str) -> bool:
    """Whether a subject of this split is in a part that a model may have learnt from."""
    import polars as pl

    earlier = {"test": ["train", "dev"], "dev": ["train"]}.get(split, [])
    known = frame.filter(pl.col("split").is_in(earlier))["subject_id"].drop_nulls()
    mine = frame.filter(pl.col("split") == split)["subject_id"].drop_nulls()
    return not set(known).isdisjoint(mine)


def _only(values: pl.Series) -> str:
    return ", ".join(sorted(set(values.drop_nulls())))


def _csv_predictions(file: CsvFile) -> pl.DataFrame:
    """The rows of a CSV in the columns of a predictions table, in double precision."""
    import polars as pl

    _check_csv(file)
    rows = [
        {
            "recording_id": row["recording_id"],
            "subject_id": row.get("subject_id") or None,
            "split": read_split(row["split"]) if "split" in row else NO_SPLIT,
            **{"fold": 0, "seed": 0, "scale": None},
            "truth": read_number(row["truth"]),
            "prediction": read_number(row["prediction"]),
            "train_mean": read_number(row.get("train_mean", "")),
        }
        for _, row in file.rows
    ]
    kinds = {c.name: pl.String for c in PREDICTIONS.columns if c.dtype == "string"}
    kinds_used = {name: kinds.get(name, pl.Float64) for name in rows[0]}
    return pl.DataFrame(rows, schema=kinds_used | {"fold": pl.Int32, "seed": pl.Int32})


def _check_csv(file: CsvFile) -> None:
    """Raise DataError, with line numbers, for cells that hold no number, id or split."""
    seen: dict[tuple[str, str], int] = {}
    problems: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for line, row in file.rows:
        key = row["recording_id"], read_split(row.get("split", "")) or ""
        if not row["recording_id"]:
            problems["a recording_id is missing"].append((line, "it is empty"))
        elif key in seen:
            text = f"{row['recording_id']!r} is on line {seen[key]} too"
            problems["a recording has two rows: average its segments first"].append((line, text))
        seen.setdefault(key, line)
        for name in ("truth", "prediction", "train_mean"):
            cell = row.get(name, "")
            if read_number(cell) is None and (cell or name == "prediction"):
                problems["not a finite number"].append((line, f"{name} {cell!r}"))
        if "split" in row and not key[1]:
            problems["a split is train, dev or test"].append((line, repr(row["split"])))
    for what, found in problems.items():
        refuse(DataError, what, found, file.name)


def _with_train_mean(frame: pl.DataFrame, given: float | None) -> tuple[pl.DataFrame, bool]:
    """The frame with a column train_mean, and whether that mean has seen the scored truths."""
    import polars as pl

    if given is None and not frame["train_mean"].null_count():
        return frame, False
    learnt = frame.filter(pl.col("split") == "train")["truth"].mean()
    known = given if given is not None else learnt
    value = pl.col("truth").mean().over("split") if known is None else pl.lit(known, pl.Float64)
    return frame.with_columns(value.alias("train_mean")), known is None
