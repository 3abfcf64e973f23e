"""The streams of a corpus: embedding caches, and behaviour vectors of its tables, on steady grids.

A stream's step k holds what its source says between k / hz and (k + 1) / hz from the start of a
recording, in s: the mean of the vectors whose middle lies there; between two of them, where the
source is slower, what lies on the line. A step is valid where its vectors are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deptool.embeddings import (
    FOLDER,
    Embedding,
    Encoding,
    caches,
    differences,
    is_cache_name,
    read_embedding,
    read_encoding,
)
from deptool.encoders import behaviour
from deptool.errors import DataError, SchemaError, SettingsError
from deptool.measured import find_columns, lacking, unreadable
from deptool.sequences import Shape, Stream

if TYPE_CHECKING:
    import polars as pl

    from deptool.corpus import Corpus

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

TABLES = "behaviour"  # the encoder that needs no cache
_STEPS, _STEPS_PER_ROW = 1_000_000, 1_000  # of a stream, whatever its vectors' times say
_STEADY = 6.0  # vectors of it per second, where a stream asks for few


@dataclass(frozen=True)
class Opened:
    """One stream of a corpus: what made it, which numbers of it are taken, in which parts."""

    stream: Stream
    encoding: Encoding
    cached: bool  # False: made of the tables when they are read
    taken: NDArray[np.intp]
    shape: Shape

    @property
    def cache(self) -> str:
        return self.stream.source.partition(":")[0]

    def about(self) -> dict[str, object]:
        """What a run keeps of it."""
        return {
            **asdict(self.stream),
            "parts": list(self.shape.parts),
            **{"dimension": self.shape.dimension, "rate": self.shape.hz, "cached": self.cached},
            **{"digest": self.encoding.digest, "encoding": asdict(self.encoding)},
        }


@dataclass(frozen=True)
class Series:
    """One recording: stream -> values (step, number), zeros where not valid; valid (step,)."""

    values: Mapping[str, Floats]
    valid: Mapping[str, Bools]
    seconds: float


def open_streams(
    corpus: Corpus,
    recordings: pl.DataFrame,
    wanted: Mapping[str, Stream],
    trained: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Opened]:
    """Find what makes each stream; `trained` is what a run kept of them (`Opened.about`).

    Raises DataError where the corpus lacks a cache, a part or a group of columns, and where its
    vectors were made in another way than those of `trained`; SettingsError where a source is no
    name of a cache.
    """
    found = {}
    for name, stream in wanted.items():
        _check_source(name, stream)
        before = Encoding(**trained[name]["encoding"]) if trained else None
        encoding = _cached(corpus, recordings, stream)
        if encoding and before and before.digest != encoding.digest:
            if before.encoder != TABLES:
                raise DataError(
                    f"its vectors of {encoding.encoder!r} are not made as those of the training:"
                    f" {'; '.join(differences(before, encoding))}",
                    where=_where(corpus),
                    fix="Embed it with the encoder, settings and weights of the training corpus.",
                )
            encoding = None  # the tables give what is wanted
        made = encoding or before or _of_tables(corpus, recordings, stream)
        found[name] = _opened(corpus, stream, made, cached=encoding is not None)
    return found


def load(corpus: Corpus, recording: Mapping[str, Any], streams: Mapping[str, Opened]) -> Series:
    """The streams of one recording on their grids.

    Raises DataError where it has none, or was embedded in another way than its corpus.
    """
    sources: dict[str, Embedding] = {}
    for opened in streams.values():
        key = opened.encoding.digest
        if key not in sources:
            sources[key] = _embedding(corpus, recording, opened)
    seconds = max((float(each.end[-1]) for each in sources.values() if len(each.end)), default=0.0)
    _check_length(corpus, recording, streams, sources, seconds)
    values, valid = {}, {}
    for name, opened in streams.items():
        source = sources[opened.encoding.digest]
        values[name], valid[name] = on_grid(source, opened.taken, opened.shape.hz, seconds)
    return Series(values, valid, seconds)


def _check_length(
    corpus: Corpus,
    recording: Mapping[str, Any],
    streams: Mapping[str, Opened],
    sources: Mapping[str, Embedding],
    seconds: float,
) -> None:
    """Refuse vectors whose times leap so far that the steps between them would fill the memory."""
    rows = max((len(each.end) for each in sources.values()), default=0)
    most = _STEPS + _STEPS_PER_ROW * rows
    if not all(seconds * opened.shape.hz <= most for opened in streams.values()):
        raise DataError(
            f"its {rows} vectors are spread over {seconds:.4g} s",
            where=f"{_where(corpus)}, recording {recording['recording_id']!r}",
            fix="Delete its embeddings, and run `deptool embed` again.",
        )


def unusable(corpus: Corpus, recording: Mapping[str, Any], streams: Mapping[str, Opened]) -> str:
    """Why a recording has no stream to read, in words; empty where it has all."""
    if reason := unreadable(recording):
        return reason
    for opened in streams.values():
        if _is_cached(corpus, recording, opened):
            continue
        if opened.cache != TABLES:
            return (
                f"is not in {FOLDER}/{opened.cache}: run deptool embed --encoder"
                f" {opened.encoding.encoder}"
            )
        if reason := lacking(corpus, recording, opened.encoding.columns):
            return reason
    return ""


def on_grid(
    source: Embedding, taken: NDArray[np.intp], hz: float, seconds: float
) -> tuple[Floats, Bools]:
    """Vectors with times -> values (step, number), valid (step,), `hz` steps per second."""
    steps = max(1, math.ceil(seconds * hz - 1e-6))
    middle = (source.start + source.end) / 2
    good = source.valid
    cell = np.floor(middle[good] * hz + 1e-6).astype(np.int64).clip(0, steps - 1)
    vectors = source.vectors[np.ix_(good, taken)]
    count = np.bincount(cell, minlength=steps)
    values = np.zeros((steps, len(taken)), np.float32)
    np.add.at(values, cell, vectors)
    filled = count > 0
    values[filled] /= count[filled, None]
    reach = max(source.encoding.hop_s, 1 / hz) * (1 + 1e-6)
    if not filled.all() and len(vectors):
        _between(values, filled, middle[good], vectors, hz, reach)
    return values, filled


def _between(
    values: Floats,
    filled: Bools,
    middle: NDArray[np.float64],
    vectors: Floats,
    hz: float,
    far: float,
) -> None:
    """Fill empty steps that lie between vectors no further than `far` (s) apart, in place."""
    empty = np.flatnonzero(~filled)
    at = (empty + 0.5) / hz
    after = np.searchsorted(middle, at)
    inside = (after > 0) & (after < len(middle))
    empty, at, after = empty[inside], at[inside], after[inside]
    span = middle[after] - middle[after - 1]
    near = span <= far
    empty, at, after, span = empty[near], at[near], after[near], span[near]
    share = ((at - middle[after - 1]) / np.maximum(span, 1e-9))[:, None].astype(np.float32)
    values[empty] = (1 - share) * vectors[after - 1] + share * vectors[after]
    filled[empty] = True


def _check_source(name: str, stream: Stream) -> None:
    """The settings may be somebody else's: a source cannot lead out of the corpus."""
    cache = stream.source.partition(":")[0]
    if not is_cache_name(cache):
        raise SettingsError(
            f"the stream {name} cannot be of {cache[:80]!r}: that is no name of embeddings",
            fix="Name a folder in the corpus's embeddings/, or behaviour: see docs/embed.md.",
        )


