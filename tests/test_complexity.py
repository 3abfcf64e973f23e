"""Parameters and FLOPs of networks, counted by hand."""

from __future__ import annotations

import pytest
import torch

from deptool import complexity, plugins

COLUMNS = {"landmarks": 136, "action_units": 35}


def flops(model: str, **settings: object) -> int:
    module = plugins.load("models", model)
    return complexity.measure(module, module.Settings(**settings), COLUMNS).flops


def test_depressionmlp_is_what_its_equations_multiply() -> None:
    # Multiply-accumulates of Dual Gating, for one sequence: 18*68*68, 34*18*18, 18*34*68,
    # 68*18*18, 9*68*68 and 68*9*18.
    gating = 83_232 + 11_016 + 41_616 + 22_032 + 41_616 + 11_016
    # Eq. 3 as a matrix, summaries, W^XY and W^AU, two masks, scores, the last layer.
    others = 18 * 35 * 68 + 3 * 18 * 68 + 204 * 18 + 2 * 18 * 68 + 3 * 18 * 68 + 204
    assert flops("depressionmlp") == 2 * (3 * gating + others)


def test_an_lstm_is_counted_too() -> None:
    # 18 frames, 4 gates of 48 units, each from 171 columns and 48 hidden states; the last layer.
    assert flops("lstm") == 2 * (18 * 4 * 48 * (171 + 48) + 48)


@pytest.mark.parametrize(("model", "expected"), [("depressionmlp", 42_192), ("gmlp", 45_753)])
def test_parameters_are_those_of_the_docs(model: str, expected: int) -> None:
    module = plugins.load("models", model)
    before = torch.get_rng_state()
    assert complexity.measure(module, module.Settings(), COLUMNS).parameters == expected
    assert torch.equal(torch.get_rng_state(), before)  # the caller's draws go on
