"""A map of any CSV's columns: which is what, and in which unit. A TOML file fills it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from deptool.errors import suggest
from deptool.feature_files.file_names import pattern
from deptool.feature_files.picture import check_picture
from deptool.schema import FRAMES

ABOUT = ("subject", "session", "task", "split")
_EXAMPLE = "See the example on docs/import.md."


@dataclass(frozen=True)
class Map:
    """What is in which column. Where a default is None, the files have no such thing.

    feature_set: name and version of what was measured, such as mytool-1. ending: of the files'
    names. separator: of cells. time: the column of the clock, in time_unit; where that is frame,
    of the picture's number, from first_frame on, and fps. from_first: take the first time away from
    all.

    x, y: pattern of the landmarks' columns, {i} for the number, from first_point on; points: which
    scheme; coordinates: px, or shares of the picture's width and height.

    au_intensity, au_presence: pattern of the action units' columns, {n} for 1 or {nn} for 01.
    au_full: the intensity that counts as 5. au_from: present from this value on.

    columns: the schema's column -> the file's, with '-' before it where the sign differs.
    angle_unit, length_unit: of what stands there for pose_R* and gaze_angle_*, and for pose_T*.

    confidence (0 to 1), success (1 or 0): columns; success_from: instead, measured from this
    confidence on. width, height: of the picture, px. subject, session, task, split: columns that
    are the same in every row; or names: a regular expression with groups of these names, for the
    file's path below the source, without ending.
    """

    feature_set: str = ""
    ending: str = "csv"
    time: str = ""
    time_unit: Literal["s", "ms", "us", "ns", "frame"] = "s"
    first_frame: int = 0
    fps: float | None = None
    from_first: bool = False
    separator: str = ","
    x: str | None = None
    y: str | None = None
    first_point: int = 0
    points: Literal["68", "wflw-98", "mediapipe-478"] = "68"
    coordinates: Literal["px", "relative"] = "px"
    au_intensity: str | None = None
    au_full: float = 5.0
    au_presence: str | None = None
    au_from: float = 0.5
    angle_unit: Literal["rad", "deg"] = "rad"
    length_unit: Literal["mm", "cm", "m"] = "mm"
    confidence: str | None = None
    success: str | None = None
    success_from: float | None = None
    width: int | None = None
    height: int | None = None
    subject: str | None = None
    session: str | None = None
    task: str | None = None
    split: str | None = None
    names: str | None = None
    columns: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_picture(self.width, self.height, self.fps)
        _check_words(self)
        if self.names:
            pattern(self.names, ABOUT)
        known = [c.name for c in FRAMES.columns if c.nullable]
        for name, column in self.columns.items():
            if name not in known:
                near = suggest(name, known).partition("Known:")[0] or "They are on docs/tables.md."
                raise ValueError(f"columns.{name} is no column of the schema. {near.strip()}")
            if not isinstance(column, str) or not column:
                raise ValueError(f"columns.{name} must be the name of a column, not {column!r}")


def _is_mark(letter: str) -> bool:
    """Whether it can stand between numbers: none of a number's own letters, and no quote."""
    return (
        letter.isascii() and letter.isprintable() and not (letter.isalnum() or letter in "\"'+-.")
    )


def _check_words(map: Map) -> None:
    """Raise ValueError where a key is missing, or contradicts another."""
    name, _, version = map.feature_set.rpartition("-")
    if not (name and version.isdecimal()):
        raise ValueError(
            "feature_set must be the name and version of what was measured, such as"
            f' feature_set = "mytool-1". {_EXAMPLE}'
        )
    if not map.time:
        raise ValueError(f'time must be the column of the clock, such as time = "t". {_EXAMPLE}')
    if map.time_unit == "frame" and map.fps is None:
        raise ValueError('time_unit = "frame" needs fps, the pictures per second')
    if len(map.separator) != 1 or not (map.separator == "\t" or _is_mark(map.separator)):
        raise ValueError(
            f"separator must be one letter such as , ; or a tab, not {map.separator[:9]!r}"
        )
    if (map.x is None) != (map.y is None):
        raise ValueError("x and y go together")
    for key in ("x", "y"):
        if (said := getattr(map, key)) is not None and "{i}" not in said:
            raise ValueError(f"{key} must hold {{i}}, the landmark's number, as in lm{{i}}_{key}")
    for key in ("au_intensity", "au_presence"):
        said = getattr(map, key)
        if said is not None and "{n}" not in said and "{nn}" not in said:
            raise ValueError(f"{key} must hold {{n}} or {{nn}}, the action unit's number")
    if map.coordinates == "relative" and map.width is None:
        raise ValueError('coordinates = "relative" needs width and height')
    if not map.au_full > 0:
        raise ValueError(f"au_full must be above 0, not {map.au_full:g}")
    if map.success and map.success_from is not None:
        raise ValueError("success and success_from exclude each other")
    if map.success_from is not None and not map.confidence:
        raise ValueError("success_from needs confidence")
    if map.names and any(getattr(map, key) for key in ABOUT):
        raise ValueError(f"names and {', '.join(ABOUT)} exclude each other")
    if not (map.x or map.au_intensity or map.au_presence or map.columns):
        raise ValueError(f"nothing is mapped: x and y, au_intensity, columns … {_EXAMPLE}")
