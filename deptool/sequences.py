"""The words of networks of recordings: streams, their shapes, clips, batches, phases, tracks.

A stream is a sequence of vectors of a recording at a steady rate. A clip is a part of a recording,
all of its streams from one time to another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Stream:
    """What a model asks for: a source, and steps per second (None: as the source has them).

    `source` is the name of an embedding cache, or of an encoder that works on the tables alone
    (behaviour), and after a colon the parts that are wanted: 'behaviour:shape+motion+gaze?', where
    a question mark says that the stream does without the part where there is none.
    """

    source: str
    hz: float | None = None


@dataclass(frozen=True)
class Shape:
    """A stream as a corpus has it: numbers of a step, steps per second, where which part stands."""

    dimension: int
    hz: float
    parts: Mapping[str, tuple[int, int]]


@dataclass(frozen=True)
class Clip:
    """A recording by its number, from `start` to `end` in s (None: to its end)."""

    recording: int
    start: float = 0.0
    end: float | None = None


@dataclass(frozen=True)
class Known:
    """What a sampler may know of the recordings a member learns from, one number for each.

    score in points; subject and session as numbers, the same for the same; -1 where the corpus
    does not say. seconds: how long they are.
    """

    score: Tensor
    subject: Tensor
    session: Tensor
    seconds: Tensor


@dataclass(frozen=True)
class Batch:
    """Clips side by side: stream -> values (clip, step, number), valid (clip, step).

    Values that are not valid are zeros: not measured, or behind a clip's end. score, subject and
    session (clip,) as in `Known`; none where nothing is learnt.
    """

    values: Mapping[str, Tensor]
    valid: Mapping[str, Tensor]
    score: Tensor
    subject: Tensor
    session: Tensor


@dataclass(frozen=True)
class Phase:
    """A part of training. The next one starts from its epoch of the lowest dev RMSE, or its last.

    `chosen` says which of the two: False where dev RMSE says nothing of what the phase learns.
    """

    name: str
    epochs: int
    chosen: bool = True


@dataclass(frozen=True)
class Track:
    """What a network says of times of one clip: start, end (row,) in s from the clip's start.

    kind: relevance, modality, time, key_frame or prototype; name: which scale, which modality.
    Values (row,): weights and relevances as the model has them, key frames 1 or 0, prototypes as
    whole numbers.
    """

    kind: str
    name: str
    start: NDArray[np.float64]
    end: NDArray[np.float64]
    value: NDArray[np.float64]
