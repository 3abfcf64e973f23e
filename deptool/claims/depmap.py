"""Dep-MAP's claims: each module helps, all scales are better than one, key frames are where it shows.

Wang, Ye, Wang, AAAI 2026. From the poster: its Table 3 adds modules line by line (the score of the
visual branch alone, MSR, the emotional branch with ESA, prototypes with distillation, MAP), its Table
2 takes scales away. The abstract says that key frames are found and that prototypes describe severity
discriminatively. Table 3's header and its row 5, which has the checks of row 6, are printed amiss; the
last ResNet-18 row is taken as the whole, and Table 2's rows as the scales 4, 3 to 4, 2 to 4 and all.

How it is tested: a cohort in which severity shows in three segments of ten, and in these the person
speaks; every recording is another person's. The modules' lines are compared each with the one before;
single scales with all of them. Key frames: the AUC of time weights for the planted segments, inside
each recording. Prototypes: purity is the share of test recordings' key frames whose severity class is
the most frequent one of their group, grouped by the nearest severity prototype, against as many groups
by k-means on the same features of training recordings; a frame's feature is the mean of its channels'
tokens.

What is unlike the paper: tables, not pixels; one short recording of each of 200 persons; a network
of a hundredth of the weights, and a prototype memory that moves faster.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from deptool.ablations import Variant
from deptool.claims import Claim, PaperTable, Printed
from deptool.cohort.settings import SynthSettings
from deptool.planted import auc, mean_over_persons, paired_over_persons, purity, values_of
from deptool.results import Results, at_least, lower

if TYPE_CHECKING:
    import polars as pl

    from deptool.seen import Seen

MODEL = "depmap"
COHORTS = {
    "key segments": SynthSettings(
        subjects=200,
        sessions=1,
        seconds=60,
        informative=0.3,
        signal=0.9,
        identity=0.0,
        marker=1.0,
    )
}
SEEDS = 2
SETTINGS: dict[str, object] = {
    **{"fps": 3.0, "frames": 180, "width": 8, "channels": 8, "dimension": 8, "prototypes": 4},
    **{"momentum": 0.9, "temperature": 2.0, "learning_rate": 0.01},
    **{"gate_epochs": 15, "epochs": 10, "patience": 10},
}

_BARE = {"msr": False, "esa": False, "sdpm": False, "kdm": False, "map": False}
_LINES: tuple[tuple[str, str, dict[str, object]], ...] = (
    ("visual", "✓ - - - - - -", {**_BARE, "branches": "visual"}),
    ("msr", "✓ - ✓ - - - -", {**_BARE, "branches": "visual", "msr": True}),
    ("esa", "✓ ✓ ✓ ✓ - - -", {"sdpm": False, "kdm": False, "map": False}),
    ("sdpm", "✓ ✓ ✓ ✓ ✓ ✓ -", {"map": False}),
    ("whole", "✓ ✓ ✓ ✓ ✓ ✓ ✓", {}),
)
_SCALES = ("1", "2", "3", "4", "34", "234")
_NORTHWIND = {
    "visual": ("10.32", "7.77", "0.60", "0.50"),
    "msr": ("8.01", "5.91", "0.90", "0.70"),
    "esa": ("7.79", "5.82", "0.89", "0.72"),
    "sdpm": ("7.54", "6.07", "0.76", "0.75"),
    "whole": ("6.25", "5.25", "0.95", "0.79"),
}
_TABLE_2 = {
    "s1": ("8.11", "6.25", "0.84", "0.60"),
    "s2": ("6.55", "5.22", "0.92", "0.74"),
    "s3": ("7.13", "5.51", "0.90", "0.68"),
    "s4": ("6.10", "4.71", "0.91", "0.81"),
    "s34": ("6.16", "4.39", "0.85", "0.84"),
    "s234": ("6.75", "5.44", "0.90", "0.73"),
    "whole": ("5.68", "4.43", "0.92", "0.83"),
}
_METRICS = ("rmse", "mae", "pcc", "ccc")


def _printed(corpus: str, rows: dict[str, tuple[str, ...]]) -> tuple[Printed, ...]:
    return tuple(
        Printed(name, corpus, dict(zip(_METRICS, values, strict=True)))
        for name, values in rows.items()
    )


_WHOLE = Variant("whole", ("✓ ✓ ✓ ✓",), {})
TABLES = (
    PaperTable(
        "Table 3: modules",
        ("visual, emotional, MSR, ESA, SDPM, KDM, MAP",),
        (tuple(Variant(name, (checks,), settings) for name, checks, settings in _LINES),),
        metrics=_METRICS,
        printed=_printed("AVEC 2014 Northwind", _NORTHWIND),
    ),
    PaperTable(
        "Table 2: scales",
        ("S1, S2, S3, S4",),
        (
            (
                *(
                    Variant(
                        f"s{s}", (" ".join("✓" if k in s else "-" for k in "1234"),), {"scales": s}
                    )
                    for s in _SCALES
                ),
                _WHOLE,
            ),
        ),
        metrics=_METRICS,
        printed=_printed("AVEC 2014", _TABLE_2),
    ),
)

_STEPS = (
    ("msr", "visual", "MSR helps"),
    ("esa", "msr", "The emotional branch with ESA helps"),
    ("sdpm", "esa", "Prototypes and their distillation help"),
    ("whole", "sdpm", "MAP helps"),
    ("whole", "visual", "All modules together help"),
)


def claims(results: Results) -> list[Claim]:
    """Of Tables 3 and 2, of key frames, and of prototypes."""
    made = [results.lower_error(one, other, text, "Table 3") for one, other, text in _STEPS]
    made += [
        results.lower_error("whole", f"s{s}", f"All scales are better than S{s} alone", "Table 2")
        for s in "1234"
    ]
    weights = results.tracks("whole", "relevance", "time weight")
    found = mean_over_persons(auc(weights, results.truth("segments")))
    made.append(
        at_least(
            *(found, 0.7, "Key frames lie in the segments that show severity", "abstract", "AUC")
        )
    )
    ours, theirs = _purities(results)
    made.append(
        lower(
            paired_over_persons(theirs, ours),
            "Prototypes are purer in severity than k-means of the same features",
            "abstract",
            "purity of k-means less that of prototypes",
        )
    )
    return made


def _purities(results: Results) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Values of each test recording, by prototypes and by k-means: the share of pure key frames."""
    from sklearn.cluster import KMeans

    learnt, tested = (_by_seed(results.clips("whole", split=split)) for split in ("train", "test"))
    ours, theirs = [], []
    for seed, rows in tested.items():
        features = np.concatenate([f for _, f, _, _ in learnt[seed]])
        groups = int(max(group.max() for *_, group, _ in learnt[seed] + rows)) + 1
        means = KMeans(groups, n_init=3, random_state=seed).fit(features)
        names = np.concatenate([np.full(len(f), name) for name, f, _, _ in rows])
        severity = np.concatenate([np.full(len(f), s) for _, f, _, s in rows])
        group = np.concatenate([g for _, _, g, _ in rows])
        nearest = means.predict(np.concatenate([f for _, f, _, _ in rows])).astype(np.int64)
        for made, which in ((ours, group), (theirs, nearest)):
            pure = purity(which, severity)
            made += [(seed, name, float(pure[names == name].mean())) for name in np.unique(names)]
    recordings = results.corpus().recordings()
    return values_of(recordings, ours), values_of(recordings, theirs)


Row = tuple[str, Any, Any, int]  # recording, features, nearest severity prototypes, class


def _by_seed(clips: Iterator[Seen]) -> dict[int, list[Row]]:
    """The key frames of clips (frame, number), by seed."""
    found: dict[int, list[Row]] = {}
    for seen in clips:
        network: Any = seen.network
        cuts = seen.settings.cuts
        looked = network.look(seen.values, seen.valid)
        key = network.key(looked)
        tokens = key.tokens[0][key.frames[0]]
        cosine = network.prototypes(tokens).mean(1)[:, : len(cuts) + 1]
        severity = sum(float(seen.recording["score"]) > cut for cut in cuts)
        row = (
            str(seen.recording["recording_id"]),
            tokens.mean(1).numpy(),
            cosine.flatten(1).argmax(1).numpy(),
            severity,
        )
        found.setdefault(seen.seed, []).append(row)
    return found
