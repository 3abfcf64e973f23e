"""A report as one HTML file that opens without a network: tables, figures, what was run.

Plotly's script is inside, once; a Content-Security-Policy forbids every request. Every string that
comes from data is escaped. The same runs give the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import quote

import deptool
from deptool.drawing import Drawing, drawings
from deptool.figure_data import FigureData
from deptool.figure_style import variables
from deptool.html_about import about_run, holds, warnings
from deptool.html_table import frame_table, sheet_table
from deptool.report_formats import sheets
from deptool.report_rows import CONSTANT_MODEL
from deptool.report_table import Report

_PAGE = Path(__file__).with_name("page")
_ENSEMBLE = (
    "The figures show each {noun} at the mean of its predictions over seeds and folds; the table"
    " scores each seed by itself. The error of a mean is usually a little smaller, and its AUC in"
    " the ROC figure is another than the table's mean of the seeds' AUCs."
)


def to_html(
    report: Report,
    found: Sequence[FigureData],
    on_done: Callable[[int, int], None] = lambda _done, _of: None,
) -> str:
    """The page: the report's tables, and for each run its figures and what was run.

    `on_done` hears how many runs of how many are drawn.
    """
    from plotly.offline import get_plotlyjs

    # The first is shown at once, and a constant shows nothing.
    found = sorted(found, key=lambda data: data.model == CONSTANT_MODEL)
    runs = []
    for i, data in enumerate(found):
        runs.append(_run(i, data))
        on_done(i + 1, len(found))
    above = warnings(report, found)
    values = {
        "title": escape(_title(report)),
        "summary": escape(_summary(report, found)),
        "holds": escape(holds(found)),
        "warnings": "".join(f"<li>{escape(text)}</li>" for text in above),
        "any_warning": "" if above else "hidden",
        "tables": _tables(report, set(above)),
        "runs": "".join(runs),
        "about": "".join(_about(i, data) for i, data in enumerate(found)),
        "skipped": _skipped(report),
        "version": escape(deptool.__version__),
        "light": variables(dark=False),
        "dark": variables(dark=True),
        "style": (_PAGE / "page.css").read_text(encoding="utf-8"),
        "script": (_PAGE / "page.js").read_text(encoding="utf-8"),
        "plotly": get_plotlyjs(),
    }
    return Template((_PAGE / "page.html").read_text(encoding="utf-8")).substitute(values)


def _title(report: Report) -> str:
    corpora = sorted({row.corpus for row in report.rows if row.corpus})
    return f"Results on {', '.join(corpora)}" if corpora else "Results"


def _summary(report: Report, found: Sequence[FigureData]) -> str:
    runs = sorted({row.run for row in report.rows})
    scales = sorted({row.scale for row in report.rows if row.scale})
    splits = sorted({row.split for row in report.rows})
    text = f"{len(runs)} run{'s' * (len(runs) != 1)}, split {' and '.join(splits)}"
    text += f", scored in points of {' and '.join(scales)}." if scales else "."
    more = " Lower RMSE and MAE are better; CCC and PCC are best at 1, and 0 for a constant."
    return text + more * bool(found)


def _tables(report: Report, said: set[str]) -> str:
    parts = []
    for sheet in sheets(report):
        head = f"<h3>{escape(sheet.title)}</h3>" if sheet.title else ""
        parts.append(head + sheet_table(sheet, said))
    return "".join(parts)


def _run(i: int, data: FigureData) -> str:
    """The figures of one run; those of the first are drawn at once, the others when opened."""
    boxes = "".join(_box(f"run{i}-{drawing.name}", drawing) for drawing in drawings(data))
    several = data.n_members > 1
    note = f"<p>{escape(_ENSEMBLE.format(noun=data.noun))}</p>" if several else ""
    opened = " open" if i == 0 else ""
    return (
        f'<details class="run" id="run{i}"{opened}><summary><h3>{_name(data)}</h3></summary>'
        f'{note}<div class="figures">{boxes}</div></details>'
    )


def _name(data: FigureData) -> str:
    name = data.run if data.run == data.model else f"{data.run}: {data.model}"
    text = f"{name}, {data.split}, {data.over.text}, N = {len(data.points)}"
    return escape(f"{text}, synthetic data" if data.synthetic else text)


def _box(key: str, drawing: Drawing) -> str:
    """One figure: the plot, how to read it, its numbers as a table and as a CSV."""
    title, caption = escape(drawing.title), escape(drawing.caption)
    if drawing.frame is None:
        why = escape(drawing.why or "")
        return f'<figure><h4>{title}</h4><p class="missing">Not drawn. {why}</p></figure>'
    label = escape(f"{drawing.title}, {drawing.data.run}. {drawing.caption}", quote=True)
    table = frame_table(drawing.frame, f"Numbers of: {drawing.title}, {drawing.data.run}")
    csv = "data:text/csv;charset=utf-8," + quote(drawing.frame.write_csv())
    file = escape(f"{drawing.data.folder}-{drawing.name}.csv", quote=True)
    return (
        f'<figure><h4>{title}</h4><div class="plot" id="{key}" role="img" aria-label="{label}">'
        f'</div><figcaption>{caption}</figcaption><details class="numbers"><summary>Numbers'
        f'</summary><p><a download="{file}" href="{csv}">{file}</a></p>{table}</details>'
        f'<script type="application/json" id="{key}-figure">{script_json(drawing.trace())}</script>'
        "</figure>"
    )


def script_json(value: object) -> str:
    """JSON that cannot end the script element that it stands in."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _about(i: int, data: FigureData) -> str:
    opened = " open" if i == 0 else ""
    return (
        f'<details class="about"{opened}><summary><h3>{escape(data.run)}</h3></summary>'
        f"{about_run(data)}</details>"
    )


def _skipped(report: Report) -> str:
    if not report.skipped:
        return ""
    items = "".join(
        f"<li>{escape(name)}: {escape(why)}</li>" for name, why in report.skipped.items()
    )
    return f"<h3>Runs left out</h3><ul>{items}</ul>"
