"""The scales that labels are on, as data: range, severity bands with their cut points, source.

Another scale is one more entry in `SCALES`. Scores of one scale are never turned into those of
another: the questionnaires ask for different things, and no conversion holds for one person.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from deptool.errors import DataError, UsageError, suggest


@dataclass(frozen=True)
class Scale:
    """A scale: lowest and highest total score (points), bands as (first score, name), source.

    `items` is the number of the questionnaire's items; None where there is no questionnaire.
    """

    name: str
    low: int
    high: int
    bands: tuple[tuple[int, str], ...]
    source: str
    items: int | None = None

    def band(self, score: float) -> str:
        """The name of the band that a score is in.

        A band reaches up to the next one's first score, so that 13.9 is below a cut at 14;
        predictions beyond the ends of the scale are in its end bands. Raises DataError where the
        score is not a finite number.
        """
        if not math.isfinite(score):
            raise DataError(f"{score} is not a score", where=self.name)
        lowest = self.bands[0][1]
        return next((name for first, name in reversed(self.bands) if score >= first), lowest)

    def labels(self) -> tuple[str, ...]:
        """The bands with their cut points: '0 to 13 minimal', … ; never a name without them."""
        ends = [first - 1 for first, _ in self.bands[1:]] + [self.high]
        return tuple(
            f"{first} {name}" if first == last else f"{first} to {last} {name}"
            for (first, name), last in zip(self.bands, ends, strict=True)
        )


_PHQ = ((0, "none"), (5, "mild"), (10, "moderate"), (15, "moderately severe"), (20, "severe"))

SCALES: dict[str, Scale] = {
    scale.name: scale
    for scale in (
        Scale(
            *("BDI-II", 0, 63, ((0, "minimal"), (14, "mild"), (20, "moderate"), (29, "severe"))),
            "Beck, Steer, Brown, Manual for the Beck Depression Inventory-II, 1996",
            items=21,
        ),
        Scale(
            *("PHQ-8", 0, 24, _PHQ),
            "Kroenke et al., Journal of Affective Disorders 114, 2009",
            items=8,
        ),
        Scale(
            *("PHQ-9", 0, 27, _PHQ),
            "Kroenke, Spitzer, Williams, Journal of General Internal Medicine 16, 2001",
            items=9,
        ),
        Scale(
            *("HAM-D", 0, 52, ((0, "none"), (8, "mild"), (17, "moderate"), (24, "severe"))),
            "Hamilton 1960, 17 items; bands: Zimmerman et al., Journal of Affective Disorders 150,"
            " 2013",
            items=17,
        ),
        Scale(
            *("binary", 0, 1, ((0, "not depressed"), (1, "depressed"))),
            "a corpus's own yes or no; no questionnaire",
        ),
    )
}


def find_scale(name: str) -> Scale:
    """The scale of that name. Raises UsageError for another name, with the nearest one."""
    if name not in SCALES:
        raise UsageError(f"unknown scale {name!r}", fix=nearest(name))
    return SCALES[name]


def nearest(name: str) -> str:
    """A sentence that offers the scale which a name nearly is, in any case, or lists them all."""
    same = {known.upper(): known for known in SCALES}
    return suggest(same.get(name.upper(), name.upper()), list(SCALES))


def require_same(scales: Iterable[str], where: str | None = None) -> str:
    """The one scale that all of these are. Raises DataError where there are several, or none."""
    found = sorted(set(scales))
    if not found:
        raise DataError("there is no score, and so no scale", where=where)
    if len(found) > 1:
        raise DataError(
            f"scores on {' and '.join(found)} cannot be put together: scores of one scale cannot"
            " be turned into another",
            where=where,
            fix="Take one scale at a time.",
        )
    return found[0]
