"""A model card: what a run is, on what it was trained, what it scores, what it is not for.

Mitchell et al., "Model Cards for Model Reporting", FAT* 2019: model details, intended use, data,
metrics with their uncertainty, ethical considerations, caveats. Markdown, from the run folder
alone; the same run gives the same card.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deptool.errors import InputError
from deptool.html_about import SYNTHETIC, leakage
from deptool.licences import find_extractor, of_features
from deptool.report import report_runs
from deptool.report_formats import markdown_text, to_markdown
from deptool.run_about import require_about
from deptool.runs import MARKER, Run, open_run
from deptool.scales import SCALES
from deptool.schema import SPLITS
from deptool.tables import write_text

if TYPE_CHECKING:
    from deptool.report_table import Report

FILE = "card.md"

_USE = """## Intended use

Research on methods: comparing models on the same data, reproducing a result, studying what faces
carry. Its scores are research results about recordings.

**Not for** diagnosis, screening, triage or any decision about a person; not for people, languages,
cameras, tasks or feature sets other than those it was trained on; not for watching people who did
not agree to it."""

_LIMITS = """## Limits

- Sets in this field are small, and what one says of another is mostly not known. The intervals
  above cover the chance of who was in the test part, not another place, camera or questionnaire.
- The score is a questionnaire's, filled in by the person: it is not a diagnosis.
- A model can follow who a person is, how old they are or how they were filmed:
  `deptool audit-split` says what identity alone scores on this split.
- Severity bands and protocol parts of fewer than 5 persons have no numbers, since these would tell
  of single persons; the counts still say that there are some.
- The parameters were learnt from personal data and may give some of it away: share them only as
  the consent of the people in the corpus allows."""


def write_card(root: Path) -> Path:
    """Write RUN/card.md. Raises InputError where the run is not finished."""
    path = root / FILE
    write_text(path, card(root))
    return path


def card(root: Path) -> str:
    """The card of a finished run, as Markdown. Raises InputError where it is not finished."""
    run = open_run(root)
    if not run.done:
        raise InputError(
            "the run is not finished", where=str(root), fix="Run its train command again."
        )
    require_about(run.about, str(root / MARKER))
    parts = [_head(run), _model(run), _data(run), _results(run), _USE, _LIMITS, _licences(run)]
    return "\n\n".join(parts) + "\n"


def _head(run: Run) -> str:
    about = run.about
    title = f"# Model card: {_text(about['model'])} on {_text(about['corpus'])}"
    said = ["Research software, not a diagnostic device."]
    if about.get("synthetic"):
        said.append(SYNTHETIC)
    return "\n\n".join([title, *(f"**{line}**" for line in said)])


def _model(run: Run) -> str:
    about = run.about
    seeds, folds = len(about["seeds"]), len(about["folds"])
    members = f"{len(about['members'])} (seeds {seeds}, folds {folds})"
    doi = about["doi"]
    rows = [
        ("Method", _text(about["title"]) + (f", doi:{_text(doi)}" if doi else "")),
        ("Predicts", f"total score on {about['scale']} ({_range(about['scale'])})"),
        ("Members", members),
        ("Takes", _takes(about)),
        ("Feature set", _text(about["feature_set"])),
        ("Landmarks", _text(about["normalisation"])),
        ("Versions", _text(f"deptool {about['deptool_version']}, torch {about['torch_version']}")),
        ("Run", f"`{_text(about['digest'][:16])}`"),
    ]
    settings = ", ".join(f"{name} {value}" for name, value in about["settings"].items())
    rows.append(("Settings", _text(settings or "none")))
    return "## Model\n\n" + _table(("", ""), rows)


def _data(run: Run) -> str:
    about = run.about
    counts = [
        (str(i), split, str(part["recordings"]), _count(part["subjects"]))
        for i, fold in enumerate(about["folds"])
        for split in SPLITS
        for part in [fold[split]]
    ]
    lines = [
        "## Data and split",
        f"Corpus {_text(about['corpus'])}, protocol {_text(about['protocol'])}. {leakage(about)}",
        _table(("fold", "part", "recordings", "persons"), counts),
    ]
    if about["skipped"]:
        lines.append(f"{len(about['skipped'])} recordings could not be used; run.json names them.")
    if about["columns_null"]:
        null = _text(", ".join(about["columns_null"]))
        lines.append(f"Null in the whole corpus, left out: {null}.")
    lines += [_text(note) for note in about.get("corpus_notes", [])]
    return "\n\n".join(lines)


def _results(run: Run) -> str:
    """Every table of a report on the test part, else on dev."""
    split = "test" if any(fold["test"]["recordings"] for fold in run.about["folds"]) else "dev"
    report: Report = dataclasses.replace(report_runs(run.root, split), full=True)
    said = "On the test part." if split == "test" else "On dev: there is no test part."
    # Tables of a report have headings of their own; here they stand one level lower.
    text = to_markdown(report).strip().replace("\n## ", "\n### ")
    return f"## Results\n\n{said} How each number comes about: docs/statistics.md.\n\n{text}"


def _licences(run: Run) -> str:
    about = run.about
    features = of_features(find_extractor(str(about["feature_set"])))
    lines = [
        "## Licences",
        "- These parameters: the terms of the corpus they were learnt from apply.",
        f"- Features ({_text(about['feature_set'])}): {_text(features)}.",
        "- deptool: Apache-2.0.",
    ]
    return "\n".join([lines[0], "", *lines[1:]])


def _takes(about: Mapping[str, Any]) -> str:
    """Groups of columns and how many; of streams, what made them and how fast they go."""
    said = [f"{group.replace('_', ' ')} ({len(c)})" for group, c in about["columns"].items()]
    for name, stream in about.get("streams", {}).items():
        marked = ", identifies people" if stream["encoding"]["identifies_people"] else ""
        size = f"{stream['dimension']} numbers, {stream['rate']:.3g} a second"
        said.append(f"{_text(name)}: {_text(stream['source'])} ({size}{marked})")
    return "; ".join(said) or "nothing but who is in a recording"


def _range(scale: str) -> str:
    return f"{SCALES[scale].low} to {SCALES[scale].high}; {', '.join(SCALES[scale].labels())}"


def _count(n: int | None) -> str:
    return "not known" if n is None else str(n)


def _text(value: object) -> str:
    return markdown_text(str(value))


def _table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(header), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
