"""ExpADA against the equations of its paper, and what it is for: finding segments."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from deptool.models import expada
from deptool.models.expada import STREAM, ExpADA, Settings
from deptool.segment_encoder import cut
from deptool.selection import Selected, places, top, voted
from deptool.sequences import Batch, Known, Shape

NUMBERS = 5
SMALL = {"dimension": 8, "heads": 2, "layers": 1, "hidden": 6, "frames": 4, "dropout": 0.0}

Arrays = np.ndarray


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def network(noise: float = 0.5, **changes: object) -> ExpADA:
    """A small network whose scores start from 15 points, every weight drawn wide with `noise`."""
    torch.manual_seed(0)
    settings = Settings(**{**SMALL, **changes})
    model = expada.build(settings, streams={STREAM: Shape(NUMBERS, settings.hz, {})})
    moments = {STREAM: (torch.zeros(NUMBERS), torch.ones(NUMBERS))}
    expada.initialise(model, 15.0, moments)
    for parameter in model.parameters():
        parameter.data += noise * torch.randn_like(parameter)
    return model.eval()


def clips(size: int = 2, steps: int = 24) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    generator = torch.Generator().manual_seed(1)
    values = torch.randn(size, steps, NUMBERS, generator=generator)
    return {STREAM: values}, {STREAM: torch.ones(size, steps, dtype=torch.bool)}


def selected(model: ExpADA, values: dict[str, Tensor], valid: dict[str, Tensor]) -> Selected:
    found = model.representations(values, valid).selected
    assert found is not None
    return found


def batch(score: list[float], **where: int) -> Batch:
    values, valid = clips(len(score), **where)
    none = torch.zeros(len(score))
    return Batch(values, valid, torch.tensor(score), none, none)


# --- a slow, literal reading of Eqs. 7 to 14: one representation at a time ------------------


def softmax(row: Arrays) -> Arrays:
    powers = np.array([math.exp(v - max(row)) for v in row])
    return powers / powers.sum()


def two_layers(state: Mapping[str, Arrays], name: str, x: Arrays) -> Arrays:
    inner = state[f"{name}.0.weight"] @ x + state[f"{name}.0.bias"]
    inner = np.array([v * (1 + math.erf(v / math.sqrt(2))) / 2 for v in inner])
    return state[f"{name}.3.weight"] @ inner + state.get(f"{name}.3.bias", 0.0)


class Slow:
    """Eqs. 7 to 10 of one recording's f^v (N, D)."""

    def __init__(self, model: ExpADA, units: Arrays, scales: int = 3) -> None:
        named = model.selection.state_dict()
        self.state = {name: value.double().numpy() for name, value in named.items()}
        self.f = []
        for s in range(1, scales + 1):  # Eq. 7
            for n in range(len(units) - s + 1):
                joined = np.concatenate([units[i] for i in range(n, n + s)])
                self.f.append(two_layers(self.state, f"mte.maps.{s - 1}", joined))
        m = len(self.f)
        h1 = np.array([two_layers(self.state, "dfs.category", f) for f in self.f])
        h2 = np.array([two_layers(self.state, "dfs.relevance", f) for f in self.f])
        p = np.array([softmax(h1[n]) for n in range(m)])  # Eq. 8: over categories
        r = np.array([softmax(h2[:, c]) for c in range(h2.shape[1])]).T  # Eq. 9: over n
        self.relevance = p * r  # Eq. 10
        self.z = [sum(self.relevance[n, c] for n in range(m)) for c in range(p.shape[1])]

    def chosen(self, category: int, share: float = 0.2) -> list[int]:
        sdr = self.relevance[:, category]
        return sorted(range(len(sdr)), key=lambda n: -sdr[n])[: max(1, int(share * len(sdr)))]

    def head(self, n: int) -> Arrays:
        return two_layers(self.state, "head", self.f[n])


def slow_loss(slow: Slow, target: float, category: int) -> float:
    """Eq. 15 of one recording, target in the head's units."""
    c = len(slow.z)
    truth = [1.0 if i == category else 0.0 for i in range(c)]

    def bce(p: float, t: float) -> float:
        return -(t * math.log(p) + (1 - t) * math.log(1 - p))

    wsl = sum(bce(z, t) for z, t in zip(slow.z, truth, strict=True)) / c  # Eq. 13
    mse = ce = 0.0
    taken = slow.chosen(category)
    for n in taken:
        out = slow.head(n)
        mse += (out[0] - target) ** 2 / len(taken)
        probabilities = [1 / (1 + math.exp(-v)) for v in out[1:]]
        ce += sum(map(bce, probabilities, truth)) / c / len(taken)
    return wsl + mse + ce


