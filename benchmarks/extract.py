"""How fast `extract` is, against decoding alone and against a plain loop over the face mesh.

    python -m benchmarks.extract [VIDEO] [--copies 4]

Without VIDEO a clip of the animated portrait is made. Prints source pictures per second and ratios;
absolute numbers belong to the machine and the moment, ratios of one run can be compared.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from deptool.extract import ExtractSettings, extract
from deptool.performance import performance
from deptool.synth import Person, render, write_video
from deptool.video import open_video


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("video", nargs="?", type=Path)
    parser.add_argument("--copies", type=int, default=4)
    words = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "videos"
        folder.mkdir()
        first = folder / f"v0{words.video.suffix if words.video else '.mp4'}"
        if words.video:
            shutil.copy(words.video, first)
        else:
            motions = performance(0.8, 20, 30, seed=1)
            write_video(first, (render(m, Person(), 480) for m in motions), 30)
        for k in range(1, words.copies):
            shutil.copy(first, folder / f"v{k}{first.suffix}")
        _measure(folder, first, words.copies, Path(name))


def _measure(folder: Path, first: Path, copies: int, work: Path) -> None:
    with open_video(first) as video:
        pictures = sum(1 for _ in video.sample(None))
    rates = {"decode every picture": pictures / _seconds(lambda: _decode(first))}
    loop = [sys.executable, "-c", _LOOP, str(first)]
    rates["plain PyAV + FaceMesh loop, 6 a second"] = pictures / _seconds(lambda: _call(loop))
    for jobs in (1, 2):
        for fps, label in ((6.0, "6 a second"), (None, "native")):
            out = work / f"corpus-{jobs}-{label.replace(' ', '')}"
            settings = ExtractSettings(fps=fps, jobs=jobs)
            spent = _seconds(lambda o=out, s=settings: extract(folder, o, s))  # type: ignore[misc]
            rates[f"deptool extract, {label}, {jobs} process(es)"] = pictures * copies / spent
    base = rates["plain PyAV + FaceMesh loop, 6 a second"]
    print(f"{pictures} pictures a video, {copies} videos; start-up of processes included")
    for label, rate in rates.items():
        print(f"{label:45} {rate:8.0f} pictures/s   {rate / base:5.2f} x the plain loop")


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _decode(path: Path) -> int:
    with open_video(path) as video:
        return sum(1 for _ in video.container.decode(video.stream))


def _call(command: list[str]) -> None:
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)


# What a short script would do: every fifth picture to the mesh, landmarks thrown away.
_LOOP = """
import sys, av, mediapipe
with mediapipe.solutions.face_mesh.FaceMesh(refine_landmarks=True) as mesh:
    with av.open(sys.argv[1]) as container:
        stream = container.streams.video[0]
        step = max(round(float(stream.average_rate) / 6), 1)
        for k, frame in enumerate(container.decode(stream)):
            if k % step == 0:
                mesh.process(frame.to_ndarray(format="rgb24"))
"""

if __name__ == "__main__":
    main()
