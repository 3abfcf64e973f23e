"""What a reproduction shows: the paper's tables, the claims and their verdicts, how it was made.

The paper's own numbers are of real corpora and stand in columns of their own that say so.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deptool.bootstrap import LEVEL, METHOD, RESAMPLES, Estimate, estimates
from deptool.cohort.settings import SynthSettings
from deptool.report_cells import NOTHING, brackets, estimate
from deptool.report_entries import as_object
from deptool.report_formats import markdown
from deptool.report_table import NOTES, Line, Sheet
from deptool.results import CONSTANT, NAMES, ORACLE
from deptool.tables import write_json, write_text

if TYPE_CHECKING:
    from deptool.claims import PaperTable, Printed
    from deptool.reproduce import Plan, Reproduction

REPORT, RECORD = "report.md", "report.json"
SYNTHETIC = (
    "Synthetic: a program made the faces, the scores and what joins them. A claim that holds here"
    " holds where what it is about was planted; nothing here says anything of patients."
)
RULE = (
    "A difference holds where its whole 95 % interval over persons is on the claim's side of zero,"
    " does not hold where all of it is on the other side, and is open where zero is in it. A"
    " threshold is met by the value itself."
)
_BOUNDS = {
    CONSTANT: "train mean (constant)",
    ORACLE: "oracle (sees the planted cues)",
}
_FOLDS = "•"


def sheets(done: Reproduction) -> list[Sheet]:
    """The tables in the paper's layout, then the claims."""
    return [*(_table(done, table) for table in done.plan.tables), claims_sheet(done)]


def claims_sheet(done: Reproduction) -> Sheet:
    """Each claim with where the paper has it, what was found, and the verdict."""
    lines = [
        Line([c.text, c.source, f"{c.found}. {c.why}".strip() if c.why else c.found, c.verdict])
        for c in done.claims
    ]
    title = f"Claims of {done.plan.module.MODEL}, tested on synthetic cohorts"
    return Sheet(
        RULE, ["claim", "paper", "found", "verdict"], 4, [lines], (), [SYNTHETIC], title=title
    )


def report(done: Reproduction) -> str:
    """All of it as Markdown: what is tested and how, the claims, the tables, how it was made."""
    head, _, body = inspect.getdoc(done.plan.module).partition("\n")  # type: ignore[union-attr]
    *tables, claims = sheets(done)
    parts = [
        f"# {head.rstrip('.')} (synthetic)\n",
        f"{body.strip()}\n",
        *(f"{line}\n" for line in cohorts(done.plan)),
        markdown([claims, *tables]),
        *(f"{text}\n" for text in getattr(done.plan.module, "NOTES", ())),
        f"{made(done)}\n",
    ]
    return "\n".join(part for part in parts if part.strip())


def write_report(done: Reproduction) -> Path:
    """Write report.md and report.json; the path of the first."""
    write_text(done.plan.root / REPORT, report(done))
    write_json(done.plan.root / RECORD, as_objects(done))
    return done.plan.root / REPORT


def cohorts(plan: Plan) -> list[str]:
    """A sentence for each cohort: its name, its size, the command that makes it."""
    return [f"Cohort `{name}`: `{_command(name, s)}`." for name, s in plan.cohorts.items()]


def made(done: Reproduction) -> str:
    """When, on what, how long: of everything that was made, in all calls together."""
    about = done.made
    if not about:
        return "How long it took was not recorded."
    minutes = float(str(about["seconds"])) / 60
    at_once = "one run at a time" if about["jobs"] == 1 else f"{about['jobs']} runs at a time"
    return (
        f"Made on {about['date']} on {about['cores']} cores ({about['machine']}), {at_once}, with"
        f" torch {about['torch']}, Python {about['python']}, deptool {about['deptool']}, in"
        f" {minutes:.1f} minutes, whatever else the machine did meanwhile."
    )


def _command(name: str, settings: SynthSettings) -> str:
    usual = SynthSettings()
    words = ["deptool synth", name]
    for field in fields(settings):
        value = getattr(settings, field.name)
        if value != getattr(usual, field.name):
            shown = str(value).lower() if isinstance(value, bool) else f"{value:g}"
            words.append(f"--set {field.name}={shown}")
    return " ".join(words)


