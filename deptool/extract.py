"""`extract`: a folder of videos to a corpus, in parallel processes, resuming where it stopped."""

from __future__ import annotations

import contextlib
import multiprocessing
import queue
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deptool import plugins
from deptool.corpus import Corpus, create_corpus, empty
from deptool.errors import DeptoolError, InputError, UsageError
from deptool.extract_one import FAILED, Job, extract_one, read_row, start_worker
from deptool.schema import RECORDINGS
from deptool.video import find_videos, open_video, recording_ids

if TYPE_CHECKING:
    import polars as pl

    from deptool.label_summary import LabelSummary

Row = dict[str, object]

# Recordings.parquet is written again at most this often; frames files carry the same rows, so
# that a killed run loses nothing between two writings.
_WRITE_EVERY_S = 2.0

# A container's stated length and what was read of it may differ by this, or by this share, or by
# three pictures, and the file still be the same.
_SAME_S, _SAME_SHARE = 1.5, 0.02

_LABEL_COLUMNS = ("subject_id", "session_id", "task", "split")


@dataclass(frozen=True)
class ExtractSettings:
    """What to measure, how often (None: every picture), in how many processes, what again.

    `name` is that of a new corpus, by which reports call it; its folder's unless given.
    """

    extractor: str = "mediapipe"
    fps: float | None = 6.0
    jobs: int = 1
    force: tuple[str, ...] = ()
    name: str | None = None

    def __post_init__(self) -> None:
        if self.fps is not None and not 0 < self.fps <= 240:
            raise ValueError(f"fps must lie between 0 and 240, not {self.fps:g}")
        if self.jobs < 1:
            raise ValueError(f"jobs must be at least 1, not {self.jobs}")


@dataclass
class Progress:
    """How far a batch is. `seconds` of video are read of `total_s`; both grow in steps."""

    n_videos: int = 0
    n_done: int = 0
    n_pictures: int = 0
    seconds: float = 0.0
    total_s: float = 0.0


@dataclass
class ExtractSummary:
    """What a batch did: the corpus, the rows of this folder's recordings, how many were new.

    `changed` are recordings that were there already, but whose file is another video by now;
    `elsewhere` those of the corpus that are not in this folder. `labels_refused` is why a
    labels.csv beside the videos could not be joined; the tables are there all the same.
    """

    corpus: Corpus
    rows: pl.DataFrame
    n_new: int
    n_kept: int
    labels: LabelSummary | None = None
    labels_refused: DeptoolError | None = None
    failed: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)


