"""Comparing runs, or anybody's predictions, on the same recordings: who is better, and how sure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from deptool.bootstrap import LEVEL, units_of
from deptool.comparison import FEWEST_MODELS, Difference, Ranking, compare, rank
from deptool.errors import DataError, InputError, UsageError
from deptool.evaluate import MODEL, read_predictions, scores
from deptool.report_csv import read_anybodys
from deptool.report_rows import scored_of
from deptool.report_table import NOTES
from deptool.runs import open_run

if TYPE_CHECKING:
    import polars as pl

_ALPHA = 1 - LEVEL
OPTIMISTIC = (
    "The best epoch was chosen on dev, so errors and p on dev are optimistic: differences are of"
    " how well each model fits dev. Compare on test."
)
TRAINED = "The models were trained on these recordings: this compares how well they fit them."


@dataclass(frozen=True)
class Comparison:
    """Runs by name with their N, seeds and units; `ranking` is None for two."""

    names: tuple[str, ...]
    scale: str
    split: str
    over: str
    n: int
    n_units: int
    unit: str
    n_seeds: dict[str, int]
    differences: tuple[Difference, ...]
    ranking: Ranking | None
    warnings: tuple[str, ...]


def compare_runs(paths: Sequence[Path], split: str = "test", over: str | None = None) -> Comparison:
    """Compare run folders, or files of predictions as `report --predictions` takes them.

    `over` is 'recordings' (unless given), 'sessions' or a task. Of a CSV without a split all rows
    count. Raises UsageError for fewer than two, InputError for one that cannot be read or has
    nothing scored so, DataError where they are not scored on the same recordings and truths.
    """
    if len(paths) < 2:
        raise UsageError("one run alone cannot be compared", fix="Name two runs or more.")
    names = _names(paths)
    read = dict(zip(names, (_read(path) for path in paths), strict=True))
    scale = _same_scale({name: frame for name, (frame, _) in read.items()})
    tables = {name: _part(frame, name, split, over) for name, (frame, _) in read.items()}
    differences = compare(tables)
    ranking = rank(tables) if len(tables) >= FEWEST_MODELS else None
    warnings = {"dev": [OPTIMISTIC], "train": [TRAINED]}.get(split, [])
    warnings = [*warnings, *_unequal({name: about for name, (_, about) in read.items()})]
    if any(about.get("synthetic") is True for _, about in read.values()):
        warnings = [*warnings, NOTES["synthetic"]]
    first = tables[names[0]]
    units = units_of(first)
    return Comparison(
        names=names,
        scale=scale,
        split=split,
        over=over or "recordings",
        n=len(first) // first["seed"].n_unique(),
        n_units=units.n,
        unit=units.unit,
        n_seeds={name: table["seed"].n_unique() for name, table in tables.items()},
        differences=tuple(differences),
        ranking=ranking,
        warnings=tuple(warnings),
    )


def sentences(found: Comparison) -> list[str]:
    """What the differences mean, in plain words; for three runs or more one or two per metric."""
    units = f"these {found.n_units} {found.unit}s"
    said = []
    for metric in dict.fromkeys(d.metric for d in found.differences):
        mine = [d for d in found.differences if d.metric == metric]
        apart = [d for d in mine if d.p_holm < _ALPHA]
        alike = [f"{d.one} and {d.other}" for d in mine if d not in apart]
        if apart:
            listed = "; ".join(map(_lower, apart))
            said.append(f"{metric.upper()}, lower, and rarely by chance: {listed}.")
        if alike:
            said.append(
                f"{metric.upper()}, not told apart by {units}: {'; '.join(alike)}. What they differ"
                " by can well be chance."
            )
    return said


def _lower(found: Difference) -> str:
    pair = (found.one, found.other) if found.difference < 0 else (found.other, found.one)
    return f"{pair[0]} than {pair[1]}, by {abs(found.difference):.2f} points"


def ranking_sentence(found: Ranking) -> str:
    """What Friedman's and Nemenyi's tests mean, in plain words."""
    if found.p >= _ALPHA:
        return (
            f"Friedman's test finds no difference between the models (p = {found.p:.2g}): their"
            " order can well be chance."
        )
    apart = [f"{a} and {b}" for (a, b), p in found.pairs.items() if p < _ALPHA]
    listed = "; ".join(apart) or "no pair of them for itself"
    return (
        f"The models do not all make equal errors (Friedman, p = {found.p:.2g}). Told apart by"
        f" Nemenyi's test, their average ranks at least {found.critical:.2f} apart: {listed}."
    )


def _unequal(abouts: Mapping[str, Mapping[str, object]]) -> list[str]:
    """Where runs were not trained on the same recordings, by what their run.json says."""
    found = []
    for key, called in (("protocol", "protocol"), ("split_seed", "seed of the split")):
        known = {name: about[key] for name, about in abouts.items() if key in about}
        if len(set(known.values())) > 1:
            shown = ", ".join(f"{name} {value}" for name, value in known.items())
            found.append(
                f"The runs differ in their {called} ({shown}): each was trained on other"
                " recordings, so not the models alone are compared."
            )
    return found


def _names(paths: Sequence[Path]) -> tuple[str, ...]:
    """The folders' names; with the folder above where two are the same."""
    names = [path.resolve().name for path in paths]
    if len(set(names)) < len(names):
        names = [f"{path.resolve().parent.name}/{path.resolve().name}" for path in paths]
    if len(set(names)) < len(names):
        raise UsageError("a run is named twice", fix="Name each run once.")
    return tuple(names)


def _read(path: Path) -> tuple[pl.DataFrame, dict[str, object]]:
    if path.is_file():
        return read_anybodys(path), {}
    run = open_run(path)
    if not run.done:
        raise InputError("is not finished: run its train command again", where=str(path))
    return read_predictions(path), dict(run.about)


def _part(frame: pl.DataFrame, name: str, split: str, over: str | None) -> pl.DataFrame:
    """The scored rows of a split, counted as `over` says."""
    known = frame.drop_nulls("truth")
    part = known.filter((known["split"] == split) | (known["split"] == "all"))
    if part.is_empty():
        has = ", ".join(sorted(set(known["split"]))) or "none"
        raise InputError(
            f"has no scored recordings in the split {split} (it has: {has})", where=name
        )
    found = [s for s in scores(part) if s.predictor == MODEL]
    mine = [s for s in found if s.over.is_called(over or "recordings")]
    if not mine:
        has = ", ".join(dict.fromkeys(s.over.text for s in found))
        raise InputError(f"nothing is scored over {over} (it has: {has})", where=name)
    return scored_of(mine)


def _same_scale(frames: dict[str, pl.DataFrame]) -> str:
    """The scale of all; a CSV does not name its own."""
    scales = {name: next(iter(f["scale"].drop_nulls()), "") for name, f in frames.items()}
    known = sorted(set(scales.values()) - {""})
    if len(known) > 1:
        listed = ", ".join(f"{name} on {scale}" for name, scale in scales.items())
        raise DataError(f"errors on different scales cannot be compared: {listed}")
    return known[0] if known else ""
