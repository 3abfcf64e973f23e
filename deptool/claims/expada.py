"""ExpADA's claims: selecting segments predicts better, and selects those that speak of severity.

Liao, Kong, Tang, He, Fu, Xie, Liu, Liu, Song, AAAI 2026, Table 2 and section "Visualization": the
ordinal loss makes the encoder better than regression alone, and the selection better than both; the
segment depression relevance scores (SDR) show which segments speak of the severity, and are alike
from one training to another.

How it is tested: a cohort in which four segments of ten carry the score at all, the others any
score; the person speaks in most of those that do and is silent in most of the others. Nobody is
in two parts. The three methods are the rows of Table 2. SDR is asked to find the planted segments,
inside each test recording (AUC, scale 1), and to be alike between seeds (cosine over all scales).
The paper compares the SDR of five trainings after the first epoch; that is done too, with one epoch
of the second step, and then with the trained networks.

What is unlike the paper: no face crops and no Video Action Transformer, but a small transformer
over behaviour vectors; segments of 5.3 s and not of about 1 s; one cohort of short recordings. What
the paper leaves open (sizes, dropout, learning rates) was chosen on the cohort of seed 7, dev and
test part alike, so another one is tested on.
"""

from __future__ import annotations

from deptool.ablations import Variant
from deptool.claims import Claim, PaperTable, Printed
from deptool.cohort.settings import SynthSettings
from deptool.planted import auc, auc_of_speech, cosine_of_seeds, mean_over_persons
from deptool.results import Results, at_least

MODEL = "expada"
COHORTS = {"segments": SynthSettings(subjects=150, informative=0.4, seed=8)}
SETTINGS: dict[str, object] = {}

_WHOLE = Variant("selection", ("Feature selection",), {"method": "selection"})
_TABLE_2 = (
    Variant("base", ("Base regression",), {"method": "base"}),
    Variant("ordinal", ("Ordinal regression",), {"method": "ordinal"}),
    _WHOLE,
)
_EARLY = Variant("first-epoch", ("first epoch",), {"method": "selection", "epochs": 1})
_PRINTED = {
    "AVEC 2013": (("9.15", "7.52"), ("8.38", "6.76"), ("7.48", "5.77")),
    "AVEC 2014 Freeform": (("9.26", "7.40"), ("8.10", "6.51"), ("7.64", "5.83")),
    "AVEC 2014 Northwind": (("9.22", "7.71"), ("7.53", "5.93"), ("7.02", "5.20")),
}
TABLES = (
    PaperTable(
        "Table 2: training methods",
        ("method",),
        (_TABLE_2,),
        printed=tuple(
            Printed(variant.name, corpus, {"rmse": rmse, "mae": mae})
            for corpus, rows in _PRINTED.items()
            for variant, (rmse, mae) in zip(_TABLE_2, rows, strict=True)
        ),
    ),
    PaperTable("How long the second step was trained", ("trained for",), ((_EARLY, _WHOLE),)),
)


def claims(results: Results) -> list[Claim]:
    """Of Table 2, then what SDR finds, then how alike it is."""
    return [
        results.lower_error(
            "ordinal", "base", "The ordinal loss is better than MSE alone", "Table 2"
        ),
        results.lower_error(
            "selection", "ordinal", "The selection is better than all segments", "Table 2"
        ),
        results.lower_error("selection", "base", "The whole is better than neither", "Table 2"),
        _finds(results),
        _alike(results, "first-epoch", "after the first epoch, as the paper measures it"),
        _alike(results, "selection", "after all epochs"),
    ]


def _finds(results: Results) -> Claim:
    """Whether SDR is higher in the planted segments than in the others of a recording."""
    segments = results.truth("segments")
    early, late = (
        results.tracks(variant, "relevance", "scale 1") for variant in ("first-epoch", "selection")
    )
    before, speech = (
        mean_over_persons(values).value
        for values in (auc(early, segments), auc_of_speech(late, segments))
    )
    return at_least(
        mean_over_persons(auc(late, segments)),
        0.8,
        "SDR finds the segments that speak of the severity",
        "Figure 3",
        "AUC",
        why=f"Who knew in which the person speaks would have {speech:.2f}; after one epoch it is"
        f" {before:.2f}",
    )


def _alike(results: Results, variant: str, when: str) -> Claim:
    """Whether the SDR of a recording is the same for all seeds."""
    tracks = results.tracks(variant, "relevance")
    centred = mean_over_persons(cosine_of_seeds(tracks, centred=True)).value
    return at_least(
        mean_over_persons(cosine_of_seeds(tracks)),
        0.9,
        f"SDR is stable over trainings, {when}",
        "Visualization",
        "cosine",
        why=f"Numbers above zero that hardly differ are alike whatever they say; less their mean,"
        f" the cosine is {centred:.2f}",
    )
