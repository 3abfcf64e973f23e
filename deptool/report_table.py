"""What a report holds: rows in groups, what a reader must know of them, and the cells shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from deptool.bootstrap import FEW_UNITS
from deptool.over import SESSION, Over
from deptool.report_cells import agree, brackets, number

if TYPE_CHECKING:
    import polars as pl

    from deptool.bootstrap import Interval
    from deptool.report_published import Published
    from deptool.shared_persons import Shared

METRICS = ("rmse", "mae", "ccc", "pcc", "r2", "smape")
FEW = 30
# What a reader must know of a row: code -> sentence. Codes become marks in the formats.
NOTES = {
    "synthetic": "The corpus is synthetic: a program made its faces and scores, and these numbers"
    " say nothing of patients.",
    "shared": "Persons in these recordings are also in the train or dev part: the metrics reward"
    " a model that recognises them.",
    "persons": "The corpus does not say who is in a recording: whether persons are in two parts"
    " cannot be known.",
    "mixed": "Another N than in the first group of the same corpus and scale, or sessions in the"
    " place of recordings: rows of different N are not comparable.",
    "repeated": "N counts a recording or session once for each fold that it was predicted in",
    "few": f"Fewer than {FEW} recordings or sessions: the metrics are very uncertain.",
    "beaten": "Does not beat the constant predictor: its RMSE is no lower.",
    "behind": "Does not beat ridge regression on functionals (the run of ridge in this table): its"
    " RMSE is no lower.",
    "alone": "The mean training score is not known, so there is no constant predictor beside it.",
    "optimistic": "A constant that has seen these truths: no honest constant can have a lower"
    " RMSE. Give --train-mean, or rows with the split train, for the real one.",
    "folds": "Each fold has its own training mean. Pooled, it is no longer one constant: its CCC,"
    " PCC and AUC come from the folds; CCC and PCC are usually below 0 and AUC below 0.5. Models"
    " that predict nearly a constant share this.",
    "dev": "The dev part chooses the best epoch, so its metrics are optimistic.",
    "train": "The model was trained on these recordings.",
    "unit": "Persons are not known: the intervals draw sessions or recordings, and are too narrow"
    " where one person has several.",
    "thin": f"Fewer than {FEW_UNITS} persons: an interval of so few says next to nothing.",
    "uneven": "The seeds do not score the same number of recordings; N is the smallest.",
}


@dataclass(frozen=True)
class Origin:
    """What the rows of one run have in common."""

    model: str
    run: str
    corpus: str
    scale: str
    protocol: str
    split: str


@dataclass(frozen=True)
class Row(Origin):
    """One line of a report; `values` is metric -> (mean over seeds, SD over seeds).

    `intervals` has those metrics that have one.
    """

    over: Over
    constant: bool
    n: int
    n_distinct: int  # recordings or sessions behind n, each once
    n_subjects: int | None
    n_seeds: int
    values: Mapping[str, tuple[float | None, float | None]]
    notes: tuple[str, ...] = ()
    intervals: Mapping[str, Interval] = field(default_factory=dict)
    # What was scored: (row = recording x fold x seed), and what is known of its persons.
    scored: pl.DataFrame | None = field(default=None, repr=False, compare=False)
    subjects: pl.DataFrame | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class Report:
    """Groups of rows scored on the same recordings, constants first; runs left out, and why."""

    groups: tuple[tuple[Row, ...], ...]
    skipped: Mapping[str, str]
    shared: tuple[Shared, ...] = ()  # persons on two sides, said above the table
    published: Published | None = None
    full: bool = False  # whether Markdown, LaTeX and the terminal show all tables

    @property
    def rows(self) -> list[Row]:
        return [row for group in self.groups for row in group]

    @property
    def notes(self) -> dict[str, str]:
        """Code -> sentence of the notes that any row has."""
        return sentences((row.notes, row.n_distinct, row.over.unit) for row in self.rows)


@dataclass(frozen=True)
class Line:
    """One line as it is shown; `dim` where it is there to compare with, or cannot be."""

    cells: Sequence[str]
    marks: Sequence[str] = ()
    dim: bool = False


@dataclass(frozen=True)
class Sheet:
    """One table as it is shown: text columns first, then numbers; footnotes are (mark, text)."""

    caption: str
    header: Sequence[str]
    n_text: int
    groups: Sequence[Sequence[Line]]
    footnotes: Sequence[tuple[str, str]] = ()
    warnings: Sequence[str] = ()
    title: str = ""

    @property
    def lines(self) -> list[Line]:
        return [line for group in self.groups for line in group]


HEADER = ("model", "corpus", "scale", "protocol", "split", "over", "N", "RMSE", "MAE", "CCC", "PCC")
N_TEXT = 6  # columns of HEADER that hold text; the others hold numbers
FUSED = "Session means: a session counts once, with the mean of its recordings' predictions."
_SHOWN = ("rmse", "mae", "ccc", "pcc")
_WITH_INTERVAL = ("rmse", "mae", "ccc")
_MARKS = "†‡§¶*abcdefghijklmnopqrstuvwxyz"


def sheet(report: Report) -> Sheet:
    """The table of a report's runs; notes become marks, in the order of `NOTES`."""
    marks = mark(report.notes)

    def line(row: Row) -> Line:
        return Line(
            _cells(row), [m for code, m in marks.items() if code in row.notes], row.constant
        )

    groups = [[line(row) for row in group] for group in report.groups]
    footnotes = list(zip(marks.values(), report.notes.values(), strict=True))
    warnings = [shared.sentence for shared in report.shared]
    return Sheet(caption(report), HEADER, N_TEXT, groups, footnotes, warnings)


