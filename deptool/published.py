"""Results that were published on public corpora, each with where it was read and what to doubt.

`published.csv` beside this file holds one row per method, part of a corpus and number of sources
that agree; where sources disagree there is a row for each. What is not known is empty.
`published_caveats.csv` says what each code in its column `caveats` means.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files

from deptool.errors import UsageError, suggest

# Corpus -> the scale of its published results.
SCALES = {"avec2013": "BDI-II", "avec2014": "BDI-II", "daic-woz": "PHQ-8", "e-daic": "PHQ-8"}
CORPORA = tuple(SCALES)


@dataclass(frozen=True)
class PublishedRow:
    """One published result; a Decimal keeps the decimals that were printed.

    `year` as the source cites it. `set` is dev, test or empty; `unit` says what counted once, or
    what was fused. RMSE and MAE in points of BDI-II (AVEC) or PHQ-8 (DAIC). `source` is where it
    was read, several separated by semicolons where they agree; `caveats` are codes of `caveats()`.
    """

    key: str
    method: str
    year: int | None
    modality: str
    corpus: str
    set: str
    n: int | None
    unit: str
    rmse: Decimal | None
    mae: Decimal | None
    ccc: Decimal | None
    pcc: Decimal | None
    source: str
    caveats: tuple[str, ...]


def published(corpus: str) -> tuple[PublishedRow, ...]:
    """The published results on one of `CORPORA`, in the order of the file.

    Raises UsageError for another name, with the nearest one.
    """
    name = corpus.lower()
    if name not in CORPORA:
        raise UsageError(
            f"no published results are known for {corpus!r}", fix=suggest(name, list(CORPORA))
        )
    return tuple(row for row in _rows() if row.corpus == name)


@cache
def caveats() -> dict[str, str]:
    """What each code means, in a sentence."""
    return {row["code"]: row["sentence"] for row in _read("published_caveats.csv")}


@cache
def _rows() -> tuple[PublishedRow, ...]:
    return tuple(_row(cells) for cells in _read("published.csv"))


def _row(cells: dict[str, str]) -> PublishedRow:
    def number(name: str) -> Decimal | None:
        return Decimal(cells[name]) if cells[name] else None

    def count(name: str) -> int | None:
        return int(cells[name]) if cells[name] else None

    return PublishedRow(
        key=cells["key"],
        method=cells["method"],
        year=count("year"),
        modality=cells["modality"],
        corpus=cells["corpus"],
        set=cells["set"],
        n=count("n"),
        unit=cells["unit"],
        rmse=number("rmse"),
        mae=number("mae"),
        ccc=number("ccc"),
        pcc=number("pcc"),
        source=cells["source"],
        caveats=tuple(cells["caveats"].split()),
    )


def _read(name: str) -> list[dict[str, str]]:
    text = files("deptool").joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
