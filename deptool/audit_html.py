"""An audit as one HTML file that opens without a network: findings, tables, CMC curves.

Every string that comes from data is escaped; a Content-Security-Policy forbids every request. The
same audit gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from pathlib import Path
from string import Template

import deptool
from deptool import plugins
from deptool.audit_result import Audit
from deptool.audit_sheets import keys, of, sheets
from deptool.audit_words import counted, findings, reading, summary, title
from deptool.cmc_plot import cmc_svg, ranks
from deptool.figure_style import variables
from deptool.html_table import plain_table, sheet_table
from deptool.tables import write_json, write_text

_PAGE = Path(__file__).with_name("page")
_SHOWN = (1, 2, 3, 5, 10, 20)  # ranks in the numbers of a curve


def write_audit(audit: Audit, folder: Path) -> None:
    """Write audit.json and audit.html into a release: without ids and the raw corpus's name."""
    shared = audit.without_ids()
    write_json(folder / "audit.json", shared.as_object())
    write_text(folder / "audit.html", to_html(shared))


def to_html(audit: Audit) -> str:
    """The page. It names persons by their ids, unless the audit is one `without_ids`."""
    why = (("Attributes", audit.inference_why), ("Utility", audit.utility_why))
    values = {
        "title": escape(title(audit)),
        "summary": escape(summary(audit)),
        "warnings": f'<ul class="doubts">{_items(audit.warnings)}</ul>' * bool(audit.warnings),
        "notes": _items(audit.notes),
        "findings": _items(text for text in findings(audit) if text not in audit.warnings),
        "reading": _items(reading()),
        "pairing": escape(audit.pairing),
        "tables": _tables(audit),
        "missing": "".join(f"<p>{escape(f'{what}: {text}.')}</p>" for what, text in why if text),
        "curves": _curves(audit),
        "attacks": _attacks(audit),
        "version": escape(deptool.__version__),
        "light": variables(dark=False),
        "dark": variables(dark=True),
        "style": (_PAGE / "page.css").read_text(encoding="utf-8"),
        "script": (_PAGE / "page.js").read_text(encoding="utf-8"),
    }
    return Template((_PAGE / "audit.html").read_text(encoding="utf-8")).substitute(values)


def _items(texts: Iterable[str]) -> str:
    return "".join(f"<li>{escape(text)}</li>" for text in texts)


def _tables(audit: Audit) -> str:
    return "".join(f"<h3>{escape(s.title)}</h3>{sheet_table(s)}" for s in sheets(audit))


def _curves(audit: Audit) -> str:
    """A figure for each attack and matcher that was played, with its numbers below."""
    boxes = []
    for attack, matcher in keys(audit.outcomes):
        outcomes = {side: o for side, o in of(audit, attack, matcher).items() if o.cmc}
        if not outcomes:
            continue
        name = f"{attack}: {matcher}"
        one = next(iter(outcomes.values()))
        label = f"CMC curves of {name}, {one.n_candidates} candidates"
        n = ranks(outcomes)
        rows = [
            (f"rank {k}", *(round(o.cmc[k - 1], 4) for o in outcomes.values()))
            for k in _SHOWN
            if k <= n
        ]
        table = plain_table(["up to", *outcomes], rows, 1, f"Numbers of: {label}")
        boxes.append(
            f"<figure><h4>{escape(name)}</h4>{cmc_svg(outcomes, label)}"
            f"<figcaption>{escape(_size(one.n_probes, one.n_candidates))}</figcaption>"
            f'<details class="numbers"><summary>Numbers</summary>{table}</details></figure>'
        )
    return "".join(boxes) or "<p>No attack could be played.</p>"


def _size(probes: int, candidates: int) -> str:
    return (
        f"{counted(probes, 'probe')}, {counted(candidates, 'candidate')}: guessing finds 1 in"
        f" {candidates} at rank 1."
    )


def _attacks(audit: Audit) -> str:
    """What each attack does, in the first line of its file."""
    names = dict.fromkeys(o.attack for o in audit.outcomes)
    return "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(plugins.title('attacks', name))}.</dd>"
        for name in names
    )
