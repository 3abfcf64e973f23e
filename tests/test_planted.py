"""Measures of what networks say against what was planted, by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest

from deptool.bootstrap import Estimate
from deptool.errors import DataError
from deptool.planted import (
    auc,
    auc_of_speech,
    cosine_of_seeds,
    follows_reliability,
    mean_over_persons,
    outside_band,
    paired_over_persons,
    purity,
    rank_1,
    rank_1_by_chance,
    values_of,
)

SECOND = 6.0  # of a segment


def planted(
    informative: Sequence[int], recording: str = "a", **columns: Sequence[float]
) -> pl.DataFrame:
    """Segments of 6 s, one after the other."""
    n = len(informative)
    start = SECOND * np.arange(n)
    about = {"recording_id": [recording] * n, "start_s": start, "end_s": start + SECOND}
    usual = {"speaks": informative, "reliability_visual": [1.0] * n, "reliability_pose": [1.0] * n}
    return pl.DataFrame({**about, "informative": informative, **usual, **columns})


def track(
    values: Sequence[float],
    recording: str = "a",
    seed: int = 0,
    name: str = "x",
    step: float = SECOND,
    shift: float = 0.0,
) -> pl.DataFrame:
    """Rows of `step` s, one after the other, the first one `shift` s late."""
    start = step * np.arange(len(values)) + shift
    return pl.DataFrame({"start_s": start, "end_s": start + step, "value": values}).select(
        pl.lit(recording).alias("recording_id"),
        pl.lit(f"P-{recording}").alias("subject_id"),
        pl.lit(f"S-{recording}").alias("session_id"),
        pl.lit(0).alias("fold"),
        pl.lit(seed).alias("seed"),
        pl.lit(name).alias("name"),
        *("start_s", "end_s", pl.col("value").cast(pl.Float64)),
    )


def found(values: pl.DataFrame) -> list[float]:
    return values["value"].to_list()


def rows(*each: tuple[str, str, int, float]) -> pl.DataFrame:
    """values: (recording, person, seed, value)."""
    names = ["recording_id", "subject_id", "seed", "value"]
    table = pl.DataFrame(list(each), schema=names, orient="row")
    return table.with_columns(pl.col("recording_id").alias("session_id"))


def test_auc_counts_pairs() -> None:
    # Informative are .9 and .2, others .5 and .1: of 4 pairs, .9 > .5, .9 > .1, .2 > .1.
    segments = planted([1, 0, 1, 0])
    assert found(auc(track([0.9, 0.5, 0.2, 0.1]), segments)) == [0.75]
    assert found(auc(track([3.0] * 4), segments)) == [0.5]  # ties are halves


def test_a_row_is_informative_from_half_of_its_time_on() -> None:
    # Rows of 6 s that begin 3 s late lie half in the one, half in the other segment: all of
    # 1, 0, 0, 1 give 3-9: half (yes), 9-15: none (no), 15-21: half (yes).
    segments = planted([1, 0, 0, 1])
    assert found(auc(track([1.0, 0.0, 1.0], shift=3.0), segments)) == [1.0]
    # 3.1 s late they are 48 %, 0 and 52 % informative.
    assert found(auc(track([1.0, 0.0, 2.0], shift=3.1), segments)) == [1.0]
    assert found(auc(track([2.0, 0.0, 1.0], shift=3.1), segments)) == [0.5]


def test_a_row_without_length_has_the_segment_that_it_is_in() -> None:
    moments = track([1.0, 0.0, 0.0], step=6.0, shift=1.0).with_columns(end_s=pl.col("start_s"))
    assert found(auc(moments, planted([1, 0, 0]))) == [1.0]
    assert found(auc(moments, planted([0, 0, 1]))) == [0.25]  # beaten by one, a tie with one


def test_a_recording_without_both_kinds_has_no_auc_and_does_not_count() -> None:
    tracks = pl.concat([track([0.0, 1.0]), track([0.0, 1.0], "b")])
    segments = pl.concat([planted([0, 1]), planted([1, 1], "b")])
    measured = auc(tracks, segments)
    assert found(measured)[0] == 1.0
    assert np.isnan(found(measured)[1])
    assert mean_over_persons(measured) == Estimate(1.0)  # of one person, so no interval


def test_speech_alone_reaches_what_it_marks() -> None:
    # Speaks in 2 of 2 informative segments and in 1 of 2 others: 2 pairs won, 2 tied.
    segments = planted([1, 1, 0, 0], speaks=[1, 1, 1, 0])
    assert found(auc_of_speech(track([0.0] * 4), segments)) == [0.75]


def test_weights_follow_reliability_by_rank() -> None:
    segments = planted([1] * 4, reliability_visual=[0.1, 0.2, 0.3, 0.9])
    rising = track([0.1, 0.5, 0.6, 0.7], name="visual")
    assert found(follows_reliability(rising, segments)) == pytest.approx([1.0])
    # Ranks 1 2 4 3 against 1 2 3 4: 1 - 6 * 2 / (4 * 15) = 0.8.
    swapped = track([0.1, 0.5, 0.7, 0.6], name="visual")
    assert found(follows_reliability(swapped, segments)) == pytest.approx([0.8])
    flat = track([0.5] * 4, name="visual")
    assert found(follows_reliability(flat, segments)) == [0.0]


def test_rows_within_a_segment_are_averaged() -> None:
    # 2 s a row: means 1, 2, 3 of the segments, whatever the order inside.
    segments = planted([1] * 3, reliability_visual=[0.1, 0.2, 0.3])
    weights = track([3, 0, 0, 0, 6, 0, 3, 3, 3], name="visual", step=2.0)
    assert found(follows_reliability(weights, segments)) == pytest.approx([1.0])


def test_what_is_reliable_everywhere_says_nothing() -> None:
    both = pl.concat([track([1, 2, 3], name="visual"), track([3, 2, 1], name="pose")])
    segments = planted([1] * 3, reliability_visual=[0.1, 0.2, 0.3])  # pose is 1 throughout
    assert found(follows_reliability(both, segments)) == pytest.approx([1.0])
    # Where visual rises and pose rises faster, visual falls beside it, and so does its weight.
    beside = planted([1] * 3, reliability_visual=[0.1, 0.2, 0.3], reliability_pose=[0.1, 0.5, 0.9])
    falls = pl.concat([track([3, 2, 1], name="visual"), track([1, 2, 3], name="pose")])
    assert found(follows_reliability(falls, beside)) == pytest.approx([0.0])  # -1 and 1
    assert found(follows_reliability(falls, beside, relative=True)) == pytest.approx([1.0])
    with pytest.raises(DataError, match="no modality named 'smell'"):
        follows_reliability(track([1, 2, 3], name="smell"), segments)


def test_cosine_of_seeds_is_over_all_pairs() -> None:
    # Between (1, 0), (0, 1) and (1, 1): 0, and twice cos 45 degrees.
    three = pl.concat([track(v, seed=s) for s, v in enumerate(([1, 0], [0, 1], [1, 1]))])
    assert found(cosine_of_seeds(three)) == pytest.approx([2 * np.sqrt(0.5) / 3])
    # Without their means (1, 2) and (5, 7) are both (-1, 1) but for length.
    two = pl.concat([track([1, 2]), track([5, 7], seed=1)])
    assert found(cosine_of_seeds(two, centred=True)) == pytest.approx([1.0])
    with pytest.raises(DataError, match="different times"):
        cosine_of_seeds(pl.concat([track([1, 2]), track([1, 2], seed=1, shift=1.0)]))


def test_the_band_of_a_prediction_is_that_of_the_scale() -> None:
    # BDI-II: mild is 14 to 19. 13.9 is below it, 14 and 19.9 are in it, 20 is above.
    pairs = pl.DataFrame({"truth": [14.0] * 4, "prediction": [13.9, 14.0, 19.9, 20.0]})
    about = [pl.lit("a").alias(n) for n in ("recording_id", "subject_id", "session_id")]
    assert found(outside_band(pairs.with_columns(*about, seed=0))) == [1.0, 0.0, 0.0, 1.0]


def test_means_are_over_recordings_then_seeds() -> None:
    # Seed 0: (1 + 0 + 0)/3, seed 1: 1. Not 2/4.
    measured = rows(("a", "P", 0, 1.0), ("b", "P", 0, 0.0), ("c", "Q", 0, 0.0), ("a", "P", 1, 1.0))
    estimate = mean_over_persons(measured)
    assert estimate.value == pytest.approx(2 / 3)


def test_intervals_draw_persons() -> None:
    # Two persons, one all 0, one all 1: a resample is 0, 1/2 or 1, each end a quarter of the time.
    same = [(f"{p}{i}", p, 0, float(p == "Q")) for p in "PQ" for i in range(50)]
    estimate = mean_over_persons(rows(*same))
    assert estimate.interval is not None
    assert (estimate.interval.low, estimate.interval.high) == (0.0, 1.0)
    assert (estimate.interval.n_units, estimate.interval.unit) == (2, "person")


def test_intervals_are_of_the_mean_over_seeds() -> None:
    # Every person has 0 with one seed and 1 with the other: a half, whoever is drawn.
    estimate = mean_over_persons(rows(*[(p, p, s, float(s)) for p in "PQR" for s in (0, 1)]))
    assert estimate.interval is not None
    assert (estimate.interval.low, estimate.interval.high) == (0.5, 0.5)


def test_differences_are_paired() -> None:
    # Persons differ by 10, and each one's two values by 1: every resample has the same difference.
    one = rows(*[(p, p, 0, 10.0 * i) for i, p in enumerate("PQRST")])
    other = one.with_columns(pl.col("value") + 1)
    found = paired_over_persons(one, other)
    assert found.value == pytest.approx(-1)
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx((-1, -1))
    # A recording that only one of them has does not count.
    assert paired_over_persons(one, other.head(4)).value == pytest.approx(-1)
    assert paired_over_persons(one, other.clear()) == Estimate(None)


def test_a_measure_of_ones_own_gets_persons() -> None:
    recordings = rows(("a", "P", 0, 0.0), ("b", "Q", 0, 0.0))
    own = values_of(recordings, [(0, "a", 0.5), (1, "b", np.nan)])
    assert own["subject_id"].to_list() == ["P", "Q"]
    assert mean_over_persons(own).value == 0.5


def test_rank_1_looks_for_the_person_in_other_sessions() -> None:
    # P1 and P2 point the same way; Q1 lies nearer to P than to Q2; R has one session alone.
    vectors = np.array([[1, 0], [2, 0], [1, 0.1], [0, 1], [0.1, 1]], dtype=float)
    persons, sessions = list("PPQQR"), ["P1", "P2", "Q1", "Q2", "R1"]
    hits = rank_1(vectors, persons, sessions)
    assert hits[:4].tolist() == [1.0, 1.0, 0.0, 0.0]
    assert np.isnan(hits[4])
    assert rank_1_by_chance(persons, sessions)[:4].tolist() == [0.25] * 4  # one of four others


def test_a_recording_of_the_same_session_is_no_match() -> None:
    # The two of session P1 are alike, but only P2 counts for them, and it is opposite.
    vectors = np.array([[1, 0], [1, 0], [-1, 0], [0.5, 0.5]])
    hits = rank_1(vectors, list("PPPQ"), ["P1", "P1", "P2", "Q1"])
    assert hits[:3].tolist() == [0.0, 0.0, 0.0]  # Q is nearer to all of them


def test_purity_is_the_share_of_the_majority() -> None:
    # Cluster 0 holds 1, 1, 2 and cluster 1 holds 0: 3 of 4.
    of_each = purity(np.array([0, 0, 0, 1]), np.array([1, 1, 2, 0]))
    assert of_each.tolist() == [1.0, 1.0, 0.0, 1.0]
