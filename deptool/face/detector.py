"""MediaPipe's short-range face detector, on single pictures: its model comes inside the wheel.

BlazeFace (Bazarevsky et al., arXiv:1907.05047) for faces within about two metres, of mediapipe
0.10.21, the last release whose wheel carries it.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from deptool.errors import MissingExtraError

THRESHOLD = 0.5


def require_mediapipe(what: str) -> None:
    """Raise MissingExtraError where mediapipe is missing, or has no models; `what` needs them."""
    spec = importlib.util.find_spec("mediapipe")
    places = [Path(p) for p in (spec.submodule_search_locations or [])] if spec else []
    if not any((p / "python/solutions/face_detection.py").is_file() for p in places):
        why = "has no models in its wheel in this release" if places else "is not installed"
        raise MissingExtraError(
            f"{what} cannot run: mediapipe {why}",
            fix="With Python 3.11 or 3.12: pip install 'mediapipe==0.10.21' 'numpy<2' 'pyarrow<26'",
        )


class Detector:
    """Finds the faces of single pictures; it remembers nothing from one to the next."""

    def __enter__(self) -> Self:
        from mediapipe.python.solutions.face_detection import FaceDetection

        self._model: Any = FaceDetection(model_selection=0, min_detection_confidence=THRESHOLD)
        return self

    def __exit__(self, *_: object) -> None:
        self._model.close()

    def detect(self, picture: NDArray[np.uint8]) -> list[tuple[NDArray[np.float64], float]]:
        """The boxes (4) x y w h in px of a picture (row, column, channel) in RGB, with scores."""
        height, width = picture.shape[:2]
        size = np.array([width, height, width, height])
        found = []
        for face in self._model.process(picture).detections or []:
            box = face.location_data.relative_bounding_box
            place = np.array([box.xmin, box.ymin, box.width, box.height]) * size
            found.append((place, float(np.clip(face.score[0], 0.0, 1.0))))
        return found
