"""Features that stay the same in a person: batches of P persons with K clips each, and InfoNCE.

Which clips of a person may be pairs is said by `positives`: clips of two sessions, of two
recordings, or any two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Generator, Tensor

from deptool.errors import DataError
from deptool.sequences import Clip, Known

Positives = Literal["sessions", "recordings", "clips"]

# One person's recordings: each unit (a session, or a recording) with its recordings.
Units = Sequence[Sequence[int]]


def persons(known: Known, positives: Positives) -> dict[int, Units]:
    """subject -> its sessions (or recordings, else), each as a list of recordings.

    Recordings without a subject are left out, and with `positives` "sessions" those without a
    session.
    """
    found: dict[int, dict[int, list[int]]] = {}
    for row, subject in enumerate(known.subject.tolist()):
        unit = int(known.session[row]) if positives == "sessions" else row
        if subject >= 0 and unit >= 0:
            found.setdefault(subject, {}).setdefault(unit, []).append(row)
    return {subject: list(units.values()) for subject, units in found.items()}


def require_pairs(
    found: Mapping[int, Units], known: Known, positives: Positives, where: str
) -> None:
    """Raise DataError where no two clips could be a pair, or a pair had nothing to be told from."""
    fix = (
        "Use a corpus that has several sessions of a person and says so (subject_id, session_id);"
        " see docs/mpdrm.md. Weaker: --set positives=recordings, or positives=clips, where each"
        " person has one session. Without personal features: --set personal=none."
    )
    if bool((known.subject < 0).all()):
        raise DataError(
            "the corpus does not say who is in its recordings, and personal features are learnt"
            " from clips that show the same person",
            where=where,
            fix="Name the persons with a column subject_id (deptool label), or train without"
            " personal features: --set personal=none.",
        )
    if positives != "clips" and not any(len(units) > 1 for units in found.values()):
        raise DataError(
            f"none of the {len(set(known.subject[known.subject >= 0].tolist()))} persons to train"
            f" on has two {positives}, and personal features are learnt from clips of the same"
            f" person in two {positives}",
            where=where,
            fix=fix,
        )
    if len(found) < 2:
        raise DataError(
            "there is one person to train on, and personal features are learnt from how persons"
            " differ",
            where=where,
            fix="Train on at least two persons, or with --set personal=none.",
        )


def person_batches(
    found: Mapping[int, Units],
    known: Known,
    *,
    positives: Positives,
    count: int,
    clips: int,
    seconds: float,
    generator: Generator,
) -> list[list[Clip]]:
    """Every person of whom there are pairs once, `count` persons a batch with `clips` clips each.

    Persons without pairs fill up the batches, with one clip each: others are told from them. A
    batch may have a person more than `count`, where one would otherwise be alone.
    """
    paired = [s for s, units in found.items() if positives == "clips" or len(units) > 1]
    single = [s for s in found if s not in set(paired)]
    batches = max(1, min(-(-len(found) // count), len(found) // 2, len(paired)))
    paired = _shuffled(paired, generator)
    single = _shuffled(single, generator)[: max(batches * count - len(paired), 0)]
    dealt = [*paired, *single]
    return [
        [
            clip
            for subject in dealt[b::batches]
            for clip in _of_person(
                _order(found[subject], known.score, generator),
                known.seconds,
                clips=clips if subject in paired else 1,
                repeat=positives != "recordings",
                seconds=seconds,
                generator=generator,
            )
        ]
        for b in range(batches)
    ]


def place(start: float, end: float, seconds: float, generator: Generator) -> tuple[float, float]:
    """A window of so many s, or less where there is less, anywhere between two times in s."""
    free = max(end - start - seconds, 0.0)
    first = start + free * float(torch.rand((), generator=generator))
    return first, min(first + seconds, end)


def contrast(p: Tensor, subject: Tensor, session: Tensor | None, temperature: float) -> Tensor:
    """Supervised InfoNCE of unit vectors p (clip, channel); subject, session (clip), -1: unknown.

    The mean, over clips that have positives, of the mean over these of
    -log(exp(p q / temperature) / sum over positives and negatives). Without `session` any two
    clips of a person are positives. 0 where no clip has any.
    """
    known = subject >= 0
    apart = known[:, None] & known[None, :] & ~torch.eye(len(p), dtype=torch.bool, device=p.device)
    same = subject[:, None] == subject[None, :]
    positive = apart & same
    if session is not None:
        dated = session >= 0
        other = session[:, None] != session[None, :]
        positive = positive & other & dated[:, None] & dated[None, :]
    rivals = positive | (apart & ~same)
    alike = p @ p.T / temperature
    low = torch.finfo(alike.dtype).min
    share = alike - alike.masked_fill(~rivals, low).logsumexp(1, keepdim=True)
    count = positive.sum(1)
    each = -(share * positive).sum(1) / count.clamp_min(1)
    return (each * (count > 0)).sum() / (count > 0).sum().clamp_min(1)


def _shuffled(items: Sequence[int], generator: Generator) -> list[int]:
    return [items[i] for i in torch.randperm(len(items), generator=generator).tolist()]


def _order(units: Units, score: Tensor, generator: Generator) -> list[int]:
    """A recording of each unit, in random order, but first those of scores not yet there."""
    chosen = [
        unit[int(torch.randint(len(unit), (), generator=generator))]
        for unit in (units[i] for i in _shuffled(range(len(units)), generator))
    ]
    seen: set[float] = set()
    again = []
    for row in chosen:
        again.append(float(score[row]) in seen)
        seen.add(float(score[row]))
    return [chosen[i] for i in sorted(range(len(chosen)), key=lambda i: again[i])]


def _of_person(
    rows: Sequence[int],
    length: Tensor,
    *,
    clips: int,
    repeat: bool,
    seconds: float,
    generator: Generator,
) -> list[Clip]:
    """`clips` clips of these recordings in turn; those of one recording do not overlap."""
    wanted = clips if repeat else min(clips, len(rows))
    found = []
    for k in range(wanted):
        row = rows[k % len(rows)]
        times = (wanted - k % len(rows) + len(rows) - 1) // len(rows)  # how often it comes
        part = float(length[row]) / times
        at = k // len(rows) * part
        found.append(Clip(row, *place(at, at + part, seconds, generator)))
    return found
