"""A small network that learns from the gallery what stays the same in a person's motion.

The personal branch of MPDRM (models/mpdrm.py: Liu et al. 2025, Neurocomputing 632, 129669; our
reading of its abstract), trained by supervised contrast (Khosla et al. 2020) on clips of the
gallery alone: clips of one person are to be alike, and unlike those of others. That learnt
embeddings of motion find people is known of VR sessions (Nair et al. 2023: 94 % of 55,541 persons
from 100 s of head and hand motion).

It sees velocities of the landmarks on the canonical face, action units, pose with its changes, and
gaze, 6 a second or at the table's own slower rate, and functionals where a level released some for
every row; not the shape of the face. "nearest" compares
the mean embeddings of whole samples by their angle. The network is small and trained for seconds: a
patient attacker has a stronger one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from deptool.attack_signals import BEHAVIOUR
from deptool.identification import Sample
from deptool.matchers import best, normalised
from deptool.measured import LANDMARK_COLUMNS

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from deptool.models.mpdrm import PersonalNetwork

MATCHERS = ("nearest",)
LOOKS_AT = "action units, pose, gaze or landmarks"
COLUMNS = (*BEHAVIOUR, *LANDMARK_COLUMNS)
LEAST_ROWS = 8  # as read, 6 a second at most
SHUFFLES = 3  # each of them trains a network; one alone strays far from chance by chance

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]

_HZ = 6.0
_MOST_ROWS = 900  # of a sample, its middle: 150 s
_CLIP_ROWS = 48  # of training: 8 s
_CHANNELS = 24
_DROPOUT = 0.2
_TEMPERATURE = 0.1
_PERSONS, _CLIPS = 16, 2  # of a batch
_BATCHES = 120
_RATE, _DECAY = 3e-3, 1e-3
_FAR = 5.0  # SDs at most


def describe(sample: Sample) -> Floats32 | None:
    """(row, number): what the network sees; a row of NaN is not measured."""
    signals = sample.signals
    columns = [signals.behaviour, signals.change(signals.behaviour), signals.change(signals.face)]
    if sample.vectors is not None and len(sample.vectors.vectors) == len(signals.times):
        columns.append(sample.vectors.vectors.astype(np.float64))
    values = np.concatenate(columns, axis=1)
    times = signals.times
    step = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    if step <= 0:
        return None
    # Every k-th row, so that a table of 30 rows a second is read 6 times a second.
    values = values[:: max(1, round(1 / (_HZ * step)))]
    if len(values) > _MOST_ROWS:
        start = (len(values) - _MOST_ROWS) // 2
        values = values[start : start + _MOST_ROWS]
    if np.isfinite(values).any(axis=1).sum() < LEAST_ROWS:
        return None
    found: Floats32 = values.astype(np.float32)
    return found


def match(
    gallery: Sequence[Floats32], persons: NDArray[np.int64], probes: Sequence[Floats32], seed: int
) -> dict[str, Floats]:
    """{matcher: (probe, person)}."""
    import torch

    from deptool.networks import threads

    known, asked = _scaled(gallery, probes)
    with threads(1), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        generator = torch.Generator().manual_seed(seed)
        network = _trained(known, torch.as_tensor(persons), generator)
        one, other = _embedded(network, known), _embedded(network, asked)
    return {"nearest": normalised(best(other @ one.T, persons))}


def _scaled(
    gallery: Sequence[Floats32], probes: Sequence[Floats32]
) -> tuple[list[tuple[Tensor, Tensor]], list[tuple[Tensor, Tensor]]]:
    """Values (row, used number) in SDs of the gallery's rows, and which rows are valid (row,)."""
    import torch

    rows = np.concatenate(list(gallery)).astype(np.float64)
    there = np.isfinite(rows)
    used = there.any(axis=0)
    count = np.maximum(there.sum(axis=0), 1)
    mean = np.where(there, rows, 0).sum(axis=0) / count
    sd = np.sqrt(np.where(there, (rows - mean) ** 2, 0).sum(axis=0) / count)
    used &= sd > 1e-6

    def scaled(sample: Floats32) -> tuple[Tensor, Tensor]:
        values = ((sample[:, used] - mean[used]) / sd[used]).clip(-_FAR, _FAR)
        valid = np.isfinite(values).any(axis=1)
        values = np.where(np.isfinite(values), values, 0).astype(np.float32)
        return torch.from_numpy(values), torch.from_numpy(valid)

    return [scaled(s) for s in gallery], [scaled(s) for s in probes]


def _trained(
    samples: Sequence[tuple[Tensor, Tensor]], persons: Tensor, generator: Generator
) -> PersonalNetwork:
    """The network after `_BATCHES` batches of clips."""
    import torch

    from deptool.models.mpdrm import PersonalNetwork, Settings
    from deptool.person_contrast import contrast

    settings = Settings(channels=_CHANNELS, dropout=_DROPOUT)
    network = PersonalNetwork(samples[0][0].shape[1], settings)
    optimiser = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _RATE, total_steps=_BATCHES)
    of_person = {p: (persons == p).nonzero()[:, 0] for p in set(persons.tolist())}
    names = torch.tensor(list(of_person))
    network.train()
    for _ in range(_BATCHES):
        chosen = names[torch.randperm(len(names), generator=generator)[:_PERSONS]]
        clips, owner = [], []
        for person in chosen.tolist():
            for _ in range(_CLIPS):
                some = of_person[person]
                row = int(some[torch.randint(len(some), (), generator=generator)])
                clips.append(_clip(*samples[row], generator))
                owner.append(person)
        values, valid = (torch.stack([c[i] for c in clips]) for i in (0, 1))
        loss = contrast(network(values, valid), torch.tensor(owner), None, _TEMPERATURE)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        schedule.step()
    return network.eval()


def _clip(values: Tensor, valid: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """`_CLIP_ROWS` rows from a random place; of a shorter sample half of it, and padding."""
    import torch
    from torch.nn import functional

    length = min(_CLIP_ROWS, max(LEAST_ROWS // 2, len(values) // 2))
    start = int(torch.randint(len(values) - length + 1, (), generator=generator))
    missing = _CLIP_ROWS - length
    return (
        functional.pad(values[start : start + length], (0, 0, 0, missing)),
        functional.pad(valid[start : start + length], (0, missing)),
    )


def _embedded(network: PersonalNetwork, samples: Sequence[tuple[Tensor, Tensor]]) -> Floats:
    """The unit vectors (sample, channel): means over windows as long as the training's clips."""
    import torch
    from torch.nn import functional

    found = []
    with torch.no_grad():
        for values, valid in samples:
            pad = -len(values) % _CLIP_ROWS
            windows = functional.pad(values, (0, 0, 0, pad)).reshape(
                -1, _CLIP_ROWS, values.shape[1]
            )
            there = functional.pad(valid, (0, pad)).reshape(-1, _CLIP_ROWS)
            found.append(functional.normalize(network(windows, there).sum(0), dim=0))
    vectors: Floats = torch.stack(found).double().numpy()
    return vectors
