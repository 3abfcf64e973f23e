"""Functionals: what they say of planted behaviour, and what they must not depend on."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from deptool import functionals
from deptool.face.pose_68 import canonical_68
from deptool.face.rigid import rotation_from_euler
from deptool.schema import FRAMES
from deptool.steps import find_steps

Floats = NDArray[np.float64]

COLUMNS = {group: [c.name for c in FRAMES.group(group)] for group in FRAMES.optional}


def stamps(rows: int, rate: float = 6.0) -> Floats:
    return np.arange(rows) / rate


def landmarks(moving: Floats) -> Floats:
    """Points (row, 68, x y) -> (row, 136), x first."""
    return np.concatenate([moving[..., 0], moving[..., 1]], axis=1)


def still_face(rows: int) -> Floats:
    """The canonical face's landmarks (row, 68, x y) in cm."""
    return np.repeat(canonical_68()[None, :, :2], rows, axis=0)


def described(group: str, values: Floats, rate: float = 6.0) -> dict[str, float]:
    found = functionals.describe(stamps(len(values), rate), {group: values}, COLUMNS)
    assert found is not None
    return found


def one(group: str, column: str, series: Floats, rate: float = 6.0) -> dict[str, float]:
    """What is said of one column's series, without its name."""
    values = np.zeros((len(series), len(COLUMNS[group])))
    values[:, COLUMNS[group].index(column)] = series
    found = described(group, values, rate)
    return {k.removeprefix(f"{column}."): v for k, v in found.items() if k.startswith(column)}


def recording(rows: int = 90, seed: int = 0) -> dict[str, Floats]:
    """A value for every column, and some rows without any."""
    generator = np.random.default_rng(seed)
    face = still_face(rows) * 20 + 200 + generator.normal(0, 1, (rows, 68, 2))
    groups = {g: generator.uniform(0, 1, (rows, len(c))) for g, c in COLUMNS.items()}
    groups["landmarks"] = landmarks(face)
    for values in groups.values():
        values[[4, 5, 40]] = np.nan
    return groups


# --- action units --------------------------------------------------------------------------


def test_an_intensity_by_hand() -> None:
    # 60 rows in 10 s: 0.5, but for 2.0 in rows 12-17 and 3.0 in rows 30-35.
    series = np.full(60, 0.5)
    series[12:18], series[30:36] = 2.0, 3.0
    found = one("action_units", "AU12_r", series)
    # Mean: (48 * 0.5 + 6 * 2 + 6 * 3) / 60 = 0.9. Squares: (48 * 0.25 + 6 * 4 + 6 * 9) / 60 = 1.5.
    assert found["mean"] == pytest.approx(0.9)
    assert found["sd"] == pytest.approx(math.sqrt(1.5 - 0.81))
    assert (found["p10"], found["p50"]) == (0.5, 0.5)
    # Sorted, rows 54-59 hold 3.0 and 48-53 hold 2.0; p90 lies at 0.9 * 59 = 53.1: 2 + 0.1 * 1.
    assert found["p90"] == pytest.approx(2.1)
    assert found["share"] == pytest.approx(12 / 60)  # above 1
    assert found["per_min"] == pytest.approx(2 / (59 / 6) * 60)  # 2 rises in 59 steps of 1/6 s


def test_a_presence_by_hand() -> None:
    # Two episodes in 10 s: rows 12-17 (1 s) and 30-47 (3 s). Mean 2 s.
    series = np.zeros(60)
    series[12:18] = series[30:48] = 1.0
    found = one("action_units", "AU12_c", series)
    assert found["share"] == pytest.approx(24 / 60)
    assert found["per_min"] == pytest.approx(2 / (59 / 6) * 60)
    assert found["mean_s"] == pytest.approx(2.0)
    assert set(found) == {"share", "per_min", "mean_s"}


def test_an_episode_that_never_comes_has_no_length() -> None:
    found = one("action_units", "AU12_c", np.zeros(60))
    assert (found["share"], found["per_min"]) == (0, 0)
    assert math.isnan(found["mean_s"])


def test_a_rise_behind_a_gap_is_not_counted() -> None:
    series = np.array([0.0] * 20 + [np.nan] + [3.0] * 20)
    found = one("action_units", "AU12_r", series)
    assert found["per_min"] == 0  # nobody saw it rise
    assert found["share"] == pytest.approx(20 / 40)


