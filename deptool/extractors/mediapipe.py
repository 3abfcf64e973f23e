"""MediaPipe's face mesh: 478 points from the models inside the wheel, no download.

Models: BlazeFace short range and Attention Mesh (Grishchenko et al., arXiv:2006.10962), of
mediapipe 0.10.21, the last release whose wheel carries them. The detector's and the mesh's own
sub-graphs are run, but where to look is decided here: every face found is followed by the place
that its mesh gives for the next picture, and the detector looks for others once a second and
whenever a face is lost. The graphs run in the thread that calls them, which costs a fifth less
than MediaPipe's own threads and never depends on their timing.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from deptool.errors import MissingExtraError
from deptool.face import action_units as au
from deptool.face.canonical import N_MESH
from deptool.face.mesh import measure_meshes
from deptool.face.observation import Face, Look, Measures
from deptool.weights import Weight

LICENCE = "Apache-2.0 (code and models)"
WEIGHTS: tuple[Weight, ...] = ()
BATCH = 1

# The mesh sees a face on 192 px of which it fills two thirds: beyond that width nothing is gained.
FACE_PX = 200

# That of the graph: below it, what the network looked at is no face.
PRESENCE_THRESHOLD = 0.5

# Faces followed at once, and how often the detector looks for others.
_MOST_FACES = 4
_COUNT_EVERY_S = 1.0

_IN_CALLERS_THREAD = 'executor { name: "" type: "ApplicationThreadExecutor" }'

_MESH_GRAPH = f"""
{_IN_CALLERS_THREAD}
input_stream: "image"
input_stream: "place"
output_stream: "mesh"
output_stream: "next_place"
node {{
  calculator: "ConstantSidePacketCalculator"
  output_side_packet: "PACKET:attention"
  options {{
    [mediapipe.ConstantSidePacketCalculatorOptions.ext] {{ packet {{ bool_value: true }} }}
  }}
}}
node {{
  calculator: "FaceLandmarkCpu"
  input_stream: "IMAGE:image"
  input_stream: "ROI:place"
  input_side_packet: "WITH_ATTENTION:attention"
  output_stream: "LANDMARKS:mesh"
}}
node {{
  calculator: "ImagePropertiesCalculator"
  input_stream: "IMAGE:image"
  output_stream: "SIZE:size"
}}
node {{
  calculator: "FaceLandmarkLandmarksToRoi"
  input_stream: "LANDMARKS:mesh"
  input_stream: "IMAGE_SIZE:size"
  output_stream: "ROI:next_place"
}}
"""
_SCORE = "facelandmarkcpu__face_presence_score"

_DETECTOR_GRAPH = f"""
{_IN_CALLERS_THREAD}
input_stream: "image"
output_stream: "places"
node {{
  calculator: "FaceDetectionShortRangeCpu"
  input_stream: "IMAGE:image"
  output_stream: "DETECTIONS:detections"
}}
node {{
  calculator: "ImagePropertiesCalculator"
  input_stream: "IMAGE:image"
  output_stream: "SIZE:size"
}}
node {{
  calculator: "BeginLoopDetectionCalculator"
  input_stream: "ITERABLE:detections"
  input_stream: "CLONE:size"
  output_stream: "ITEM:detection"
  output_stream: "CLONE:loop_size"
  output_stream: "BATCH_END:end"
}}
node {{
  calculator: "FaceDetectionFrontDetectionToRoi"
  input_stream: "DETECTION:detection"
  input_stream: "IMAGE_SIZE:loop_size"
  output_stream: "ROI:place"
}}
node {{
  calculator: "EndLoopNormalizedRectCalculator"
  input_stream: "ITEM:place"
  input_stream: "BATCH_END:end"
  output_stream: "ITERABLE:places"
}}
"""

# A serialised list of landmarks: 17 bytes a point, its tags and three floats.
_POINT = np.dtype(
    [("_0", "V3"), ("x", "<f4"), ("_1", "V1"), ("y", "<f4"), ("_2", "V1"), ("z", "<f4")]
)


@dataclass(frozen=True)
class Settings:
    """There is nothing to choose."""


def feature_set(settings: Settings) -> str:
    """Name and version of what is measured."""
    del settings
    return "mediapipe-1"


def require(settings: Settings, weights: Path | None) -> None:
    """Raise MissingExtraError where mediapipe is missing or is a release without models."""
    del settings, weights
    spec = importlib.util.find_spec("mediapipe")
    places = [Path(p) for p in (spec.submodule_search_locations or [])] if spec else []
    if not any((p / "python/solutions/face_mesh.py").is_file() for p in places):
        what = "has no models in its wheel in this release" if places else "is not installed"
        raise MissingExtraError(
            f"the extractor mediapipe cannot run: mediapipe {what}",
            fix="With Python 3.11 or 3.12: pip install 'mediapipe==0.10.21' 'numpy<2' 'pyarrow<26'",
        )


class Extractor:
    """The faces of one recording after the other, followed through ascending times."""

    def __init__(self, settings: Settings, weights: Path | None = None) -> None:
        del settings, weights
        self.begin()

    def __enter__(self) -> Self:
        self._mesher = _Graph(_MESH_GRAPH, ("mesh", "next_place", _SCORE))
        self._detector = _Graph(_DETECTOR_GRAPH, ("places",))
        return self

    def __exit__(self, *_: object) -> None:
        self._mesher.close()
        self._detector.close()

    def begin(self) -> None:
        """Forget every face: a new recording begins."""
        self._places: list[Any] = []  # where the mesh expects each face, oldest first
        self._counted_at = -np.inf

    def see(self, pictures: Sequence[NDArray[np.uint8]], times: Sequence[float]) -> list[Look]:
        """The faces in each picture (row, column, channel) in RGB at that time (s)."""
        return [self._look(p, t) for p, t in zip(pictures, times, strict=True)]

    def _look(self, picture: NDArray[np.uint8], time_s: float) -> Look:
        from mediapipe.python.packet_getter import get_proto_list

        size = np.array([picture.shape[1], picture.shape[0]])
        faces: list[Face] = []
        following: list[Any] = []
        best = 0.0
        wanted = list(self._places)
        detected = False
        while True:
            for place in wanted:
                face, next_place, score = self._mesh(picture, place)
                if face is None:
                    best = max(best, score)
                elif not any(_same(face, other) for other in faces):
                    faces.append(face)
                    following.append(next_place)
            due = time_s - self._counted_at >= _COUNT_EVERY_S
            if detected or not (due or len(faces) < max(len(self._places), 1)):
                break
            found = self._detector.run(picture).get("places")
            places = [] if found is None else get_proto_list(found)
            wanted = [p for p in places if not any(_inside(p, size, f) for f in faces)]
            wanted = wanted[: _MOST_FACES - len(faces)]
            self._counted_at, detected = time_s, True
        self._places = following
        return Look(tuple(faces), 0.0 if faces else min(best, PRESENCE_THRESHOLD))

    def _mesh(self, picture: NDArray[np.uint8], place: Any) -> tuple[Face | None, Any, float]:
        """The face at a place, where to look for it next, and the network's score for a face."""
        from mediapipe.python.packet_getter import get_float, get_proto

        found = self._mesher.run(picture, place)
        score = float(np.clip(get_float(found[_SCORE]), 0.0, 1.0)) if _SCORE in found else 0.0
        if "mesh" not in found:
            return None, None, score
        raw = np.frombuffer(get_proto(found["mesh"]).SerializeToString(), _POINT)
        mesh = np.stack([raw["x"], raw["y"], raw["z"]], axis=-1)[:N_MESH].astype(np.float64)
        height, width = picture.shape[:2]
        mesh *= [width, height, width]
        low, high = mesh[:, :2].min(0), mesh[:, :2].max(0)
        next_place = get_proto(found["next_place"])
        return Face(np.concatenate([low, high - low]), score, mesh), next_place, score

    def measure(self, faces: Sequence[Face], width: int, height: int) -> Measures:
        """Landmarks, head pose, gaze and measures of action units, of many faces at once."""
        return measure_meshes(faces, width, height)

    def action_units(
        self, measures: NDArray[np.float64]
    ) -> Mapping[str, NDArray[np.float64] | None]:
        """The 35 action unit columns of a whole recording; see `deptool.face.action_units`."""
        return au.columns(measures)


