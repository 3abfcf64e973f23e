"""Small face videos with planted facial motion, made by warping one public-domain portrait.

The portrait, ``skimage.data.astronaut()``, smiles with open lips; the face at rest is hers with the
lips closed, the mouth narrower and its corners lower.  A motion displaces the picture smoothly, and
not at all outside a small region, so that a brow cannot move the mouth; lids and lips are cuts,
because a continuous warp can neither hide an eye nor open a mouth.  Geometry is in *face units*:
origin between the eyes, x right, y down, 1 = the distance of the outer eye corners (mesh 33, 263).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Array = NDArray[Any]
Box = tuple[slice, slice]

# Measured once by MediaPipe FaceMesh 0.10.21 on the portrait enlarged four times: in its pixels and
# degrees; contours in face units, the lower lip 0.01 lower, off the teeth, the closed one between.
_CENTRE, _WIDTH, _SLOPE = (225.73, 102.51), 60.78, 3.21
_LID_X = (-0.500, -0.450, -0.376, -0.258, -0.195, 0.187, 0.253, 0.373, 0.450, 0.500)
_UPPER_LID = (0.000, -0.036, -0.055, -0.025, 0.032, 0.036, -0.024, -0.060, -0.042, 0.000)
_LOWER_LID = (0.000, 0.038, 0.056, 0.044, 0.032, 0.036, 0.043, 0.053, 0.041, 0.000)
_LIP_X = (-0.321, -0.265, -0.223, -0.163, -0.089, 0.0, 0.095, 0.173, 0.239, 0.286, 0.346)
_UPPER_LIP = (0.646, 0.650, 0.655, 0.663, 0.673, 0.680, 0.668, 0.653, 0.641, 0.633, 0.624)
_CLOSED_LIP = (0.646, 0.675, 0.696, 0.715, 0.731, 0.738, 0.727, 0.707, 0.683, 0.659, 0.624)
_LOWER_LIP = (0.646, 0.705, 0.745, 0.778, 0.801, 0.809, 0.798, 0.772, 0.734, 0.690, 0.624)

_UNIT, _MIDDLE_Y = 0.27, 0.35  # one face unit in frame widths; the frame's middle below the eyes
_LIP_DROP, _CHIN_DROP, _LIP_LINE = 0.32, 0.24, 0.014  # at jaw_open 1; gap of closed lips
_LID_SKIN, _LASHES, _LASH_LINE = 0.10, 0.05, 0.026  # heights above the open lid; on a shut one
_LASH_COLOUR, _MOUTH_COLOUR = (75.0, 52.0, 42.0), (52.0, 20.0, 20.0)

# Displacement at 1 as bumps (x, y, dx, dy, across, up, down), the last three being radii; a bump
# with x > 0 stands for both sides of the face.  A radius under 1.54 displacements would fold.
_BUMPS = {
    "brow_inner_up": [(0.15, -0.32, 0.0, -0.155, 0.36, 0.32, 0.24)],
    "brow_outer_up": [(0.55, -0.31, 0.0, -0.135, 0.34, 0.32, 0.22)],
    "brow_down": [(0.18, -0.12, -0.05, 0.09, 0.34, 0.32, 0.19)],
    "smile": [(0.36, 0.63, 0.09, -0.08, 0.36, 0.26, 0.3), (0.42, 0.36, 0, -0.03, 0.26, 0.2, 0.24)],
    "corner_down": [(0.32, 0.74, 0.0, 0.08, 0.31, 0.28, 0.30)],
    "jaw_open": [(0.28, 0.70, -0.03, 0.0, 0.28, 0.24, 0.36)],
    "pucker": [(0.24, 0.72, -0.12, 0.0, 0.36, 0.28, 0.34)],
    "lip_stretch": [(0.36, 0.68, 0.13, 0.02, 0.36, 0.28, 0.3)],
    "upper_lip_up": [(0.12, 0.62, 0.0, -0.07, 0.34, 0.17, 0.12)],
    "lid_tighten": [(0.33, 0.07, 0.0, -0.04, 0.3, 0.09, 0.14)],
    "nose_wrinkle": [(0.2, 0.38, 0.01, -0.07, 0.2, 0.28, 0.18), (0, 0.4, 0, -0.05, 0.3, 0.3, 0.14)],
    "yaw": [(0.0, 0.25, 1.1, 0.0, 1.45, 1.85, 1.55), (0.0, 0.46, 0.25, 0.0, 0.45, 0.60, 0.35)],
    "rest": [(0.32, 0.68, -0.06, 0.055, 0.36, 0.28, 0.34)],
    "eye_spacing": [(0.35, 0.0, 1.0, 0.0, 0.34, 0.40, 0.40)],
    "brow_height": [(0.34, -0.18, 0.0, -1.0, 0.42, 0.25, 0.14)],
}


@dataclass(frozen=True)
class Motion:
    """One frame's head pose, and its facial amounts from 0 (at rest) to 1 (a strong expression)."""

    brow_inner_up: float = 0.0
    brow_outer_up: float = 0.0
    brow_down: float = 0.0  # lowered and drawn together
    lid_close: float = 0.0
    lid_widen: float = 0.0
    smile: float = 0.0  # mouth corners up and out, cheeks up
    corner_down: float = 0.0
    jaw_open: float = 0.0  # lips part, chin drops
    pucker: float = 0.0
    nose_wrinkle: float = 0.0
    lip_stretch: float = 0.0
    upper_lip_up: float = 0.0
    lid_tighten: float = 0.0  # lower lids up
    roll_deg: float = 0.0  # positive is clockwise as seen
    yaw_deg: float = 0.0  # positive turns the nose to the picture's right; believable to +-15
    scale: float = 1.0
    shift_x: float = 0.0  # frame widths, positive to the right
    shift_y: float = 0.0  # frame widths, positive down

    def __post_init__(self) -> None:
        for name in FACE_AMOUNTS:
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} must lie in 0..1, got {getattr(self, name)}")


