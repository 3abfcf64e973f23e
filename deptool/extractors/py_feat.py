"""py-feat's detectors: action units of two models, from weights that the user brings.

py-feat 2.1.5 (Cheong et al., Affective Science 4, 2023, doi 10.1007/s42761-023-00191-4, and its
multitask model after it). `detector=v2` is RetinaFace and the multitask network: action units and
a mesh of 478 points. `detector=v1` is RetinaFace, MobileFaceNet for 68 points, and for each action
unit a gradient-boosted classifier. Neither follows faces from picture to picture.

What is taken: the box and its score, the points, the action units. Head pose is computed here from
the 68 points (`deptool.face.pose_68`): py-feat gives no place in mm, and changed the sign of its
pitch within 2.1. Not taken: gaze, about whose sign of yaw py-feat's own files disagree; emotions;
and identities. The face embedding is never computed (`identity_model=None`), and no column passes
that is not on the list in `wanted`.

py-feat downloads by itself. Here it does not: whatever file it asks for is answered with the one
that lies in its place, or not at all.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import importlib.util
import os
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError

from deptool.errors import InputError, MissingExtraError, SettingsError
from deptool.face.canonical import N_MESH
from deptool.face.landmarks import landmarks_68
from deptool.face.observation import Face, Look, Measures
from deptool.face.pose_68 import head_pose_68
from deptool.schema import AU_INTENSITY, AU_PRESENCE
from deptool.weights import Weight, place, require_weights

if TYPE_CHECKING:
    import torch

Floats = NDArray[np.float64]

LICENCE = "MIT (code); the weights are for non-commercial research"
WEIGHTS = (
    Weight(
        file="models--py-feat--retinaface_r34/snapshots/*/model.safetensors",
        cache="huggingface",
        purpose="face detector, for v1 and v2",
        licence="MIT; its training data WIDER FACE are for non-commercial use",
        source="the Hugging Face repository py-feat/retinaface_r34",
    ),
    Weight(
        file="models--py-feat--face_multitask_v2/snapshots/*/face_multitask_v28.safetensors",
        cache="huggingface",
        purpose="action units and mesh, for v2",
        licence="non-commercial research only (backbone CC BY-NC 4.0; terms of its training data)",
        source="the Hugging Face repository py-feat/face_multitask_v2",
    ),
    Weight(
        file="models--py-feat--mobilefacenet/snapshots/*/mobilefacenet_model_best.pth.tar",
        cache="huggingface",
        purpose="68 points, for v1",
        licence="not stated by its authors",
        source="the Hugging Face repository py-feat/mobilefacenet",
    ),
    Weight(
        file="models--py-feat--xgb_au/snapshots/*/xgb_au_classifier_v2.skops",
        cache="huggingface",
        purpose="action units, for v1; the file can hold code, so take it from there only",
        licence="MIT as labelled; its training data are for non-commercial research",
        source="the Hugging Face repository py-feat/xgb_au",
    ),
)
_NEEDED = {"v2": (WEIGHTS[0], WEIGHTS[1]), "v1": (WEIGHTS[0], WEIGHTS[2], WEIGHTS[3])}

BATCH = 8

# Both crop the face to 256 px at most, of which the detector's box fills 1 / 1.2.
FACE_PX = 214

DETECTION_THRESHOLD = 0.5

# An action unit is present from this value on, as py-feat's own benchmark has it.
PRESENT = 0.5

# Both models have these 20 action units; those without a column here are left out, and why.
LEFT_OUT = {
    "AU11": "nasolabial deepener: there is no column",
    "AU24": "lip pressor: there is no column",
    "AU43": "eyes closed, which is a state; AU45, the blink, is an event",
}
SEEN = tuple(name for name in AU_PRESENCE if name != "AU45")

_LEAST_VERSION = (2, 1, 5)


@dataclass(frozen=True)
class Settings:
    """What can be chosen.

    detector: the model. device: auto is the graphics card where torch sees one. au_scale: py-feat's
    values lie between 0 and 1 and are no intensities; "presence" fills AUxx_c alone, "times5" fills
    AUxx_r too, with five times the value, which is a mapping and no FACS intensity.
    """

    detector: Literal["v2", "v1"] = "v2"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    au_scale: Literal["presence", "times5"] = "presence"


def feature_set(settings: Settings) -> str:
    """Name and version of what is measured: py-feat-v2-1, or py-feat-v2x5-1 with the mapping."""
    return f"py-feat-{settings.detector}{'x5' if settings.au_scale == 'times5' else ''}-1"


def require(settings: Settings, weights: Path | None) -> None:
    """Raise MissingExtraError where py-feat or weights are missing, or packages do not match."""
    version = _version("py-feat")
    if importlib.util.find_spec("feat") is None or version is None:
        raise _cannot_run("py-feat is not installed", "pip install 'deptool[py-feat]'")
    parts = (*version.split("."), "0", "0")[:3]
    if tuple(int(p) if p.isdigit() else 0 for p in parts) < _LEAST_VERSION:
        raise _cannot_run(f"py-feat {version} is too old", "pip install 'deptool[py-feat]'")
    torch, vision = _version("torch") or "", _version("torchvision") or ""
    if torch.endswith("+cpu") != vision.endswith("+cpu"):
        raise _cannot_run(
            f"torch {torch} and torchvision {vision} are not of the same build", _MATCH
        )
    require_weights(_NEEDED[settings.detector], weights, "the extractor py-feat")


_MATCH = (
    "Install the builds of torchvision and torchcodec that match the build of torch: all three for "
    "the CPU, or all three for the same CUDA. See docs/py-feat.md."
)


def _cannot_run(what: str, fix: str) -> MissingExtraError:
    return MissingExtraError(f"the extractor py-feat cannot run: {what}", fix=fix)


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


class Extractor:
    """The faces of pictures, several at once; nothing is remembered."""

    def __init__(self, settings: Settings, weights: Path | None = None) -> None:
        self._settings, self._weights = settings, weights

    def __enter__(self) -> Self:
        require(self._settings, self._weights)
        self._detector: Any = _load(self._settings, self._weights)
        return self

    def __exit__(self, *_: object) -> None:
        del self._detector

    def begin(self) -> None:
        """A new recording: there is nothing to forget."""

    def see(self, pictures: Sequence[NDArray[np.uint8]], times: Sequence[float]) -> list[Look]:
        """The faces in each picture (row, column, channel) in RGB; the times change nothing."""
        import torch

        del times
        images = torch.from_numpy(np.stack(pictures).transpose(0, 3, 1, 2).copy())
        with _own_files(self._weights), torch.inference_mode():
            found = self._detector.detect_faces(
                images, face_detection_threshold=DETECTION_THRESHOLD
            )
            rows = self._detector.forward(found, _unscaled(images))
        values = wanted(rows, self._settings.detector)
        boxes = [_array(part["boxes"]) for part in found]
        scores = [_array(part["scores"]) for part in found]
        return looks_of(boxes, scores, values, self._settings.detector)

    def measure(self, faces: Sequence[Face], width: int, height: int) -> Measures:
        """Landmarks, head pose and action units, of many faces at once; gaze is not taken."""
        points = np.array([face.points for face in faces]).reshape(-1, 68, 2)
        head = head_pose_68(points, width, height)
        return Measures(
            landmarks=points,
            head_pose=np.concatenate([head.translation_mm, head.rotation_rad], axis=-1),
            gaze=None,
            au=np.array([face.other for face in faces]).reshape(-1, len(SEEN)),
        )

    def action_units(self, au: Floats) -> dict[str, Floats | None]:
        """The 35 action unit columns of a recording's values (frame, action unit of `SEEN`)."""
        return columns(au, self._settings.au_scale)


