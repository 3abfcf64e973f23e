"""What others published, beside the runs of a report: as read, with what to doubt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from decimal import Decimal

from deptool.published import SCALES, PublishedRow, caveats, published
from deptool.report_table import Line, Report, Sheet

HEADER = (
    *("method", "year", "modality", "set", "over", "source", "N", "RMSE", "MAE", "CCC", "PCC"),
)
_N_TEXT = 6
_METRICS = ("rmse", "mae", "ccc", "pcc")


@dataclass(frozen=True)
class Published:
    """Published results on one corpus, and the runs that they stand beside.

    `sizes` are the (split, N) of the runs on the same scale, `others` the other runs' scales.
    """

    corpus: str
    rows: tuple[PublishedRow, ...]
    sizes: frozenset[tuple[str, int]]
    others: tuple[str, ...] = ()

    @property
    def warnings(self) -> list[str]:
        """What is said above the table: that points of two scales cannot be compared."""
        if not self.others:
            return []
        scale, others = SCALES[self.corpus], " and ".join(self.others)
        return [
            f"These results are in points of {scale}, runs above in points of {others}: errors on"
            " different scales cannot be compared."
        ]

    def like_a_run(self, row: PublishedRow) -> bool:
        """Whether a run is scored on the same part with the same N."""
        return row.n is not None and (row.set, row.n) in self.sizes

    def notes(self) -> dict[str, str]:
        """Caveats that any row carries, in the order in which they come: code -> sentence."""
        return {code: caveats()[code] for row in self.rows for code in row.caveats}


def with_published(report: Report, corpus: str) -> Report:
    """The report with what was published on a corpus; UsageError where nothing is known of it."""
    rows, name = published(corpus), corpus.lower()
    # A CSV of anybody's names no scale.
    known = {row.scale for row in report.rows} - {"", SCALES[name]}
    sizes = frozenset((row.split, row.n) for row in report.rows if row.scale not in known)
    return replace(report, published=Published(name, rows, sizes, tuple(sorted(known))))


def published_sheet(found: Published) -> Sheet:
    """The table of published rows: caveats as numbers in brackets, sources as letters."""
    numbers = {code: str(i) for i, code in enumerate(found.notes(), start=1)}
    names = dict.fromkeys(name for row in found.rows for name in _sources(row))
    letters = dict(zip(names, _letters(len(names)), strict=True))
    lines = [
        Line(_cells(row, numbers, letters), dim=not found.like_a_run(row)) for row in found.rows
    ]
    footnotes = [(letter, name) for name, letter in letters.items()]
    footnotes += [(f"[{numbers[code]}]", text) for code, text in found.notes().items()]
    caption = (
        f"Published results on {found.corpus}, as read in their sources; none of them is a run of"
        " deptool. A dash: not known. A row whose N is not known, or is that of no run above on the"
        " same part, cannot be compared with the runs."
    )
    title = f"Published results on {found.corpus}"
    return Sheet(caption, HEADER, _N_TEXT, [lines], footnotes, found.warnings, title)


def as_objects(found: Published) -> dict[str, object]:
    """The rows for JSON, whether a run has the same part and N, and the caveats in words."""
    rows = [
        asdict(row)
        | {name: _float(getattr(row, name)) for name in _METRICS}
        | {"n_as_in_a_run": found.like_a_run(row)}
        for row in found.rows
    ]
    about = {"corpus": found.corpus, "scale": SCALES[found.corpus], "warnings": found.warnings}
    return about | {"rows": rows, "caveats": found.notes()}


def as_records(found: Published) -> Iterable[dict[str, object]]:
    """The rows under the names that the report's CSV has for runs, and some more."""
    for row in found.rows:
        yield {
            **{"model": row.method, "corpus": row.corpus, "split": row.set, "over": row.unit},
            **{"n": row.n, "notes": " ".join(row.caveats)},
            **{name: getattr(row, name) for name in _METRICS},
            **{"year": row.year, "modality": row.modality, "source": row.source},
        }


def _cells(row: PublishedRow, numbers: dict[str, str], letters: dict[str, str]) -> list[str]:
    doubts = [numbers[code] for code in sorted(row.caveats, key=lambda code: int(numbers[code]))]
    method = f"{row.method} [{', '.join(doubts)}]" if doubts else row.method
    sources = ", ".join(letters[name] for name in _sources(row))
    about = (row.year, row.modality, row.set, row.unit, sources, row.n)
    shown = [*about, *(getattr(row, name) for name in _METRICS)]
    return [method, *("–" if value in (None, "") else str(value) for value in shown)]


def _sources(row: PublishedRow) -> Sequence[str]:
    return [name.strip() for name in row.source.split(";")]


def _letters(count: int) -> list[str]:
    """A to Z, then AA to AZ and on."""
    alphabet = [chr(ord("A") + i) for i in range(26)]
    return [("" if i < 26 else alphabet[i // 26 - 1]) + alphabet[i % 26] for i in range(count)]


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
