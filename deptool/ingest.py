"""`import`: somebody else's feature files to a corpus, sessions in parallel, resuming."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deptool import plugins
from deptool.corpus import MARKER, Corpus, create_corpus, open_corpus
from deptool.errors import DeptoolError, InputError, UsageError
from deptool.extract_one import FAILED, read_row
from deptool.importers import Found, Item
from deptool.ingest_join import (
    Scores,
    has_landmarks,
    join_scores,
    join_subjects,
    keep_notes,
    n_redescribed,
    relabel,
)
from deptool.ingest_one import Done, Plan, size
from deptool.ingest_run import run
from deptool.labels_beside import is_labels, join_beside
from deptool.recordings import RecordingsTable
from deptool.settings import resolve

if TYPE_CHECKING:
    import polars as pl

    from deptool.ingest_one import Row
    from deptool.label_summary import LabelSummary

NORMALISE = "frame (picture size), session-max, inter-ocular, or the picture's longer side in px"

_RATES = (0.2, 500.0)  # rows per second that need no question

OnProgress = Callable[[int, int, int, int], None]  # recordings done, of; bytes read, of


@dataclass(frozen=True)
class ImportSummary:
    """What an import did: rows of the recordings table, how many of them are new.

    `scores` are those of the source that were joined. `n_redescribed` recordings had another
    subject, session, task or split before; `n_elsewhere` are in the corpus and have no files here.
    `normalise_before` is what models divided landmarks by, where that was changed.

    `notes` are the importer's own sentences; `said` is what was noted of a recording beyond its
    row (gaps, several faces), now or when it was imported; `without_files` are recordings the
    source names but has no features of, and that the corpus does not hold either. `labels` is what
    a labels.csv beside the files gave, where the source has no scores of its own, or
    `labels_refused` why it was not joined.
    """

    corpus: Corpus
    rows: pl.DataFrame
    n_new: int
    n_kept: int
    n_redescribed: int
    n_elsewhere: int
    scores: Scores
    has_landmarks: bool
    notes: tuple[str, ...]
    said: dict[str, tuple[str, ...]]
    without_files: tuple[str, ...]
    n_bytes: int
    labels: LabelSummary | None = None
    labels_refused: DeptoolError | None = None
    normalise_before: str | None = None

    @property
    def n_labels(self) -> int:
        """Scores of the source that were joined."""
        return sum(self.scores.by_scale.values())

    @property
    def odd_rates(self) -> dict[str, float]:
        """Rows per second of recordings for which it is hard to believe, by recording_id."""
        rates = dict(self.rows.select("recording_id", "fps").drop_nulls().iter_rows())
        return {name: fps for name, fps in rates.items() if not _RATES[0] <= fps <= _RATES[1]}

    @property
    def failed(self) -> list[str]:
        """Recordings that could not be read, or not in whole."""
        bad = self.rows["status"].is_in(FAILED)
        return list(self.rows.filter(bad)["recording_id"])


def import_corpus(
    kind: str,
    source: Path,
    out: Path,
    settings: Any = None,
    *,
    normalise: str | None = None,
    jobs: int = 1,
    force: Sequence[str] = (),
    name: str | None = None,
    on_progress: OnProgress = lambda _done, _of, _read, _all: None,
) -> ImportSummary:
    """Import what `source` holds into the corpus `out`, and join its ids, splits and labels.

    A recording that is in the corpus is left alone unless `force` names it (or is ("all",)); its
    ids, split and labels are joined again. `normalise` says how models scale landmarks
    (`NORMALISE`); None leaves what the corpus says, and a new one takes the picture's size where
    the source knows it, else session-max. Raises InputError for a source without such files, or of
    which none can be read, and an `out` that is no corpus or cannot be written, SettingsError where
    a setting must be given, UsageError for an unknown importer, normalisation or forced id,
    DataError where the corpus was made otherwise.
    """
    module: Any = plugins.load("importers", kind)
    settings = (
        resolve(module.Settings, where=f"settings of {kind}") if settings is None else settings
    )
    if not source.exists():
        raise InputError("no such file or folder", where=str(source))
    found: Found = module.find(source, settings)
    found = replace(found, items=tuple(i for i in found.items if not is_labels(i.files)))
    _check(found, source, force)
    importer = module.__name__.rsplit(".", 1)[1].replace("_", "-")
    plan = Plan(importer, settings, module.feature_set(settings))
    before = _normalise_before(out)
    more = {
        "normalise": _normalise(normalise, found, out),
        "id_space": found.id_space,
        "persons_unknown": found.persons_unknown,
        "notes": list(found.notes),
    }
    if any(item.files for item in found.items):
        corpus = create_corpus(out, plan.feature_set, _how(plan), name, more)
    else:
        corpus = _extracted(out, source, plan, found.hint).with_about(
            {key: value for key, value in more.items() if key != "normalise" or normalise}
        )
    with corpus.writing():
        _remove_leftovers(corpus)
        summary = _import(corpus, found, plan, source, jobs, force, on_progress)
    changed = before not in (None, corpus.normalise)
    return replace(summary, normalise_before=before if changed else None)


def _import(
    corpus: Corpus,
    found: Found,
    plan: Plan,
    source: Path,
    jobs: int,
    force: Sequence[str],
    on_progress: OnProgress,
) -> ImportSummary:
    table = RecordingsTable(corpus)
    before = {r["recording_id"]: r for r in corpus.recordings().to_dicts()}
    items = [item for item in found.items if item.files]
    forced = set(force)
    todo = [
        item
        for item in items
        if forced & {"all", item.recording_id} or not _is_done(corpus, before, item)
    ]
    n_bytes, total = 0, sum(size(path) for item in todo for path in item.files.values())
    bad: list[Done] = []  # until one can be read; a folder of other files leaves no row behind
    is_any_good = len(todo) < len(items)
    try:
        with contextlib.closing(run(todo, plan, corpus, jobs)) as running:  # type: ignore[type-var]
            for n_done, (_, done) in enumerate(running, start=1):
                bad.append(done)
                is_any_good = is_any_good or bool(done.row["n_frames"])
                while is_any_good and bad:
                    table.put(bad.pop(0).row)
                n_bytes += done.n_bytes
                on_progress(n_done, len(todo), n_bytes, total)
        if bad:
            raise _none_good(bad, source)
    except BaseException:
        _remove_leftovers(corpus)  # workers were ended in the midst of what they wrote
        raise
    finally:
        if is_any_good:
            table.write()
    names, without = relabel(corpus, found.items)
    scores = join_scores(corpus, found)
    join_subjects(corpus, found)
    beside, refused = (None, None) if found.labels else join_beside(corpus, source)
    corpus, said = keep_notes(corpus, (item.recording_id for item in items))
    import polars as pl

    every = corpus.recordings()
    rows = every.filter(pl.col("recording_id").is_in(list(names)))
    here = every["recording_id"].is_in([item.recording_id for item in items])
    return ImportSummary(
        corpus=corpus,
        rows=rows,
        n_new=len(todo),
        n_kept=len(items) - len(todo),
        n_redescribed=n_redescribed(before, every),
        n_elsewhere=len(every) - int(here.sum()) if items else 0,
        scores=scores,
        has_landmarks=has_landmarks(corpus, rows),
        labels=beside,
        labels_refused=refused,
        notes=found.notes,
        said=said,
        without_files=without,
        n_bytes=n_bytes,
    )


def _check(found: Found, source: Path, force: Sequence[str]) -> None:
    if not found.items:
        raise InputError("holds nothing that this importer reads", where=str(source))
    names = Counter(item.recording_id for item in found.items)
    twice = [name for name, n in names.items() if n > 1]
    if twice:
        raise InputError(
            f"two recordings would be called {twice[0]!r}",
            where=str(source),
            fix="Import each copy into a corpus of its own.",
        )
    unknown = sorted(set(force) - {"all"} - set(names))
    if unknown:
        raise UsageError(f"no recording {unknown[0]!r} to force", where=str(source))


def _none_good(bad: Sequence[Done], source: Path) -> InputError:
    first = min(bad, key=lambda done: str(done.row["recording_id"]))
    name, reason = first.row["recording_id"], first.row["reason"]
    many = f"none of its {len(bad)} recordings could be read; the first, {name}"
    what = many if len(bad) > 1 else "could not be read"
    return InputError(f"{what}: {reason}", where=str(source), fix=first.fix)


def _normalise(word: str | None, found: Found, out: Path) -> str:
    if word is None and (out / MARKER).is_file():
        return open_corpus(out).normalise
    if word is None:
        return "frame" if found.frame_known else "session-max"
    plain = word.strip().lower()
    number = plain.isdecimal() and int(plain) > 0
    if not number and plain not in ("frame", "session-max", "inter-ocular"):
        raise UsageError(f"--normalise cannot be {word!r}", fix=f"It is {NORMALISE}.")
    if plain == "frame" and not found.frame_known:
        raise UsageError(
            "this source does not say how large the picture was, so --normalise cannot be frame",
            fix="Give its longer side in px if you know it, or session-max, or inter-ocular.",
        )
    return plain


def _normalise_before(out: Path) -> str | None:
    """What models divide landmarks by in the corpus at `out`; None where nothing is in it yet."""
    if not (out / MARKER).is_file() or not any((out / "frames").glob("[!.]*.parquet")):
        return None
    return open_corpus(out).normalise


def _how(plan: Plan) -> dict[str, object]:
    """What corpus.json says of the import: the importer and its settings, but none that is a path.

    A path that is not given (None) is left out too: it may be given the next time.
    """
    known = fields(plan.settings)
    said = {f.name: getattr(plan.settings, f.name) for f in known if "Path" not in str(f.type)}
    return {"importer": plan.importer, **said}


def _extracted(out: Path, source: Path, plan: Plan, hint: str | None) -> Corpus:
    """The corpus that ids and labels are joined to, where the source has no feature files.

    `hint` is what the importer says of files that it could not use.
    """
    try:
        return open_corpus(out)
    except InputError as error:
        raise InputError(
            "holds no feature files to import",
            where=str(source),
            fix=hint
            or f"Extract them first: deptool extract {source} --out {out}\nthen join ids, splits"
            f" and labels: deptool import {plan.importer} {source} --out {out}",
        ) from error


def _remove_leftovers(corpus: Corpus) -> None:
    """Temporary files that a killed run left."""
    for path in (*corpus.root.glob(".*.tmp*"), *(corpus.root / "frames").glob(".*.tmp*")):
        path.unlink(missing_ok=True)


def _is_done(corpus: Corpus, before: dict[str, Row], item: Item) -> bool:
    """Whether its table is there; one that a killed run did not list yet holds its row itself."""
    path = corpus.frames_path(item.recording_id)
    if not path.is_file():
        return False
    row = before.get(item.recording_id) or read_row(path)
    return bool(row and row["n_frames"])