FACE_AMOUNTS = tuple(field.name for field in fields(Motion))[:13]


@dataclass(frozen=True)
class Person:
    """The static shape and look of a face; the default is the portrait's own."""

    face_width: float = 1.0  # factor
    face_length: float = 1.0  # factor
    eye_spacing: float = 0.0  # each eye outwards, face units
    brow_height: float = 0.0  # face units
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)  # gains of red, green, blue
    brightness: float = 1.0  # gain
    mirrored: bool = False

    @classmethod
    def random(cls, seed: int) -> Person:
        """A person drawn with `seed`; the same seed is the same person."""
        rng = np.random.default_rng(seed)
        low, high = (0.93, 0.94, -0.025, -0.015, 0.8), (1.07, 1.06, 0.025, 0.02, 1.1)
        width, length, spacing, height, light = rng.uniform(low, high).tolist()
        red, green, blue = rng.uniform(0.90, 1.08, 3).tolist()
        return cls(width, length, spacing, height, (red, green, blue), light, rng.random() < 0.5)


class _Stage(NamedTuple):
    """What does not change from frame to frame, for one person and frame size."""

    texture: Image  # the upright portrait with closed lips, the face's origin in its middle
    canvas: Image  # the face at rest
    face: Box  # the face's box in the canvas
    rest: Array  # (row, column, xy) in the face's box: where the rest face takes its colours
    shifts: dict[str, tuple[Box, Array]]  # each motion's box and displacement in the face's box
    eyes: Box  # in the face's box
    mouth: Box


def _shift(name: str, x: Array, y: Array) -> Array:
    total = np.zeros((*x.shape, 2), np.float32)
    for bump_x, bump_y, dx, dy, across, up, down in _BUMPS[name]:
        for side in (1, -1) if bump_x else (1,):
            height = (y - bump_y) / np.where(y > bump_y, down, up)
            bump = np.maximum(1 - ((x - side * bump_x) / across) ** 2 - height**2, 0) ** 2
            total += bump[..., None] * np.array([side * dx, dy])
    return total


