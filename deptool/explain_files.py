"""The folder of one explained recording: tables, figure, and what to know of them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import deptool
from deptool.explain_figure import draw
from deptool.schema_explained import EXPLAINED_MAPS, EXPLAINED_TRACKS
from deptool.tables import write_json, write_table, write_text

if TYPE_CHECKING:
    import polars as pl

    from deptool.explain import Explained

ABOUT = "explained.json"


def write(found: Explained, folder: Path) -> None:
    """tracks, maps (.parquet, .csv), spans.csv, deletion.csv, explained.(svg, pdf, png), .json.

    maps.csv holds the means over the recording alone. The same explanation gives the same bytes.
    Raises InputError where the folder cannot be written.
    """
    import polars as pl

    from deptool.drawing import save

    tracks = _of_recording(found, found.tracks)
    write_table(folder / "tracks.parquet", EXPLAINED_TRACKS, tracks)
    write_text(folder / "tracks.csv", tracks.write_csv())
    write_text(folder / "spans.csv", _of_recording(found, found.spans).write_csv())
    if not found.maps.is_empty():
        none = pl.lit(None, pl.Float64)
        maps = found.maps.with_columns(start_s=none, end_s=none)
        order = [c.name for c in EXPLAINED_MAPS.columns[1:]]
        tables = [maps.select(order)]
        if not found.segment_maps.is_empty():
            tables.append(found.segment_maps.select(order))
        whole = _of_recording(found, pl.concat(tables))
        write_table(folder / "maps.parquet", EXPLAINED_MAPS, whole)
        write_text(folder / "maps.csv", _of_recording(found, found.maps).write_csv())
    if found.deleted:
        rows = [row for deleted in found.deleted for row in deleted.rows()]
        write_text(folder / "deletion.csv", pl.DataFrame(rows).write_csv())
    save(draw(found), folder, "explained")
    write_json(folder / ABOUT, about(found))


def about(found: Explained) -> dict[str, object]:
    """What explained.json says: who was asked, how, and how the check went."""
    facts = asdict(found.facts)
    facts.pop("truth")  # the explanation needs no score of a person
    gradients = found.attributed and {
        "baseline": found.attributed.baseline,
        "score": found.attributed.score.tolist(),
        "baseline_score": found.attributed.base.tolist(),
        "sum": found.attributed.total.tolist(),
        "gap": found.attributed.gap,
    }
    return {
        "recording_id": found.recording_id,
        "method": found.method,
        "deptool_version": deptool.__version__,
        "synthetic": found.synthetic,
        "run": facts,
        "prediction": found.prediction,
        "n_units": found.n_units,
        "spans": found.spans.to_dicts(),
        "integrated_gradients": gradients,
        "deletion": [
            {
                "ranking": each.what,
                "holds": each.holds,
                "by_construction": each.by_construction,
                "area": each.area,
                "random_area": float(each.random_areas.mean()),
                "ratio": each.ratio,
                "random_orders_below": each.better,
                "planted_roc_area": each.planted,
                "curve": each.rows(),
            }
            for each in found.deleted
        ],
        "unchecked": found.unchecked,
        "note": NOTE,
    }


NOTE = (
    "These are weights, scores and gradients of a network. They say what it used, as far as the"
    " deletion check holds. They are no finding about a person."
)


def _of_recording(found: Explained, table: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    name = pl.lit(found.recording_id).alias("recording_id")
    return table.select(name, *table.columns)
