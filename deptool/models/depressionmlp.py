"""DepressionMLP: Dual Gating and Mutual Guidance on landmark and action unit sequences.

Niu, Li, Tao, Zhou, Schuller: "DepressionMLP: A Multi-Layer Perceptron Architecture for Automatic
Depression Level Prediction via Facial Keypoints and Action Units", IEEE TCSVT 2024.

Letters as in the paper: M = 18 frames, N = 68 landmarks, P action unit columns, R an input
sequence, Q what Dual Gating makes of it, D what Mutual Guidance makes of that, C1 a Conv1D of
kernel 1 (a matrix from the right, with a bias), C2 a Conv2D of kernel 1. The three sequences
X, Y and AU have their own weights in Eqs. 7-14, 17 and 19; they are stacked here on a first axis
named `sequence`, and segments stand behind frames (dual_gating.py), which changes no number and
makes a step faster.

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
- The ablations (Tables III and IV), of which the paper gives names and a sentence each:
  - "Linear" is Eqs. 19 and 20: without guidance they take Q in the place of D, and with guidance
    in one direction Q of what is not guided.
  - CLG and CFG alone: Eq. 13 with the one map that there is, R^(F->L) or R^(L->F), under C2.
  - gMLP: Eqs. 4-6 on each sequence, with the layer norm and the bias of Liu et al.'s unit
    (models/gmlp.py), once, and D = N columns inside, as many as Eq. 7 has: 7,618 parameters a
    sequence against Dual Gating's 12,631.
  - Cross-attention (CA) has no equation. Q_XY = [Q_X, Q_Y] and Q_AU each go through a linear map
    to M columns per frame, of the size of W^XY and W^AU; the products of the two, over sqrt(M),
    say how alike two frames are, and their softmax makes of each sequence a mean over its frames,
    for every frame of the other. One head, and no map of the values, so that there are fewer
    parameters than in Mutual Guidance, as the paper says. It also says that its own network needs
    the most FLOPs; beside any attention over frames, which multiplies matrices where guidance
    multiplies numbers, that cannot be.
- Epochs and early stopping are not in the paper. The best epoch is the one of the lowest RMSE
  over dev recordings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args, get_type_hints

import torch
from torch import Tensor, nn

from deptool.ablations import Grid, Table, Variant
from deptool.dual_gating import DualGating, GMLPBlocks, OverFrames
from deptool.guidance_maps import maps as maps
from deptool.mutual_guidance import CrossAttention, MutualGuidance, keras
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

_X_Y, _AU, _ALL = "landmarks", "action units", "both"


def _alone(block: str, called: str) -> tuple[Variant, ...]:
    """A block without guidance, on each of the inputs: three lines of Table III."""
    return tuple(
        Variant(
            f"{block}{suffix}",
            (f"{called}+Linear", words),
            {"block": block, "guidance": "none", "inputs": inputs},
        )
        for suffix, words, inputs in (
            ("-landmarks", _X_Y, "landmarks"),
            ("-action-units", _AU, "action_units"),
            ("", _ALL, "both"),
        )
    )


def _guided(name: str, called: str, guidance: str) -> Variant:
    """Dual Gating with guidance: a line of Table IV."""
    settings = {"block": "dg", "guidance": guidance, "inputs": "both"}
    return Variant(name, (called, _ALL), settings)


_TABLE_3 = (
    *(_alone("gmlp", "gMLP"), _alone("clg", "CLG")),
    *(_alone("cfg", "CFG"), _alone("dg", "DG")),
)
_TABLE_4 = (
    _TABLE_3[-1][-1],  # DG+Linear on both
    _guided("dg-ca", "DG+CA+Linear", "cross-attention"),
    _guided("dg-p2u", "DG+P→U+Linear", "p2u"),
    _guided("dg-u2p", "DG+U→P+Linear", "u2p"),
    _guided("dg-mg", "DG+MG+Linear", "both"),
)
ABLATIONS = Grid(
    tables=(
        Table("Table III: blocks and inputs", ("model", "inputs"), _TABLE_3),
        Table("Table IV: guidance", ("model", "inputs"), (_TABLE_4,)),
    ),
    compared=("gmlp", "clg", "cfg", "dg", "dg-ca", "dg-p2u", "dg-u2p", "dg-mg"),
    ranks="Table V: Friedman test",
    sizes="Table VI: parameters and FLOPs",
    classes="Table VII: severity classes",
)

# Settings that the contract tests try too.
VARIANTS = (
    {"block": "clg"},
    {"block": "cfg"},
    {"block": "gmlp"},
    {"guidance": "p2u"},
    {"guidance": "u2p"},
    {"guidance": "none"},
    {"guidance": "cross-attention"},
    {"inputs": "landmarks", "guidance": "none"},
    {"inputs": "action_units", "guidance": "none"},
)


@dataclass(frozen=True)
class Settings(Recipe):
    """The recipe is the paper's (section IV.B), its M frames among it; the network is whole.

    `block`, `guidance` and `inputs` leave parts of it out, or put others in their place (Tables III
    and IV): "clg" and "cfg" are the cross-location and the cross-frame gate alone, "p2u" is the
    landmarks' guidance of the action units, "u2p" the other one.
    """

    block: Literal["dg", "clg", "cfg", "gmlp"] = "dg"
    guidance: Literal["both", "p2u", "u2p", "none", "cross-attention"] = "both"
    inputs: Literal["both", "landmarks", "action_units"] = "both"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require("frames", self.frames >= 2 and self.frames % 2 == 0, "even and at least 2")
        for name in ("block", "guidance", "inputs"):
            known = get_args(get_type_hints(Settings)[name])
            self.require(name, getattr(self, name) in known, f"one of {', '.join(known)}")
        if self.inputs != "both" and self.guidance != "none":
            raise ValueError(
                f"with inputs {self.inputs} alone there is nothing to guide them:"
                f" guidance must be none, not {self.guidance}"
            )


def needs(settings: Settings) -> tuple[str, ...]:
    """The groups of columns that a network of these settings works on."""
    return NEEDS if settings.inputs == "both" else (settings.inputs,)


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


class DepressionMLP(nn.Module):
    """landmarks (batch, frame, x of N, then y), action_units (batch, frame, P) -> score (batch).

    `inputs`, `block` and `guidance` are those of Settings; a group that is not among the inputs
    is not given.
    """

    spread: Tensor

    def __init__(
        self,
        *,
        frames: int,
        n_au: int = 0,
        locations: int = LANDMARKS,
        inputs: str = "both",
        block: str = "dg",
        guidance: str = "both",
    ) -> None:
        super().__init__()
        if inputs != "landmarks":
            self.register_buffer("spread", spread(n_au, locations), persistent=False)
        sequences = {"both": 3, "landmarks": 2, "action_units": 1}[inputs]
        self.gating = _block(block, sequences=sequences, frames=frames, locations=locations)
        self.guidance = _guidance(guidance, frames=frames, locations=locations)
        self.scores = OverFrames(sequences=sequences, inputs=frames, outputs=1)  # Eq. 19
        self.score = keras(nn.Linear(sequences * locations, 1))  # W of Eq. 20

    def forward(
        self, *, landmarks: Tensor | None = None, action_units: Tensor | None = None
    ) -> Tensor:
        r = [] if landmarks is None else [*landmarks.chunk(2, dim=-1)]
        if action_units is not None:
            r.append(action_units @ self.spread)  # Eq. 3; Eq. 2 is measured.py's
        q = self.gating(torch.stack([each.transpose(0, 1) for each in r]))
        s = self.scores(self.guidance(q)).relu().squeeze(1)  # Eq. 19: (sequence, batch, N)
        return self.score(s.transpose(0, 1).flatten(1)).relu().squeeze(-1)  # Eq. 20


def _block(name: str, *, sequences: int, frames: int, locations: int) -> nn.Module:
    if name == "gmlp":
        return GMLPBlocks(sequences=sequences, frames=frames, locations=locations)
    over = {"dg": ("locations", "frames"), "clg": ("locations",), "cfg": ("frames",)}[name]
    return DualGating(sequences=sequences, frames=frames, locations=locations, over=over)


def _guidance(name: str, *, frames: int, locations: int) -> nn.Module:
    if name == "none":
        return nn.Identity()
    if name == "cross-attention":
        return CrossAttention(frames=frames, locations=locations)
    guided = {"both": {"action_units", "landmarks"}, "p2u": {"action_units"}, "u2p": {"landmarks"}}
    return MutualGuidance(frames=frames, locations=locations, guided=frozenset(guided[name]))


def build(settings: Settings, *, columns: Mapping[str, int]) -> DepressionMLP:
    """The network for so many columns of each group, freshly drawn from torch's generator."""
    return DepressionMLP(
        frames=settings.frames,
        n_au=columns.get("action_units", 0),
        inputs=settings.inputs,
        block=settings.block,
        guidance=settings.guidance,
    )


def initialise(model: DepressionMLP, train_mean: float) -> None:
    """The last bias at the mean training score, in points."""
    nn.init.constant_(model.score.bias, train_mean)