def _box(inside: Array) -> Box:
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _smoothstep(t: Array) -> Array:
    return np.asarray(np.clip(t, 0, 1) ** 2 * (3 - 2 * np.clip(t, 0, 1)))


def _sample(picture: Image, at: Array) -> Image:
    import cv2

    (x, y), edge = np.moveaxis(at.astype(np.float32), -1, 0), cv2.BORDER_REPLICATE
    return np.asarray(cv2.remap(picture, x, y, cv2.INTER_CUBIC, borderMode=edge), np.uint8)


def _texture(person: Person, unit: float) -> Image:
    """The portrait turned upright, lips closed, in the person's colours; `unit` in pixels."""
    from skimage.data import astronaut

    half = round(3.1 * unit)
    x, y = np.meshgrid(*2 * [np.arange(-half, half + 1) / unit])
    upper, meet, lower = (np.interp(x, _LIP_X, y) for y in (_UPPER_LIP, _CLOSED_LIP, _LOWER_LIP))
    # Quadratic fades stretch the lips most, which gives back the fullness a smile takes.
    down = (upper - meet) * np.clip(1 - (meet - y) / 0.22, 0, 1) ** 2
    up = (lower - meet) * np.clip(1 - (y - meet) / 0.30, 0, 1) ** 2
    y = y + np.where(y < meet, down, up)
    source = complex(*_CENTRE) + _WIDTH * np.exp(1j * math.radians(_SLOPE)) * (x + 1j * y)
    at, gains = np.stack([source.real, source.imag], -1), np.array(person.tint) * person.brightness
    picture = _sample(astronaut(), at)  # type: ignore[no-untyped-call]
    return np.asarray(np.clip(picture * gains, 0, 255), np.uint8)


