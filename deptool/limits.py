"""Limits on a recording's quality: which values need a look, and `coverage<0.8` as users write it.

This is the one place where the thresholds stand. The table of `deptool check`, its legend and
--fail-if are made from `MEASURES`; `measures_of` has them for one corpus.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from deptool.csv_file import read_number
from deptool.errors import UsageError, suggest
from deptool.quality import DOUBTFUL, FROZEN_S, Quality

_OPERATORS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_SYNTAX = re.compile(r"\s*(\w+)\s*(<=|>=|<|>)\s*([^\s<>=]+)\s*")


@dataclass(frozen=True)
class Measure:
    """One value of `Quality`: what it means, and from where on it needs a look, or is bad."""

    name: str
    unit: str
    meaning: str
    digits: int
    sign: str = ""  # the side that is worse
    look: float | None = None
    bad: float | None = None

    def level(self, value: float | None) -> int:
        """0 fine or not measured, 1 needs a look, 2 bad."""
        if value is None or self.look is None or self.bad is None:
            return 0
        worse = _OPERATORS[self.sign]
        return 2 if worse(value, self.bad) else int(worse(value, self.look))


# In the order of the table. A segment of DepressionMLP is 3 s at 6 rows/s, and is left out where
# 20 % of its rows are not measured. MediaPipe's mesh looks at a face of 192 px; below a third of
# that it sees an enlarged blur. Two real clips had a jitter of 0.08 and 0.22 % at 24 rows/s and of
# 0.43 and 0.75 % at 6, the demo's videos 0.09 to 0.25 % at 6. The rest is judgement: go and look.
MEASURES = (
    Measure("coverage", "0-1", "rows in which the face was measured", 2, "<", 0.9, 0.7),
    Measure("longest_gap_s", "s", "longest time without a measured face", 1, ">", 3, 10),
    Measure("jitter_px", "px", "noise of the landmarks (SD on each axis)", 2),
    Measure("jitter_pct", "%", "the same, of the width of the face", 2, ">", 1, 2),
    Measure("doubtful", "0-1", f"rows with status {', '.join(DOUBTFUL)}", 2, ">", 0.05, 0.2),
    Measure("ambiguous", "0-1", "rows with status ambiguous: whose face?", 2, ">", 0.01, 0.1),
    Measure("several_faces", "0-1", "rows with more than one face in them", 2, ">", 0.05, 0.5),
    Measure("outside", "0-1", "landmarks outside the picture", 2, ">", 0.01, 0.1),
    Measure("face_px", "px", "mean width of the face", 0, "<", 100, 64),
    Measure("frozen_s", "s", f"spans of {FROZEN_S:g} s or more without any motion", 1, ">", 0, 10),
    Measure("longest_frozen_s", "s", "the longest of these spans", 1),
    Measure("fps", "1/s", "rows per second", 1, "<", 5.4, 3),
    Measure("n_rows", "rows", "rows of the frames table", 0),
)
NAMES = [m.name for m in MEASURES]

# Shares of an imported corpus's median rate below which a rate needs a look, or is bad: it is the
# source's own, and cameras of 24, 25 and 30 pictures a second may stand side by side.
_LOOK_FPS, _BAD_FPS = 0.75, 0.5


def measures_of(recordings: Sequence[Quality], imported: bool) -> tuple[Measure, ...]:
    """`MEASURES` as they are for these recordings of one corpus.

    Where they were imported, fps needs a look only far below their own median rate.
    """
    if not imported:
        return MEASURES
    rates = [q.fps for q in recordings if q.fps is not None]
    look, bad = (
        float(f"{share * median(rates):.3g}") if rates else None for share in (_LOOK_FPS, _BAD_FPS)
    )
    return tuple(replace(m, look=look, bad=bad) if m.name == "fps" else m for m in MEASURES)


def needs_look(quality: Quality, measures: Sequence[Measure] = MEASURES) -> bool:
    """Whether a value lies beyond a threshold, or there is no whole, sound table to measure."""
    if quality.status not in ("ok", None) or not quality.n_rows:
        return True
    return any(m.level(getattr(quality, m.name)) for m in measures)


@dataclass(frozen=True)
class Limit:
    """What a recording must not be, such as coverage < 0.8."""

    name: str
    sign: str
    value: float

    def __str__(self) -> str:
        return f"{self.name}{self.sign}{self.value:g}"

    def broken_by(self, quality: Quality) -> bool:
        """Whether that recording is what it must not be; a value that is None breaks nothing."""
        found = getattr(quality, self.name)
        return found is not None and bool(_OPERATORS[self.sign](found, self.value))


def parse_limit(text: str) -> Limit:
    """`coverage<0.8` as a limit. Raises UsageError for other words, with the nearest name."""
    where = f"--fail-if {text!r}"
    match = _SYNTAX.fullmatch(text)
    if not match:
        raise UsageError(
            "is not of the form NAME<NUMBER",
            where=where,
            fix="For instance --fail-if 'coverage<0.8'; with < <= > or >=.",
        )
    name, sign, number = match.groups()
    if name not in NAMES:
        raise UsageError(f"no measure named {name!r}", where=where, fix=suggest(name, NAMES))
    value = read_number(number)
    if value is None:
        unit = next(m.unit for m in MEASURES if m.name == name)
        fix = f"Give {name} as a plain number, in this unit: {unit}."
        raise UsageError(f"{number!r} is not a number", where=where, fix=fix)
    return Limit(name, sign, value)
