"""The rows of a report, from scores: over the seeds, with the constant predictor, in order."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from deptool.bootstrap import PERSON, intervals
from deptool.evaluate import MODEL, TRAIN_MEAN, Score
from deptool.metrics import mean_and_sd
from deptool.over import Over
from deptool.report_cells import agree
from deptool.report_table import FEW, METRICS, Origin, Row

if TYPE_CHECKING:
    import polars as pl

SIMPLE = "ridge"
CONSTANT_MODEL = "constant"
BASELINES = {CONSTANT_MODEL, "identity", "spectral", "svr", "gradient-boosting", SIMPLE}
CONSTANT = "train mean (constant)"
OPTIMISTIC = "mean of these truths (constant)"


def by_over(found: Iterable[Score]) -> dict[Over, list[Score]]:
    """Scores by what they are computed over, in the order they come."""
    groups: dict[Over, list[Score]] = {}
    for score in found:
        groups.setdefault(score.over, []).append(score)
    return groups


def rows_of(base: Origin, found: Sequence[Score], notes: Iterable[str] = ()) -> list[Row]:
    """The constant's row and the model's, over the seeds of one split; `notes` are the model's."""
    model = _row(base, [s for s in found if s.predictor == MODEL], notes)
    means = [s for s in found if s.predictor == TRAIN_MEAN]
    if len(means) < model.n_seeds:
        return [noted(model, "alone")]
    constant = replace(_row(base, means, ()), model=CONSTANT, constant=True)
    ours, its = model.values["rmse"][0], constant.values["rmse"][0]
    itself = base.model == CONSTANT_MODEL  # it is no news that it does not beat itself
    if ours is not None and its is not None and ours >= its and not itself:
        model = noted(model, "beaten")
    return [constant, model]


def noted(row: Row, code: str) -> Row:
    """The row with one more note."""
    return replace(row, notes=(*row.notes, code))


def as_optimistic(row: Row) -> Row:
    """A constant that has seen the scored truths, named and noted as such."""
    return noted(replace(row, model=OPTIMISTIC), "optimistic") if row.constant else row


def arrange(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Constants first, each once; then the runs."""
    rows = list(rows)
    constants: dict[object, Row] = {}
    for row in sorted((r for r in rows if r.constant), key=lambda r: r.run):
        mean_sd = [row.values[name] for name in METRICS]
        key = tuple(None if v is None else round(v, 6) for v, _ in mean_sd)
        # Seeds that all have the same training mean have no spread to show.
        same = all(agree(v, sd) for v, sd in mean_sd)
        once = {name: (v, None) for name, (v, _) in row.values.items()} if same else row.values
        constants.setdefault(key, replace(row, values=once, n_seeds=1 if same else row.n_seeds))
    models = _beside_ridge(r for r in rows if not r.constant)
    models = sorted(models, key=lambda r: (r.model, r.run))
    first = list(constants.values())
    if len(first) > 1:
        first = [replace(r, model=f"{r.model}, {r.run}") for r in first]
    return (*first, *models)


def tell_apart(groups: Sequence[tuple[Row, ...]]) -> tuple[tuple[Row, ...], ...]:
    """The groups, with the run's name beside the model's where several runs are of one model."""
    runs: dict[str, set[str]] = {}
    for row in (row for group in groups for row in group if not row.constant):
        runs.setdefault(row.model, set()).add(row.run)
    return tuple(
        tuple(
            replace(row, model=f"{row.model} ({row.run})")
            if not row.constant and len(runs[row.model]) > 1
            else row
            for row in group
        )
        for group in groups
    )


def _beside_ridge(rows: Iterable[Row]) -> list[Row]:
    """The rows, with a note on those of other models that are no better than a ridge run."""
    rows = list(rows)
    best = min((_rmse(r) for r in rows if r.model == SIMPLE), default=-math.inf)
    return [
        noted(r, "behind") if r.model not in BASELINES and _rmse(r) >= best > -math.inf else r
        for r in rows
    ]


def _rmse(row: Row) -> float:
    value = row.values["rmse"][0]
    return math.inf if value is None else value


def mark_mixed(groups: Sequence[tuple[Row, ...]]) -> tuple[tuple[Row, ...], ...]:
    """The groups, with a note on rows of another N or unit than the first of their corpus has."""
    first: dict[tuple[str, str], set[tuple[int, str]]] = {}
    for group in groups:
        first.setdefault(_corpus(group[0]), {_size(row) for row in group})
    return tuple(
        tuple(row if _size(row) in first[_corpus(row)] else noted(row, "mixed") for row in group)
        for group in groups
    )


def _corpus(row: Row) -> tuple[str, str]:
    return row.corpus, row.scale


def _size(row: Row) -> tuple[int, str]:
    return row.n, row.over.unit


def _row(base: Origin, found: Sequence[Score], notes: Iterable[str]) -> Row:
    counts = [s.metrics.n for s in found]
    values = {name: _over_seeds([getattr(s.metrics, name) for s in found]) for name in METRICS}
    if min(counts) == 1:  # one recording has no correlation
        values |= {"ccc": (None, None), "pcc": (None, None)}
    scored = scored_of(found)
    people = [s.n_subjects for s in found if s.n_subjects is not None]
    row = Row(
        **asdict(base),
        over=found[0].over,
        constant=False,
        n=min(counts),
        n_distinct=min(s.n_distinct for s in found),
        n_subjects=min(people) if len(people) == len(found) else None,
        n_seeds=len(found),
        values=values,
        intervals=intervals(scored),
        notes=tuple(notes),
        scored=scored,
    )
    drawn = row.intervals.get("rmse")
    row = noted(row, "unit") if drawn and drawn.unit != PERSON else row
    row = noted(row, "thin") if drawn and drawn.few else row
    row = noted(row, "repeated") if row.n_distinct < row.n else row
    row = noted(row, "few") if row.n_distinct < FEW else row
    return noted(row, "uneven") if len(set(counts)) > 1 else row


def scored_of(found: Sequence[Score]) -> pl.DataFrame:
    """What the scores are of, the seeds below each other."""
    import polars as pl

    from deptool.known_persons import MET

    wanted = ("recording_id", "subject_id", "session_id", "seed", "fold", "truth", "prediction")
    has = [n for n in (*wanted, MET) if n in found[0].rows.columns]
    return pl.concat([s.rows.select(has) for s in found])


def _over_seeds(values: list[float | None]) -> tuple[float | None, float | None]:
    known = [v for v in values if v is not None]
    return mean_and_sd(known) if known and len(known) == len(values) else (None, None)
