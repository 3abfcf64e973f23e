"""The tables of an ablation: what the variants score, their ranks, sizes and classes.

Read from the runs' predictions, as a report is. Nothing measured by a clock is in them unless it
is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deptool.bootstrap import Estimate
from deptool.classes import class_estimates, cuts_of, names_of
from deptool.comparison import FEWEST_MODELS, Ranking, rank
from deptool.errors import DataError, InputError
from deptool.report import report_runs
from deptool.report_cells import brackets, estimate
from deptool.report_classes import MEASURES, WHAT
from deptool.report_entries import as_object, primary
from deptool.report_table import NOTES, Line, Row, Sheet, mark, sentences

if TYPE_CHECKING:
    from deptool.ablate import Ablation
    from deptool.ablations import Table

METRICS = {"rmse": "RMSE", "mae": "MAE", "r2": "R2", "smape": "SMAPE", "ccc": "CCC"}


@dataclass(frozen=True)
class Scored:
    """An ablation on one split: variant -> its row of a report; the constants' rows, and marks.

    `ranking` is None where the compared variants cannot be ranked, for the reason in `unranked`.
    """

    ablation: Ablation
    split: str
    rows: Mapping[str, Row]
    constants: tuple[Row, ...]
    warnings: tuple[str, ...]
    ranking: Ranking | None
    unranked: str

    @property
    def compared(self) -> dict[str, str]:
        """Variant -> what the paper calls it, of those that are ranked, sized and classified."""
        called = {v.name: v.words[0] for v in self.ablation.grid.variants}
        return {name: called[name] for name in self.ablation.grid.compared}

    @property
    def notes(self) -> dict[str, str]:
        """Code -> sentence of the notes that any row has, but for what stands above the tables."""
        rows = [*self.constants, *self.rows.values()]
        found = sentences((row.notes, row.n_distinct, row.over.unit) for row in rows)
        return {code: text for code, text in found.items() if code not in ("synthetic", "shared")}

    @property
    def title(self) -> str:
        """What all lines have in common: corpus, scale, protocol, split."""
        row = next(iter(self.rows.values()))
        parts = (row.corpus, row.scale, row.protocol, row.split, row.over.text)
        return ", ".join(part for part in parts if part)


def score(ablation: Ablation, split: str = "test") -> Scored:
    """Score the variants on one split, over recordings.

    Raises InputError where a variant has nothing scored there.
    """
    report = report_runs(ablation.root, split)
    found = {row.run: row for row in primary(report)}
    rows = {name: found[name] for name in ablation.runs if name in found}
    for name in ablation.runs:
        if name not in rows:
            why = report.skipped.get(name, "it has no scored recordings")
            raise InputError(f"the variant {name} cannot be scored: {why}", where=split)
    warnings = [shared.sentence for shared in report.shared]
    if any("synthetic" in row.notes for row in rows.values()):
        warnings.append(NOTES["synthetic"])
    ranking, why = _rank({name: rows[name] for name in ablation.grid.compared})
    mine = {id(row) for row in rows.values()}
    constants = tuple(  # a constant stands once in its group, under any of its runs
        row
        for group in report.groups
        if any(id(row) in mine for row in group)
        for row in group
        if row.constant
    )
    return Scored(ablation, split, rows, constants, tuple(warnings), ranking, why)


def _rank(rows: Mapping[str, Row]) -> tuple[Ranking | None, str]:
    if len(rows) < FEWEST_MODELS:
        return None, f"fewer than {FEWEST_MODELS} of the variants that are compared were chosen"
    tables = {name: row.scored for name, row in rows.items() if row.scored is not None}
    try:
        return rank(tables), ""
    except DataError as error:  # too few persons, or other recordings
        return None, f"{error.where}: {error.what}" if error.where else error.what


def sheets(scored: Scored, seconds: bool = False) -> list[Sheet]:
    """All tables; with `seconds` also how long an epoch took on this machine."""
    grid = scored.ablation.grid
    found = [_metrics(scored, table) for table in grid.tables]
    found += [_ranks(scored)] if scored.ranking else []
    found += [_sizes(scored, seconds), _classes(scored)] if grid.compared else []
    return [sheet for sheet in found if sheet.groups]


def _metrics(scored: Scored, table: Table) -> Sheet:
    marks = mark(scored.notes)

    def line(row: Row, words: Sequence[str]) -> Line:
        cells = [*words, str(row.n), *(estimate(m, e) for m, e in _estimates(row).items())]
        return Line(cells, [m for code, m in marks.items() if code in row.notes], row.constant)

    blank = [""] * (len(table.columns) - 1)
    constants = [line(row, [row.model, *blank]) for row in scored.constants]
    groups = [[line(scored.rows[v.name], v.words) for v in group] for group in table.variants]
    shown = [scored.rows[v.name] for group in table.variants for v in group]
    codes = {code for row in (*shown, *scored.constants) for code in row.notes}
    footnotes = [(marks[code], text) for code, text in scored.notes.items() if code in codes]
    seeds = max(row.n_seeds for row in shown)
    caption = (
        f"Computed once over recordings, the mean over {seeds} seed{'s' if seeds > 1 else ''};"
        " errors in points of the scale."
    )
    every = [e for row in (*shown, *scored.constants) for e in _estimates(row).values()]
    caption = f"{caption} {brackets(e.interval for e in every)}".strip()
    return Sheet(
        caption,
        [*table.columns, "N", *METRICS.values()],
        len(table.columns),
        [group for group in (constants, *groups) if group],
        footnotes,
        scored.warnings,
        f"{table.title} ({scored.title})",
    )


def _ranks(scored: Scored) -> Sheet:
    ranking = scored.ranking
    assert ranking
    ordered = sorted(ranking.ranks.items(), key=lambda item: item[1])
    lines = [Line([scored.compared[name], f"{value:.2f}"]) for name, value in ordered]
    p = "< 0.001" if ranking.p < 0.001 else f"= {ranking.p:.3f}"
    unit = ranking.unit
    caption = (
        f"Ranks of the mean absolute error within each {unit}, 1 the smallest, averaged over"
        f" {ranking.n_units} {unit}s. Friedman: chi-squared {ranking.statistic:.2f}, p {p}."
        f" Nemenyi's critical difference: ranks {ranking.critical:.2f} apart or more differ at"
        f" {1 - ranking.level:.0%}."
    )
    caption = f"On {scored.title}. {caption}"  # the table is too narrow for it in the title
    title = scored.ablation.grid.ranks
    return Sheet(caption, ["model", "average rank"], 1, [lines], (), scored.warnings, title)


def _sizes(scored: Scored, seconds: bool) -> Sheet:
    ablation = scored.ablation
    timed = seconds and bool(ablation.seconds)
    lines = []
    for name, called in scored.compared.items():
        size = ablation.sizes[name]
        cells = [called, f"{size.parameters:,}", f"{size.flops:,}"]
        took = ablation.seconds.get(name)
        lines.append(Line([*cells, *(["–" if took is None else f"{took:.3f}"] if timed else [])]))
    caption = (
        "FLOPs: of the matrix products for one segment, two for each multiply-accumulate; biases,"
        " activations and products number by number are not counted."
    )
    header = ["model", "parameters", "FLOPs"]
    if timed:
        header.append("s per epoch")
        caption += (
            " Seconds: of one member's epoch on this machine just now, all members of a variant"
            " trained side by side, the first epoch left out; a dash where nothing had to be"
            " trained."
        )
    return Sheet(caption, header, 1, [lines], title=ablation.grid.sizes)


def _classes(scored: Scored) -> Sheet:
    groups: dict[str, list[Line]] = {}
    every: list[Estimate] = []
    for name, row, words, found in _class_entries(scored):
        cells = [words, scored.compared[name] if name else row.model]
        cells += [estimate(m, found[m]) for m in MEASURES]
        groups.setdefault(words, []).append(Line(cells, dim=not name))
        every += found.values()
    caption = (
        f"Scores cut into classes as they are, without rounding. {WHAT} No interval: most"
        f" resamples lack a class. {brackets(e.interval for e in every)}".strip()
    )
    header = ["classes", "model", *MEASURES.values()]
    title = f"{scored.ablation.grid.classes} ({scored.title})"
    # Of the constants' notes this one is of AUC too.
    notes = [("•", NOTES["folds"])] * any("folds" in row.notes for row in scored.constants)
    return Sheet(caption, header, 2, list(groups.values()), notes, scored.warnings, title)


def _class_entries(scored: Scored) -> Iterator[tuple[str, Row, str, dict[str, Estimate]]]:
    """Variant ('' for a constant), its row, its classes in words, measure -> estimate.

    The ways to make classes are outermost, constants first.
    """
    rows = [*(("", row) for row in scored.constants)]
    rows += [(name, scored.rows[name]) for name in scored.compared]
    for cuts in cuts_of(rows[0][1].scale) if rows else ():
        for name, row in rows:
            assert row.scored is not None
            found = class_estimates(row.scored, cuts)
            words = ", ".join(names_of(row.scale, cuts))
            yield name, row, f"{len(cuts) + 1}: {words}", {m: found[m] for m in MEASURES}


def _estimates(row: Row) -> dict[str, Estimate]:
    return {name: Estimate(row.values[name][0], row.intervals.get(name)) for name in METRICS}


def as_objects(scored: Scored) -> dict[str, object]:
    """Everything for JSON, with every digit; nothing of the clock."""
    ablation, ranking = scored.ablation, scored.ranking

    def line(row: Row) -> dict[str, object]:
        numbers = {name: as_object(found) for name, found in _estimates(row).items()}
        return {"n": row.n, "n_seeds": row.n_seeds, **numbers}

    tables = [
        {
            "title": table.title,
            "rows": [
                {"variant": v.name, **dict(zip(table.columns, v.words, strict=True))}
                | {"settings": dict(v.settings), **line(scored.rows[v.name])}
                for group in table.variants
                for v in group
            ],
        }
        for table in ablation.grid.tables
    ]
    sizes = [
        {"variant": name, "parameters": size.parameters, "flops": size.flops}
        for name, size in ablation.sizes.items()
    ]
    classes = [
        {"variant": name or None, "model": row.model, "classes": words}
        | {m: as_object(e) for m, e in found.items()}
        for name, row, words, found in _class_entries(scored)
    ]
    return {
        "model": ablation.model,
        "split": scored.split,
        "on": scored.title,
        "warnings": list(scored.warnings),
        "constants": [{"model": row.model, **line(row)} for row in scored.constants],
        "tables": tables,
        "ranks": _ranking_object(ranking) if ranking else None,
        "unranked": scored.unranked or None,
        "sizes": sizes,
        "classes": classes,
        "notes": scored.notes,
    }


def _ranking_object(ranking: Ranking) -> dict[str, object]:
    pairs = [{"one": a, "other": b, "p": p} for (a, b), p in ranking.pairs.items()]
    return {
        **{"n_units": ranking.n_units, "unit": ranking.unit, "statistic": ranking.statistic},
        **{"p": ranking.p, "critical": ranking.critical, "level": ranking.level},
        **{"ranks": dict(ranking.ranks), "pairs": pairs},
    }