def mark(codes: Iterable[str]) -> dict[str, str]:
    """Codes of notes -> the marks that stand for them, in the order of `NOTES`."""
    used = set(codes)
    return dict(zip((code for code in NOTES if code in used), _MARKS, strict=False))


def sentences(rows: Iterable[tuple[Sequence[str], int, str]]) -> dict[str, str]:
    """Rows of (notes, n_distinct, unit) -> the sentences of their notes, in the order of `NOTES`.

    Where N counts some several times, with how many there are: '…: 4 recordings.'
    """
    rows = list(rows)
    said = {code: NOTES[code] for code in mark(code for codes, _, _ in rows for code in codes)}
    if "repeated" in said:
        behind = dict.fromkeys((n, unit) for codes, n, unit in rows if "repeated" in codes)
        counts = [f"{n} {unit}{'' if n == 1 else 's'}" for n, unit in behind]
        said["repeated"] += f": {' or '.join(counts)}."
    return said


def caption(report: Report) -> str:
    """What the numbers are, in a few sentences."""
    text = "Computed once over recordings; errors in points of the scale."
    if any(row.over.unit == SESSION for row in report.rows):
        text += f" {FUSED}"
    if any(not agree(*value) for row in report.rows for value in row.values.values()):
        text += " Mean ± SD over seeds (sample SD, ddof = 1)."
    drawn = brackets(row.intervals.get(name) for row in report.rows for name in _WITH_INTERVAL)
    return f"{text} {drawn}".strip()


def _cells(row: Row) -> list[str]:
    shown = [
        number(name, *row.values[name], row.intervals.get(name) if name in _WITH_INTERVAL else None)
        for name in _SHOWN
    ]
    names = [row.model, row.corpus, row.scale, row.protocol, row.split, row.over.text]
    return [*names, str(row.n), *shown]


def said_once(sheet: Sheet) -> Sheet:
    """The sheet with texts that all of its lines share in the caption, and not in columns."""
    lines = [line.cells for line in sheet.lines]
    same = {i for i in range(1, sheet.n_text) if len({cells[i] for cells in lines}) == 1}
    if not same or len(lines) == 1:
        return sheet

    def kept(cells: Sequence[str]) -> list[str]:
        return [cell for i, cell in enumerate(cells) if i not in same]

    texts = [(sheet.header[i], lines[0][i]) for i in sorted(same)]
    said = ", ".join(f"{name} {text}" for name, text in texts if text not in ("", "–"))
    return replace(
        sheet,
        caption=f"{sheet.caption} In all rows: {said}.".strip() if said else sheet.caption,
        header=kept(sheet.header),
        n_text=sheet.n_text - len(same),
        groups=[[replace(x, cells=kept(x.cells)) for x in group] for group in sheet.groups],
    )
