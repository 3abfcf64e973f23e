"""Functionals: one vector that says how a face behaved in a whole recording.

Axes: row (sampled time), column. What was not measured does not count, and a change is read over a
sixth of a second (`steps`), never over a gap; so a table of 30 rows a second and every fifth row of
it give nearly the same features. Where they cannot: an episode shorter than a sixth of a second can
fall between two rows of the slower table, and fewer than 4 rows a second have neither speeds nor
episodes (NaN). Landmarks enter as motion in the face's own frame and scale: neither the picture's
size nor how coordinates were divided is in it, nor what the face looks like at rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deptool.face.measures_68 import OF_68
from deptool.face.pose_68 import canonical_68, stable_68
from deptool.steps import Floats, Steps, find_steps

Features = dict[str, float]
Complex = NDArray[np.complex128]

LEAST_S = 2.0  # measured in a recording, or it is not described
AU_ACTIVE = 1.0  # intensity, of 0-5: OpenFace's "just there"

REGIONS = {
    "outline": slice(0, 17),
    "brows": slice(17, 27),
    "nose": slice(27, 36),
    "eyes": slice(36, 48),
    "mouth": slice(48, 68),
}
_PERCENTILES = (10, 50, 90)
_POINT = (
    1e-6  # a cm of the face, by its place in the picture: what float32 cannot tell from nothing
)
_NAN = complex(np.nan, np.nan)


def describe(
    times: Floats,
    groups: Mapping[str, NDArray[np.floating[Any]]],
    columns: Mapping[str, Sequence[str]],
) -> Features | None:
    """times (row,) in s, groups: group -> (row, column), columns: group -> names -> features.

    None where less than 2 s of rows were measured. The names depend on `columns` alone.
    """
    if measured_seconds(times, groups) < LEAST_S:
        return None
    steps = find_steps(times)
    found: Features = {}
    for group, values in groups.items():
        found |= _OF_GROUP[group](values.astype(np.float64), columns[group], steps)
    return found


def measured_seconds(times: Floats, groups: Mapping[str, NDArray[np.floating[Any]]]) -> float:
    """How long the best measured group is measured: its rows times the median step of rows."""
    if len(times) < 2:
        return 0.0
    most = max(int((~np.isnan(values)).any(axis=1).sum()) for values in groups.values())
    return most * float(np.median(np.diff(times)))


def of_action_units(values: Floats, names: Sequence[str], steps: Steps) -> Features:
    """Intensities (`_r`, 0-5) and presences (`_c`, 0 or 1): values (row, column)."""
    found: Features = {}
    for name, column in zip(names, values.T, strict=True):
        if name.endswith("_r"):
            found |= _spread(name, column)
            found |= _episodes(name, column > AU_ACTIVE, ~np.isnan(column), steps)
        else:
            share = _episodes(name, column > 0.5, ~np.isnan(column), steps)
            found |= share | {f"{name}.mean_s": _duration(column > 0.5, ~np.isnan(column), steps)}
    return found


def of_head_pose(values: Floats, names: Sequence[str], steps: Steps) -> Features:
    """Angles in rad; places in mm by how far they spread, since where the head is, the camera says.

    Speeds are of the turn between two rows as one rotation (rad/s), and of the head's way (mm/s).
    """
    column = dict(zip(names, values.T, strict=True))
    found: Features = {}
    for name in names:
        spread = _spread(name, column[name])
        found |= spread if name.startswith("pose_R") else {f"{name}.sd": spread[f"{name}.sd"]}
    if turn := _all_of(column, ("pose_Rx", "pose_Ry", "pose_Rz")):
        rotation = _rotations(*turn).reshape(-1, 9)
        # |R - S| = 2 sqrt(2) sin(angle / 2) for the angle between two rotations.
        found |= _speed(
            "head.turn", rotation, steps, lambda gap: 2 * np.arcsin(_length(gap) / 8**0.5)
        )
    if place := _all_of(column, ("pose_Tx", "pose_Ty", "pose_Tz")):
        found |= _speed("head.move", np.stack(place, axis=1), steps, _length)
    return found


def of_gaze(values: Floats, names: Sequence[str], steps: Steps) -> Features:
    """The mean gaze of both eyes: its angles, and how fast it turns (rad/s)."""
    column = dict(zip(names, values.T, strict=True))
    found: Features = {}
    for name in ("gaze_angle_x", "gaze_angle_y"):
        found |= _spread(name, column[name])
    eyes = [np.stack([column[f"gaze_{e}_{a}"] for a in "xyz"], axis=1) for e in (0, 1)]
    gaze = eyes[0] + eyes[1]
    length = _length(gaze)[:, None]
    gaze = np.divide(gaze, length, out=np.full_like(gaze, np.nan), where=length > 0)
    # |u - v| = 2 sin(angle / 2) for the angle between two unit vectors.
    return found | _speed("gaze.turn", gaze, steps, lambda gap: 2 * np.arcsin(_length(gap) / 2))


def of_landmarks(values: Floats, names: Sequence[str], steps: Steps) -> Features:
    """x of 68 landmarks and then y (row, 136): motion in canonical cm, in the face's own frame.

    Place, roll and size of the face are taken out of every row. A turn of the head out of the
    picture is not: it shortens distances, and counts as motion of the face.
    """
    face, frame, origin = align(values)
    points = np.stack([face.real, face.imag], axis=2)
    found: Features = {}
    for name, measure in OF_68.items():
        around = measure(points)
        middle = np.median(around[~np.isnan(around)]) if not np.isnan(around).all() else np.nan
        spread = _spread(f"face.{name}", around - middle)
        found |= {k: v for k, v in spread.items() if not k.endswith((".mean", ".p50"))}
        found |= _speed(f"face.{name}", around[:, None], steps, _length)
    found |= _speed("face.roll", np.angle(frame)[:, None], steps, _angle)
    size = np.abs(frame)
    whole = steps.through(~np.isnan(size))
    shift = np.abs(origin[whole.end] - origin[whole.start])
    shift = shift * 2 / (size[whole.end] + size[whole.start])
    found |= _mean_and_sd("face.shift.speed", shift / whole.seconds)
    ways = np.abs(face[whole.end] - face[whole.start])
    for name, region in REGIONS.items():
        way = ways[:, region].mean(axis=1)
        found |= _mean_and_sd(f"face.{name}.speed", way / whole.seconds)
    return found


def align(values: Floats) -> tuple[Complex, Complex, Complex]:
    """Landmarks (row, 136) -> in the canonical frame (row, 68), frames (row,), origins (row,).

    All as x + iy: landmark = origin + frame * aligned, in canonical cm. `frame` and `origin` bring
    the canonical face's stable points nearest to the row's, in weighted least squares. NaN where a
    landmark is missing, or where all stable ones are one point.
    """
    index, weights = stable_68()
    w = weights / weights.sum()
    canonical = canonical_68()[index, 0] + 1j * canonical_68()[index, 1]
    middle = (w * canonical).sum()
    away = canonical - middle
    aligned = np.full((len(values), 68), _NAN)
    frame, origin = np.full((2, len(values)), _NAN)
    rows = np.flatnonzero(~np.isnan(values).any(axis=1))
    x, y = values[rows, :68], values[rows, 68:]
    stable = x[:, index] + 1j * y[:, index]
    # Sums without BLAS, which adds up in another order on another number of cores.
    turn = (stable * (w * away.conj())).sum(axis=1) / (w * np.abs(away) ** 2).sum()
    some = np.abs(turn) > _POINT * np.abs(stable).max(axis=1, initial=0)
    rows, x, y, stable, turn = (part[some] for part in (rows, x, y, stable, turn))
    place = (stable * w).sum(axis=1) - turn * middle
    frame[rows], origin[rows] = turn, place
    aligned[rows] = (x + 1j * y - place[:, None]) * (1 / turn)[:, None]
    return aligned, frame, origin


def _spread(name: str, values: Floats) -> Features:
    """Mean, standard deviation and percentiles of what was measured of values (row,)."""
    known = values[~np.isnan(values)]
    if not len(known):
        return dict.fromkeys((f"{name}.{k}" for k in ("mean", "sd", "p10", "p50", "p90")), np.nan)
    shares = np.percentile(known, _PERCENTILES)
    return {
        f"{name}.mean": float(known.mean()),
        f"{name}.sd": float(known.std()),
        **{f"{name}.p{p}": float(v) for p, v in zip(_PERCENTILES, shares, strict=True)},
    }


def _episodes(
    name: str, active: NDArray[np.bool_], measured: NDArray[np.bool_], steps: Steps
) -> Features:
    """Share of measured rows that are active, and how often a minute it begins."""
    n = int(measured.sum())
    rises = _rises_per_s(active, steps.through(measured))
    share = float(active[measured].mean()) if n else np.nan
    return {f"{name}.share": share, f"{name}.per_min": 60 * rises}


def _duration(active: NDArray[np.bool_], measured: NDArray[np.bool_], steps: Steps) -> float:
    """Mean length of an episode in s: the share of time in one, by how often one begins."""
    whole = steps.through(measured)
    rises = _rises_per_s(active, whole)
    return float(active[whole.end].mean()) / rises if rises > 0 else np.nan


def _rises_per_s(active: NDArray[np.bool_], steps: Steps) -> float:
    rises = active[steps.end] & ~active[steps.start]
    return float(rises.sum() / steps.seconds.sum()) if len(rises) else np.nan


def _speed(
    name: str,
    values: Floats,
    steps: Steps,
    length: Callable[[Floats], Floats],
) -> Features:
    """Mean and SD of the speed of values (row, part); `length` is how far a change of them goes."""
    whole = steps.through(~np.isnan(values).any(axis=1))
    way = length(values[whole.end] - values[whole.start])
    return _mean_and_sd(f"{name}.speed", way / whole.seconds)


def _mean_and_sd(name: str, values: Floats) -> Features:
    if not len(values):
        return {f"{name}.mean": np.nan, f"{name}.sd": np.nan}
    return {f"{name}.mean": float(values.mean()), f"{name}.sd": float(values.std())}


def _length(gap: Floats) -> Floats:
    """Euclidean length of (step, part)."""
    length: Floats = np.sqrt(np.square(gap).sum(axis=1))
    return length


def _angle(gap: Floats) -> Floats:
    """The size of an angle (step, 1) in rad, the short way round."""
    short: Floats = np.abs((gap[:, 0] + np.pi) % (2 * np.pi) - np.pi)
    return short


def _all_of(column: Mapping[str, Floats], names: Sequence[str]) -> list[Floats]:
    """These columns, or nothing where one of them is not there."""
    return [column[n] for n in names] if set(names) <= set(column) else []


def _rotations(rx: Floats, ry: Floats, rz: Floats) -> Floats:
    """Angles (row,) in rad -> Rx @ Ry @ Rz (row, 3, 3), as `rigid.rotation_from_euler` for one."""
    (cx, sx), (cy, sy), (cz, sz) = ((np.cos(a), np.sin(a)) for a in (rx, ry, rz))
    rows = [
        [cy * cz, -cy * sz, sy],
        [cx * sz + sx * sy * cz, cx * cz - sx * sy * sz, -sx * cy],
        [sx * sz - cx * sy * cz, sx * cz + cx * sy * sz, cx * cy],
    ]
    return np.moveaxis(np.array(rows), 2, 0)


_OF_GROUP: dict[str, Callable[[Floats, Sequence[str], Steps], Features]] = {
    "landmarks": of_landmarks,
    "action_units": of_action_units,
    "head_pose": of_head_pose,
    "gaze": of_gaze,
}
