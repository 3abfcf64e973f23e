"""One recording's feature files, in a worker: read, put into the schema, write, return the row."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deptool import plugins
from deptool.errors import DeptoolError
from deptool.feature_files.whose import refuse_others
from deptool.importers import Item
from deptool.ingest_frames import rate, to_frames
from deptool.schema import FRAMES
from deptool.tables import write_table

if TYPE_CHECKING:
    import polars as pl

Row = dict[str, object]

NOTES = "deptool.notes"  # a frames table's metadata: what was noted of its recording, a JSON list
_SHOWN = 5  # problems that a row's reason names


@dataclass(frozen=True)
class Plan:
    """What all recordings of an import share."""

    importer: str
    settings: Any
    feature_set: str


@dataclass(frozen=True)
class Done:
    """A recording's row; n_bytes of source were read.

    `fix` is what the error advised that made it unreadable.
    """

    row: Row
    n_bytes: int
    fix: str | None = None


def import_item(item: Item, plan: Plan, frames: Path) -> Done:
    """Import one recording: its frames table is written, its row of RECORDINGS returned.

    What cannot be read becomes a row with status and reason, without a frames table.
    """
    module: Any = plugins.load("importers", plan.importer)
    row = empty_row(item, plan)
    n_bytes = sum(size(path) for path in item.files.values())
    name = next(iter(item.files.values())).name if len(item.files) == 1 else None
    try:
        if name:
            refuse_others(next(iter(item.files.values())), plan.importer)
        rows = module.read(item, plan.settings)
        table, problems = to_frames(rows, name)
    except DeptoolError as error:
        where = f"{error.where}: " if error.where else ""
        row |= {"status": "unreadable", "reason": f"{where}{error.what}"}
        return Done(row, n_bytes, error.fix)
    except MemoryError:
        row |= {"status": "failed", "reason": "there was not enough memory to read it"}
        return Done(row, n_bytes)
    if table.is_empty():
        reason = "; ".join(problems[:_SHOWN]) or "no row has a time"
        return Done(row | {"status": "unreadable", "reason": reason}, n_bytes)
    about, gaps = _about(table)
    row |= about
    if problems:
        shown = "; ".join(problems[:_SHOWN])
        more = f"; and {len(problems) - _SHOWN} more" if problems[_SHOWN:] else ""
        row |= {"status": "truncated" if rows.truncated else "corrupt", "reason": shown + more}
    # The table's own row without who is in it: that stands in one place, recordings.parquet.
    kept = row | dict.fromkeys(("subject_id", "session_id", "task", "split"))
    about_it = {"deptool.recording": json.dumps(kept)}
    if notes := (*rows.notes, *gaps):
        about_it[NOTES] = json.dumps(notes)
    write_table(frames, FRAMES, table, about_it)
    return Done(row, n_bytes)


def empty_row(item: Item, plan: Plan) -> Row:
    """The row of a recording of which nothing was read."""
    return {
        "recording_id": item.recording_id,
        "subject_id": item.subject_id,
        "session_id": item.session_id,
        "task": item.task,
        "split": item.split,
        "width": item.width,
        "height": item.height,
        "fps_source": None,
        "fps": None,
        "duration_s": None,
        "n_frames": 0,
        "n_success": 0,
        "n_ambiguous": 0,
        "coverage": 0.0,
        "extractor": f"import {plan.importer}",
        "feature_set": plan.feature_set,
        "status": "ok",
        "reason": None,
    }


def _about(table: pl.DataFrame) -> tuple[Row, tuple[str, ...]]:
    """What is known of a recording once it was read; what to say of gaps in time."""
    import numpy as np

    n_frames, n_success = len(table), int(table["success"].sum())
    fps, gaps = rate(table)
    span = float(table["timestamp"][-1]) - float(table["timestamp"][0])
    row: Row = {
        "fps": fps,
        "duration_s": span + 1 / fps if fps else None,
        "n_frames": n_frames,
        "n_success": n_success,
        "n_ambiguous": int((table["status"] == "ambiguous").sum()),
        "coverage": float(np.float32(n_success / n_frames)),
        "status": "ok" if n_success else "no_face",
        "reason": None if n_success else "no row has success 1",
    }
    return row, gaps


def size(path: Path) -> int:
    """Bytes of a file; 0 where it cannot be read."""
    try:
        return path.stat().st_size
    except OSError:  # reading it says what is wrong
        return 0
