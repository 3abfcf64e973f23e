"""How a report is written: Markdown, LaTeX, CSV and JSON.

CSV and JSON carry every digit and both ends of every interval; Markdown, LaTeX and the terminal
show two digits.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Sequence

import deptool
from deptool.bootstrap import LEVEL, METHOD, RESAMPLES
from deptool.plain_text import plain, steady
from deptool.report_entries import ends
from deptool.report_latex import latex
from deptool.report_published import as_objects, as_records
from deptool.report_sheets import further_objects, sheets
from deptool.report_table import METRICS, Report, Row, Sheet, caption
from deptool.shared_persons import Shared

__all__ = ["WRITERS", "sheets", "to_csv", "to_json", "to_latex", "to_markdown"]


def to_markdown(report: Report) -> str:
    """A pipe table per sheet, warnings and the caption above and the footnotes below it."""
    return markdown(sheets(report, report.full))


def markdown(found: Sequence[Sheet]) -> str:
    """Sheets as pipe tables, one below the other."""
    return "\n".join(map(_markdown_sheet, found))


def _markdown_sheet(table: Sheet) -> str:
    lines = [f"## {markdown_text(table.title)}", ""] if table.title else []
    lines += [line for text in table.warnings for line in (f"**{markdown_text(text)}**", "")]
    lines += [markdown_text(table.caption), "", _pipes(table.header)]
    lines.append(_pipes(["---"] * table.n_text + ["---:"] * (len(table.header) - table.n_text)))
    for line in table.lines:
        first, *others = (markdown_text(cell) for cell in line.cells)
        lines.append(_pipes([first + "".join(map(markdown_text, line.marks)), *others]))
    for mark, text in table.footnotes:
        lines += ["", f"{markdown_text(mark)} {markdown_text(text)}"]
    return "\n".join(lines) + "\n"


def _pipes(row: Sequence[str]) -> str:
    return "| " + " | ".join(row) + " |"


def markdown_text(text: str) -> str:
    """Text as Markdown shows it, whatever signs are in it, in one line."""
    line = plain(re.sub(r"\s*[\r\n\u2028\u2029]\s*", " ", text))
    return re.sub(r"([\\|*_<>`\[\]])", r"\\\1", line)


def to_latex(report: Report) -> str:
    """Tables with booktabs rules, one per sheet, groups parted by a rule."""
    return latex(sheets(report, report.full))


def to_csv(report: Report) -> str:
    """One line per row, full precision; SD is empty where there is one seed, ends where there is
    no interval.

    Published rows come last, with columns of their own for year, modality and source.
    """
    names = [f"{metric}{part}" for metric in METRICS for part in ("", "_sd", "_low", "_high")]
    more = ["year", "modality", "source"] if report.published else []
    out = io.StringIO()
    header = [*_FIELDS, *names, "notes", *more]
    writer = csv.DictWriter(out, header, restval="", lineterminator="\n")
    writer.writeheader()
    for row in report.rows:
        values = [
            value
            for metric in METRICS
            for value in (*row.values[metric], *ends(row.intervals.get(metric)).values())
        ]
        numbers = dict(zip(names, values, strict=True))
        writer.writerow(_fields(row) | numbers | {"notes": " ".join(row.notes)})
    if report.published:
        writer.writerows(as_records(report.published))
    return out.getvalue()


def to_json(report: Report) -> str:
    """Groups of rows with nested mean, sd, low and high, the further tables under their keys, the
    notes in words, and the runs left out.
    """
    value: dict[str, object] = {
        "deptool_version": deptool.__version__,
        "caption": caption(report),
        "warnings": [_as_warning(shared) for shared in report.shared],
        "groups": [[_as_object(row) for row in group] for group in report.groups],
        "intervals": {"level": LEVEL, "resamples": RESAMPLES, "method": METHOD},
        **further_objects(report),
        "notes": report.notes,
        "skipped": dict(report.skipped),
    }
    if report.published:
        value["published"] = as_objects(report.published)
    return steady(json.dumps(value, indent=2, ensure_ascii=False)) + "\n"


def _fields(row: Row) -> dict[str, object]:
    """What a row says beside its metrics, in the order of `_FIELDS`."""
    over = {"over": row.over.text, "unit": row.over.unit, "task": row.over.task}
    return {name: over[name] if name in over else getattr(row, name) for name in _FIELDS}


_FIELDS = (
    *("model", "run", "corpus", "scale", "protocol", "split", "over", "unit", "task"),
    *("constant", "n", "n_distinct", "n_subjects", "n_seeds"),
)


def _as_warning(shared: Shared) -> dict[str, object]:
    counts = {"split": shared.split, "recordings": shared.recordings, "of": shared.of}
    return {"sentence": shared.sentence, **counts, "names": list(shared.names)}


def _as_object(row: Row) -> dict[str, object]:
    values = {
        name: {"mean": mean, "sd": sd} | ends(row.intervals.get(name))
        for name, (mean, sd) in row.values.items()
    }
    drawn = next(iter(row.intervals.values()), None)
    values["interval"] = {"unit": drawn and drawn.unit, "n_units": drawn and drawn.n_units}
    return _fields(row) | values | {"notes": list(row.notes)}


# Format -> what writes it. The terminal's table is Rich's, under cli/.
WRITERS: dict[str, Callable[[Report], str]] = {
    "markdown": to_markdown,
    "latex": to_latex,
    "csv": to_csv,
    "json": to_json,
}
