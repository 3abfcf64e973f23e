"""Whose face is whose: tracks from picture to picture, and which of them is the recording's.

A track is a face that overlaps itself from look to look. The recording's own face, the primary
one, is the track that is largest, most central and longest, taken over the whole recording; where
it is not seen, another track takes its place only if it is never seen beside it. Whatever is
doubtful in this is said, never decided silently.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

# Boxes that share this part of their union are one face (intersection over union).
SAME_OVERLAP = 0.3

# A face that was lost is the same one again if it is back at its place after this long at most,
# or after this many looks where looks are rare.
LOST_S, LOST_LOOKS = 2.0, 3

# Another face of this share of the primary one's prominence makes it doubtful whose it is.
RIVAL_SHARE = 0.5

# A face that replaces the primary one is this prominent at least, compared with it; and beyond
# doubt the same where it lies within one width of a face, at half to twice the size.
LEAST_SHARE = 0.1
SIZE_RATIO = 2.0


@dataclass(frozen=True)
class Choice:
    """The face of each look (index of a face, or -1), and whether that face is doubtful."""

    face: Ints
    doubtful: NDArray[np.bool_]


def overlap(one: Floats, other: Floats) -> Floats:
    """Intersection over union of boxes one (a, 4) and other (b, 4), x y w h -> (a, b)."""
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum((one[:, :2] + one[:, 2:])[:, None], (other[:, :2] + other[:, 2:])[None])
    shared = np.clip(high - low, 0, None).prod(-1)
    union = one[:, 2:].prod(-1)[:, None] + other[:, 2:].prod(-1)[None] - shared
    share: Floats = shared / np.maximum(union, 1e-9)
    return share


def link(owner: Ints, boxes: Floats, times: Sequence[float]) -> Ints:
    """The track (face) of every face, numbered from 0 in order of appearance.

    owner (face), the look that a face belongs to, ascending; boxes (face, 4) x y w h in px; times
    (look) in s. In each look the pairs of faces and tracks that overlap most are joined first.
    """
    track = np.full(len(owner), -1, dtype=np.intp)
    last: dict[int, int] = {}  # track: its latest face
    step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    patience = max(LOST_S, (LOST_LOOKS + 0.5) * step)
    for look in np.unique(owner):
        here = np.arange(*np.searchsorted(owner, [look, look + 1]))
        known = [t for t, f in last.items() if times[look] - times[owner[f]] <= patience]
        shares = overlap(boxes[here], boxes[[last[t] for t in known]])
        while shares.size and shares.max() >= SAME_OVERLAP:
            i, j = np.unravel_index(shares.argmax(), shares.shape)
            track[here[i]] = known[j]
            shares[i, :] = shares[:, j] = 0
        for i in here:
            if track[i] < 0:
                track[i] = len(last)
            last[int(track[i])] = int(i)
    return track


def prominence(boxes: Floats, width: int, height: int) -> Floats:
    """How likely each face (face, 4) is the one filmed: its area, less when off the centre.

    The area is a share of the picture's; a face in a corner counts half.
    """
    middle = boxes[:, :2] + boxes[:, 2:] / 2
    size = np.array([width, height])
    off = np.linalg.norm((middle - size / 2) / size, axis=1) / np.sqrt(0.5)
    area = boxes[:, 2:].prod(-1) / (width * height)
    weighed: Floats = area * (1 - 0.5 * np.clip(off, 0, 1))
    return weighed


def primary(
    owner: Ints, track: Ints, boxes: Floats, n_looks: int, width: int, height: int
) -> Choice:
    """The recording's own face in each look.

    owner, track (face); boxes (face, 4) in px; width, height of the picture.
    """
    chosen = np.full(n_looks, -1, dtype=np.intp)
    doubtful = np.zeros(n_looks, dtype=bool)
    if not len(owner):
        return Choice(chosen, doubtful)
    weight = prominence(boxes, width, height)
    total = np.bincount(track, weights=weight)
    order = np.argsort(-total, kind="stable")
    home = np.median(boxes[track == order[0]], axis=0)
    usual = np.median(weight[track == order[0]])
    for t in order:
        faces = np.flatnonzero(track == t)
        looks = owner[faces]
        if (chosen[looks] >= 0).any():
            continue  # seen beside the primary face: somebody else
        box = np.median(boxes[faces], axis=0)
        if np.median(weight[faces]) < LEAST_SHARE * usual:
            continue
        chosen[looks] = faces
        doubtful[looks] = not _at_home(box, home)
    strongest_other = np.zeros(n_looks)
    others = np.ones(len(owner), dtype=bool)
    others[chosen[chosen >= 0]] = False
    np.maximum.at(strongest_other, owner[others], weight[others])
    seen = chosen >= 0
    doubtful[seen] |= strongest_other[seen] >= RIVAL_SHARE * weight[chosen[seen]]
    return Choice(chosen, doubtful)


def _at_home(box: Floats, home: Floats) -> bool:
    """Whether a face lies and measures about as the primary one does."""
    away = np.linalg.norm(box[:2] + box[2:] / 2 - home[:2] - home[2:] / 2)
    ratio = box[2] / max(home[2], 1e-9)
    return bool(away <= home[2] and 1 / SIZE_RATIO <= ratio <= SIZE_RATIO)
