"""Where a synthetic corpus planted its signal: what an explanation of a good model should find.

Only the check of an explanation reads it, never a model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from deptool.tables import read_table

if TYPE_CHECKING:
    from deptool.asked import Bools, Units
    from deptool.corpus import Corpus


def informative(corpus: Corpus, recording_id: str, units: Units) -> Bools | None:
    """Whether most of each unit shows the person's severity (unit,); None where nothing is known.

    Units past the last planted segment show nothing.
    """
    import polars as pl

    from deptool.cohort.truth import FOLDER, SEGMENTS

    path = corpus.root / FOLDER / "segments.parquet"
    if not corpus.synthetic or not path.is_file():
        return None
    rows = read_table(path, SEGMENTS).filter(
        (pl.col("recording_id") == recording_id) & (pl.col("informative") == 1)
    )
    start, end = (rows[name].to_numpy().astype(np.float64) for name in ("start_s", "end_s"))
    low, high = units.start[:, None], units.end[:, None]
    shown = (np.minimum(high, end) - np.maximum(low, start)).clip(0).sum(1)
    found: Bools = shown > (units.end - units.start) / 2
    return found
