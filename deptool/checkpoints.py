"""Checkpoints: members after a whole epoch, with all that the next epoch depends on.

Members that train together are in one file, so that a run that is killed has them all at the same
epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deptool.runs import read_tensors, write_tensors
from deptool.tensor_file import no_tensors

if TYPE_CHECKING:
    from torch import Tensor

Key = tuple[int, int]  # seed and fold


@dataclass
class Checkpoint:
    """One member after a whole epoch."""

    epoch: int = 0
    best_epoch: int = 0
    finished: bool = False
    history: list[tuple[float, float]] = field(default_factory=list)  # train loss, dev RMSE
    parameters: dict[str, Tensor] = field(default_factory=dict)
    best: dict[str, Tensor] = field(default_factory=dict)
    optimiser: dict[str, Tensor] = field(default_factory=dict)  # 'exp_avg': (parameter,)
    random: dict[str, Tensor] = field(default_factory=dict)  # generator states, uint8
    ends: list[int] = field(default_factory=list)  # last epochs of the phases that are over


_PARTS = ("parameters", "best", "optimiser", "random")
_NUMBERS = ("epoch", "best_epoch", "finished", "ends", "history")


def write_checkpoints(path: Path, members: Mapping[Key, Checkpoint]) -> None:
    """Write members to one file, atomically."""
    tensors = {
        f"seed{seed}.fold{fold}.{part}.{name}": value
        for (seed, fold), state in members.items()
        for part in _PARTS
        for name, value in getattr(state, part).items()
    }
    about = [
        {"seed": seed, "fold": fold, **{name: getattr(state, name) for name in _NUMBERS}}
        for (seed, fold), state in members.items()
    ]
    write_tensors(path, tensors, {"members": about})


def read_checkpoints(path: Path) -> dict[Key, Checkpoint]:
    """The members in a file; none where there is no file. Raises SchemaError for another file."""
    if not path.is_file():
        return {}
    tensors, about = read_tensors(path)
    try:
        found = {(m["seed"], m["fold"]): _state(m) for m in about["members"]}
        for key, value in tensors.items():
            seed, fold, part, name = key.split(".", 3)
            state = found[int(seed.removeprefix("seed")), int(fold.removeprefix("fold"))]
            if part not in _PARTS:
                raise KeyError(part)
            getattr(state, part)[name] = value
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise no_tensors(str(path)) from error
    return found


def _state(member: dict[str, Any]) -> Checkpoint:
    state = Checkpoint(**{name: member[name] for name in _NUMBERS})
    state.history = [(loss, rmse) for loss, rmse in member["history"]]
    return state
