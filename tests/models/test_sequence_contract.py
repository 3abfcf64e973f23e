"""What every network of recordings in deptool/models must do."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator
from itertools import pairwise
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from deptool import plugins
from deptool.schema import RUN_TRACKS
from deptool.sequences import Batch, Clip, Known, Shape
from tests.models import sequences

TRAIN_MEAN = 15.0
SECONDS = 48.0
MODELS = [name for name in plugins.names("models") if plugins.defines("models", name, "streams")]

# What a behaviour stream has; other caches have one part.
PARTS = {"shape": 136, "motion": 204, "action_units": 35, "head_pose": 12, "gaze": 8}
CACHE = {"all": 24}
KINDS = RUN_TRACKS.column("kind").choices or ()

Groups = dict[str, Tensor]


def cases() -> Iterator[Any]:
    yield pytest.param((sequences.toy(), sequences.Settings()), id="toy")
    for name in MODELS:
        module = plugins.load("models", name)
        small = dict(module.SMALL)
        yield pytest.param((module, module.Settings(**small)), id=name)
        for variant in getattr(module, "VARIANTS", ()):
            words = "-".join(str(value) for value in variant.values())
            settings = module.Settings(**{**small, **variant})
            yield pytest.param((module, settings), id=f"{name}-{words}")


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(params=cases())
def case(request: pytest.FixtureRequest) -> tuple[ModuleType, Any]:
    return request.param


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> ModuleType:
    return plugins.load("models", request.param)


def shapes(module: ModuleType, settings: Any) -> dict[str, Shape]:
    """The streams that a model asks for, as a corpus that has everything offers them."""
    found = {}
    for name, stream in module.streams(settings).items():
        cache, _, words = stream.source.partition(":")
        known = PARTS if cache == "behaviour" else CACHE
        wanted = [word.removesuffix("?") for word in words.split("+")] if words else [*known]
        ends = np.cumsum([0, *(known[part] for part in wanted)]).tolist()
        parts = dict(zip(wanted, pairwise(ends), strict=True))
        found[name] = Shape(ends[-1], stream.hz or 2.0, parts)
    return found


def network(module: ModuleType, settings: Any, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    streams = shapes(module, settings)
    built: nn.Module = module.build(settings, streams=streams)
    moments = {n: (torch.zeros(s.dimension), torch.ones(s.dimension)) for n, s in streams.items()}
    module.initialise(built, TRAIN_MEAN, moments)
    return built.eval()


def clips(module: ModuleType, settings: Any, n: int = 3, seed: int = 1) -> tuple[Groups, Groups]:
    """Clips of one length, one step in ten not valid; no step of the first two seconds is."""
    generator = torch.Generator().manual_seed(seed)
    spans = module.clips(SECONDS, settings) if hasattr(module, "clips") else [(0.0, SECONDS)]
    seconds = spans[0][1] - spans[0][0]
    values, valid = {}, {}
    for name, shape in shapes(module, settings).items():
        steps = round(seconds * shape.hz)
        valid[name] = torch.rand(n, steps, generator=generator) > 0.1
        valid[name][:, : int(2 * shape.hz)] = True
        drawn = torch.randn(n, steps, shape.dimension, generator=generator)
        values[name] = drawn * valid[name].unsqueeze(-1)
    return values, valid


def known(n: int = 8) -> Known:
    """Recordings of persons with two sessions each, from 0 to 50 points."""
    return Known(
        score=torch.linspace(0, 50, n),
        subject=torch.arange(n) // 2,
        session=torch.arange(n),
        seconds=torch.full((n,), SECONDS, dtype=torch.float64),
    )


def batch(module: ModuleType, settings: Any, wanted: list[Clip]) -> Batch:
    """What the trainer makes of drawn clips, of random numbers."""
    about = known()
    generator = torch.Generator().manual_seed(2)
    values: dict[str, list[Tensor]] = {}
    for clip in wanted:
        for name, shape in shapes(module, settings).items():
            end = SECONDS if clip.end is None else clip.end
            steps = round(end * shape.hz) - round(clip.start * shape.hz)
            drawn = torch.randn(steps, shape.dimension, generator=generator)
            values.setdefault(name, []).append(drawn)
    rows = [clip.recording for clip in wanted]
    pad = nn.utils.rnn.pad_sequence
    return Batch(
        {n: pad(v, batch_first=True) for n, v in values.items()},
        {n: pad([torch.ones(len(x)) for x in v], batch_first=True) > 0 for n, v in values.items()},
        *(part[rows] for part in (about.score, about.subject, about.session)),
    )


def epoch(module: ModuleType, settings: Any, phase: int, seed: int = 0) -> list[list[Clip]]:
    return module.draw(known(), phase, settings, torch.Generator().manual_seed(seed))


# --- the file -----------------------------------------------------------------------------


def test_the_paper_is_named(model: ModuleType) -> None:
    assert len(model.TITLE) > 20
    assert model.DOI is None or re.fullmatch(r"10\.\d{4,9}/\S+", model.DOI)
    assert "Departures from the paper" in (model.__doc__ or "")


def test_settings_are_frozen_and_have_what_the_shared_code_reads(model: ModuleType) -> None:
    settings = model.Settings()
    assert {"batch_size", "epochs", "patience"} <= {f.name for f in dataclasses.fields(settings)}
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.epochs = 1


@pytest.mark.parametrize("name", ["batch_size", "epochs", "patience"])
def test_settings_refuse_zero(model: ModuleType, name: str) -> None:
    with pytest.raises(ValueError, match=name):
        model.Settings(**{name: 0})


# --- the network --------------------------------------------------------------------------


def test_one_finite_score_for_each_clip(case: tuple[ModuleType, Any]) -> None:
    score = network(*case)(*clips(*case))
    assert score.shape == (3,)
    assert score.isfinite().all()


def test_rows_do_not_see_each_other(case: tuple[ModuleType, Any]) -> None:
    built, (values, valid) = network(*case), clips(*case)
    alone = [
        built(
            {n: v[i : i + 1] for n, v in values.items()},
            {n: v[i : i + 1] for n, v in valid.items()},
        )
        for i in range(3)
    ]
    torch.testing.assert_close(torch.cat(alone), built(values, valid), rtol=1e-4, atol=1e-3)


def test_steps_behind_the_end_change_nothing(case: tuple[ModuleType, Any]) -> None:
    built, (values, valid) = network(*case), clips(*case)
    hz = {name: shape.hz for name, shape in shapes(*case).items()}
    longer = {n: nn.functional.pad(v, (0, 0, 0, round(10 * hz[n]))) for n, v in values.items()}
    mask = {n: nn.functional.pad(v, (0, round(10 * hz[n]))) for n, v in valid.items()}
    torch.testing.assert_close(built(longer, mask), built(values, valid), rtol=1e-4, atol=1e-3)


def test_a_clip_of_which_nothing_was_measured_has_a_finite_score(
    case: tuple[ModuleType, Any],
) -> None:
    built, (values, valid) = network(*case), clips(*case)
    none = {n: torch.zeros_like(v) for n, v in valid.items()}
    assert built({n: 0 * v for n, v in values.items()}, none).isfinite().all()


def test_the_same_seed_draws_the_same_network(case: tuple[ModuleType, Any]) -> None:
    one, other, third = (network(*case, seed=s).state_dict() for s in (0, 0, 1))
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert any(not torch.equal(one[name], third[name]) for name in one)


def test_the_state_makes_the_same_network(case: tuple[ModuleType, Any]) -> None:
    module, settings = case
    built, given = network(*case), clips(*case)
    again = module.build(settings, streams=shapes(*case))
    again.load_state_dict(built.state_dict())
    assert torch.equal(again.eval()(*given), built(*given))


def test_scoring_changes_nothing_in_the_network(case: tuple[ModuleType, Any]) -> None:
    built = network(*case)
    before = {name: value.clone() for name, value in built.state_dict().items()}
    built(*clips(*case))
    assert all(torch.equal(before[name], value) for name, value in built.state_dict().items())


# --- training -----------------------------------------------------------------------------


def test_every_phase_trains_and_all_parameters_learn(case: tuple[ModuleType, Any]) -> None:
    module, settings = case
    built = network(*case)
    touched: set[str] = set()
    for phase, about in enumerate(module.phases(settings)):
        assert about.epochs >= 1
        optimiser = module.begin(built, phase, settings)
        built.train()
        for wanted in epoch(module, settings, phase)[:4]:
            loss = module.loss(built, batch(module, settings, wanted), phase, settings)
            assert loss.isfinite()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        trained = {id(p) for group in optimiser.param_groups for p in group["params"]}
        for name, parameter in built.named_parameters():
            learns = id(parameter) in trained and parameter.grad is not None
            if learns and parameter.grad.abs().sum() > 0:
                touched.add(name)
    assert {name for name, _ in built.named_parameters()} == touched


def test_a_network_that_was_not_begun_is_in_its_last_phase(case: tuple[ModuleType, Any]) -> None:
    module, settings = case
    one, other = network(*case), network(*case)
    module.begin(other, len(module.phases(settings)) - 1, settings)
    given = clips(*case)
    assert torch.equal(one.eval()(*given), other.eval()(*given))


def test_an_epoch_is_drawn_from_the_generator_alone(case: tuple[ModuleType, Any]) -> None:
    module, settings = case
    for phase in range(len(module.phases(settings))):
        one, other = (epoch(module, settings, phase) for _ in range(2))
        assert one == other
        drawn = [clip for wanted in one for clip in wanted]
        assert {clip.recording for clip in drawn} <= set(range(8))
        assert all(0 <= c.start < (SECONDS if c.end is None else c.end) for c in drawn)
        assert all(c.end is None or c.end <= SECONDS + 1e-6 for c in drawn)


def test_rates_are_factors(case: tuple[ModuleType, Any]) -> None:
    module, settings = case
    if not hasattr(module, "rate"):
        pytest.skip("its rate stays what it is")
    for phase, about in enumerate(module.phases(settings)):
        rates = [module.rate(phase, p, settings) for p in np.linspace(0, about.epochs, 20)]
        assert all(math.isfinite(r) and 0 <= r <= 1 for r in rates)
        assert max(rates) > 0


# --- what it says of times ----------------------------------------------------------------


def test_tracks_lie_in_the_clip(case: tuple[ModuleType, Any]) -> None:
    module, settings = case
    values, valid = clips(*case, n=1)
    seconds = max(len(v[0]) / shapes(*case)[n].hz for n, v in valid.items())
    with torch.no_grad():
        tracks = module.explain(network(*case), values, valid, settings)
    assert tracks
    for track in tracks:
        assert track.kind in KINDS
        assert len(track.start) == len(track.end) == len(track.value) > 0
        assert np.isfinite(track.value).all()
        assert (track.start < track.end).all()
        assert track.start.min() >= 0
        assert track.end.max() <= seconds + 1e-6
