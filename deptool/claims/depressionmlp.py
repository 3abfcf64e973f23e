"""DepressionMLP's claims: Dual Gating and Mutual Guidance each help.

Niu, Li, Tao, Zhou, Schuller, IEEE TCSVT 2024, section IV.C, Tables III and IV: Dual Gating predicts
better than a gMLP block and than either of its two gates alone; guidance in either direction helps,
and in both directions most. The tables' numbers are not part of the text this was written from, so
none stands beside ours.

How it is tested: the default cohort of `deptool synth`, every person tested once by a network that
never saw the person, seven of the sixteen variants that `deptool ablate depressionmlp` has: those
with both inputs, without cross-attention. The settings are the paper's.

What is unlike the paper: one cohort of 120 recordings of 90 s, where the paper has two corpora with
longer ones; and what severity does here is planted in means over a recording, so that nothing says
that one structure of a network must find it better than another.
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

_CHOSEN = ("gmlp", "clg", "cfg", "dg", "dg-p2u", "dg-u2p", "dg-mg")
TABLES = tuple(
    PaperTable(table.title, table.columns, table.variants, metrics=("rmse", "mae", "r2", "smape"))
    for table in ABLATIONS.only(_CHOSEN).tables
)


def claims(results: Results) -> list[Claim]:
    """Of Tables III and IV, and of the whole network against one without either idea."""
    gating = [
        results.lower_error("dg", other, f"Dual Gating is better than {words}", "Table III")
        for other, words in (
            ("gmlp", "a gMLP block"),
            ("clg", "the cross-location gate alone"),
            ("cfg", "the cross-frame gate alone"),
        )
    ]
    guidance = [
        results.lower_error(one, other, text, "Table IV")
        for one, other, text in (
            ("dg-p2u", "dg", "The landmarks' guidance of the action units helps"),
            ("dg-u2p", "dg", "The action units' guidance of the landmarks helps"),
            ("dg-mg", "dg", "Mutual Guidance helps"),
        )
    ]
    whole = results.lower_error(
        *("dg-mg", "gmlp", "The whole is better than a network without gating and guidance"),
        "Tables III and IV",
    )
    return [*gating, *guidance, whole]
