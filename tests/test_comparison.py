"""Tests between models over the same recordings, against enumeration and published values."""

from itertools import product

import numpy as np
import polars as pl
import pytest

from deptool.comparison import compare, rank
from deptool.errors import DataError
from tests.test_bootstrap import rows, some


def errors(values, subjects=None, seed=0):
    """A table whose truths are 10 and whose errors are these."""
    return rows([10.0] * len(values), [10 + v for v in values], subjects, seed)


def test_the_difference_is_that_of_means_over_seeds_and_its_interval_is_paired():
    truth, prediction = some(40)
    one = rows(truth, prediction)
    other = rows(truth, prediction + 0.0)
    found = {d.metric: d for d in compare({"a": one, "b": other})}
    # Equal predictions differ by nothing in every resample, though each metric has an interval.
    assert (found["rmse"].difference, found["rmse"].p) == (0, 1)
    assert (found["mae"].interval.low, found["mae"].interval.high) == (0, 0)
    two = pl.concat([errors([1, 1, 1]), errors([3, 3, 3], seed=1)])
    mae = next(d for d in compare({"a": two, "b": errors([5, 5, 5])}) if d.metric == "mae")
    assert (mae.value_one, mae.value_other, mae.difference) == (2, 5, -3)


def test_p_is_that_of_all_swaps_of_persons():
    # a's errors per person 1, 2, 3 (twice), b's 4, 2, 5. MAE over 4 recordings; a person's rows
    # are swapped together, so of 2^3 swaps those count that are at least as far from 0.
    subjects = ["p", "q", "r", "r"]
    a, b = np.array([1, 2, 3, 3.0]), np.array([4, 2, 5, 5.0])
    differences = []
    for swap in product((False, True), repeat=3):
        mask = np.array([swap["pqr".index(s)] for s in subjects])
        x, y = np.where(mask, b, a), np.where(mask, a, b)
        differences.append(x.mean() - y.mean())
    expected = np.mean(np.abs(differences) >= abs(differences[0]) - 1e-12)
    tables = {"a": errors(a, subjects), "b": errors(b, subjects)}
    mae = next(d for d in compare(tables) if d.metric == "mae")
    assert (mae.p, mae.exact) == (pytest.approx(expected), True)
    assert mae.difference == pytest.approx(-1.75)  # 2.25 - 4


def test_many_persons_are_swapped_at_random_with_a_seed():
    truth, prediction = some(40)
    tables = {"a": rows(truth, prediction), "b": rows(truth, prediction + 20)}
    first, again = compare(tables), compare(tables)
    assert first == again
    assert not first[0].exact
    assert 0 < first[0].p < 0.05


def test_p_of_several_pairs_is_adjusted_in_steps():
    generator = np.random.default_rng(0)
    tables = {name: errors(generator.normal(0, sd, 9)) for name, sd in
              (("a", 1), ("b", 1.5), ("c", 4))}  # fmt: skip
    mine = sorted((d for d in compare(tables) if d.metric == "mae"), key=lambda d: d.p)
    assert len(mine) == 3
    steps = [min(1, k * d.p) for k, d in zip((3, 2, 1), mine, strict=True)]
    assert [d.p_holm for d in mine] == pytest.approx(np.maximum.accumulate(steps).tolist())


def test_friedman_and_nemenyi_are_those_of_the_literature():
    # Demšar 2006, section 3.2.2: 4 classifiers over 14 data sets have CD = 2.569 sqrt(4 * 5 /
    # (6 * 14)) = 1.25. Here a is best for all 14 persons, then b, c, d: ranks 1, 2, 3, 4, and
    # chi-squared = 12 * 14 / (4 * 5) * (30 - 4 * 25 / 4) = 42.
    tables = {name: errors([k + 1.0] * 14) for k, name in enumerate("abcd")}
    found = rank(tables)
    assert found.critical == pytest.approx(1.25, abs=0.005)
    assert found.ranks == {"a": 1, "b": 2, "c": 3, "d": 4}
    assert found.statistic == pytest.approx(42)
    assert found.n_units == 14
    # Ranks 1 apart are below the critical difference, 2 apart above it.
    assert found.pairs["a", "b"] > 0.05 > found.pairs["a", "c"]


def test_a_persons_error_is_the_mean_over_its_recordings_and_ties_share_a_rank():
    # p has recordings of errors 0 and 4 with a (mean 2), and of 2 and 2 with b: a tie.
    subjects = ["p", "p", "q"]
    tables = {"a": errors([0, 4, 1], subjects), "b": errors([2, 2, 2], subjects)}
    tables["c"] = errors([9, 9, 9], subjects)
    assert rank(tables).ranks == {"a": 1.25, "b": 1.75, "c": 3}


def test_equal_models_have_p_1():
    found = rank({name: errors([1, 2, 3]) for name in "abc"})
    assert (found.statistic, found.p) == (0, 1)


def test_what_cannot_be_compared_is_said():
    one = errors([1, 2, 3])
    with pytest.raises(DataError, match=r"same recordings: 1 only in a \(r2\)"):
        compare({"a": one, "b": errors([1, 2])})
    with pytest.raises(
        DataError, match=r"a and b: recording 'r0' has the truth 10.0 in one and 11"
    ):
        compare({"a": one, "b": one.with_columns(truth=pl.col("truth") + 1)})
    with pytest.raises(DataError, match="has the person p0 in one and x in the other"):
        compare({"a": one, "b": one.with_columns(subject_id=pl.lit("x"))})
    with pytest.raises(DataError, match="one model alone"):
        compare({"a": one})
    with pytest.raises(DataError, match="needs 3 models, and these are 2"):
        rank({"a": one, "b": one})
    with pytest.raises(DataError, match="only one person"):
        compare({"a": errors([1, 2], ["p", "p"]), "b": errors([2, 2], ["p", "p"])})
    with pytest.raises(DataError, match="seeds do not score the same"):
        compare({"a": one, "b": pl.concat([one, errors([1, 2], seed=1)])})
