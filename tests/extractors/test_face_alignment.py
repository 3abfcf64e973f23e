"""The extractor face-alignment through the library's own loading code, with made-up weights."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest

from deptool.errors import InputError, MissingExtraError, SettingsError
from deptool.extractors import face_alignment as module
from deptool.extractors.face_alignment import Extractor, Settings, feature_set, landmark_box
from deptool.face.detector import Detector
from deptool.face.landmarks import landmarks_68
from deptool.face.observation import Face
from deptool.face.pose_68 import canonical_68
from deptool.portrait import Motion, render
from deptool.schema import AU_INTENSITY, AU_PRESENCE
from deptool.settings import resolve

torch = pytest.importorskip("torch")
pytest.importorskip("face_alignment")
pytest.importorskip("mediapipe")

FAN_2D, FAN_3D, DEPTH = (weight.file for weight in module.WEIGHTS)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **_: object) -> None:
        raise AssertionError(f"a download was tried: {args[0]}")

    monkeypatch.setattr("torch.hub.urlopen", refuse)


def _save(state: dict[str, Any], folder: Path, file: str) -> Path:
    path = folder / "hub" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(state, path)
    return path


def _fan() -> Any:
    from face_alignment.models import FAN

    return FAN(4)


@pytest.fixture(scope="module")
def random_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of weights with a randomly initialised FAN."""
    folder = tmp_path_factory.mktemp("random")
    torch.manual_seed(0)
    _save(_fan().state_dict(), folder, FAN_2D)
    return folder


@pytest.fixture(scope="module")
def colour_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with FANs that see pure red, green and blue: landmark k goes where colour k % 3 is.

    The first convolution takes each colour less the other two, at its middle; every block hands its
    input on; the hourglasses add to it its means over blocks of 2, 4, 8 and 16 cells.
    """
    folder = tmp_path_factory.mktemp("colour")
    fan = _fan()
    with torch.no_grad():
        for name, values in fan.named_parameters():
            values.fill_(1.0 if "bn" in name and name.endswith("weight") else 0.0)
        for block in (fan.conv2, fan.conv4):
            block.downsample[0].weight.fill_(1.0)
        for colour in range(3):
            fan.conv1.weight[colour, :, 3, 3] = -1.0
            fan.conv1.weight[colour, colour, 3, 3] = 1.0
            for block in (fan.conv2, fan.conv4):
                block.downsample[2].weight[colour, colour] = 1.0
            fan.conv_last3.weight[colour, colour] = 1.0
            fan.l3.weight[colour::3, colour] = 1.0
    _save(fan.state_dict(), folder, FAN_2D)
    _save(fan.state_dict(), folder, FAN_3D)
    return folder


class _OneFace:
    """A detector that finds one face whose landmarks' box is `box` (4) x y w h in px."""

    box = np.zeros(4)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def detect(self, picture: np.ndarray) -> list[tuple[np.ndarray, float]]:
        return [(self.box, 0.9)]