def test_selection_is_the_equations() -> None:
    model = network()
    values, valid = clips()
    with torch.no_grad():
        units, usable = model.units(values, valid)
        score = model(values, valid)
        details = model.representations(values, valid)
        found = selected(model, values, valid)
    assert usable.all()
    for k, f in enumerate(units.double().numpy()):
        slow = Slow(model, f)
        assert len(slow.f) == 6 + 5 + 4  # 24 steps are 6 segments
        category = int(np.argmax(slow.z))
        np.testing.assert_allclose(found.z[k], slow.z, rtol=1e-4)
        np.testing.assert_allclose(details.sdr[k], slow.relevance[:, category], rtol=1e-4)
        taken = slow.chosen(category)
        assert len(taken) == 3  # floor(0.2 * 15)
        # Units are (29 - 14) / 2 points, from the mean training score.
        expected = 15 + 7.5 * np.mean([slow.head(n)[0] for n in taken])
        assert score[k].item() == pytest.approx(expected, rel=1e-4)


def test_the_loss_of_recordings_is_equation_15() -> None:
    model = network()
    expada.begin(model, 1, model.settings)
    given = batch([8.0, 31.0])  # none to minimal, severe
    with torch.no_grad():
        units, _ = model.units(given.values, given.valid)
        found = expada.loss(model, given, 1, model.settings)
    slow = [Slow(model, f) for f in units.double().numpy()]
    # (8 - 15) / 7.5 and (31 - 15) / 7.5; categories 0 and 3.
    expected = (slow_loss(slow[0], -7 / 7.5, 0) + slow_loss(slow[1], 16 / 7.5, 3)) / 2
    assert found.item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("score", "over"),
    [(13.0, (0, 0, 0)), (14.0, (1, 0, 0)), (19.0, (1, 0, 0)), (28.0, (1, 1, 0)), (29.0, (1, 1, 1))],
)
def test_the_loss_of_segments_is_mse_and_equation_12(
    score: float, over: tuple[int, int, int]
) -> None:
    model = network(method="ordinal")
    given = batch([score], steps=8)  # two segments
    with torch.no_grad():
        units, _ = model.units(given.values, given.valid)
        found = expada.loss(model, given, 0, model.settings).item()
        scores, logits = model.score(units[0])[:, 0], model.ordinal(units[0])
    expected = 0.0
    for n in range(2):
        expected += (scores[n].item() - (score - 15) / 7.5) ** 2 / 2
        for k in range(3):  # t = 1 where the category is above k
            p = 1 / (1 + math.exp(-logits[n, k].item()))
            expected -= math.log(p if over[k] else 1 - p) / 2
    assert found == pytest.approx(expected, rel=1e-4)


def test_base_has_no_ordinal_loss() -> None:
    model = network(method="base")
    given = batch([14.0], steps=8)
    with torch.no_grad():
        units, _ = model.units(given.values, given.valid)
        errors = model.score(units[0])[:, 0] - (14 - 15) / 7.5
        found = expada.loss(model, given, 0, model.settings)
    assert found.item() == pytest.approx(errors.square().mean().item(), rel=1e-5)


# --- the selection ---------------------------------------------------------------------------


def test_k_is_a_share_of_the_usable_representations_and_at_least_one() -> None:
    sdr = torch.tensor([[0.1, 0.9, 0.5, 0.7, 0.3, 0.2, 0.8, 0.4, 0.6, 0.0]])
    every = torch.ones(1, 10, dtype=torch.bool)
    assert top(sdr, every, 0.2).nonzero()[:, 1].tolist() == [1, 6]
    assert top(sdr, every, 0.29).nonzero()[:, 1].tolist() == [1, 6]  # floor(2.9)
    few = every.clone()
    few[0, [1, 6, 3]] = False  # 7 remain, floor(1.4): the greatest of them
    assert top(sdr, few, 0.2).nonzero()[:, 1].tolist() == [8]
    few[0, 2:] = False  # one remains, floor(0.2) is none
    assert top(sdr, few, 0.2).nonzero()[:, 1].tolist() == [0]
    assert not top(sdr, torch.zeros_like(every), 0.2).any()


