"""What every network in deptool/models must do, on every set of columns that it takes."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from deptool import plugins
from deptool.measured import GROUPS
from deptool.stack import Stack

TRAIN_MEAN = 15.0
NETWORKS = [
    name
    for name in plugins.names("models")
    if plugins.defines("models", name, "build") and not plugins.defines("models", name, "streams")
]

# Columns that corpora have: all; a DAIC-WOZ session's (20 action units); E-DAIC's, without
# landmarks; one whose pose has angles alone.
OFFERED = {
    "all": {"landmarks": 136, "head_pose": 6, "gaze": 8, "action_units": 35},
    "few action units": {"landmarks": 136, "head_pose": 6, "gaze": 8, "action_units": 20},
    "no landmarks": {"head_pose": 6, "gaze": 8, "action_units": 35},
    "angles only": {"landmarks": 136, "head_pose": 3, "action_units": 1},
}

# How large a column is and how far it goes in a segment: shares of the picture, mm (angles are
# smaller), parts of a direction, 0 to 5.
SIZES = {
    **{"landmarks": (1.0, 0.02), "head_pose": (300.0, 10.0)},
    **{"gaze": (0.5, 0.2), "action_units": (2.0, 3.0)},
}


@dataclass(frozen=True)
class Case:
    """A model, its settings, and how many columns it gets of each group."""

    module: ModuleType
    columns: dict[str, int]
    settings: Any


def cases() -> Iterator[Any]:
    for name in NETWORKS:
        module = plugins.load("models", name)
        wanted = (*module.NEEDS, *module.USES)
        seen = []
        for words, offered in OFFERED.items():
            columns = {group: n for group, n in offered.items() if group in wanted}
            if {*module.NEEDS} <= {*columns} and columns not in seen:
                seen.append(columns)
                yield pytest.param(Case(module, columns, module.Settings()), id=f"{name}-{words}")
        for variant in getattr(module, "VARIANTS", ()):
            settings = module.Settings(**variant)
            groups = module.needs(settings) if hasattr(module, "needs") else module.NEEDS
            columns = {group: OFFERED["all"][group] for group in (*groups, *module.USES)}
            yield pytest.param(
                Case(module, columns, settings), id="-".join([name, *variant.values()])
            )


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Networks this small gain nothing from more; on a busy machine threads wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(params=NETWORKS)
def model(request: pytest.FixtureRequest) -> ModuleType:
    return plugins.load("models", request.param)


@pytest.fixture(params=cases())
def case(request: pytest.FixtureRequest) -> Case:
    return request.param


def network(case: Case, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    built: nn.Module = case.module.build(case.settings, columns=case.columns)
    case.module.initialise(built, TRAIN_MEAN)
    return built.eval()


def batch(case: Case, size: int = 6) -> dict[str, Tensor]:
    """Numbers as tables hold them: each column moves about a value of its own in each row."""
    generator = torch.Generator().manual_seed(1)
    frames = case.settings.frames
    groups = {}
    for group, n in case.columns.items():
        usual, motion = SIZES[group]
        about = usual * torch.rand(size, 1, n, generator=generator)
        groups[group] = about + motion * torch.rand(size, frames, n, generator=generator)
    return groups


# --- the file -----------------------------------------------------------------------------


def test_the_paper_is_named(model: ModuleType) -> None:
    assert len(model.TITLE) > 20
    assert re.fullmatch(r"10\.\d{4,9}/\S+", model.DOI)
    assert "Departures from the paper" in (model.__doc__ or "")


def test_groups_are_the_tables(model: ModuleType) -> None:
    wanted = (*model.NEEDS, *model.USES)
    assert wanted
    assert len(set(wanted)) == len(wanted)
    assert {*wanted} <= {*GROUPS}


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


# --- the network --------------------------------------------------------------------------


def test_one_score_for_each_row(case: Case) -> None:
    assert network(case)(**batch(case)).shape == (6,)


def test_the_order_of_the_groups_does_not_matter(case: Case) -> None:
    built, groups = network(case), batch(case)
    turned = dict(reversed(groups.items()))
    assert torch.equal(built(**groups), built(**turned))


def test_every_parameter_gets_a_gradient(case: Case) -> None:
    for seed in range(10):  # a draw must not decide whether a part of the network can learn
        built = network(case, seed).train()
        case.module.loss(built(**batch(case)), torch.linspace(0, 40, 6)).backward()
        for name, parameter in built.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.abs().sum() > 0, f"seed {seed}: {name}"


def test_rows_do_not_leak_into_each_other(case: Case) -> None:
    built, groups = network(case), batch(case)
    alone = built(**{group: part[:1] for group, part in groups.items()})
    torch.testing.assert_close(built(**groups)[:1], alone, rtol=1e-5, atol=1e-5)
    # No number but row 0's reaches row 0's score, not even through a gradient; nor in training,
    # where a network may do other things.
    for training in (False, True):
        groups = {group: part.detach().clone().requires_grad_() for group, part in groups.items()}
        built.train(training)(**groups)[0].backward()
        for group, part in groups.items():
            assert part.grad is not None, group
            assert part.grad[0].abs().sum() > 0, group
            assert part.grad[1:].abs().sum() == 0, group


def test_the_state_round_trips(case: Case) -> None:
    one, other = network(case, seed=0), network(case, seed=1)
    groups = batch(case)
    assert not torch.equal(one(**groups), other(**groups))
    other.load_state_dict(one.state_dict())
    assert torch.equal(one(**groups), other(**groups))


def test_a_stack_of_members_is_each_of_them(case: Case) -> None:
    if not getattr(case.module, "TOGETHER", True):
        return
    networks = [network(case, seed) for seed in range(3)]
    parts = [batch(case, size=6), {k: v.flip(0) for k, v in batch(case).items()}, batch(case)]
    groups = {group: torch.stack([part[group] for part in parts]) for group in case.columns}
    together = Stack(networks).score([0, 1, 2], groups)
    alone = [built(**part) for built, part in zip(networks, parts, strict=True)]
    torch.testing.assert_close(together, torch.stack(alone), rtol=1e-5, atol=1e-5)


def test_the_same_seed_draws_the_same_weights(case: Case) -> None:
    one, other = network(case, seed=3).state_dict(), network(case, seed=3).state_dict()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_training_starts_near_the_train_mean(case: Case) -> None:
    # A draw adds something of its own, but within the 63 points of a scale.
    assert (network(case)(**batch(case)) - TRAIN_MEAN).abs().max() < 15


# --- training -----------------------------------------------------------------------------


def test_the_optimiser_has_every_parameter_and_a_state_of_tensors(case: Case) -> None:
    built = network(case).train()
    optimiser = case.module.optimiser(built, case.settings)
    held = {id(p) for group in optimiser.param_groups for p in group["params"]}
    assert held == {id(p) for p in built.parameters()}
    case.module.loss(built(**batch(case)), torch.linspace(0, 40, 6)).backward()
    optimiser.step()
    values = [v for state in optimiser.state_dict()["state"].values() for v in state.values()]
    assert values
    assert all(isinstance(value, Tensor) for value in values)


def test_a_few_rows_can_be_learnt_by_heart(case: Case) -> None:
    # Targets from 5 to 25 have a standard deviation of 6.83 points: what a constant leaves.
    target = torch.linspace(5, 25, 6)
    built, groups = network(case).train(), batch(case)
    settings = dataclasses.replace(case.settings, learning_rate=0.005)
    optimiser = case.module.optimiser(built, settings)
    errors = []  # on the way: steps this long may leave again what they had reached
    for step in range(150):
        optimiser.zero_grad()
        case.module.loss(built(**groups), target).backward()
        optimiser.step()
        if step % 10 == 9:
            errors.append((built.eval()(**groups) - target).square().mean().sqrt().item())
            built.train()
    assert min(errors) < 6.83 / 2


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
