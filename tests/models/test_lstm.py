"""The LSTM against its equations."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from deptool.joined import join
from deptool.models import lstm
from deptool.models.lstm import Settings

COLUMNS = {"landmarks": 136, "action_units": 35}


def network(hidden: int = 48) -> lstm.LSTM:
    torch.manual_seed(0)
    return lstm.build(Settings(hidden=hidden), columns=COLUMNS)


def groups(size: int = 2) -> dict[str, torch.Tensor]:
    """A face that moves by up to a fiftieth of the picture, and action units."""
    generator = torch.Generator().manual_seed(1)
    face = torch.rand(size, 1, 136, generator=generator)
    return {
        "landmarks": face + 0.02 * torch.rand(size, 18, 136, generator=generator),
        "action_units": 5 * torch.rand(size, 18, 35, generator=generator),
    }


def sigmoid(a: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-a))


def slow(model: lstm.LSTM, rows: np.ndarray) -> float:
    """rows (frame, column) -> score: gates and cell, one frame after the other."""
    state = {name: value.double().numpy() for name, value in model.state_dict().items()}
    hidden = cell = np.zeros(model.layer.hidden_size)
    states = []
    for row in rows:
        net = state["layer.weight_ih_l0"] @ row + state["layer.bias_ih_l0"]
        net = net + state["layer.weight_hh_l0"] @ hidden + state["layer.bias_hh_l0"]
        write, forget, new, read = np.split(net, 4)
        cell = sigmoid(forget) * cell + sigmoid(write) * np.tanh(new)
        hidden = sigmoid(read) * np.tanh(cell)
        states.append(hidden)
    mean = np.mean(states, axis=0)
    return float((state["score.weight"] @ mean + state["score.bias"])[0])


def test_the_network_is_the_equations() -> None:
    model = network(hidden=5)
    with torch.no_grad():
        model.layer.weight_ih_l0 *= 3  # gates away from a half, or the comparison says little
    rows = join(groups()).double().numpy()
    scores = model(**groups()).detach().numpy()
    expected = [slow(model, rows[0]), slow(model, rows[1])]
    assert abs(expected[0] - expected[1]) > 1e-3
    assert scores == pytest.approx(expected, abs=1e-5)


def test_it_is_as_large_as_depressionmlp() -> None:
    # Four gates of 48 units, each with 171 columns, 48 states and PyTorch's two biases; the score.
    expected = 4 * 48 * (171 + 48 + 2) + 48 + 1
    assert expected == 42481
    assert sum(p.numel() for p in network().parameters()) == expected


def test_the_order_of_the_frames_matters() -> None:
    turned = {name: part.flip(1) for name, part in groups().items()}
    model = network()
    assert (model(**groups()) - model(**turned)).abs().min() > 1e-4


def test_training_starts_at_the_train_mean() -> None:
    model = network()
    lstm.initialise(model, 23.5)
    torch.nn.init.zeros_(model.score.weight)
    assert model(**groups()).tolist() == [23.5, 23.5]


def test_a_layer_has_at_least_one_unit() -> None:
    with pytest.raises(ValueError, match="hidden must be at least 1, not 0"):
        Settings(hidden=0)
