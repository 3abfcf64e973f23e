"""All tables of a report: its runs, what others published, and the tables that look into runs."""

from __future__ import annotations

from deptool import (
    report_bands,
    report_classes,
    report_protocols,
    report_shrinkage,
    report_subgroups,
)
from deptool.report_entries import as_objects
from deptool.report_published import published_sheet
from deptool.report_table import Report, Sheet, sheet

# Key in JSON -> the module that finds its entries and draws them, in the order they are shown.
FURTHER = {
    "protocols": report_protocols,
    "bands": report_bands,
    "shrinkage": report_shrinkage,
    "classes": report_classes,
    "subgroups": report_subgroups,
}


def sheets(report: Report, full: bool = True) -> list[Sheet]:
    """The tables of a report: its runs, then with `full` what is in them, then what is published.

    A table of which nothing is known is left out: bands and classes need a scale, subgroups what
    the corpus says of its persons.
    """
    published = [published_sheet(report.published)] if report.published else []
    return [sheet(report), *(further(report) if full else []), *published]


def further(report: Report) -> list[Sheet]:
    """The tables that look into the runs."""
    found = [(module, module.entries(report)) for module in FURTHER.values()]
    return [module.sheet(entries) for module, entries in found if entries]


def further_objects(report: Report) -> dict[str, list[dict[str, object]]]:
    """The same for JSON, every digit; a table of which nothing is known is empty."""
    return {key: as_objects(module.entries(report)) for key, module in FURTHER.items()}
