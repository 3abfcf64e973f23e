"""Claims, one file each: what a paper says of its model, and how that is tested.

`deptool reproduce NAME` makes the cohorts, trains the variants, prints the paper's tables and
judges the claims. All of it is synthetic: a claim that holds here holds where what it is about was
planted, and says nothing of patients. A claims file is named like its model, and has:

- a docstring: title, what the paper claims, how each claim is tested, and what is unlike the paper;
- `MODEL`: the model's name;
- `COHORTS`: name -> cohort.settings.SynthSettings. Where several are there, the first is meant
  wherever no cohort is named;
- `SETTINGS`: settings that all variants share, those that are not the paper's because a small
  machine demands it. Tables print them beside the paper's; `{}` where there are none;
- `TABLES`: PaperTables. All variants of all tables are trained, one of a name once;
- `claims(results) -> list[Claim]`, where `results` is a results.Results: predictions, metrics with
  intervals over persons, paired differences, what was planted, and what the networks say of times.
  planted.py measures the latter against the former.

And where they are not the usual: `SEEDS`, how many (3), `PROTOCOL` ("official": the cohort's own
split, which keeps persons apart; "group-kfold:5" where every person is to be tested), and `NOTES`,
sentences to stand below the tables.

A claim's verdict is a rule's, never a hand's: `Results.lower_error`, `results.lower`,
`results.at_least` make claims with sentence and verdict. `why` says what was found out about it,
above all where it does not hold: `Results.by_seed` and `Results.training` are a beginning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from deptool.ablations import Table

Verdict = Literal["holds", "does not hold", "open"]

SEEDS = 3
PROTOCOL = "official"


@dataclass(frozen=True)
class Printed:
    """What the paper prints of one variant: metric -> digits as printed, on a real corpus.

    `corpus` names it as it is to be read: 'AVEC 2014 Freeform'. Metrics are rmse, mae, pcc, ccc.
    """

    variant: str
    corpus: str
    values: Mapping[str, str]


@dataclass(frozen=True)
class PaperTable(Table):
    """A table in the paper's layout: which cohorts (none named: all), which metrics, its numbers.

    Metrics are those of bootstrap.METRICS.
    """

    cohorts: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ("rmse", "mae")
    printed: tuple[Printed, ...] = ()


@dataclass(frozen=True)
class Claim:
    """What the paper claims (`text`), where (`source`: 'Table 2'), what was found, in numbers.

    open: the interval of the difference holds zero. `why`: what makes it so, where it was looked
    into.
    """

    text: str
    source: str
    found: str
    verdict: Verdict
    why: str = ""
