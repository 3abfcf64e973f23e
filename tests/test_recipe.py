"""The recipe that networks share: its loss, its values, the segments of an epoch."""

from __future__ import annotations

import math

import pytest
import torch

from deptool.recipe import Recipe, loss, sample


def test_the_loss_is_the_rmse_of_the_batch() -> None:
    score, target = torch.tensor([10.0, 20.0]), torch.tensor([13.0, 16.0])
    # sqrt((3^2 + 4^2) / 2) = sqrt(12.5)
    assert loss(score, target).item() == pytest.approx(math.sqrt(12.5), rel=1e-5)


def test_the_loss_has_a_finite_gradient_at_zero_error() -> None:
    score = torch.tensor([10.0, 20.0], requires_grad=True)
    loss(score, score.detach().clone()).backward()
    assert score.grad is not None
    assert score.grad.tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("frames", 0), ("fps", 0.0), ("fps", math.inf), ("overlap", 1.0), ("overlap", -0.1)),
        *(("max_missing", 1.0), ("learning_rate", math.nan), ("weight_decay", -1.0)),
        *(("segments_per_recording", 0), ("batch_size", 0), ("epochs", 0), ("patience", 0)),
    ],
)
def test_values_that_make_no_sense_are_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name} must be .* not {value}"):
        Recipe(**{name: value})


# --- one epoch -----------------------------------------------------------------------------


def test_an_epoch_has_four_different_segments_of_each_recording() -> None:
    recording = torch.tensor([0] * 30 + [1] * 5 + [2] * 4)  # long ones count no more
    order = sample(recording, recording * 1.0, Recipe(), torch.Generator())
    assert len(order) == len(set(order.tolist())) == 12
    assert recording[order].bincount().tolist() == [4, 4, 4]


def test_a_recording_of_fewer_segments_gives_four_draws_of_them() -> None:
    recording = torch.tensor([0] * 9 + [1] * 2)
    order = sample(recording, recording * 1.0, Recipe(), torch.Generator())
    assert recording[order].bincount().tolist() == [4, 4]


def test_all_segments_are_drawn_in_the_long_run() -> None:
    recording = torch.tensor([0] * 9 + [1] * 3)
    generator = torch.Generator().manual_seed(0)
    seen = [sample(recording, recording * 1.0, Recipe(), generator) for _ in range(40)]
    assert set(torch.cat(seen).tolist()) == set(range(12))


def test_batches_mix_scores_unless_the_order_of_the_scores_is_asked_for() -> None:
    recording = torch.arange(16).repeat_interleave(6)
    score = (recording % 8).float()  # two recordings of each score: one batch of 8 draws
    generator = torch.Generator().manual_seed(0)
    mixed = score[sample(recording, score, Recipe(), generator)]
    assert all(len(set(part.tolist())) > 1 for part in mixed.split(8))
    grouped = score[sample(recording, score, Recipe(shuffle=False), generator)]
    assert [set(part.tolist()) for part in grouped.split(8)] == [{float(s)} for s in range(8)]
