"""MediaPipe's face mesh: 478 points from the models inside the wheel, no download.

Models: BlazeFace short range and Attention Mesh (Grishchenko et al., arXiv:2006.10962), of
mediapipe 0.10.21, the last release whose wheel carries them. The points are followed from picture
to picture, so an extractor belongs to one recording. It runs MediaPipe's own graph of the face mesh
and reads two more of its streams: the network's presence score, which is the confidence, and the
detections, which count faces.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from deptool.errors import MissingExtraError
from deptool.face import action_units as au
from deptool.face.canonical import N_MESH
from deptool.face.gaze import gaze, gaze_angles
from deptool.face.landmarks import landmarks_68
from deptool.face.observation import Observation
from deptool.face.pose import head_pose

FEATURE_SET = "mediapipe-1"
LICENCE = "Apache-2.0 (code and models)"
WEIGHTS = "inside the wheel of mediapipe 0.10.21"

# Streams of the graph, and the nodes whose thresholds are set.
_MESH = "multi_face_landmarks"
_SCORE = "facelandmarkcpu__face_presence_score"
_FACES = "all_face_detections"
_DETECTOR = "facedetectionshortrangecpu__facedetectionshortrange__facedetection"

DETECTION_THRESHOLD = 0.5
PRESENCE_THRESHOLD = 0.5

# Below this score a lost face is no face; between it and the threshold it was one, unsurely.
_DOUBTFUL = 0.1

# While a face is followed the detector rests; look for others this often.
_COUNT_EVERY_S = 1.0


def require() -> None:
    """Raise MissingExtraError where mediapipe is missing or is a release without models."""
    spec = importlib.util.find_spec("mediapipe")
    places = [Path(p) for p in (spec.submodule_search_locations or [])] if spec else []
    if not any((p / "python/solutions/face_mesh.py").is_file() for p in places):
        what = "has no models in its wheel in this release" if places else "is not installed"
        raise MissingExtraError(
            f"the extractor mediapipe cannot run: mediapipe {what}",
            fix="With Python 3.11 or 3.12: pip install 'mediapipe==0.10.21' 'numpy<2' 'pyarrow<26'",
        )


class Extractor:
    """One recording's face, followed through ascending times."""

    def __enter__(self) -> Self:
        from mediapipe.python.solution_base import SolutionBase
        from mediapipe.python.solutions.face_detection import FaceDetection

        self._graph: Any = SolutionBase(
            binary_graph_path="mediapipe/modules/face_landmark/face_landmark_front_cpu.binarypb",
            side_inputs={"num_faces": 1, "with_attention": True, "use_prev_landmarks": True},
            calculator_params={
                f"{_DETECTOR}__TensorsToDetectionsCalculator.min_score_thresh": DETECTION_THRESHOLD,
                "facelandmarkcpu__ThresholdingCalculator.threshold": PRESENCE_THRESHOLD,
            },
            outputs=[_MESH, _SCORE, _FACES],
        )
        self._counter: Any = FaceDetection(min_detection_confidence=DETECTION_THRESHOLD)
        self._counted_at = -np.inf
        self._n_faces = 0
        return self

    def __exit__(self, *_: object) -> None:
        self._graph.close()
        self._counter.close()

    def look(self, picture: NDArray[np.uint8], time_s: float) -> Observation:
        """What is seen in a picture (row, column, channel) in RGB at that time (s)."""
        found = self._graph.process({"image": picture})
        meshes, score = getattr(found, _MESH), getattr(found, _SCORE)
        self._count(picture, time_s, getattr(found, _FACES))
        confidence = float(np.clip(score or 0.0, 0.0, 1.0))
        if not meshes:
            status = "low_confidence" if confidence >= _DOUBTFUL else "no_face"
            return Observation(status, confidence, self._n_faces)
        height, width = picture.shape[:2]
        size = np.array([width, height, width])
        mesh = np.array([(p.x, p.y, p.z) for p in meshes[0].landmark])[:N_MESH] * size
        return _observe(mesh, width, height, confidence, max(self._n_faces, 1))

    def action_units(
        self, observations: Sequence[Observation]
    ) -> Mapping[str, NDArray[np.float64] | None]:
        """The 35 action unit columns of a whole recording; see `deptool.face.action_units`."""
        measures = [o.au_measures for o in observations if o.au_measures is not None]
        return au.columns(np.array(measures).reshape(-1, len(au.MEASURES)))

    def _count(self, picture: NDArray[np.uint8], time_s: float, detections: Any) -> None:
        if detections is None and time_s - self._counted_at < _COUNT_EVERY_S:
            return
        if detections is None:
            detections = self._counter.process(picture).detections
        self._counted_at = time_s
        self._n_faces = len(detections or [])


def _observe(
    mesh: NDArray[np.float64], width: int, height: int, confidence: float, n_faces: int
) -> Observation:
    low, high = mesh[:, :2].min(0), mesh[:, :2].max(0)
    head = head_pose(mesh, width, height)
    vectors = gaze(mesh, head)
    return Observation(
        status="ok",
        confidence=confidence,
        n_faces=n_faces,
        box=np.concatenate([low, high - low]),
        landmarks=landmarks_68(mesh),
        head_pose=np.concatenate([head.translation_mm, head.rotation_rad]),
        gaze=np.concatenate([vectors.ravel(), gaze_angles(vectors)]),
        au_measures=au.measure(head.in_canonical(mesh)),
    )