@given(
    st.lists(st.integers(1, 30), min_size=2, max_size=12),
    st.sampled_from([6, 12, 30]),
)
def test_episodes_are_counted_alike_at_every_rate(sixths: list[int], rate: int) -> None:
    # The face is off, on, off, … for so many sixths of a second each, and once more off.
    lengths = [*sixths, 12] if len(sixths) % 2 == 0 else [*sixths, 12, 12]
    state = [i % 2 for i, length in enumerate(lengths) for _ in range(length * rate // 6)]
    found = one("action_units", "AU12_c", np.array(state, float), rate)
    on = lengths[1::2]
    # Every beginning is seen over a sixth of a second by rate / 6 steps of that length.
    watched = (sum(lengths) * rate // 6 - rate // 6) / rate
    assert found["per_min"] == pytest.approx(60 * len(on) / (watched * rate / (rate // 6) / 6))
    assert found["share"] == pytest.approx(sum(on) / sum(lengths))
    assert found["mean_s"] == pytest.approx(sum(on) / 6 / len(on))


# --- head pose and gaze --------------------------------------------------------------------


def pose(**columns: Floats) -> Floats:
    rows = len(next(iter(columns.values())))
    values = np.zeros((rows, 6))
    for name, series in columns.items():
        values[:, COLUMNS["head_pose"].index(f"pose_{name}")] = series
    return values


@given(st.floats(-1, 1), st.floats(-2, 2))
def test_a_turning_head_has_its_speed(pitch: float, speed: float) -> None:
    # Rx @ Ry @ Rz with Rx fixed: two rotations differ by the yaw alone.
    yaw = speed * stamps(18)  # at most 6 rad: beyond a turn of pi as well
    found = described("head_pose", pose(Rx=np.full(18, pitch), Ry=yaw))
    assert found["head.turn.speed.mean"] == pytest.approx(abs(speed), abs=1e-6)
    assert found["head.turn.speed.sd"] == pytest.approx(0, abs=1e-6)


def test_a_roll_past_pi_is_a_small_turn() -> None:
    roll = np.concatenate([np.full(9, math.pi - 0.01), np.full(9, -math.pi + 0.01)])
    found = described("head_pose", pose(Rz=roll))
    # One step of 17 turns by 0.02 rad in 1/6 s.
    assert found["head.turn.speed.mean"] == pytest.approx(0.02 * 6 / 17)


def test_a_moving_head_has_its_speed_and_no_place() -> None:
    # 30 mm/s to the right and 40 mm/s away are 50 mm/s.
    times = stamps(18)
    found = described("head_pose", pose(Tx=30 * times, Tz=600 + 40 * times))
    assert found["head.move.speed.mean"] == pytest.approx(50)
    far = described("head_pose", pose(Tx=30 * times, Tz=900 + 40 * times))
    assert far == pytest.approx(found)


@pytest.mark.parametrize("angles", list(itertools.product((-0.7, 0.4), repeat=3)))
def test_rotations_are_those_of_the_house(angles: tuple[float, float, float]) -> None:
    found = functionals._rotations(*(np.array([a]) for a in angles))
    assert found[0] == pytest.approx(rotation_from_euler(*angles))


def test_a_pose_without_places_has_no_speed_of_them() -> None:
    turn = 0.1 * stamps(18)[:, None].repeat(3, axis=1)
    columns = {"head_pose": ["pose_Rx", "pose_Ry", "pose_Rz"]}
    found = functionals.describe(stamps(18), {"head_pose": turn}, columns)
    assert found is not None
    assert "head.turn.speed.mean" in found
    assert not [name for name in found if "move" in name or "pose_T" in name]


@given(st.floats(0.01, 0.9))
def test_a_turning_gaze_has_its_speed(speed: float) -> None:
    angle = -0.7 + speed * stamps(9)
    eye = np.stack([np.sin(angle), 0 * angle, -np.cos(angle)], axis=1)
    values = np.concatenate([eye, eye, angle[:, None], 0 * angle[:, None]], axis=1)
    found = functionals.of_gaze(values, COLUMNS["gaze"], find_steps(stamps(9)))
    assert found["gaze.turn.speed.mean"] == pytest.approx(speed)
    assert found["gaze_angle_x.p50"] == pytest.approx(-0.7 + speed * 4 / 6)


# --- landmarks -----------------------------------------------------------------------------


@given(
    st.floats(0.01, 1000),
    st.floats(-3, 3),
    st.floats(-1e3, 1e3),
    st.floats(-1e3, 1e3),
)
@settings(max_examples=25)
def test_place_roll_size_and_divisor_are_not_in_the_features(
    scale: float, roll: float, x: float, y: float
) -> None:
    moving = still_face(30) + np.random.default_rng(1).normal(0, 0.05, (30, 68, 2))
    turned = moving @ np.array(
        [[math.cos(roll), -math.sin(roll)], [math.sin(roll), math.cos(roll)]]
    )
    found = described("landmarks", landmarks(moving))
    other = described("landmarks", landmarks(scale * (turned + np.array([x, y]))))
    assert other == pytest.approx(found, rel=1e-6, abs=1e-8)


def test_a_corpus_normalised_otherwise_has_the_same_features() -> None:
    # As `measured.read` divides: float32, by a picture's 640 or an inter-ocular 87.3.
    px = recording()["landmarks"]
    one, other = (described("landmarks", (px / by).astype(np.float32)) for by in (640, 87.3))
    assert one == pytest.approx(other, rel=1e-3, abs=1e-4)


@given(st.integers(0, 1000))
@settings(max_examples=25)
def test_a_face_at_rest_tells_nothing_whoever_it_is(seed: int) -> None:
    generator = np.random.default_rng(seed)
    somebody = canonical_68()[:, :2] + generator.normal(0, 0.3, (68, 2))
    found = described("landmarks", landmarks(np.repeat(somebody[None], 30, axis=0)))
    assert found == pytest.approx(dict.fromkeys(found, 0.0), abs=1e-9)


def test_a_face_carried_about_moves_as_a_whole_alone() -> None:
    # It rolls by 0.5 rad/s, past pi, and goes 3 of its own cm/s to the right.
    times = stamps(60)
    turn = np.exp(0.5j * times)[:, None]
    face = canonical_68()[:, 0] + 1j * canonical_68()[:, 1]
    moving = 7 * (turn * face + 3 * times[:, None])
    found = described("landmarks", np.concatenate([moving.real, moving.imag], axis=1))
    whole = {"face.roll.speed.mean": 0.5, "face.shift.speed.mean": 3.0}
    assert found == pytest.approx(dict.fromkeys(found, 0.0) | whole, abs=1e-9)


def test_opening_lips_by_hand() -> None:
    # The lower inner lip hangs straight below the upper one and sinks by 0.6 cm/s for 2.5 s.
    face = still_face(16)
    for upper, lower in ((61, 67), (62, 66), (63, 65)):
        face[:, lower] = face[:, upper] + [0.0, 0.1]
        face[:, lower, 1] += 0.6 * stamps(16)
    found = described("landmarks", landmarks(face))
    assert found["face.lip_gap.speed.mean"] == pytest.approx(0.6)
    # Evenly spread over 1.5 cm: a tenth and nine tenths lie 0.6 cm from the middle.
    assert found["face.lip_gap.p10"] == pytest.approx(-0.6)
    assert found["face.lip_gap.p90"] == pytest.approx(0.6)
    # 3 of the mouth's 20 points move; no other region does.
    assert found["face.mouth.speed.mean"] == pytest.approx(0.6 * 3 / 20)
    assert found["face.brows.speed.mean"] == pytest.approx(0, abs=1e-9)


def test_raising_brows_by_hand() -> None:
    face = still_face(16)
    face[:, 17:27, 1] -= 0.2 * stamps(16)[:, None]  # up
    found = described("landmarks", landmarks(face))
    for name in ("brow_inner", "brow_outer", "brows"):
        assert found[f"face.{name}.speed.mean"] == pytest.approx(0.2)


def test_a_face_that_is_one_point_has_no_frame() -> None:
    found = described("landmarks", np.full((20, 136), 5.0))
    assert all(math.isnan(value) for value in found.values())


# --- gaps, rates, names --------------------------------------------------------------------


def test_what_happens_in_a_gap_is_no_motion() -> None:
    face = still_face(41)
    face[21:, 48:68, 1] += 5.0  # the mouth is elsewhere after the gap
    values = landmarks(face)
    values[20] = np.nan
    found = described("landmarks", values)
    assert found["face.mouth.speed.mean"] == pytest.approx(0, abs=1e-9)
    assert found["face.upper_lip.speed.mean"] == pytest.approx(0, abs=1e-9)
    assert found["face.upper_lip.sd"] > 1  # but it was in two places


def smooth(seconds: float, rate: float, width: int, seed: int) -> Floats:
    """Sums of slow waves (row, column), the same at every rate; means 1, SD about 1."""
    generator = np.random.default_rng(seed)
    waves, phases = generator.uniform(0.05, 0.8, (8, width)), generator.uniform(0, 7, (8, width))
    times = stamps(round(seconds * rate), rate)[:, None, None]
    found: Floats = 1 + 0.5 * np.sin(2 * np.pi * waves * times + phases).sum(axis=1)
    return found


def test_30_and_6_rows_a_second_give_nearly_the_same() -> None:
    both = []
    for rate in (30.0, 6.0):
        groups = {g: 0.3 * smooth(300, rate, len(c), 3) for g, c in COLUMNS.items()}
        groups["action_units"] *= 4
        for i, name in enumerate(COLUMNS["action_units"]):
            if name.endswith("_c"):
                groups["action_units"][:, i] = groups["action_units"][:, i] > 1.2
        groups["landmarks"] += landmarks(still_face(len(groups["landmarks"])))
        found = functionals.describe(stamps(round(300 * rate), rate), groups, COLUMNS)
        assert found is not None
        both.append(found)
    fast, slow = both
    assert fast == pytest.approx(slow, rel=0.03, abs=0.05)
    assert fast["AU12_r.per_min"] > 5  # there was something to compare
    assert fast["head.turn.speed.mean"] > 0.1


def test_the_names_do_not_depend_on_the_recording() -> None:
    full = functionals.describe(stamps(90), recording(), COLUMNS)
    groups = recording(seed=1)
    groups["landmarks"][:] = np.nan
    groups["action_units"][:, 3] = np.nan
    partly = functionals.describe(stamps(90), groups, COLUMNS)
    assert full is not None
    assert partly is not None
    assert list(full) == list(partly)
    assert all(type(value) is float for value in (*full.values(), *partly.values()))
    gone = [name for name, value in partly.items() if math.isnan(value)]
    assert all(name.startswith(("face.", COLUMNS["action_units"][3])) for name in gone)
    assert [name for name in gone if name.startswith("face.")] == [
        name for name in full if name.startswith("face.")
    ]


def test_a_group_that_lacks_has_no_features() -> None:
    groups = recording()
    full = functionals.describe(stamps(90), groups, COLUMNS)
    del groups["landmarks"]
    bare = functionals.describe(stamps(90), groups, COLUMNS)
    assert full is not None
    assert bare == {k: v for k, v in full.items() if not k.startswith("face.")}


def test_slow_tables_have_spreads_and_no_speeds() -> None:
    found = functionals.describe(stamps(90, 1.0), recording(), COLUMNS)
    assert found is not None
    for name, value in found.items():
        timed = "speed" in name or name.endswith((".per_min", ".mean_s"))
        assert math.isnan(value) == timed, name


@pytest.mark.parametrize("rows", [0, 1, 2, 11])
def test_less_than_two_seconds_are_not_described(rows: int) -> None:
    groups = {g: v[6 : 6 + rows] for g, v in recording().items()}
    assert functionals.describe(stamps(rows), groups, COLUMNS) is None


def test_two_measured_seconds_are_enough() -> None:
    groups = recording()
    for values in groups.values():
        values[24:] = np.nan  # 24 rows less 2 in a gap: 3.7 s
    assert functionals.describe(stamps(90), groups, COLUMNS) is not None
    for values in groups.values():
        values[12:] = np.nan  # 12 rows less 2 in a gap: 1.7 s
    assert functionals.describe(stamps(90), groups, COLUMNS) is None
