"""`embed`: vectors with times of every recording, into a cache of the corpus; it resumes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deptool import plugins
from deptool.corpus import MARKER, Corpus, open_corpus
from deptool.embed_cache import holding, is_there, table_digest, write_failed
from deptool.embed_one import Done, Job, Plan, Worker, working
from deptool.embeddings import Encoding, cache_folder, is_cache_name
from deptool.engines.local import run_jobs
from deptool.errors import InputError, SchemaError, UsageError
from deptool.measured import find_columns, stored
from deptool.recordings import RecordingsTable
from deptool.settings import resolve
from deptool.sources import named_videos
from deptool.video import open_video
from deptool.weights import check_folder

if TYPE_CHECKING:
    import polars as pl

# A recording whose length is not known is taken to last this long (s), for the progress alone.
_UNKNOWN_S = 10.0

# A worker process takes seconds to begin; for fewer bytes of tables another is not worth it.
_WORTH_A_WORKER = 20_000_000

# Workers on one accelerator, where their number is not given: each holds the models.
_ON_ONE_DEVICE = 2


@dataclass(frozen=True)
class EmbedSettings:
    """Which encoder, with which `options` (key=value words), into the cache of which name.

    `name` is the encoder's unless given; `half` writes float16; `weights` is a folder of weights;
    `jobs` None is one worker per core, or few where they share an accelerator.
    """

    encoder: str = "behaviour"
    options: tuple[str, ...] = ()
    name: str | None = None
    half: bool = False
    weights: Path | None = None
    jobs: int | None = None
    device: str = "auto"

    def __post_init__(self) -> None:
        if self.name is not None and not is_cache_name(self.name):
            raise ValueError(
                f"a cache cannot be called {self.name!r}: letters, digits, '-', '_' and '.', the"
                " first one a letter or digit"
            )
        if self.jobs is not None and self.jobs < 1:
            raise ValueError(f"jobs must be at least 1, not {self.jobs}")


@dataclass
class Progress:
    """How far a batch is: recordings done of all, seconds encoded of all, vectors written."""

    n_recordings: int
    total_s: float
    n_done: int = 0
    seconds: float = 0.0
    n_vectors: int = 0


@dataclass
class EmbedSummary:
    """What a batch did.

    `done`: recordings encoded now; `kept`: how many were there already; `failed`: id -> why a
    recording has no vectors; `left_out`: id -> why a recording has nothing to encode; `strangers`:
    videos, by the ids that they would have, that are no recordings of the corpus.
    """

    name: str
    encoding: Encoding
    half: bool
    done: list[Done] = field(default_factory=list)
    kept: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    strangers: list[str] = field(default_factory=list)


def embed(
    root: Path,
    videos: Path | None,
    settings: EmbedSettings,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> EmbedSummary:
    """Encode every recording of a corpus into embeddings/<name>/<recording_id>.parquet.

    Vectors that are there are kept, unless the table that they were made of has changed. A
    recording that cannot be encoded is named, also in embeddings/<name>/failed.json, and the others
    go on. An encoder of tables needs no `videos`, a folder or one file; of one file that recording
    alone is encoded. Raises UsageError where videos are needed, InputError where there are none or
    none is of this corpus, or where another process writes the cache; MissingExtraError where the
    encoder cannot run; DataError where the cache was made in another way.
    """
    if videos is not None and (videos / MARKER).is_file():
        raise UsageError(
            f"{videos.name!r} is a corpus, not a folder of videos",
            fix=f"Say: deptool embed --corpus {videos.name} --encoder {settings.encoder}",
        )
    corpus = open_corpus(root)
    module: Any = plugins.load("encoders", settings.encoder)
    options = resolve(module.Settings, words=settings.options, where=settings.encoder)
    if module.SOURCE != "tables" and videos is None:
        raise UsageError(
            f"the encoder {settings.encoder} needs the videos: it reads their "
            f"{'sound' if module.SOURCE == 'sound' else 'pictures'}",
            fix="Name the folder that the corpus was extracted from:"
            f" deptool embed VIDEOS --encoder {settings.encoder}",
        )
    check_folder(settings.weights)
    if hasattr(module, "require"):
        module.require(options, settings.weights)
    rows = {row["recording_id"]: row for row in corpus.recordings().to_dicts()}
    encoding = replace(
        _encoding(corpus, module, options, settings.weights), synthetic=corpus.synthetic
    )
    name = settings.name or settings.encoder
    summary = EmbedSummary(name, encoding, settings.half)
    sources = None
    if module.SOURCE != "tables" and videos is not None:
        sources = _sources(corpus, videos, rows, summary)
        if videos.is_file():
            rows = {recording: rows[recording] for recording in sources}
    plan = Plan(
        *(corpus, settings.encoder, options, encoding, settings.half, settings.weights),
        _device(module, settings.device),
    )
    with holding(corpus, name):
        jobs = _jobs(corpus, rows, sources, summary)
        try:
            for done in _run(jobs, plan, settings.jobs, on_progress):
                if done.reason is None:
                    summary.done.append(done)
                else:
                    summary.failed[done.recording_id] = done.reason
        finally:
            write_failed(cache_folder(corpus, name), summary.failed)
    return summary


def _encoding(corpus: Corpus, module: Any, options: Any, weights: Path | None) -> Encoding:
    if module.SOURCE != "tables":
        found: Encoding = module.encoding(options, weights)
        return found
    columns, _ = find_columns(corpus, _with_tables(corpus), (), module.GROUPS)
    of_tables: Encoding = module.encoding(columns, options, corpus.synthetic)
    return of_tables


def _with_tables(corpus: Corpus) -> pl.DataFrame:
    """The recordings whose tables can be read; the others are named when it is their turn."""
    recordings = corpus.recordings()
    return recordings.filter([_has_table(corpus, name) for name in recordings["recording_id"]])


def _has_table(corpus: Corpus, recording_id: str) -> bool:
    try:
        return bool(stored(corpus, recording_id))
    except (InputError, SchemaError):
        return False


def _device(module: Any, wanted: str) -> str:
    """The device of an encoder that has weights; others stay on the CPU."""
    if not getattr(module, "WEIGHTS", ()):
        return "cpu"
    from deptool.networks import find_device

    return str(find_device(wanted))


def _sources(
    corpus: Corpus, videos: Path, rows: Mapping[str, Any], summary: EmbedSummary
) -> dict[str, Path]:
    """Videos of the corpus's recordings; what is wrong with one goes into the summary."""
    named, _ = named_videos(videos)
    summary.strangers = sorted(set(named) - set(rows))
    found = {name: path for name, path in named.items() if name in rows}
    if not found:
        few = ", ".join(summary.strangers[:3]) + (", …" if summary.strangers[3:] else "")
        raise InputError(
            f"no video is of a recording of the corpus {corpus.name!r} (by their names they would"
            f" be {few})",
            where=str(videos),
            fix="Name the folder that was given to `deptool extract`, since a recording's id comes"
            " from its video's place in it.",
        )
    for name, known in RecordingsTable(corpus).opened(found):
        if known.changed:
            summary.failed[name] = _why_changed(found[name])
    return found


