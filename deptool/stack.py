"""Several networks of one shape as one: a member's parameters in a row, members on a first axis.

Networks as small as these spend most of a step on starting operations. One operation over all
members costs little more than one over a single member, and changes nothing in what each computes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap


class Stack:
    """Networks that differ in nothing but their parameters; `rows` holds (parameter,) of each."""

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        self.base = networks[0]
        self.shapes = {name: p.shape for name, p in self.base.named_parameters()}
        self.rows = nn.ParameterList(
            torch.cat([p.detach().flatten() for p in network.parameters()]) for network in networks
        )

    def score(self, which: Sequence[int], groups: Mapping[str, Tensor]) -> Tensor:
        """The scores of some members, each on rows of its own.

        groups: name -> (member, batch, frame, column of the group) -> score (member, batch).
        """
        if len(which) == 1:
            alone = {name: values[0] for name, values in groups.items()}
            return self._call(self.named(self.rows[which[0]]), alone)[None]
        rows = torch.stack([self.rows[i] for i in which])
        # Random numbers would depend on who else is in the stack.
        found: Tensor = vmap(self._call, randomness="error")(self.named(rows), dict(groups))
        return found

    def named(self, row: Tensor) -> dict[str, Tensor]:
        """row (…, parameter) -> name -> (…, *shape), views of it."""
        parts = torch.split(row, [shape.numel() for shape in self.shapes.values()], dim=-1)
        lead = row.shape[:-1]
        return {
            name: part.view((*lead, *shape))
            for (name, shape), part in zip(self.shapes.items(), parts, strict=True)
        }

    def state(self, member: int) -> dict[str, Tensor]:
        """What a network's state_dict would be, of one member: a copy."""
        row = self.rows[member].detach().clone()
        return {**self.base.state_dict(), **self.named(row)}

    def load(self, member: int, state: Mapping[str, Tensor]) -> None:
        """Take a member's parameters from what `state` gave."""
        with torch.no_grad():
            self.rows[member].copy_(torch.cat([state[name].flatten() for name in self.shapes]))

    def _call(self, parameters: Mapping[str, Tensor], groups: Mapping[str, Tensor]) -> Tensor:
        found: Tensor = functional_call(self.base, dict(parameters), (), dict(groups))
        return found
