"""`extract` against the floor: decoding and the mesh, and nothing else."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.clips import make_clip, repeat
from benchmarks.section import Section, run, seconds, spread
from deptool.video import open_video

# So many videos of a minute; starting costs about 1.5 s, whatever comes after it.
N_CLIPS = {"6": 45, "native": 20}
JOBS = 2
RUNS = 3


def measure(video: Path | None = None) -> Section:
    """One row per rate, on copies of one clip, or of `video`."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        clip = video or repeat(make_clip(work / "a.mp4", 360, 20), work / "b.mp4", 3)
        for fps, n_clips in N_CLIPS.items():
            folder = work / "videos"
            folder.mkdir()
            for k in range(n_clips):
                shutil.copy(clip, folder / f"v{k:02d}{clip.suffix}")
            words = [sys.executable, "-m", "deptool.cli.main", "extract", folder, "--fps", fps]
            words += ["--jobs", str(JOBS), "--out"]
            runs = [
                seconds(lambda k=k, w=words, f=fps: run(*w, work / f"corpus-{f}-{k}"))  # type: ignore[misc]
                for k in range(RUNS)
            ]
            floor = n_clips * _floor_s(clip, None if fps == "native" else float(fps)) / JOBS
            share = [floor / taken for taken in runs]
            label = "every picture" if fps == "native" else f"{fps} a second"
            rows.append(
                [label, str(n_clips), f"{floor:.1f}", spread(runs, ".1f"), spread(share)],
            )
            shutil.rmtree(folder)
    return Section(
        "Against the floor",
        "The floor is the CPU time of decoding every picture plus that of MediaPipe's FaceMesh on"
        f" the sampled ones, nothing else, divided by {JOBS}. Videos of a minute, 640x360, 24"
        f" pictures a second, {JOBS} processes on {os.cpu_count()} cores, medians of {RUNS} runs"
        " (lowest to highest), starting included.",
        ("rows", "videos", "floor, s", "extract, s", "floor / extract"),
        rows,
    )


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
