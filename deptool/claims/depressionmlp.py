"""DepressionMLP's claims: Dual Gating and Mutual Guidance each help.

Niu, Li, Tao, Zhou, Schuller, IEEE TCSVT 2024, section IV.C, Tables III and IV: Dual Gating predicts
better than a gMLP block and than either of its two gates alone, and Mutual Guidance makes it better
still. The tables' numbers are not part of the text this was written from, so none stands beside
ours.

How it is tested: the default cohort of `deptool synth`; every person is tested once, by networks
that never saw the person; five of the sixteen variants of `deptool ablate depressionmlp`, all with
both inputs. The settings are the paper's; it names no number of epochs, and 100 is ours.

What is unlike the paper: one cohort of 120 recordings of 90 s in the place of two corpora of longer
ones. What severity does in it is planted in the means over a recording, so nothing says that one
structure of a network must find it better than another.
"""

from __future__ import annotations

from deptool.claims import Claim, PaperTable
from deptool.cohort.settings import SynthSettings
from deptool.models.depressionmlp import ABLATIONS
from deptool.results import Results

MODEL = "depressionmlp"
COHORTS = {"default": SynthSettings()}
PROTOCOL = "group-kfold:5"
SEEDS = 2
SETTINGS: dict[str, object] = {}
TABLES = tuple(
    PaperTable(table.title, table.columns, table.variants, metrics=("rmse", "mae", "r2", "smape"))
    for table in ABLATIONS.only(("gmlp", "clg", "cfg", "dg", "dg-mg")).tables
)

_CLAIMS = (
    ("dg", "gmlp", "Dual Gating is better than a gMLP block", "Table III"),
    ("dg", "clg", "Dual Gating is better than the cross-location gate alone", "Table III"),
    ("dg", "cfg", "Dual Gating is better than the cross-frame gate alone", "Table III"),
    ("dg-mg", "dg", "Mutual Guidance helps", "Table IV"),
    ("dg-mg", "gmlp", "The whole is better than without either", "Tables III and IV"),
)


def claims(results: Results) -> list[Claim]:
    """Of Tables III and IV, and of the whole network against one without gating and guidance."""
    return [results.lower_error(*claim, why=_why(results, *claim[:2])) for claim in _CLAIMS]


def _why(results: Results, *variants: str) -> str:
    """Whether one seed makes it, and whether both had learnt all they could in these epochs."""
    seeds = (
        f"{name} {', '.join(f'{value:.2f}' for value in results.by_seed(name))}"
        for name in variants
    )
    return f"By seed: {'; '.join(seeds)}. {' '.join(results.training(name) for name in variants)}"