def _table(done: Reproduction, table: PaperTable) -> Sheet:
    names = table.cohorts or tuple(done.plan.cohorts)
    corpora = list(dict.fromkeys(p.corpus for p in table.printed))
    printed = {(p.variant, p.corpus): p for p in table.printed}
    shown: list[Estimate] = []

    def line(variant: str, words: Sequence[str], dim: bool = False) -> Line:
        cells = list(words)
        for name in names:
            found = estimates(done.results.predictions(variant, name), table.metrics)
            cells += [estimate(metric, found[metric]) for metric in table.metrics]
            shown.extend(found.values())
        cells += [_printed(printed.get((variant, corpus)), table) for corpus in corpora]
        marks = [_FOLDS] if variant == CONSTANT and _repeats(done, names) else []
        return Line(cells, marks, dim)

    blank = [""] * (len(table.columns) - 1)
    constant, oracle = (line(b, [words, *blank], dim=True) for b, words in _BOUNDS.items())
    groups = [[line(v.name, v.words) for v in group] for group in table.variants]
    metrics = [NAMES[metric] for metric in table.metrics]
    header = [*table.columns]
    header += [m if len(names) == 1 else f"{m} ({name})" for name in names for m in metrics]
    header += [f"paper ({corpus}): {' / '.join(metrics)}" for corpus in corpora]
    lines = [[constant], *groups, [oracle]]
    footnotes = [(_FOLDS, NOTES["folds"])] if constant.marks else []
    text = f"{_caption(done, names)} {brackets(e.interval for e in shown)}"
    if corpora:
        text += " Columns that say paper: as printed there, on real corpora, not comparable."
    plan = done.plan
    title = f"{table.title} (synthetic: {', '.join(names)}; {plan.protocol}, test)"
    n_text = len(table.columns)
    return Sheet(f"{text} {settings_note(plan)}", header, n_text, lines, footnotes, (), title)


def _printed(found: Printed | None, table: PaperTable) -> str:
    if found is None:
        return NOTHING
    return " / ".join(found.values.get(metric, NOTHING) for metric in table.metrics)


def _repeats(done: Reproduction, names: Sequence[str]) -> bool:
    """Whether the constant is another one in each fold."""
    return any(done.results.predictions(CONSTANT, n)["fold"].n_unique() > 1 for n in names)


def _caption(done: Reproduction, names: Sequence[str]) -> str:
    parts = []
    for name in names:
        rows = done.results.predictions(CONSTANT, name)
        n, persons = rows["recording_id"].n_unique(), rows["subject_id"].n_unique()
        parts.append(f"{name}: {n} test recordings of {persons} persons")
    seeds = len(done.plan.seeds)
    mean = f"mean over {seeds} seeds" if seeds > 1 else "one seed"
    return (
        f"{'; '.join(parts)}. Computed once over recordings, {mean}; errors in points of the"
        " BDI-II. Nobody is in two parts."
    )


def settings_note(plan: Plan) -> str:
    """The settings that are not the model's defaults, with these in brackets."""
    usual = asdict(plan.model.Settings())
    differ = [
        f"{key} {_word(value)} ({_word(usual[key])})"
        for key, value in plan.shared.items()
        if value != usual[key]
    ]
    if not differ:
        return "All settings are the model's defaults, but for what the variants differ in."
    return f"Settings in the place of the model's defaults (in brackets): {', '.join(differ)}."


def _word(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def as_objects(done: Reproduction) -> dict[str, Any]:
    """Everything for JSON, with every digit."""
    plan = done.plan
    variants = {v.name: v for table in plan.tables for group in table.variants for v in group}
    return {
        "synthetic": True,
        "note": SYNTHETIC,
        "model": plan.module.MODEL,
        "protocol": plan.protocol,
        "split": "test",
        "seeds": list(plan.seeds),
        "cohorts": {name: asdict(settings) for name, settings in plan.cohorts.items()},
        "settings": dict(plan.shared),
        "variants": {name: dict(variant.settings) for name, variant in variants.items()},
        "intervals": {"level": LEVEL, "resamples": RESAMPLES, "method": METHOD},
        "tables": [_table_object(done, table) for table in plan.tables],
        "rule": RULE,
        "claims": [asdict(claim) for claim in done.claims],
        "made": dict(done.made),
    }


def _table_object(done: Reproduction, table: PaperTable) -> dict[str, Any]:
    names = table.cohorts or tuple(done.plan.cohorts)
    variants = [v for group in table.variants for v in group]
    rows = [
        (CONSTANT, {}),
        *((v.name, dict(zip(table.columns, v.words, strict=True))) for v in variants),
    ]
    return {
        "title": table.title,
        "rows": [
            {"variant": variant, "words": words, "cohorts": _numbers(done, variant, names, table)}
            for variant, words in (*rows, (ORACLE, {}))
        ],
        "printed_of_real_corpora": [asdict(p) for p in table.printed],
    }


def _numbers(
    done: Reproduction, variant: str, names: Sequence[str], table: PaperTable
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in names:
        rows = done.results.predictions(variant, name)
        each = estimates(rows, table.metrics)
        numbers = {metric: as_object(e) for metric, e in each.items()}
        found[name] = {"n": rows["recording_id"].n_unique(), **numbers}
    return found
