"""What every extractor must keep, whatever it is."""

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from deptool import plugins
from deptool.errors import MissingExtraError
from deptool.face.observation import Observation, frames_table
from deptool.schema import FRAMES
from deptool.synth import Motion, render
from deptool.tables import check


@pytest.fixture(scope="module", params=plugins.names("extractors"))
def module(request: pytest.FixtureRequest) -> ModuleType:
    found = plugins.load("extractors", request.param)
    try:
        found.require()
    except MissingExtraError as error:
        pytest.skip(error.what)
    return found


@pytest.fixture(scope="module")
def seen(module: Any) -> Iterator[tuple[list[Observation], Any]]:
    """Six looks at the portrait, then three at nothing."""
    pictures = [render(Motion(roll_deg=r)) for r in (0, 1, 2, 3, 4, 5)]
    pictures += [np.full((320, 320, 3), 127, np.uint8)] * 3
    with module.Extractor() as extractor:
        looks = [extractor.look(p, i / 6) for i, p in enumerate(pictures)]
        units = extractor.action_units([o for o in looks if o.landmarks is not None])
    return looks, units


def test_it_says_what_it_is(module: Any) -> None:
    name, version = module.FEATURE_SET.rsplit("-", 1)
    assert name
    assert version.isdigit()
    assert module.LICENCE
    assert module.WEIGHTS


def test_a_face_is_measured_and_its_absence_is_said(seen: Any) -> None:
    looks, _ = seen
    assert [o.status for o in looks] == ["ok"] * 6 + ["no_face"] * 3
    assert all(o.landmarks is not None and o.landmarks.shape == (68, 2) for o in looks[:6])
    assert all(o.landmarks is None and o.box is None for o in looks[6:])
    assert all(o.confidence > 0.5 for o in looks[:6])
    assert all(o.confidence < 0.5 for o in looks[6:])


def test_its_rows_make_a_valid_frames_table(seen: Any) -> None:
    looks, units = seen
    table = frames_table([i / 6 for i in range(9)], list(range(1, 10)), looks, units)
    check(table, FRAMES, "frames")
    assert table["success"].to_list() == [1] * 6 + [0] * 3
    for name in ("x_0", "pose_Rx", "gaze_angle_x", "AU12_r", "face_w"):
        assert table[name].is_null().to_list() == [False] * 6 + [True] * 3, name


def test_the_landmarks_lie_on_the_face(seen: Any) -> None:
    # The planted face: eyes 0.35 face units above the middle, a face unit 0.27 * 320 = 86 px, so
    # the eyes' outer corners lie near (160 ± 43, 160 - 30).
    points = seen[0][0].landmarks
    assert points[36] == pytest.approx((117, 130), abs=8)
    assert points[45] == pytest.approx((203, 130), abs=8)


def test_two_recordings_do_not_disturb_each_other(module: Any) -> None:
    still, turned = render(Motion()), render(Motion(roll_deg=20, shift_x=0.1))
    with module.Extractor() as alone:
        expected = [alone.look(still, i / 6).landmarks for i in range(3)]
    with module.Extractor() as one, module.Extractor() as other:
        found = []
        for i in range(3):
            found.append(one.look(still, i / 6).landmarks)
            other.look(turned, i / 6)
    assert np.array_equal(np.array(expected), np.array(found))
