"""DepressionMLP: Dual Gating and Mutual Guidance on landmark and action unit sequences.

Niu, Li, Tao, Zhou, Schuller: "DepressionMLP: A Multi-Layer Perceptron Architecture for Automatic
Depression Level Prediction via Facial Keypoints and Action Units", IEEE TCSVT 2024.

Letters as in the paper: M = 18 frames, N = 68 landmarks, P action unit columns, R an input
sequence, Q what Dual Gating makes of it, D what Mutual Guidance makes of that, C1 a Conv1D of
kernel 1 (a matrix from the right, with a bias), C2 a Conv2D of kernel 1. The three sequences
X, Y and AU have their own weights in Eqs. 7-14, 17 and 19; they are stacked here on a first axis
named `sequence`, which changes no number and makes a step faster.

Departures from the paper, and readings of what it leaves open
- Eq. 3 is written for P = 35. Here column j of N reads position 1 + (j - 1)(P - 1)/N by linear
  interpolation, which for P = 35, N = 68 is Eq. 3, and takes any P. Columns that are null in a
  whole corpus are left out first (measured.py), and the model file records which.
- Frames are not rescaled to 480 x 480: x and y are divided by the longer side (Eq. 2), so a
  picture that is not square keeps its shape.
- The cross-frame gate: Eq. 10 with the transpose of G(L->F), as printed, has no valid shape
  (9 x 68 cannot become 18 x 68 by a matrix from the right). C1 is applied to G(L->F) itself and
  the result is transposed.
- The softmax axis is not given. It is the last axis of C1's output, as in Keras: over locations
  in the location gate, over frames in the frame gate.
- The masks of Eqs. 16 and 18: one C1 for each direction; X and Y share theirs, as printed. With
  that there are 42,192 parameters; the paper's Table VI could not be read.
- Weights start Glorot-uniform and biases at zero, as in Keras, with two exceptions. The last
  bias starts at the mean training score, so that the last ReLU lives. Eqs. 13, 14, 17 and 19 put
  a ReLU behind a single output column; on inputs that are positive and nearly constant in time,
  as coordinates are, a draw with a negative sum is zero for every input and never learns. Such a
  draw has its sign turned. (On synthetic tables, 60 draws: without this 87 of 180 weights of
  Eq. 13, 66 of Eqs. 14 and 17 and 45 of Eq. 19 had no gradient at the start; with it, none.)
- The RMSE loss has 1e-6 inside the root: at zero error its gradient would be infinite.
- Weight decay is the L2 term of Adam; the paper names a value (1e-4) but not the kind. Adam's
  epsilon is 1e-7, as in Keras.
- "4 segments from the file of each subject under each score": Fig. 5 stores segments by score,
  then by recording. An epoch walks that tree and takes 4 segments from each recording, so a long
  recording counts no more than a short one. Keras shuffles what it is given before cutting
  batches, so by default a batch of 8 mixes scores; with `shuffle = false` the epoch stays in the
  tree's order, and a batch is two recordings of one score or of neighbouring scores. Then every
  step pulls all predictions to that score: on synthetic tables, 60 epochs brought dev RMSE from
  19.1 (a constant) to 18.5, against 15.0 with mixed batches.
- Epochs and early stopping are not in the paper. The best epoch is the one of the lowest RMSE
  over dev recordings.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from deptool.recipe import Recipe
from deptool.recipe import loss as loss
from deptool.recipe import optimiser as optimiser
from deptool.recipe import sample as sample

TITLE = (
    "DepressionMLP: A Multi-Layer Perceptron Architecture for Automatic Depression Level"
    " Prediction via Facial Keypoints and Action Units"
)
DOI = "10.1109/TCSVT.2024.3382334"
NEEDS = ("landmarks", "action_units")
USES = ()

LANDMARKS = 68  # N

# A network this small gains nothing from a second thread, and on a busy machine threads wait for
# each other: the same training took 46 s with two and 9 s with one.
CPU_THREADS = 1


@dataclass(frozen=True)
class Settings(Recipe):
    """The recipe is the paper's (section IV.B), its M frames among it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require("frames", self.frames >= 2 and self.frames % 2 == 0, "even and at least 2")


def spread(n_au: int, columns: int = LANDMARKS) -> Tensor:
    """Eq. 3 as a matrix (n_au, columns): `au @ spread` has as many columns as landmarks."""
    position = torch.arange(columns, dtype=torch.float64) * (n_au - 1) / columns
    low = position.floor().long()
    high = (low + 1).clamp(max=n_au - 1)
    share = position - low
    matrix = torch.zeros(n_au, columns, dtype=torch.float64)
    column = torch.arange(columns)
    matrix[low, column] += 1 - share
    matrix[high, column] += share
    return matrix.float()


