"""gMLP against the equations of its paper."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from deptool.joined import join
from deptool.models import gmlp
from deptool.models.gmlp import Settings, SpatialGatingUnit

COLUMNS = {"landmarks": 136, "action_units": 35}
SMALL = Settings(blocks=2, channels=4, inner_channels=6)


def network(settings: Settings | None = None, noise: float = 0.0) -> gmlp.GMLP:
    torch.manual_seed(0)
    built = gmlp.build(settings or Settings(), columns=COLUMNS)
    for parameter in built.parameters():
        parameter.data += noise * torch.randn_like(parameter)
    return built


def groups(size: int = 2) -> dict[str, torch.Tensor]:
    """A face that moves by up to a fiftieth of the picture, and action units."""
    generator = torch.Generator().manual_seed(1)
    face = torch.rand(size, 1, 136, generator=generator)
    return {
        "landmarks": face + 0.02 * torch.rand(size, 18, 136, generator=generator),
        "action_units": 5 * torch.rand(size, 18, 35, generator=generator),
    }


# --- a slow, literal reading: X (token, channel), one sequence at a time -------------------


def norm(a: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Each token to mean 0 and variance 1 over its channels."""
    out = np.zeros_like(a)
    for i, token in enumerate(a):
        out[i] = weight * (token - token.mean()) / math.sqrt(token.var() + 1e-5) + bias
    return out


def gelu(a: np.ndarray) -> np.ndarray:
    return np.array([[v * (1 + math.erf(v / math.sqrt(2))) / 2 for v in row] for row in a])


def slow(model: gmlp.GMLP, rows: np.ndarray, n_blocks: int) -> float:
    state = {name: value.double().numpy() for name, value in model.state_dict().items()}

    def two(name: str) -> tuple[np.ndarray, np.ndarray]:
        return state[f"{name}.weight"], state[f"{name}.bias"]

    def project(name: str, a: np.ndarray) -> np.ndarray:
        weight, bias = two(name)
        return a @ weight.T + bias

    x = project("token", rows)
    for k in range(n_blocks):
        block = f"blocks.{k}"
        z = gelu(project(f"{block}.u", norm(x, *two(f"{block}.norm"))))  # Z = gelu(norm(X) U)
        half = z.shape[1] // 2
        z1, z2 = z[:, :half], norm(z[:, half:], *two(f"{block}.gate.norm"))
        weight, bias = two(f"{block}.gate")
        gate = np.zeros_like(z2)
        for i in range(len(z2)):  # f(Z2) = W Z2 + b: one bias for each token
            gate[i] = sum(weight[i, j] * z2[j] for j in range(len(z2))) + bias[i]
        x = x + project(f"{block}.v", z1 * gate)  # Y = s(Z) V, and the shortcut
    return float(project("score", norm(x, *two("norm")).mean(0))[0])


def test_the_network_is_the_equations() -> None:
    model = network(SMALL, noise=0.3)  # gates too must matter in the comparison
    rows = join(groups()).double().numpy()
    expected = [slow(model, rows[0], 2), slow(model, rows[1], 2)]
    assert abs(expected[0] - expected[1]) > 1e-3
    assert model(**groups()).detach().numpy() == pytest.approx(expected, abs=1e-4)


# --- what the paper fixes ------------------------------------------------------------------


def test_at_the_start_a_gate_lets_its_half_through() -> None:
    # W near zero and b = 1: s(Z) = Z1 * (W norm(Z2) + 1), which is nearly Z1. norm(Z2) is below
    # sqrt(95) = 9.7 for 96 channels, so the sum over 18 frames is below 0.001 * 9.7.
    torch.manual_seed(0)
    unit = SpatialGatingUnit(frames=18, channels=192)
    assert 0 < unit.weight.abs().max() <= 0.001 / 18
    assert (unit.bias == 1).all()
    z = torch.randn(3, 18, 192)
    torch.testing.assert_close(unit(z), z[..., :96], rtol=0.0097, atol=0)


def test_frames_meet_in_the_gates_alone() -> None:
    model = network(SMALL)
    for block in model.blocks:
        torch.nn.init.zeros_(block.gate.weight)
    inputs = {name: part.clone().requires_grad_() for name, part in groups(1).items()}
    model.token.register_forward_hook(lambda _module, _input, out: seen.append(out))
    seen: list[torch.Tensor] = []
    inner = model.blocks(model.token(join(inputs)))
    (gradient,) = torch.autograd.grad(inner[0, 5].sum(), seen[0])
    assert gradient[0, 5].abs().sum() > 0
    assert gradient[0, [0, 4, 6, 17]].abs().sum() == 0


def test_it_is_as_large_as_depressionmlp() -> None:
    # Tokens 171 * 32 + 32; a block: norm 64, U 32 * 192 + 192, its gate's norm 192, W and b
    # 18 * 18 + 18, V 96 * 32 + 32; at the end norm 64 and score 33. DepressionMLP has 42,192.
    block = 64 + 6336 + 192 + 342 + 3104
    expected = 5504 + 4 * block + 64 + 33
    assert expected == 45753
    assert sum(p.numel() for p in network().parameters()) == expected


def test_training_starts_at_the_train_mean() -> None:
    model = network()
    gmlp.initialise(model, 23.5)
    torch.nn.init.zeros_(model.score.weight)
    assert model(**groups()).tolist() == [23.5, 23.5]


@pytest.mark.parametrize(
    ("name", "value"), [("blocks", 0), ("channels", 0), ("inner_channels", 7), ("frames", 0)]
)
def test_sizes_that_make_no_network_are_refused(name: str, value: int) -> None:
    with pytest.raises(ValueError, match=f"{name} must be"):
        Settings(**{name: value})