def extract(
    videos: Path,
    out: Path,
    settings: ExtractSettings,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> ExtractSummary:
    """Extract every video under `videos` into the corpus `out`; labels.csv beside them is joined.

    A recording that is in the corpus is left alone unless `settings.force` names it (or is
    ("all",)); one whose file could not be read is tried again. A file that cannot be read gets a
    row with status and reason, and the batch goes on. Raises InputError for a folder without
    videos, a single file that is no video, or an `out` that is no corpus, UsageError for a forced
    id that does not exist, DataError where the corpus was made with other settings.
    """
    module = plugins.load("extractors", settings.extractor)
    module.require()
    found = recording_ids(videos, find_videos(videos))
    if videos.is_file():
        with open_video(videos):  # one file named by hand: an error, not a row in a corpus
            pass
    unknown = sorted(set(settings.force) - {"all"} - set(found))
    if unknown:
        raise UsageError(f"no recording {unknown[0]!r} to force", where=str(videos))
    how = {"extractor": settings.extractor, "fps": settings.fps or "native"}
    corpus = create_corpus(out, module.FEATURE_SET, how, settings.name)
    table = _Table(corpus)
    jobs = [
        Job(name, path, corpus.frames_path(name), settings.extractor, settings.fps)
        for name, path in found.items()
        if not table.has(name) or settings.force == ("all",) or name in settings.force
    ]
    _remove_leftovers(corpus)
    doing = {job.recording_id for job in jobs}
    changed = [name for name in found if name not in doing and table.differs(name, found[name])]
    try:
        for row in _run(jobs, settings.jobs, on_progress):
            table.put(row)
    finally:
        table.write()
    labels, refused = _join_labels(corpus, videos)
    everything = corpus.recordings()
    here = _is_in("recording_id", list(found))
    rows = everything.filter(here)
    return ExtractSummary(
        corpus,
        rows,
        n_new=len(jobs),
        n_kept=len(found) - len(jobs),
        labels=labels,
        labels_refused=refused,
        failed=rows.filter(_is_in("status", list(FAILED)))["recording_id"].to_list(),
        changed=changed,
        elsewhere=everything.filter(~here)["recording_id"].to_list(),
    )


class _Table:
    """The recordings table while a batch adds to it."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self._rows: dict[str, Row] = {r["recording_id"]: r for r in corpus.recordings().to_dicts()}
        for path in sorted((corpus.root / "frames").glob("[!.]*.parquet")):
            if path.stem not in self._rows:  # a run was killed between the two files
                row = read_row(path)
                if row is not None:
                    self._rows[path.stem] = row
        self._written = time.monotonic()

    def has(self, name: str) -> bool:
        """Whether this recording is done: it has a row, and its frames unless there are none."""
        row = self._rows.get(name)
        if row is None:
            return False
        path = self._corpus.frames_path(name)
        return bool(row["n_frames"]) and path.is_file() and read_row(path) is not None

    def differs(self, name: str, source: Path) -> bool:
        """Whether a file is plainly not the video that this row was made of.

        By what both know: size, rate and stated length. No hash of a video is kept, so a video
        that agrees in all of these is taken for the same.
        """
        row: Any = self._rows[name]
        try:
            with open_video(source) as video:
                sides = {video.stream.width, video.stream.height}
                fps, promised = video.fps, video.promised_s
        except InputError:
            return True
        if sides != {row["width"], row["height"]}:
            return True
        if fps and row["fps_source"] and abs(fps - row["fps_source"]) > 1e-3 * fps:
            return True
        if not promised or row["status"] not in ("ok", "no_face"):
            return False
        slack = max(_SAME_S, _SAME_SHARE * promised, 3 / (fps or 30))
        return bool(abs(promised - row["duration_s"]) > slack)

    def put(self, row: Row) -> None:
        """Add or replace a row; what a label file said of the recording stays."""
        name = str(row["recording_id"])
        before = self._rows.get(name, {})
        self._rows[name] = row | {k: before.get(k) for k in _LABEL_COLUMNS}
        if time.monotonic() - self._written > _WRITE_EVERY_S:
            self.write()

    def write(self) -> None:
        import polars as pl

        rows = pl.DataFrame(list(self._rows.values()), schema=empty(RECORDINGS).schema)
        self._corpus.write_recordings(rows)
        self._written = time.monotonic()


def _run(
    jobs: Sequence[Job], processes: int, on_progress: Callable[[Progress], None]
) -> Iterator[Row]:
    """Rows of recordings as they are done, in any order. Workers are spawned, never forked."""
    if not jobs:
        return
    lengths = _lengths(jobs)
    state = Progress(n_videos=len(jobs), total_s=sum(lengths.values()))
    on_progress(state)
    spawn = multiprocessing.get_context("spawn")
    news = spawn.Queue()
    pool = ProcessPoolExecutor(
        min(processes, len(jobs)), spawn, initializer=start_worker, initargs=(news,)
    )
    # Longest first: a long video begun last would keep one process busy while the others rest.
    order = sorted(jobs, key=lambda job: -lengths[job.recording_id])
    waiting: dict[Future[Row], Job] = {pool.submit(extract_one, job): job for job in order}
    try:
        while waiting:
            done, _ = wait(waiting, timeout=0.2, return_when=FIRST_COMPLETED)
            _hear(news, state)
            for future in done:
                del waiting[future]
                state.n_done += 1
                yield future.result()
            on_progress(state)
    except BrokenProcessPool as error:
        raise InputError(
            "a worker process died, perhaps for want of memory",
            fix="What is done is kept. Run the same command again to go on; --jobs 1 needs least.",
        ) from error
    finally:
        _stop(pool)
        news.close()


def _lengths(jobs: Sequence[Job]) -> Mapping[str, float]:
    """Length (s) of each video as its container states it; 10 s where it does not."""
    lengths = {}
    for job in jobs:
        lengths[job.recording_id] = 10.0
        with contextlib.suppress(InputError), open_video(job.source) as video:
            lengths[job.recording_id] = video.promised_s or 10.0
    return lengths


def _hear(news: multiprocessing.queues.Queue[tuple[int, float]], state: Progress) -> None:
    """Add what the workers reported: pictures read, seconds of video covered."""
    with contextlib.suppress(queue.Empty):
        while True:
            pictures, seconds = news.get_nowait()
            state.n_pictures += pictures
            state.seconds += seconds


def _stop(pool: ProcessPoolExecutor) -> None:
    """End the workers now: on Ctrl-C nobody wants to wait for the video in hand."""
    processes = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        if process.is_alive():
            process.terminate()
    for process in processes:
        process.join()


def _remove_leftovers(corpus: Corpus) -> None:
    """Temporary files that a killed run left."""
    for path in (*corpus.root.glob(".*.tmp*"), *(corpus.root / "frames").glob(".*.tmp*")):
        path.unlink(missing_ok=True)


def _join_labels(corpus: Corpus, videos: Path) -> tuple[LabelSummary | None, DeptoolError | None]:
    from deptool.label import join_labels

    path = videos / "labels.csv"
    if not path.is_file():
        return None, None
    try:
        return join_labels(corpus, path, skip_unknown=True), None
    except DeptoolError as error:
        return None, error


def _is_in(column: str, values: list[str]) -> pl.Expr:
    import polars as pl

    return pl.col(column).is_in(values)
