"""Size and read time of a frames table against the same rows as an OpenFace CSV."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.section import Section, median, seconds
from fixtures.tables import make_tables_corpus

ROWS = 18_000  # half an hour at 10 rows a second
RUNS = 7


def measure() -> Section:
    """One table: CSV and Parquet, all columns and two of them."""
    import polars as pl

    with tempfile.TemporaryDirectory() as name:
        corpus = make_tables_corpus(
            Path(name) / "corpus", n_subjects=1, sessions=1, seconds=ROWS / 10, fps=10
        )
        parquet = next((corpus.root / "frames").iterdir())
        table = corpus.frames(parquet.stem)
        csv = Path(name) / "openface.csv"
        # OpenFace writes 1 to 3 decimals; so does this.
        table.write_csv(csv, float_precision=3, null_value="0")
        two = ["timestamp", "AU12_r"]
        times: dict[str, Callable[[], object]] = {
            "CSV, polars, all columns": lambda: pl.read_csv(csv),
            "Parquet, checked by deptool, all columns": lambda: corpus.frames(parquet.stem),
            "CSV, polars, two columns": lambda: pl.read_csv(csv, columns=two),
            "Parquet, checked by deptool, two columns": lambda: corpus.frames(parquet.stem, two),
        }
        pandas = _pandas_csv(csv)
        if pandas is not None:
            times = {"CSV, pandas, all columns": pandas, **times}
        taken = {
            label: median([seconds(read) for _ in range(RUNS)]) for label, read in times.items()
        }
        sizes = {"CSV": csv.stat().st_size / 1e6, "Parquet": parquet.stat().st_size / 1e6}
    rows = []
    for label, spent in taken.items():
        kind = label.split(",")[0]
        first = taken[f"CSV, polars, {label.split(', ')[-1]}"]
        share = f"{100 * sizes[kind] / sizes['CSV']:.0f} %"
        size = f"{sizes[kind]:.1f}"
        rows.append([label, size, share, f"{1000 * spent:.0f}", f"{first / spent:.1f}"])
    return Section(
        "Tables against OpenFace's CSV",
        f"{ROWS} rows of {len(table.columns)} columns with planted motion and noise of 0.3 px; the"
        f" CSV has three decimals as OpenFace's has. Medians of {RUNS} reads from a warm disk."
        " deptool's reading includes its checks of every column's type and range.",
        ("what", "MB", "of the CSV", "read, ms", "times as fast as polars reads the CSV"),
        rows,
    )


def _pandas_csv(csv: Path) -> Callable[[], object] | None:
    """How most scripts read such a table; None where pandas is not installed."""
    if importlib.util.find_spec("pandas") is None:
        return None
    pandas: Any = importlib.import_module("pandas")
    return lambda: pandas.read_csv(csv)