class _Graph:
    """A graph that runs on one picture at a time and gives the packets that came out.

    MediaPipe's own wrapper makes a new class at every call, a twentieth of the mesh's cost.
    """

    def __init__(self, text: str, outputs: Sequence[str]) -> None:
        import mediapipe
        from mediapipe.python import CalculatorGraph, ImageFormat, packet_creator, resource_util

        # Models are named relative to where the package lies.
        resource_util.set_resource_dir(str(Path(mediapipe.__file__).parents[1]))
        self._create, self._format = packet_creator, ImageFormat.SRGB
        self._graph: Any = CalculatorGraph(graph_config=text)
        self._found: dict[str, Any] = {}
        self._time_us = 0
        for name in outputs:
            self._graph.observe_output_stream(name, self._keep)
        self._graph.start_run()

    def run(self, picture: NDArray[np.uint8], place: Any = None) -> dict[str, Any]:
        """Packets by the name of their stream; an empty one is left out."""
        self._found = {}
        self._time_us += 1
        image = self._create.create_image_frame(data=picture, image_format=self._format)
        self._graph.add_packet_to_input_stream("image", image.at(self._time_us))
        if place is not None:
            packet = self._create.create_proto(place)
            self._graph.add_packet_to_input_stream("place", packet.at(self._time_us))
        self._graph.wait_until_idle()
        return self._found

    def close(self) -> None:
        """End the graph."""
        self._graph.close()

    def _keep(self, name: str, packet: Any) -> None:
        if not packet.is_empty():
            self._found[name] = packet


def _same(one: Face, other: Face) -> bool:
    """Whether two meshes lie on one face: the middle of each is inside the other's box."""
    return _holds(one.box, other.box[:2] + other.box[2:] / 2) and _holds(
        other.box, one.box[:2] + one.box[2:] / 2
    )


def _inside(place: Any, size: NDArray[np.int_], face: Face) -> bool:
    """Whether the middle of a place lies on a face."""
    return _holds(face.box, np.array([place.x_center * size[0], place.y_center * size[1]]))


def _holds(box: NDArray[np.float64], point: NDArray[np.float64]) -> bool:
    return bool((point >= box[:2]).all() and (point <= box[:2] + box[2:]).all())
