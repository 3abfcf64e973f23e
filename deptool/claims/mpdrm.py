"""MPDRM's claims: with the person's own taken out, the score is predicted better.

Liu et al., Neurocomputing 632, 2025, 129669. Only the abstract is public, and it has no numbers:
"suppressing personalized information of facial movements can effectively improve the accuracy of
depression recognition"; the personal features are "stable", and learnt by contrast.

How it is tested: a cohort with strong habits (of what severity leaves of a cue's variance, nine
tenths are the person's), persons with four sessions each, whose scores differ by 8 points on
average. The split keeps persons apart. One network is trained without the personal branch; with it,
where personal features only help to weigh steps and nothing is taken out; and with two ways to take
the person out. Then the two vectors of a recording, means over its clips, are asked who it is: is
the nearest recording (cosine) among those of other sessions of test persons one of the same person?

What is unlike the paper: the data, the task (a score in the place of a class), and every equation;
decorrelation is ours. See models/mpdrm.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from deptool.ablations import Variant
from deptool.bootstrap import Estimate
from deptool.claims import Claim, PaperTable
from deptool.cohort.settings import SynthSettings
from deptool.moments import Array
from deptool.planted import (
    mean_over_persons,
    paired_over_persons,
    rank_1,
    rank_1_by_chance,
    values_of,
)
from deptool.results import Results, lower

if TYPE_CHECKING:
    import polars as pl

MODEL = "mpdrm"
COHORTS = {
    "habits": SynthSettings(
        seed=8,
        sessions=4,
        seconds=45.0,
        signal=0.4,
        identity=0.9,
        informative=1.0,
        change=8.0,
    )
}
SETTINGS: dict[str, object] = {
    "channels": 32,
    "seconds": 15.0,
    "contrast_epochs": 12,
    "epochs": 20,
    "patience": 20,
    "learning_rate": 0.002,
}
_NONE, _WEIGHED, _PROJECTION, _DECORRELATION = "none", "weighed", "projection", "decorrelation"
TABLES = (
    PaperTable(
        "Personal features taken out, and not",
        ("personal features",),
        (
            (
                Variant(_NONE, ("not there",), {"personal": "none"}),
                Variant(_WEIGHED, ("weigh steps",), {"personal": "penalty", "penalty": 0.0}),
                Variant(_PROJECTION, ("and are projected out",), {"personal": "projection"}),
                Variant(
                    _DECORRELATION,
                    ("and are decorrelated",),
                    {"personal": "decorrelation", "penalty": 50.0},
                ),
            ),
        ),
        metrics=("rmse", "mae", "ccc"),
    ),
)
_ABSTRACT = "abstract"
_ADDS = (
    "What is subtracted from f is a multiple of p: unless f was at a right angle to p before, the"
    " rest has p in it, and tells who it is."
)
NOTES = (
    "A network sees one recording at a time, of a person whom it never saw. Habits are planted in"
    " the cues of severity, in each by itself, so one recording does not tell the two apart. What"
    " the oracle that knows the habits has more would have to come from other sessions.",
)


def claims(results: Results) -> list[Claim]:
    """The score with and without the personal branch; who it is, told from both vectors."""
    told = {v: _rank_1(results, v) for v in (_NONE, _PROJECTION, _DECORRELATION)}
    personal, _, chance = told[_PROJECTION]

    def less(
        one: pl.DataFrame, other: pl.DataFrame, text: str, words: tuple[str, str], why: str = ""
    ) -> Claim:
        a, b = (_share(mean_over_persons(values)) for values in (one, other))
        said = f"rank-1 {a} {words[0]} less {b} {words[1]}"
        return lower(paired_over_persons(one, other), text, _ABSTRACT, said, why)

    errors = (
        (_PROJECTION, _NONE, "Better than without the personal branch"),
        (_DECORRELATION, _NONE, "Better than without the personal branch"),
        (_WEIGHED, _NONE, "Better than without the personal branch, with nothing taken out"),
        (_PROJECTION, _WEIGHED, "Taking the person out is what makes it better"),
        (_DECORRELATION, _WEIGHED, "Taking the person out is what makes it better"),
    )
    return [
        *(
            results.lower_error(one, other, f"{text} ({one})", _ABSTRACT)
            for one, other, text in errors
        ),
        less(
            chance,
            personal,
            "Personal features tell who it is, across sessions",
            ("by chance", "of personal features"),
        ),
        *(
            less(
                told[v][1],
                told[v][0],
                f"Depression features tell it less ({v})",
                ("of depression features", "of personal features"),
            )
            for v in (_PROJECTION, _DECORRELATION)
        ),
        *(
            less(
                told[v][1],
                told[_NONE][1],
                f"Depression features tell it less than without the personal branch ({v})",
                ("of depression features", "without"),
                _ADDS if v == _PROJECTION else "",
            )
            for v in (_PROJECTION, _DECORRELATION)
        ),
    ]


def _share(found: Estimate) -> str:
    return "none" if found.value is None else f"{found.value:.2f}"


def _rank_1(results: Results, variant: str) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """values of each test recording: rank-1 by personal features, by depression features, chance.

    Personal features are not there, and have no values, in a network without the branch.
    """
    recordings = results.predictions(variant).unique("recording_id").sort("recording_id")
    found: dict[str, list[tuple[int, str, float]]] = {
        "personal": [],
        "depression": [],
        "chance": [],
    }
    for seed, names, vectors in _vectors(results, variant, recordings["recording_id"].to_list()):
        about = recordings.filter(recordings["recording_id"].is_in(names))
        who = about["subject_id"], about["session_id"]
        hits = {name: rank_1(each, *who) for name, each in vectors.items()}
        hits["chance"] = rank_1_by_chance(*who)
        for name, values in hits.items():
            found[name] += [(seed, r, float(v)) for r, v in zip(names, values, strict=True)]
    personal, depression, chance = (values_of(recordings, rows) for rows in found.values())
    return personal, depression, chance


def _vectors(
    results: Results, variant: str, wanted: Sequence[str]
) -> Iterator[tuple[int, list[str], dict[str, Array]]]:
    """Each seed, the recordings (sorted), and their vectors (recording, channel) by name."""
    import polars as pl
    import torch

    from deptool.models import mpdrm
    from deptool.prepare import Plan
    from deptool.runs import read_model
    from deptool.sequenced import sequenced
    from deptool.settings import resolve

    header, members = read_model(results.run(variant).root)
    settings = resolve(mpdrm.Settings, header["settings"])
    plan = Plan(mpdrm, settings, header["columns"], torch.device("cpu"), header["streams"])
    corpus = results.corpus()
    table = corpus.recordings().filter(pl.col("recording_id").is_in(list(wanted)))
    data = sequenced(corpus, table.sort("recording_id"), plan, lambda _done, _of: None)
    for member, parameters in zip(header["members"], members, strict=True):
        network = data.network(parameters)
        assert isinstance(network, mpdrm.MPDRM)
        found: dict[str, list[Array]] = {}
        for row in range(len(data.recordings)):
            series = data.series(row)
            batch = data.batch([data.cut(series, *span) for span in data.spans(series.seconds)])
            with torch.no_grad():
                p = network.personal(batch.values, batch.valid)
                each = {"depression": network.depression(batch.values, batch.valid)}
                each |= {} if p is None else {"personal": p}
            for name, vector in each.items():
                found.setdefault(name, []).append(vector.mean(0).double().numpy())
        names = data.recordings["recording_id"].to_list()
        yield member["seed"], names, {name: np.stack(rows) for name, rows in found.items()}
