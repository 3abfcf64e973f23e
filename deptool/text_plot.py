"""Small plots of characters: a bar of blocks per number, points of two numbers in braille."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

_BLOCKS = "▁▂▃▄▅▆▇█"
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # (row, column) of a braille cell
_DIAGONAL = "·"


def spark(values: Sequence[float | None], low: float, high: float) -> str:
    """One block per value, from the lowest at `low` to the highest at `high`; a space for None."""
    last = len(_BLOCKS) - 1
    places = [
        None if v is None else round(last * min(max((v - low) / (high - low), 0), 1))
        for v in values
    ]
    return "".join(" " if place is None else _BLOCKS[place] for place in places)


def scatter(
    truth: ArrayLike, prediction: ArrayLike, low: float, high: float, width: int = 32
) -> list[str]:
    """Lines of text: prediction upwards over truth to the right, both from `low` to `high`.

    truth (recording), prediction (recording). `width` and half of it are the characters of the
    field, so that it is about square; each holds 2 x 4 points. The dotted diagonal is where a
    prediction is right. What lies beyond an end is drawn at it.
    """
    rows = width // 2
    cells = np.zeros((rows, width), dtype=np.int64)
    span = high - low
    for y, p in zip(np.asarray(truth, float), np.asarray(prediction, float), strict=True):
        across = min(max((y - low) / span, 0), 1) * (2 * width - 1)
        down = (1 - min(max((p - low) / span, 0), 1)) * (4 * rows - 1)
        i, j = round(down), round(across)
        cells[i // 4, j // 2] |= _DOTS[i % 4][j % 2]
    top, bottom = f"{high:g}", f"{low:g}"
    margin = max(len(top), len(bottom))
    lines = []
    for i in range(rows):
        name = {0: top, rows - 1: bottom}.get(i, "")
        text = "".join(_cell(int(cells[i, j]), i, j, rows, width) for j in range(width))
        lines.append(f"{name:>{margin}} │{text}")
    lines.append(" " * (margin + 1) + "└" + "─" * width)
    lines.append(" " * (margin + 2) + bottom + top.rjust(width - len(bottom)))
    return lines


def _cell(dots: int, i: int, j: int, rows: int, width: int) -> str:
    if dots:
        return chr(0x2800 + dots)
    return _DIAGONAL if math.floor((rows - 1 - i) * width / rows) == j // 2 * 2 else " "
