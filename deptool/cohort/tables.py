"""From behaviour to a frames table, as an extractor would write it of such a video.

Where the face rests in the picture, how far away it is, noise of tracking, rows without a face. A
modality that is unreliable for a while is also noisier then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deptool.cohort.behaviour import UNITS, behave
from deptool.cohort.face import deform, person_face, picture, rotations
from deptool.cohort.latent import Latent
from deptool.cohort.persons import Person, Take
from deptool.cohort.settings import Draw, SynthSettings
from deptool.face.action_units import PRESENT
from deptool.face.gaze import gaze_angles
from deptool.schema import AU_INTENSITY, AU_PRESENCE, FRAMES

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]

FPS_SOURCE = 30.0

# Where heads rest: x y z in mm, then pitch, yaw and roll in rad; and how far that varies.
_REST = np.array([0.0, -10.0, 430.0, 0.02, 0.0, 0.0])
_REST_SD = np.array([22.0, 14.0, 28.0, 0.04, 0.05, 0.025])
_REST_FAR = 2.2  # SDs at most

_UNIT_NOISE = 0.15  # SD of action units, of 0-5
_ANGLE_NOISE = 0.006  # rad, of head and gaze
_PLACE_NOISE = 1.5  # mm
_WORSE = 4.0  # times as much more noise where nothing is reliable
_LID_FOLLOWS = 1.1  # share of the eye's opening that the lid takes off for a rad of looking down
_LONGEST_LOSS_S = 2.5


def frames_of(settings: SynthSettings, person: Person, take: Take, latent: Latent) -> pl.DataFrame:
    """The frames table of one recording: a row for each sampled time."""
    times = np.arange(round(settings.seconds * settings.fps)) / settings.fps
    behaviour = behave(latent, times, take.generator(settings, Draw.BEHAVIOUR))
    rng = take.generator(settings, Draw.TRACKING)
    rest = resting_place(settings, person, rng)
    place, angles = rest[:3] + behaviour.sway, rest[3:] + behaviour.turn
    eyes = _in_head(behaviour.gaze, angles)
    lids = (behaviour.closure + _LID_FOLLOWS * eyes[:, 1].clip(-0.2, 0.6)).clip(-0.15, 1)
    face = person_face(np.sqrt(settings.identity) * person.shape)
    units = behaviour.units.copy()
    units[:, UNITS.index("AU45")] = 5 * lids.clip(0, 1)
    faces = deform(face, units, lids)
    points = picture(faces, angles, place, settings.width, settings.height)

    worse = {m: 1 + _WORSE * (1 - latent.reliability_at(m, times)) for m in ("visual", "pose")}
    noise = settings.jitter * settings.picture_scale * worse["visual"]
    points = points + noise[:, None, None] * rng.standard_normal(points.shape)
    columns = {
        **_about(settings, latent, times, rng),
        **_box(points),
        **_named("landmarks", np.swapaxes(points, 1, 2).reshape(len(times), -1)),
        **_named("head_pose", _posed(place, angles, worse["pose"], rng)),
        **_named("gaze", _gaze(behaviour.gaze, worse["pose"], rng)),
        **_units(units, worse["visual"], rng),
    }
    return _table(columns)


def resting_place(settings: SynthSettings, person: Person, rng: np.random.Generator) -> Floats:
    """Where the head rests in a recording: x y z in mm, pitch yaw roll in rad; in part a habit."""
    own = np.sqrt(settings.identity) * person.place
    chance = np.sqrt(1 - settings.identity) * rng.standard_normal(len(_REST))
    found: Floats = _REST + _REST_SD * (own + chance).clip(-_REST_FAR, _REST_FAR)
    return found


def _in_head(gaze: Floats, angles: Floats) -> Floats:
    """Gaze (row, right down) in rad in the camera's axes -> in the head's."""
    turned = np.einsum("nij,ni->nj", rotations(angles), _directions(gaze))
    return np.stack(
        [np.arctan2(turned[:, 0], -turned[:, 2]), np.arctan2(turned[:, 1], -turned[:, 2])], axis=1
    )


def _directions(gaze: Floats) -> Floats:
    """Angles (…, right down) in rad -> unit vectors (…, x y z), (0, 0, -1) into the camera."""
    xy = np.tan(gaze)
    vectors = np.concatenate([xy, -np.ones((*xy.shape[:-1], 1))], axis=-1)
    unit: Floats = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return unit


def _about(
    settings: SynthSettings, latent: Latent, times: Floats, rng: np.random.Generator
) -> dict[str, Any]:
    """Frame, time, confidence, success, status and number of faces of each row."""
    lost, doubtful = _losses(settings, times, rng)
    trust = latent.reliability_at("visual", times)
    good = 0.97 - 0.25 * (1 - trust) - 0.02 * np.abs(rng.standard_normal(len(times)))
    bad = np.where(doubtful, 0.3, 0.02) + 0.02 * rng.random(len(times))
    status = np.where(lost, np.where(doubtful, "low_confidence", "no_face"), "ok")
    return {
        "frame": np.rint(times * max(FPS_SOURCE, settings.fps)).astype(np.int32) + 1,
        "timestamp": times,
        "confidence": np.where(lost, bad, good).clip(0, 1),
        "success": (~lost).astype(np.int32),
        "status": status.tolist(),
        "n_faces": (~lost).astype(np.int32),
    }


def _losses(
    settings: SynthSettings, times: Floats, rng: np.random.Generator
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Rows (row,) in which the face is lost, and those of them in which it is only doubtful."""
    count = rng.poisson(settings.dropouts * settings.seconds / 60)
    begin = rng.random(count) * settings.seconds
    length = rng.exponential(0.7, count).clip(0.1, _LONGEST_LOSS_S)
    unsure = rng.random(count) < 0.3
    inside = (times[:, None] >= begin) & (times[:, None] < begin + length)
    lost = inside.any(axis=1)
    if lost.all():  # a recording shorter than a loss still has a face
        lost[0] = False
    return lost, lost & (inside & unsure).any(axis=1)


