"""`extract` against a plain script, and against the floor: decoding and mesh, and nothing else."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
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
        return _measured(folder, clip, n_pictures, work, f"{size}, {length_s:.0f} s", rate)


def _measured(
    folder: Path, clip: Path, n_pictures: int, work: Path, what: str, rate: float
) -> Section:
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
    rows = [
        ["plain script, every picture", spread(plain, ".1f"), _rate(n_pictures, plain), "1", ""]
    ]
    for fps, label in (("6", "extract, 6 a second"), ("native", "extract, every picture")):
        ratios = [p / t for p, t in zip(plain, times[fps], strict=True)]
        floor = _floor_s(clip, None if fps == "native" else float(fps)) * N_CLIPS / JOBS
        share = [floor / t for t in times[fps]]
        rows.append(
            [
                label,
                spread(times[fps], ".1f"),
                _rate(n_pictures, times[fps]),
                spread(ratios),
                spread(share),
            ]
        )
    return Section(
        "Against a plain script, and against the floor",
        f"{N_CLIPS} videos, {what} each, {rate:.3g} pictures a second, {JOBS} processes on"
        f" {os.cpu_count()} cores, medians of {RUNS} runs (lowest to highest), starting included."
        " The plain script is `benchmarks/plain.py`, one process as such scripts are. The floor is"
        " the CPU time of decoding every picture plus that of MediaPipe's FaceMesh on the sampled"
        f" ones, nothing else, divided by {JOBS}.",
        ("what", "seconds", "source pictures/s", "times the plain script", "floor / time"),
        rows,
    )


def _rate(n_pictures: int, times: list[float]) -> str:
    return f"{n_pictures / median(times):.0f}"


def _size(video: Any) -> str:
    return f"{video.stream.width}x{video.stream.height}"


def _floor_s(clip: Path, fps: float | None) -> float:
    """CPU time (s) of decoding a clip and of the mesh on its sampled pictures; least of three."""
    return min(_decode_s(clip) for _ in range(3)) + min(_mesh_s(clip, fps) for _ in range(3))


def _decode_s(clip: Path) -> float:
    with open_video(clip) as video:
        started = time.process_time()
        for _ in video.container.decode(video.stream):
            pass
        return time.process_time() - started


def _mesh_s(clip: Path, fps: float | None) -> float:
    import mediapipe as mp

    with open_video(clip) as video:
        pictures = [video.picture(s.frame) for s in video.sample(fps) if s.frame is not None]
    with mp.solutions.face_mesh.FaceMesh(refine_landmarks=True) as mesh:
        mesh.process(pictures[0])
        started = time.process_time()
        for picture in pictures:
            mesh.process(picture)
        return time.process_time() - started
