"""MPDRM: the contrast by hand, batches of persons, the projection, MMP and RARM against NumPy."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from deptool.errors import DataError
from deptool.models import mpdrm
from deptool.models.mpdrm import Settings
from deptool.motion_patterns import MotionPatterns, differences, pool
from deptool.person_contrast import contrast, person_batches, persons
from deptool.relational_attention import RelationalAttention, project_out, shared
from deptool.sequences import Batch, Clip, Known, Shape


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def settings(**more: object) -> Settings:
    return Settings(**{**mpdrm.SMALL, **more})  # type: ignore[arg-type]


def network(**more: object) -> mpdrm.MPDRM:
    torch.manual_seed(0)
    built = mpdrm.build(settings(**more), streams={"movements": Shape(5, 6.0, {})})
    return built.eval()


def clips(
    n: int = 2, steps: int = 20, seed: int = 1
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Clips with one step in five not valid."""
    generator = torch.Generator().manual_seed(seed)
    valid = torch.rand(n, steps, generator=generator) > 0.2
    values = torch.randn(n, steps, 5, generator=generator) * valid.unsqueeze(-1)
    return {"movements": values}, {"movements": valid}


def known(
    subject: list[int], session: list[int], score: list[float] | None = None, seconds: float = 60.0
) -> Known:
    score = score or [float(k) for k in range(len(subject))]
    return Known(
        torch.tensor(score),
        torch.tensor(subject),
        torch.tensor(session),
        torch.full((len(subject),), seconds, dtype=torch.float64),
    )


def drawn(about: Known, seed: int = 0, **more: object) -> list[list[Clip]]:
    """The batches of an epoch of the contrast."""
    return mpdrm.draw(about, 0, settings(**more), torch.Generator().manual_seed(seed))


# --- the contrast -------------------------------------------------------------------------


def test_the_contrast_by_hand() -> None:
    # Person 0 in sessions 0 and 1, person 1 in session 2, person 0 again in session 0; temperature
    # 0.5. Unit vectors at 0, 60, 90 and 180 degrees, so the products are cosines of differences.
    degrees = torch.tensor([0.0, 60.0, 90.0, 180.0])
    p = torch.stack([torch.cos(degrees * math.pi / 180), torch.sin(degrees * math.pi / 180)], 1)
    subject, session = torch.tensor([0, 0, 1, 0]), torch.tensor([0, 1, 2, 0])
    # Clip 0: positive clip 1 (cos 60 = 0.5), rival clip 2 (cos 90 = 0); clip 3 is of its session.
    first = -math.log(math.exp(1) / (math.exp(1) + math.exp(0)))
    # Clip 1: positives clip 0 (0.5) and clip 3 (cos 120 = -0.5), rival clip 2 (cos 30).
    below = math.exp(1) + math.exp(-1) + math.exp(2 * math.sqrt(3) / 2)
    second = (-math.log(math.exp(1) / below) - math.log(math.exp(-1) / below)) / 2
    # Clip 2 has no positive. Clip 3: positive clip 1 (-0.5), rival clip 2 (cos 90 = 0).
    fourth = -math.log(math.exp(-1) / (math.exp(-1) + math.exp(0)))
    found = contrast(p, subject, session, 0.5)
    assert float(found) == pytest.approx((first + second + fourth) / 3, rel=1e-5)


def test_without_sessions_any_two_clips_of_a_person_are_positives() -> None:
    # Two clips of person 0 at 0 and 90 degrees, one of person 1 at 180; temperature 1.
    p = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    subject, session = torch.tensor([0, 0, 1]), torch.tensor([4, 4, 5])
    # Clip 0: exp(0) among exp(0), exp(-1). Clip 1: exp(0) among exp(0), exp(0).
    expected = (math.log(1 + math.exp(-1)) + math.log(2)) / 2
    assert float(contrast(p, subject, None, 1.0)) == pytest.approx(expected, rel=1e-5)
    assert float(contrast(p, subject, session, 1.0)) == 0


def test_unknown_persons_and_sessions_are_no_positives_and_no_negatives() -> None:
    p = torch.nn.functional.normalize(torch.randn(5, 3), dim=1)
    subject, session = torch.tensor([0, 0, 1, -1, -1]), torch.tensor([0, 1, 2, 3, 4])
    alone = contrast(p[:3], subject[:3], session[:3], 0.1)
    torch.testing.assert_close(contrast(p, subject, session, 0.1), alone)
    assert float(contrast(p[:2], subject[:2], torch.tensor([-1, 1]), 0.1)) == 0