def wanted(rows: Mapping[str, Any], detector: str) -> Floats:
    """The columns that may pass (face, value): x of the points, their y, then the units `SEEN`.

    rows: py-feat's table, a column for a name. Nothing else is read from it.
    """
    points = (
        [f"mesh_{axis}_{i}" for axis in "xy" for i in range(N_MESH)]
        if detector == "v2"
        else [f"{axis}_{i}" for axis in "xy" for i in range(68)]
    )
    values = [np.asarray(rows[name], dtype=np.float64) for name in (*points, *SEEN)]
    return np.stack(values, axis=-1)


def looks_of(
    boxes: Sequence[Floats], scores: Sequence[Floats], values: Floats, detector: str
) -> list[Look]:
    """One look per picture.

    boxes (face, left top right bottom) in px and scores (face) of each picture; values (face of all
    pictures, value) as of `wanted`. For a picture without a face py-feat has one row of NaN.
    """
    looks, first = [], 0
    for own_boxes, own_scores in zip(boxes, scores, strict=True):
        own = values[first : first + len(own_boxes)]
        first += len(own_boxes)
        faces = [
            _face(box, float(score), row, detector)
            for box, score, row in zip(own_boxes, own_scores, own, strict=True)
            if np.isfinite(box).all()
        ]
        looks.append(Look(tuple(faces)))
    return looks


