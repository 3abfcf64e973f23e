"""FAN: 68 landmarks by the library face-alignment, on the CPU or a GPU. Slow; no gaze.

Networks: FAN with four hourglasses, for 2D or for 3D landmarks, and a ResNet for their depth (Bulat
and Tzimiropoulos, ICCV 2017, arXiv:1703.07332), in face-alignment 1.5. Their weights are files that
the library would download and deptool does not: they must be there.

*Departures from the library's defaults*: faces come from MediaPipe's short-range detector, not from
S3FD, whose network alone takes twice as long as FAN; the mirrored picture is not run too
(`flip_input`); nothing is compiled, and the networks keep their channels last. Landmarks are as the
library decodes them: whole px, from half-cells of a grid of 64 over about twice the face.
"""

from __future__ import annotations

import importlib.util
import pickle  # for the name of its error alone: what the library unpickles, `_check_depth` knows
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from deptool.errors import InputError, MissingExtraError, SettingsError
from deptool.face import action_units as au
from deptool.face.detector import Detector, require_mediapipe
from deptool.face.measures_68 import measure_68
from deptool.face.observation import Face, Look, Measures
from deptool.face.pose_68 import head_pose_68, in_canonical_68
from deptool.weights import Weight, cache_folder, place, require_weights, verify

Floats = NDArray[np.float64]

LICENCE = "BSD-3-Clause (code and weights); Apache-2.0 (MediaPipe's detector)"
BATCH = 1  # on a CPU several faces at once take as long as one after the other

# At most this many faces of a picture, the largest first: each costs a run of the network.
_MOST_FACES = 4

# Where the landmarks lie in BlazeFace's box, in parts of its width and height: left and top, then
# right and bottom; the mean of three persons' medians, made symmetric. FAN was trained on crops
# around the tight box of the landmarks, and the library's constants assume it (its issue 41).
_FIRST, _LAST = (0.04, 0.04), (0.96, 1.0)


def _weight(name: str, purpose: str) -> Weight:
    return Weight(
        file=f"checkpoints/{name}",
        cache="torch-hub",
        purpose=purpose,
        licence="BSD-3-Clause; its training data, 300W-LP and others, have terms of their own",
        source=f"https://www.adrianbulat.com/downloads/python-fan/{name}",
        sha256=name.rpartition("-")[2].partition(".")[0],
    )


_FAN_2D = _weight("2DFAN4-11f355bf06.pth.tar", "68 landmarks in the picture (landmarks=2d)")
_FAN_3D = _weight("3DFAN4-7835d9f11d.pth.tar", "68 landmarks of the head (landmarks=3d)")
_DEPTH = _weight("depth-2a464da4ea.pth.tar", "depth of the landmarks (landmarks=3d)")
WEIGHTS = (_FAN_2D, _FAN_3D, _DEPTH)


@dataclass(frozen=True)
class Settings:
    """Landmarks of the picture, or of the head with depth; auto takes CUDA where there is any."""

    landmarks: Literal["2d", "3d"] = "2d"
    device: Literal["auto", "cpu", "cuda"] = "auto"


def feature_set(settings: Settings) -> str:
    """Name and version of what is measured."""
    return f"face-alignment-{settings.landmarks}-1"


def require(settings: Settings, weights: Path | None) -> None:
    """Raise MissingExtraError where a package or a file of weights is missing."""
    if importlib.util.find_spec("face_alignment") is None:
        raise MissingExtraError(
            "the extractor face-alignment cannot run: face-alignment is not installed",
            fix="pip install 'face-alignment>=1.5'",
        )
    require_mediapipe("the extractor face-alignment")
    require_weights(_needed(settings), weights, "the extractor face-alignment")


