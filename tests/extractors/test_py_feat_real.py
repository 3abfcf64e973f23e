"""The extractor py-feat in py-feat's own code, on planted weights (see `planted_py_feat`).

Not part of the default run: py-feat needs an environment of its own, see docs/py-feat.md. What
py-feat's real weights answer is not tested.
"""

import importlib.util
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from deptool.face.landmarks import MESH_OF_68

if importlib.util.find_spec("feat") is None:
    pytest.skip("py-feat is not installed: see docs/py-feat.md", allow_module_level=True)

from deptool.errors import InputError, MissingExtraError
from deptool.extractors import py_feat
from deptool.extractors.py_feat import SEEN, Extractor, Settings
from tests.extractors.planted_py_feat import (
    FACE_PX,
    SCORE,
    landmarks_in_crop,
    place,
    write_classifiers,
    write_detector,
    write_landmarks,
    write_multitask,
)

# py-feat's own order of its 20 action units, by which they were planted.
UNITS = (
    *("AU01", "AU02", "AU04", "AU05", "AU06", "AU07", "AU09", "AU10", "AU11", "AU12"),
    *("AU14", "AU15", "AU17", "AU20", "AU23", "AU24", "AU25", "AU26", "AU28", "AU43"),
)

# Two places of RetinaFace's coarsest grid: their middles lie at (16, 16) and (48, 16).
PICTURE = np.full((32, 64, 3), 90, np.uint8)
MIDDLES = ((16.0, 16.0), (48.0, 16.0))


@pytest.fixture(scope="module", autouse=True)
def asked() -> Iterator[list[object]]:
    """Whom anything asked for over the network, in vain."""
    found: list[object] = []

    def refuse(*whom: object, **_: object) -> None:
        found.append(whom)
        raise OSError("no network in this test")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", refuse)
        patch.setattr(socket, "getaddrinfo", refuse)
        yield found


@pytest.fixture(autouse=True)
def no_network(asked: list[object]) -> Iterator[None]:
    yield
    assert asked == []


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    write_detector(folder)
    write_multitask(folder)
    write_landmarks(folder)
    write_classifiers(folder)
    return folder


@pytest.fixture(scope="module")
def v2(weights: Path) -> Iterator[Extractor]:
    with Extractor(Settings(device="cpu"), weights) as extractor:
        yield extractor


@pytest.fixture(scope="module")
def v1(weights: Path) -> Iterator[Extractor]:
    with Extractor(Settings("v1", "cpu", "times5"), weights) as extractor:
        yield extractor


@pytest.mark.parametrize("which", ["v1", "v2"])
def test_the_planted_faces_are_found(which: str, request: pytest.FixtureRequest) -> None:
    look = request.getfixturevalue(which).see([PICTURE], [0.0])[0]
    assert len(look.faces) == 2
    by_place = sorted(look.faces, key=lambda face: face.box[0])
    for face, (x, y) in zip(by_place, MIDDLES, strict=True):
        assert face.box == pytest.approx(
            [x - FACE_PX / 2, y - FACE_PX / 2, FACE_PX, FACE_PX], abs=1e-3
        )
        assert face.confidence == pytest.approx(SCORE, abs=1e-5)


def test_v2s_landmarks_are_those_of_the_mesh(v2: Extractor) -> None:
    # py-feat's crop is 1.2 times the box; mesh point i lies at (i, 478 - i) / 478 of it.
    face = min(v2.see([PICTURE], [0.0])[0].faces, key=lambda face: face.box[0])
    part = MESH_OF_68 / 478
    expected = np.stack([part - 0.5, 0.5 - part], axis=-1) * 1.2 * FACE_PX + MIDDLES[0]
    assert face.points == pytest.approx(expected, abs=1e-2)


def test_v2s_values_go_to_their_action_units(v2: Extractor) -> None:
    # Number k has sqrt(k / 64); present from k = 16 on: AU25 (16), AU26 (17), AU28 (18).
    look = v2.see([PICTURE], [0.0])[0]
    expected = [np.sqrt(UNITS.index(name) / 64) for name in SEEN]
    assert look.faces[0].other == pytest.approx(expected, abs=1e-3)
    columns = v2.action_units(v2.measure(look.faces, 64, 32).au)
    present = [name for name in SEEN if columns[f"{name}_c"][0] == 1]
    assert present == ["AU25", "AU26", "AU28"]
    assert columns["AU12_r"] is None


def test_v1s_landmarks_are_its_own(v1: Extractor) -> None:
    # Its crop's corners are whole px: 16 ± 1.2 * 34.646 / 2 = -4.79 and 36.79, so -5 and 37.
    face = min(v1.see([PICTURE], [0.0])[0].faces, key=lambda face: face.box[0])
    assert face.points == pytest.approx(landmarks_in_crop() * 42 - 5, abs=1e-2)


def test_v1s_probabilities_go_to_their_action_units(v1: Extractor) -> None:
    # Number k has (k + 1) / 25: AU12 is number 9, 0.4, so 2 on the mapped scale and not present.
    look = v1.see([PICTURE], [0.0])[0]
    expected = [(UNITS.index(name) + 1) / 25 for name in SEEN]
    assert look.faces[0].other == pytest.approx(expected, abs=1e-3)
    columns = v1.action_units(v1.measure(look.faces, 64, 32).au)
    assert columns["AU12_r"][0] == pytest.approx(2.0, abs=1e-2)
    assert columns["AU12_c"][0] == 0
    assert columns["AU17_c"][0] == 1  # number 12: 0.52


