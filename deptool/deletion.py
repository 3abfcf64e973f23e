"""The check of an explanation: what it ranks highest is left out, and so is what chance picks.

If a ranking says what a prediction rests on, leaving out its top must change the prediction more
than leaving out as much at random (deletion curves: Petsiuk, Das, Saenko, "RISE", BMVC 2018). The
curve is the absolute change of the prediction, in points, over the fraction that is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from deptool.asked import Bools, Floats
from deptool.spans import ranked

FRACTIONS = (0.1, 0.2, 0.3, 0.5)
ORDERS = 20  # random ones
FEWEST = 4  # units; of fewer, fractions cannot be told apart
_SHOWN = FRACTIONS.index(0.2)

Without = Callable[[Bools], Floats]  # (set, unit) that are gone -> prediction (set,)


@dataclass(frozen=True)
class Chance:
    """How a prediction (points) changes where random units are gone: change (order, fraction)."""

    prediction: float
    change: Floats


@dataclass(frozen=True)
class Deleted:
    """One ranking's curve beside those of random orders.

    what: which ranking. by_construction: whether it ranks by what the prediction is a mean of.
    of_times: whether pieces of time are deleted, and not landmarks or action units.
    change (fraction,), random (order, fraction): absolute change of the prediction in points.
    """

    what: str
    n_units: int
    change: Floats
    random: Floats
    by_construction: bool = False
    of_times: bool = True

    @property
    def area(self) -> float:
        """Under the curve from 0 to the last fraction: points times fraction."""
        return float(_area(self.change[None])[0])

    @property
    def random_areas(self) -> Floats:
        return _area(self.random)

    @property
    def ratio(self) -> float | None:
        """The curve's area over the mean random one; None where random changes nothing."""
        mean = float(self.random_areas.mean())
        return self.area / mean if mean > 1e-12 else None

    @property
    def better(self) -> int:
        """How many random orders have a smaller area."""
        return int((self.random_areas < self.area).sum())

    @property
    def holds(self) -> bool:
        """Whether no random order does as well: of a ranking that says nothing, one in 21 does."""
        return self.better == ORDERS

    def rows(self) -> list[dict[str, object]]:
        """One for each fraction, points with every digit."""
        spread = self.random.std(axis=0, ddof=1)
        return [
            {
                "ranking": self.what,
                "fraction": fraction,
                "n_deleted": count(self.n_units, fraction),
                "n_units": self.n_units,
                "change": float(self.change[k]),
                "random_change": float(self.random[:, k].mean()),
                "random_sd": float(spread[k]),
            }
            for k, fraction in enumerate(FRACTIONS)
        ]

    def sentence(self) -> str:
        """The curve at a fifth, its area, and what follows."""
        at = self.rows()[_SHOWN]
        ratio = "" if self.ratio is None else f", {self.ratio:.2g} times the random one"
        found = (
            f"{self.what}: deleting the top 20 % moves the prediction by"
            f" {at['change']:.3g} points, a random 20 % by {at['random_change']:.3g}"
            f" (SD {at['random_sd']:.2g}). Area under the curve {self.area:.3g}{ratio}, larger"
            f" than in {self.better} of {ORDERS} random orders."
        )
        return f"{found} {self.verdict()}"

    def verdict(self) -> str:
        if not self.holds:
            return (
                "It FAILS the check: what it ranks highest matters no more to the prediction than"
                " what chance picks. Do not read it as what the prediction rests on."
            )
        if self.by_construction:
            return (
                "It passes, as it must: it ranks by what the prediction is the mean of. This says"
                " how uneven the segments are, and no more."
            )
        return "It passes the check."


def count(n_units: int, fraction: float) -> int:
    """How many units that fraction is; at least one, and never all."""
    return min(n_units - 1, max(1, round(fraction * n_units)))


def by_chance(
    n_units: int, without: Without, on_order: Callable[[], None], seed: int = 0
) -> Chance:
    """Leave out units in random orders, each fraction more of the same order."""
    prediction = float(without(np.zeros((1, n_units), bool))[0])
    generator = np.random.default_rng(seed)
    changes = []
    for _ in range(ORDERS):
        order = [int(k) for k in generator.permutation(n_units)]
        changes.append(_changes(order, without, prediction))
        on_order()
    return Chance(prediction, np.stack(changes))


def delete(
    what: str,
    values: Floats,
    without: Without,
    chance: Chance,
    *,
    by_construction: bool = False,
    of_times: bool = True,
) -> Deleted:
    """values (unit,), NaN where there is none: the highest are left out first."""
    change = _changes(ranked(values), without, chance.prediction)
    return Deleted(what, len(values), change, chance.change, by_construction, of_times)


def _changes(order: Sequence[int], without: Without, prediction: float) -> Floats:
    gone = np.zeros((len(FRACTIONS), len(order)), bool)
    for k, fraction in enumerate(FRACTIONS):
        gone[k, list(order[: count(len(order), fraction)])] = True
    change: Floats = np.abs(without(gone) - prediction)
    return change


def _area(change: Floats) -> Floats:
    """change (curve, fraction) -> area (curve,), by trapezia, from no change at 0."""
    x = np.array([0.0, *FRACTIONS])
    y = np.concatenate([np.zeros((len(change), 1)), change], axis=1)
    area: Floats = ((y[:, 1:] + y[:, :-1]) / 2 * np.diff(x)).sum(axis=1)
    return area
