"""One recording through an encoder, in a worker: read, encode, write its vectors in pieces."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deptool import plugins
from deptool.corpus import Corpus
from deptool.crops import Crop, clips, crops, read_landmarks
from deptool.embeddings import Embedding, Encoding, writing_embedding
from deptool.errors import DataError, InputError, SchemaError
from deptool.measured import lacking
from deptool.sound import pieces
from deptool.video import open_video

News = Callable[[int, float], None]
Pieces = Iterator[Embedding]

_NEWS_EVERY = 256  # times without a face
_LEAST_HEARD = 0.5  # share of a vector's hop that must be heard for it to be valid


@dataclass(frozen=True)
class Plan:
    """What all recordings of a batch share."""

    corpus: Corpus
    encoder: str
    settings: Any
    encoding: Encoding
    half: bool
    weights: Path | None
    device: str


@dataclass(frozen=True)
class Job:
    """One recording: its row of the recordings table, its video, where its vectors go.

    `made_of`: the digest of the table that they are made of, None where of none.
    """

    row: Mapping[str, Any]
    source: Path | None
    path: Path
    made_of: str | None

    @property
    def recording_id(self) -> str:
        return str(self.row["recording_id"])


@dataclass(frozen=True)
class Done:
    """What became of a recording: vectors written, how many are valid; why not, where none were."""

    recording_id: str
    n_vectors: int = 0
    n_valid: int = 0
    reason: str | None = None


class _UnreadableError(Exception):
    """A recording that cannot be encoded; the others go on."""


def working(plan: Plan) -> Callable[[Job, News], Done]:
    """What a worker does with its jobs."""
    return Worker(plan).embed


class Worker:
    """Encodes recordings one after the other; models are loaded once, by the first that needs."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._module: Any = plugins.load("encoders", plan.encoder)
        self._encoder: Any = None
        self._stack = contextlib.ExitStack()

    def embed(self, job: Job, on_news: News = lambda _vectors, _seconds: None) -> Done:
        """Encode one recording and write its vectors; a reason where it cannot be read.

        Raises InputError where they cannot be written; and as the encoder does where it cannot be
        loaded, since then no other recording can be encoded either.
        """
        plan = self._plan
        if plan.encoding.source != "tables":
            self._load()
        read = {"tables": self._of_tables, "video": self._of_faces, "sound": self._of_sound}
        n_vectors = n_valid = 0
        told_s = 0.0
        try:
            with writing_embedding(
                job.path, plan.encoding, half=plan.half, made_of=job.made_of
            ) as put:
                for piece in _reading(read[plan.encoding.source](job)):
                    valid = piece.valid & ~np.isnan(piece.vectors).any(axis=1)
                    put(Embedding(plan.encoding, piece.start, piece.end, piece.vectors, valid))
                    n_vectors, n_valid = n_vectors + len(valid), n_valid + int(valid.sum())
                    end_s = float(piece.end[-1]) if len(valid) else told_s
                    on_news(len(valid), end_s - told_s)
                    told_s = end_s
        except _UnreadableError as error:
            return Done(job.recording_id, reason=str(error))
        except MemoryError:
            return Done(job.recording_id, reason="there was not enough memory to encode it")
        return Done(job.recording_id, n_vectors, n_valid)

    def _load(self) -> Any:
        if self._encoder is None:
            plan = self._plan
            made = self._module.Encoder(plan.settings, plan.weights, plan.device)
            self._encoder = self._stack.enter_context(made)
        return self._encoder

    def _of_tables(self, job: Job) -> Pieces:
        plan = self._plan
        if reason := lacking(plan.corpus, job.row, plan.encoding.columns):
            raise DataError(reason)
        yield self._module.encode(plan.corpus, job.row, plan.encoding)

    def _of_faces(self, job: Job) -> Pieces:
        encoder, hop_s = self._load(), self._plan.encoding.hop_s
        fps, frames = getattr(encoder, "fps", 1 / hop_s), getattr(encoder, "frames", 1)
        landmarks = read_landmarks(self._plan.corpus, job.recording_id)
        assert job.source is not None
        with open_video(job.source) as video:
            faces: Iterator[tuple[float, Crop | None]] = crops(video, landmarks, encoder.px, fps)
            if frames > 1:
                faces = clips(faces, frames, max(round(hop_s * fps), 1))
            for batch in _batches(faces, encoder.batch):
                yield self._encoded(encoder, batch, frames / fps)
            if not video.duration_s:
                raise InputError("no picture could be decoded")

    def _encoded(
        self, encoder: Any, batch: Sequence[tuple[float, Crop | None]], lasts_s: float
    ) -> Embedding:
        """Vectors of some times, in one call of the encoder; zeros where there is no face."""
        encoding = self._plan.encoding
        faces = [face for _, face in batch if face is not None]
        valid = np.array([face is not None for _, face in batch], np.bool_)
        vectors = np.zeros((len(batch), encoding.dimension), np.float32)
        if faces:
            vectors[valid] = encoder.encode(np.stack(faces))
        start = np.array([time_s for time_s, _ in batch], np.float64)
        return Embedding(encoding, start, start + lasts_s, vectors, valid)

    def _of_sound(self, job: Job) -> Pieces:
        encoder, encoding = self._load(), self._plan.encoding
        step = round(encoding.hop_s * encoder.rate)
        piece = max(round(encoder.piece_s / encoding.hop_s), 1) * step
        margin = round(encoder.margin_s / encoding.hop_s) * step
        assert job.source is not None
        found = pieces(job.source, encoder.rate, step, piece, margin)
        for heard in found:
            whole = (len(heard.wave) // step) * step
            share = heard.heard[:whole].reshape(-1, step).mean(axis=1)
            vectors = encoder.encode(heard.wave)[: len(share)]
            at = heard.begin // step + np.arange(len(vectors))
            kept = (at >= heard.first // step) & (at < heard.end // step)
            start = at[kept] * encoding.hop_s
            valid = share[: len(vectors)][kept] >= _LEAST_HEARD
            yield Embedding(encoding, start, start + encoding.hop_s, vectors[kept], valid)


def _batches(
    found: Iterator[tuple[float, Crop | None]], most: int
) -> Iterator[list[tuple[float, Crop | None]]]:
    """Times in lists with at most so many faces; of a long time without a face there is news."""
    batch: list[tuple[float, Crop | None]] = []
    faces = 0
    for one in found:
        batch.append(one)
        faces += one[1] is not None
        if faces == most or len(batch) == _NEWS_EVERY + most:
            yield batch
            batch, faces = [], 0
    if batch:
        yield batch


def _reading(found: Pieces) -> Pieces:
    """Pieces; what makes a recording unreadable is told apart from what cannot be written."""
    try:
        yield from found
    except (InputError, DataError, SchemaError) as error:
        raise _UnreadableError(error.what) from error