@pytest.mark.parametrize("which", ["v1", "v2"])
def test_a_batch_gives_each_picture_its_own(which: str, request: pytest.FixtureRequest) -> None:
    extractor = request.getfixturevalue(which)
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 255, PICTURE.shape, dtype=np.uint8) for _ in range(3)]
    together = extractor.see(pictures, [0.0, 0.1, 0.2])
    for look, picture in zip(together, pictures, strict=True):
        (alone,) = extractor.see([picture], [0.0])
        assert len(look.faces) == len(alone.faces) == 2
        for one, other in zip(look.faces, alone.faces, strict=True):
            assert one.points == pytest.approx(other.points, abs=1e-3)
            assert one.other == pytest.approx(other.other, abs=1e-4)


@pytest.mark.parametrize("which", ["v1", "v2"])
def test_a_face_is_points_and_action_units_and_no_more(
    which: str, request: pytest.FixtureRequest
) -> None:
    extractor = request.getfixturevalue(which)
    face = extractor.see([PICTURE], [0.0])[0].faces[0]
    assert (face.box.shape, face.points.shape, face.other.shape) == ((4,), (68, 2), (len(SEEN),))
    assert extractor._detector.identity_detector is None


@pytest.mark.parametrize("detector", ["v1", "v2"])
def test_a_picture_without_a_face_has_none(detector: str, weights: Path, tmp_path: Path) -> None:
    for part in (weights / "huggingface" / "hub").iterdir():
        target = tmp_path / "huggingface" / "hub" / part.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(part)
    (tmp_path / "huggingface" / "hub" / "models--py-feat--retinaface_r34").unlink()
    write_detector(tmp_path, faces=False)
    with Extractor(Settings(detector, "cpu"), tmp_path) as extractor:
        assert [len(look.faces) for look in extractor.see([PICTURE] * 2, [0.0, 0.1])] == [0, 0]


def test_the_process_is_as_it_was(v1: Extractor, v2: Extractor) -> None:
    import feat.detector
    import huggingface_hub
    import torch

    v1.see([PICTURE], [0.0])
    v2.see([PICTURE], [0.0])
    assert torch.is_grad_enabled()
    for module in (huggingface_hub, feat.detector):
        assert module.hf_hub_download.__module__.startswith("huggingface_hub")


_EXTRACTOR = """
import os, sys
from pathlib import Path
from deptool.extractors.py_feat import Extractor, Settings
with Extractor(Settings(device="cpu"), Path(sys.argv[1])):
    import torch
    print("feat" in sys.modules, "OMP_NUM_THREADS" in os.environ, torch.get_num_threads())
"""
_TORCH = "import torch; print(torch.get_num_threads())"


def _fresh(*words: str) -> list[str]:
    """What Python prints in a process of its own, where nothing says how many threads to use."""
    environment = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    command = [sys.executable, "-c", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_py_feat_leaves_threads_as_they_were(weights: Path) -> None:
    # Imported by itself, py-feat sets OMP_NUM_THREADS to 1, and torch has one thread ever after.
    assert _fresh(_EXTRACTOR, str(weights)) == ["True", "False", *_fresh(_TORCH)]


def test_an_environment_variable_does_not_change_the_weights(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEAT_MULTITASK_WEIGHTS", str(tmp_path / "other.pt"))
    with Extractor(Settings(device="cpu"), weights) as extractor:
        assert len(extractor.see([PICTURE], [0.0])[0].faces) == 2


def test_a_missing_file_is_said_before_anything_is_loaded(tmp_path: Path) -> None:
    write_detector(tmp_path)
    with pytest.raises(MissingExtraError, match=r"face_multitask_v28\.safetensors is missing"):
        Extractor(Settings(), tmp_path).__enter__()


def test_a_spoilt_file_is_said(tmp_path: Path) -> None:
    write_detector(tmp_path)
    place(tmp_path, "face_multitask_v2", "face_multitask_v28.safetensors").write_bytes(b"spoilt")
    with pytest.raises(InputError, match="cannot read its weights"):
        Extractor(Settings(device="cpu"), tmp_path).__enter__()


def test_the_columns_that_are_wanted_are_py_feats_own() -> None:
    from feat.multitask import AU_COLUMNS_V2, MESH_COLUMNS_V2
    from feat.pretrained import AU_LANDMARK_MAP
    from feat.utils import openface_2d_landmark_columns

    assert tuple(AU_COLUMNS_V2) == tuple(AU_LANDMARK_MAP["Feat"]) == UNITS
    assert set(UNITS) == {*SEEN, *py_feat.LEFT_OUT}
    for detector, theirs in (("v1", openface_2d_landmark_columns), ("v2", MESH_COLUMNS_V2)):
        rows = {name: [0.0] for name in (*theirs, *UNITS)}
        assert py_feat.wanted(rows, detector).shape[0] == 1