def test_of_a_hundred_a_share_of_0_29_is_29() -> None:
    """0.29 * 100 is 28.999999999999996 in doubles."""
    assert top(torch.rand(1, 100), torch.ones(1, 100, dtype=torch.bool), 0.29).sum() == 29


def test_the_vote_is_of_segments_and_not_of_their_sum() -> None:
    # Two of three are greatest in category 1, and the sum is greatest in category 0.
    relevance = torch.tensor([[[0.90, 0.0], [0.1, 0.2], [0.1, 0.2], [0.5, 0.1]]])
    usable = torch.tensor([[True, True, True, False]])
    assert relevance.sum(1).argmax(-1).tolist() == [0]
    assert voted(relevance, usable).tolist() == [1]


def test_training_selects_by_the_true_category() -> None:
    model = network()
    values, valid = clips(1)
    with torch.no_grad():
        units, usable = model.units(values, valid)
        predicted = model.selection(units, usable)
        other = (predicted.category + 1) % 4
        told = model.selection(units, usable, other)
    assert torch.equal(told.sdr[0], told.relevance[0, :, int(other)])
    assert not torch.equal(told.sdr, predicted.sdr)


@given(st.integers(1, 12), st.integers(1, 4))
def test_representations_lie_inside_the_recording_and_each_is_there_once(n: int, s: int) -> None:
    found = places(n, s)
    pairs = [tuple(row) for row in found.tolist()]
    # M = sum of (N - s + 1) over the scales that are not longer than the recording.
    assert len(pairs) == len(set(pairs)) == sum(max(0, n - k + 1) for k in range(1, s + 1))
    assert all(first + scale <= n for first, scale in pairs)


# --- segments --------------------------------------------------------------------------------


@given(st.integers(1, 50), st.integers(1, 9))
def test_cutting_loses_no_step_and_fills_up_with_steps_that_are_not_valid(
    steps: int, frames: int
) -> None:
    values = torch.arange(1.0, steps + 1).reshape(1, steps, 1)
    rows, there = cut(values, torch.ones(1, steps, dtype=torch.bool), frames)
    assert rows.shape == (1, math.ceil(steps / frames), frames, 1)
    assert rows[there].flatten().tolist() == list(range(1, steps + 1))
    assert there.flatten()[:steps].all()


