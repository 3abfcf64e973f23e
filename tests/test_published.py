"""The published results: a file that keeps its own rules, and numbers that can be true."""

import csv
import dataclasses
from collections import Counter
from decimal import Decimal

import pytest

from deptool.errors import UsageError
from deptool.number_check import check_numbers
from deptool.published import CORPORA, PublishedRow, caveats, published
from deptool.quoted_numbers import Quoted
from tests.conftest import ROOT

ROWS = [row for corpus in CORPORA for row in published(corpus)]
# A row with one of these is printed so, and cannot be true.
IMPOSSIBLE = {"mae-above-rmse", "ccc-contradicts-rmse"}
# SD of the scores of the 50 test sessions, the same for both years.
TEST_SD = {"avec2013": Decimal("11.48"), "avec2014": Decimal("11.48")}


def test_the_columns_are_those_of_a_row():
    with (ROOT / "deptool" / "published.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == [field.name for field in dataclasses.fields(PublishedRow)]
    assert len(rows) == len(ROWS), "a row names a corpus that published() does not know"
    assert all(len(row) == len(header) for row in rows)


def test_keys_are_there_once():
    twice = [key for key, n in Counter(row.key for row in ROWS).items() if n > 1]
    assert twice == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.key)
def test_a_row_keeps_the_rules_of_the_file(row):
    assert row.method
    assert row.source
    assert row.set in ("dev", "test", "")
    assert row.set or "set-unknown" in row.caveats
    assert row.year is None or 2013 <= row.year <= 2026
    assert row.n is None or row.n > 0
    high = 63 if row.corpus.startswith("avec") else 24
    assert all(0 < v < high for v in (row.rmse, row.mae) if v is not None)
    assert all(-1 <= v <= 1 for v in (row.ccc, row.pcc) if v is not None)
    assert (row.rmse or row.mae) or "not-recovered" in row.caveats
    assert len(set(row.caveats)) == len(row.caveats)


def test_every_caveat_is_explained_and_used():
    used = {code for row in ROWS for code in row.caveats}
    assert used == set(caveats())
    assert all(sentence.endswith(".") for sentence in caveats().values())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.key)
def test_a_row_can_be_true_or_says_that_it_cannot(row):
    sd = TEST_SD.get(row.corpus) if row.set == "test" else None
    numbers = {k: getattr(row, k) for k in ("rmse", "mae", "ccc", "pcc", "n")}
    found = check_numbers(Quoted(**numbers, sd=sd))
    impossible = bool(IMPOSSIBLE & set(row.caveats))
    assert (found.verdict == "impossible") is impossible, found
    if "mae-above-rmse" not in row.caveats and row.rmse and row.mae:
        assert row.mae <= row.rmse


def test_where_sources_disagree_there_is_a_row_for_each():
    rows = {row.key: row for row in published("avec2013")}
    for method, mae in (
        ("zhu-2017", ("7.58", "9.82")),
        ("de-melo-2020-two-stream", ("5.69", "5.96")),
    ):
        keys = (f"{method}-avec2013-expada", f"{method}-avec2013-mddr")
        assert tuple(str(rows[key].mae) for key in keys) == mae
    xu = [r for r in published("avec2014") if r.method == "Two-stage (Xu)"]
    assert {(str(r.rmse), str(r.mae)) for r in xu} == {
        *(("7.18", "5.86"), ("7.65", "6.24"), ("7.28", "5.96"), ("7.81", "6.08"), ("6.81", "5.45")),
    }


def test_decimals_stay_as_they_were_printed():
    mddr = next(r for r in published("avec2013") if r.method == "MDDR")
    assert str(mddr.rmse) == "7.80"


def test_results_of_a_corpus_are_found_by_its_name():
    assert {row.corpus for row in published("E-DAIC")} == {"e-daic"}
    assert len(published("avec2014")) > len(published("avec2013")) > 25
    with pytest.raises(UsageError, match="'avec2015'\nDid you mean 'avec201"):
        published("avec2015")
