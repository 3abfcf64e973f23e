"""`import` on sessions of DAIC-WOZ as long as real ones, against pandas reading the same files."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.section import Section, median, peak_mb, seconds, spread
from deptool.ingest import import_corpus
from fixtures.corpora import make_daic_woz

N_SESSIONS, MINUTES, FPS = 4, 20, 30
ALL_SESSIONS = 189
JOBS = (1, 2)
RUNS = 3
READ = ("features", "pose", "gaze", "AUs")  # the importer leaves the 3D landmarks alone


def measure() -> Section:
    """One table: pandas reading, import with one process and with two."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        source = make_daic_woz(work / "DAIC-WOZ", n=N_SESSIONS, seconds=60 * MINUTES, fps=FPS)
        read = [p for p in sorted(source.rglob("*_CLNF_*.txt")) if p.stem.split("_")[-1] in READ]
        mb = sum(path.stat().st_size for path in read) / 1e6
        pandas = _pandas(read)
        plain: list[float] = []
        times: dict[int, list[float]] = {jobs: [] for jobs in JOBS}
        for _ in range(RUNS):  # in turn, so that a slow minute slows them all
            if pandas:
                plain.append(seconds(pandas))
            for jobs, taken in times.items():
                taken.append(seconds(lambda: _import(source, work / "corpus", jobs)))  # noqa: B023
        peaks = {jobs: _peak(source, work / "corpus", jobs) for jobs in JOBS}
    rows = [_row("pandas, reading alone", mb, plain, plain)] if plain else []
    for jobs, taken in times.items():
        label = "import, 1 process" if jobs == 1 else f"import, {jobs} processes"
        rows.append(_row(label, mb, taken, plain, f"{peaks[jobs]:.0f}"))
    return Section(
        "Importing DAIC-WOZ",
        f"{N_SESSIONS} sessions of {MINUTES} minutes at {FPS} rows a second: {mb:.0f} MB in the"
        " four files of each that the importer reads (landmarks, pose, gaze, action units; not the"
        f" 3D landmarks). Medians of {RUNS} runs (lowest to highest) from a warm disk on"
        f" {os.cpu_count()} cores, starting of workers included. pandas reads the same files with"
        " `read_csv` in one process and keeps nothing; import joins them by frame, checks every"
        " value and writes Parquet. One process has polars' threads on all cores. Memory is that of"
        " the whole command, all its processes together. The last column is arithmetic:"
        f" {ALL_SESSIONS} such sessions.",
        ("what", "seconds", "MB/s", "times as fast as pandas", "peak MB", "all sessions, minutes"),
        rows,
    )


def _row(
    label: str, mb: float, taken: list[float], plain: list[float], peak: str = ""
) -> list[str]:
    ratio = f"{median(plain) / median(taken):.1f}" if plain else "no pandas here"
    every = median(taken) / N_SESSIONS * ALL_SESSIONS / 60
    speed = f"{mb / median(taken):.0f}"
    return [label, spread(taken, ".1f"), speed, ratio, peak, f"{every:.1f}"]


def _import(source: Path, out: Path, jobs: int) -> None:
    """Import into a corpus that is gone afterwards. Raises RuntimeError where a session failed."""
    summary = import_corpus("daic-woz", source, out, jobs=jobs)
    shutil.rmtree(out)
    if summary.failed or summary.n_new != N_SESSIONS:
        raise RuntimeError(f"not imported: {summary.rows.to_dicts()}")


def _peak(source: Path, out: Path, jobs: int) -> float:
    words = [sys.executable, "-m", "deptool.cli.main", "import", "daic-woz", str(source)]
    peak = peak_mb(*words, "--out", out, "--jobs", str(jobs))
    shutil.rmtree(out)
    return peak


def _pandas(paths: list[Path]) -> Callable[[], object] | None:
    """How most scripts read such files; None where pandas is not installed."""
    if importlib.util.find_spec("pandas") is None:
        return None
    pandas: Any = importlib.import_module("pandas")

    def read() -> None:
        for path in paths:
            pandas.read_csv(path, skipinitialspace=True)

    return read