def _why_changed(path: Path) -> str:
    try:
        with open_video(path):
            return "the file is another video than the one in the corpus (size, rate or length)"
    except InputError as error:
        return error.what


def _jobs(
    corpus: Corpus,
    rows: Mapping[str, Mapping[str, Any]],
    sources: Mapping[str, Path] | None,
    summary: EmbedSummary,
) -> list[Job]:
    """What is to be done, the longest first; what cannot be done goes into the summary.

    Raises DataError where the cache was made in another way.
    """
    folder = cache_folder(corpus, summary.name)
    found = []
    for name, row in rows.items():
        if not row["n_frames"]:
            reason = row["reason"] or "its table has no rows"
            summary.left_out[name] = f"{row['status']}: {reason}"
            continue
        path = folder / f"{name}.parquet"
        made_of = None if summary.encoding.source == "sound" else table_digest(corpus, name)
        if is_there(path, made_of, summary.encoding, half=summary.half):
            summary.kept += 1
            summary.failed.pop(name, None)
            continue
        if name in summary.failed:
            continue
        if sources is not None and name not in sources:
            summary.failed[name] = "there is no video of it in that folder"
            continue
        found.append(Job(row, sources[name] if sources else None, path, made_of))
    return sorted(found, key=lambda job: (-_seconds(job), job.recording_id))


def _run(
    jobs: Sequence[Job],
    plan: Plan,
    wanted: int | None,
    on_progress: Callable[[Progress], None],
) -> Iterator[Done]:
    """What becomes of each recording, in any order; few small tables are done in this process."""
    if not jobs:
        return
    state = Progress(len(jobs), sum(map(_seconds, jobs)))

    def hear(vectors: int, seconds: float) -> None:
        state.n_vectors += vectors
        state.seconds += seconds
        on_progress(state)

    on_progress(state)
    workers = _workers(jobs, plan, wanted)
    done: Iterator[Done]
    if workers:
        done = run_jobs(jobs, partial(working, plan), _lost, workers, hear)
    else:
        worker = Worker(plan)
        done = (worker.embed(job, hear) for job in jobs)
    with contextlib.closing(done) as running:  # type: ignore[type-var]
        for one in running:
            state.n_done += 1
            on_progress(state)
            yield one


def _workers(jobs: Sequence[Job], plan: Plan, wanted: int | None) -> int:
    """How many worker processes; 0 where this one does it all."""
    from deptool.machine import usable_cores

    most = wanted or (usable_cores() if plan.device == "cpu" else _ON_ONE_DEVICE)
    if plan.encoding.source != "tables":  # decoders and models may fall, and must not take us along
        return min(most, len(jobs))
    n_bytes = sum(
        path.stat().st_size
        for job in jobs
        if (path := plan.corpus.frames_path(job.recording_id)).is_file()
    )
    workers = min(most, len(jobs), 1 + n_bytes // _WORTH_A_WORKER)
    return workers if workers > 1 else 0


def _lost(job: Job, reason: str) -> Done:
    return Done(job.recording_id, reason=reason)


def _seconds(job: Job) -> float:
    row = job.row
    return float(row["duration_s"] or (row["n_frames"] / row["fps"] if row["fps"] else _UNKNOWN_S))