def test_a_clip_of_which_nothing_was_measured_takes_no_part_in_the_contrast() -> None:
    values, valid = clips(4)
    valid["movements"][3] = False
    values["movements"][3] = 0
    subject, session = torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 2, 3])
    built = network()

    def loss(n: int) -> Tensor:
        batch = Batch(
            {"movements": values["movements"][:n]},
            {"movements": valid["movements"][:n]},
            torch.zeros(n),
            subject[:n],
            session[:n],
        )
        return mpdrm.loss(built, batch, 0, settings())

    assert float(loss(3)) > 0
    torch.testing.assert_close(loss(4), loss(3))


# --- who is in a batch --------------------------------------------------------------------


@st.composite
def cohorts(draw: st.DrawFn) -> Known:
    """2 to 12 persons, each with 1 to 4 sessions of 1 or 2 recordings; one has two sessions."""
    subject: list[int] = []
    session: list[int] = []
    for person in range(draw(st.integers(2, 12))):
        for _ in range(draw(st.integers(2 if person == 0 else 1, 4))):
            number = max(session, default=-1) + 1
            for _ in range(draw(st.integers(1, 2))):
                subject.append(person)
                session.append(number)
    score = draw(st.lists(st.integers(0, 5), min_size=len(subject), max_size=len(subject)))
    return known(subject, session, [float(s) for s in score])


@given(cohorts(), st.integers(2, 6), st.integers(2, 5), st.integers(0, 99))
def test_batches_hold_persons_and_each_has_pairs_and_rivals(
    about: Known, count: int, n: int, seed: int
) -> None:
    found = persons(about, "sessions")
    batches = person_batches(
        found,
        about,
        positives="sessions",
        count=count,
        clips=n,
        seconds=8.0,
        generator=torch.Generator().manual_seed(seed),
    )
    seen: Counter[int] = Counter()
    for batch in batches:
        rows = torch.tensor([clip.recording for clip in batch])
        subject = about.subject[rows]
        of = Counter(subject.tolist())
        assert 2 <= len(of) <= count + 1
        seen.update(of.keys())
        for person, clips_of in of.items():
            assert clips_of == (n if len(found[person]) > 1 else 1)
        loss = contrast(torch.eye(len(rows)), subject, about.session[rows], 0.1)
        assert float(loss) > 0  # 0 where there is no pair, or nothing to tell it from
    assert max(seen.values()) == 1
    assert all(seen[person] == 1 for person, units in found.items() if len(units) > 1)


@given(cohorts(), st.sampled_from(["sessions", "recordings", "clips"]), st.integers(0, 99))
def test_clips_of_a_recording_do_not_overlap(about: Known, positives: str, seed: int) -> None:
    for batch in drawn(about, seed, positives=positives, clips=4, seconds=20.0):
        for row in {clip.recording for clip in batch}:
            times = sorted((c.start, c.end) for c in batch if c.recording == row)  # type: ignore[type-var]
            assert times[0][0] >= 0
            assert times[-1][1] <= 60
            assert all(a[1] <= b[0] for a, b in pairwise(times))


def test_positives_are_never_of_the_same_session() -> None:
    # Two recordings of one session, whatever their vectors: no pair, so no gradient pulls them.
    p = torch.nn.functional.normalize(torch.randn(3, 4), dim=1).requires_grad_()
    subject, session = torch.tensor([0, 0, 1]), torch.tensor([7, 7, 8])
    assert float(contrast(p, subject, session, 0.1).detach()) == 0


def test_other_recordings_are_drawn_once_each_where_they_are_the_pairs() -> None:
    about = known([0, 0, 0, 1, 1], [0, 0, 0, 1, 1])  # persons with one session of 3, 2 recordings
    (batch,) = drawn(about, positives="recordings", clips=5)
    assert sorted(clip.recording for clip in batch) == [0, 1, 2, 3, 4]


