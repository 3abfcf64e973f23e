"""How time and memory of `extract` grow with length, size of the picture and processes."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.clips import make_clip, repeat
from benchmarks.section import Section, median, peak_mb, run, seconds

MINUTES = (1, 10, 30)
HEIGHTS = (480, 720, 1080)
RUNS = 3


def measure() -> Section:
    """One table; a row per case, time and memory as multiples of the first of its kind."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        rows: list[list[str]] = []
        clips = {h: make_clip(work / f"{h}.mp4", h, 20) for h in HEIGHTS}
        minute = repeat(clips[480], work / "minute.mp4", 3)
        lengths = {m: repeat(minute, work / f"long-{m}.mp4", m) for m in MINUTES}
        _rows(rows, {f"480p, {m} min": ([p], 1) for m, p in lengths.items()}, work)
        _rows(rows, {f"{h}p, 20 s, 6 of them": ([p] * 6, 1) for h, p in clips.items()}, work)
        jobs = {f"480p, 20 s, 12 of them, {j} processes": ([clips[480]] * 12, j) for j in (1, 2)}
        _rows(rows, jobs, work)
    return Section(
        "How it grows",
        f"`extract` at 6 rows a second, medians of {RUNS} runs; time and memory beside the first"
        " row of each group. Time includes about 2 s of starting; memory is that of all processes"
        " together at its highest, and shared pages are counted in each.",
        ("videos", "seconds", "times the first", "seconds per minute of video", "peak MB"),
        rows,
    )


def _rows(rows: list[list[str]], cases: dict[str, tuple[list[Path], int]], work: Path) -> None:
    first: float | None = None
    for label, (clips, jobs) in cases.items():
        folder, out = work / "videos", work / "corpus"
        folder.mkdir()
        for k, clip in enumerate(clips):
            shutil.copy(clip, folder / f"v{k}.mp4")
        words = [sys.executable, "-m", "deptool.cli.main", "extract", str(folder)]
        words += ["--out", str(out), "--jobs", str(jobs)]
        times = []
        for _ in range(RUNS):
            times.append(seconds(lambda: run(*words)))  # noqa: B023 (called at once)
            shutil.rmtree(out)
        peak = peak_mb(*words)
        shutil.rmtree(out)
        minutes = _minutes(clips[0]) * len(clips)
        shutil.rmtree(folder)
        taken = median(times)
        first = first or taken
        row = [label, f"{taken:.1f}", f"{taken / first:.2f}", f"{taken / minutes:.2f}"]
        rows.append([*row, f"{peak:.0f}"])


def _minutes(clip: Path) -> float:
    from deptool.video import open_video

    with open_video(clip) as video:
        return (video.promised_s or 0.0) / 60
