"""`view`: one recording's table as a page that plays it; the page holds numbers, and no picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import deptool
from deptool.corpus import Corpus, find_recording
from deptool.errors import InputError, UsageError
from deptool.runs import slug
from deptool.schema import FRAMES
from deptool.tables import write_text
from deptool.view_about import about, badges, find_groups, is_synthetic
from deptool.view_columns import Packed, bundle, pack, step_of
from deptool.view_page import build_page
from deptool.view_rows import STATUS_WORDS, STATUSES, Row, score_row, table_rows

if TYPE_CHECKING:
    import polars as pl

    from deptool.segment_scores import RunFacts
    from deptool.view_tracks import Told


@dataclass(frozen=True)
class Viewed:
    """What was written: where, rows of the table in it, its size, whether it replaced a file."""

    path: Path
    n_rows: int
    n_bytes: int
    replaced: bool
    facts: RunFacts | None  # of the run, where one was given
    synthetic: bool  # whether the corpus says that a program made it


def default_name(recording_id: str) -> Path:
    """Where a page goes unless a name is given: <recording>.html in the current folder."""
    return Path(f"{slug(recording_id)}.html")


def view(
    corpus: Corpus,
    recording_id: str,
    *,
    out: Path,
    run: Path | None = None,
    start_s: float | None = None,
    end_s: float | None = None,
    device: str = "cpu",
) -> Viewed:
    """Write a page that plays what the table of a recording holds, between two times (s) or whole.

    `run` adds what a trained run says of each segment. A page that is there is replaced. Raises
    UsageError for a name not in .html, or times between which there is no row; InputError where
    there is no such recording, or none of its rows; what `segment_scores` raises of the run.
    """
    if out.suffix not in (".html", ".htm"):
        raise UsageError(f"cannot write a page to {out.name!r}", fix="Use a name in .html.")
    recording = find_recording(corpus, recording_id).row(0, named=True)
    whole = _read(corpus, recording)
    table = _between(whole, start_s, end_s)
    rows = table_rows(table)
    facts = None
    packed = pack_table(table)
    more: Mapping[str, Packed] = {}
    if run is not None:
        told = _told(corpus, run, recording_id, table, device)
        facts, more = told.facts, told.packed
        rows[1:1] = told.rows
    columns, content = bundle({**packed, **more})
    shown = None if len(table) == len(whole) else _span(table, whole)
    texts = {
        "title": escape(recording_id),
        "badges": badges(corpus, recording, shown),
        "about": about(corpus, recording, table, packed, facts),
        "footer": f"deptool {deptool.__version__}. Research software, not a diagnostic device.",
    }
    replaced = out.exists()
    write_text(out, build_page(texts, _head(recording, table, columns, rows), content))
    return Viewed(out, len(table), out.stat().st_size, replaced, facts, is_synthetic(corpus))


def pack_table(table: pl.DataFrame) -> dict[str, Packed]:
    """The columns of a frames table that have a value; a status as its place in STATUSES."""
    import polars as pl

    packed = {}
    for name in table.columns:
        column = FRAMES.column(name)
        values = table[name]
        if values.null_count() == len(values):
            continue
        if name == "status":
            numbers = {status: k for k, status in enumerate(STATUSES)}
            values = values.replace_strict(numbers, return_dtype=pl.Float64)
        whole = column.whole or column.dtype != "float32"
        floats = values.cast(pl.Float64).fill_null(np.nan).to_numpy()
        packed[name] = pack(floats, step_of(column.unit, whole))
    return packed


def _read(corpus: Corpus, recording: Mapping[str, Any]) -> pl.DataFrame:
    name = recording["recording_id"]
    if not recording["n_frames"]:
        reason = f": {recording['reason']}" if recording["reason"] else ""
        raise InputError(
            f"the recording has no rows to show. Reading it went: {recording['status']}{reason}",
            where=f"corpus {corpus.name!r}, recording {name!r}",
        )
    return corpus.frames(name)


def _between(table: pl.DataFrame, start_s: float | None, end_s: float | None) -> pl.DataFrame:
    """The rows that begin at or after `start_s` and before `end_s`."""
    import polars as pl

    low = start_s if start_s is not None else -np.inf
    high = end_s if end_s is not None else np.inf
    found = table.filter((pl.col("timestamp") >= low) & (pl.col("timestamp") < high))
    if found.is_empty():
        first, last = table["timestamp"][0], table["timestamp"][-1]
        bounds = [f"from {start_s:g} s on"] if start_s is not None and end_s is None else []
        bounds += [f"before {end_s:g} s"] if start_s is None and end_s is not None else []
        raise UsageError(
            f"there is no row {' '.join(bounds) or f'from {low:g} s up to {high:g} s'}",
            fix=f"The recording's rows go from {first:.4g} to {last:.4g} s.",
        )
    return found


def _span(table: pl.DataFrame, whole: pl.DataFrame) -> str:
    first, last = table["timestamp"][0], table["timestamp"][-1]
    return f"only {first:.1f} to {last:.1f} s of {whole['timestamp'][-1]:.1f} s"


def _told(corpus: Corpus, run: Path, recording_id: str, table: pl.DataFrame, device: str) -> Told:
    """What the run says of the times that the shown rows are in."""
    import polars as pl

    from deptool.asked import ask
    from deptool.asked_segments import SegmentNetworks
    from deptool.segment_scores import scores_of
    from deptool.view_tracks import Told, told_by_tracks

    question = ask(corpus, run, recording_id, device)
    if not isinstance(question.asked, SegmentNetworks):
        return told_by_tracks(question, table)
    scores = scores_of(question.asked)
    mean: Any = scores["score"].mean()
    first, last = table["timestamp"][0], table["timestamp"][-1]
    shown = scores.filter((pl.col("end_s") > first) & (pl.col("start_s") <= last))
    return Told(question.facts, [score_row(shown, question.facts, mean)], {})


def _head(
    recording: Mapping[str, Any],
    table: pl.DataFrame,
    columns: list[dict[str, Any]],
    rows: list[Row],
) -> dict[str, object]:
    """What the page's script reads beside the columns."""
    packed = {column["name"] for column in columns}
    groups = [
        {
            "title": group.title,
            "columns": [
                {
                    "name": c.name,
                    "unit": "" if c.unit == "1" else c.unit,
                    "digits": _digits(c.unit, c.whole or c.dtype != "float32"),
                    **({"words": STATUSES} if c.name == "status" else {}),
                }
                for c in group.columns
                if c.name in packed
            ],
        }
        for group in find_groups(table)
    ]
    return {
        "n_rows": len(table),
        "picture": {"width": recording["width"], "height": recording["height"]},
        "statuses": [{"code": code, "words": words} for code, words in STATUS_WORDS.items()],
        "columns": columns,
        "rows": [row.as_json() for row in rows],
        "groups": [group for group in groups if group["columns"]],
    }


def _digits(unit: str, whole: bool) -> int:
    """Decimals that show all that is left of a value after rounding."""
    return len(f"{step_of(unit, whole):f}".rstrip("0").partition(".")[2])
