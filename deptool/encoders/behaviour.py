"""behaviour: what the tables hold, per frame: no pixels, no weights.

Six vectors a second, of these parts, each where the corpus has its columns:

============  ====================================================================================
shape         x of the 68 landmarks, then y, on the canonical face: place, size and roll are gone;
              outer eye corners are 1 apart
motion        their velocities, x then y, and speeds, per second
action_units  intensities (0 to 5) and presences (0 or 1), as in the tables
head_pose     the columns of the tables, in units of 100 mm and rad, and their speeds, per second
gaze          the columns of the tables
============  ====================================================================================

A vector is valid where everything was measured in its frame. The velocity of a frame that follows a
gap is zero. Shape and motion identify people: see docs/embed.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deptool.embeddings import Embedding, Encoding
from deptool.face.align import aligned
from deptool.measured import LANDMARKS, read
from deptool.windows import require_rate, resample

if TYPE_CHECKING:
    from deptool.corpus import Corpus

SOURCE = "tables"
IDENTIFIES = False  # no more than the tables that it is made of
VERSION = 1
GROUPS = ("landmarks", "action_units", "head_pose", "gaze")

Floats = NDArray[np.float64]

_MM = 0.01  # of 100 mm


@dataclass(frozen=True)
class Settings:
    """fps: vectors per second."""

    fps: float = 6.0

    def __post_init__(self) -> None:
        if not 0.1 <= self.fps <= 120:
            raise ValueError(f"fps must be from 0.1 to 120, not {self.fps}")


def encoding(columns: Mapping[str, Sequence[str]], settings: Settings, synthetic: bool) -> Encoding:
    """What vectors of these columns (group -> names) are."""
    sizes: dict[str, int] = {}
    if "landmarks" in columns:
        sizes |= {"shape": 2 * LANDMARKS, "motion": 3 * LANDMARKS}
    sizes |= {
        group: len(columns[group]) * (2 if group == "head_pose" else 1)
        for group in GROUPS[1:]
        if group in columns
    }
    ends = np.cumsum([0, *sizes.values()])
    parts = {
        name: (int(start), int(end))
        for name, start, end in zip(sizes, ends[:-1], ends[1:], strict=True)
    }
    return Encoding(
        encoder="behaviour",
        version=VERSION,
        dimension=int(ends[-1]),
        hop_s=1 / settings.fps,
        source=SOURCE,
        identifies_people=IDENTIFIES,
        settings={"fps": settings.fps},
        parts=parts,
        columns={group: list(columns[group]) for group in GROUPS if group in columns},
        synthetic=synthetic,
    )


def encode(corpus: Corpus, recording: Mapping[str, Any], found: Encoding) -> Embedding:
    """The vectors of one recording, whose table has these groups of columns.

    Raises DataError where its rows are slower than the vectors, or its picture has no size.
    """
    fps = 1 / found.hop_s
    times, values = read(corpus, recording, found.columns)
    require_rate(corpus, recording, times, fps, "hz")
    times, values = resample(times, values, fps)
    times = np.maximum(times, 0)
    wide = values.astype(np.float64)
    at = np.cumsum([0, *(len(names) for names in found.columns.values())])
    groups = {
        group: wide[:, start:end]
        for group, start, end in zip(found.columns, at[:-1], at[1:], strict=True)
    }
    vectors = np.concatenate(list(_parts(groups, found.columns, fps)), axis=1)
    valid = ~np.isnan(vectors).any(axis=1)
    vectors[~valid] = 0
    return Embedding(found, times, times + found.hop_s, vectors.astype(np.float32), valid)


def _parts(
    groups: Mapping[str, Floats], columns: Mapping[str, Sequence[str]], fps: float
) -> list[Floats]:
    found = []
    if "landmarks" in groups:
        points = groups["landmarks"].reshape(-1, 2, LANDMARKS).swapaxes(1, 2)
        shape = aligned(points)
        moved = _change(shape, fps)
        found.append(shape.swapaxes(1, 2).reshape(len(shape), -1))
        found.append(moved.swapaxes(1, 2).reshape(len(shape), -1))
        found.append(np.hypot(moved[..., 0], moved[..., 1]))
    if "action_units" in groups:
        found.append(groups["action_units"])
    if "head_pose" in groups:
        far = np.array([name.startswith("pose_T") for name in columns["head_pose"]])
        pose = np.where(far, _MM, 1.0) * groups["head_pose"]
        found += [pose, np.abs(_change(pose, fps))]
    if "gaze" in groups:
        found.append(groups["gaze"])
    return found


def _change(values: Floats, fps: float) -> Floats:
    """values (row, …) -> how they change per second since the row before; 0 where that is NaN."""
    before = np.concatenate([values[:1], values[:-1]])
    change: Floats = np.where(np.isnan(before), 0, values - before) * fps
    return np.where(np.isnan(values), np.nan, change)
