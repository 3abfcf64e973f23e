"""Networks at work: on which device, with which parameters, over which segments."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from deptool.errors import UsageError
from deptool.tensor_file import fill

Widths = Mapping[str, int]  # group of columns -> how many a segment has of it

# Segments scored at once: on a CPU, more of them only leave its caches.
_CHUNK = {"cpu": 256}
_CHUNK_ELSEWHERE = 4096


def widths(columns: Mapping[str, Sequence[str]]) -> Widths:
    """How many columns each group has."""
    return {group: len(names) for group, names in columns.items()}


def find_device(name: str) -> torch.device:
    """'auto' (CUDA where there is one, else the CPU), 'cpu', 'cuda', 'cuda:1' or 'mps'."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:  # torch built without CUDA asserts
        raise UsageError(
            f"no device {name!r} on this machine", fix="Use --device auto or --device cpu."
        ) from error
    return device


def restore(
    module: ModuleType, settings: Any, columns: Widths, parameters: Mapping[str, Tensor]
) -> nn.Module:
    """The network with these parameters; the caller's random numbers stay what they were."""
    with torch.random.fork_rng(devices=[]):
        network: nn.Module = module.build(settings, columns=columns)
    fill(network, parameters)
    return network


@torch.no_grad()
def score_segments(
    network: nn.Module, values: Tensor, columns: Widths, rows: Tensor
) -> NDArray[np.float64]:
    """values (segment, frame, column), rows (some,) of its segments -> scores (some,)."""
    network.eval()
    chunks = torch.split(rows, chunk(values.device))
    parts = [network(**inputs(values, columns, chunk)).double().cpu() for chunk in chunks]
    return torch.cat(parts).numpy() if parts else np.zeros(0)


def chunk(device: torch.device) -> int:
    """How many segments are scored at once."""
    return _CHUNK.get(device.type, _CHUNK_ELSEWHERE)


def inputs(values: Tensor, columns: Widths, rows: Tensor) -> dict[str, Tensor]:
    """group -> (*rows, frame, column of the group) of these segments."""
    parts = torch.split(values[rows.to(values.device)], list(columns.values()), dim=-1)
    return dict(zip(columns, parts, strict=True))


def average(
    scores: NDArray[np.float64], recording: NDArray[np.int64], n: int | None = None
) -> NDArray[np.float64]:
    """scores (segment,), recording (segment,) -> mean score (recording,); NaN without segments."""
    counts = np.bincount(recording, minlength=n or 0)
    sums = np.bincount(recording, weights=scores, minlength=n or 0)
    return np.divide(sums, counts, out=np.full(len(counts), np.nan), where=counts > 0)


@contextlib.contextmanager
def threads(count: int | None) -> Iterator[None]:
    """Torch's threads for one operation on the CPU, in this block; None leaves them as they are."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
