"""Sheets as LaTeX: tables with booktabs rules that compile, and that fit the page."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from itertools import islice

from deptool.report_table import Line, Sheet, said_once

NEEDS = (
    "% Needs \\usepackage{booktabs} and \\usepackage{graphicx} in the preamble. Letters beyond\n"
    "% the Latin ones are written as [U+....]. On a page of two columns, take table* for table."
)
LINES = 30  # of one table: a page holds them with the caption
WIDE = 24  # letters of a column's longest cell, from which it is broken into lines
NOTES = 8  # footnotes below a table; more follow it as text, which can break over pages

# \resizebox shrinks a table that is wider than the line, and leaves the others as they are.
_FIT = r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%"
_WIDTH = r"p{11em}"
_SIGNS = {
    **{c: "\\" + c for c in "&%$#_{}"},
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
    **{"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': "''"},
    **{"±": r"$\pm$", "−": "$-$", "×": r"$\times$", "≤": r"$\leq$", "≥": r"$\geq$"},
    **{"†": r"\dag{}", "‡": r"\ddag{}", "§": r"\S{}", "¶": r"\P{}", "√": r"$\surd$"},
    **{"•": r"\textbullet{}"},
    **{"²": r"$^2$", "–": "--", "—": "---", "…": r"\ldots{}", "’": "'", "‘": "`", "·": r"$\cdot$"},
    **{"“": "``", "”": "''", "µ": r"$\mu$", "°": r"$^\circ$", "\u00a0": "~", "→": r"$\to$"},
}
_LETTERS = frozenset("ÆæØøßŁłŒœı¡¿")
# Grave, acute, circumflex, tilde, macron, breve, dot, diaeresis, ring, two acutes, caron, cedilla.
_ACCENTS = frozenset("\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c\u0327")
_NUMBER = re.compile(r"[-−]?[\d.]+( ± [\d.]+)?( \[[-−]?[\d.]+, [-−]?[\d.]+\])?")


def latex(sheets: Sequence[Sheet]) -> str:
    """One table environment per sheet, several where it is long, to be \\input in a document."""
    return "\n".join([NEEDS, *(_sheet(each) for each in sheets)]) + "\n"


def _sheet(sheet: Sheet) -> str:
    sheet = said_once(sheet)
    notes = [f"{_mark(mark)} {escaped(text)}" for mark, text in sheet.footnotes]
    parts = list(_parts(sheet.groups))
    below = notes if len(notes) <= NOTES else []
    tables = [
        _table(sheet, part, _place(i, len(parts)), below if i == len(parts) else [])
        for i, part in enumerate(parts, start=1)
    ]
    if not below and notes:
        name = f": {escaped(sheet.title)}" if sheet.title else ""
        after = [rf"\paragraph{{Notes{name}.}}", *(rf"{note}\par" for note in notes)]
        tables.append("\n".join([r"{\footnotesize\raggedright", *after, "}"]))
    return "\n".join(tables)


def _table(sheet: Sheet, groups: Sequence[Sequence[Line]], place: str, notes: Sequence[str]) -> str:
    lines = [r"\begin{table}[htbp]", r"\centering"]
    said = sheet.caption.startswith(sheet.title)
    caption = sheet.caption if said else f"{sheet.title}. {sheet.caption}"
    lines.append(rf"\caption{{{escaped(caption)}{place}}}")
    if not place or place.startswith(" (1 "):
        lines += [rf"\textbf{{{escaped(text)}}}\par" for text in sheet.warnings]
    wide = _wide(sheet, groups)
    kinds = "".join(_WIDTH if i in wide else "l" for i in range(sheet.n_text))
    kinds += "r" * (len(sheet.header) - sheet.n_text)
    lines += [r"\smallskip", _FIT, rf"\begin{{tabular}}{{{kinds}}}", r"\toprule"]
    lines.append(" & ".join(escaped(name) for name in sheet.header) + r" \\")
    for group in groups:
        lines += [r"\midrule", *(_line(line, sheet.n_text, wide) for line in group)]
    lines += [r"\bottomrule", r"\end{tabular}}"]
    lines += [r"\par\smallskip\raggedright\footnotesize"] * bool(notes)
    return "\n".join([*lines, *(rf"{note}\par" for note in notes), r"\end{table}"])


def _wide(sheet: Sheet, groups: Sequence[Sequence[Line]]) -> set[int]:
    """Columns of long texts that can be broken into lines.

    The last is none of them: its lines could not be ended.
    """
    found = set()
    for i in range(min(sheet.n_text, len(sheet.header) - 1)):
        cells = [line.cells[i] for group in groups for line in group]
        words = [word for cell in cells for word in re.split(r"[\s_-]", cell)]
        if max(map(len, cells)) > WIDE >= max(map(len, words)):
            found.add(i)
    return found


def _line(line: Line, n_text: int, wide: Collection[int]) -> str:
    names = [escaped(cell) for cell in line.cells[:n_text]]
    names[0] += "".join(map(_mark, line.marks))
    for i in wide:
        names[i] = r"\raggedright " + names[i].replace(r"\_", r"\_\allowbreak{}")
    if line.cells[0][:1] in ("[", "*"):
        names[0] = "{}" + names[0]  # else an argument of the rule or row before it
    return " & ".join([*names, *map(_number, line.cells[n_text:])]) + r" \\"


def _parts(groups: Sequence[Sequence[Line]]) -> Iterator[list[Sequence[Line]]]:
    """The groups in parts of nearly equal length, of `LINES` lines at most."""
    total = sum(len(group) for group in groups)
    size = -(-total // max(1, -(-total // LINES)))
    part: list[Sequence[Line]] = []
    room = size
    for group in groups:
        rest = iter(group)
        while taken := list(islice(rest, room)):
            part.append(taken)
            room -= len(taken)
            if not room:
                yield part
                part, room = [], size
    if part or not total:
        yield part


def _place(i: int, of: int) -> str:
    return f" ({i} of {of})" if of > 1 else ""


def escaped(text: str) -> str:
    """Text as LaTeX: signs escaped, letters that pdflatex does not know as [U+0416]."""
    parts = (  # two hyphens would become a dash, and an option could not be copied
        "".join(_SIGNS.get(c, c if _known(c) else f"[U+{ord(c):04X}]") for c in part)
        for part in text.split("--")
    )
    return "-{}-".join(parts)


def _known(letter: str) -> bool:
    """ASCII without controls, and letters that pdflatex can set in its oldest encoding, OT1."""
    if 0x20 <= ord(letter) < 0x7F or letter in _LETTERS:
        return True
    parts = unicodedata.normalize("NFD", letter)  # a base and its accent
    return ord(letter) <= 0x17F and parts[0].isascii() and parts[1:] in _ACCENTS


def _mark(mark: str) -> str:
    return rf"\textsuperscript{{{escaped(mark)}}}"


def _number(text: str) -> str:
    """A cell of a column of numbers: mathematics where it is one, so that a minus is a minus."""
    if not _NUMBER.fullmatch(text):
        return escaped(text)
    signs = (("±", r"\pm"), ("−", "-"), (" [", r"\ ["))  # mathematics drops a plain space
    for sign, written in signs:
        text = text.replace(sign, written)
    return f"${text}$"