def _box(points: Floats) -> dict[str, Floats]:
    """A box around the landmarks and a little more, with some forehead."""
    low, high = points.min(axis=1), points.max(axis=1)
    size = high - low
    x, y = low[:, 0] - 0.04 * size[:, 0], low[:, 1] - 0.3 * size[:, 1]
    w, h = 1.08 * size[:, 0], 1.34 * size[:, 1]
    return {"face_x": x, "face_y": y, "face_w": w, "face_h": h}


def _posed(place: Floats, angles: Floats, worse: Floats, rng: np.random.Generator) -> Floats:
    """Place and angles (row, 6) as they are measured."""
    noise = np.repeat([_PLACE_NOISE, _ANGLE_NOISE], 3)
    seen = np.concatenate([place, angles], axis=1)
    found: Floats = seen + worse[:, None] * noise * rng.standard_normal(seen.shape)
    return found


def _gaze(gaze: Floats, worse: Floats, rng: np.random.Generator) -> Floats:
    """Both eyes' vectors and their mean angles (row, 8) as they are measured."""
    wobble = 2 * _ANGLE_NOISE * worse[:, None, None] * rng.standard_normal((len(gaze), 2, 2))
    eyes = _directions(gaze[:, None, :] + wobble)
    return np.concatenate([eyes.reshape(len(gaze), 6), gaze_angles(eyes)], axis=1)


def _units(units: Floats, worse: Floats, rng: np.random.Generator) -> dict[str, Floats]:
    """Intensities and presences as they are measured: never below 0, present from 1 on."""
    noise = _UNIT_NOISE * worse[:, None] * rng.standard_normal(units.shape)
    seen = dict(zip(UNITS, (units + noise).clip(0, 5).T, strict=True))
    found = {f"{name}_r": seen[name] for name in AU_INTENSITY}
    return found | {f"{name}_c": (seen[name] >= PRESENT).astype(float) for name in AU_PRESENCE}


def _named(group: str, values: Floats) -> dict[str, Floats]:
    return dict(zip((c.name for c in FRAMES.group(group)), values.T, strict=True))


def _table(columns: dict[str, Any]) -> pl.DataFrame:
    """The table; what was not measured is null."""
    import polars as pl

    measured = [c.name for c in FRAMES.columns if c.nullable]
    seen = pl.when(pl.col("success") == 1)
    return pl.DataFrame(columns).with_columns(seen.then(pl.col(name)) for name in measured)
