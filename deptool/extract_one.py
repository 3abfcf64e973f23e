"""One recording, in a worker: decode, look, write its tables, return its row."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np

from deptool import plugins
from deptool.errors import InputError, SchemaError
from deptool.face.frames import choose, frames_table, tracks_table
from deptool.observe import Box, Observed, observe
from deptool.schema import FRAMES, RECORDINGS, TRACKS
from deptool.tables import parse_json, read_metadata, write_table
from deptool.video import Video, open_video

Row = dict[str, object]
News = Callable[[int, float], None]

_KINDS: dict[str, tuple[type, ...]] = {"string": (str,), "int32": (int,), "float32": (int, float)}

# Recordings of these states make a batch end with exit code 4.
FAILED = ("truncated", "corrupt", "unreadable", "no_video_stream", "failed")


@dataclass(frozen=True)
class Plan:
    """What all recordings of a batch share; fps None means every picture, roi x y w h in px."""

    extractor: str
    settings: Any
    weights: Path | None = None
    fps: float | None = None
    faces: Literal["primary", "all"] = "primary"
    roi: Box | None = None


@dataclass(frozen=True)
class Job:
    """One recording: its id, its video, and where its tables go."""

    recording_id: str
    source: Path
    frames: Path
    tracks: Path


class Worker:
    """Extracts recordings one after the other; the extractor's models are loaded once.

    `load` is called by the first recording, so that a worker that gets none costs nothing.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._module: Any = plugins.load("extractors", plan.extractor)
        self._extractor: Any = None
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        self._extractor = None

    def load(self) -> None:
        """Load the extractor's models. Raises MissingExtraError where they are not there."""
        if self._extractor is None:
            made = self._module.Extractor(self._plan.settings, self._plan.weights)
            self._extractor = self._stack.enter_context(made)

    def extract(self, job: Job, on_news: News = lambda _pictures, _seconds: None) -> Row:
        """Extract one recording and return its row of the recordings table (see RECORDINGS).

        The frames table carries the same row in its metadata, so that it can be found again.
        """
        try:
            return self._extract(job, on_news)
        except BaseException:  # a graph that failed once fails for ever
            self._stack.close()
            self._extractor = None
            raise

    def _extract(self, job: Job, on_news: News) -> Row:
        plan = self._plan
        self.load()
        row = empty_row(job.recording_id, plan)
        try:
            with open_video(job.source) as video:
                fps_source = video.fps
                seen = observe(video, self._module, self._extractor, plan.fps, plan.roi, on_news)
        except InputError as error:
            no_stream = "no video stream" in error.what
            status = "no_video_stream" if no_stream else "unreadable"
            return row | {"status": status, "reason": error.what}
        except MemoryError:
            return row | {"status": "failed", "reason": "there was not enough memory to read it"}
        if not seen.times:
            status, reason = video.problem or ("unreadable", "no picture could be decoded")
            return row | {"status": status, "reason": reason}
        faces = choose(seen)
        table = frames_table(seen, faces, self._extractor)
        n_ambiguous = int((table["status"] == "ambiguous").sum())
        row |= {"fps_source": fps_source, "n_ambiguous": n_ambiguous}
        row |= _about(video, seen, int(table["success"].sum()))
        if plan.faces == "all":  # before the frames, which say that a recording is done
            write_table(job.tracks, TRACKS, tracks_table(seen, faces, self._extractor))
        write_table(job.frames, FRAMES, table, {"deptool.recording": json.dumps(row)})
        return row


def read_row(path: Path) -> Row | None:
    """The recordings row inside a frames table; None where the file cannot be read.

    None also where the row is not that of the file, or of other columns: nobody's word is taken for
    where a table lies.
    """
    try:
        text = read_metadata(path).get("deptool.recording")
        row = parse_json(text, path.name) if text else None
    except SchemaError:
        return None
    if row is None or row.get("recording_id") != path.stem:
        return None
    known = {column.name: column.dtype for column in RECORDINGS.columns}
    sound = all(
        name in known and (value is None or isinstance(value, _KINDS[known[name]]))
        for name, value in row.items()
    )
    return row if sound else None


def empty_row(recording_id: str, plan: Plan) -> Row:
    """The row of a recording of which nothing was read."""
    module: Any = plugins.load("extractors", plan.extractor)
    return {
        "recording_id": recording_id,
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
        "n_ambiguous": 0,
        "coverage": 0.0,
        "extractor": plan.extractor,
        "feature_set": module.feature_set(plan.settings),
        "status": "ok",
        "reason": None,
    }


def _about(video: Video, seen: Observed, n_success: int) -> Row:
    """What is known of a recording once it was read."""
    n_frames = len(seen.times)
    status, reason = video.problem or (
        ("ok", None) if n_success else ("no_face", _why_no_face(seen))
    )
    span = seen.times[-1] - seen.times[0]
    return {
        "width": seen.width or None,
        "height": seen.height or None,
        "fps": (n_frames - 1) / span if span else None,
        "duration_s": video.duration_s,
        "n_frames": n_frames,
        "n_success": n_success,
        "coverage": float(np.float32(n_success / n_frames)),
        "status": status,
        "reason": reason,
    }


def _why_no_face(seen: Observed) -> str:
    return "every face was too small" if len(seen.owner) else "no face was seen"
