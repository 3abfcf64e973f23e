"""Severity categories as a setting of models: the first score of each but the lowest."""

from __future__ import annotations

from deptool.scales import SCALES

BDI_II = ",".join(str(first) for first, _ in SCALES["BDI-II"].bands[1:])


def cuts(bands: str) -> list[float]:
    """'14,20,29' -> the first score of each category but the lowest, points.

    Raises ValueError where they are no scores, or do not ascend.
    """
    try:
        found = [float(word) for word in bands.split(",")]
    except ValueError:
        found = []
    if not found or sorted(set(found)) != found:
        raise ValueError(f"bands must be scores that ascend, as in {BDI_II!r}, not {bands!r}")
    return found
