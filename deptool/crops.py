"""Faces of a video as encoders see them: cut out on the canonical face, in memory only.

Each face is turned, scaled and moved by the similarity that `face.align` fits to its eyes, nose and
temples, which no muscle moves. In a crop the outer eye corners of the canonical face lie half a
side apart, level and centred, 0.31 sides below the top edge. What is outside of the picture is
black.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deptool.corpus import Corpus
from deptool.errors import DataError
from deptool.face.align import similarity
from deptool.measured import LANDMARK_COLUMNS, LANDMARKS, stored
from deptool.video import Video, upright_size

Floats = NDArray[np.float64]
Crop = NDArray[np.uint8]  # (row, column, RGB), or of a clip (face, row, column, RGB)

EYES_APART = 0.5  # sides, between the outer eye corners of the canonical face
EYES_AT = (0.5, 0.31)  # sides from the left and the top edge, where their middle lies

# A picture is made smaller before the crop is taken out of it, so that fine patterns do not alias.
_SCALES = (1 / 8, 1 / 6, 1 / 4, 1 / 3, 1 / 2)

# Rows of a table that are further apart than this many of its usual steps have a gap between them.
_GAP = 1.5
_SAME_S = 1e-3  # float32 timestamps are off by less, up to 2 hours


@dataclass(frozen=True)
class Landmarks:
    """The landmarks of a recording: times (row,) in s, points (row, 68, x y) in px or NaN."""

    times: Floats
    points: Floats

    def at(self, time_s: float) -> Floats | None:
        """The landmarks (68, x y) at a time: of its row, or on the line between two rows.

        None where no face was measured, or the rows have a gap.
        """
        if not len(self.times):
            return None
        nearest = int(np.abs(self.times - time_s).argmin())
        off = abs(self.times[nearest] - time_s)
        step = float(np.median(np.diff(self.times))) if len(self.times) > 1 else 0.0
        good = not np.isnan(self.points[nearest]).any()
        if off > _SAME_S:
            after = int(np.searchsorted(self.times, time_s))
            if 0 < after < len(self.times):
                low, high = self.times[after - 1], self.times[after]
                share = (time_s - low) / (high - low)
                between = (1 - share) * self.points[after - 1] + share * self.points[after]
                if high - low <= _GAP * step and not np.isnan(between).any():
                    found: Floats = between
                    return found
        return self.points[nearest] if good and off <= max(step / 2, _SAME_S) else None


def read_landmarks(corpus: Corpus, recording_id: str) -> Landmarks:
    """The landmarks of a recording's table. Raises DataError where the table has none."""
    if not {*LANDMARK_COLUMNS} <= {*stored(corpus, recording_id)}:
        raise DataError(
            "its table has no landmarks, by which faces are cut out of the pictures",
            where=f"corpus {corpus.name!r}, recording {recording_id!r}",
            fix="Extract it from its video: deptool extract.",
        )
    table = corpus.frames(recording_id, ["timestamp", "success", *LANDMARK_COLUMNS])
    flat = table.select(LANDMARK_COLUMNS).to_numpy().astype(np.float64)
    flat[table["success"].to_numpy() != 1] = np.nan
    points = flat.reshape(-1, 2, LANDMARKS).swapaxes(1, 2)
    return Landmarks(table["timestamp"].to_numpy().astype(np.float64), points)


def crops(
    video: Video, landmarks: Landmarks, px: int, fps: float
) -> Iterator[tuple[float, Crop | None]]:
    """At each time k / fps: the time in s, and the face then (px, px, RGB); None without a face."""
    for sample in video.sample(fps):
        points = landmarks.at(sample.time_s) if sample.frame is not None else None
        if sample.frame is None or points is None:
            yield sample.time_s, None
            continue
        onto = crop_matrix(points, px)
        scale = _scale_for(onto)
        picture = video.picture(sample.frame, scale)
        # Sides are whole px, so they are not scaled by exactly as much.
        sides = np.array(upright_size(sample.frame), np.float64)
        yield sample.time_s, cut(picture, onto, sides, px)


def clips(
    found: Iterable[tuple[float, Crop | None]], frames: int, step: int
) -> Iterator[tuple[float, Crop | None]]:
    """Clips of `frames` times, each `step` times after the one before: its first time in s, faces.

    The faces (face, row, column, RGB) stand for those that are missing before and after them; None
    where fewer than half are there. A clip that the recording's end cuts is as one that lacks
    faces, and is left out where less than half of it is left.
    """
    held: list[tuple[float, Crop | None]] = []
    skip = 0  # times between two clips, where step is above frames
    for one in found:
        if skip:
            skip -= 1
            continue
        held.append(one)
        if len(held) == frames:
            yield held[0][0], _clip([face for _, face in held], frames)
            held, skip = held[step:], max(step - frames, 0)
    if held and 2 * len(held) >= frames:
        yield held[0][0], _clip([face for _, face in held], frames)


def _clip(faces: list[Crop | None], frames: int) -> Crop | None:
    there = [k for k, face in enumerate(faces) if face is not None]
    if not there or 2 * len(there) < frames:
        return None
    nearest = [max((k for k in there if k <= at), default=there[0]) for at in range(frames)]
    return np.stack([face for k in nearest if (face := faces[k]) is not None])


def crop_matrix(points: Floats, px: int) -> Floats:
    """The similarity (2, 3) that takes px of the picture to px of the crop.

    points: landmarks (68, x y). Here a px's middle lies at half numbers, 0 is the picture's edge.
    """
    a, b = (complex(value[0]) for value in similarity(points[None]))
    unit = EYES_APART * px
    a, b = unit * a, unit * b + px * complex(*EYES_AT)
    return np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])


def cut(picture: Crop, onto: Floats, sides: Floats, px: int) -> Crop:
    """The crop (px, px, RGB) of a picture that may be scaled; `sides` (x y) is its full size.

    onto (2, 3) takes px of the picture in full size to px of the crop.
    """
    import cv2

    full = sides / np.array(picture.shape[1::-1])  # px of the full size for each of this picture
    matrix = np.concatenate([onto[:, :2] * full, onto[:, 2:]], axis=1)
    matrix[:, 2] += matrix[:, :2].sum(1) / 2 - 0.5  # to OpenCV's px, whose middles are whole
    return np.asarray(cv2.warpAffine(picture, matrix, (px, px), flags=cv2.INTER_LINEAR), np.uint8)


def _scale_for(onto: Floats) -> float:
    """How small the picture may be so that the crop is still not larger than it there."""
    zoom = float(np.hypot(onto[0, 0], onto[1, 0]))
    return min((scale for scale in _SCALES if scale >= zoom), default=1.0)
