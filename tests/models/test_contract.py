"""What every file in deptool/models must do."""

from __future__ import annotations

import dataclasses
import re
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn

from deptool import plugins

N_AU = 33
TRAIN_MEAN = 15.0


@pytest.fixture(params=plugins.names("models"))
def model(request: pytest.FixtureRequest) -> ModuleType:
    return plugins.load("models", request.param)


def network(model: ModuleType, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    built: nn.Module = model.build(model.Settings(), n_au=N_AU)
    model.initialise(built, TRAIN_MEAN)
    return built.eval()


def batch(model: ModuleType, size: int = 6) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    frames = model.Settings().frames
    x = torch.rand(size, frames, 68, generator=generator)
    y = torch.rand(size, frames, 68, generator=generator)
    return x, y, 5 * torch.rand(size, frames, N_AU, generator=generator)


def test_the_paper_is_named(model: ModuleType) -> None:
    assert len(model.TITLE) > 20
    assert re.fullmatch(r"10\.\d{4,9}/\S+", model.DOI)
    assert "Departures from the paper" in (model.__doc__ or "")


def test_settings_are_frozen_and_have_what_the_shared_code_reads(model: ModuleType) -> None:
    settings = model.Settings()
    needed = {"frames", "fps", "overlap", "max_missing", "batch_size", "epochs", "patience"}
    assert needed <= {f.name for f in dataclasses.fields(settings)}
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.epochs = 1


@pytest.mark.parametrize("name", ["batch_size", "epochs", "patience"])
def test_settings_refuse_zero(model: ModuleType, name: str) -> None:
    with pytest.raises(ValueError, match=name):
        model.Settings(**{name: 0})


def test_one_score_for_each_row(model: ModuleType) -> None:
    assert network(model)(*batch(model)).shape == (6,)


def test_every_parameter_gets_a_gradient(model: ModuleType) -> None:
    for seed in range(10):  # a draw must not decide whether a part of the network can learn
        built = network(model, seed).train()
        model.loss(built(*batch(model)), torch.linspace(0, 40, 6)).backward()
        for name, parameter in built.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.abs().sum() > 0, f"seed {seed}: {name}"


def test_rows_do_not_leak_into_each_other(model: ModuleType) -> None:
    built, inputs = network(model), batch(model)
    alone = built(*(part[:1] for part in inputs))
    torch.testing.assert_close(built(*inputs)[:1], alone, rtol=1e-5, atol=1e-5)
    # No number but row 0's reaches row 0's score, not even through a gradient.
    inputs = tuple(part.clone().requires_grad_() for part in inputs)
    built(*inputs)[0].backward()
    for part in inputs:
        assert part.grad is not None
        assert part.grad[0].abs().sum() > 0
        assert part.grad[1:].abs().sum() == 0


def test_the_state_round_trips(model: ModuleType) -> None:
    one, other = network(model, seed=0), network(model, seed=1)
    inputs = batch(model)
    assert not torch.equal(one(*inputs), other(*inputs))
    other.load_state_dict(one.state_dict())
    assert torch.equal(one(*inputs), other(*inputs))


def test_the_same_seed_draws_the_same_weights(model: ModuleType) -> None:
    one, other = network(model, seed=3).state_dict(), network(model, seed=3).state_dict()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_the_optimiser_has_every_parameter_and_a_state_of_tensors(model: ModuleType) -> None:
    built = network(model).train()
    optimiser = model.optimiser(built, model.Settings())
    held = {id(p) for group in optimiser.param_groups for p in group["params"]}
    assert held == {id(p) for p in built.parameters()}
    model.loss(built(*batch(model)), torch.linspace(0, 40, 6)).backward()
    optimiser.step()
    values = [v for state in optimiser.state_dict()["state"].values() for v in state.values()]
    assert values
    assert all(isinstance(value, Tensor) for value in values)


def test_an_epoch_is_drawn_from_its_generator_alone(model: ModuleType) -> None:
    recording, score = torch.arange(6).repeat_interleave(9), torch.arange(6.0).repeat_interleave(9)
    draws = []
    for seed in (0, 0, 1):
        torch.manual_seed(len(draws))  # must not matter
        generator = torch.Generator().manual_seed(seed)
        draws.append(model.sample(recording, score, model.Settings(), generator))
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    assert set(recording[draws[0]].tolist()) == set(range(6))