class Extractor:
    """The faces of single pictures; nothing is remembered from one to the next."""

    def __init__(self, settings: Settings, weights: Path | None = None) -> None:
        self._settings = settings
        self._weights = weights

    def __enter__(self) -> Self:
        require(self._settings, self._weights)  # else the library would download
        self._fan = _load(self._settings, self._weights)
        self._detector = Detector().__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._detector.__exit__()

    def begin(self) -> None:
        """A new recording begins; there is nothing to forget."""

    def see(self, pictures: Sequence[NDArray[np.uint8]], times: Sequence[float]) -> list[Look]:
        """The faces in each picture (row, column, channel) in RGB; the times (s) do not matter."""
        del times
        return [self._look(picture) for picture in pictures]

    def _look(self, picture: NDArray[np.uint8]) -> Look:
        found = self._detector.detect(picture)
        found = sorted(found, key=lambda face: -float(face[0][2:].prod()))[:_MOST_FACES]
        points = self._align(picture, [box for box, _ in found])
        return Look(tuple(Face(b, s, p) for (b, s), p in zip(found, points, strict=True)))

    def _align(self, picture: NDArray[np.uint8], boxes: list[Floats]) -> list[Floats]:
        """The landmarks (68, x y or x y z) in px of the faces in these boxes (4) x y w h in px."""
        import torch

        if not boxes:
            return []
        flags = torch.backends.cudnn.flags(benchmark=False, deterministic=True)
        with torch.inference_mode(), flags:
            found = self._fan.get_landmarks_from_image(
                picture, detected_faces=[landmark_box(box) for box in boxes]
            )
        # The library's depth grows towards the camera: the nose's tip is high, the jaw's ends low.
        away = [1.0, 1.0, -1.0][: found[0].shape[-1]]
        return [points.astype(np.float64) * away for points in found]

    def measure(self, faces: Sequence[Face], width: int, height: int) -> Measures:
        """Landmarks, head pose and measures of action units, of many faces at once; no gaze."""
        axes = 3 if self._settings.landmarks == "3d" else 2
        points = np.array([face.points for face in faces]).reshape(-1, 68, axes)
        head = head_pose_68(points, width, height)
        return Measures(
            landmarks=points[..., :2],
            head_pose=np.concatenate([head.translation_mm, head.rotation_rad], axis=-1),
            gaze=None,
            au=measure_68(in_canonical_68(head, points)),
        )

    def action_units(self, measures: Floats) -> Mapping[str, Floats | None]:
        """The 35 action unit columns of a whole recording; see `deptool.face.measures_68`."""
        return au.columns(measures)


def landmark_box(box: Floats) -> Floats:
    """Left, top, right, bottom (px) of the landmarks of a face in BlazeFace's box x y w h (px)."""
    return np.concatenate([box[:2] + box[2:] * _FIRST, box[:2] + box[2:] * _LAST])


def _needed(settings: Settings) -> tuple[Weight, ...]:
    return (_FAN_2D,) if settings.landmarks == "2d" else (_FAN_3D, _DEPTH)


def _load(settings: Settings, weights: Path | None) -> Any:
    """The library's object, without a detector of its own."""
    import face_alignment
    import torch

    kinds = face_alignment.LandmarksType
    device = settings.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise SettingsError("device cannot be 'cuda': torch finds no GPU here", fix="device=auto")
    if settings.landmarks == "3d":
        _check_depth(weights)
    with _library_settings(weights):
        try:
            fan = face_alignment.FaceAlignment(
                kinds.THREE_D if settings.landmarks == "3d" else kinds.TWO_D,
                device=device,
                flip_input=False,
                compile=False,
                face_detector="folder",  # reads boxes from files: no weights, and is never asked
            )
        except (pickle.UnpicklingError, EOFError, RuntimeError, KeyError) as error:
            raise InputError(
                "a file of FAN's weights is not what its name says",
                fix="`deptool weights face-alignment` checks which; get that file again.",
            ) from error
    for network in ("face_alignment_net", "depth_prediciton_net"):
        if hasattr(fan, network):
            getattr(fan, network).to(memory_format=torch.channels_last)
    return fan


def _check_depth(weights: Path | None) -> None:
    """The library unpickles this file, which may run code: only the file itself will do."""
    path = place(_DEPTH, weights)
    if verify(_DEPTH, path) != "ok":
        raise InputError(
            f"is not the file of that name: its SHA-256 does not begin with {_DEPTH.sha256}",
            where=path.name,
            fix=f"Get it again from {_DEPTH.source}.",
        )


@contextmanager
def _library_settings(weights: Path | None) -> Iterator[None]:
    """While the library loads: its weights come from there, and what it sets for all is undone."""
    import torch

    # Not get_dir(), which would hold on to what TORCH_HOME says now.
    folder, benchmark = torch.hub._hub_dir, torch.backends.cudnn.benchmark
    torch.hub.set_dir(str(cache_folder("torch-hub", weights)))
    try:
        yield
    finally:
        torch.hub._hub_dir = folder
        torch.backends.cudnn.benchmark = benchmark
