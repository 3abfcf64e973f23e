"""How a number is written in a table: digits, SD over seeds, interval."""

from __future__ import annotations

import re
from collections.abc import Iterable

from deptool.bootstrap import FEW_UNITS, PERSON, Estimate, Interval

NOTHING = "–"
BRACKETS = "In brackets: 95 % interval, bootstrap over persons."
_BRACKETS = re.compile(r" ?In brackets: 95 % interval, bootstrap over [a-z, ]+\.")
FEW_PERSONS = (
    f"Fewer than {FEW_UNITS} persons: only how many, since numbers would tell of single ones."
)
_DIGITS = {"rmse": (2, 1), "mae": (2, 1), "bias": (2, 1)}
_UNITS = (PERSON, "session", "recording")
_SAME = 1e-12
_OTHERS = (2, 2)


def number(
    name: str, value: float | None, sd: float | None = None, interval: Interval | None = None
) -> str:
    """'5.10 ± 0.31 [3.9, 6.2]': a metric's value, with its SD and interval where there are any.

    Errors have two digits and one in their interval, all others two; no value is a dash. Seeds that
    all agree have no SD to show.
    """
    if value is None:
        return NOTHING
    digits, within = _DIGITS.get(name, _OTHERS)
    text = _fixed(value, digits)
    if sd is not None and not agree(value, sd):
        text += f" ± {sd:.{digits}f}"
    if interval:
        text += f" [{_fixed(interval.low, within)}, {_fixed(interval.high, within)}]"
    return text


def agree(value: float | None, sd: float | None) -> bool:
    """Whether all seeds have the same value, but for the last digits of their sums."""
    return not sd or sd <= _SAME * max(1.0, abs(value or 0.0))


def estimate(name: str, found: Estimate | None) -> str:
    """The same of an estimate; a dash for None, and no interval where it rests on too few."""
    if found is None:
        return NOTHING
    interval = found.interval
    return number(name, found.value, None, None if interval and interval.few else interval)


def brackets(shown: Iterable[Interval | None]) -> str:
    """What stands in brackets, with what is drawn; '' where nothing does."""
    units = sorted({found.unit for found in shown if found}, key=_UNITS.index)
    if not units:
        return ""
    return BRACKETS.replace("persons", ", ".join(f"{unit}s" for unit in units))


def without_brackets(caption: str) -> str:
    """A caption of a table that is shown without its intervals."""
    return _BRACKETS.sub("", caption).strip()


def _fixed(value: float, digits: int) -> str:
    return f"{round(value, digits) + 0.0:.{digits}f}"  # adding 0.0 turns -0.0 into 0.0
