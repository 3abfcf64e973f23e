"""MediaPipe's Face Landmarker: 478 points and 52 blendshapes, from a file that the user brings.

The file face_landmarker.task holds BlazeFace short range, the face mesh with irises at 256 px, and
a network that reads blendshapes off 146 of the mesh's points. Landmarks, head pose and gaze come
from the mesh as in the extractor mediapipe. Action units come from the blendshapes, see `RULES`;
they are a mapping of names, not FACS coding.

Every picture is looked at by itself. Following faces would save nothing: with room for four faces,
MediaPipe runs its detector whenever it follows fewer (its face_landmarker_graph.cc).

This uses `mediapipe.tasks` alone, so it runs with mediapipe 0.10.21 and with later releases, which
need no numpy 1.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from deptool.errors import InputError, MissingExtraError
from deptool.face.action_units import PRESENT
from deptool.face.mesh import measure_meshes
from deptool.face.observation import Face, Look, Measures
from deptool.schema import AU_INTENSITY, AU_PRESENCE
from deptool.weights import Weight, place, require_weights

Floats = NDArray[np.float64]

LICENCE = "Apache-2.0 (code and models)"
WEIGHTS = (
    Weight(
        file="face_landmarker.task",
        cache="deptool",
        purpose="face detector, mesh of 478 points and 52 blendshapes",
        licence="Apache-2.0",
        source="MediaPipe's models page, Face Landmarker, float16, version 1",
        size_bytes=3_758_596,
        sha256="64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff",
    ),
)
BATCH = 1

# The mesh sees a face on 256 px, of which it fills two thirds.
FACE_PX = 200

DETECTION_THRESHOLD = 0.5
PRESENCE_THRESHOLD = 0.5

_MOST_FACES = 4


@dataclass(frozen=True)
class Rule:
    """How an action unit is read off blendshapes (0-1), each a mean of both sides of the face."""

    reads: str
    of: Callable[[Mapping[str, Floats]], Floats]


def _shape(name: str) -> Rule:
    return Rule(name, lambda shapes: shapes[name])


# Blendshape to action unit, after the meanings that ARKit's documentation gives its blendshapes
# (Apple, ARFaceAnchor.BlendShapeLocation) and the published table ARKit to FACS of M. Ozel. AU25
# and AU28 are this project's own: FACS scores AU25 whenever the lips are apart, whatever parts
# them, and AU28 for either lip.
RULES: dict[str, Rule] = {
    "AU01": _shape("browInnerUp"),
    "AU02": _shape("browOuterUp"),
    "AU04": _shape("browDown"),
    "AU05": _shape("eyeWide"),
    "AU06": _shape("cheekSquint"),
    "AU07": _shape("eyeSquint"),
    "AU09": _shape("noseSneer"),
    "AU10": _shape("mouthUpperUp"),
    "AU12": _shape("mouthSmile"),
    "AU14": _shape("mouthDimple"),
    "AU15": _shape("mouthFrown"),
    "AU17": _shape("mouthShrugLower"),
    "AU20": _shape("mouthStretch"),
    "AU25": Rule(
        "the largest of jawOpen less mouthClose, mouthLowerDown, mouthUpperUp",
        lambda shapes: np.max(
            [
                shapes["jawOpen"] - shapes["mouthClose"],
                shapes["mouthLowerDown"],
                shapes["mouthUpperUp"],
            ],
            axis=0,
        ),
    ),
    "AU26": _shape("jawOpen"),
    "AU28": Rule(
        "the larger of mouthRollLower and mouthRollUpper",
        lambda shapes: np.maximum(shapes["mouthRollLower"], shapes["mouthRollUpper"]),
    ),
    "AU45": _shape("eyeBlink"),
}

UNSEEN = {"AU23": "no blendshape tightens the lips; mouthPress is AU24, which has no column"}

# What is kept of the 52, by MediaPipe's names; those with a side follow each other.
_ONE = (
    *("browInnerUp", "jawOpen", "mouthClose", "mouthRollLower", "mouthRollUpper"),
    "mouthShrugLower",
)
_TWO = (
    *("browDown", "browOuterUp", "cheekSquint", "eyeBlink", "eyeSquint", "eyeWide", "noseSneer"),
    *("mouthDimple", "mouthFrown", "mouthLowerDown", "mouthSmile", "mouthStretch", "mouthUpperUp"),
)
BLENDSHAPES = (*_ONE, *(f"{name}{side}" for name in _TWO for side in ("Left", "Right")))


@dataclass(frozen=True)
class Settings:
    """There is nothing to choose."""


def feature_set(settings: Settings) -> str:
    """Name and version of what is measured."""
    del settings
    return "mediapipe-tasks-1"


def require(settings: Settings, weights: Path | None) -> None:
    """Raise MissingExtraError where mediapipe or its file of models is missing."""
    del settings
    spec = importlib.util.find_spec("mediapipe")
    places = [Path(p) for p in (spec.submodule_search_locations or [])] if spec else []
    if not any((p / "tasks/python/vision/face_landmarker.py").is_file() for p in places):
        what = "has no Face Landmarker in this release" if places else "is not installed"
        raise MissingExtraError(
            f"the extractor mediapipe-tasks cannot run: mediapipe {what}",
            fix="pip install 'mediapipe>=0.10.21'",
        )
    require_weights(WEIGHTS, weights, "the extractor mediapipe-tasks")


class Extractor:
    """The faces of single pictures."""

    def __init__(self, settings: Settings, weights: Path | None = None) -> None:
        del settings
        self._file = place(WEIGHTS[0], weights)

    def __enter__(self) -> Self:
        from mediapipe.tasks.python import BaseOptions, vision

        options = vision.FaceLandmarkerOptions(
            # its bytes, because MediaPipe has rules of its own for paths
            base_options=BaseOptions(model_asset_buffer=self._file.read_bytes()),
            running_mode=vision.RunningMode.IMAGE,
            num_faces=_MOST_FACES,
            min_face_detection_confidence=DETECTION_THRESHOLD,
            min_face_presence_confidence=PRESENCE_THRESHOLD,
            output_face_blendshapes=True,
        )
        try:
            self._landmarker: Any = vision.FaceLandmarker.create_from_options(options)
        except (OSError, RuntimeError, ValueError) as error:
            raise InputError(
                f"is no file that MediaPipe can read: {str(error).partition(chr(10))[0]}",
                where=self._file.name,
                fix=f"Get it again (from {WEIGHTS[0].source}); deptool weights checks it.",
            ) from error
        return self

    def __exit__(self, *_: object) -> None:
        self._landmarker.close()

    def begin(self) -> None:
        """A new recording: there is nothing to forget."""

    def see(self, pictures: Sequence[NDArray[np.uint8]], times: Sequence[float]) -> list[Look]:
        """The faces in each picture (row, column, channel) in RGB; the times change nothing."""
        del times
        return [self._look(picture) for picture in pictures]

    def _look(self, picture: NDArray[np.uint8]) -> Look:
        import mediapipe as mp

        data = np.ascontiguousarray(picture)
        image = mp.Image(image_format=mp.ImageFormat.SRGB, data=data)
        return look_of(self._landmarker.detect(image), picture.shape[1], picture.shape[0])

    def measure(self, faces: Sequence[Face], width: int, height: int) -> Measures:
        """Landmarks, head pose, gaze and blendshapes, of many faces at once."""
        shapes = np.array([face.other for face in faces]).reshape(-1, len(BLENDSHAPES))
        return measure_meshes(faces, width, height, au=shapes)

    def action_units(self, au: Floats) -> dict[str, Floats | None]:
        """The 35 action unit columns of a recording's blendshapes (frame, blendshape)."""
        return columns(au)


