"""DepressionMLP against the equations of its paper."""

from __future__ import annotations

import math
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


def network(n_au: int = 35, seed: int = 0) -> depressionmlp.DepressionMLP:
    torch.manual_seed(seed)
    built = depressionmlp.build(Settings(), columns=columns(n_au))
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


def dual_gating(r: Array, p: Any) -> Array:
    m, n = r.shape
    r_l = relu(c1(r, *p("locations")))  # Eq. 7
    r_l1, r_l2 = r_l[:, : n // 2], r_l[:, n // 2 :]
    m_f2 = sigmoid(c1(r_l2.T, *p("frame_mix")))  # Eq. 8
    g_fl = m_f2.T * r_l1  # Eq. 9
    r_fl = softmax(c1(g_fl, *p("location_gate"))) * r  # Eq. 10
    r_f = relu(c1(r.T, *p("frames")))  # Eq. 11
    r_f1, r_f2 = r_f[:, : m // 2], r_f[:, m // 2 :]
    m_l2 = sigmoid(c1(r_f2.T, *p("location_mix")))  # Eq. 8 with R^F_2
    g_lf = m_l2.T * r_f1  # Eq. 12
    r_lf = softmax(c1(g_lf, *p("frame_gate"))).T * r  # Eq. 10 with G^(L->F)
    weight, bias = p("merge")
    return relu(weight[0] * r_fl + weight[1] * r_lf + bias) + r  # Eq. 13


def reference(model: depressionmlp.DepressionMLP, x: Array, y: Array, au: Array) -> float:
    state = {k: v.double().numpy() for k, v in model.state_dict().items()}

    def stacked(prefix: str, s: int) -> Any:
        return lambda name="": (
            state[f"{prefix}{name}.weight"][s],
            np.squeeze(state[f"{prefix}{name}.bias"][s], axis=0)
            if state[f"{prefix}{name}.bias"].ndim == 3
            else state[f"{prefix}{name}.bias"][s],
        )

    def full(name: str, a: Array) -> Array:
        """W (x) a + b for a column a."""
        column = matmul(state[f"{name}.weight"], a)
        return column + state[f"{name}.bias"][:, None]

    def mask(name: str, a: Array) -> Array:
        return sigmoid(c1(a, state[f"{name}.weight"].T, state[f"{name}.bias"]))

    q = [dual_gating(r, stacked("gating.", s)) for s, r in enumerate((x, y, eq3(au, 68)))]
    each = [relu(c1(part.T, *stacked("guidance.summary", s)())) for s, part in enumerate(q)]
    q_xy = relu(full("guidance.from_landmarks", np.concatenate(each[:2])))  # Eqs. 14, 15
    q_au = relu(full("guidance.from_au", each[2]))  # Eq. 17
    d_pu = mask("guidance.au_mask", q_xy) * q[2]  # Eq. 16
    d_ux = mask("guidance.landmark_mask", q_au) * q[0]  # Eq. 18
    d_uy = mask("guidance.landmark_mask", q_au) * q[1]
    s = [relu(c1(d.T, *stacked("scores", i)())) for i, d in enumerate((d_ux, d_uy, d_pu))]  # Eq. 19
    return float(relu(full("score", np.concatenate(s)))[0, 0])  # Eq. 20


def test_the_network_is_the_equations() -> None:
    model = network()
    depressionmlp.initialise(model, 15.0)
    generator = np.random.default_rng(0)
    x, y = generator.random((2, 2, 18, 68))
    au = 5 * generator.random((2, 18, 35))
    scores = model(
        landmarks=torch.from_numpy(np.concatenate([x, y], axis=-1)).float(),
        action_units=torch.from_numpy(au).float(),
    )
    slow = [reference(model, x[i], y[i], au[i]) for i in range(2)]
    assert slow[0] != pytest.approx(slow[1], abs=1e-3)  # or the comparison would say little
    np.testing.assert_allclose(scores.detach().numpy(), slow, rtol=2e-5)


def test_dual_gating_is_the_equations_element_by_element() -> None:
    model = network(seed=5)
    r = torch.rand(3, 1, 18, 68, generator=torch.Generator().manual_seed(2))
    q = model.gating(r)
    state = {k: v.double().numpy() for k, v in model.gating.state_dict().items()}
    for s in range(3):
        slow = dual_gating(
            r[s, 0].double().numpy(),
            lambda name, s=s: (state[f"{name}.weight"][s], state[f"{name}.bias"][s].squeeze()),
        )
        np.testing.assert_allclose(q[s, 0].detach().numpy(), slow, atol=1e-5)


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