def test_sessions_of_another_score_come_first() -> None:
    # Person 0 has five sessions, four of them at 10 points: two clips always show both scores.
    about = known([0] * 5 + [1, 1], list(range(7)), [10.0, 10, 10, 10, 30, 5, 6])
    for seed in range(20):
        for batch in drawn(about, seed, clips=2):
            rows = [clip.recording for clip in batch if clip.recording < 5]
            assert sorted(about.score[rows].tolist()) == [10, 30]


def test_sessions_that_are_not_known_are_left_out() -> None:
    about = known([0, 0, 0, 1, 1, -1], [0, 1, -1, 2, 3, 4])
    rows = {c.recording for seed in range(9) for b in drawn(about, seed, clips=4) for c in b}
    assert rows == {0, 1, 3, 4}


@pytest.mark.parametrize(
    ("about", "positives", "said"),
    [
        (known([0, 1, 2], [0, 1, 2]), "sessions", "none of the 3 persons to train on has two ses"),
        (known([0, 0, 1], [0, 0, 1]), "sessions", "none of the 2 persons to train on has two ses"),
        (known([0, 0, 1], [-1, -1, -1]), "sessions", "none of the 2 persons"),
        (known([0, 1, 2], [0, 1, 2]), "recordings", "none of the 3 persons .* two recordings"),
        (known([-1, -1], [0, 1]), "clips", "does not say who is in its recordings"),
        (known([0, 0, -1], [0, 1, 2]), "sessions", "one person"),
    ],
)
def test_what_is_missing_is_said(about: Known, positives: str, said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        drawn(about, positives=positives)
    assert "personal=none" in (caught.value.fix or "")


def test_the_network_without_a_personal_branch_needs_no_persons() -> None:
    assert [phase.name for phase in mpdrm.phases(settings(personal="none"))] == ["score"]
    batches = drawn(known([-1, -1, -1], [-1, -1, -1]), personal="none")
    assert sorted(clip.recording for batch in batches for clip in batch) == [0, 1, 2]


def test_the_score_is_learnt_from_everybody() -> None:
    about = known([0, 0, -1, 1], [0, 1, 2, -1])
    batches = mpdrm.draw(about, 1, settings(rounds=2), torch.Generator().manual_seed(0))
    count = Counter(clip.recording for batch in batches for clip in batch)
    assert count == {0: 2, 1: 2, 2: 2, 3: 2}


def test_the_last_epoch_of_the_contrast_counts() -> None:
    assert [phase.chosen for phase in mpdrm.phases(settings())] == [False, True]


# --- motion patterns ----------------------------------------------------------------------


def gelu(x: np.ndarray) -> np.ndarray:
    return x * np.vectorize(lambda v: (1 + math.erf(v / math.sqrt(2))) / 2)(x)


def slow_patterns(block: MotionPatterns, x: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """x (step, channel), valid (step,): one number at a time, steps that are not valid as zeros."""
    state = {name: value.double().numpy() for name, value in block.state_dict().items()}
    steps, channels = x.shape
    moved = np.zeros_like(x)
    for t in range(1, steps):
        if valid[t] and valid[t - 1]:
            moved[t] = x[t] - x[t - 1]
    found = []
    for s in range(len(block.branches)):
        kernel = state[f"branches.{s}.weight"][:, 0]  # (channel, step)
        reach = kernel.shape[1] // 2
        smooth = np.zeros_like(x)
        for t in range(steps):
            for c in range(channels):
                for k in range(-reach, reach + 1):
                    if 0 <= t + k < steps:
                        smooth[t, c] += kernel[c, k + reach] * moved[t + k, c]
        smooth += state[f"branches.{s}.bias"]
        found.append(gelu(smooth @ state[f"mixes.{s}.weight"].T + state[f"mixes.{s}.bias"]))
    summary = sum(found)[valid].mean(0)
    squeezed = gelu(state["squeeze.weight"] @ summary + state["squeeze.bias"])
    gate = (state["excite.weight"] @ squeezed + state["excite.bias"]).reshape(-1, channels)
    gate = np.exp(gate) / np.exp(gate).sum(0)
    out = x + sum(g * f for g, f in zip(gate, found, strict=True))
    out[~valid] = 0
    return out


def test_motion_patterns_are_the_equations() -> None:
    torch.manual_seed(0)
    block = MotionPatterns(4, (3, 5, 7))
    for parameter in block.parameters():  # gates away from a third
        parameter.data += 0.5 * torch.randn_like(parameter)
    valid = torch.tensor([[1, 1, 1, 0, 1, 1, 1, 1, 0, 0, 1, 1], [1] * 12]) > 0
    x = torch.randn(2, 12, 4) * valid.unsqueeze(-1)
    found = block(x, valid).detach()
    for row in range(2):
        expected = slow_patterns(block, x[row].double().numpy(), valid[row].numpy())
        np.testing.assert_allclose(found[row].numpy(), expected, atol=1e-5)


def test_no_difference_reaches_over_a_gap() -> None:
    x = torch.tensor([[[1.0], [3.0], [0.0], [7.0], [8.0]]])
    valid = torch.tensor([[True, True, False, True, True]])
    assert differences(x, valid).flatten().tolist() == [0, 2, 0, 0, 1]


def test_a_pool_is_the_mean_of_what_is_valid() -> None:
    x = torch.tensor([[[1.0], [3.0], [0.0], [7.0], [5.0]]])
    valid = torch.tensor([[True, True, False, True, True]])
    pooled, there = pool(x, valid)
    assert pooled.flatten().tolist() == [2, 7, 5]
    assert there.tolist() == [[True, True, True]]
    pooled, there = pool(0 * x, valid & False)
    assert not there.any()
    assert not pooled.any()


# --- relational attention -----------------------------------------------------------------


def test_the_projection_leaves_nothing_along_p() -> None:
    x, p = torch.randn(6, 9), torch.nn.functional.normalize(torch.randn(6, 9), dim=1)
    left = project_out(x, p)
    torch.testing.assert_close((left * p).sum(1), torch.zeros(6), atol=1e-5, rtol=0)
    torch.testing.assert_close(project_out(left, p), left, atol=1e-5, rtol=0)
    torch.testing.assert_close(project_out(x, torch.zeros(6, 9)), x)  # no p: nothing to remove


def test_only_the_projecting_network_has_depression_vectors_at_right_angles_to_p() -> None:
    for personal, small in (("projection", True), ("penalty", False)):
        built = network(personal=personal)
        p = built.personal(*clips())
        assert p is not None
        torch.testing.assert_close(p.norm(dim=1), torch.ones(2))
        along = (built.depression(*clips()) * p).sum(1).abs().max()
        assert (float(along.detach()) < 1e-5) == small


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def test_relational_attention_is_its_two_steps() -> None:
    torch.manual_seed(0)
    block = RelationalAttention(3, "penalty")
    d, p = torch.randn(1, 4, 3), torch.randn(1, 3)
    valid = torch.tensor([[True, True, False, True]])
    state = {name: value.double().numpy() for name, value in block.state_dict().items()}
    rows, person = d[0].double().numpy(), p[0].double().numpy()
    seen = [0, 1, 3]
    a = {t: sigmoid(float(state["own.weight"][0] @ rows[t] + state["own.bias"][0])) for t in seen}
    v = sum(a[t] * rows[t] for t in seen) / sum(a.values())
    b = {
        t: sigmoid(
            float(
                state["relation.weight"][0] @ np.concatenate([rows[t], v, person])
                + state["relation.bias"][0]
            )
        )
        for t in seen
    }
    expected = sum(a[t] * b[t] * rows[t] for t in seen) / sum(a[t] * b[t] for t in seen)
    np.testing.assert_allclose(block(d, valid, p)[0].detach().numpy(), expected, atol=1e-5)
    own, relation = block.weights(d, valid, p)
    assert own[0].tolist() == pytest.approx([a[0], a[1], 0, a[3]], abs=1e-5)
    assert relation[0].tolist() == pytest.approx([b[0], b[1], 0, b[3]], abs=1e-5)


def test_the_penalty_is_the_cosine_beside_huber() -> None:
    built = network(personal="penalty", penalty=3.0, delta=2.0)
    values, valid = clips()
    target = torch.tensor([0.5, 30.0])
    batch = Batch(values, valid, target, torch.tensor([0, 1]), torch.tensor([0, 1]))
    found = mpdrm.loss(
        built, batch, 1, settings(personal="penalty", penalty=3.0, delta=2.0)
    ).detach()
    with torch.no_grad():
        score, vector, p = built.scored(values, valid)
    assert p is not None
    error = (score - target).abs()
    huber = torch.where(error <= 2, error**2 / 2, 2 * (error - 1)).mean()
    cosine = ((vector * p).sum(1) / vector.norm(dim=1)).abs().mean()
    assert float(found) == pytest.approx(float(huber + 3 * cosine), rel=1e-4)


def test_what_two_vectors_share_is_their_mean_squared_correlation() -> None:
    one, other = torch.randn(12, 2), torch.randn(12, 3)
    found = np.corrcoef(one.double().numpy(), other.double().numpy(), rowvar=False)[:2, 2:]
    assert float(shared(one, other)) == pytest.approx(float((found**2).mean()), rel=1e-4)
    # One number that is twice the other, and one that never varies: correlations 1 and 0.
    x = torch.tensor([[1.0], [2.0], [5.0]])
    assert float(shared(x, torch.cat([2 * x, 0 * x], 1))) == pytest.approx(0.5, rel=1e-4)


def test_decorrelation_stands_beside_huber() -> None:
    values, valid = clips(4)
    built = network(personal="decorrelation")
    batch = Batch(values, valid, torch.zeros(4), torch.zeros(4), torch.zeros(4))
    with torch.no_grad():
        _, vector, p = built.scored(values, valid)
        assert p is not None
        losses = [
            float(mpdrm.loss(built, batch, 1, settings(personal="decorrelation", penalty=weight)))
            for weight in (0.0, 7.0)
        ]
        expected = 7 * float(shared(vector, p))
    assert expected > 0.1
    assert losses[1] - losses[0] == pytest.approx(expected, rel=1e-3)


# --- phases -------------------------------------------------------------------------------


def test_each_phase_trains_its_own_part() -> None:
    built = network()
    for phase, expected in ((0, {"mpfn"}), (1, {"mdfn", "rarm", "score"})):
        optimiser = mpdrm.begin(built, phase, settings())
        chosen = {id(p) for group in optimiser.param_groups for p in group["params"]}
        parts = {name.split(".")[0] for name, p in built.named_parameters() if id(p) in chosen}
        learning = {n.split(".")[0] for n, p in built.named_parameters() if p.requires_grad}
        assert parts == learning == expected


def test_a_frozen_personal_network_drops_nothing() -> None:
    built = network(dropout=0.5)
    before = built.personal(*clips())
    mpdrm.begin(built, 1, settings(dropout=0.5))
    built.train()
    assert torch.equal(built.personal(*clips()), before)
    mpdrm.begin(built, 0, settings(dropout=0.5))
    assert not torch.equal(built.personal(*clips()), before)


def test_training_starts_at_the_train_mean() -> None:
    built = network()
    mpdrm.initialise(built, 23.5, {"movements": (torch.zeros(5), torch.ones(5))})
    torch.nn.init.zeros_(built.score.weight)
    assert built(*clips()).tolist() == [23.5, 23.5]


# --- clips and times ----------------------------------------------------------------------


def test_the_clips_of_a_recording_cover_it_without_overlap() -> None:
    assert mpdrm.clips(100.0, Settings(seconds=30.0)) == [
        (0.0, pytest.approx(100 / 3)),
        (pytest.approx(100 / 3), pytest.approx(200 / 3)),
        (pytest.approx(200 / 3), 100.0),
    ]
    assert mpdrm.clips(9.0, Settings(seconds=30.0)) == [(0.0, 9.0)]


def test_tracks_tell_the_time_of_each_weight() -> None:
    # 10 steps at 6 a second, nothing in the second four: what is left starts at 0 and at 8 / 6 s.
    values, valid = clips(1, steps=10)
    valid["movements"][:] = True
    valid["movements"][0, 4:8] = False
    values["movements"][0, 4:8] = 0
    tracks = mpdrm.explain(network(), values, valid, settings())
    assert [track.name for track in tracks] == ["self weight", "relation weight"]
    for track in tracks:
        assert track.kind == "relevance"
        assert track.start.tolist() == pytest.approx([0, 8 / 6])
        assert track.end.tolist() == pytest.approx([4 / 6, 10 / 6])
        assert ((track.value > 0) & (track.value < 1)).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [("short", 4), ("temperature", 0.0), ("persons", 1), ("dropout", 1.0), ("personal", "no")],
)
def test_settings_that_make_no_sense_are_refused(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=name):
        Settings(**{name: value})  # type: ignore[arg-type]
