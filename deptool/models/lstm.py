"""LSTM: a plain recurrent network over all that a corpus measures, as a baseline.

Hochreiter, Schmidhuber: "Long Short-Term Memory", Neural Computation 9(8), 1997.

One layer reads a segment frame by frame; the mean of its hidden states over the frames gives the
score by a linear map. 48 hidden units make it as large as DepressionMLP, with which it shares
everything but the network (recipe.py): 42,481 parameters on landmarks and 35 action unit columns
against 42,192.

Departures from the paper, and readings of what it leaves open
- The paper has no task of this kind. What is read, how large the layer is and how it is trained
  are choices of this file.
- The cell is PyTorch's, the one in use today: it has a forget gate (Gers, Schmidhuber, Cummins
  2000), which the paper's has not.
- The gradient goes back through all frames of a segment; the paper truncates it at the gates.
- Weights start uniform within 1 / sqrt(hidden), as in PyTorch, but for the last bias: the mean
  training score.
- All groups of columns enter one layer side by side, of landmarks and head position only their
  motion in the segment; joined.py has the scales.
- The learning rate is 0.001, Adam's own default, not DepressionMLP's 0.0002: hidden states lie
  between -1 and 1, and a score in points needs large last weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from deptool.joined import join
from deptool.recipe import Recipe
from deptool.recipe import loss as loss
from deptool.recipe import optimiser as optimiser
from deptool.recipe import sample as sample

TITLE = "Long Short-Term Memory"
DOI = "10.1162/neco.1997.9.8.1735"
NEEDS = ()
USES = ("landmarks", "action_units", "head_pose", "gaze")

CPU_THREADS = 1  # a network this small gains nothing from a second
TOGETHER = False  # torch has no batched rule for its LSTM


@dataclass(frozen=True)
class Settings(Recipe):
    """DepressionMLP's recipe and the size of the layer."""

    learning_rate: float = 1e-3
    hidden: int = 48

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require("hidden", self.hidden >= 1, "at least 1")


class LSTM(nn.Module):
    """Groups, each (batch, frame, column of the group) -> score (batch), in points."""

    def __init__(self, *, columns: int, hidden: int) -> None:
        super().__init__()
        self.layer = nn.LSTM(columns, hidden, batch_first=True)
        self.score = nn.Linear(hidden, 1)

    def forward(self, **groups: Tensor) -> Tensor:
        states, _ = self.layer(join(groups))  # (batch, frame, hidden)
        return self.score(states.mean(1)).squeeze(-1)


def build(settings: Settings, *, columns: Mapping[str, int]) -> LSTM:
    """The network for so many columns of each group, freshly drawn from torch's generator."""
    return LSTM(columns=sum(columns.values()), hidden=settings.hidden)


def initialise(model: LSTM, train_mean: float) -> None:
    """The last bias at the mean training score, in points."""
    nn.init.constant_(model.score.bias, train_mean)
