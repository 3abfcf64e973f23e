"""MDDR against the equations of its paper, and what it does where a modality is missing."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from deptool.band_loss import dr_loss
from deptool.dual_attention import Alignment, Attention, Encoder, Mean, on_grid
from deptool.models import mddr
from deptool.models.mddr import MDDR, Settings
from deptool.sequences import Known, Shape

BANDS = (14.0, 20.0, 29.0)  # BDI-II
NUMBERS = {"face": 7, "pose": 5, "voice": 6}
SMALL = {"width": 8, "layers": 1, "heads": 2, "feed_forward": 16, "hidden": 6}

Groups = dict[str, Tensor]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def network(noise: float = 0.3, **changes: object) -> MDDR:
    """A small network whose scores start from 15 points, every weight drawn wide with `noise`."""
    torch.manual_seed(0)
    chosen = Settings(**{**SMALL, "modalities": "face,pose,voice", **changes})
    rate = {"face": 1.0, "pose": 2.0, "voice": 1.0}
    shapes = {name: Shape(NUMBERS[name], rate[name], {}) for name in mddr.names(chosen)}
    model = mddr.build(chosen, streams=shapes)
    moments = {n: (torch.zeros(s.dimension), torch.ones(s.dimension)) for n, s in shapes.items()}
    mddr.initialise(model, 15.0, moments)
    for parameter in model.parameters():
        parameter.data += noise * torch.randn_like(parameter)
    return model.eval()


def clips(model: MDDR, size: int = 2, seconds: int = 12) -> tuple[Groups, Groups]:
    generator = torch.Generator().manual_seed(1)
    values, valid = {}, {}
    for name in model.names:
        steps = round(seconds * model.ratio[name])
        values[name] = torch.randn(size, steps, NUMBERS[name], generator=generator)
        valid[name] = torch.ones(size, steps, dtype=torch.bool)
    return values, valid


def without(valid: Groups, name: str) -> Groups:
    return {**valid, name: torch.zeros_like(valid[name])}


# --- Eq. 1, one time and one modality at a time ---------------------------------------------


def eq_1(
    attention: Attention, x: np.ndarray, valid: np.ndarray, values: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """x (n, D) -> the weighted sum of values (D,) and the weights (n,)."""
    state = {name: value.numpy() for name, value in attention.state_dict().items()}
    scores = []
    for row in x:
        inner = np.tanh(state["score.0.weight"] @ row + state["score.0.bias"])
        scores.append(float((state["score.2.weight"] @ inner)[0]))
    powers = [math.exp(s) if good else 0.0 for s, good in zip(scores, valid, strict=True)]
    weights = np.array(powers) / sum(powers)
    total = np.zeros(x.shape[1])
    for weight, row in zip(weights, values, strict=True):
        total += weight * row
    return total, weights


@torch.no_grad()
def test_attention_over_modalities_is_equation_1_at_each_time() -> None:
    model = network()
    values, valid = clips(model)
    valid["pose"][0, 4:8] = False  # 2 Hz: times 2 and 3
    x, there = model.aligned(values, valid)
    summed = functional.layer_norm(x, (8,), model.norm.weight, model.norm.bias).numpy()
    with pytest.MonkeyPatch.context() as patch:  # what the encoder is given
        given: list[Tensor] = []
        patch.setattr(model.encoder, "forward", lambda x, valid: given.append(x) or x)
        weights = model.see(values, valid).modality
    (fused,) = given
    for clip in range(2):
        for time in range(12):
            at = clip, time
            expected = eq_1(model.fan, x[at].numpy(), there[at].numpy(), summed[at])
            np.testing.assert_allclose(fused[clip, time], expected[0], atol=1e-5)
            np.testing.assert_allclose(weights[clip, time], expected[1], atol=1e-6)
    assert (weights[0, 2:4, 1] == 0).all()
    assert (weights[0, :2, 1] > 0).all()


@torch.no_grad()
def test_attention_over_time_is_the_same_with_times_in_the_place_of_modalities() -> None:
    torch.manual_seed(0)
    attention = Attention(8, 6)
    o = torch.randn(2, 9, 8)
    valid = torch.ones(2, 9, dtype=torch.bool)
    valid[1, 5:] = False
    found, weights = attention(o, valid)
    for clip in range(2):
        expected = eq_1(attention, o[clip].numpy(), valid[clip].numpy(), o[clip].numpy())
        np.testing.assert_allclose(found[clip], expected[0], atol=1e-5)
        np.testing.assert_allclose(weights[clip], expected[1], atol=1e-6)


def test_without_attention_all_that_is_valid_weighs_the_same() -> None:
    x = torch.tensor([[[1.0], [2.0], [6.0]]])
    found, weights = Mean()(x, torch.tensor([[True, False, True]]))
    assert found.tolist() == [[3.5]]  # (1 + 6) / 2
    assert weights.tolist() == [[0.5, 0.0, 0.5]]


@torch.no_grad()
def test_the_encoder_does_not_look_at_times_that_are_not_valid() -> None:
    torch.manual_seed(0)
    encoder = Encoder(width=8, layers=2, heads=2, feed_forward=16, dropout=0.0).eval()
    x = torch.randn(1, 6, 8)
    valid = torch.tensor([[True, True, False, True, True, True]])
    other = x.clone()
    other[:, 2] = 100.0
    found, again = encoder(x, valid), encoder(other, valid)
    torch.testing.assert_close(found[valid], again[valid])


def test_every_layer_of_the_encoder_is_drawn_anew() -> None:
    encoder = Encoder(width=8, layers=2, heads=2, feed_forward=16, dropout=0.0)
    one, other = (block.linear1.weight for block in encoder.blocks)
    assert not torch.equal(one, other)


# --- alignment ----------------------------------------------------------------------------


def test_fifty_steps_of_sound_become_one() -> None:
    sound = Alignment(16, 32, ratio=50.0)
    assert [tuple(c.weight.shape) for c in sound.convolutions] == [
        (8, 16, 10),  # filters, what they see, kernel: 128, 256 and 512 of D = 512
        (16, 8, 5),
        (32, 16, 3),
    ]
    assert [c.stride for c in sound.convolutions] == [(5,), (5,), (2,)]
    x, valid = sound(torch.randn(2, 500, 16), torch.ones(2, 500) > 0, 10)
    assert x.shape == (2, 10, 32)
    assert valid.shape == (2, 10)
    assert valid.all()


@torch.no_grad()
def test_what_a_step_of_sound_sees_lies_around_its_second() -> None:
    # Kernels 10, 5, 3 with strides 5, 5, 2 see 10 + 4*5 + 2*25 = 80 steps; 50 are the second
    # itself. Layers pad 2 and 3, 0 and 0, 0 and 1 of their own steps: 2 before and 28 behind.
    torch.manual_seed(0)
    sound = Alignment(3, 8, ratio=50.0)
    valid = torch.ones(1, 500) > 0
    before = sound(torch.zeros(1, 500, 3), valid, 10)[0]
    changed = []
    for step in (197, 198, 277, 278):  # around what the fifth second, 200 to 249, sees
        x = torch.zeros(1, 500, 3)
        x[0, step] = 50.0
        changed.append(bool((sound(x, valid, 10)[0][0, 4] != before[0, 4]).any()))
    assert changed == [False, True, True, False]


@torch.no_grad()
def test_sound_that_is_missing_is_as_the_padding_in_every_layer() -> None:
    torch.manual_seed(0)
    sound = Alignment(3, 8, ratio=50.0)
    for convolution in sound.convolutions:
        nn.init.constant_(convolution.bias, 0.5)  # what would come of zeros
    x = torch.randn(1, 200, 3)
    valid = torch.arange(200)[None] < 100
    longer, there = sound(x, valid, 4)
    shorter, _ = sound(x[:, :100], valid[:, :100], 2)
    torch.testing.assert_close(longer[:, :2], shorter)
    assert there.tolist() == [[True, True, False, False]]


def test_a_hundred_steps_of_sound_become_one_by_a_mean_behind_the_convolutions() -> None:
    sound = Alignment(3, 8, ratio=100.0)
    assert sound.ratio == 2.0
    x, valid = sound(torch.randn(1, 1000, 3), torch.ones(1, 1000) > 0, 10)
    assert x.shape == (1, 10, 8)
    assert valid.all()


def test_a_sparse_stream_has_one_convolution_of_kernel_1() -> None:
    (convolution,) = Alignment(12, 512, ratio=1.0).convolutions
    assert tuple(convolution.weight.shape) == (512, 12, 1)


def test_a_time_of_the_grid_has_the_mean_of_its_valid_steps() -> None:
    x = torch.tensor([[[1.0], [3.0], [5.0], [7.0], [9.0], [11.0]]])
    valid = torch.tensor([[True, True, True, False, False, False]])
    found, there = on_grid(x, valid, 2.0, 3)  # steps 0 and 1, 2 and 3, 4 and 5
    assert found.flatten().tolist() == [2.0, 5.0, 0.0]
    assert there.tolist() == [[True, True, False]]


def test_a_slow_step_stands_for_all_times_in_it() -> None:
    x = torch.tensor([[[1.0], [2.0]]])
    found, there = on_grid(x, torch.ones(1, 2) > 0, 0.5, 5)  # each lasts two times; then none
    assert found.flatten().tolist() == [1.0, 1.0, 2.0, 2.0, 0.0]
    assert there.tolist() == [[True, True, True, True, False]]


def test_a_rate_that_is_no_whole_multiple_keeps_time() -> None:
    # 2.5 steps for a time: middles 0.2, 0.6 | 1.0, 1.4, 1.8 of the grid's times
    x = torch.arange(5.0).reshape(1, 5, 1)
    found, _ = on_grid(x, torch.ones(1, 5) > 0, 2.5, 2)
    assert found.flatten().tolist() == [0.5, 3.0]


# --- what is missing ------------------------------------------------------------------------


@torch.no_grad()
def test_a_modality_that_is_missing_throughout_changes_nothing() -> None:
    # Face and pose alone: softmax over what is there is the same with a third of weight 0.
    model = network()
    values, valid = clips(model)
    missing = without(valid, "voice")
    noise = {**values, "voice": torch.full_like(values["voice"], 9.0)}
    assert torch.equal(model(noise, missing), model(values, missing))
    seen = model.see(values, missing)
    assert (seen.modality[..., 2] == 0).all()
    torch.testing.assert_close(seen.modality.sum(-1), torch.ones(2, 12))
    assert not torch.allclose(model(values, missing), model(values, valid))


@torch.no_grad()
def test_one_modality_that_is_left_scores_as_a_network_of_it_alone() -> None:
    model, alone = network(), network(modalities="pose")
    alone.load_state_dict({k: model.state_dict()[k] for k in alone.state_dict()})
    values, valid = clips(model)
    left = without(without(valid, "voice"), "face")
    torch.testing.assert_close(model(values, left), alone(values, valid))


@torch.no_grad()
def test_a_time_at_which_nothing_was_measured_takes_no_part() -> None:
    model = network()
    values, valid = clips(model)
    for name in model.names:
        valid[name][:, : round(3 * model.ratio[name])] = False
    seen = model.see(values, valid)
    assert (seen.time[:, :3] == 0).all()
    assert (seen.modality[:, :3] == 0).all()
    torch.testing.assert_close(seen.time.sum(1), torch.ones(2))


@torch.no_grad()
def test_a_recording_without_anything_has_the_training_mean() -> None:
    model = network()  # whose last bias is not 15 any more
    values, valid = clips(model)
    none = {name: v.clone() for name, v in valid.items()}
    for v in none.values():
        v[0] = False
    score = model(values, none)
    assert score[0] == 15.0
    torch.testing.assert_close(score[1], model(values, valid)[1])


# --- the loss -------------------------------------------------------------------------------


def dr(score: float, target: float, **changes: float) -> float:
    found = dr_loss(torch.tensor([score]), torch.tensor([target]), bands=BANDS, **changes)
    return found.item()


@pytest.mark.parametrize(
    ("score", "target", "expected"),
    [
        (11.0, 10.0, 0.05),  # minimal both, |e| = 1: 0.1 · 1² / 2
        (12.0, 10.0, 0.2),  # |e| = delta still counts as near: 0.1 · 2² / 2
        (12.5, 10.0, 3.0),  # further: 2 · (2.5 - 1)
        (13.5, 13.0, 0.0125),  # 13.5 is below 14: minimal, 0.1 · 0.5² / 2
        (14.0, 13.0, 0.5),  # a band begins at its border: mild, 1² / 2
        (13.0, 14.0, 0.5),  # and the other way round
        (19.5, 20.0, 0.125),  # mild is not moderate, 0.5² / 2
        (28.5, 28.0, 0.0125),  # moderate both
        (29.0, 28.0, 0.5),  # severe is not
        (70.0, 40.0, 58.0),  # severe both, and far: 2 · (30 - 1)
        (-1.0, 0.5, 0.1125),  # beyond the scale is in its end band: 0.1 · 1.5² / 2
    ],
)
def test_dr_loss_by_hand(score: float, target: float, expected: float) -> None:
    assert dr(score, target) == pytest.approx(expected, rel=1e-5)


def test_w_is_the_share_that_is_left() -> None:
    assert dr(11.0, 10.0, w=0.3) == pytest.approx(0.15)  # 0.3 · 1² / 2
    assert dr(11.0, 10.0, w=0.0) == 0.0
    assert dr(11.0, 10.0, w=1.0) == pytest.approx(0.5)


def test_delta_is_the_huber_threshold_too() -> None:
    assert dr(14.0, 10.0, delta=1.0) == pytest.approx(3.5)  # 1 · (4 - 1/2), and another band
    assert dr(13.0, 10.0, delta=5.0) == pytest.approx(0.45)  # 0.1 · 3² / 2


points = st.floats(-20, 80, width=32)


@settings(deadline=None, max_examples=200)
@given(points, points, st.booleans())
def test_dr_loss_is_huber_outside_and_never_above_it(
    score: float, target: float, smooth: bool
) -> None:
    found = dr(score, target, smooth=smooth)
    given_ = torch.tensor([score]), torch.tensor([target])
    huber = functional.huber_loss(*given_, delta=2.0).item()
    error = (given_[0] - given_[1]).abs().item()
    apart = np.digitize([score, target], BANDS)
    assert 0.1 * huber - 1e-6 <= found <= huber + 1e-6
    if error > 2 or apart[0] != apart[1]:
        assert found == pytest.approx(huber)
    elif not smooth:
        assert found == pytest.approx(0.1 * huber)


@pytest.mark.parametrize(("score", "target"), [(12.0, 10.0), (8.0, 10.0), (14.0, 13.5)])
def test_the_smooth_loss_does_not_jump(score: float, target: float) -> None:
    # At |e| = delta and where the score enters the next band. Eq. 3 as printed does.
    either_side = [dr(score + step, target, smooth=True) for step in (-1e-4, 1e-4)]
    assert either_side[0] == pytest.approx(either_side[1], abs=1e-3)
    printed = [dr(score + step, target) for step in (-1e-4, 1e-4)]
    assert abs(printed[0] - printed[1]) > 0.05


# --- settings, training, tracks -------------------------------------------------------------


@pytest.mark.parametrize("words", ["", "face,,pose", "face,face", "face,../voice"])
def test_modalities_are_names_each_once(words: str) -> None:
    with pytest.raises(ValueError, match="modalities"):
        Settings(modalities=words)


@pytest.mark.parametrize("words", ["", "14,mild", "20,14"])
def test_bands_are_scores_that_ascend(words: str) -> None:
    with pytest.raises(ValueError, match="bands"):
        Settings(bands=words)


def test_a_word_that_is_not_face_or_pose_is_a_cache_as_it_is() -> None:
    found = mddr.streams(Settings(modalities="pose, synthetic-voice"))
    assert found["synthetic-voice"].source == "synthetic-voice"
    assert found["synthetic-voice"].hz is None
    assert found["pose"].source == "behaviour:head_pose?+gaze?"


def test_the_rate_falls_to_a_tenth_every_50_epochs() -> None:
    rates = [mddr.rate(0, epoch, Settings()) for epoch in (0, 49.9, 50, 99.9, 100)]
    assert rates == pytest.approx([1, 1, 0.1, 0.1, 0.01])


def test_long_recordings_are_cropped_to_whole_steps_and_short_ones_are_not() -> None:
    seconds = torch.tensor([100.0, 20.0] * 4, dtype=torch.float64)
    known = Known(torch.zeros(8), torch.zeros(8), torch.zeros(8), seconds)
    generator = torch.Generator().manual_seed(0)
    chosen = Settings(crop_s=30.0, batch_size=3)
    batches = [b for _ in range(20) for b in mddr.draw(known, 0, chosen, generator)]
    assert [len(b) for b in batches[:3]] == [3, 3, 2]
    drawn = [clip for b in batches for clip in b]
    short = [c for c in drawn if c.recording % 2]
    long = [c for c in drawn if not c.recording % 2]
    assert all((c.start, c.end) == (0.0, None) for c in short)
    assert {c.end - c.start for c in long if c.end} == {30.0}
    starts = {c.start for c in long}
    assert starts <= set(range(71))  # the last crop is from 70 to 100 s
    assert max(starts) > 60
    assert len(starts) > 30


def test_scoring_takes_all_of_a_recording() -> None:
    assert not hasattr(mddr, "clips")


@torch.no_grad()
def test_tracks_are_the_weights_of_what_was_measured() -> None:
    model = network()
    values, valid = clips(model, size=1)
    for name in model.names:
        valid[name][:, round(2 * model.ratio[name]) : round(4 * model.ratio[name])] = False
    tracks = {t.name: t for t in mddr.explain(model, values, valid, Settings())}
    assert list(tracks) == ["face", "pose", "voice", "time"]
    assert [t.kind for t in tracks.values()] == ["modality"] * 3 + ["time"]
    assert tracks["face"].start.tolist() == [0, 1, *range(4, 12)]
    total = sum(tracks[name].value for name in model.names)
    np.testing.assert_allclose(total, np.ones(10), atol=1e-6)
    assert tracks["time"].value.sum() == pytest.approx(1)
