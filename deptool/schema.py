"""The schema: every table, every column, with type, unit, range, meaning and source.

Here and in schema_explained.py columns are defined. `schemas/*.json` and `docs/tables.md` are
generated from it (`deptool schema --write`) and held equal by a test; the writers and readers
in `tables.py` check against it.
"""

from __future__ import annotations

from functools import partial

from deptool.columns import Column, Table
from deptool.scales import SCALES
from deptool.schema_explained import EXPLAINED_MAPS, EXPLAINED_TRACKS, TRACK_KINDS

SCHEMA_VERSION = 3
MOST_RECORDINGS = 1_000_000  # and sessions and persons: what is done for each of them adds up
LONGEST_S = 7 * 24 * 3600  # of a recording: what is made of it grows with its length

AU_INTENSITY = (
    *("AU01", "AU02", "AU04", "AU05", "AU06", "AU07", "AU09", "AU10", "AU12"),
    *("AU14", "AU15", "AU17", "AU20", "AU23", "AU25", "AU26", "AU45"),
)
AU_PRESENCE = (*AU_INTENSITY[:-1], "AU28", "AU45")

AU_NAMES = {
    "AU01": "inner brow raiser",
    "AU02": "outer brow raiser",
    "AU04": "brow lowerer",
    "AU05": "upper lid raiser",
    "AU06": "cheek raiser",
    "AU07": "lid tightener",
    "AU09": "nose wrinkler",
    "AU10": "upper lip raiser",
    "AU12": "lip corner puller",
    "AU14": "dimpler",
    "AU15": "lip corner depressor",
    "AU17": "chin raiser",
    "AU20": "lip stretcher",
    "AU23": "lip tightener",
    "AU25": "lips part",
    "AU26": "jaw drop",
    "AU28": "lip suck",
    "AU45": "blink",
}

FRAME_STATUS = ("ok", "no_face", "low_confidence", "too_small", "ambiguous", "decode_error")
RECORDING_STATUS = (
    *("ok", "no_face", "truncated", "corrupt", "unreadable", "no_video_stream", "failed"),
)
SPLITS = ("train", "dev", "test")

_OPENFACE = "OpenFace 2 (Baltrusaitis et al. 2018), column name and convention"


def _landmarks() -> list[Column]:
    axes = (
        ("x", "from the left edge of the picture to the right"),
        ("y", "from the top edge of the picture down"),
    )
    return [
        Column(
            *(f"{axis}_{i}", "float32", f"landmark {i} of the 68-point scheme, {direction}"),
            unit="px",
            source=_OPENFACE,
            nullable=True,
            group="landmarks",
        )
        for axis, direction in axes
        for i in range(68)
    ]


def _head_pose() -> list[Column]:
    place = {
        "Tx": "head position to the right in the picture",
        "Ty": "head position downwards in the picture",
        "Tz": "head distance from the camera",
    }
    turn = {
        "Rx": "pitch, positive when the nose turns down",
        "Ry": "yaw, positive when the nose turns to the left side of the picture",
        "Rz": "roll, positive when the head tilts clockwise in the picture",
    }
    pi = 3.1415927410125732  # pi as the nearest float32 above it, so that float32 angles fit
    column = partial(Column, dtype="float32", source=_OPENFACE, nullable=True, group="head_pose")
    return [
        *(column(f"pose_{k}", meaning=v, unit="mm") for k, v in place.items()),
        *(column(f"pose_{k}", meaning=v, unit="rad", low=-pi, high=pi) for k, v in turn.items()),
    ]


def _gaze() -> list[Column]:
    eyes = {"0": "the eye on the left side of the picture", "1": "the eye on the right side"}
    axes = {"x": "right", "y": "down", "z": "away from the camera"}
    sides = {"x": "right", "y": "bottom"}
    column = partial(Column, dtype="float32", source=_OPENFACE, nullable=True, group="gaze")
    return [
        *(
            column(
                f"gaze_{e}_{a}",
                meaning=f"gaze direction of {eye}, part pointing {axis}",
                low=-1.0001,
                high=1.0001,
            )
            for e, eye in eyes.items()
            for a, axis in axes.items()
        ),
        *(
            column(
                f"gaze_angle_{a}",
                meaning=f"mean gaze of both eyes, positive to the {side} of the picture",
                unit="rad",
                low=-1.5708,
                high=1.5708,
            )
            for a, side in sides.items()
        ),
    ]


