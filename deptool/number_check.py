"""Can a quoted row of metrics be true? What RMSE, MAE, PCC, CCC and the truths' SD say together.

With y the truth, p the prediction, s and q their standard deviations, r the PCC, c the CCC and b
the bias (mean p - mean y), all over N (population):

    RMSE^2 = s^2 + q^2 - 2 r s q + b^2              c = 2 r s q / (s^2 + q^2 + b^2)

and so 2 r s q = c RMSE^2 / (1 - c), which gives q, and then b^2, which cannot be negative. A row
is called impossible only where that holds for all values that round to the quoted ones; see
docs/check-numbers.md for how each condition follows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

from deptool.quoted_numbers import NUMBERS, Interval, Quoted, rounded_to
from deptool.scales import SCALES

_BOUNDS = {"rmse": 0.0, "mae": 0.0, "sd": 0.0, "pcc": -1.0, "ccc": -1.0}  # and up to 1: PCC, CCC
_STEPS = 7  # values that are tried of each number, for what it implies


@dataclass(frozen=True)
class Check:
    """One condition: whether it can hold (None: what it needs was not quoted), and why."""

    name: str
    holds: bool | None
    text: str


@dataclass(frozen=True)
class Implied:
    """What else the row says, from lowest to highest over all that rounds to it; None: nothing.

    `predicted_sd` and `bias` (its size) in points; `shrinkage` is the predictions' SD by the
    truths': 1 as wide, below it huddled together. `mae_rmse` is 1 where all errors are of one
    size, and 0.80 for normal ones.
    """

    r2: tuple[float, float] | None = None
    predicted_sd: tuple[float, float] | None = None
    bias: tuple[float, float] | None = None
    shrinkage: tuple[float, float] | None = None
    mae_rmse: float | None = None


@dataclass(frozen=True)
class NumberCheck:
    """What was found of one row."""

    quoted: Quoted
    checks: tuple[Check, ...]
    implied: Implied

    @property
    def verdict(self) -> Literal["possible", "impossible", "not checked"]:
        """Impossible where a check fails; possible where one was done and none fails."""
        done = [check.holds for check in self.checks if check.holds is not None]
        if not done:
            return "not checked"
        return "possible" if all(done) else "impossible"


def check_numbers(quoted: Quoted) -> NumberCheck:
    """Whether a row can be true, and what it implies."""
    known = {k: rounded_to(v) for k in NUMBERS if (v := getattr(quoted, k)) is not None}
    outside = [k for k, v in known.items() if k in _BOUNDS and not _in_bounds(k, v)]
    if outside:
        texts = [f"{_label(quoted, k)} lies outside its range, {_range(k)}" for k in outside]
        return NumberCheck(quoted, (Check("ranges", False, "; ".join(texts)),), Implied())
    checks = (
        _mae_and_rmse(quoted, known),
        _rmse_and_n(quoted, known),
        _ccc_and_pcc(quoted, known),
        _reach_of_rmse(quoted, known),
        _bias_and_mae(quoted, known),
        _sd_and_scale(quoted, known),
    )
    return NumberCheck(quoted, checks, _implied(quoted, known))


def check_row(row: Quoted, options: Quoted) -> NumberCheck:
    """Whether a row can be true with what it lacks taken from `options`, and what it implies.

    A check that comes out the same without the row is not done: it says nothing of the row.
    """
    found = check_numbers(row.filled(options))
    alone = check_numbers(options.without(row)).checks
    checks = tuple(
        replace(c, holds=None, text="the row itself quotes nothing for it")
        if c.holds is not None and c in alone
        else c
        for c in found.checks
    )
    has_numbers = any(getattr(row, k) is not None for k in NUMBERS)
    return replace(found, checks=checks, implied=found.implied if has_numbers else Implied())


Known = dict[str, Interval]
Box = tuple[Interval, Interval, Interval, Interval]  # RMSE, SD, size of the PCC, CCC


def _mae_and_rmse(quoted: Quoted, known: Known) -> Check:
    name = "MAE ≤ RMSE"
    if missing := _missing(known, "mae", "rmse"):
        return Check(name, None, missing)
    holds = known["mae"].low <= known["rmse"].high
    verb = "is not above" if holds else "is above"
    swapped = "" if holds else ": are the two swapped?"
    return Check(name, holds, f"{_label(quoted, 'mae')} {verb} {_label(quoted, 'rmse')}{swapped}")


def _rmse_and_n(quoted: Quoted, known: Known) -> Check:
    name = "RMSE ≤ √N · MAE"
    if quoted.n is None or _missing(known, "mae", "rmse"):
        return Check(name, None, _missing(known, "mae", "rmse", *([] if quoted.n else ["n"])))
    most = math.sqrt(quoted.n) * known["mae"].high
    text = f"N {quoted.n}, {_label(quoted, 'mae')}: the RMSE is at most {most:.2f}"
    return Check(name, known["rmse"].low <= most, f"{text}; quoted is {quoted.rmse}")


def _ccc_and_pcc(quoted: Quoted, known: Known) -> Check:
    name = "CCC between 0 and PCC"
    if missing := _missing(known, "ccc", "pcc"):
        return Check(name, None, missing)
    holds = bool(_sides(known))
    verb = "is" if holds else "is not"
    text = f"{_label(quoted, 'ccc')} {verb} between 0 and {_label(quoted, 'pcc')}"
    return Check(name, holds, text)


def _reach_of_rmse(quoted: Quoted, known: Known) -> Check:
    """Whether bias² can be 0 or more: the RMSEs that this PCC, CCC and SD go together with."""
    name = "bias² ≥ 0"
    some = [k for k in ("pcc", "ccc") if k in known]
    if missing := _missing(known, "rmse", "sd") or ("" if some else "needs PCC or CCC"):
        return Check(name, None, missing)
    sides = _sides(known)
    if not sides:
        return Check(name, None, "no CCC goes together with this PCC")
    reaches = [_reach(*side) for side in sides]
    low = known["sd"].low * math.sqrt(min(reach.low for reach in reaches))
    high = known["sd"].high * math.sqrt(max(reach.high for reach in reaches))
    given = ", ".join(_label(quoted, k) for k in (*some, "sd"))
    ends = f"at least {low:.2f}" if math.isinf(high) else f"{low:.2f} to {high:.2f}"
    rmse = known["rmse"]
    text = f"{given} go together with an RMSE of {ends}; quoted is {quoted.rmse}"
    return Check(name, rmse.low <= high and low <= rmse.high, text)


def _bias_and_mae(quoted: Quoted, known: Known) -> Check:
    """|mean error| is at most the mean |error|."""
    name = "|bias| ≤ MAE"
    if missing := _missing(known, "rmse", "mae", "pcc", "ccc", "sd"):
        return Check(name, None, missing)
    box = _box(known)
    if box is None:
        return Check(name, None, "says nothing where CCC or PCC may be 0")
    # In each of the four alone bias² has at most one maximum between its ends: its least value is
    # at a corner of the box.
    least = min(_bias2(*corner) for corner in product(*((v.low, v.high) for v in box)))
    holds = least <= known["mae"].high ** 2
    text = f"the bias is at least {math.sqrt(max(least, 0.0)):.2f}"
    return Check(name, holds, f"{text}; quoted is {_label(quoted, 'mae')}")


def _sd_and_scale(quoted: Quoted, known: Known) -> Check:
    """Truths within a scale have an SD of at most √((high - mean)(mean - low))."""
    name = "SD within the scale"
    if quoted.scale is None or "sd" not in known:
        return Check(name, None, _missing(known, "sd", *([] if quoted.scale else ["scale"])))
    scale = SCALES[quoted.scale]
    ends = f"{scale.name} goes from {scale.low} to {scale.high}"
    mean = known.get("mean", Interval(scale.low, scale.high)).within(scale.low, scale.high)
    if mean is None:
        return Check(name, False, f"{_label(quoted, 'mean')} is not on the scale: {ends}")
    nearest = min(max((scale.low + scale.high) / 2, mean.low), mean.high)  # to the middle
    most = math.sqrt((scale.high - nearest) * (nearest - scale.low))
    given = f", {_label(quoted, 'mean')}" if "mean" in known else ""
    text = f"{ends}{given}: the SD is at most {most:.2f}; quoted is {quoted.sd}"
    return Check(name, known["sd"].low <= most, text)


def _sides(known: Known) -> list[tuple[int, Interval, float]]:
    """Sign, size of the CCC and largest size of the PCC, for either sign that both can have."""
    everything = Interval(-1.0, 1.0)
    ccc, pcc = known.get("ccc", everything), known.get("pcc", everything)
    found = []
    for sign, c, r in ((1, ccc, pcc), (-1, _negative(ccc), _negative(pcc))):
        largest = min(r.high, 1.0)
        size = c.within(0.0, largest)
        if size is not None:
            found.append((sign, size, largest))
    return found


def _negative(interval: Interval) -> Interval:
    return Interval(-interval.high, -interval.low)


def _reach(sign: int, size: Interval, pcc: float) -> Interval:
    """Lowest and highest (RMSE / SD)² that a CCC of this sign and size and this PCC allow.

    (1 - c) 2 / (1 + w) to (1 - c) 2 / (1 - w) with k = c/r and w = √(1 - k²): between them bias²
    is 0 or more. A larger PCC only widens it. The upper end falls with the size of c; the lower
    end rises, but for a positive c first falls up to c = 2r² / (1 + r²), where it is 1 - r².
    """

    def ends(c: float) -> tuple[float, float]:
        k2 = (c / pcc) ** 2 if pcc > 0 else 0.0
        w = math.sqrt(max(0.0, 1.0 - k2))
        low = (1.0 - sign * c) * 2.0 / (1.0 + w)
        return low, low * (1.0 + w) ** 2 / k2 if k2 > 0 else math.inf  # 1 - w = k² / (1 + w)

    best = 2 * pcc**2 / (1 + pcc**2) if sign > 0 else 0.0
    return Interval(ends(min(max(best, size.low), size.high))[0], ends(size.low)[1])


def _box(known: Known) -> Box | None:
    """RMSE, SD, size of the PCC and CCC; None where one of the last three may be 0."""
    rmse, sd = known["rmse"].within(0.0, math.inf), known["sd"]
    sides = _sides(known)
    if rmse is None or sd.low <= 0 or len(sides) != 1 or sides[0][1].low <= 0:
        return None
    sign, size, _ = sides[0]
    pcc = known["pcc"] if sign > 0 else _negative(known["pcc"])
    pcc = Interval(max(pcc.low, size.low), min(pcc.high, 1.0))  # |CCC| ≤ |PCC|
    ccc = Interval(sign * size.low, min(sign * size.high, 1.0 - 1e-9))
    return rmse, sd, pcc, ccc


def _predicted_sd(rmse: float, sd: float, pcc: float, ccc: float) -> float:
    """c RMSE² / ((1 - c) 2 r s), with the size of the PCC."""
    return abs(ccc) * rmse**2 / ((1.0 - ccc) * 2.0 * pcc * sd)


def _bias2(rmse: float, sd: float, pcc: float, ccc: float) -> float:
    """RMSE² - (s² + q² - 2 r s q), which is below 0 where the row cannot be true."""
    q = _predicted_sd(rmse, sd, pcc, ccc)
    return rmse**2 / (1.0 - ccc) - sd**2 - q**2


def _implied(quoted: Quoted, known: Known) -> Implied:
    r2 = ratio = None
    if {"rmse", "sd"} <= known.keys() and known["sd"].low > 0:
        rmse, sd = known["rmse"], known["sd"]
        r2 = (1 - (rmse.high / sd.low) ** 2, 1 - (max(rmse.low, 0.0) / sd.high) ** 2)
    if quoted.mae is not None and quoted.rmse:
        ratio = float(quoted.mae / quoted.rmse)
    box = _box(known) if {"pcc", "ccc"} <= known.keys() and r2 else None
    found = [(_predicted_sd(*point), _bias2(*point), point[1]) for point in _points(box)]
    most = known["mae"].high if "mae" in known else math.inf
    true = [(q, math.sqrt(b2), q / s) for q, b2, s in found if 0 <= b2 <= most**2]
    if not true:
        return Implied(r2=r2, mae_rmse=ratio)
    predicted, bias, shrinkage = ((min(v), max(v)) for v in zip(*true, strict=True))
    if any(b2 < 0 for _, b2, _ in found):  # 0 lies between what was tried
        bias = (0.0, bias[1])
    return Implied(r2, predicted, bias, shrinkage, ratio)


def _points(box: Box | None) -> Iterator[tuple[float, float, float, float]]:
    """A grid over what rounds to the row, without points whose CCC is beyond their PCC."""
    for rmse, sd, pcc, ccc in product(*map(_grid, box)) if box else ():
        if abs(ccc) <= pcc:
            yield rmse, sd, pcc, ccc


def _grid(interval: Interval) -> list[float]:
    width = interval.high - interval.low
    return [interval.low + width * i / (_STEPS - 1) for i in range(_STEPS)]


def _in_bounds(name: str, interval: Interval) -> bool:
    high = 1.0 if name in ("pcc", "ccc") else math.inf
    return interval.within(_BOUNDS[name], high) is not None


def _range(name: str) -> str:
    return "-1 to 1" if name in ("pcc", "ccc") else "0 or more"


def _missing(known: Known, *names: str) -> str:
    """'needs PCC, N', or nothing where all is there."""
    lacking = [n for n in names if n not in known]
    shown = (n if n in ("mean", "scale") else n.upper() for n in lacking)
    return f"needs {', '.join(shown)}" if lacking else ""


def _label(quoted: Quoted, name: str) -> str:
    return f"{name if name == 'mean' else name.upper()} {getattr(quoted, name)}"
