"""Action units from geometry: formulas on the canonical face, planted motion, a real clip."""

from collections.abc import Iterator

import numpy as np
import pytest

from deptool.face.action_units import (
    MEASURES,
    PRESENT,
    UNITS,
    UNSEEN,
    canonical_measures,
    columns,
    intensities,
    measure,
    personal_neutral,
)
from deptool.face.canonical import canonical_face
from deptool.portrait import FACE_AMOUNTS, Motion, Person, render
from deptool.schema import AU_INTENSITY, AU_PRESENCE
from fixtures.looks import measures

NAMES = list(MEASURES)

# The motion that is each action unit's own. AU06 and AU25 share theirs with AU12 and AU26.
OWN = {
    "brow_inner_up": "AU01",
    "brow_outer_up": "AU02",
    "brow_down": "AU04",
    "lid_widen": "AU05",
    "lid_tighten": "AU07",
    "upper_lip_up": "AU10",
    "smile": "AU12",
    "corner_down": "AU15",
    "lip_stretch": "AU20",
    "jaw_open": "AU25",
    "lid_close": "AU45",
}


def test_every_openface_unit_is_seen_or_said_to_be_unseen() -> None:
    assert set(UNITS) | set(UNSEEN) == set(AU_INTENSITY) | set(AU_PRESENCE)
    assert not set(UNITS) & set(UNSEEN)


def test_the_canonical_face_shows_nothing() -> None:
    found = intensities(np.repeat(canonical_measures()[None], 5, 0))
    assert all((values == 0).all() for values in found.values())


def test_measures_are_distances_on_the_face() -> None:
    face = canonical_face().copy()
    before = dict(zip(NAMES, measure(face), strict=True))
    face[[61, 291], 1] -= 0.5  # both mouth corners half a centimetre up (y points down)
    after = dict(zip(NAMES, measure(face), strict=True))
    assert after["corner"] - before["corner"] == pytest.approx(0.5)
    changed = {name for name in NAMES if abs(after[name] - before[name]) > 1e-9}
    assert changed == {"corner"}  # the corners' distance is horizontal and stays


def test_a_build_within_the_limits_is_no_expression() -> None:
    # Brows 0.3 cm high through the whole recording: within the limit of 0.4 cm.
    measures = np.repeat(canonical_measures()[None], 30, 0)
    measures[:, NAMES.index("brow_inner")] += 0.3
    assert intensities(measures)["AU01"].max() == 0


def test_a_smile_held_through_a_recording_stays() -> None:
    # Corners 0.8 cm up in every frame; the limit takes 0.15 off: (0.65 - 0.12) / 1.38 * 5 = 1.92.
    measures = np.repeat(canonical_measures()[None], 30, 0)
    measures[:, NAMES.index("corner")] += 0.8
    assert intensities(measures)["AU12"] == pytest.approx(1.920, abs=1e-3)


def test_the_neutral_is_read_off_the_quiet_frames() -> None:
    # A fifth of the frames at rest with a build of +0.1, the others smiling.
    measures = np.repeat(canonical_measures()[None], 20, 0)
    corner = NAMES.index("corner")
    measures[:, corner] += 0.1
    measures[4:, corner] += 0.8
    found = personal_neutral(measures) - canonical_measures()
    assert found[corner] == pytest.approx(0.1)
    assert np.delete(found, corner) == pytest.approx(0)


def test_columns_are_openfaces_and_unseen_ones_are_none() -> None:
    measures = np.repeat(canonical_measures()[None], 4, 0)
    measures[2:, NAMES.index("lip_gap")] += 1.0
    out = columns(measures)
    assert list(out) == [f"{a}_r" for a in AU_INTENSITY] + [f"{a}_c" for a in AU_PRESENCE]
    assert {name[:4] for name, values in out.items() if values is None} == set(UNSEEN)
    # (1.0 - 0.1) / 1.5 * 5 = 3.0, present.
    assert out["AU25_r"] == pytest.approx([0, 0, 3.0, 3.0])
    assert out["AU25_c"] == pytest.approx([0, 0, 1, 1])
    assert PRESENT == 1.0


def test_a_recording_without_a_face_gives_empty_columns() -> None:
    out = columns(np.empty((0, len(MEASURES))))
    assert all(values is None or len(values) == 0 for values in out.values())


@pytest.fixture(scope="module", params=[None, 1], ids=["portrait", "person-1"])
def answers(request: pytest.FixtureRequest) -> Iterator[dict[str, dict[str, float]]]:
    """By planted motion, how much each action unit rises over the face at rest."""
    pytest.importorskip("mediapipe")
    person = Person() if request.param is None else Person.random(request.param)
    rest, hold = 10, 6
    motions = [Motion()] * rest
    for name in FACE_AMOUNTS:
        motions += [Motion(**{name: 0.5}), *[Motion(**{name: 1.0})] * hold, Motion(), Motion()]
    units = columns(measures("mediapipe", [render(m, person) for m in motions]).au)
    out: dict[str, dict[str, float]] = {}
    for name in FACE_AMOUNTS:
        held = [i for i, m in enumerate(motions) if getattr(m, name) == 1.0]
        out[name] = {
            au: float(values[held].mean() - values[:rest].mean())
            for au, values in ((au, units[f"{au}_r"]) for au in UNITS)
            if values is not None
        }
    return out


@pytest.mark.parametrize("motion", sorted(OWN))
def test_each_unit_answers_its_own_planted_motion_most(
    answers: dict[str, dict[str, float]], motion: str
) -> None:
    au = OWN[motion]
    own = answers[motion][au]
    assert own > 0.5
    assert au == max(answers[motion], key=lambda name: answers[motion][name])
    assert motion == max(answers, key=lambda name: answers[name][au])


def test_cheek_and_jaw_follow_the_smile_and_the_open_mouth(
    answers: dict[str, dict[str, float]],
) -> None:
    assert max(answers, key=lambda name: answers[name]["AU06"]) == "smile"
    assert max(answers, key=lambda name: answers[name]["AU26"]) == "jaw_open"
