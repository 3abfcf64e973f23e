"""How large a network is and what one segment costs it: parameters and FLOPs (Table VI).

FLOPs are those of matrix products alone, as torch's FlopCounterMode counts them: two for each
multiply-accumulate, biases, activations and what works number by number left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any


@dataclass(frozen=True)
class Complexity:
    """Of one network: learnt numbers, and FLOPs of the products that one segment takes."""

    parameters: int
    flops: int


def measure(module: ModuleType, settings: Any, columns: Mapping[str, int]) -> Complexity:
    """The size of a network of deptool/models for so many columns of each group.

    `module` is a model's file that has `build`. The caller's random numbers stay what they were.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with torch.random.fork_rng(devices=[]):
        network = module.build(settings, columns=columns).eval()
    parameters = sum(p.numel() for p in network.parameters())
    # On "meta" nothing is computed, and an LSTM is the products that it is made of.
    network = network.to("meta")
    segment = {
        group: torch.empty(1, settings.frames, n, device="meta") for group, n in columns.items()
    }
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(**segment)
    return Complexity(parameters, int(counter.get_total_flops()))
