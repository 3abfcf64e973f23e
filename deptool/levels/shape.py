"""Everything but the face's own shape: landmarks move on a canonical face; AUs, pose and gaze stay.

Each row's landmarks are brought onto the canonical face (face/align.py: a 2-D similarity on points
that no muscle moves), so that place, size and roll in the picture are gone; head pose stays in its
own columns. Then the recording's median shape is taken out and the canonical one put in its place:
what is left is how each landmark moves from rest. The median is the recording's own and not one
over all recordings of the person: what a session differs by from the person's mean would be left
then, and of two sessions one's would be the other's mirror image, which tells that they belong
together.

A turn of the head out of the picture is not undone: it moves landmarks, more in a deep face than in
a flat one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from deptool.face.align import aligned, template
from deptool.measured import LANDMARK_COLUMNS, LANDMARKS
from deptool.reduction import Step
from deptool.schema import FRAMES

if TYPE_CHECKING:
    import polars as pl

GROUPS = FRAMES.optional
FEATURES = "shape-1"

SIDE = 512  # px of the square that the canonical face lies in
EYES = 160.0  # px between the outer eye corners
MIDDLE = (256.0, 200.0)  # px, between them
# Aligned again, rows whose median shape was taken out have another one, a little; a second round
# takes some of that away, more rounds nothing: what is left says how much a face moves, since
# least squares shrink what moves.
_ROUNDS = 2
NORMALISE = str(SIDE)


@dataclass(frozen=True)
class Settings:
    """landmark_px: landmarks are rounded to its multiples, in px of the square."""

    landmark_px: float = 0.5

    def __post_init__(self) -> None:
        if not 0.001 <= self.landmark_px <= 20:
            raise ValueError(f"landmark_px must be from 0.001 to 20, not {self.landmark_px}")


def steps(settings: Settings) -> tuple[Step, ...]:
    return (
        Step(
            "align",
            "Each row's landmarks are brought onto the canonical face by a 2-D similarity on points"
            " that no muscle moves; place, size and roll in the picture are gone.",
            {"side_px": SIDE, "eye_corners_px": EYES},
        ),
        Step(
            "neutral",
            "The recording's median shape is replaced by the canonical one; how landmarks move from"
            " it is kept, rounded to a multiple of landmark_px.",
            {"landmark_px": settings.landmark_px},
        ),
    )


def reduce(table: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """A frames table -> the same with its landmarks on the canonical face, in px of its square."""
    import polars as pl

    if LANDMARK_COLUMNS[0] not in table.columns:
        return table
    values = table.select(LANDMARK_COLUMNS).cast(pl.Float64).to_numpy()
    shapes = np.stack([values[:, :LANDMARKS], values[:, LANDMARKS:]], axis=2)
    for _ in range(_ROUNDS):
        shapes = aligned(shapes)
        known = np.isfinite(shapes).all(axis=(1, 2))
        if known.any():
            shapes += template() - np.median(shapes[known], axis=0)
    # Around points of the grid: a point that hardly moves would be pulled to the grid else, one
    # that moves would not, and a median would tell how much it does.
    grid = settings.landmark_px
    rest = np.round((template() * EYES + np.array(MIDDLE)) / grid)
    placed = (rest + np.round((shapes - template()) * EYES / grid)) * grid
    # A row is whole or empty.
    placed[~known] = np.nan
    flat = np.concatenate([placed[:, :, 0], placed[:, :, 1]], axis=1)
    columns = [
        pl.Series(name, column, pl.Float32, nan_to_null=True)
        for name, column in zip(LANDMARK_COLUMNS, flat.T, strict=True)
    ]
    return table.with_columns(columns)
