"""`deptool compare`: is one model better than another, or is it chance?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from deptool.compare import Comparison
    from deptool.report_table import Sheet

PANEL = "Results"
ORDER = 62

_P = (
    "p: how often a difference as large comes about where it does not matter which of the two"
    " models a person's predictions are of. It knows nothing of other persons, corpora or training"
    " seeds."
)


def command(
    runs: Annotated[
        list[Path],
        typer.Argument(help="Two runs or more, as in runs/NAME; or files of predictions."),
    ],
    split: Annotated[
        str, typer.Option(help="The part to compare on: test, dev or train.")
    ] = "test",
    over: Annotated[
        str | None,
        typer.Option(
            help="Compare over recordings (unless given), sessions, or one task, by name."
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Compare models on the same recordings: differences with intervals and p, over persons.

    Every pair in RMSE and MAE: the difference with its 95 % interval (bootstrap over persons) and
    p (the two models' predictions swapped person by person). For three models or more also
    Friedman's test and Nemenyi's.

    Example: deptool compare runs/first runs/second
    """
    from deptool.cli.terminal import page, show_json, show_sheet, warn
    from deptool.compare import compare_runs, ranking_sentence, sentences

    found = compare_runs(runs, split, over)
    if json:
        show_json(_as_object(found))
    else:
        console = page()
        show_sheet(_differences(found), console)
        for line in [*sentences(found), _P]:
            console.print(line, markup=False)
        if found.ranking:
            show_sheet(_ranks(found), console)
            console.print(ranking_sentence(found.ranking), markup=False)
    for text in found.warnings:
        warn(text)


def _differences(found: Comparison) -> Sheet:
    from deptool.report_cells import number
    from deptool.report_table import Line, Sheet

    several = len(found.names) > 2
    groups: dict[str, list[Line]] = {}
    for d in found.differences:
        values = [number(d.metric, value) for value in (d.value_one, d.value_other)]
        difference = number("difference", d.difference, None, d.interval)
        cells = [d.metric.upper(), d.one, d.other, *([] if several else values), difference]
        cells += [_p(d.p), *([_p(d.p_holm)] if several else [])]
        groups.setdefault(d.metric, []).append(Line(cells))
    values = [] if several else ["one's", "other's"]
    header = ["metric", "one", "other", *values, "difference", "p"]
    caption = (
        f"{found.n} {'sessions' if found.over == 'sessions' else 'recordings'} of {found.n_units}"
        f" {found.unit}s. Difference: one's less other's, in points; below 0 the first is better."
        " In brackets: 95 % interval."
    )
    if several:
        header.append("p (Holm)")
        caption += " p (Holm): the same for all pairs together."
    parts = [found.scale, found.split, f"over {found.over}"]
    title = f"Differences ({', '.join(part for part in parts if part)})"
    return Sheet(caption, header, 3, list(groups.values()), title=title)


def _ranks(found: Comparison) -> Sheet:
    from deptool.report_table import Line, Sheet

    assert found.ranking
    ranking = found.ranking
    ordered = sorted(ranking.ranks.items(), key=lambda item: item[1])
    header = ["model", "average rank", *(f"p, {i}" for i, _ in enumerate(ordered, start=1))]
    rows = []
    for i, (name, value) in enumerate(ordered, start=1):
        pairs = [ranking.pairs.get((name, n), ranking.pairs.get((n, name))) for n, _ in ordered]
        cells = ["" if p is None else _p(p) for p in pairs]
        rows.append(Line([f"{i}. {name}", f"{value:.2f}", *cells]))
    caption = (
        f"Ranks of the mean absolute error within each {ranking.unit}, 1 the smallest, over"
        f" {ranking.n_units} {ranking.unit}s. Friedman: chi-squared {ranking.statistic:.2f}, p"
        f" {_p(ranking.p)}. Nemenyi: p of each pair; ranks {ranking.critical:.2f} apart or more"
        " differ at 5 %."
    )
    return Sheet(caption, header, 1, [rows], title="Ranks (Friedman, Nemenyi)")


def _p(value: float) -> str:
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def _as_object(found: Comparison) -> dict[str, object]:
    import dataclasses

    value = dataclasses.asdict(found)
    if found.ranking:
        value["ranking"]["pairs"] = [
            {"one": a, "other": b, "p": p} for (a, b), p in found.ranking.pairs.items()
        ]
    return value
