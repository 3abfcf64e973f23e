"""DepressionMLP against the equations of its paper."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from deptool.models import depressionmlp
from deptool.models.depressionmlp import Settings

Array = NDArray[np.float64]


def columns(n_au: int) -> dict[str, int]:
    return {"landmarks": 136, "action_units": n_au}


def random_rows(size: int = 2) -> dict[str, torch.Tensor]:
    return {group: torch.rand(size, 18, n) for group, n in columns(35).items()}


def network(n_au: int = 35, seed: int = 0, **variant: Any) -> depressionmlp.DepressionMLP:
    torch.manual_seed(seed)
    built = depressionmlp.build(Settings(**variant), columns=columns(n_au))
    for parameter in built.parameters():  # biases too must matter in the comparison
        parameter.data += 0.05 * torch.randn_like(parameter)
    return built


# --- a slow, literal reading of Eqs. 3 and 7-20, one number at a time ------------------------


def matmul(a: Array, b: Array) -> Array:
    out = np.zeros((a.shape[0], b.shape[1]))
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            out[i, j] = sum(a[i, k] * b[k, j] for k in range(a.shape[1]))
    return out


def c1(a: Array, weight: Array, bias: Array) -> Array:
    """Conv1D of kernel 1: each row of a, times a matrix, plus a bias for each column."""
    return matmul(a, weight) + bias[None, :]


def relu(a: Array) -> Array:
    return np.maximum(a, 0)


def sigmoid(a: Array) -> Array:
    return 1 / (1 + np.exp(-a))


def softmax(a: Array) -> Array:
    return np.array([[math.exp(v) / sum(math.exp(w) for w in row) for v in row] for row in a])


def eq3(au: Array, n: int) -> Array:
    """Eq. 3 as printed, for P = 35 and N = 68, with the paper's 1-based columns."""
    out = np.zeros((len(au), n))
    for j in range(1, n + 1):
        if j % 2:
            out[:, j - 1] = au[:, (j + 1) // 2 - 1]
        else:
            out[:, j - 1] = (au[:, j // 2 - 1] + au[:, j // 2 + 1 - 1]) / 2
    return out


def location_gate(r: Array, p: Any) -> Array:
    n = r.shape[1]
    r_l = relu(c1(r, *p("locations")))  # Eq. 7
    r_l1, r_l2 = r_l[:, : n // 2], r_l[:, n // 2 :]
    m_f2 = sigmoid(c1(r_l2.T, *p("frame_mix")))  # Eq. 8
    g_fl = m_f2.T * r_l1  # Eq. 9
    return softmax(c1(g_fl, *p("location_gate"))) * r  # Eq. 10


def frame_gate(r: Array, p: Any) -> Array:
    m = r.shape[0]
    r_f = relu(c1(r.T, *p("frames")))  # Eq. 11
    r_f1, r_f2 = r_f[:, : m // 2], r_f[:, m // 2 :]
    m_l2 = sigmoid(c1(r_f2.T, *p("location_mix")))  # Eq. 8 with R^F_2
    g_lf = m_l2.T * r_f1  # Eq. 12
    return softmax(c1(g_lf, *p("frame_gate"))).T * r  # Eq. 10 with G^(L->F)


def dual_gating(r: Array, p: Any) -> Array:
    weight, bias = p("merge")
    return relu(weight[0] * location_gate(r, p) + weight[1] * frame_gate(r, p) + bias) + r  # Eq. 13


def one_gate(gate: Callable[[Array, Any], Array]) -> Callable[[Array, Any], Array]:
    """Eq. 13 with one map alone."""

    def gating(r: Array, p: Any) -> Array:
        weight, bias = p("merge")
        return relu(weight[0] * gate(r, p) + bias) + r

    return gating


def norm(a: Array, scale: Array, shift: Array) -> Array:
    """Each row to mean 0 and variance 1, then a scale and a shift for each column."""
    centred = a - a.mean(1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(1, keepdims=True) + 1e-5) * scale + shift


def gmlp_block(x: Array, p: Any) -> Array:
    a = c1(norm(x, *p("norm")), p("u")[0].T, p("u")[1])
    z = a * np.array([[(1 + math.erf(v / math.sqrt(2))) / 2 for v in row] for row in a])  # Eq. 4
    z1, z2 = z[:, : z.shape[1] // 2], z[:, z.shape[1] // 2 :]
    weight, bias = p("gate")
    gated = z1 * (matmul(weight, norm(z2, *p("gate.norm"))) + bias)  # Eq. 5
    return x + c1(gated, p("v")[0].T, p("v")[1])  # Eq. 6


BLOCKS = {
    "dg": dual_gating,
    "clg": one_gate(location_gate),
    "cfg": one_gate(frame_gate),
    "gmlp": gmlp_block,
}


def reference(model: depressionmlp.DepressionMLP, r: list[Array], **variant: str) -> float:
    """r: those of X, Y and AU (frame, location) that there are."""
    settings = Settings(**variant)  # type: ignore[arg-type]
    state = {k: v.double().numpy() for k, v in model.state_dict().items()}

    def stacked(prefix: str, s: int) -> Any:
        def get(name: str = "") -> tuple[Array, Array]:
            weight, bias = (state[f"{prefix}{name}.{kind}"][s] for kind in ("weight", "bias"))
            return weight, bias[0] if bias.ndim == 2 else bias

        return get

    def block(s: int) -> Any:
        kinds, prefix = ("weight", "bias"), f"gating.blocks.{s}."
        if settings.block == "gmlp":
            return lambda name: tuple(state[f"{prefix}{name}.{kind}"] for kind in kinds)
        return stacked("gating.", s)

    def full(name: str, a: Array) -> Array:
        """W (x) a + b for a column a."""
        column = matmul(state[f"{name}.weight"], a)
        return column + state[f"{name}.bias"][:, None]

    def linear(name: str, a: Array) -> Array:
        return c1(a, state[f"{name}.weight"].T, state[f"{name}.bias"])

    q = [BLOCKS[settings.block](part, block(s)) for s, part in enumerate(r)]
    d = list(q)
    if settings.guidance in ("both", "p2u"):
        each = [relu(c1(q[s].T, *stacked("guidance.summary", s)())) for s in (0, 1)]
        q_xy = relu(full("guidance.from_landmarks", np.concatenate(each)))  # Eqs. 14, 15
        d[2] = sigmoid(linear("guidance.au_mask", q_xy)) * q[2]  # Eq. 16
    if settings.guidance in ("both", "u2p"):
        last = 2 if settings.guidance == "both" else 0  # the one summary that there is
        each_au = relu(c1(q[2].T, *stacked("guidance.summary", last)()))
        q_au = relu(full("guidance.from_au", each_au))  # Eq. 17
        for s in (0, 1):
            d[s] = sigmoid(linear("guidance.landmark_mask", q_au)) * q[s]  # Eq. 18
    if settings.guidance == "cross-attention":
        points = linear("guidance.from_landmarks", np.concatenate(q[:2], axis=1))
        alike = matmul(points, linear("guidance.from_au", q[2]).T) / math.sqrt(18)
        d = [*(matmul(softmax(alike.T), q[s]) for s in (0, 1)), matmul(softmax(alike), q[2])]
    s = [relu(c1(part.T, *stacked("scores", i)())) for i, part in enumerate(d)]  # Eq. 19
    return float(relu(full("score", np.concatenate(s)))[0, 0])  # Eq. 20


@pytest.mark.parametrize("variant", [{}, *depressionmlp.VARIANTS], ids=str)
def test_the_network_is_the_equations(variant: dict[str, str]) -> None:
    model = network(**variant)
    depressionmlp.initialise(model, 15.0)
    generator = np.random.default_rng(0)
    x, y = generator.random((2, 2, 18, 68))
    au = 5 * generator.random((2, 18, 35))
    groups = {"landmarks": np.concatenate([x, y], axis=-1), "action_units": au}
    given = depressionmlp.needs(Settings(**variant))  # type: ignore[arg-type]
    scores = model(**{group: torch.from_numpy(groups[group]).float() for group in given})
    slow = []
    for i in range(2):
        points = [x[i], y[i]] if "landmarks" in given else []
        units = [eq3(au[i], 68)] if "action_units" in given else []
        slow.append(reference(model, points + units, **variant))
    assert slow[0] != pytest.approx(slow[1], abs=1e-3)  # or the comparison would say little
    np.testing.assert_allclose(scores.detach().numpy(), slow, rtol=2e-5)


def test_dual_gating_is_the_equations_element_by_element() -> None:
    model = network(seed=5)
    r = torch.rand(3, 18, 1, 68, generator=torch.Generator().manual_seed(2))
    q = model.gating(r)
    state = {k: v.double().numpy() for k, v in model.gating.state_dict().items()}
    for s in range(3):
        slow = dual_gating(
            r[s, :, 0].double().numpy(),
            lambda name, s=s: (state[f"{name}.weight"][s], state[f"{name}.bias"][s].squeeze()),
        )
        np.testing.assert_allclose(q[s, :, 0].detach().numpy(), slow, atol=1e-5)


# --- what the paper's text fixes -----------------------------------------------------------


def test_there_are_42192_parameters_with_one_mask_for_each_direction() -> None:
    # Dual Gating: Eq. 7 68*68+68, Eq. 8 18*18+18, Eq. 10 34*68+68, Eq. 11 18*18+18, Eq. 8 for
    # frames 68*68+68, Eq. 10 for frames 9*18+18, Eq. 13 2+1: 12,631, three times.
    # Mutual Guidance: 3 x 19, 136*18+18, 68*18+18, 2 x 136. Scores: 3 x 19, 204+1.
    gating = 4692 + 342 + 2380 + 342 + 4692 + 180 + 3
    guidance = 3 * 19 + 2466 + 1242 + 2 * 136
    expected = 3 * gating + guidance + 3 * 19 + 205
    assert expected == 42192
    assert sum(p.numel() for p in network().parameters()) == expected
    assert sum(p.numel() for p in network(n_au=20).parameters()) == expected  # Eq. 3 learns nothing


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        # Three sequences, Linear: 3 * 19 + 205 = 262. CLG: 4692 + 342 + 2380 + 1 + 1 = 7416.
        ({"block": "clg", "guidance": "none"}, 3 * 7416 + 262),
        ({"block": "cfg", "guidance": "none"}, 3 * (342 + 4692 + 180 + 2) + 262),
        # Norm 136, U 4692, norm 68, W and b of the unit 342, V 2380.
        ({"block": "gmlp", "guidance": "none"}, 3 * 7618 + 262),
        ({"guidance": "none"}, 3 * 12631 + 262),
        ({"guidance": "p2u"}, 3 * 12631 + 262 + 2 * 19 + 2466 + 136),
        ({"guidance": "u2p"}, 3 * 12631 + 262 + 19 + 1242 + 136),
        ({"guidance": "cross-attention"}, 3 * 12631 + 262 + 2466 + 1242),
        # Two sequences and one: 2 * 19 + 137, 19 + 69.
        ({"inputs": "landmarks", "guidance": "none"}, 2 * 12631 + 175),
        ({"inputs": "action_units", "guidance": "none"}, 12631 + 88),
    ],
    ids=str,
)
def test_no_variant_has_more_parameters(variant: dict[str, str], expected: int) -> None:
    assert sum(p.numel() for p in network(**variant).parameters()) == expected
    assert expected < 42192  # "our model requires the most parameters"


@pytest.mark.parametrize("inputs", ["landmarks", "action_units"])
@pytest.mark.parametrize("guidance", ["both", "p2u", "u2p", "cross-attention"])
def test_one_input_alone_has_no_guide(inputs: Any, guidance: Any) -> None:
    with pytest.raises(ValueError, match=f"inputs {inputs} alone .* guidance must be none"):
        Settings(inputs=inputs, guidance=guidance)


@pytest.mark.parametrize("name", ["block", "guidance", "inputs"])
def test_an_unknown_variant_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be one of .*, not all of it"):
        Settings(**{name: "all of it"})  # type: ignore[arg-type]


def test_eq3_is_the_papers_for_35_action_units() -> None:
    au = torch.arange(1.0, 36.0)[None]  # AU column p holds the number p
    row = (au @ depressionmlp.spread(35))[0].tolist()
    # Odd j copies column (j + 1)/2; even j is the mean of columns j/2 and j/2 + 1.
    assert row[0] == 1.0
    assert row[1] == 1.5
    assert row[2] == 2.0
    assert row[66] == 34.0
    assert row[67] == 34.5  # AU columns 34 and 35
    assert row == pytest.approx([1 + 0.5 * j for j in range(68)])


def test_eq3_for_other_numbers_of_action_units() -> None:
    # P = 18, N = 68: column j reads 1 + (j - 1) * 17/68 = 1 + (j - 1)/4.
    row = (torch.arange(1.0, 19.0)[None] @ depressionmlp.spread(18))[0]
    assert row[:5].tolist() == pytest.approx([1, 1.25, 1.5, 1.75, 2])
    assert (torch.tensor([[7.0]]) @ depressionmlp.spread(1)).tolist() == [[7.0] * 68]
    for n_au in (1, 2, 20, 35, 68, 90):  # weights of a mean: a constant stays itself
        torch.testing.assert_close(depressionmlp.spread(n_au).sum(0), torch.ones(68))


def test_the_score_is_never_negative() -> None:
    model = network()
    torch.nn.init.constant_(model.score.bias, -1000.0)
    assert model(**random_rows()).tolist() == [0.0, 0.0]


def test_training_starts_at_the_train_mean() -> None:
    model = network()
    depressionmlp.initialise(model, 23.5)
    torch.nn.init.zeros_(model.score.weight)
    assert model(**random_rows()).tolist() == [23.5, 23.5]


def test_no_draw_is_dead_from_the_start() -> None:
    # The landmarks of a face that does not move: positive, and the same in all frames.
    face = torch.rand(4, 1, 68, generator=torch.Generator().manual_seed(0))
    still = torch.cat([face, face], dim=-1).expand(4, 18, 136)
    for seed in range(20):
        torch.manual_seed(seed)
        model = depressionmlp.build(Settings(), columns=columns(35))
        depressionmlp.initialise(model, 15.0)
        model(landmarks=still, action_units=torch.rand(4, 18, 35)).sum().backward()
        for layer in (model.gating.merge, model.guidance.summary, model.scores):
            assert layer.weight.grad is not None
            assert (layer.weight.grad.abs().flatten(1).sum(1) > 0).all(), f"seed {seed}"


def test_the_recipe_is_the_papers() -> None:
    settings = Settings()
    group = depressionmlp.optimiser(network(), settings).param_groups[0]
    assert (group["lr"], group["betas"], group["weight_decay"]) == (2e-4, (0.9, 0.999), 1e-4)
    assert (settings.frames, settings.fps, settings.overlap) == (18, 6.0, 0.5)
    assert (settings.batch_size, settings.segments_per_recording) == (8, 4)


@pytest.mark.parametrize("frames", [0, 1, 17])
def test_frames_must_be_even(frames: int) -> None:
    with pytest.raises(ValueError, match="frames must be"):
        Settings(frames=frames)