class C1(nn.Module):
    """C1, stacked: (sequence, batch, row, inputs) -> (sequence, batch, row, outputs)."""

    def __init__(self, *, sequences: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(sequences, inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(sequences, 1, outputs))
        for weight in self.weight.detach():
            nn.init.xavier_uniform_(weight)
            if outputs == 1 and weight.sum() < 0:
                weight.neg_()

    def forward(self, values: Tensor) -> Tensor:
        sequences, batch, rows, inputs = values.shape
        flat = values.reshape(sequences, batch * rows, inputs)
        return torch.baddbmm(self.bias, flat, self.weight).view(sequences, batch, rows, -1)


class C2(nn.Module):
    """C2, stacked: two maps (sequence, batch, frame, landmark) -> one such map."""

    def __init__(self, *, sequences: int, frames: int, locations: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(sequences, 2))
        self.bias = nn.Parameter(torch.zeros(sequences))
        nn.init.uniform_(self.weight, -math.sqrt(2), math.sqrt(2))  # Glorot: sqrt(6 / (2 + 1))
        # The first map's gate is 1/N on average, the second's 1/M: this is the sum's sign.
        weight = self.weight.detach()
        total = (weight / torch.tensor([locations, frames])).sum(1, keepdim=True)
        weight *= torch.where(total < 0, -1.0, 1.0)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        weight = self.weight[:, :, None, None, None]
        return weight[:, 0] * first + weight[:, 1] * second + self.bias[:, None, None, None]


class DualGating(nn.Module):
    """R (sequence, batch, frame, location) -> Q of the same shape: Eqs. 7-13."""

    def __init__(self, *, sequences: int, frames: int, locations: int) -> None:
        super().__init__()
        m, n = frames, locations
        self.locations = C1(sequences=sequences, inputs=n, outputs=n)  # Eq. 7
        self.frame_mix = C1(sequences=sequences, inputs=m, outputs=m)  # Eq. 8
        self.location_gate = C1(sequences=sequences, inputs=n // 2, outputs=n)  # Eq. 10
        self.frames = C1(sequences=sequences, inputs=m, outputs=m)  # Eq. 11
        self.location_mix = C1(sequences=sequences, inputs=n, outputs=n)  # Eq. 8 for R^F
        self.frame_gate = C1(sequences=sequences, inputs=m // 2, outputs=m)  # Eq. 10 for G(L->F)
        self.merge = C2(sequences=sequences, frames=m, locations=n)  # Eq. 13

    def forward(self, r: Tensor) -> Tensor:
        first, second = self.locations(r).relu().chunk(2, dim=-1)  # Eq. 7: (frame, N/2) twice
        mask = self.frame_mix(second.mT).sigmoid()  # Eq. 8: (N/2, frame)
        by_location = self.location_gate(mask.mT * first).softmax(-1) * r  # Eqs. 9, 10

        first, second = self.frames(r.mT).relu().chunk(2, dim=-1)  # Eq. 11: (N, M/2) twice
        mask = self.location_mix(second.mT).sigmoid()  # Eq. 8: (M/2, N)
        by_frame = self.frame_gate(mask.mT * first).softmax(-1).mT * r  # Eqs. 12, 10

        return self.merge(by_location, by_frame).relu() + r  # Eq. 13


class MutualGuidance(nn.Module):
    """Q (sequence X, Y, AU; batch, frame, location) -> D of the same shape: Eqs. 14-18."""

    def __init__(self, *, frames: int, locations: int) -> None:
        super().__init__()
        self.summary = C1(sequences=3, inputs=frames, outputs=1)  # Eqs. 14, 17
        self.from_landmarks = nn.Linear(2 * locations, frames)  # W^XY of Eq. 15
        self.from_au = nn.Linear(locations, frames)  # W^AU of Eq. 17
        self.au_mask = nn.Linear(1, locations)  # C1 of Eq. 16
        self.landmark_mask = nn.Linear(1, locations)  # C1 of Eq. 18
        for layer in (self.from_landmarks, self.from_au, self.au_mask, self.landmark_mask):
            _keras(layer)

    def forward(self, q: Tensor) -> Tensor:
        q_x, q_y, q_au = self.summary(q.mT).relu().squeeze(-1)  # Eqs. 14, 17: (batch, N) each
        q_xy = self.from_landmarks(torch.cat([q_x, q_y], dim=-1)).relu()  # Eq. 15: (batch, M)
        q_au = self.from_au(q_au).relu()  # Eq. 17: (batch, M)
        au_mask = self.au_mask(q_xy[..., None]).sigmoid()  # Eq. 16: (batch, M, N)
        landmark_mask = self.landmark_mask(q_au[..., None]).sigmoid()  # Eq. 18
        return torch.stack([landmark_mask, landmark_mask, au_mask]) * q  # Eqs. 16, 18


class DepressionMLP(nn.Module):
    """landmarks (batch, frame, x of N, then y), action_units (batch, frame, P) -> score (batch)."""

    spread: Tensor

    def __init__(self, *, frames: int, n_au: int, locations: int = LANDMARKS) -> None:
        super().__init__()
        self.register_buffer("spread", spread(n_au, locations), persistent=False)
        self.gating = DualGating(sequences=3, frames=frames, locations=locations)
        self.guidance = MutualGuidance(frames=frames, locations=locations)
        self.scores = C1(sequences=3, inputs=frames, outputs=1)  # Eq. 19
        self.score = nn.Linear(3 * locations, 1)  # W of Eq. 20
        _keras(self.score)

    def forward(self, *, landmarks: Tensor, action_units: Tensor) -> Tensor:
        x, y = landmarks.chunk(2, dim=-1)
        r = torch.stack([x, y, action_units @ self.spread])  # Eq. 3; Eq. 2 is measured.py's
        d = self.guidance(self.gating(r))
        each = self.scores(d.mT).relu().squeeze(-1)  # Eq. 19: (sequence, batch, N)
        return self.score(each.transpose(0, 1).flatten(1)).relu().squeeze(-1)  # Eq. 20


def _keras(layer: nn.Linear) -> None:
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)


def build(settings: Settings, *, columns: Mapping[str, int]) -> DepressionMLP:
    """The network for so many columns of each group, freshly drawn from torch's generator."""
    return DepressionMLP(frames=settings.frames, n_au=columns["action_units"])


def initialise(model: DepressionMLP, train_mean: float) -> None:
    """The last bias at the mean training score, in points."""
    nn.init.constant_(model.score.bias, train_mean)
