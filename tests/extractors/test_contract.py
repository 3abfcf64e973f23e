"""What every extractor must keep, whatever it is."""

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from deptool import plugins
from deptool.errors import MissingExtraError
from deptool.face.observation import Look, Measures
from deptool.portrait import Motion, render
from deptool.schema import FRAMES
from deptool.weights import Weight
from fixtures.looks import looks

SIZE = 320
GREY = np.full((SIZE, SIZE, 3), 127, np.uint8)


@pytest.fixture(scope="module", params=plugins.names("extractors"))
def module(request: pytest.FixtureRequest) -> ModuleType:
    return plugins.load("extractors", request.param)


@pytest.fixture(scope="module")
def ready(module: Any) -> Any:
    try:
        module.require(module.Settings(), None)
    except MissingExtraError as error:
        pytest.skip(error.what)
    return module


@pytest.fixture(scope="module")
def seen(ready: Any) -> tuple[list[Look], Measures, Any]:
    """Six looks at the portrait, then three at nothing; what was measured of the six faces."""
    pictures = [render(Motion(roll_deg=r)) for r in range(6)] + [GREY] * 3
    with ready.Extractor(ready.Settings(), None) as extractor:
        found = looks(extractor, pictures)
        measured = extractor.measure([f for look in found for f in look.faces], SIZE, SIZE)
        return found, measured, extractor.action_units(measured.au)


def test_it_says_what_it_is_and_what_it_needs(module: Any) -> None:
    name, version = module.feature_set(module.Settings()).rsplit("-", 1)
    assert name
    assert version.isdigit()
    assert module.LICENCE
    assert module.BATCH >= 1
    assert all(isinstance(weight, Weight) for weight in module.WEIGHTS)
    assert (module.__doc__ or "").strip()


def test_without_weights_it_says_so_in_one_line(module: Any, tmp_path: Any) -> None:
    if not module.WEIGHTS:
        pytest.skip("its models come with its package")
    with pytest.raises(MissingExtraError) as caught:
        module.require(module.Settings(), tmp_path)
    assert caught.value.fix
    assert "\n" not in caught.value.what


def test_a_face_is_found_and_its_absence_is_said(seen: Any) -> None:
    found, _, _ = seen
    assert [len(look.faces) for look in found] == [1] * 6 + [0] * 3
    assert all(look.faces[0].confidence >= 0.5 for look in found[:6])
    assert all(0 <= look.confidence <= 0.5 for look in found[6:])


def test_what_it_measures_fits_the_frames_table(seen: Any) -> None:
    _, measured, units = seen
    assert measured.landmarks.shape == (6, 68, 2)
    assert measured.head_pose.shape == (6, 6)
    assert measured.gaze is None or measured.gaze.shape == (6, 8)
    assert set(units) == {c.name for c in FRAMES.group("action_units")}
    for name, values in units.items():
        column = FRAMES.column(name)
        if values is not None:
            assert values.shape == (6,)
            assert values.min() >= column.low
            assert values.max() <= column.high


def test_no_faces_are_measured_as_no_rows(ready: Any, seen: Any) -> None:
    with ready.Extractor(ready.Settings(), None) as extractor:
        none = extractor.measure([], SIZE, SIZE)
        units = extractor.action_units(none.au)
    assert none.landmarks.shape == (0, 68, 2)
    assert (none.gaze is None) == (seen[1].gaze is None)
    assert all(values is None or len(values) == 0 for values in units.values())


def test_the_landmarks_and_the_box_lie_on_the_face(seen: Any) -> None:
    # The planted face: eyes 0.35 face units above the middle, a face unit 0.27 * 320 = 86 px, so
    # the eyes' outer corners lie near (160 ± 43, 160 - 30).
    found, measured, _ = seen
    assert measured.landmarks[0, 36] == pytest.approx((117, 130), abs=8)
    assert measured.landmarks[0, 45] == pytest.approx((203, 130), abs=8)
    x, y, w, h = found[0].faces[0].box
    assert x < 117 < 203 < x + w
    assert y < 130 < y + h


def test_a_face_in_a_part_of_the_picture_is_the_same_face_moved(ready: Any) -> None:
    # The same picture at twice the size, with 40 px of grey to its left and 20 px above.
    large = np.repeat(np.repeat(render(Motion()), 2, axis=0), 2, axis=1)
    framed = np.full((660, 680, 3), 127, np.uint8)
    framed[20:, 40:] = large
    with ready.Extractor(ready.Settings(), None) as extractor:
        part = looks(extractor, [render(Motion())])[0].faces[0].moved(0.5, 40, 20)
        whole = looks(extractor, [framed])[0].faces[0]
        one = extractor.measure([part], 680, 660)
        other = extractor.measure([whole], 680, 660)
    assert one.landmarks == pytest.approx(other.landmarks, abs=8)  # of a face 190 px wide
    assert one.head_pose[0, 2] == pytest.approx(other.head_pose[0, 2], rel=0.05)


def test_a_new_recording_knows_nothing_of_the_one_before(ready: Any) -> None:
    still, turned = render(Motion()), render(Motion(roll_deg=20, shift_x=0.1))
    with ready.Extractor(ready.Settings(), None) as extractor:
        alone = looks(extractor, [still] * 3)
        looks(extractor, [turned] * 3)
        again = looks(extractor, [still] * 3)
    for one, other in zip(alone, again, strict=True):
        assert np.array_equal(one.faces[0].points, other.faces[0].points)
        assert np.array_equal(one.faces[0].other, other.faces[0].other)