@pytest.fixture
def coloured(monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """A grey picture with a square of each colour, and a face whose crop is [32.25, 288.25) px.

    The crop is 200 px per 195 px of the landmarks' width plus height, (0.92 + 0.96) * side, and its
    middle lies 0.12 of their height above theirs: 0.5 across, 0.52 - 0.12 * 0.96 down the box.
    """
    side = 256 * 195 / 200 / 1.88
    x, y = 160.25 - 0.5 * side, 160.25 - (0.52 - 0.12 * 0.96) * side
    monkeypatch.setattr(_OneFace, "box", np.array([x, y, side, side]))
    monkeypatch.setattr(module, "Detector", _OneFace)
    picture = np.full((320, 320, 3), 127, np.uint8)
    for colour, (column, row) in enumerate(((10, 20), (41, 30), (33, 51))):
        # Cell k is read at the crop's px 4k and 4k + 2; the crop begins at the picture's px 33.
        top, left = 33 + 4 * row - 1, 33 + 4 * column - 1
        picture[top : top + 4, left : left + 4] = 255 * np.eye(3, dtype=np.uint8)[colour]
    return picture


# Cell k is marked at k + 1 - 0.5, and a quarter towards the higher neighbour: the other half of its
# block of 2. So k + 0.75 where k is even, k + 0.25 where it is odd; times 4 px, from 32.25 px on,
# cut off to whole px. Cells 10, 20: 75.25, 115.25; 41, 30: 197.25, 155.25; 33, 51: 165.25, 237.25.
PLACES = np.array([(75, 115), (197, 155), (165, 237)])


def test_landmarks_come_back_to_their_place_in_the_picture(
    coloured: np.ndarray, colour_weights: Path
) -> None:
    with Extractor(Settings(device="cpu"), colour_weights) as extractor:
        passes = []
        extractor._fan.face_alignment_net.register_forward_hook(lambda *_: passes.append(1))
        (look,) = extractor.see([coloured], [0.0])
    (face,) = look.faces
    assert face.confidence == 0.9
    assert face.box == pytest.approx(_OneFace.box)
    assert face.points.dtype == np.float64
    assert np.array_equal(face.points, PLACES[np.arange(68) % 3])
    assert len(passes) == 1  # the mirrored picture is not run too


def test_depth_grows_away_from_the_camera(
    coloured: np.ndarray,
    colour_weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from face_alignment.models import ResNetDepth

    network = ResNetDepth()
    with torch.no_grad():
        network.fc.weight.zero_()
        network.fc.bias.copy_(torch.arange(68.0))
    state = {f"module.{name}": value for name, value in network.state_dict().items()}
    path = _save({"state_dict": state}, tmp_path, DEPTH)
    (tmp_path / "hub" / FAN_3D).symlink_to(colour_weights / "hub" / FAN_3D)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(module, "_DEPTH", replace(module._DEPTH, sha256=digest))
    with Extractor(Settings(landmarks="3d", device="cpu"), tmp_path) as extractor:
        (look,) = extractor.see([coloured], [0.0])
    (face,) = look.faces
    assert np.array_equal(face.points[:, :2], PLACES[np.arange(68) % 3])
    # The crop is 256 px for 256 px of the picture, so depths are px as they are, with their sign
    # turned: the library's grow towards the camera.
    assert face.points[:, 2] == pytest.approx(-np.arange(68.0), abs=1e-3)


def test_a_file_that_would_be_unpickled_must_be_the_right_one(
    colour_weights: Path, tmp_path: Path
) -> None:
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    (tmp_path / "hub" / FAN_3D).symlink_to(colour_weights / "hub" / FAN_3D)
    (tmp_path / "hub" / DEPTH).write_bytes(b"anything")
    with pytest.raises(InputError, match="depth-2a464da4ea"):
        Extractor(Settings(landmarks="3d"), tmp_path).__enter__()


def test_a_picture_goes_through_and_gives_the_same_bytes_again(random_weights: Path) -> None:
    pictures = [render(Motion()), np.full((320, 320, 3), 127, np.uint8)]
    with Extractor(Settings(), random_weights) as extractor:
        looks = [extractor.see([p], [t]) for t, p in enumerate(pictures * 2)]
        extractor.begin()
        faces = looks[0][0].faces
        measures = extractor.measure(faces * 3, 320, 320)
        none = extractor.measure([], 320, 320)
        units = extractor.action_units(measures.au)
    assert [len(look.faces) for (look,) in looks] == [1, 0, 1, 0]
    assert faces[0].points.shape == (68, 2)
    assert faces[0].confidence > 0.5
    assert faces[0].points.tobytes() == looks[2][0].faces[0].points.tobytes()
    assert measures.landmarks.shape == (3, 68, 2)
    assert measures.head_pose.shape == (3, 6)
    assert measures.gaze is None
    assert none.landmarks.shape == (0, 68, 2)
    assert none.au.shape == (0, *measures.au.shape[1:])
    assert list(units) == [f"{a}_r" for a in AU_INTENSITY] + [f"{a}_c" for a in AU_PRESENCE]
    for name in ("AU04_r", "AU06_r", "AU07_r", "AU09_r"):
        assert units[name] is None, name


def test_the_box_for_the_network_is_that_of_the_landmarks() -> None:
    # FAN wants the tight box of the 68 landmarks; the mesh tells where they are.
    from mediapipe.python.solutions.face_mesh import FaceMesh
    from skimage.data import astronaut

    with Detector() as detector, FaceMesh(static_image_mode=True) as mesher:
        for picture in (astronaut(), render(Motion()), render(Motion(roll_deg=10))):
            ((box, score),) = detector.detect(picture)
            mesh = mesher.process(picture).multi_face_landmarks[0].landmark
            points = landmarks_68(picture.shape[0] * np.array([(p.x, p.y) for p in mesh]))
            tight = np.concatenate([points.min(0), points.max(0)])
            assert score > 0.5
            assert landmark_box(box) == pytest.approx(tight, abs=0.1 * box[2])


@pytest.mark.parametrize("kind", ["2d", "3d"])
def test_measures_of_planted_landmarks(kind: Any) -> None:
    # 640 x 480: 10 px per cm at 500 mm; the head's origin in the middle of the picture.
    points = 10 * canonical_68() + [320, 240, 0]
    points = points if kind == "3d" else points[:, :2]
    faces = [Face(np.array([250.0, 220, 140, 130]), 0.9, points)] * 2
    measures = Extractor(Settings(landmarks=kind)).measure(faces, 640, 480)
    assert measures.landmarks[1] == pytest.approx(points[:, :2])
    assert measures.head_pose[1] == pytest.approx([0, 0, 500, 0, 0, 0], abs=1e-3)


def test_what_is_set_for_all_of_torch_is_left_alone(
    random_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = torch.hub.get_dir(), torch.backends.cudnn.benchmark, torch.get_num_threads()
    with Extractor(Settings(), random_weights) as extractor:
        extractor.see([render(Motion())], [0.0])
        network = extractor._fan.face_alignment_net
        weight = network.conv2.conv1.weight
    assert (torch.hub.get_dir(), torch.backends.cudnn.benchmark, torch.get_num_threads()) == before
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert not hasattr(network, "_orig_mod")  # what torch.compile makes
    monkeypatch.setenv("TORCH_HOME", str(random_weights))
    assert Path(torch.hub.get_dir()) == random_weights / "hub"  # not held on to


def test_weights_are_found_in_torchs_own_cache(
    random_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(random_weights))
    module.require(Settings(), None)
    with Extractor(Settings()) as extractor:
        assert extractor.see([np.zeros((64, 64, 3), np.uint8)], [0.0])[0].faces == ()


def test_missing_weights_are_named_with_their_place(tmp_path: Path) -> None:
    for settings, name in ((Settings(), FAN_2D), (Settings(landmarks="3d"), FAN_3D)):
        with pytest.raises(MissingExtraError) as caught:
            module.require(settings, tmp_path)
        assert str(tmp_path / "hub" / name) in str(caught.value)
        with pytest.raises(MissingExtraError):
            Extractor(settings, tmp_path).__enter__()
    assert not list(tmp_path.iterdir())


def test_settings_choose_the_feature_set() -> None:
    assert feature_set(Settings()) == "face-alignment-2d-1"
    chosen = resolve(Settings, words=["landmarks=3d", "device=cpu"])
    assert feature_set(chosen) == "face-alignment-3d-1"
    with pytest.raises(SettingsError, match="landmarks"):
        resolve(Settings, words=["landmarks=4d"])


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_said(random_weights: Path) -> None:
    with pytest.raises(SettingsError, match="no GPU"):
        Extractor(Settings(device="cuda"), random_weights).__enter__()
