"""A face_landmarker.task made by code: a real face detector, and a mesh and blendshapes as planted.

The detector is the one of mediapipe 0.10.21's wheel. The other two networks look at their input and
answer the same whatever they see: the canonical face in its place, and blendshape number i (of 52)
as i / 51. So MediaPipe's whole graph runs, and what it must give is known.
"""

from __future__ import annotations

import importlib.util
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from deptool.face.canonical import canonical_face

# The mesh in the crop of 256 px: px per cm, and where the point between the eyes lies.
SCALE, MIDDLE = 11.2, (128.0, 92.0, 0.0)

_DETECTOR = "modules/face_detection/face_detection_short_range.tflite"


def detector_file() -> Path | None:
    """The detector inside mediapipe's wheel; None where this release has none."""
    spec = importlib.util.find_spec("mediapipe")
    places = [Path(p) for p in (spec.submodule_search_locations or [])] if spec else []
    return next((p / _DETECTOR for p in places if (p / _DETECTOR).is_file()), None)


def write_task(path: Path, detector: Path) -> None:
    """Write the file."""
    mesh = canonical_face() * SCALE + MIDDLE
    certain = np.array([8.0])  # the logit of "this is a face"
    parts = {
        "face_detector.tflite": _with_range(detector.read_bytes(), 127.5, 127.5),
        "face_landmarks_detector.tflite": _with_range(
            _constant((1, 256, 256, 3), [mesh.ravel(), certain]), 0.0, 255.0
        ),
        "face_blendshapes.tflite": _constant((1, 146, 2), [np.arange(52) / 51]),
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as file:
        for name, content in parts.items():
            file.writestr(name, content)


def _constant(shape: tuple[int, ...], answers: Sequence[np.ndarray]) -> bytes:
    """A TensorFlow Lite model: the input's mean times zero, plus each answer."""
    import flatbuffers
    from mediapipe.tasks.metadata import schema_py_generated as tfl

    model, graph = tfl.ModelT(), tfl.SubGraphT()
    model.version, model.buffers, model.subgraphs = 3, [tfl.BufferT()], [graph]
    graph.name, graph.tensors, graph.operators = "main", [], []
    real, whole = tfl.TensorType.FLOAT32, tfl.TensorType.INT32

    def tensor(name: str, shape: Sequence[int], kind: int, data: np.ndarray | None = None) -> int:
        made = tfl.TensorT()
        made.name, made.shape, made.type, made.buffer = name, list(shape), kind, 0
        if data is not None:
            buffer = tfl.BufferT()
            buffer.data = np.frombuffer(data.tobytes(), np.uint8)
            made.buffer = len(model.buffers)
            model.buffers.append(buffer)
        graph.tensors.append(made)
        return len(graph.tensors) - 1

    def operator(code: int, inputs: list[int], output: int, kind: int, options: Any) -> None:
        made = tfl.OperatorT()
        made.opcodeIndex, made.inputs, made.outputs = code, inputs, [output]
        made.builtinOptionsType, made.builtinOptions = kind, options
        graph.operators.append(made)

    model.operatorCodes = []
    for builtin in (tfl.BuiltinOperator.MEAN, tfl.BuiltinOperator.FULLY_CONNECTED):
        code = tfl.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = builtin
        code.version = 1
        model.operatorCodes.append(code)
    source = tensor("input", shape, real)
    axes = np.arange(1, len(shape), dtype=np.int32)
    mean = tensor("mean", [1] * len(shape), real)
    keep = tfl.ReducerOptionsT()
    keep.keepDims = True
    inputs = [source, tensor("axes", axes.shape, whole, axes)]
    operator(0, inputs, mean, tfl.BuiltinOptions.ReducerOptions, keep)
    graph.inputs, graph.outputs = [source], []
    for i, answer in enumerate(answers):
        n = len(answer)
        weights = tensor(f"weights{i}", (n, 1), real, np.zeros((n, 1), np.float32))
        bias = tensor(f"bias{i}", (n,), real, answer.astype(np.float32))
        output = tensor(f"output{i}", (1, n), real)
        options = tfl.FullyConnectedOptionsT()
        kind = tfl.BuiltinOptions.FullyConnectedOptions
        operator(1, [mean, weights, bias], output, kind, options)
        graph.outputs.append(output)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _with_range(content: bytes, mean: float, deviation: float) -> bytes:
    """The model with a note on how pictures become its input: (value - mean) / deviation."""
    import flatbuffers
    from mediapipe.tasks.metadata import metadata_schema_py_generated as notes
    from mediapipe.tasks.metadata import schema_py_generated as tfl

    unit, picture = notes.ProcessUnitT(), notes.TensorMetadataT()
    unit.optionsType = notes.ProcessUnitOptions.NormalizationOptions
    unit.options = notes.NormalizationOptionsT()
    unit.options.mean, unit.options.std = [mean], [deviation]
    picture.processUnits = [unit]
    picture.content = notes.ContentT()
    picture.content.contentPropertiesType = notes.ContentProperties.ImageProperties
    picture.content.contentProperties = notes.ImagePropertiesT()
    picture.content.contentProperties.colorSpace = notes.ColorSpaceType.RGB
    graph, about = notes.SubGraphMetadataT(), notes.ModelMetadataT()
    graph.inputTensorMetadata, about.subgraphMetadata = [picture], [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(about.Pack(builder), b"M001")

    model = tfl.ModelT.InitFromPackedBuf(bytearray(content), 0)
    buffer, entry = tfl.BufferT(), tfl.MetadataT()
    buffer.data = np.frombuffer(bytes(builder.Output()), np.uint8)
    entry.name, entry.buffer = "TFLITE_METADATA", len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or []), entry]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
