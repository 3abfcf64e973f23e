"""A table's columns as few bytes for a page: rounded, as steps from row to row, deflated.

A column is rounded to whole multiples of a unit of its own, and each value is told by how far it
lies from the one before. Such steps are small, so that all but the lowest byte of each are mostly
zero; the bytes are laid out plane by plane, the lowest of all rows first, which deflate likes.
`deptool/player/data.js` reads it back.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

# What a column of each unit is rounded to, in that unit. Landmarks keep a sixteenth of a pixel; the
# others as many decimals as OpenFace 2 writes into its CSV files, or one more.
_STEPS = {"px": 1 / 16, "mm": 0.1, "rad": 0.001, "s": 0.0001, "0-5": 0.01, "0 or 1": 1.0}
_STEP = 0.001  # of any other unit

_MOST = 2**46  # of a column's unit: JavaScript's numbers are whole up to 2**53


@dataclass(frozen=True)
class Packed:
    """One column: `planes` bytes of each row, lowest plane first; row (row,) = step * number."""

    step: float
    planes: int
    content: bytes

    def about(self, name: str) -> dict[str, object]:
        """What the page needs to read it back."""
        return {"name": name, "step": self.step, "planes": self.planes}


def step_of(unit: str, whole: bool = False) -> float:
    """What a column of that unit is rounded to."""
    return 1.0 if whole else _STEPS.get(unit, _STEP)


def pack(values: Values, step: float) -> Packed:
    """values (row,), NaN where null -> the column rounded to multiples of `step`.

    Values too large to be counted in `step` get ten times the step, or a hundred, and so on.
    """
    there = ~np.isnan(values)
    highest = float(np.abs(values[there]).max(initial=0))
    while highest / step > _MOST:
        step *= 10
    numbers = np.rint(values[there] / step).astype(np.int64)
    change = np.diff(numbers, prepend=0)
    # 0 is null; then 1, 3, 5 … for changes of 0, 1, 2 and 2, 4 … for -1, -2.
    folded = np.zeros(len(values), np.uint64)
    folded[there] = np.where(change < 0, -2 * change, 2 * change + 1).astype(np.uint64)
    planes = max(1, (int(folded.max(initial=0)).bit_length() + 7) // 8)
    octets = folded.astype("<u8").view(np.uint8).reshape(len(values), 8)
    return Packed(step, planes, octets[:, :planes].T.tobytes())


def bundle(columns: Mapping[str, Packed]) -> tuple[list[dict[str, Any]], str]:
    """What each column is, in order, and all of them deflated (zlib) as base64 text."""
    content = b"".join(packed.content for packed in columns.values())
    about = [packed.about(name) for name, packed in columns.items()]
    return about, base64.b64encode(zlib.compress(content, 9)).decode("ascii")
