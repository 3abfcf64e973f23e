"""The report's table of one model under several protocols: who is met again flatters a score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from deptool.bootstrap import estimates, too_few
from deptool.known_persons import MET
from deptool.report_cells import FEW_PERSONS
from deptool.report_entries import Entry, Layout, draw_sheet, n_of, n_persons, primary

if TYPE_CHECKING:
    import polars as pl

    from deptool.report_table import Report, Row, Sheet

TITLE = "The same model under other protocols"
_OFFICIAL = "official"
_MEASURES = ("rmse", "mae", "ccc")
_ALL, _CLEAN, _SEEN = "all", "clean", "seen"
_LAYOUT = Layout(
    TITLE,
    "A run with the corpus's own split is scored on all of its recordings; clean: on those of"
    " persons in no part that it was trained or chosen on; seen: on the others. Runs of the same"
    " model under protocols that keep persons apart stand beside; they are trained on other"
    f" recordings. {FEW_PERSONS}",
    {"protocol": "protocol", "recordings": "recordings"},
    {"persons": "persons", "n": "N"},
    {"rmse": "RMSE", "mae": "MAE", "ccc": "CCC"},
)


def entries(report: Report) -> list[Entry]:
    """By model, corpus and scale: the official run in three parts, then runs of other protocols."""
    rows = primary(report)
    keys = list(dict.fromkeys(_key(row) for row in rows if row.protocol == _OFFICIAL))
    found = []
    for key in keys:
        mine = [row for row in rows if _key(row) == key]
        mine.sort(key=lambda row: row.protocol != _OFFICIAL)
        for row in mine:
            assert row.scored is not None
            found.append(_entry(row, _ALL, row.scored))
            if row.protocol == _OFFICIAL and _told(row.scored):
                found.append(_entry(row, _CLEAN, row.scored.filter(~row.scored[MET])))
                found.append(_entry(row, _SEEN, row.scored.filter(row.scored[MET])))
    return found


def sheet(found: list[Entry]) -> Sheet:
    text = missing([e.row for e in found])
    return draw_sheet(found, _LAYOUT, [("•", text)] if text else [])


def missing(rows: Sequence[Row]) -> str:
    """Which models have no run of group-kfold beside them, and what makes one; '' for none."""
    has = {_key(row)[:3] for row in rows if row.protocol.startswith("group-kfold")}
    lacking = [key for key in dict.fromkeys(_key(row)[:3] for row in rows) if key not in has]
    if not lacking:
        return ""
    models = ", ".join(dict.fromkeys(model for model, *_ in lacking))
    model, _, scale = lacking[0]
    on = f" --scale {scale}" if scale else ""
    return (
        f"No run with persons kept apart by group-kfold is here of {models}. To make one, with the"
        f" corpus's folder for CORPUS: deptool train CORPUS --model {model}{on}"
        " --protocol group-kfold:5"
    )


def _entry(row: Row, which: str, rows: pl.DataFrame) -> Entry:
    about = {"recordings": which, "persons": n_persons(rows), "n": n_of(rows)}
    numbers = {} if too_few(rows) else estimates(rows, _MEASURES)
    return Entry(row, about | {"protocol": row.protocol}, numbers)


def _told(scored: pl.DataFrame) -> bool:
    """Whether it is known of every row if its person was met."""
    return MET in scored.columns and not scored[MET].null_count()


def _key(row: Row) -> tuple[str, ...]:
    """What a run of another protocol must have in common; the model as it is called in run.json."""
    name = row.model.removesuffix(f" ({row.run})")
    return name, row.corpus, row.scale, row.split, row.over.text
