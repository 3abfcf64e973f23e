"""Histograms of oriented gradients of the aligned face; no weights.

Dalal and Triggs, CVPR 2005, 10.1109/CVPR.2005.177, as scikit-image computes them: of the grey
crop, the gradients of a cell are counted by their direction, and blocks of cells are brought to one
norm (L2-Hys).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from deptool.embeddings import Encoding

SOURCE = "video"
IDENTIFIES = True
EXTRA = None
VERSION = 1

_BATCH = 64
_LUMA = (0.299, 0.587, 0.114)  # of red, green, blue: ITU-R BT.601


@dataclass(frozen=True)
class Settings:
    """px: side of the crop; cell: side of a cell in px; block: side of a block in cells.

    orientations: directions that are told apart; fps: vectors per second.
    """

    px: int = 112
    cell: int = 16
    block: int = 2
    orientations: int = 8
    fps: float = 6.0

    def __post_init__(self) -> None:
        if not 16 <= self.px <= 1024:
            raise ValueError(f"px must be from 16 to 1024, not {self.px}")
        if self.cell < 2 or self.block < 1 or self.orientations < 2:
            raise ValueError("cell and orientations must be at least 2, and block at least 1")
        if self.px // self.cell < self.block:
            raise ValueError(f"{self.px} px hold no block of {self.block} cells of {self.cell} px")
        if not 0.1 <= self.fps <= 120:
            raise ValueError(f"fps must be from 0.1 to 120, not {self.fps:g}")


def encoding(settings: Settings, weights: Path | None) -> Encoding:
    """Blocks in rows, in each its cells in rows, in each its directions."""
    del weights
    cells = settings.px // settings.cell
    blocks = cells - settings.block + 1
    return Encoding(
        encoder="hog",
        version=VERSION,
        dimension=blocks**2 * settings.block**2 * settings.orientations,
        hop_s=1 / settings.fps,
        source=SOURCE,
        identifies_people=IDENTIFIES,
        settings=asdict(settings),
    )


class Encoder:
    """See `deptool.encoders`; it stays on the CPU."""

    batch = _BATCH

    def __init__(self, settings: Settings, weights: Path | None, device: str) -> None:
        del weights, device
        self._settings = settings
        self.px = settings.px

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """There is nothing to close."""

    def encode(self, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Faces (face, row, column, RGB) -> vectors (face, number), each number from 0 to 1."""
        from skimage.feature import hog

        s = self._settings
        grey = (faces.astype(np.float32) / 255) @ np.array(_LUMA, np.float32)
        cell, block = (s.cell, s.cell), (s.block, s.block)
        found = [
            hog(face, orientations=s.orientations, pixels_per_cell=cell, cells_per_block=block)
            for face in grey
        ]
        return np.asarray(np.stack(found), np.float32)
