"""Quality of a whole corpus in one page: how many, how good, what needs a look; no recording named.

From `deptool check`. A release is described by what it still holds: what was taken out is not
measured on anything. `deptool check` names the recordings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from deptool.corpus import Corpus
from deptool.limits import MEASURES, Measure, needs_look
from deptool.markdown_table import listing, table, text
from deptool.release_entry import ReleaseEntry

if TYPE_CHECKING:
    from deptool.check import CheckReport
    from deptool.quality import Quality

FEW = 5  # recordings with a value; of fewer, quantiles would tell of single ones
_QUANTILES = (10, 50, 90)
_COVERAGE = (0.0, 0.5, 0.7, 0.9, 1.0)

# What a release has taken out, so that the measure says nothing: face boxes, the picture's size,
# and how many other faces there were.
_TAKEN_OUT = ("face_px", "jitter_pct", "outside", "several_faces")


def summary(corpus: Corpus, report: CheckReport, release: ReleaseEntry | None) -> dict[str, Any]:
    """The summary as plain values."""
    recordings = corpus.recordings()
    measures = _measures(report, release)
    known = [m for m in measures if any(_value(q, m) is not None for q in report.recordings)]
    return {
        "corpus": corpus.name,
        "synthetic": corpus.synthetic,
        "counts": {
            "recordings": len(recordings),
            "sessions": recordings["session_id"].drop_nulls().n_unique(),
            "persons": recordings["subject_id"].drop_nulls().n_unique(),
            "recordings without a person": recordings["subject_id"].null_count(),
        },
        "recordings_by_split": _counts(recordings["split"].drop_nulls()),
        "scores_by_scale": _counts(corpus.labels()["scale"]),
        "recordings_by_status": _counts(recordings["status"]),
        "recordings_by_coverage": _coverage(report.recordings),
        "need_a_look": sum(needs_look(q, known) for q in report.recordings),
        "measures": [_measure(m, report.recordings) for m in known],
        "not_measured": [
            m.name for m in MEASURES if m not in known and m.name not in _names(known)
        ],
        "rounded": bool(release and release.step("rounding")),
        "problems": [
            {"where": p.where, "what": p.what, "severity": p.severity} for p in report.problems
        ],
    }


def to_markdown(found: Mapping[str, Any]) -> str:
    """The same for reading."""
    counts = list(found["counts"].items())
    for name in ("split", "status"):
        counts += [
            (f"recordings, {name} {k}", n) for k, n in found[f"recordings_by_{name}"].items()
        ]
    counts += [(f"scores on {k}", n) for k, n in found["scores_by_scale"].items()]
    counts += [(f"recordings, coverage {k}", n) for k, n in found["recordings_by_coverage"].items()]
    counts.append(("recordings that need a look", found["need_a_look"]))
    parts = [
        f"# Quality of {text(found['corpus'])}",
        *(["**Synthetic data: no person was recorded.**"] if found["synthetic"] else []),
        "What `deptool check` finds, over all recordings. No recording is named here: run"
        " `deptool check` on this folder for that.",
        "## How many",
        table(("", "n"), counts),
        "## How good",
        f"Quantiles over recordings; none where fewer than {FEW} have a value. `!` needs a look,"
        " `!!` is bad; how many are either stands under *marked*. A threshold says where to look,"
        " it is no verdict.",
        table(_HEADER, map(_line, found["measures"])),
    ]
    if found["rounded"] and any(m["name"] == "frozen_s" for m in found["measures"]):
        parts.append("Values are rounded, so a face that hardly moves can seem to stand still.")
    if found["not_measured"]:
        gone = ", ".join(found["not_measured"])
        parts.append(f"Not measured, since what it takes is not in the tables: {text(gone)}.")
    problems = [f"{p['severity']}: {p['where']}: {p['what']}" for p in found["problems"]]
    parts += ["## In the tables", listing(problems or ["no problem was found"])]
    return "\n\n".join(parts) + "\n"


_HEADER = (
    *("measure", "unit", "what it is", "n"),
    *(f"{q} %" for q in _QUANTILES),
    *("!", "!!", "marked"),
)


def _measures(report: CheckReport, release: ReleaseEntry | None) -> tuple[Measure, ...]:
    """What is measured here; of a release, on what it still holds."""
    gone = _TAKEN_OUT if release else ()
    return tuple(m for m in report.measures() if m.name not in gone)


def _names(measures: Sequence[Measure]) -> list[str]:
    return [measure.name for measure in measures]


def _measure(measure: Measure, recordings: Sequence[Quality]) -> dict[str, Any]:
    values = [v for q in recordings if (v := _value(q, measure)) is not None]
    about = {"name": measure.name, "unit": measure.unit, "meaning": measure.meaning}
    shown = np.percentile(values, _QUANTILES) if len(values) >= FEW else (None,) * len(_QUANTILES)
    quantiles = {
        f"p{q}": None if value is None else round(float(value), 4)
        for q, value in zip(_QUANTILES, shown, strict=True)
    }
    levels = Counter(measure.level(value) for value in values)
    limits = [
        None if limit is None else f"{measure.sign}{limit:g}"
        for limit in (measure.look, measure.bad)
    ]
    marks = {"look": limits[0], "bad": limits[1], "n_marked": levels[1] + levels[2]}
    return {**about, "n": len(values), **quantiles, **marks}


def _line(found: dict[str, Any]) -> tuple[object, ...]:
    quantiles = (found[f"p{q}"] for q in _QUANTILES)
    return (
        *(found[k] for k in ("name", "unit", "meaning", "n")),
        *("–" if value is None else f"{value:.3g}" for value in quantiles),
        *(found["look"] or "", found["bad"] or "", found["n_marked"]),
    )


def _value(quality: Quality, measure: Measure) -> float | None:
    value: float | None = getattr(quality, measure.name)
    return value


def _coverage(recordings: Sequence[Quality]) -> dict[str, int]:
    """How many recordings have which share of measured rows; the upper end belongs to the last."""
    counts, _ = np.histogram([q.coverage for q in recordings], _COVERAGE)
    edges = zip(_COVERAGE, _COVERAGE[1:], counts.tolist(), strict=False)
    return {f"{low:g} to {high:g}": n for low, high, n in edges}


def _counts(values: Any) -> dict[str, int]:
    """value -> how often, by name."""
    return dict(sorted(Counter(values.to_list()).items()))
