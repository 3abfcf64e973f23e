"""`extract`: a folder of videos to a corpus, in parallel workers, resuming where it stopped."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from deptool import plugins
from deptool.corpus import Corpus, create_corpus
from deptool.errors import DeptoolError, InputError, UsageError
from deptool.extract_one import FAILED, Job, Plan, Row
from deptool.labels_beside import join_beside
from deptool.recordings import RecordingsTable
from deptool.settings import resolve
from deptool.sources import copies, named_videos
from deptool.video import open_video
from deptool.weights import check_folder

if TYPE_CHECKING:
    import polars as pl

    from deptool.label_summary import LabelSummary

# A video whose container states no length is taken to last this long (s), for the progress alone.
_UNKNOWN_S = 10.0


@dataclass(frozen=True)
class ExtractSettings:
    """What to measure, how often (None: every picture), where, what again.

    `options` are key=value words for the extractor; `weights` a folder of weights. `roi` is the
    part of the picture that is looked at: x y w h in px of the upright picture. `shard` (i, n) does
    the i-th of n parts. `name` is that of a new corpus, its folder's unless given.
    """

    extractor: str = "mediapipe"
    fps: float | None = 6.0
    faces: Literal["primary", "all"] = "primary"
    roi: tuple[int, ...] | None = None
    options: tuple[str, ...] = ()
    weights: Path | None = None
    jobs: int = 1
    shard: tuple[int, ...] = (1, 1)
    engine: str = "local"
    address: str | None = None
    force: tuple[str, ...] = ()
    name: str | None = None

    def __post_init__(self) -> None:
        if self.fps is not None and not 0 < self.fps <= 240:
            raise ValueError(f"fps must be above 0 and at most 240, not {self.fps:g}")
        if self.jobs < 1:
            raise ValueError(f"jobs must be at least 1, not {self.jobs}")
        if self.roi is not None and (len(self.roi) != 4 or min(self.roi[2:]) < 1):
            raise ValueError("roi must be x,y,w,h in px, w and h at least 1")
        if len(self.shard) != 2 or not 1 <= self.shard[0] <= self.shard[1]:
            shown = "/".join(map(str, self.shard))
            raise ValueError(f"shard must be i/n with i from 1 to n, not {shown}")
        if self.address is not None and self.engine == "local":
            raise ValueError("address is for the engine ray, and the engine is local")


@dataclass
class Progress:
    """How far a batch is: first files are opened, then videos are read; both grow in steps.

    `n_opened` of `n_files` were looked at; `seconds` of video are read of `total_s`.
    """

    n_files: int = 0
    n_opened: int = 0
    n_videos: int = 0
    n_done: int = 0
    n_pictures: int = 0
    seconds: float = 0.0
    total_s: float = 0.0


@dataclass
class ExtractSummary:
    """What a batch did: the corpus, the rows of this folder's recordings, how many were new.

    `changed` are recordings that were there already, but whose file is another video by now;
    `elsewhere` those of the corpus that are not in this folder; `duplicates` pairs of a recording
    and an earlier one with the same content: a file that is there under two names is read once
    (then the first of the pair has no row), a copy twice. `lost_labels`: recordings.parquet was
    gone and was made again, without what labels had said. `labels_refused` is why a labels.csv
    beside the videos could not be joined; the tables are there all the same.
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
    duplicates: list[tuple[str, str]] = field(default_factory=list)
    lost_labels: bool = False


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
    videos, a single file that is no video, an `out` that is no corpus, that cannot be written or
    that another process writes, UsageError for a forced id that does not exist, DataError where
    the corpus was made with other settings.
    """
    plan = _plan(settings)
    engine: Any = plugins.load("engines", settings.engine)
    engine.require()
    found, linked = _found(videos)
    unknown = sorted(set(settings.force) - {"all"} - set(found))
    if unknown:
        raise UsageError(f"no recording {unknown[0]!r} to force", where=str(videos))
    module: Any = plugins.load("extractors", settings.extractor)
    feature_set = module.feature_set(plan.settings)
    corpus = create_corpus(out, feature_set, _how(settings, plan), settings.name)
    index, count = settings.shard
    mine = dict(list(found.items())[index - 1 :: count])
    with corpus.writing((index, count)):
        return _extract(corpus, videos, mine, plan, settings, engine, linked, on_progress)


def _extract(
    corpus: Corpus,
    videos: Path,
    found: dict[str, Path],
    plan: Plan,
    settings: ExtractSettings,
    engine: Any,
    linked: list[tuple[str, str]],
    on_progress: Callable[[Progress], None],
) -> ExtractSummary:
    table = RecordingsTable(corpus)
    _remove_leftovers(corpus, whole=settings.shard[1] == 1)
    state = Progress(n_files=len(found))
    known = {}
    for name, what in table.opened(found):
        known[name] = what
        state.n_opened += 1
        on_progress(state)
    todo = [
        name
        for name in found
        if not known[name].done or settings.force == ("all",) or name in settings.force
    ]
    # Longest first: a long video begun last would keep one worker busy while the others rest.
    todo.sort(key=lambda name: (-(known[name].length_s or _UNKNOWN_S), name))
    jobs = [
        Job(name, found[name], corpus.frames_path(name), corpus.tracks_path(name)) for name in todo
    ]
    changed = [name for name in found if known[name].changed and name not in set(todo)]
    state.n_videos = len(jobs)
    state.total_s = sum(known[name].length_s or _UNKNOWN_S for name in todo)
    try:
        for row in _run(engine, jobs, plan, settings, state, on_progress):
            table.put(row)
    except BaseException as error:
        # Workers were ended in the midst of what they wrote.
        _remove_leftovers(corpus, whole=settings.shard[1] == 1)
        # Ctrl-C and SIGTERM may have come while the table was written.
        if not isinstance(error, KeyboardInterrupt | SystemExit):
            with contextlib.suppress(InputError):  # on a full disk this fails as well
                table.write()
        raise
    table.write()
    labels, refused = join_beside(corpus, videos)
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
        elsewhere=[]
        if settings.shard[1] > 1
        else everything.filter(~here)["recording_id"].to_list(),
        duplicates=linked + copies(found),
        lost_labels=table.lost_labels and labels is None,
    )


def _plan(settings: ExtractSettings) -> Plan:
    """What the workers need to know, once the extractor is known to run."""
    module: Any = plugins.load("extractors", settings.extractor)
    check_folder(settings.weights)
    options = resolve(module.Settings, words=settings.options, where=settings.extractor)
    module.require(options, settings.weights)
    roi: Any = settings.roi
    return Plan(settings.extractor, options, settings.weights, settings.fps, settings.faces, roi)


def _how(settings: ExtractSettings, plan: Plan) -> dict[str, object]:
    """How a corpus was extracted, for corpus.json: what changes the tables, and no more."""
    how: dict[str, object] = {"extractor": settings.extractor, "fps": settings.fps or "native"}
    if settings.faces != "primary":
        how["faces"] = settings.faces
    if settings.roi is not None:
        how["roi"] = list(settings.roi)
    chosen = asdict(plan.settings)
    plain = {f.name: f.default for f in fields(plan.settings)}
    # Where it is computed is not part of what is measured.
    how |= {k: v for k, v in chosen.items() if v != plain[k] and k != "device"}
    return how


def _found(videos: Path) -> tuple[dict[str, Path], list[tuple[str, str]]]:
    """Recordings to extract by id, and ids whose file another one leads to as well."""
    if videos.is_file():
        try:
            with open_video(videos):  # one file named by hand: an error, not a row in a corpus
                pass
        except InputError as error:
            raise InputError(error.what, where=str(videos)) from error
    return named_videos(videos)


def _run(
    engine: Any,
    jobs: Sequence[Job],
    plan: Plan,
    settings: ExtractSettings,
    state: Progress,
    on_progress: Callable[[Progress], None],
) -> Iterator[Row]:
    """Rows of recordings as they are done, in any order."""
    if not jobs:
        return

    def hear(pictures: int, seconds: float) -> None:
        state.n_pictures += pictures
        state.seconds += seconds
        on_progress(state)

    rows: Iterator[Row] = engine.run(jobs, plan, settings.jobs, settings.address, hear)
    with contextlib.closing(rows) as running:  # type: ignore[type-var]
        for row in running:
            state.n_done += 1
            on_progress(state)
            yield row


def _remove_leftovers(corpus: Corpus, whole: bool) -> None:
    """Temporary files that a killed run left; while shards run, they may be another one's."""
    if not whole:
        return
    for folder in (corpus.root, corpus.root / "frames", corpus.root / "tracks"):
        for path in folder.glob(".*.tmp*"):
            path.unlink(missing_ok=True)


def _is_in(column: str, values: list[str]) -> pl.Expr:
    import polars as pl

    return pl.col(column).is_in(values)
