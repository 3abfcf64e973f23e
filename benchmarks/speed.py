"""`extract` against the script that a user would write."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.clips import make_clip, repeat
from benchmarks.section import Section, median, run, seconds, spread
from deptool.video import open_video

# Fifteen minutes of video; a clip of 20 s, three times over.
N_CLIPS, LENGTH_S, REPEATS, FPS, HEIGHT = 15, 20.0, 3, 24, 360
RUNS = 3
JOBS = 2
TARGETS = {"6": 5.0, "native": 2.0}


def measure(video: Path | None = None) -> Section:
    """Compare on copies of one clip, or of `video`."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        folder = work / "videos"
        folder.mkdir()
        short = work / "clip.mp4"
        clip = video or repeat(make_clip(short, HEIGHT, LENGTH_S, FPS), work / "long.mp4", REPEATS)
        for k in range(N_CLIPS):
            shutil.copy(clip, folder / f"v{k:02d}{clip.suffix}")
        with open_video(clip) as opened:
            n_pictures = sum(1 for _ in opened.sample(None)) * N_CLIPS
            size, length_s, rate = _size(opened), opened.duration_s, opened.fps or FPS
        return _measured(folder, n_pictures, work, f"{size}, {length_s:.0f} s", rate)


def _measured(folder: Path, n_pictures: int, work: Path, what: str, rate: float) -> Section:
    times: dict[str, list[float]] = {"plain": [], "6": [], "native": []}
    for k in range(RUNS):  # in turn, so that a slow minute slows them all
        times["plain"].append(
            seconds(lambda: run(sys.executable, "-m", "benchmarks.plain", folder, work / "out.csv"))
        )
        for fps in TARGETS:
            out = work / f"corpus-{fps}-{k}"
            words = ["-m", "deptool.cli.main", "extract", str(folder), "--out", str(out)]
            words += ["--fps", fps, "--jobs", str(JOBS)]
            times[fps].append(seconds(lambda words=words: run(sys.executable, *words)))  # type: ignore[misc]
            shutil.rmtree(out)
    plain = times["plain"]
    rows = [["plain script, every picture", spread(plain, ".1f"), _rate(n_pictures, plain), "1"]]
    for fps, label in (("6", "extract, 6 a second"), ("native", "extract, every picture")):
        ratios = [p / t for p, t in zip(plain, times[fps], strict=True)]
        taken = spread(times[fps], ".1f")
        rows.append([label, taken, _rate(n_pictures, times[fps]), spread(ratios)])
    return Section(
        "Against a plain script",
        f"{N_CLIPS} videos, {what} each, {rate:.3g} pictures a second, {JOBS} processes on"
        f" {os.cpu_count()} cores, medians of {RUNS} runs (lowest to highest), starting included."
        " The plain script is `benchmarks/plain.py`, one process as such scripts are.",
        ("what", "seconds", "source pictures/s", "times the plain script"),
        rows,
    )


def _rate(n_pictures: int, times: list[float]) -> str:
    return f"{n_pictures / median(times):.0f}"


def _size(video: Any) -> str:
    return f"{video.stream.width}x{video.stream.height}"
