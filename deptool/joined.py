"""All groups of a segment as one sequence, its columns of the order of one.

For networks that take whatever a corpus has. A segment is scaled by constants and by itself, never
by other segments, so that its score depends on nothing else. Where the face is in the picture and
what shape it has say who and which session it is, and a network learns a few dozen people by heart
from that: of positions only their motion inside the segment is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from deptool.measured import GROUPS

if TYPE_CHECKING:
    from torch import Tensor

_POSE_COLUMNS = 6  # Tx, Ty, Tz in mm, then Rx, Ry, Rz in rad
_STEP = 0.1  # of a face's size: some 4 mm, as far as landmarks go
_CM = 10.0  # in mm, as far as a head goes


def join(groups: Mapping[str, Tensor]) -> Tensor:
    """group -> (batch, frame, column of the group), to (batch, frame, column of all groups).

    Landmarks and head position are taken about their own mean over the frames, in tenths of the
    face's size and in cm. Angles, gaze and action units stay as they are. Groups stand in the
    tables' order.
    """
    import torch

    change = {"landmarks": _motion, "head_pose": _motion_and_angles}
    there = [name for name in GROUPS if name in groups]
    return torch.cat([change.get(name, _as_it_is)(groups[name]) for name in there], dim=-1)


def _motion(landmarks: Tensor) -> Tensor:
    """landmarks (batch, frame, x of 68, then y): how far each is from its mean over the frames.

    The face's size is the root mean square distance of its coordinates from their centre.
    """
    batch, frames, columns = landmarks.shape
    face = landmarks.reshape(batch, frames, 2, columns // 2).mean(1)  # (batch, axis, landmark)
    size = (face - face.mean(2, keepdim=True)).square().mean((1, 2)).sqrt()
    moved = landmarks - landmarks.mean(1, keepdim=True)
    return moved / (_STEP * size.clamp(min=1e-6))[:, None, None]


def _motion_and_angles(pose: Tensor) -> Tensor:
    """pose (batch, frame, column); one that lacks some of the six columns is taken as angles."""
    import torch

    if pose.shape[-1] != _POSE_COLUMNS:
        return pose
    place, angles = pose.chunk(2, dim=-1)
    return torch.cat([(place - place.mean(1, keepdim=True)) / _CM, angles], dim=-1)


def _as_it_is(values: Tensor) -> Tensor:
    return values
