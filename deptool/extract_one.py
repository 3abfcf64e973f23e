"""One recording, in a worker process: decode, look, write its frames table, return its row."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from deptool import plugins
from deptool.errors import InputError, SchemaError
from deptool.face.observation import Observation, frames_table
from deptool.schema import FRAMES
from deptool.tables import read_metadata, write_table
from deptool.video import Video, open_video

if TYPE_CHECKING:
    from multiprocessing.queues import Queue

# Recordings of these states make a batch end with exit code 4.
FAILED = ("truncated", "corrupt", "unreadable", "no_video_stream")

# Report progress after this many pictures of the source.
_REPORT_EVERY = 25

_news: Queue[tuple[int, float]] | None = None


@dataclass(frozen=True)
class Job:
    """What a worker needs to know of one recording; fps None means every picture."""

    recording_id: str
    source: Path
    target: Path
    extractor: str
    fps: float | None


def start_worker(news: Queue[tuple[int, float]]) -> None:
    """Set up a worker: progress goes to `news`; what libraries log in C++ goes nowhere.

    Errors travel back as exceptions, so nothing that a user needs is written to stderr here.
    """
    global _news
    _news = news
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its workers itself
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, sys.__stderr__.fileno() if sys.__stderr__ else 2)
    os.close(sink)


def _end_with_parent() -> None:
    """A killed parent cannot end its workers; they must not live on."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def extract_one(job: Job) -> dict[str, object]:
    """Extract one recording and return its row of the recordings table (see RECORDINGS).

    The frames table carries the same row in its metadata, so that it can be found again.
    """
    module: Any = plugins.load("extractors", job.extractor)
    row = _empty_row(job, module.FEATURE_SET)
    try:
        with open_video(job.source) as video, module.Extractor() as extractor:
            times, numbers, seen = _look(video, extractor, job.fps)
            faces = [o for o in seen if o.landmarks is not None]
            units = extractor.action_units(faces)
            row |= _about(video, times, faces)
    except InputError as error:
        no_stream = "no video stream" in error.what
        return row | {
            "status": "no_video_stream" if no_stream else "unreadable",
            "reason": error.what,
        }
    if seen:
        frame = frames_table(times, numbers, seen, units)
        write_table(job.target, FRAMES, frame, {"deptool.recording": json.dumps(row)})
    return row


def read_row(path: Path) -> dict[str, object] | None:
    """The recordings row inside a frames table; None where the file cannot be read."""
    try:
        text = read_metadata(path).get("deptool.recording")
    except SchemaError:
        return None
    return json.loads(text) if text else None


def _look(
    video: Video, extractor: Any, fps: float | None
) -> tuple[list[float], list[int], list[Observation]]:
    times: list[float] = []
    numbers: list[int] = []
    seen: list[Observation] = []
    told, told_s = 0, 0.0
    for sample in video.sample(fps):
        if not (sample.repeated and seen):
            observation = extractor.look(sample.picture, sample.time_s)
        times.append(sample.time_s)
        numbers.append(sample.frame)
        seen.append(observation)
        if video.n_read - told >= _REPORT_EVERY:
            _tell(video.n_read - told, video.duration_s - told_s)
            told, told_s = video.n_read, video.duration_s
    _tell(video.n_read - told, video.duration_s - told_s)
    return times, numbers, seen


def _tell(pictures: int, seconds: float) -> None:
    if _news is not None:
        _news.put((pictures, seconds))


def _empty_row(job: Job, feature_set: str) -> dict[str, object]:
    return {
        "recording_id": job.recording_id,
        "subject_id": None,
        "session_id": None,
        "task": None,
        "split": None,
        "width": None,
        "height": None,
        "fps_source": None,
        "fps": None,
        "duration_s": None,
        "n_frames": 0,
        "n_success": 0,
        "coverage": 0.0,
        "extractor": job.extractor,
        "feature_set": feature_set,
        "status": "ok",
        "reason": None,
    }


def _about(video: Video, times: list[float], faces: list[Observation]) -> dict[str, object]:
    """What is known of a recording once it was read."""
    status, reason = video.problem or (("ok", None) if faces else ("no_face", "no face was seen"))
    span = times[-1] - times[0] if times else 0.0
    return {
        "width": video.width or None,
        "height": video.height or None,
        "fps_source": video.fps,
        "fps": (len(times) - 1) / span if span else None,
        "duration_s": video.duration_s,
        "n_frames": len(times),
        "n_success": len(faces),
        "coverage": float(np.float32(len(faces) / len(times))) if times else 0.0,
        "status": status,
        "reason": reason,
    }
