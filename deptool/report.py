"""Reports: one row per run, mean and SD over seeds, the constant predictor always beside it.

Reads run.json and predictions.parquet alone, or anybody's CSV; needs no torch. A run whose
sessions have several recordings is reported over all recordings, over each task and over the
sessions, each in a group of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from deptool.errors import DeptoolError, InputError
from deptool.evaluate import read_predictions, scores
from deptool.known_persons import with_met
from deptool.over import SESSION, Over, recordings_of
from deptool.report_csv import (
    CSV_COLUMNS,
    NO_SPLIT,
    read_anybodys,
    subjects_of,
    with_scale,
    with_train_mean,
)
from deptool.report_rows import (
    CONSTANT,
    CONSTANT_MODEL,
    OPTIMISTIC,
    arrange,
    as_optimistic,
    by_over,
    mark_mixed,
    noted,
    rows_of,
    tell_apart,
)
from deptool.report_table import Origin, Report, Row
from deptool.runs import Run, open_run
from deptool.shared_persons import Shared, of_run, of_table, together
from deptool.subjects import read_subjects

if TYPE_CHECKING:
    import polars as pl

__all__ = ["CONSTANT", "CSV_COLUMNS", "NO_SPLIT", "OPTIMISTIC", "report_file", "report_runs"]

_Group = tuple[object, ...]
_Grouped = list[tuple[_Group, list[Row]]]


def report_runs(folder: Path, split: str = "test", over: str | None = None) -> Report:
    """A report on one split over all runs in `folder`, or over the run that it is itself.

    `over` keeps what is computed over 'recordings', over 'sessions' or over one task. Runs that
    are unfinished, unreadable or without that are left out and listed. Raises InputError where
    there is no run that can be reported.
    """
    fix = "Make a run with: deptool train --model depressionmlp"
    if not folder.is_dir():
        raise InputError("no such folder", where=str(folder), fix=fix)
    found = _run_folders(folder)
    if not found:
        raise InputError("holds no runs", where=str(folder), fix=fix)
    groups: dict[_Group, list[Row]] = defaultdict(list)
    shared: list[Shared] = []
    skipped: dict[str, str] = {}
    for root in found:
        try:
            run = open_run(root)
            grouped = _report_run(run, split, over)
        except DeptoolError as error:
            # The folder is named already; a table's column and row are not.
            known = error.where is None or error.where.startswith(str(root))
            skipped[root.name] = error.what if known else f"{error.where}: {error.what}"
        else:
            for key, rows in grouped:
                groups[key] += rows
            shared += [s for s in [of_run(run.about, split, root.name)] if s]
    if not groups:
        listed = "; ".join(f"{name}: {why}" for name, why in skipped.items())
        raise InputError(f"none of its runs can be reported: {listed}", where=str(folder))
    # By corpus, scale and protocol; else in the order of the runs.
    ordered = sorted(groups.items(), key=lambda item: [str(part) for part in item[0][:3]])
    arranged = [arrange(rows) for _, rows in ordered]
    return Report(mark_mixed(tell_apart(arranged)), skipped, together(shared))


def report_file(
    path: Path,
    train_mean: float | None = None,
    split: str | None = None,
    over: str | None = None,
    scale: str | None = None,
) -> Report:
    """A report on anybody's predictions: a CSV with `CSV_COLUMNS`, the first three required.

    One group per split, or only `split`, and per what it is computed over, or only `over`. The
    constant predictor beside it is `train_mean`, else the column of that name, else the mean of
    the truths with the split train, else the mean of the scored truths, which is marked as
    optimistic. `scale` is that of the scores, where the file does not name it: severity bands
    need it. A Parquet file is read as a predictions table. Raises InputError, SchemaError or
    DataError, with line numbers, for what cannot be scored, UsageError for an unknown scale.
    """
    frame, known = with_train_mean(
        with_scale(read_anybodys(path, scale), scale, path.name), train_mean
    )
    subjects = subjects_of(frame)
    found = scores(frame, seen=not known)
    has = [name for name in dict.fromkeys(s.split for s in found) if split in (None, name)]
    if not has:
        raise InputError(f"has no scored recordings in the split {split}", where=path.name)
    scale = next(iter(frame["scale"].drop_nulls()), "")
    groups = []
    shared = [s for s in (of_table(frame, name, path.name) for name in has) if s]
    for name in has:
        base = Origin(path.name, path.name, "", scale, "as given", name)
        notes = ["shared"] * any(s.split == name for s in shared) + _of_split(name)
        of_split = by_over(s for s in found if s.split == name)
        for _, part in (item for item in of_split.items() if _wanted(item[0], over)):
            rows = [replace(row, subjects=subjects) for row in rows_of(base, part, notes)]
            groups.append(arrange(rows if known else [as_optimistic(row) for row in rows]))
    if not groups:
        raise InputError(_nothing(over, list(by_over(found))), where=path.name)
    return Report(mark_mixed(groups), {}, together(shared))


def _run_folders(folder: Path) -> list[Path]:
    marks = ("run.json", "predictions.parquet")
    if any((folder / mark).is_file() for mark in marks):
        return [folder]
    return sorted({path.parent for mark in marks for path in folder.glob(f"*/{mark}")})


def _report_run(run: Run, split: str, over: str | None) -> _Grouped:
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
    notes = ["shared"] * bool(of_run(about, split, run.root.name))
    notes += ["persons"] * (about.get("persons_unknown") is True)
    notes += _of_split(split, about)
    found = by_over(scores(with_met(part, known, split)))
    subjects = read_subjects(run.root)
    grouped: _Grouped = []
    for each in (each for each in found if _wanted(each, over)):
        rows = [replace(row, subjects=subjects) for row in rows_of(base, found[each], notes)]
        if about.get("synthetic") is True:
            rows = [noted(row, "synthetic") for row in rows]
        if _folds_differ(part):
            rows = [
                noted(r, "folds") if r.constant or r.model == CONSTANT_MODEL else r for r in rows
            ]
        grouped.append(((*names.values(), _scored_on(each, part)), rows))
    if not grouped:
        raise InputError(_nothing(over, list(found)))
    return grouped


def _of_split(split: str, about: Mapping[str, object] | None = None) -> list[str]:
    """The note on a part that the model has met; models fitted at once choose nothing on dev."""
    settings = (about or {}).get("settings")
    at_once = isinstance(settings, dict) and "epochs" not in settings
    return [split] if split == "train" or (split == "dev" and not at_once) else []


def _wanted(over: Over, name: str | None) -> bool:
    return name is None or over.is_called(name)


def _nothing(name: str | None, has: list[Over]) -> str:
    return f"nothing is scored over {name} (it has: {', '.join(over.text for over in has)})"


def _scored_on(over: Over, part: pl.DataFrame) -> _Group:
    """The recordings with their truths, and which of them are fused: the same, the same test."""
    columns = ["recording_id", "truth", *(["session_id"] if over.unit == SESSION else [])]
    return tuple(sorted(set(recordings_of(over, part).select(columns).iter_rows()), key=str))


def _folds_differ(part: pl.DataFrame) -> bool:
    """Whether the folds of a seed have different train means."""
    import polars as pl

    folds = part.filter(pl.col("train_mean").is_not_null()).group_by("seed")
    return folds.agg(pl.col("train_mean").n_unique().alias("n")).filter(pl.col("n") > 1).height > 0
