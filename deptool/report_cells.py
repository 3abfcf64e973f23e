"""How a number is written in a table: digits, SD over seeds, interval."""

from __future__ import annotations

from deptool.bootstrap import FEW_UNITS, Estimate, Interval

NOTHING = "–"
BRACKETS = "In brackets: 95 % interval, bootstrap over persons."
FEW_PERSONS = (
    f"Fewer than {FEW_UNITS} persons: only how many, since numbers would tell of single ones."
)
_DIGITS = {"rmse": (2, 1), "mae": (2, 1), "bias": (2, 1)}
_OTHERS = (2, 2)


def number(
    name: str, value: float | None, sd: float | None = None, interval: Interval | None = None
) -> str:
    """'5.10 ± 0.31 [3.9, 6.2]': a metric's value, with its SD and interval where there are any.

    Errors have two digits and one in their interval, all others two; no value is a dash.
    """
    if value is None:
        return NOTHING
    digits, within = _DIGITS.get(name, _OTHERS)
    text = _fixed(value, digits)
    if sd is not None:
        text += f" ± {sd:.{digits}f}"
    if interval:
        text += f" [{_fixed(interval.low, within)}, {_fixed(interval.high, within)}]"
    return text


def estimate(name: str, found: Estimate | None) -> str:
    """The same of an estimate; a dash for None, and no interval where it rests on too few."""
    if found is None:
        return NOTHING
    interval = found.interval
    return number(name, found.value, None, None if interval and interval.few else interval)


def without_brackets(caption: str) -> str:
    """A caption of a table that is shown without its intervals."""
    return caption.replace(BRACKETS, "").strip()


def _fixed(value: float, digits: int) -> str:
    return f"{round(value, digits) + 0.0:.{digits}f}"  # adding 0.0 turns -0.0 into 0.0
