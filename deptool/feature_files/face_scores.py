"""Scores and angles of other tools as the schema's columns: what a 0-1 score of an action unit and
two gaze angles become, by the words that a user sets.

None of these mappings is FACS coding: a score says that an action unit is likely there, not how
strong it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from deptool.schema import AU_INTENSITY, AU_PRESENCE

if TYPE_CHECKING:
    import polars as pl

# presence: AUxx_c from 0.5 on; times5: AUxx_r too, as five times the score; intensity: the score is
# AUxx_r already.
Scale = Literal["presence", "times5", "intensity"]

# What gaze_angle_x and gaze_angle_y are of a tool's yaw and pitch.
Gaze = Literal["none", "yaw,pitch", "-yaw,pitch", "yaw,-pitch", "-yaw,-pitch"]

# An action unit is present from this score on, as for the extractor py-feat.
PRESENT = 0.5


def au_columns(scores: dict[str, str], scale: Scale) -> list[pl.Expr]:
    """Columns AUxx_r and AUxx_c of scores: action unit ('AU01') -> the column that has its score.

    Action units without a column in the schema are left out.
    """
    import polars as pl

    columns = []
    for name, source in scores.items():
        score = pl.col(source) if scale == "intensity" else pl.col(source).clip(0, 1)
        if scale != "presence" and name in AU_INTENSITY:
            columns.append((score * 5 if scale == "times5" else score).alias(f"{name}_r"))
        if scale != "intensity" and name in AU_PRESENCE:
            present = pl.when(score.is_not_null()).then((score >= PRESENT).cast(pl.Float32))
            columns.append(present.alias(f"{name}_c"))
    return columns


def au_name(word: str) -> str | None:
    """'AU01' for AU01, au_1, AU1 or 1; None for what is no number of an action unit."""
    digits = word.strip().lower().removeprefix("au").strip("_ ")
    return f"AU{int(digits):02d}" if digits.isdecimal() else None


def gaze_columns(gaze: Gaze, yaw: str, pitch: str, per_rad: float = 1.0) -> list[pl.Expr]:
    """gaze_angle_x and gaze_angle_y (rad) of two columns, `per_rad` of whose unit are 1 rad."""
    import polars as pl

    if gaze == "none":
        return []
    words = dict(zip(("gaze_angle_x", "gaze_angle_y"), gaze.split(","), strict=True))
    return [
        (pl.col({"yaw": yaw, "pitch": pitch}[word.lstrip("-")]))
        .mul((-1 if word.startswith("-") else 1) / per_rad)
        .cast(pl.Float32)
        .alias(name)
        for name, word in words.items()
    ]
