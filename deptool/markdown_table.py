"""Pipe tables and lines of Markdown whose cells may hold anything."""

from __future__ import annotations

from collections.abc import Iterable

from deptool.report_formats import markdown_text


def text(value: object) -> str:
    """A value as Markdown shows it, on one line, whatever signs are in it."""
    return markdown_text(" ".join(str(value).split()))


def table(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A pipe table; header and cells are escaped."""
    lines = [[text(cell) for cell in line] for line in (header, *rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def listing(lines: Iterable[object]) -> str:
    """One line each, marked with a dash."""
    return "\n".join(f"- {text(line)}" for line in lines)
