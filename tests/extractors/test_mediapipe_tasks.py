"""The extractor mediapipe-tasks: MediaPipe's own graph on a planted file, and its conversions.

The file face_landmarker.task cannot be had here, so the networks for mesh and blendshapes are
planted (`planted_task`). What the real ones answer is not tested.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from deptool.errors import InputError, MissingExtraError
from deptool.extractors import mediapipe_tasks as tasks
from deptool.extractors.mediapipe_tasks import BLENDSHAPES, RULES, UNSEEN, Extractor, Settings
from deptool.face.canonical import canonical_face
from deptool.portrait import Motion, render
from deptool.schema import AU_INTENSITY, AU_PRESENCE
from tests.extractors.planted_task import detector_file, write_task


def _shapes(**scores: float) -> np.ndarray:
    """One frame of blendshapes, 0 where nothing is said."""
    return np.array([[scores.get(name, 0.0) for name in BLENDSHAPES]])


def test_both_sides_of_a_smile_are_averaged_and_times_five() -> None:
    # (0.2 + 0.6) / 2 * 5 = 2.
    found = tasks.columns(_shapes(mouthSmileLeft=0.2, mouthSmileRight=0.6))
    assert found["AU12_r"] == pytest.approx([2.0])
    assert found["AU12_c"] == pytest.approx([1.0])


def test_a_trace_is_present_and_less_is_not() -> None:
    # Intensity 1 is a blendshape of 0.2.
    for score, present in ((0.19, 0.0), (0.21, 1.0)):
        assert tasks.columns(_shapes(browInnerUp=score))["AU01_c"] == pytest.approx([present])


def test_parted_lips_are_what_parts_them_most() -> None:
    # A jaw open by 0.6 behind lips closed by 0.5 parts them by 0.1; a bared lower lip by 0.3.
    jaw = {"jawOpen": 0.6, "mouthClose": 0.5}
    assert tasks.columns(_shapes(**jaw))["AU25_r"] == pytest.approx([0.5])
    lip = {"mouthLowerDownLeft": 0.3, "mouthLowerDownRight": 0.3}
    assert tasks.columns(_shapes(**jaw, **lip))["AU25_r"] == pytest.approx([1.5])
    assert tasks.columns(_shapes(mouthClose=1.0))["AU25_r"] == pytest.approx([0.0])


def test_one_sucked_in_lip_is_lip_suck_and_has_no_intensity() -> None:
    found = tasks.columns(_shapes(mouthRollUpper=0.5))
    assert found["AU28_c"] == pytest.approx([1.0])
    assert "AU28_r" not in found


def test_what_no_blendshape_tells_is_null() -> None:
    found = tasks.columns(_shapes())
    assert found["AU23_r"] is None
    assert found["AU23_c"] is None
    assert set(found) == {f"{a}_r" for a in AU_INTENSITY} | {f"{a}_c" for a in AU_PRESENCE}


def test_every_action_unit_has_a_rule_or_a_reason() -> None:
    assert {*RULES, *UNSEEN} == set(AU_PRESENCE)
    assert not set(RULES) & set(UNSEEN)


def test_every_rule_stands_on_the_page() -> None:
    page = Path(__file__).parents[2] / "docs" / "action-units.md"
    own = page.read_text(encoding="utf-8").split("## The extractor mediapipe-tasks")[1]
    told = {name: rule.reads for name, rule in RULES.items()} | UNSEEN
    for name, what in told.items():
        assert what in next(row for row in own.splitlines() if row.startswith(f"| {name} |"))


def test_a_result_of_mediapipe_becomes_a_look() -> None:
    pytest.importorskip("mediapipe")
    from mediapipe.tasks.python.components.containers.category import Category
    from mediapipe.tasks.python.components.containers.landmark import NormalizedLandmark
    from mediapipe.tasks.python.vision import FaceLandmarkerResult

    # 478 points on a line from (0.25, 0.5) to (0.75, 0.5), depth 0.1 of the width of 200 px.
    points = [NormalizedLandmark(x=0.25 + i / 954, y=0.5, z=0.1) for i in range(478)]
    shapes = [Category(index=i, score=0.4, category_name=n) for i, n in enumerate(BLENDSHAPES)]
    look = tasks.look_of(FaceLandmarkerResult([points], [shapes], []), 200, 100)
    assert look.faces[0].box == pytest.approx([50, 50, 100, 0])
    assert look.faces[0].points[0] == pytest.approx([50, 50, 20])
    assert look.faces[0].other == pytest.approx([0.4] * len(BLENDSHAPES))
    assert tasks.look_of(FaceLandmarkerResult([], [], []), 200, 100).faces == ()


def test_a_missing_file_is_named_with_its_place(tmp_path: Path) -> None:
    pytest.importorskip("mediapipe")
    with pytest.raises(MissingExtraError, match=r"face_landmarker\.task is missing") as caught:
        tasks.require(Settings(), tmp_path)
    assert str(tmp_path / "face_landmarker.task") in str(caught.value)


@pytest.mark.parametrize("content", [b"<html>not found</html>", b""])
def test_a_spoilt_file_is_said(content: bytes, tmp_path: Path) -> None:
    pytest.importorskip("mediapipe")
    (tmp_path / "face_landmarker.task").write_bytes(content)
    with pytest.raises(InputError, match=r"face_landmarker\.task: is no file that MediaPipe"):
        Extractor(Settings(), tmp_path).__enter__()


def test_a_missing_package_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    with pytest.raises(MissingExtraError, match="mediapipe is not installed"):
        tasks.require(Settings(), tmp_path)


@pytest.fixture(scope="module")
def extractor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Extractor]:
    detector = detector_file()
    if detector is None:
        pytest.skip("only mediapipe 0.10.21 carries the detector that the planted file needs")
    folder = tmp_path_factory.mktemp("weights with spaces é")
    write_task(folder / "face_landmarker.task", detector)
    tasks.require(Settings(), folder)
    with Extractor(Settings(), folder) as entered:
        entered.begin()
        yield entered


def _pose_deg(extractor: Extractor, picture: np.ndarray) -> np.ndarray:
    look = extractor.see([picture], [0.0])[0]
    height, width = picture.shape[:2]
    return np.degrees(extractor.measure(look.faces, width, height).head_pose[0, 3:])


def test_the_planted_mesh_comes_back_on_the_face(extractor: Extractor) -> None:
    # The eyes' outer corners lie near (160 ± 43, 130) in the portrait; see test_contract.
    look = extractor.see([render(Motion())], [0.0])[0]
    assert len(look.faces) == 1
    assert look.faces[0].confidence == 1.0
    landmarks = extractor.measure(look.faces, 320, 320).landmarks
    assert landmarks[0, 36] == pytest.approx((117, 130), abs=8)
    assert landmarks[0, 45] == pytest.approx((203, 130), abs=8)


def test_the_planted_mesh_keeps_its_shape_and_depth(extractor: Extractor) -> None:
    # The canonical face, scaled and turned: the fit must find it again to 0.05 cm, also in depth.
    from deptool.face.pose import head_pose

    for picture in (render(Motion()), np.pad(render(Motion()), ((0, 0), (0, 300), (0, 0)))):
        look = extractor.see([picture], [0.0])[0]
        mesh = look.faces[0].points[None]
        head = head_pose(mesh, picture.shape[1], picture.shape[0])
        assert head.in_canonical(mesh)[0] == pytest.approx(canonical_face(), abs=0.05)


def test_turning_the_picture_turns_the_pose(extractor: Extractor) -> None:
    # The planted mesh looks straight ahead in its crop, which follows the eyes' slope.
    upright, turned = (_pose_deg(extractor, render(Motion(roll_deg=d))) for d in (0, 20))
    assert upright == pytest.approx([0, 0, 0], abs=2)
    assert turned == pytest.approx([0, 0, 20], abs=3)


def test_the_eyes_of_the_planted_mesh_look_ahead(extractor: Extractor) -> None:
    look = extractor.see([render(Motion())], [0.0])[0]
    gaze = extractor.measure(look.faces, 320, 320).gaze
    assert gaze is not None
    assert gaze[0] == pytest.approx([0, 0, -1, 0, 0, -1, 0, 0], abs=0.01)


def test_each_blendshape_is_read_by_its_name(extractor: Extractor) -> None:
    # Planted: number i of MediaPipe's order is i / 51; jawOpen is 25, the two smiles 44 and 45.
    look = extractor.see([render(Motion())], [0.0])[0]
    score = dict(zip(BLENDSHAPES, look.faces[0].other, strict=True))
    assert score["jawOpen"] == pytest.approx(25 / 51, abs=1e-3)
    assert score["mouthSmileRight"] == pytest.approx(45 / 51, abs=1e-3)
    units = extractor.action_units(extractor.measure(look.faces, 320, 320).au)
    assert units["AU12_r"] == pytest.approx([5 * 44.5 / 51], abs=1e-2)


def test_nothing_is_nothing(extractor: Extractor) -> None:
    look = extractor.see([np.full((320, 320, 3), 127, np.uint8)], [0.0])[0]
    assert look.faces == ()
    assert look.confidence == 0.0
    empty = extractor.measure([], 320, 320)
    assert empty.landmarks.shape == (0, 68, 2)
    assert empty.head_pose.shape == (0, 6)
    assert extractor.action_units(empty.au)["AU12_r"].shape == (0,)


def test_a_picture_does_not_depend_on_those_before_it(extractor: Extractor) -> None:
    # Times may start again, and a far turned face before changes nothing.
    still, turned = render(Motion()), render(Motion(roll_deg=20, shift_x=0.1))
    alone = extractor.see([still], [0.0])[0].faces[0].points
    extractor.begin()
    after = extractor.see([turned, still], [0.0, 0.1])[1].faces[0].points
    assert np.array_equal(alone, after)