def _cached(corpus: Corpus, recordings: pl.DataFrame, stream: Stream) -> Encoding | None:
    """What made the cache of a stream; None where the tables do. DataError where neither is."""
    cache = stream.source.partition(":")[0]
    for name in recordings["recording_id"]:
        path = corpus.embedding_path(cache, name)
        if path.is_file():
            return read_encoding(path)
    if cache == TABLES:
        return None
    there = ", ".join(caches(corpus)) or "none"
    raise DataError(
        f"has no embeddings called {cache!r}, which the model needs (there are: {there})",
        where=_where(corpus),
        fix=f"Make them: deptool embed VIDEOS --corpus CORPUS --encoder {cache}",
    )


def _of_tables(corpus: Corpus, recordings: pl.DataFrame, stream: Stream) -> Encoding:
    """Behaviour vectors of all columns that the corpus has."""
    fps = stream.hz or _STEADY
    if fps < _STEADY / 2:  # the mean of several says more than one of them
        fps *= math.ceil(_STEADY / fps - 1e-9)
    columns, _ = find_columns(corpus, recordings, (), behaviour.GROUPS)
    return behaviour.encoding(columns, behaviour.Settings(fps=fps), corpus.synthetic)


def _opened(corpus: Corpus, stream: Stream, encoding: Encoding, *, cached: bool) -> Opened:
    _, _, wanted = stream.source.partition(":")
    parts: dict[str, tuple[int, int]] = {}
    taken: list[int] = []
    whole = {"all": (0, encoding.dimension)}
    known = {name: (int(a), int(b)) for name, (a, b) in encoding.parts.items()} or whole
    for word in wanted.split("+") if wanted else known:
        part, welcome = word.removesuffix("?"), word.endswith("?")
        if part in known:
            start, end = known[part]
            parts[part] = (len(taken), len(taken) + end - start)
            taken += range(start, end)
        elif not welcome:
            raise DataError(
                f"its {encoding.encoder!r} vectors have no {part.replace('_', ' ')}, which the"
                f" model needs (they have: {', '.join(known)})",
                where=_where(corpus),
                fix="Use another model (deptool list), or a corpus whose tables have it: see"
                " docs/corpora.md on what each source lacks.",
            )
    if not taken:
        raise DataError(
            f"its {encoding.encoder!r} vectors have none of {wanted.replace('?', '')}",
            where=_where(corpus),
            fix="Use another model (deptool list), or a corpus whose tables have some of it.",
        )
    shape = Shape(len(taken), stream.hz or 1 / encoding.hop_s, parts)
    return Opened(stream, encoding, cached, np.array(taken, np.intp), shape)


def _is_cached(corpus: Corpus, recording: Mapping[str, Any], opened: Opened) -> bool:
    """Whether a recording's vectors are read; those of the tables are made where they lack."""
    return (
        opened.cached and corpus.embedding_path(opened.cache, recording["recording_id"]).is_file()
    )


def _embedding(corpus: Corpus, recording: Mapping[str, Any], opened: Opened) -> Embedding:
    if opened.cache == TABLES and not _is_cached(corpus, recording, opened):
        return behaviour.encode(corpus, recording, opened.encoding)
    found = read_embedding(corpus.embedding_path(opened.cache, recording["recording_id"]))
    if found.encoding.digest != opened.encoding.digest:
        raise SchemaError(
            "was not made as the other recordings of this cache:"
            f" {'; '.join(differences(opened.encoding, found.encoding))}",
            where=f"{FOLDER}/{opened.cache}/{recording['recording_id']}.parquet",
            fix="Delete the folder and run `deptool embed` again.",
        )
    return found


def _where(corpus: Corpus) -> str:
    return f"corpus {corpus.name!r}"