def _action_units() -> list[Column]:
    column = partial(
        Column, dtype="float32", source=_OPENFACE, nullable=True, group="action_units", low=0
    )
    return [
        *(
            column(f"{au}_r", meaning=f"{AU_NAMES[au]}, intensity", unit="0-5", high=5)
            for au in AU_INTENSITY
        ),
        *(
            column(
                f"{au}_c", meaning=f"{AU_NAMES[au]}, presence", unit="0 or 1", high=1, whole=True
            )
            for au in AU_PRESENCE
        ),
    ]


def _box() -> list[Column]:
    meanings = {
        "face_x": "left edge of the face box",
        "face_y": "top edge of the face box",
        "face_w": "width of the face box",
        "face_h": "height of the face box",
    }
    return [Column(k, "float32", v, unit="px", nullable=True) for k, v in meanings.items()]


FRAMES = Table(
    "frames",
    "One row per sampled time of one recording, whether a face is there or not",
    (
        Column("frame", "int32", "number of the picture in the source, from 1", low=1),
        Column(
            *("timestamp", "float32", "time since the first picture of the recording"),
            unit="s",
            low=0,
        ),
        Column(
            *("confidence", "float32", "how sure the extractor is that this is a face"),
            low=0,
            high=1,
        ),
        Column("success", "int32", "1 where the face was measured, else 0", low=0, high=1),
        Column("status", "string", "why the row is what it is", choices=FRAME_STATUS),
        Column("n_faces", "int32", "faces seen at the extractor's last look", low=0),
        *_box(),
        *_landmarks(),
        *_head_pose(),
        *_gaze(),
        *_action_units(),
    ),
    optional=("landmarks", "head_pose", "gaze", "action_units"),
)

TRACKS = Table(
    "tracks",
    "One row per sampled time and face of one recording, where all faces were asked for",
    (
        Column("track", "int32", "a face followed from picture to picture, from 0", low=0),
        Column(
            *("primary", "int32", "1 where the frames table holds this face at this time"),
            low=0,
            high=1,
        ),
        *FRAMES.columns,
    ),
    optional=FRAMES.optional,
)

_IDS = {
    "recording_id": "one video; the name of its frames file",
    "subject_id": "a person, the unit of a split",
    "session_id": "one visit of a person; the unit that a scale is filled in for",
    "task": "what the person was asked to do",
}

RECORDINGS = Table(
    "recordings",
    "One row per recording",
    (
        Column("recording_id", "string", _IDS["recording_id"]),
        Column("subject_id", "string", _IDS["subject_id"], nullable=True),
        Column("session_id", "string", _IDS["session_id"], nullable=True),
        Column("task", "string", _IDS["task"], nullable=True),
        Column("split", "string", "the part of the corpus", choices=SPLITS, nullable=True),
        Column("width", "int32", "width of the upright picture", "px", low=1, nullable=True),
        Column("height", "int32", "height of the upright picture", "px", low=1, nullable=True),
        Column(
            *("fps_source", "float32", "pictures per second as the container states it", "1/s"),
            low=0,
            nullable=True,
        ),
        Column(
            "fps", "float32", "rows per second in the frames table", "1/s", low=0, nullable=True
        ),
        Column("duration_s", "float32", "length that was read", "s", low=0, nullable=True),
        Column("n_frames", "int32", "rows in the frames table", low=0),
        Column("n_success", "int32", "rows with success = 1", low=0),
        Column("n_ambiguous", "int32", "rows with status ambiguous", low=0),
        Column("coverage", "float32", "n_success / n_frames", low=0, high=1),
        Column("extractor", "string", "what made the frames table"),
        Column("feature_set", "string", "name and version of the measured features"),
        Column("status", "string", "how reading the source went", choices=RECORDING_STATUS),
        Column("reason", "string", "what went wrong, in words", nullable=True),
    ),
    most_rows=MOST_RECORDINGS,
)

LABELS = Table(
    "labels",
    "One score per session and scale",
    (
        Column("session_id", "string", _IDS["session_id"]),
        Column("scale", "string", "the questionnaire", choices=tuple(SCALES)),
        Column("score", "float32", "its total score", unit="points", low=0),
    ),
    most_rows=MOST_RECORDINGS,
)