def look_of(result: Any, width: int, height: int) -> Look:
    """A look out of MediaPipe's result for a picture of that size in px.

    The result says which faces passed the thresholds, not how well, so the confidence is 1 or 0.
    """
    size = np.array([width, height, width])
    faces = []
    for points, shapes in zip(result.face_landmarks, result.face_blendshapes, strict=True):
        mesh = np.array([(p.x, p.y, p.z) for p in points]) * size
        low, high = mesh[:, :2].min(0), mesh[:, :2].max(0)
        score = {shape.category_name: shape.score for shape in shapes}
        other = np.array([score[name] for name in BLENDSHAPES])
        faces.append(Face(np.concatenate([low, high - low]), 1.0, mesh, other))
    return Look(tuple(faces))


def intensities(shapes: Floats) -> dict[str, Floats]:
    """Intensities 0-5 (frame) by action unit: five times the blendshapes (frame, blendshape)."""
    by_name = dict(zip(BLENDSHAPES, shapes.T, strict=True))
    both = {name: (by_name[f"{name}Left"] + by_name[f"{name}Right"]) / 2 for name in _TWO}
    scores = by_name | both
    return {name: 5.0 * np.clip(rule.of(scores), 0.0, 1.0) for name, rule in RULES.items()}


def columns(shapes: Floats) -> dict[str, Floats | None]:
    """The 35 columns AUxx_r and AUxx_c (frame) of blendshapes; None where none tells."""
    found = intensities(shapes)
    out: dict[str, Floats | None] = {f"{name}_r": found.get(name) for name in AU_INTENSITY}
    for name in AU_PRESENCE:
        seen = found.get(name)
        out[f"{name}_c"] = None if seen is None else (seen >= PRESENT).astype(float)
    return out
