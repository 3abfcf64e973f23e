"""The generator of face videos: planted motion shows where, and only where, it was planted."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from deptool.performance import performance
from deptool.portrait import FACE_AMOUNTS, Motion, Person, render, write_video

pytest.importorskip("cv2")
pytest.importorskip("skimage")

Picture = NDArray[np.uint8]

# Rows of a frame of 320 pixels: a face unit is 0.27 * 320 = 86.4 pixels, and the eyes lie 0.35
# units above the middle, so that height y is row 159.5 + 86.4 * (y - 0.35).
BROWS_AND_EYES = slice(68, 160)  # y from -0.7 to 0.35
MOUTH_AND_CHIN = slice(175, 290)  # y from 0.53 to 1.86


def changed(motion: Motion, person: Person) -> NDArray[np.bool_]:
    """Which pixels (row, column) of a frame differ from the face at rest."""
    return np.asarray((render(motion, person) != render(Motion(), person)).any(-1))


def test_a_frame_is_a_colour_picture_of_the_asked_size() -> None:
    for size in (64, 161, 320):
        frame = render(Motion(), size=size)
        assert frame.shape == (size, size, 3)
        assert frame.dtype == np.uint8


def test_the_same_motion_and_person_give_the_same_frame() -> None:
    motion = Motion(smile=0.4, lid_close=0.7, roll_deg=3.0)
    first = render(motion, Person.random(4))
    render(Motion(jaw_open=1.0), Person.random(4))  # a frame must leave nothing behind
    assert np.array_equal(first, render(motion, Person.random(4)))
    assert not np.array_equal(first, render(motion, Person.random(5)))


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
@pytest.mark.parametrize(
    ("name", "still"),
    [
        ("brow_inner_up", MOUTH_AND_CHIN),
        ("brow_outer_up", MOUTH_AND_CHIN),
        ("brow_down", MOUTH_AND_CHIN),
        ("lid_close", MOUTH_AND_CHIN),
        ("lid_widen", MOUTH_AND_CHIN),
        ("corner_down", slice(0, 150)),
        ("jaw_open", slice(0, 150)),
        ("pucker", slice(0, 150)),
        ("smile", slice(0, 135)),  # the cheeks rise with it
        ("nose_wrinkle", slice(0, 130)),
    ],
)
def test_a_motion_leaves_the_rest_of_the_face_alone(name: str, still: slice, seed: int) -> None:
    moved = changed(Motion(**{name: 1.0}), Person.random(seed))
    assert moved.sum() > 300  # of 102400 pixels; an eye's opening alone has about 250
    assert not moved[still].any()


def test_closing_lids_change_the_two_eyes_only_and_hide_their_dark_pupils() -> None:
    moved = np.flatnonzero(changed(Motion(lid_close=1.0), Person()).any(0))
    # The outer eye corners lie half a face unit, 43.2 pixels, from the middle column; the inner
    # ones 0.195 and 0.187 units, 16.8 and 16.2 pixels.  Resampling reaches 2 pixels further.
    assert moved.min() >= 159.5 - 43.2 - 2
    assert moved.max() <= 159.5 + 43.2 + 2
    assert not ((moved > 159.5 - 16.8 + 2) & (moved < 159.5 + 16.2 - 2)).any()
    # The pupils are at mid height of the openings, (0.055 - 0.058) / 2, so in row 129.
    pupil = (slice(127, 132), slice(128, 135))
    open_eye, shut_eye = render(Motion())[pupil], render(Motion(lid_close=1.0))[pupil]
    assert shut_eye.mean() > open_eye.mean() + 40


def test_an_opening_jaw_uncovers_a_dark_mouth_that_grows() -> None:
    amounts = (0.0, 0.25, 0.5, 0.75, 1.0)
    dark = [
        int((render(Motion(jaw_open=amount))[180:235, 120:200].max(-1) < 60).sum())
        for amount in amounts
    ]
    assert all(more > less for less, more in pairwise(dark))
    # At 1 the lips part by 0.32 units = 28 pixels in the middle of a mouth some 45 pixels wide.
    assert dark[-1] > 0.5 * 28 * 45


@pytest.mark.parametrize("person", [Person(), Person(mirrored=True)])
def test_roll_turns_the_picture_clockwise_by_the_planted_angle(person: Person) -> None:
    # Turning a quarter is exact: what was up is then on the right, as numpy's rot90 says.
    upright, turned = render(Motion(), person), render(Motion(roll_deg=90.0), person)
    difference = np.abs(np.rot90(upright, -1).astype(int) - turned)
    assert difference.mean() < 1.0
    # 30 degrees: a point r right of the middle moves to (r cos 30, r sin 30), downwards.
    tilted = render(Motion(roll_deg=30.0), person)
    for r in (20, 40, 60, 80):
        column, row = round(159.5 + r * 0.8660), round(159.5 + r * 0.5)
        here = upright[158:162, 158 + r : 162 + r].mean((0, 1))
        there = tilted[row - 2 : row + 2, column - 2 : column + 2].mean((0, 1))
        assert np.abs(here - there).max() < 12


def test_shift_moves_the_picture_by_fractions_of_its_width() -> None:
    # 0.1 and 0.05 of 320 pixels are 32 to the right and 16 down.
    still, moved = render(Motion()), render(Motion(shift_x=0.1, shift_y=0.05))
    assert np.array_equal(moved[16:, 32:], still[:-16, :-32])


def test_a_mirrored_person_is_the_mirror_image_and_keeps_yaw_in_picture_terms() -> None:
    assert np.array_equal(render(Motion(), Person(mirrored=True)), render(Motion())[:, ::-1])
    # Turning to the picture's right mirrors into turning to its left.
    left = render(Motion(yaw_deg=-8.0), Person(mirrored=True))
    assert np.abs(left[:, ::-1].astype(int) - render(Motion(yaw_deg=8.0))).max() <= 1


def test_tint_and_brightness_scale_the_colours() -> None:
    plain = render(Motion())[:60, :60].mean((0, 1))  # background, far from white
    tinted = render(Motion(), Person(tint=(1.0, 0.5, 1.0), brightness=0.8))[:60, :60].mean((0, 1))
    np.testing.assert_allclose(tinted, plain * [0.8, 0.4, 0.8], atol=1.0)


def test_a_face_amount_outside_its_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"smile must lie in 0\.\.1, got 1\.5"):
        Motion(smile=1.5)
    with pytest.raises(ValueError, match="lid_close"):
        Motion(lid_close=-0.1)


def test_people_differ_by_seed_and_only_by_seed() -> None:
    people = [Person.random(seed) for seed in range(20)]
    assert people == [Person.random(seed) for seed in range(20)]
    assert len(set(people)) == 20
    assert {person.mirrored for person in people} == {True, False}


def amounts(motions: list[Motion]) -> NDArray[np.float64]:
    """The face amounts but blinks, which do not follow the intensity: (frame, amount)."""
    names = [name for name in FACE_AMOUNTS if name != "lid_close"]
    return np.array([[getattr(motion, name) for name in names] for motion in motions])


def test_a_performance_moves_more_the_higher_its_intensity() -> None:
    for seed in range(5):
        travel = [
            np.abs(np.diff(amounts(performance(intensity, 30.0, 12, seed)), axis=0)).sum()
            for intensity in (0.0, 0.25, 0.5, 1.0)
        ]
        assert all(more > 1.3 * less for less, more in pairwise(travel))
        # Everything but blinks is scaled by 0.06 + 0.94 * intensity: 1 to 0.06 between the ends.
        assert travel[3] / travel[0] == pytest.approx(1 / 0.06)


def test_a_performance_is_smooth_and_the_same_in_time_at_any_frame_rate() -> None:
    slow, fast = performance(1.0, 20.0, 12, 7), performance(1.0, 20.0, 48, 7)
    assert len(slow) == 240
    assert len(fast) == 960
    assert slow == fast[::4]
    # Bursts below 0.4 Hz: no amount but the talking jaw's may jump within a 48th of a second.
    jaw = [name for name in FACE_AMOUNTS if name != "lid_close"].index("jaw_open")
    steps = np.abs(np.diff(np.delete(amounts(fast), jaw, axis=1), axis=0))
    assert 0.0 < steps.max() < 0.12


def test_a_performance_blinks_fully_a_few_times_whatever_the_intensity() -> None:
    for intensity in (0.0, 1.0):
        shut = np.array([m.lid_close > 0.9 for m in performance(intensity, 60.0, 48, 3)])
        # A gap of 0.4 s and an exponential one of mean 3 s: 60 / 3.4 = 17.6 blinks, sd about 4.
        assert 6 <= int((np.diff(shut.astype(int)) == 1).sum()) <= 30


def test_a_video_comes_back_with_its_frames_times_and_colours(tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    frames = [render(m, size=160) for m in performance(0.8, 1.0, 12, 1)]
    write_video(tmp_path / "face.mp4", frames, fps=12)
    with av.open(str(tmp_path / "face.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.average_rate == 12
        read = [
            (f.pts * stream.time_base, f.to_ndarray(format="rgb24")) for f in container.decode()
        ]
    assert [time for time, _ in read] == [Fraction(i, 12) for i in range(12)]
    for frame, (_, decoded) in zip(frames, read, strict=True):
        assert decoded.shape == frame.shape
        assert np.abs(decoded.astype(int) - frame).mean() < 4.0  # of 255


def test_the_same_frames_give_the_same_bytes(tmp_path: Path) -> None:
    pytest.importorskip("av")
    for name in ("first.mp4", "second.mp4"):
        frames = (render(m, Person.random(2), 96) for m in performance(0.5, 2.0, 15, 2))
        write_video(tmp_path / name, frames, fps=Fraction(15))
    assert (tmp_path / "first.mp4").read_bytes() == (tmp_path / "second.mp4").read_bytes()


def test_a_video_needs_a_frame(tmp_path: Path) -> None:
    pytest.importorskip("av")
    with pytest.raises(ValueError, match="no frames"):
        write_video(tmp_path / "empty.mp4", [])


def test_face_mesh_sees_the_planted_motion() -> None:
    mediapipe = pytest.importorskip("mediapipe")
    mesh = mediapipe.solutions.face_mesh.FaceMesh(static_image_mode=True, refine_landmarks=True)

    def measures(motion: Motion, person: Person) -> dict[str, float]:
        """Distances of mesh points along the face's own axes, in outer-eye-corner distances."""
        landmarks = mesh.process(render(motion, person)).multi_face_landmarks[0].landmark
        points = np.array([[p.x, p.y] for p in landmarks])
        along = points[263] - points[33]
        across = np.array([-along[1], along[0]])
        x, y = (points @ axis / (along @ along) for axis in (along, across))
        eyes = y[[33, 133, 362, 263]].mean()
        return {
            "inner_brow": eyes - y[[55, 285]].mean(),
            "outer_brow": eyes - y[[46, 70, 276, 300]].mean(),
            "lid_gap": (y[145] - y[159] + y[374] - y[386]) / 2,
            "corner_height": eyes - y[[61, 291]].mean(),
            "mouth_width": x[291] - x[61],
            "lip_gap": y[14] - y[13],
            "roll": float(np.degrees(np.arctan2(along[1], along[0]))),
        }

    # Signed floors at about half of what was measured over six people when this was written.
    expected = [
        ("brow_inner_up", "inner_brow", 0.03),
        ("brow_outer_up", "outer_brow", 0.03),
        ("brow_down", "inner_brow", -0.015),
        ("lid_close", "lid_gap", -0.07),
        ("lid_widen", "lid_gap", 0.01),
        ("smile", "corner_height", 0.04),
        ("smile", "mouth_width", 0.09),
        ("corner_down", "corner_height", -0.04),
        ("jaw_open", "lip_gap", 0.15),
        ("pucker", "mouth_width", -0.05),
    ]
    brows = {"brow_inner_up", "brow_outer_up", "brow_down"}
    for person in (Person(), *map(Person.random, (0, 3, 6, 8))):
        rest = measures(Motion(), person)
        for name, measure, floor in expected:
            seen = measures(Motion(**{name: 1.0}), person)
            assert (seen[measure] - rest[measure]) / floor > 1.0, (name, measure, person)
            if name in brows:
                for other in ("corner_height", "mouth_width", "lip_gap"):
                    assert abs(seen[other] - rest[other]) < 0.035, (name, other, person)
        tilted = measures(Motion(roll_deg=12.0), person)
        assert tilted["roll"] - rest["roll"] == pytest.approx(12.0, abs=1.5)