SUBJECTS = Table(
    "subjects",
    "One row per person of whom something is known; there only where a source says it",
    (
        Column("subject_id", "string", _IDS["subject_id"]),
        Column(
            *("gender", "string", "as the source gives it"),
            choices=("female", "male", "other"),
            nullable=True,
        ),
        Column("age", "float32", "at the time of the recordings", "years", 0, 120, nullable=True),
    ),
    most_rows=MOST_RECORDINGS,
)

PREDICTIONS = Table(
    "predictions",
    "One row per recording, fold and seed of a run",
    (
        Column("recording_id", "string", _IDS["recording_id"]),
        Column("subject_id", "string", _IDS["subject_id"], nullable=True),
        Column("session_id", "string", _IDS["session_id"], nullable=True),
        Column("task", "string", _IDS["task"], nullable=True),
        Column(
            *("split", "string", "the part this row was predicted in; new: not in the run's data"),
            choices=(*SPLITS, "new"),
        ),
        Column("fold", "int32", "fold of a cross-validation, 0 for a fixed split", low=0),
        Column("seed", "int32", "seed of the run's member", low=0),
        Column("scale", "string", "the questionnaire", choices=tuple(SCALES)),
        Column("truth", "float32", "its score", unit="points", nullable=True),
        Column("prediction", "float32", "the model's score", unit="points"),
        Column(
            *("train_mean", "float32", "mean training score: the constant predictor"),
            unit="points",
            nullable=True,
        ),
        Column("n_segments", "int32", "segments averaged into the prediction", low=1),
    ),
)

METRICS = Table(
    "metrics",
    "One row per predictor, split and seed; computed once over recording-level predictions. Where"
    " sessions have several recordings: also one row per task, and one over the sessions",
    (
        Column("predictor", "string", "model, or train_mean for the constant predictor"),
        Column("split", "string", "the part that is scored", choices=(*SPLITS, "new")),
        Column("seed", "int32", "seed of the run's member", low=0),
        Column(
            *("unit", "string", "what counts once; a session's prediction is its recordings' mean"),
            choices=("recording", "session"),
        ),
        Column("task", "string", "the one task that is scored, or null for all", nullable=True),
        Column("n", "int32", "predictions scored, of recordings or sessions", low=1),
        Column("n_subjects", "int32", "persons behind them", low=1, nullable=True),
        Column("rmse", "float32", "root mean squared error", unit="points", low=0),
        Column("mae", "float32", "mean absolute error", unit="points", low=0),
        Column("ccc", "float32", "concordance correlation (Lin 1989)", low=-1, high=1),
        Column("pcc", "float32", "Pearson correlation", low=-1, high=1),
        Column("r2", "float32", "1 - SSE/SST", high=1, nullable=True),
        Column("smape", "float32", "symmetric mean absolute percentage error", "%", 0, 200),
    ),
)

HISTORY = Table(
    "history",
    "One row per epoch of one member of a run",
    (
        Column("seed", "int32", "seed of the member", low=0),
        Column("fold", "int32", "fold of a cross-validation, 0 for a fixed split", low=0),
        Column("epoch", "int32", "epoch, from 1", low=1),
        Column("train_loss", "float32", "mean training loss over the epoch's steps"),
        Column("dev_rmse", "float32", "RMSE over dev recordings", "points", 0, nullable=True),
        Column("is_best", "int32", "1 where this epoch was the best so far", low=0, high=1),
    ),
)

RUN_TRACKS = Table(
    "run_tracks",
    "One row per time that a member of a run said something of, in dev and test recordings",
    (
        Column("recording_id", "string", "recording"),
        Column("split", "string", "its part in the member's fold", choices=("dev", "test")),
        Column("fold", "int32", "fold of a cross-validation, 0 for a fixed split", low=0),
        Column("seed", "int32", "seed of the member", low=0),
        Column(
            *("kind", "string", "relevance, modality, time, key_frame or prototype"),
            choices=TRACK_KINDS,
        ),
        Column("name", "string", "which one: a scale, a modality, …"),
        Column("start_s", "float32", "from when", "s", 0),
        Column("end_s", "float32", "to when", "s", 0),
        Column("value", "float32", "as the model has it: see its page"),
    ),
)

TABLES = {
    t.name: t
    for t in (
        *(FRAMES, TRACKS, RECORDINGS, LABELS, SUBJECTS, PREDICTIONS, METRICS, HISTORY),
        *(RUN_TRACKS, EXPLAINED_TRACKS, EXPLAINED_MAPS),
    )
}
