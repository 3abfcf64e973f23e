"""What is won and what is lost by scaling large pictures down before the mesh sees them."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks.clips import make_clip
from benchmarks.section import Section, median
from deptool import plugins
from deptool.observe import Observed, observe
from deptool.video import open_video

HEIGHTS = (720, 1080)
LENGTH_S, FPS = 10, 6.0
RUNS = 3


def measure() -> Section:
    """One row per height: time with and without scaling, and how far landmarks move by it."""
    module: Any = plugins.load("extractors", "mediapipe")
    unscaled: Any = SimpleNamespace(BATCH=module.BATCH)
    rows = []
    with (
        tempfile.TemporaryDirectory() as name,
        module.Extractor(module.Settings(), None) as extractor,
    ):
        for height in HEIGHTS:
            clip = make_clip(Path(name) / f"{height}.mp4", height, LENGTH_S)
            runs = [
                (_seen(clip, module, extractor), _seen(clip, unscaled, extractor))
                for _ in range(RUNS)
            ]
            (scaled, _), (whole, _) = runs[0]
            width = whole.boxes[:, 2].mean()
            off = np.linalg.norm(scaled.measures.landmarks - whole.measures.landmarks, axis=-1)
            turned = np.degrees(np.abs(scaled.measures.head_pose - whole.measures.head_pose)[:, 3:])
            times = [median([run[i][1] for run in runs]) for i in (0, 1)]
            rows.append(
                [
                    f"{height}p, faces {width:.0f} px wide",
                    f"{1000 * times[1] / len(whole.times):.1f}",
                    f"{1000 * times[0] / len(whole.times):.1f}",
                    f"{np.median(off):.2f} px = {100 * np.median(off) / width:.2f} %",
                    f"{100 * np.percentile(off, 95) / width:.2f} %",
                    f"{np.median(turned):.2f}°",
                ]
            )
    return Section(
        "Large pictures are scaled down",
        "The extractor `mediapipe` gets pictures in which the face is still 200 px wide or more,"
        " since its network sees a face on 128 px. Time per row with decoding, in one process, and"
        " how far landmarks and head pose move by it, in px of the source and % of the face's"
        " width. For comparison: in clips at 6 rows a second landmarks jitter by 0.1 to 0.7 %.",
        (
            *("video", "ms a row, unscaled", "scaled", "landmarks, median", "95th percentile"),
            "head pose, median",
        ),
        rows,
    )


def _seen(clip: Path, module: Any, extractor: Any) -> tuple[Observed, float]:
    with open_video(clip) as video:
        started = time.perf_counter()
        return observe(video, module, extractor, FPS), time.perf_counter() - started