@lru_cache(maxsize=8)
def _stage(person: Person, size: int) -> _Stage:
    unit = _UNIT * size
    side = size + 2 * round(0.3 * size)  # room for what turning and shifting bring into view
    grid = (np.arange(side) - (side - 1) / 2) / unit
    x, y = np.meshgrid(-grid if person.mirrored else grid, grid + _MIDDLE_Y)
    x, y = x / person.face_width, y / person.face_length
    for name in ("eye_spacing", "brow_height"):
        dx, dy = np.moveaxis(getattr(person, name) * _shift(name, x, y), -1, 0)
        x, y = x - dx, y - dy
    rest = np.stack([x, y], -1).astype(np.float32) - _shift("rest", x, y)
    texture = _texture(person, unit)
    canvas = _sample(texture, rest * unit + texture.shape[0] // 2)
    face = _box((abs(x) < 1.5) & (abs(y - 0.15) < 1.8))
    x, y = x[face], y[face]
    shifts = {name: _shift(name, x, y) for name in _BUMPS if name in (*FACE_AMOUNTS, "yaw")}
    boxes = {name: _box(shift.any(-1)) for name, shift in shifts.items()}
    boxed = {name: (box, shifts[name][box].copy()) for name, box in boxes.items()}
    eyes, mouth = _box((abs(x) < 0.9) & (abs(y + 0.05) < 0.3)), _box((abs(x) < 0.95) & (y > 0.4))
    return _Stage(texture, canvas, face, rest[face].copy(), boxed, eyes, mouth)


def _move_lids(at: Array, close: float, widen: float) -> Array:
    """Slide the upper lids, in place; returns the depth in the lash line, negative outside."""
    x, y = at[..., 0], at[..., 1].copy()
    upper, lower = np.interp(x, _LID_X, _UPPER_LID), np.interp(x, _LID_X, _LOWER_LID)
    gap = lower - upper
    lid = upper + gap * (close - widen * 0.55 * (1 - close))
    fold = upper - _LID_SKIN
    # The portrait's own lashes would smear, so a closing lid stretches the skin above them only.
    slid = min(1.0, 4.0 * close) * np.clip(gap / 0.05, 0.0, 1.0)
    skin = fold + (y - fold) * (_LID_SKIN - _LASHES * slid) / (lid - fold)
    # Below its margin a closing lid leaves the eye as it was; an opening one stretches it.
    eye = lower - (lower - y) * gap / np.maximum(lower - np.minimum(lid, upper), 1e-4)
    at[..., 1] = np.where((y > fold) & (y < lid), skin, np.where((y >= lid) & (y < lower), eye, y))
    return np.where(slid > 0, np.minimum(y - lid + _LASH_LINE * slid, lid - y), -1.0)


def _open_jaw(at: Array, amount: float) -> Array:
    """Lower the lower lip and the chin, in place; returns the depth in the mouth likewise."""
    x, y = at[..., 0], at[..., 1]
    meet = np.interp(x, _LIP_X, _CLOSED_LIP)
    lens = np.maximum((x - _LIP_X[0]) * (_LIP_X[-1] - x) / 0.111, 0) ** 1.4  # 1 in the middle
    below = y - meet
    to_chin = _smoothstep(below / 0.5)
    lip, chin = lens * (1 - to_chin), _smoothstep((0.85 - abs(x)) / 0.5) * to_chin
    drop = amount * (lip * _LIP_DROP + chin * _CHIN_DROP) * _smoothstep((1.2 - below) / 0.5)
    drop += lip * _LIP_LINE
    at[..., 1] = np.where(below > 0, meet + np.maximum(below - drop, 0), y)
    return np.where(lens > 0, np.minimum(below, drop - below), -1.0)


def _paint(picture: Image, depth: Array, colour: tuple[float, float, float]) -> None:
    """Cover the pixels of positive depth (pixels), in place, with a soft rim of one pixel."""
    inside = depth > -0.5
    cover = np.minimum(depth[inside] + 0.5, 1.0)[:, None]
    picture[inside] = (1 - cover) * picture[inside] + cover * np.array(colour)


def render(motion: Motion, person: Person = Person(), size: int = 320) -> Image:
    """A frame (row, column, channel), RGB, `size` pixels square, of `person` in `motion`."""
    import cv2

    stage, unit = _stage(person, size), _UNIT * size
    yaw = math.sin(math.radians(-motion.yaw_deg if person.mirrored else motion.yaw_deg))
    at = stage.rest.copy()
    for name, (box, shift) in stage.shifts.items():
        amount = yaw if name == "yaw" else getattr(motion, name)
        if amount:
            at[box] -= np.float32(amount) * shift
    lashes = _move_lids(at[stage.eyes], motion.lid_close, motion.lid_widen)
    mouth = _open_jaw(at[stage.mouth], motion.jaw_open)
    face = _sample(stage.texture, at * unit + stage.texture.shape[0] // 2)
    _paint(face[stage.eyes], lashes * unit, _LASH_COLOUR)
    _paint(face[stage.mouth], mouth * unit, _MOUTH_COLOUR)
    canvas = stage.canvas.copy()
    canvas[stage.face] = face
    middle = (canvas.shape[0] - 1) / 2
    pose: Array = cv2.getRotationMatrix2D((middle, middle), -motion.roll_deg, motion.scale)
    pose[:, 2] += (size - 1) / 2 - middle + size * np.array([motion.shift_x, motion.shift_y])
    edge = cv2.BORDER_REPLICATE
    return np.asarray(cv2.warpAffine(canvas, pose, (size, size), borderMode=edge), np.uint8)


def write_video(
    path: str | Path, frames: Iterable[Image], fps: int | Fraction = 12, codec: str = "libx264"
) -> None:
    """Encode RGB frames (row, column, channel) of even size; same frames, same bytes."""
    import av

    # A constant quantiser: x264's adaptive rate control gave other bytes every few runs.
    options = {"qp": "18", "preset": "veryfast"} if codec == "libx264" else {}
    stream: Any = None
    with av.open(str(path), "w", container_options={"fflags": "+bitexact"}) as container:
        for image in frames:
            if stream is None:
                stream = container.add_stream(codec, rate=Fraction(fps), options=options)
                stream.pix_fmt, stream.codec_context.thread_count = "yuv420p", 1
                stream.height, stream.width = image.shape[:2]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        if stream is None:
            raise ValueError("no frames to write")
        container.mux(stream.encode())
