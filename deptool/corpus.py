"""A corpus folder: corpus.json, the tables of recordings, labels, subjects, frames/<id>.parquet."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deptool.columns import Table
from deptool.corpus_about import check_about
from deptool.errors import DataError, InputError, SchemaError, suggest
from deptool.ids import check_ids, why_no_file_name, why_no_id
from deptool.parquet_limits import LONGEST_TEXT, shown
from deptool.schema import FRAMES, LABELS, LONGEST_S, RECORDINGS, SCHEMA_VERSION, SUBJECTS
from deptool.tables import read_json, read_table, write_json, write_table

if TYPE_CHECKING:
    import polars as pl

MARKER = "corpus.json"

# Recordings whose ids are all listed where a wrong one was asked for.
_FEW = 20

# How long (s) a shard waits for its turn to take its lock.
_TURN_S = 3.0


@dataclass(frozen=True)
class Corpus:
    """An open corpus: its folder and what corpus.json says."""

    root: Path
    about: Mapping[str, object]

    @property
    def name(self) -> str:
        return str(self.about["name"])

    @property
    def feature_set(self) -> str:
        return str(self.about["feature_set"])

    @property
    def normalise(self) -> str:
        """How models scale landmarks: 'frame', 'session-max', 'inter-ocular' or a width in px."""
        return str(self.about.get("normalise", "frame"))

    @property
    def id_space(self) -> str | None:
        """Whose subject ids these are; see `deptool.importers.Found`."""
        found = self.about.get("id_space")
        return found if isinstance(found, str) else None

    @property
    def persons_unknown(self) -> bool:
        """Whether the source never said who is in which recording."""
        return self.about.get("persons_unknown") is True

    @property
    def synthetic(self) -> bool:
        """Whether the recordings were generated."""
        return self.about.get("synthetic") is True

    def with_about(self, more: Mapping[str, object]) -> Corpus:
        """The corpus with these entries in corpus.json, which is written where it changes."""
        about = {**self.about, **more}
        if about != self.about:
            write_json(self.root / MARKER, about)
        return Corpus(self.root, about)

    def frames_path(self, recording_id: str) -> Path:
        return self.root / "frames" / f"{recording_id}.parquet"

    def embedding_path(self, name: str, recording_id: str) -> Path:
        """Where a recording's vectors lie in the cache of that name.

        Raises DataError where a cache cannot be called so: run.json may name one.
        """
        if why := why_no_file_name(name):
            raise DataError(f"the name of an embedding cache {why}", where=shown(name))
        return self.root / "embeddings" / name / f"{recording_id}.parquet"

    def tracks_path(self, recording_id: str) -> Path:
        return self.root / "tracks" / f"{recording_id}.parquet"

    @contextlib.contextmanager
    def writing(self, shard: tuple[int, int] = (1, 1)) -> Iterator[None]:
        """Hold a shard (i, n) of the corpus, or all of it: (1, 1).

        Shards may be written at once, but one by one process only, and none beside the whole.
        Raises InputError where another process holds it.
        """
        from filelock import FileLock, Timeout

        whole = FileLock(self.root / ".extract-all.lock")
        held = contextlib.ExitStack()
        try:
            if shard == (1, 1):
                held.enter_context(whole.acquire(timeout=0))
                for path in sorted(self.root.glob(".extract-*-of-*.lock")):
                    held.enter_context(FileLock(path, timeout=0))
            else:
                name = f".extract-{shard[0]}-of-{shard[1]}.lock"
                with whole.acquire(timeout=_TURN_S):  # other shards hold it for a moment only
                    held.enter_context(FileLock(self.root / name, timeout=0))
        except Timeout as error:
            held.close()
            raise InputError(
                "another extract, import or synth is writing into this corpus",
                where=str(self.root),
                fix="Wait until it is done, or choose another folder.",
            ) from error
        except OSError as error:
            held.close()
            reason = error.strerror or type(error).__name__
            raise InputError(
                f"cannot be written: {reason}",
                where=str(self.root),
                fix="Get the right to write there, or choose another folder.",
            ) from error
        with held:
            yield

    def being_written(self) -> bool:
        """Whether an extract is at work on it right now."""
        from filelock import FileLock, Timeout

        for path in self.root.glob(".extract-*.lock"):
            try:
                FileLock(path, timeout=0).acquire().lock.release()
            except Timeout:
                return True
            except OSError:  # a corpus that may not be written cannot be locked either
                continue
        return False

    @contextlib.contextmanager
    def updating(self) -> Iterator[None]:
        """Hold the recordings table between reading and writing it; shards take turns."""
        from filelock import FileLock

        with FileLock(self.root / ".recordings.lock"):
            yield

    def recordings(self) -> pl.DataFrame:
        """The recordings table, sorted by recording_id; empty where there is none yet."""
        import polars as pl

        path = self.root / "recordings.parquet"
        if not path.exists():
            return empty(RECORDINGS)
        frame = read_table(path, RECORDINGS)
        check_ids(frame, path.name)
        twice = frame.filter(pl.col("recording_id").is_duplicated())
        if len(twice):
            raise SchemaError(
                f"recording {twice['recording_id'][0]!r} has more than one row", where=path.name
            )
        return frame

    def write_recordings(self, frame: pl.DataFrame) -> None:
        """Write the recordings table; reasons that are too long for a table are cut."""
        import polars as pl

        check_ids(frame, "recordings.parquet")
        reason = pl.col("reason").cast(pl.String)
        # A letter has 4 bytes at most. What a library or a stranger's file says has no bound.
        cut = pl.concat_str(reason.str.head(LONGEST_TEXT // 4 - 1), pl.lit("…"))
        long = reason.str.len_bytes() > LONGEST_TEXT
        frame = frame.with_columns(pl.when(long).then(cut).otherwise(reason).alias("reason"))
        write_table(self.root / "recordings.parquet", RECORDINGS, frame.sort("recording_id"))

    def labels(self) -> pl.DataFrame:
        """The labels table; empty where there is none."""
        path = self.root / "labels.parquet"
        return _with_ids(path, LABELS) if path.exists() else empty(LABELS)

    def write_labels(self, frame: pl.DataFrame) -> None:
        write_table(self.root / "labels.parquet", LABELS, frame.sort("session_id", "scale"))

    def subjects(self) -> pl.DataFrame:
        """What is known of the persons; empty where the corpus says nothing of them."""
        path = self.root / "subjects.parquet"
        return _with_ids(path, SUBJECTS) if path.exists() else empty(SUBJECTS)

    def write_subjects(self, frame: pl.DataFrame) -> None:
        write_table(self.root / "subjects.parquet", SUBJECTS, frame.sort("subject_id"))

    def frames(self, recording_id: str, columns: list[str] | None = None) -> pl.DataFrame:
        """The frames table of one recording: (row = sampled time) x columns."""
        path = self.frames_path(recording_id)
        frame = read_table(path, FRAMES, columns)
        if "timestamp" in frame.columns and len(frame):
            last: Any = frame["timestamp"].max()
            if last > LONGEST_S:
                raise SchemaError(
                    f"goes on for {last:g} s, expected at most {LONGEST_S} s",
                    where=f"{path.name}, column timestamp",
                )
        return frame

    def scored(self, scale: str | None = None) -> tuple[pl.DataFrame, str]:
        """Recordings with a score on one scale (columns of recordings, plus score), and the scale.

        `scale` None takes the corpus's only scale, `binary` not counted beside another. Raises
        DataError where the corpus has no labels, not that scale, or several and none was named, and
        where it is a synthetic one that was interrupted.
        """
        import polars as pl

        from deptool.cohort.unfinished import refuse_unfinished

        refuse_unfinished(self)
        labels = self.labels()
        if labels.is_empty():
            from deptool.label import HEADER

            raise DataError(
                f"the corpus {self.name!r} has no labels",
                fix="Write a labels.csv with the header\n"
                f"  {HEADER}\n"
                f"and join it: deptool label {self.root} labels.csv",
            )
        scales = sorted(set(labels["scale"]))
        chosen_from = [name for name in scales if name != "binary"] or scales
        if scale is None and len(chosen_from) > 1:
            raise DataError(
                f"the corpus has several scales: {', '.join(scales)}", fix="Name one with --scale."
            )
        scale = scale or chosen_from[0]
        if scale not in scales:
            raise DataError(
                f"the corpus has no scores on the scale {scale!r}",
                fix=f"It has: {', '.join(scales)}.",
            )
        chosen = labels.filter(pl.col("scale") == scale).select("session_id", "score")
        return self.recordings().join(chosen, on="session_id").sort("recording_id"), scale


def find_recording(corpus: Corpus, recording_id: str) -> pl.DataFrame:
    """The one row of that recording. Raises InputError where there is none, with the nearest."""
    import difflib

    import polars as pl

    recordings = corpus.recordings()
    found = recordings.filter(pl.col("recording_id") == recording_id)
    if found.is_empty():
        known = list(recordings["recording_id"])
        near = difflib.get_close_matches(recording_id, known, n=5, cutoff=0.5)
        offered = f"Did you mean {' or '.join(map(repr, near))}? " if near else ""
        many = f"{offered}All {len(known)} ids stand in its recordings.parquet."
        raise InputError(
            f"there is no recording {recording_id!r}",
            where=f"corpus {corpus.name!r}",
            fix=suggest(recording_id, known) if len(known) <= _FEW else many,
        )
    return found


def _with_ids(path: Path, schema: Table) -> pl.DataFrame:
    """A table whose ids can be ids."""
    frame = read_table(path, schema)
    check_ids(frame, path.name)
    return frame


def empty(schema: Table) -> pl.DataFrame:
    """A table of that schema with all columns and no rows."""
    import polars as pl

    kinds = {"float32": pl.Float32, "int32": pl.Int32, "string": pl.String}
    return pl.DataFrame(schema={c.name: kinds[c.dtype] for c in schema.columns})


def open_corpus(root: Path) -> Corpus:
    """Open a corpus folder.

    Raises InputError where the folder is missing or no corpus, SchemaError where it was made
    under another schema version, or where corpus.json says something of another kind than it does.
    """
    if not root.is_dir():
        raise InputError(
            "no such folder",
            where=str(root),
            fix="Make a corpus with: deptool extract VIDEOS, or: deptool import KIND SOURCE",
        )
    if not (root / MARKER).is_file():
        raise InputError(
            f"is not a corpus: it holds no {MARKER}",
            where=str(root),
            fix="Name a folder that `deptool extract` or `deptool import` made.",
        )
    about = read_json(root / MARKER)
    found = about.get("schema_version")
    if found != SCHEMA_VERSION:
        raise SchemaError(
            f"schema version {found}, but this deptool reads version {SCHEMA_VERSION}",
            where=MARKER,
            fix="Make it again with this deptool in another folder, or use the version that"
            " made it.",
        )
    for key in ("name", "feature_set"):
        if not isinstance(about.get(key), str):
            raise SchemaError(f"lacks the text {key!r}", where=MARKER)
        if why := why_no_id(str(about[key])):
            raise SchemaError(f"its {key} {shown(about[key])} {why}", where=MARKER)
    check_about(about, MARKER)
    return Corpus(root, about)


def create_corpus(
    root: Path,
    feature_set: str,
    extraction: Mapping[str, object],
    name: str | None = None,
    more: Mapping[str, object] | None = None,
) -> Corpus:
    """Open the corpus at `root`, or start one there if the folder is missing or empty.

    A new corpus is called `name`, or like its folder; `more` is what corpus.json says beside the
    usual, and is put there again each time. Raises InputError where the folder holds
    something else, DataError where the corpus was extracted with another feature set or other
    settings.
    """
    # Hidden files may be what a run left that was killed here before it wrote the first table.
    filled = root.is_dir() and any(not p.name.startswith(".") for p in root.iterdir())
    if filled and not (root / MARKER).exists():
        raise InputError(
            f"is neither empty nor a corpus: it holds files but no {MARKER}",
            where=str(root),
            fix="Choose another folder.",
        )
    if root.exists() and not root.is_dir():
        raise InputError("is a file, not a folder", where=str(root))
    if (root / MARKER).exists():
        corpus = open_corpus(root)
        same = corpus.feature_set == feature_set and corpus.about.get("extraction") == extraction
        # Nothing was measured yet: what it was begun with does not bind it.
        if not same and not any((root / "frames").glob("*.parquet")):
            about = {**corpus.about, "feature_set": feature_set, "extraction": dict(extraction)}
            about |= more or {}
            write_json(root / MARKER, about)
            return Corpus(root, about)
        if not same:
            raise DataError(
                f"the corpus was made as {_how(corpus.feature_set, corpus.about)},"
                f" not as {_how(feature_set, {'extraction': extraction})}",
                fix="Use the same settings to add to it, or another folder.",
            )
        return corpus.with_about(more) if more else corpus
    about = {
        "name": name or root.resolve().name,
        "schema_version": SCHEMA_VERSION,
        "feature_set": feature_set,
        "extraction": dict(extraction),
        "deidentification": ["pixels dropped", "audio dropped"],
        "note": "Landmarks and their motion can identify people. This folder holds no pixels,"
        " but it is personal data: share it only as the consent of the people in it allows.",
        **(more or {}),
    }
    write_json(root / MARKER, about)
    return Corpus(root, about)


def _how(feature_set: str, about: Mapping[str, object]) -> str:
    """Feature set and settings in words: 'mediapipe-1 (fps 6)'."""
    settings = about.get("extraction")
    shown = settings if isinstance(settings, Mapping) else {}
    words = ", ".join(f"{key} {value}" for key, value in shown.items() if key != "extractor")
    return f"{feature_set} ({words})" if words else feature_set