def _face(box: Floats, score: float, row: Floats, detector: str) -> Face:
    points = row[: -len(SEEN)].reshape(2, -1).T
    landmarks = landmarks_68(points) if detector == "v2" else points
    place = np.concatenate([box[:2], box[2:] - box[:2]]).astype(np.float64)
    return Face(place, score, landmarks, row[-len(SEEN) :])


def columns(values: Floats, au_scale: str) -> dict[str, Floats | None]:
    """The 35 columns AUxx_r and AUxx_c (frame) of values 0-1 (frame, action unit of `SEEN`)."""
    found = dict(zip(SEEN, np.clip(values, 0.0, 1.0).T, strict=True))
    out: dict[str, Floats | None] = {}
    for name in AU_INTENSITY:
        known = name in found and au_scale == "times5"
        out[f"{name}_r"] = 5.0 * found[name] if known else None
    for name in AU_PRESENCE:
        seen = found.get(name)
        out[f"{name}_c"] = None if seen is None else (seen >= PRESENT).astype(float)
    return out


def _unscaled(images: torch.Tensor) -> dict[str, Any]:
    """What py-feat wants to know of a batch (picture, channel, row, column): nothing was padded."""
    import torch

    none = torch.zeros(len(images))
    padding = dict.fromkeys(("Left", "Top", "Right", "Bottom"), none)
    return {"Image": images, "Scale": torch.ones(len(images)), "Padding": padding}


def _array(tensor: Any) -> Floats:
    values: Floats = tensor.detach().cpu().numpy().astype(np.float64)
    return values


def _load(settings: Settings, weights: Path | None) -> Any:
    """The detector, with its weights. Raises MissingExtraError where py-feat cannot be imported."""
    _import()
    import torch

    cuda = torch.cuda.is_available()
    if settings.device == "cuda" and not cuda:
        raise SettingsError("device cannot be 'cuda': torch finds no GPU here", fix="device=auto")
    device = "cuda" if cuda and settings.device != "cpu" else "cpu"
    # no_grad, because py-feat turns gradients off for the whole process and this restores them
    with _own_files(weights), torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _detector(settings.detector, device, place(WEIGHTS[1], weights))
        except (OSError, RuntimeError, ValueError, KeyError, SafetensorError) as error:
            reason = str(error).partition("\n")[0]
            raise InputError(
                f"py-feat cannot read its weights: {reason}",
                fix="Get the files again; which ones: deptool weights",
            ) from error


def _detector(name: str, device: str, multitask: Path) -> Any:
    from feat import Detectorv1, Detectorv2

    if name == "v2":
        # The path is said, because else an environment variable could name another file; and no
        # mixed precision, so that the numbers do not depend on the device.
        return Detectorv2(
            device=device, identity_model=None, multitask_weights=str(multitask), amp=False
        )
    return Detectorv1(device=device, emotion_model=None, identity_model=None, gaze_model=None)


def _import() -> None:
    """Import py-feat, and undo what that does to the process."""
    had = os.environ.get("OMP_NUM_THREADS")
    try:
        if sys.platform != "darwin":  # there, torch and xgboost together need one thread
            import torch  # noqa: F401 (first, or py-feat would leave it one thread)
        import feat  # noqa: F401
    except (ImportError, RuntimeError, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise _cannot_run(f"its packages do not fit together ({reason})", _MATCH) from error
    finally:
        if had is None:
            os.environ.pop("OMP_NUM_THREADS", None)


@contextlib.contextmanager
def _own_files(weights: Path | None) -> Iterator[None]:
    """While this lasts, py-feat gets the files of `WEIGHTS` and downloads nothing."""
    places: list[Any] = [
        importlib.import_module(name) for name in ("huggingface_hub", "feat.detector")
    ]
    known = {_repository(w): place(w, weights) for w in WEIGHTS}

    def lies_at(repo_id: str, filename: str, **_: object) -> str:
        path = known.get((repo_id, filename))
        if path is None or not path.is_file():
            raise FileNotFoundError(f"{repo_id} {filename}")
        return str(path)

    before = [module.hf_hub_download for module in places]
    try:
        for module in places:
            module.hf_hub_download = lies_at
        yield
    finally:
        for module, function in zip(places, before, strict=True):
            module.hf_hub_download = function


def _repository(weight: Weight) -> tuple[str, str]:
    """Repository and file as huggingface_hub names them."""
    folder, _, file = weight.file.partition("/snapshots/*/")
    return folder.removeprefix("models--").replace("--", "/"), file
