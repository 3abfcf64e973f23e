"""What an extractor sees in a picture, and what it measures of the faces of a recording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Measured = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Face:
    """One face in one picture, as the extractor sees it and `Extractor.measure` reads it.

    box (4) x y w h in px; points (point, 2 or 3) in px, the depth in px too; other (value),
    whatever has no place in the picture. Shapes are the same for every face of an extractor.
    """

    box: Floats
    confidence: float
    points: Floats
    other: Floats = field(default_factory=lambda: np.empty(0))

    def moved(self, scale: float, left: float, top: float) -> Face:
        """The face in px of the whole picture, of which it was seen in a part, scaled."""
        box = self.box / scale + [left, top, 0, 0]
        points = self.points / scale
        points[:, :2] += [left, top]
        return replace(self, box=box, points=points)


@dataclass(frozen=True)
class Look:
    """One look at one picture: the faces in it, in no order.

    `confidence` is the score of the best candidate where none was good enough to be a face.
    """

    faces: tuple[Face, ...] = ()
    confidence: float = 0.0


@dataclass(frozen=True)
class Measures:
    """What was measured of some faces; a group that the extractor cannot see is None.

    landmarks (face, 68, 2) in px; head_pose (face, 6) Tx Ty Tz in mm, Rx Ry Rz in rad; gaze
    (face, 8) two unit vectors, then the two angles in rad; au (face, measure), whatever
    `Extractor.action_units` derives its columns from.
    """

    landmarks: Measured
    head_pose: Measured
    gaze: Measured | None
    au: Floats

    def compact(self) -> Measures:
        """The same in the precision of the tables; a long recording keeps them all in memory."""
        gaze = None if self.gaze is None else self.gaze.astype(np.float32)
        landmarks, pose = self.landmarks.astype(np.float32), self.head_pose.astype(np.float32)
        return Measures(landmarks, pose, gaze, self.au)

    def take(self, faces: NDArray[np.intp]) -> Measures:
        """Those of some faces, by their index."""
        gaze = None if self.gaze is None else self.gaze[faces]
        return Measures(self.landmarks[faces], self.head_pose[faces], gaze, self.au[faces])


def joined(parts: Sequence[Measures]) -> Measures:
    """The measures of several groups of faces, one after the other; at least one group."""
    gaze = [p.gaze for p in parts if p.gaze is not None]
    whole: Measured | None = np.concatenate(gaze) if gaze else None
    return Measures(
        np.concatenate([p.landmarks for p in parts]),
        np.concatenate([p.head_pose for p in parts]),
        whole,
        np.concatenate([p.au for p in parts]),
    )
