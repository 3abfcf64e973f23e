"""How often an interval holds the true value: `python -m benchmarks.intervals`.

Draws small test sets from a model whose metrics are known (from 2,000,000 drawn recordings), each
person with one recording or two, and counts how often the 95 % interval holds them: percentiles as
deptool has them, and SciPy's BCa over the same persons. Nothing is timed.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import bootstrap

from deptool.bootstrap import intervals
from deptool.metrics import ccc, mae, rmse

Array = NDArray[np.float64]
SETS, RESAMPLES = 400, 1000
NAMES: dict[str, Callable[[Any, Any], float]] = {"rmse": rmse, "mae": mae, "ccc": ccc}


def draw(generator: np.random.Generator, persons: int, each: int) -> tuple[Array, Array, Array]:
    """Persons' scores, skewed as BDI-II scores are, and predictions pulled to the middle.

    Truth, prediction and person (recording); recordings of a person share half of the error.
    """
    person = np.repeat(np.arange(persons), each)
    score = np.clip(np.round(generator.gamma(1.6, 9, persons)), 0, 63)
    truth = score[person]
    own, rest = generator.normal(0, 5, persons), generator.normal(0, 5, persons * each)
    return truth, 9 + 0.4 * truth + own[person] + rest, person


def by_bca(truth: Array, prediction: Array, person: Array, name: str) -> tuple[float, float]:
    """SciPy's BCa over persons."""
    n = int(person.max()) + 1
    rows = [np.flatnonzero(person == k) for k in range(n)]

    def statistic(drawn: NDArray[np.int64]) -> float:
        chosen = np.concatenate([rows[k] for k in drawn])
        return NAMES[name](truth[chosen], prediction[chosen])

    found = bootstrap(
        (np.arange(n),), statistic, vectorized=False, n_resamples=RESAMPLES, method="BCa",
        random_state=np.random.default_rng(0),
    ).confidence_interval  # fmt: skip
    return float(found.low), float(found.high)


def main() -> None:
    with_bca = "--bca" in sys.argv
    generator = np.random.default_rng(0)
    truth, prediction, _ = draw(generator, 2_000_000, 1)
    known = {name: formula(truth, prediction) for name, formula in NAMES.items()}
    print("persons recordings  " + "  ".join(f"{name:>11}" for name in NAMES))
    for persons, each in ((10, 1), (30, 1), (30, 2), (50, 1), (50, 2), (150, 1)):
        held = {(name, how): 0 for name in NAMES for how in ("percentile", "bca")}
        sets = SETS if not with_bca else 100
        for _ in range(sets):
            truth, prediction, person = draw(generator, persons, each)
            frame = pl.DataFrame(
                {
                    "recording_id": [f"r{i}" for i in range(len(truth))],
                    "subject_id": [f"p{k}" for k in person],
                    "session_id": [f"r{i}" for i in range(len(truth))],
                    **{"seed": [0] * len(truth), "truth": truth, "prediction": prediction},
                }
            )
            found = intervals(frame)
            for name, value in known.items():
                held[name, "percentile"] += found[name].low <= value <= found[name].high
                if with_bca:
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        low, high = by_bca(truth, prediction, person, name)
                    held[name, "bca"] += low <= value <= high
        for how in ("percentile", *(["bca"] if with_bca else [])):
            shares = "  ".join(f"{100 * held[name, how] / sets:9.1f} %" for name in NAMES)
            print(f"{persons:7} {persons * each:10}  {shares}  {how}")


if __name__ == "__main__":
    main()
