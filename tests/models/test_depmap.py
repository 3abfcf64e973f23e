"""Dep-MAP: its key frames, prototypes, Haar transform, phases, clips, and that nothing leaks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from torch import Tensor

from deptool import key_frames
from deptool.depmap_network import DepMap
from deptool.models import depmap
from deptool.models.depmap import Settings
from deptool.multi_scale import haar, haar_inverse, halve
from deptool.prototypes import Distillation, Prototypes, groups_of, sinkhorn
from deptool.sequences import Batch, Known, Shape

DIMENSIONS = {"visual": 12, "emotional": 7}
SMALL = {"width": 16, "channels": 8, "dimension": 6, "prototypes": 2, "frames": 24}


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def small(**changes: Any) -> Settings:
    return Settings(**{**SMALL, **changes})


def network(settings: Settings | None = None, seed: int = 0) -> DepMap:
    settings = settings or small()
    torch.manual_seed(seed)
    wanted = depmap.streams(settings)
    shapes = {name: Shape(DIMENSIONS[name], 6.0, {}) for name in wanted}
    built = depmap.build(settings, streams=shapes)
    moments = {n: (torch.zeros(s.dimension), torch.ones(s.dimension)) for n, s in shapes.items()}
    depmap.initialise(built, 15.0, moments)
    for name, parameter in built.named_parameters():  # the gates of ESA are shut at the start
        if name.endswith("gamma"):
            parameter.data.fill_(0.5)
    return built.eval()


def clips(
    size: int = 4, steps: int = 24, seed: int = 1
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    valid = torch.rand(size, steps, generator=generator) > 0.1
    values = {
        name: torch.randn(size, steps, n, generator=generator) * valid[..., None]
        for name, n in DIMENSIONS.items()
    }
    return values, dict.fromkeys(DIMENSIONS, valid)


def batch(size: int = 4) -> Batch:
    values, valid = clips(size)
    none = torch.full((size,), -1)
    return Batch(values, valid, torch.linspace(0, 45, size), none, none)


def row(part: Mapping[str, Tensor], k: int) -> dict[str, Tensor]:
    return {name: x[k : k + 1] for name, x in part.items()}


# --- the Haar transform, and the pyramid's means ---------------------------------------------


def test_haar_of_four_numbers() -> None:
    # (1 + 3, 5 + 1) / sqrt 2 and (1 - 3, 5 - 1) / sqrt 2
    low, high = haar(torch.tensor([1.0, 3.0, 5.0, 1.0]))
    torch.testing.assert_close(low, torch.tensor([4.0, 6.0]) / math.sqrt(2))
    torch.testing.assert_close(high, torch.tensor([-2.0, 4.0]) / math.sqrt(2))


def test_haar_is_undone_by_its_inverse() -> None:
    x = torch.randn(2, 3, 8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(haar_inverse(*haar(x)), x)


def test_a_stage_is_halved_over_valid_steps_alone() -> None:
    x = torch.tensor([[[2.0, 4.0, 6.0, 100.0, 7.0, 9.0]]])
    valid = torch.tensor([[True, True, True, False, False, False]])
    # (2 + 4) / 2; 6 alone; nothing
    assert halve(x, valid).tolist() == [[[3.0, 6.0, 0.0]]]


# --- key frames ------------------------------------------------------------------------------


def test_the_sparse_measure_is_max_less_mean() -> None:
    # One channel: twice (1, 0), once (0, 1), and a frame that is not valid. Products of the first:
    # 1, 1, 0, greatest 1, mean 2/3; of the third 0, 0, 1, mean 1/3.
    z = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.6, 0.8]]).view(1, 4, 1, 2)
    valid = torch.tensor([[True, True, True, False]])
    expected = torch.tensor([1 / 3, 1 / 3, 2 / 3, 0.0])
    torch.testing.assert_close(key_frames.sparsity(z, valid).flatten(), expected)


def test_how_many_key_frames() -> None:
    valid = torch.arange(60)[None] < torch.tensor([50, 1, 0, 3])[:, None]
    # ceil(5 ln 50) = ceil(19.56); ln 1 is 0, but one there is; none of none; 5 ln 3 is above 3
    assert key_frames.how_many(valid, 5.0).tolist() == [20, 1, 0, 3]


def test_the_highest_are_valid_and_the_earlier_of_equals() -> None:
    measure = torch.tensor([[1.0, 5.0, 5.0, 9.0, 5.0]])
    valid = torch.tensor([[True, True, True, False, True]])
    found = key_frames.highest(measure, valid, torch.tensor([2]))
    assert found.tolist() == [[False, True, True, False, False]]


def test_time_weights_are_a_softmax_of_counts() -> None:
    # Two channels chose frame 0, one frame 1, none frame 2; frame 3 is not valid.
    chosen = torch.tensor([[[1, 1], [0, 1], [0, 0], [0, 0]]]).bool()
    valid = torch.tensor([[True, True, True, False]])
    total = math.exp(2) + math.exp(1) + 1
    expected = [math.exp(2) / total, math.exp(1) / total, 1 / total, 0.0]
    found = key_frames.time_weight(chosen, valid, 1.0)
    torch.testing.assert_close(found, torch.tensor([expected]))
    # At twice the temperature as for half the count.
    total = math.exp(1) + math.exp(0.5) + 1
    assert key_frames.time_weight(chosen, valid, 2.0)[0, 0] == pytest.approx(math.exp(1) / total)


def test_map_is_the_weighted_mean_of_chosen_frames() -> None:
    # 0.5 and 0.3 become 5/8 and 3/8: 5/8 · 8 + 3/8 · 16 = 11.
    scores = torch.tensor([[8.0, 99.0, 16.0]])
    tw = torch.tensor([[0.5, 0.2, 0.3]])
    chosen = torch.tensor([[True, False, True]])
    assert key_frames.aggregate(scores, tw, chosen).item() == pytest.approx(11)


def test_the_frame_mean_leaves_out_what_is_not_valid() -> None:
    scores = torch.tensor([[1.0, 3.0, 50.0], [7.0, 7.0, 7.0]])
    valid = torch.tensor([[True, True, False], [False, False, False]])
    assert key_frames.frame_mean(scores, valid).tolist() == [2.0, 7.0]


# --- prototypes ------------------------------------------------------------------------------


@examples(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(1, 6))
def test_sinkhorn_gives_each_token_whole_and_each_prototype_its_part(
    seed: int, tokens: int, prototypes: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    cosine = 2 * torch.rand(tokens, prototypes, generator=generator) - 1
    group = torch.arange(tokens) % 2
    plan = sinkhorn(cosine, group)
    torch.testing.assert_close(plan.sum(1), torch.ones(tokens))
    # With rounds without end (and less sharply, so that they are few) both marginals hold.
    plan = sinkhorn(cosine, group, rounds=200, epsilon=1.0)
    for g in group.unique():
        even = torch.full((prototypes,), float((group == g).sum()) / prototypes)
        torch.testing.assert_close(plan[group == g].sum(0), even, rtol=1e-3, atol=0)


def test_tokens_are_assigned_within_their_group() -> None:
    prototypes = Prototypes(groups=2, each=2, dimension=2)
    axes = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    prototypes.vectors.copy_(torch.stack([axes, axes]))
    z = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    # Groups 0, 0, 1, 1; in each the first prototype is the first axis: 0, 1, then 2, 3.
    assert prototypes.assign(prototypes(z), torch.tensor([0, 0, 1, 1])).tolist() == [0, 1, 2, 3]


def test_equal_tokens_are_not_all_given_to_one_prototype_when_others_are_near() -> None:
    # All are nearest to the first prototype; an equal part of them goes to the second.
    prototypes = Prototypes(groups=1, each=2, dimension=2)
    prototypes.vectors.copy_(torch.tensor([[[1.0, 0.0], [0.0, 1.0]]]))
    angle = torch.tensor([0.1, 0.2, 0.5, 0.6])
    z = torch.stack([angle.cos(), angle.sin()], dim=1)
    assert (z @ prototypes.vectors[0].mT).argmax(1).tolist() == [0, 0, 0, 0]
    nearest = prototypes.assign(prototypes(z), torch.zeros(4, dtype=torch.long))
    assert nearest.tolist() == [0, 0, 1, 1]


def test_a_prototype_moves_a_little_towards_its_tokens() -> None:
    prototypes = Prototypes(groups=1, each=2, dimension=2)
    prototypes.vectors.copy_(torch.tensor([[[1.0, 0.0], [0.0, -1.0]]]))
    z = torch.tensor([[0.6, 0.8], [-0.6, 0.8]])  # their mean points to (0, 1)
    prototypes.learn(z, torch.tensor([0, 0]), momentum=0.75)
    # 0.75 · (1, 0) + 0.25 · (0, 1), to unit length; the other has no tokens and stays.
    expected = torch.tensor([3.0, 1.0]) / math.sqrt(10)
    torch.testing.assert_close(prototypes.vectors[0, 0], expected)
    assert prototypes.vectors[0, 1].tolist() == [0.0, -1.0]


def test_key_tokens_have_the_class_and_others_the_last_group() -> None:
    chosen = torch.tensor([[[True, False], [False, False]], [[True, True], [False, True]]])
    valid = torch.tensor([[True, True], [True, False]])
    group = groups_of(chosen, torch.tensor([2, 0]), valid, other=4)
    assert group.tolist() == [2, 4, 4, 4, 0, 0]


def test_class_logits_by_hand() -> None:
    # One frame of weight 1, one channel; cosines of class 0: 0.2, 0.6, of class 1: 0.1, 0.1.
    # Equal shares of two, times two, over the temperature 0.1: 8 and 2. "Other" is left out.
    cosine = torch.tensor([[0.2, 0.6], [0.1, 0.1], [0.9, 0.9]]).view(1, 1, 1, 3, 2)
    said = Distillation(classes=2, each=2).classify(cosine, torch.ones(1, 1))
    torch.testing.assert_close(said, torch.tensor([[8.0, 2.0]]))


def test_distillation_by_hand() -> None:
    # As above, class 0, one token, assigned to prototype 1 of class 0. L_cls = ln(1 + e^(2 - 8));
    # L_ppd is the cross-entropy of the cosines over 0.1 (one token: its weight cancels out).
    cosine = torch.tensor([[0.2, 0.6], [0.1, 0.1], [0.9, 0.9]]).view(1, 1, 1, 3, 2)
    valid = torch.ones(1, 1, dtype=torch.bool)
    found = Distillation(classes=2, each=2)(
        cosine, torch.ones(1, 1), torch.tensor([0]), torch.tensor([1]), valid
    )
    logits = [2, 6, 1, 1, 9, 9]
    near = math.log(sum(math.exp(v) for v in logits)) - 6
    assert found.item() == pytest.approx(math.log(1 + math.exp(-6)) + near, rel=1e-5)


# --- the network -----------------------------------------------------------------------------


def test_a_score_is_the_same_alone_and_in_a_batch() -> None:
    built, (values, valid) = network(), clips()
    together = built(values, valid)
    for k in range(4):
        torch.testing.assert_close(built(row(values, k), row(valid, k))[0], together[k])


def test_time_weights_do_not_change_from_one_call_to_the_next() -> None:
    built, (values, valid) = network(), clips()
    first = built.key(built.look(values, valid))
    torch.manual_seed(7)
    again = built.key(built.look(values, valid))
    assert torch.equal(first.tw, again.tw)
    assert torch.equal(first.frames, again.frames)


def test_frames_that_are_not_valid_are_never_key() -> None:
    built, (values, valid) = network(), clips()
    key = built.key(built.look(values, valid))
    there = valid["visual"]
    assert not key.frames[~there].any()
    for choice in built.choices(built.look(values, valid)).values():
        assert not choice.chosen[~there].any()
    assert key.tw[~there].abs().max() == 0
    torch.testing.assert_close(key.tw.sum(1), torch.ones(4))


def test_padding_changes_nothing() -> None:
    built, (values, valid) = network(), clips(steps=21)
    longer = {n: torch.nn.functional.pad(v, (0, 0, 0, 9)) for n, v in values.items()}
    more = {n: torch.nn.functional.pad(v, (0, 9)) for n, v in valid.items()}
    torch.testing.assert_close(built(longer, more), built(values, valid))


def test_a_clip_without_a_face_has_a_score() -> None:
    built = network()
    values = {name: torch.zeros(1, 9, n) for name, n in DIMENSIONS.items()}
    valid = {name: torch.zeros(1, 9, dtype=torch.bool) for name in DIMENSIONS}
    assert (built(values, valid) - 15).abs().item() < 15


def test_the_gate_of_esa_is_shut_at_the_start() -> None:
    settings = small()
    built, other = network(settings), network(settings)
    for name, parameter in other.named_parameters():
        if name.endswith("gamma"):
            parameter.data.zero_()
    seen, shut = (n.look(*clips()) for n in (built, other))
    assert all(torch.equal(shut.visual[s], shut.emotional[s]) for s in (1, 2, 3, 4))
    assert not torch.equal(seen.visual[1], seen.emotional[1])


def test_the_mean_score_of_frames_comes_before_the_gate_and_map_after() -> None:
    settings = small()
    built, (values, valid) = network(settings), clips()
    seen = built.look(values, valid)
    mean = key_frames.frame_mean(seen.scores, seen.valid)
    whole = built(values, valid)
    torch.testing.assert_close(whole, built.aggregated(seen, built.key(seen)))
    depmap.begin(built, 0, settings)
    torch.testing.assert_close(built(values, valid), mean)
    depmap.begin(built, 1, settings)
    assert torch.equal(built(values, valid), whole)


def test_the_loss_before_the_gate_is_the_squared_error_of_the_mean_alone() -> None:
    settings = small(dropout=0.0)
    built, drawn = network(settings), batch()
    depmap.begin(built, 0, settings)
    error = (built(drawn.values, drawn.valid) - drawn.score).square().mean()
    torch.testing.assert_close(depmap.loss(built, drawn, 0, settings), error)


def test_after_the_gate_the_mean_map_and_kfbsd_are_added_up() -> None:
    settings = small(dropout=0.0)
    built, drawn = network(settings), batch()
    seen = built.look(drawn.values, drawn.valid)
    mean = (key_frames.frame_mean(seen.scores, seen.valid) - drawn.score).square().mean()
    aggregated = (built.aggregated(seen, built.key(seen)) - drawn.score).square().mean()
    # Scores 0, 15, 30, 45: minimal, mild, severe, severe.
    kfbsd = built.distil(seen, built.choices(seen), torch.tensor([0, 1, 3, 3]), momentum=0.9)
    whole = depmap.loss(built, drawn, 1, settings)
    torch.testing.assert_close(whole, mean + aggregated + 0.1 * kfbsd)


def test_prototypes_move_in_the_last_phase_of_training_alone() -> None:
    settings = small(momentum=0.5)
    built, drawn = network(settings), batch()
    before = {name: b.clone() for name, b in built.named_buffers()}
    depmap.loss(built.eval(), drawn, 1, settings)
    assert all(torch.equal(b, before[name]) for name, b in built.named_buffers())
    depmap.loss(built.train(), drawn, 0, settings)
    assert torch.equal(built.prototypes.vectors, before["prototypes.vectors"])
    assert not torch.equal(built.mean_map, before["mean_map"])
    depmap.loss(built, drawn, 1, settings)
    assert not torch.equal(built.prototypes.vectors, before["prototypes.vectors"])


def test_prototypes_are_learnt_from_the_deepest_emotional_branch() -> None:
    assert network().teacher == "emotional4"
    assert network(small(branches="visual")).teacher == "visual4"
    assert network(small(scales="12")).teacher == "emotional2"


def test_prototypes_stay_with_the_weights() -> None:
    settings = small(momentum=0.5)
    built, other = network(settings), network(settings, seed=1)
    depmap.loss(built.train(), batch(), 1, settings)
    other.load_state_dict(built.state_dict())
    assert other.prototypes.vectors.shape == (5, 2, 6)  # four classes and "Other", K, numbers
    assert torch.equal(other.prototypes.vectors, built.prototypes.vectors)
    values, valid = clips()
    seen, again = built.eval().look(values, valid), other.look(values, valid)
    assert torch.equal(built.nearest(seen), other.nearest(again))


def test_features_learn_from_prototypes() -> None:
    settings = small()
    built, drawn = network(settings).train(), batch()
    seen = built.look(drawn.values, drawn.valid)
    built.distil(seen, built.choices(seen), torch.tensor([0, 1, 3, 3]), momentum=0.9).backward()
    first = built.pyramid.stages[0].first.weight.grad
    assert first is not None
    assert first.abs().sum() > 0


def test_what_is_told_of_times() -> None:
    settings = small()
    built, (values, valid) = network(settings), clips(size=1)
    told = {t.kind: t for t in depmap.explain(built, values, valid, settings)}
    assert {*told} == {"key_frame", "relevance", "prototype"}
    n = int(valid["visual"].sum())
    key = told["key_frame"]
    assert key.value.sum() == min(n, math.ceil(5 * math.log(n)))
    first = int(valid["visual"][0].nonzero()[0])
    assert key.start[0] == pytest.approx(first / 6)
    assert key.end - key.start == pytest.approx(np.full(n, 1 / 6))
    assert told["relevance"].value.sum() == pytest.approx(1, abs=1e-6)
    assert {*told["prototype"].value} <= {*range(10)}


# --- the recipe ------------------------------------------------------------------------------


def test_clips_cover_a_recording() -> None:
    settings = Settings(frames=48, fps=6)  # 8 s
    assert depmap.clips(20.0, settings) == [(0, 8), (8, 16), (12, 20)]
    assert depmap.clips(16.0, settings) == [(0, 8), (8, 16)]
    assert depmap.clips(5.0, settings) == [(0, 5)]
    assert depmap.clips(20.0, Settings(frames=48, fps=6, windows="centre")) == [(6, 14)]


def test_drawn_clips_do_not_overlap_and_lie_inside() -> None:
    settings = Settings(frames=48, fps=6, batch_size=4)
    none = torch.full((3,), -1)
    known = Known(torch.zeros(3), none, none, torch.tensor([20.0, 60.0, 5.0]).double())
    generator = torch.Generator().manual_seed(0)
    three = small_known(known)
    batches = depmap.draw(three, 1, settings, generator)
    drawn = [clip for one in batches for clip in one]
    # The shortest is 20 s: ceil(20 / 8) = 3, but only 2 fit into it; 3 of the other one.
    assert sorted(clip.recording for clip in drawn) == [0, 0, 1, 1, 1]
    assert [len(one) for one in batches] == [4, 1]
    for recording, seconds in enumerate((20.0, 60.0)):
        spans = sorted((c.start, c.end) for c in drawn if c.recording == recording)
        assert spans[0][0] >= 0
        assert spans[-1][1] <= seconds
        assert all(a[1] <= b[0] + 1e-9 for a, b in pairwise(spans))
    # With one of 5 s among them a clip of each is drawn, and of that one the whole.
    drawn = [clip for one in depmap.draw(known, 1, settings, generator) for clip in one]
    assert sorted(clip.recording for clip in drawn) == [0, 1, 2]
    assert next(c.end for c in drawn if c.recording == 2) == 5


def small_known(known: Known) -> Known:
    """Without the last recording."""
    return Known(known.score[:2], known.subject[:2], known.session[:2], known.seconds[:2])


def test_the_learning_rate_rises_once_and_falls_once() -> None:
    settings = Settings()
    whole = [depmap.rate(0, e / 4, settings) for e in range(40)]
    whole += [depmap.rate(1, e / 4, settings) for e in range(360)]
    assert whole[0] == pytest.approx(1e-3)
    assert whole[4] == 1  # after the epoch of warm-up
    assert all(a < b for a, b in pairwise(whole[:5]))
    assert all(a > b for a, b in pairwise(whole[4:]))
    assert depmap.rate(1, 90, settings) == pytest.approx(1e-6)


def test_without_prototypes_there_is_no_gate() -> None:
    (only,) = depmap.phases(Settings(sdpm=False, kdm=False, map=False))
    assert only.epochs == 100
    assert [p.epochs for p in depmap.phases(Settings())] == [10, 90]


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"sdpm": False}, "kdm needs"),
        ({"sdpm": False, "kdm": False}, "map needs"),
        ({"scales": "41"}, "scales"),
        ({"scales": ""}, "scales"),
        ({"thresholds": "19,13"}, "thresholds"),
        ({"thresholds": "mild"}, "thresholds"),
        ({"span": 4}, "span"),
        ({"momentum": 1.0}, "momentum"),
        ({"frames": 0}, "frames"),
        ({"clips_per_recording": 0}, "clips_per_recording"),
        ({"branches": "neither"}, "branches"),
    ],
)
def test_settings_refuse_what_makes_no_sense(changes: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        Settings(**changes)
