"""What a user says of a video that its feature files do not: the picture's size, and its rate."""

from __future__ import annotations


def check_picture(
    width: int | None = None, height: int | None = None, fps: float | None = None
) -> None:
    """Raise ValueError where one side (px) is given alone, or a number is not above 0."""
    if (width is None) != (height is None):
        raise ValueError("width and height go together")
    for name, value in (("width", width), ("height", height), ("fps", fps)):
        if value is not None and not value > 0:
            raise ValueError(f"{name} must be above 0, not {value:g}")