@given(st.floats(0.2, 60), st.sampled_from([1.0, 6.0, 25.0, 29.97]), st.integers(2, 40))
@settings(deadline=None)
def test_drawn_segments_overlap_by_half_and_lie_inside(
    seconds: float, hz: float, frames: int
) -> None:
    known = Known(*(torch.zeros(1),) * 3, torch.tensor([seconds], dtype=torch.float64))
    chosen = Settings(hz=hz, frames=frames, segments_per_recording=None)
    drawn = expada.draw(known, 0, chosen, torch.Generator().manual_seed(0))
    clips = sorted((c for part in drawn for c in part), key=lambda clip: clip.start)
    starts = [round(c.start * hz) for c in clips]
    assert starts == [k * (frames // 2) for k in range(len(starts))]
    for c in clips:
        assert c.end == pytest.approx(min(seconds, c.start + frames / hz))
    if len(clips) > 1:  # the last one is inside, and there is no room for another
        assert starts[-1] + frames <= seconds * hz + 1e-5
    assert starts[-1] + frames // 2 + frames > seconds * hz - 1e-5


def test_an_epoch_takes_so_many_segments_of_each_recording_or_all() -> None:
    seconds = torch.tensor([8.0, 1.0, 20.0])
    known = Known(*(torch.zeros(3),) * 3, seconds)
    for few, expected in ((None, [7, 1, 19]), (3, [3, 1, 3])):
        # 8 of 4 steps a second: (32 - 8) / 4 + 1, too short for one, (80 - 8) / 4 + 1.
        chosen = Settings(hz=4, frames=8, segments_per_recording=few, segments_per_batch=5)
        drawn = expada.draw(known, 0, chosen, torch.Generator().manual_seed(0))
        assert all(len(part) == 5 for part in drawn[:-1])
        places = {(c.recording, c.start) for part in drawn for c in part}
        assert [sum(r == i for r, _ in places) for i in range(3)] == expected


def test_the_second_step_takes_each_recording_once_and_whole() -> None:
    known = Known(*(torch.zeros(5),) * 3, torch.full((5,), 9.0))
    drawn = expada.draw(known, 1, Settings(batch_size=2), torch.Generator().manual_seed(0))
    assert [len(part) for part in drawn] == [2, 2, 1]
    assert sorted(c.recording for part in drawn for c in part) == list(range(5))
    assert all(c.start == 0 and c.end is None for part in drawn for c in part)


@pytest.mark.parametrize("method", ["base", "ordinal", "selection"])
def test_segments_of_which_too_much_is_missing_take_no_part(method: str) -> None:
    model = network(method=method)
    values, valid = clips(1)
    valid[STREAM][0, 4:7] = False  # three of four frames of the second segment
    expected = model(values, valid)
    values[STREAM][0, 4:8] = 100.0
    assert torch.equal(model(values, valid), expected)
    if method == "selection":
        found = model.representations(values, valid)
        # Scale 1 is without segment 1; scale 2 without 0-1 and 1-2; scale 3 without 0 to 1.
        there = [*(1, 0, 1, 1, 1, 1), *(0, 0, 1, 1, 1), *(0, 0, 1, 1)]
        assert found.usable[0].int().tolist() == there
        assert (found.sdr[~found.usable] == 0).all()
        assert found.selected is not None
        assert int(found.selected.chosen.sum()) == 2  # floor(0.2 * 10)


def test_a_recording_without_a_usable_segment_has_the_training_mean() -> None:
    for method in ("base", "selection"):
        model = network(method=method)
        values, valid = clips(2)
        valid[STREAM][1] = False
        score = model(values, valid)
        assert score[1].item() == 15.0
        assert score[0].item() != 15.0
        given = Batch(values, valid, *(torch.tensor([9.0, 40.0]),) * 3)
        alone = Batch(
            *({STREAM: x[STREAM][:1]} for x in (values, valid)), *(torch.tensor([9.0]),) * 3
        )
        phase = len(expada.phases(model.settings)) - 1
        losses = [expada.loss(model, each, phase, model.settings) for each in (given, alone)]
        assert losses[0].item() == pytest.approx(losses[1].item(), rel=1e-6)


def test_nothing_that_can_be_used_is_no_loss_and_no_error() -> None:
    model = network()
    values, valid = clips(2)
    valid[STREAM][:] = False
    given = Batch(values, valid, *(torch.tensor([9.0, 40.0]),) * 3)
    for phase in (0, 1):
        optimiser = expada.begin(model, phase, model.settings)
        found = expada.loss(model, given, phase, model.settings)
        found.backward()
        optimiser.step()
        assert found.item() == 0
    assert all(parameter.isfinite().all() for parameter in model.parameters())


def test_a_recording_shorter_than_a_scale_does_without_it() -> None:
    model = network()
    values, valid = clips(1, steps=8)  # two segments: scales 1 and 2
    found = model.representations(values, valid)
    assert found.scale.tolist() == [1, 1, 2]
    assert int(selected(model, values, valid).chosen.sum()) == 1
    assert [len(t.value) for t in expada.explain(model, values, valid, model.settings)] == [2, 1]


# --- phases ----------------------------------------------------------------------------------


def test_the_encoder_is_frozen_in_the_second_step_and_drops_nothing() -> None:
    model = network(dropout=0.5)
    values, valid = clips()
    expada.begin(model, 0, model.settings)
    model.train()
    assert not torch.equal(model.units(values, valid)[0], model.units(values, valid)[0])
    optimiser = expada.begin(model, 1, model.settings)
    model.train()
    assert torch.equal(model.units(values, valid)[0], model.units(values, valid)[0])
    before = {name: value.clone() for name, value in model.state_dict().items()}
    expada.loss(model, batch([8.0, 31.0]), 1, model.settings).backward()
    optimiser.step()
    changed = {n for n, v in model.state_dict().items() if not torch.equal(v, before[n])}
    assert changed == {n for n, _ in model.named_parameters() if n.startswith("selection.")}


def test_the_first_step_scores_by_the_mean_over_segments() -> None:
    model = network()
    expada.begin(model, 0, model.settings)
    values, valid = clips()
    with torch.no_grad():
        units, _ = model.units(values, valid)
        expected = 15 + 7.5 * model.score(units)[..., 0].mean(1)
        assert torch.allclose(model(values, valid), expected)


def test_epochs_are_the_papers() -> None:
    assert [p.epochs for p in expada.phases(Settings())] == [15, 80]
    assert [p.epochs for p in expada.phases(Settings(method="base"))] == [15]
    assert [p.epochs for p in expada.phases(Settings(method="ordinal", epochs=3))] == [3]


def test_tracks_say_when_each_segment_is() -> None:
    model = network(hz=2.0)  # four frames are 2 s
    values, valid = clips(1)
    tracks = expada.explain(model, values, valid, model.settings)
    assert [(t.kind, t.name) for t in tracks] == [("relevance", f"scale {s}") for s in (1, 2, 3)]
    assert tracks[2].start.tolist() == [0, 2, 4, 6]
    assert tracks[2].end.tolist() == [6, 8, 10, 12]
    sdr = model.representations(values, valid).sdr[0]
    assert np.concatenate([t.value for t in tracks]).tolist() == sdr.double().tolist()


def test_without_a_selection_all_segments_weigh_the_same() -> None:
    model = network(method="base", hz=2.0)
    values, valid = clips(1, steps=22)
    valid[STREAM][0, :4] = False
    (track,) = expada.explain(model, values, valid, model.settings)
    assert track.start.tolist() == [2, 4, 6, 8, 10]
    assert track.end.tolist() == [4, 6, 8, 10, 11]  # the last one has two frames of four
    assert track.value.tolist() == pytest.approx([0.2] * 5)


@pytest.mark.parametrize(
    "change",
    [
        {"bands": "20,14"},
        {"bands": "mild"},
        {"bands": ""},
        {"share": 0.0},
        {"dimension": 30},
        {"max_missing": 1.0},
        {"segments_per_recording": 0},
        {"method": "best"},
    ],
)
def test_settings_that_make_no_sense_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        Settings(**change)


def test_the_phq_8_has_five_categories() -> None:
    model = network(bands="5,10,15,20")
    assert model.unit == 5
    values, valid = clips()
    assert selected(model, values, valid).z.shape == (2, 5)
    assert torch.bucketize(torch.tensor([4.0, 5, 20]), model.cuts, right=True).tolist() == [0, 1, 4]


# --- what it is for --------------------------------------------------------------------------


def test_sdr_finds_the_segments_that_were_planted() -> None:
    """In 3 of 8 segments, which a marker shows, a number follows the score; elsewhere any score.

    By chance the AUC of SDR is 0.5.
    """
    generator = torch.Generator().manual_seed(3)
    size, n, frames = 24, 8, 4
    score = torch.tensor([5.0, 16.0, 24.0, 38.0]).repeat(size // 4)
    planted = torch.rand(size, n, generator=generator).argsort(1) < 3
    other = score[torch.randint(size, (size, n), generator=generator)]
    shown = torch.where(planted, score[:, None], other)
    values = 0.3 * torch.randn(size, n, frames, NUMBERS, generator=generator)
    values[..., 0] += ((shown - 20) / 10)[..., None]
    values[..., 1] += torch.where(planted, 1.5, -1.5)[..., None]
    given = Batch(
        {STREAM: values.flatten(1, 2)},
        {STREAM: torch.ones(size, n * frames, dtype=torch.bool)},
        *(score,) * 3,
    )
    model = network(
        noise=0.0, dimension=16, hidden=16, encoder_learning_rate=3e-3, learning_rate=0.05
    )
    for phase, steps in ((0, 60), (1, 60)):
        optimiser = expada.begin(model, phase, model.settings)
        for _ in range(steps):
            optimiser.zero_grad()
            expada.loss(model, given, phase, model.settings).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), model.settings.clip_norm)
            optimiser.step()
    found = model.eval().representations(given.values, given.valid).sdr[:, :n].detach()
    inside = (found[:, :, None] > found[:, None, :]) & planted[:, :, None] & ~planted[:, None, :]
    auc = inside.sum((1, 2)) / (3 * 5)
    assert auc.mean() > 0.8
