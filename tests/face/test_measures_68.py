"""Measures of action units from 68 landmarks."""

import numpy as np
import pytest

from deptool.face.action_units import MEASURES, UNITS, UNSEEN, canonical_measures, columns
from deptool.face.landmarks import landmarks_68
from deptool.face.measures_68 import OF_68, UNSEEN_68, measure_68
from deptool.face.pose_68 import canonical_68, head_pose_68, in_canonical_68
from deptool.face.rigid import rotation_from_euler
from deptool.portrait import Motion, Person, render

NAMES = list(MEASURES)
SEEN = np.array([name in OF_68 for name in NAMES])

OWN = {
    "brow_inner_up": "AU01",
    "brow_outer_up": "AU02",
    "lid_widen": "AU05",
    "upper_lip_up": "AU10",
    "smile": "AU12",
    "corner_down": "AU15",
    "lip_stretch": "AU20",
    "jaw_open": "AU25",
    "lid_close": "AU45",
}


def test_the_canonical_face_measures_as_its_mesh_does() -> None:
    found = measure_68(canonical_68())
    assert np.array_equal(np.isnan(found), ~SEEN)
    assert found[SEEN] == pytest.approx(canonical_measures()[SEEN])


def test_a_difference_is_written_in_cm() -> None:
    face = canonical_68().copy()
    face[[48, 54], 1] -= 0.5  # both mouth corners half a centimetre up (y points down)
    change = measure_68(face) - measure_68(canonical_68())
    assert change[NAMES.index("corner")] == pytest.approx(0.5)
    assert np.nansum(np.abs(change)) == pytest.approx(0.5)


def test_what_landmarks_cannot_tell_is_null() -> None:
    face = np.repeat(canonical_68()[None], 5, 0)
    out = columns(measure_68(face))
    null = {name[:4] for name, values in out.items() if values is None}
    assert null == set(UNSEEN) | set(UNSEEN_68)
    assert set(UNSEEN_68) < set(UNITS)
    assert all((values == 0).all() for values in out.values() if values is not None)


def test_the_grid_of_the_network_is_no_expression() -> None:
    # A still face under the jitter of its own box. The crop is 200/195 of the landmarks' width plus
    # height, 64 cells wide; the network answers with a quarter before or behind a cell's middle.
    rng = np.random.default_rng(0)
    face = canonical_68()
    cell = np.ptp(face[:, :2], axis=0).sum() * 200 / 195 / 64
    assert cell == pytest.approx(0.43, abs=0.01)  # cm
    turns = np.radians(rng.normal(size=(1000, 3)) * 2)
    points = np.array([face @ rotation_from_euler(*turn).T for turn in turns])[..., :2]
    start = rng.uniform(0, cell, (len(points), 1, 2))
    cells, part = np.divmod((points - start) / cell, 1)
    seen = 40 * (start + cell * (cells + np.where(part < 0.5, 0.25, 0.75)))
    out = columns(measure_68(in_canonical_68(head_pose_68(seen, 640, 480), seen)))
    for name, values in out.items():
        if name.endswith("_c") and values is not None:
            assert values.mean() < 0.05, name


@pytest.mark.parametrize("person", [Person(), Person.random(1)], ids=["portrait", "person-1"])
def test_planted_motion_is_answered_by_its_own_unit(person: Person) -> None:
    # The mesh's points stand in for the network's: the same 68 places, without depth.
    mediapipe = pytest.importorskip("mediapipe")
    motions = [Motion()] * 10
    for name in OWN:
        motions += [Motion(**{name: 0.5}), *[Motion(**{name: 1.0})] * 3, Motion(), Motion()]
    pictures = [render(motion, person) for motion in motions]
    with mediapipe.solutions.face_mesh.FaceMesh(refine_landmarks=True) as mesher:
        faces = [mesher.process(p).multi_face_landmarks[0].landmark for p in pictures]
    size = pictures[0].shape[0]
    points = landmarks_68(size * np.array([[(p.x, p.y, p.z) for p in f] for f in faces]))[:, :, :2]
    out = columns(measure_68(in_canonical_68(head_pose_68(points, size, size), points)))
    answers = {}
    for name, unit in OWN.items():
        held = [i for i, motion in enumerate(motions) if getattr(motion, name) == 1.0]
        values = out[f"{unit}_r"] if f"{unit}_r" in out else out[f"{unit}_c"]
        assert values is not None
        answers[name] = values[held].mean() - values[:10].mean()
        rise = {
            other: v[held].mean() - v[:10].mean()
            for other, v in out.items()
            if other.endswith("_r") and v is not None
        }
        assert max(rise, key=lambda other: rise[other]) == f"{unit}_r", name
    assert min(answers.values()) > 0.5
