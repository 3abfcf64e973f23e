"""What the extractor face-alignment saves over the library's defaults, on random weights.

    python -m benchmarks.face_alignment [--compile]

The ways take turns, so that a busy machine slows all of them. `--compile` adds torch.compile, which
needs a C++ compiler and warms up for minutes.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.section import Section, median, seconds, spread
from deptool.extractors.face_alignment import WEIGHTS, landmark_box
from deptool.face.detector import Detector
from deptool.portrait import Motion, Person, render

RUNS = 5
SIZE = 480  # px

_S3FD = "checkpoints/s3fd-619a316812.pth"

Ways = dict[str, Callable[[], object]]


def measure(compiled: bool = False) -> Section:
    """One table: landmarks, landmarks with depth, and the box, each by the default and by ours."""
    picture = render(Motion(), Person(), SIZE)
    before = torch.hub.get_dir()
    with tempfile.TemporaryDirectory() as name, Detector() as detector:
        _random_weights(Path(name))
        torch.hub.set_dir(name)
        try:
            box = landmark_box(detector.detect(picture)[0][0])
            rows = _rows(_flat(picture, box, Path(name) if compiled else None))
            rows += _rows(_deep(picture, box))
            rows += _rows(_boxes(picture, detector))
        finally:
            torch.hub.set_dir(before)
    return Section(
        "face-alignment on the CPU",
        f"One face in a picture of {SIZE} x {SIZE} px, random weights, {torch.get_num_threads()}"
        f" threads, medians of {RUNS} runs (lowest to highest).",
        ("what", "ms", "times as fast as the default"),
        rows,
    )


def _flat(picture: NDArray[np.uint8], box: NDArray[np.float64], cache: Path | None) -> Ways:
    models = {
        "68 landmarks, the library's defaults but compile": _library(),
        "68 landmarks, without the mirrored picture": _library(flip_input=False),
        "68 landmarks, channels last": _library(channels_last=True),
        "68 landmarks, both: ours": _library(channels_last=True, flip_input=False),
    }
    if cache:
        models["68 landmarks, the library's defaults"] = _compiled(cache)
    return {label: _aligning(model, picture, box) for label, model in models.items()}


def _deep(picture: NDArray[np.uint8], box: NDArray[np.float64]) -> Ways:
    default = _library("THREE_D")
    ours = _library("THREE_D", channels_last=True, flip_input=False)
    return {
        "68 landmarks with depth, defaults but compile": _aligning(default, picture, box),
        "68 landmarks with depth: ours": _aligning(ours, picture, box),
    }


def _boxes(picture: NDArray[np.uint8], detector: Detector) -> Ways:
    s3fd = _library(face_detector="sfd").face_detector.face_detector
    tensor = torch.from_numpy(picture.transpose(2, 0, 1)[None].astype(np.float32))
    return {
        "the box, S3FD's network alone": lambda: s3fd(tensor),
        "the box, MediaPipe's detector: ours": lambda: detector.detect(picture),
    }


def _random_weights(folder: Path) -> None:
    """Files under the names that the library looks for, in its own formats."""
    from face_alignment.detection.sfd.net_s3fd import s3fd
    from face_alignment.models import FAN, ResNetDepth

    (folder / "checkpoints").mkdir()
    fan_2d, fan_3d, depth = (weight.file for weight in WEIGHTS)
    torch.manual_seed(0)
    torch.save(FAN(4).state_dict(), folder / fan_2d)
    (folder / fan_3d).symlink_to(folder / fan_2d)
    torch.save({"state_dict": ResNetDepth().state_dict()}, folder / depth)
    torch.save(s3fd().state_dict(), folder / _S3FD)


def _library(kind: str = "TWO_D", channels_last: bool = False, **settings: Any) -> Any:
    import face_alignment

    settings = {"face_detector": "folder", "compile": False, "device": "cpu", **settings}
    made = face_alignment.FaceAlignment(face_alignment.LandmarksType[kind], **settings)
    for name in ("face_alignment_net", "depth_prediciton_net"):
        if channels_last and hasattr(made, name):
            getattr(made, name).to(memory_format=torch.channels_last)
    return made


def _compiled(cache: Path) -> Any:
    from face_alignment import api

    api.COMPILE_CACHE_DIR = str(cache)
    made: list[Any] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        spent = seconds(lambda: made.append(_library(compile=True)))
    print(f"torch.compile warmed up for {spent:.0f} s", file=sys.stderr)
    return made[0]


def _aligning(
    model: Any, picture: NDArray[np.uint8], box: NDArray[np.float64]
) -> Callable[[], object]:
    return lambda: model.get_landmarks_from_image(picture, detected_faces=[box])


def _rows(ways: Ways) -> list[list[str]]:
    spent: dict[str, list[float]] = {label: [] for label in ways}
    with torch.inference_mode():
        for turn in range(RUNS + 1):
            for label, way in ways.items():
                ms = 1000 * seconds(way)
                if turn:  # the first round warms up
                    spent[label].append(ms)
    first = median(next(iter(spent.values())))
    return [[k, spread(times, ".0f"), f"{first / median(times):.1f}"] for k, times in spent.items()]


if __name__ == "__main__":
    print(measure(compiled="--compile" in sys.argv[1:]).markdown())
