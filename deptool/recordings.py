"""The recordings table while a batch adds to it, and what is known of a file beforehand."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deptool.corpus import Corpus, empty
from deptool.errors import InputError
from deptool.extract_one import Row, read_row
from deptool.interrupts import ctrl_c_waits
from deptool.schema import RECORDINGS
from deptool.video import open_video

# Files are opened by so many threads before the work begins: disks on a network are slow to answer.
_OPENERS = 8

# Recordings.parquet is written again at most this often; frames files carry the same rows, so
# that a killed run loses nothing between two writings.
_WRITE_EVERY_S = 2.0

# A container's stated length and what was read of it may differ by this, or by this share, or by
# three pictures, and the file still be the same.
_SAME_S, _SAME_SHARE = 1.5, 0.02

_LABEL_COLUMNS = ("subject_id", "session_id", "task", "split")


@dataclass(frozen=True)
class Known:
    """What is known of a recording before it is extracted.

    `done`: its tables are there; `changed`: its file is plainly not the video they were made of;
    `length_s`: what the container states.
    """

    done: bool
    changed: bool
    length_s: float | None


class RecordingsTable:
    """The rows of a corpus; several processes may each add their own."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self._rows: dict[str, Row] = {r["recording_id"]: r for r in corpus.recordings().to_dicts()}
        self._mine: set[str] = set()
        # Frames tables carry their recording's row, but not what a label file said of it.
        there = (corpus.root / "recordings.parquet").exists()
        self.lost_labels = not there and (corpus.root / "labels.parquet").exists()
        for path in sorted((corpus.root / "frames").glob("[!.]*.parquet")):
            if path.stem not in self._rows:  # a run was killed between the two files
                row = read_row(path)
                if row is not None:
                    self._rows[path.stem] = row
                    self._mine.add(path.stem)
        self._written = time.monotonic()

    def opened(self, sources: Mapping[str, Path]) -> Iterator[tuple[str, Known]]:
        """What is known of each recording, one after the other; `sources` are files by id."""
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(_OPENERS) as pool:
            yield from zip(sources, pool.map(self.known, sources, sources.values()), strict=True)

    def known(self, name: str, source: Path) -> Known:
        """What is known of a recording and of the file that it would be extracted from."""
        row = self._rows.get(name)
        path = self._corpus.frames_path(name)
        done = bool(row and row["n_frames"]) and path.is_file() and read_row(path) is not None
        try:
            with open_video(source) as video:
                sides = {video.stream.width, video.stream.height}
                fps, length_s = video.fps, video.promised_s
        except InputError:
            return Known(done, changed=done, length_s=None)
        changed = row is not None and done and _differs(row, sides, fps, length_s)
        return Known(done, changed, length_s)

    def put(self, row: Row) -> None:
        """Add or replace a row."""
        name = str(row["recording_id"])
        self._rows[name] = row
        self._mine.add(name)
        if time.monotonic() - self._written > _WRITE_EVERY_S:
            self.write()

    def write(self) -> None:
        """Write the table: this process's rows over those that are in the file by now.

        What a label file said of a recording stays.
        """
        import polars as pl

        if not self._mine and (self._corpus.root / "recordings.parquet").exists():
            return
        # Polars swallows a KeyboardInterrupt in the middle of making a table.
        with ctrl_c_waits(), self._corpus.updating():
            rows = {str(r["recording_id"]): r for r in self._corpus.recordings().to_dicts()}
            for name in self._mine:
                labels = {k: rows[name][k] for k in _LABEL_COLUMNS} if name in rows else {}
                rows[name] = self._rows[name] | labels
            frame = pl.DataFrame(list(rows.values()), schema=empty(RECORDINGS).schema)
            self._corpus.write_recordings(frame)
        self._written = time.monotonic()


def _differs(row: Any, sides: set[int], fps: float | None, length_s: float | None) -> bool:
    """Whether a file is plainly not the video that this row was made of.

    By what both know: size, rate and stated length. No hash of a video is kept, so a video that
    agrees in all of these is taken for the same.
    """
    if sides != {row["width"], row["height"]}:
        return True
    if fps and row["fps_source"] and abs(fps - row["fps_source"]) > 1e-3 * fps:
        return True
    if not length_s or not row["duration_s"] or row["status"] not in ("ok", "no_face"):
        return False
    slack = max(_SAME_S, _SAME_SHARE * length_s, 3 / (fps or 30))
    return bool(abs(length_s - row["duration_s"]) > slack)
