"""What attacks see and do not see of a face: its shape, its place in the picture, its motion."""

import numpy as np
import polars as pl
import pytest

from deptool.attacks import (
    dynamics_summary,
    known_video,
    metadata,
    sequence_embedding,
    static_shape,
)
from deptool.face.pose_68 import stable_68
from deptool.identification import Sample
from deptool.measured import LANDMARK_COLUMNS
from tests.attacks.cohorts import cohort, samples


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    return samples(cohort(tmp_path_factory.mktemp("one") / "synthetic", 0.5, subjects=4), 1)[0]


def changed(sample: Sample, change) -> Sample:
    """The same with its landmarks (row, 136) changed."""
    values = change(sample.table.select(LANDMARK_COLUMNS).to_numpy().astype(float))
    columns = [
        pl.Series(name, column, pl.Float32, nan_to_null=True)
        for name, column in zip(LANDMARK_COLUMNS, values.T, strict=True)
    ]
    return Sample(
        sample.person, sample.session, sample.recording, sample.table.with_columns(columns)
    )


def of_another_shape(sample: Sample) -> Sample:
    """Points that alignment does not rest on are elsewhere in the face, and move as before."""
    from deptool.face.align import aligned, similarity

    rng = np.random.default_rng(0)
    offset = 0.1 * rng.standard_normal((68, 2))
    offset[stable_68()[0]] = 0

    def change(values):
        points = np.stack([values[:, :68], values[:, 68:]], axis=2)
        a, b = similarity(points)
        moved = aligned(points) + offset
        back = (moved @ np.array([1, 1j]) - b[:, None]) / a[:, None]
        return np.concatenate([back.real, back.imag], axis=1)

    return changed(sample, change)


def test_the_shape_attack_does_not_see_place_and_size(sample):
    moved = changed(sample, lambda values: 1.7 * values + 40)
    np.testing.assert_allclose(
        static_shape.describe(moved), static_shape.describe(sample), atol=1e-4
    )


def test_the_shape_attack_sees_another_shape(sample):
    other = static_shape.describe(of_another_shape(sample))
    assert np.abs(other - static_shape.describe(sample)).max() > 0.05


@pytest.mark.parametrize("attack", [dynamics_summary, sequence_embedding, known_video])
def test_attacks_on_motion_do_not_see_the_shape(attack, sample):
    one, other = attack.describe(sample), attack.describe(of_another_shape(sample))
    assert (np.isfinite(one) == np.isfinite(other)).all()
    np.testing.assert_allclose(np.nan_to_num(one), np.nan_to_num(other), rtol=0.01, atol=0.01)


def test_correlations_are_those_of_numpy():
    values = np.random.default_rng(1).standard_normal((40, 3))
    values[:, 2] = 7  # never changes: no correlation with anything
    found = dynamics_summary.correlations(np.column_stack([values, np.full(40, np.nan)]))
    # Pairs in order: 01 02 03 12 13 23; column 3 is not there.
    r = np.corrcoef(values[:, 0], values[:, 1])[0, 1]
    np.testing.assert_allclose(found, [r, 0, np.nan, 0, np.nan, np.nan])


def test_gaps_are_counted_and_measured():
    # 2 rows a second for 8 s; lost in rows 2-4 (1.5 s) and in row 10 (0.5 s).
    success = np.ones(16, np.int32)
    success[[2, 3, 4, 10]] = 0
    table = pl.DataFrame({"timestamp": np.arange(16) / 2, "success": success})
    found = metadata.of_rows(table)
    # Length, first time, rows, step, share lost, gaps, their mean and longest, then 16 places.
    np.testing.assert_allclose(found[:8], [7.5, 0, 16, 0.5, 0.25, 2, 1.0, 1.5])
    np.testing.assert_array_equal(found[8:], 1 - success)


def test_a_task_is_no_metadata(sample):
    other = Sample(sample.person, sample.session, {**sample.recording, "task": "x"}, sample.table)
    assert np.array_equal(metadata.describe(sample), metadata.describe(other))


def test_a_change_is_read_over_a_sixth_of_a_second_and_over_no_hole(sample):
    signals = sample.signals
    times = np.arange(6) / 6
    holed = np.array([0, 1, 2, 9, 10, 11]) / 6
    for given, lost in ((times, [0]), (holed, [0, 3])):
        one = type(signals)(given, signals.behaviour[:6], signals.points[:6])
        found = one.change(np.arange(6.0)[:, None])[:, 0]
        assert np.flatnonzero(np.isnan(found)).tolist() == lost
        np.testing.assert_allclose(np.delete(found, lost), 6.0)
