"""What a model is given of a corpus: which columns, and landmarks on which scale."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from deptool import measured
from deptool.corpus import Corpus
from deptool.errors import DataError, InputError
from deptool.measured import LANDMARK_COLUMNS, find_columns
from deptool.schema import FRAMES
from deptool.tables import write_table
from fixtures.tables import NULL_COLUMNS, make_tables_corpus

LANDMARKS = {"landmarks": list(LANDMARK_COLUMNS)}
POSE = [c.name for c in FRAMES.group("head_pose")]
GAZE = [c.name for c in FRAMES.group("gaze")]
UNITS = [c.name for c in FRAMES.group("action_units")]


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    """Two recordings of 2 s at 6 rows per second, 640 x 480, with landmarks and action units."""
    return make_tables_corpus(tmp_path / "toy", n_subjects=2, sessions=1, seconds=2.0)


def rewrite(corpus: Corpus, name: str, **columns: object) -> None:
    """Put these columns, one value or one for each row, into a frames table."""
    table = corpus.frames(name)
    kinds = {c: pl.Int32 if c == "success" else pl.Float32 for c in columns}
    series = [
        pl.Series(c, v if isinstance(v, list) else [v] * len(table), kinds[c])
        for c, v in columns.items()
    ]
    write_table(corpus.frames_path(name), FRAMES, table.with_columns(series))


def drop(corpus: Corpus, name: str, columns: list[str]) -> None:
    write_table(corpus.frames_path(name), FRAMES, corpus.frames(name).drop(columns))


def described(corpus: Corpus, **values: object) -> dict[str, object]:
    """The row of s000_0 in recordings.parquet, with these changes."""
    return {**corpus.recordings().row(0, named=True), **values}


def face(corpus: Corpus, normalise: str | None = None) -> Corpus:
    """s000_0 with a face in every row: all points at (320, 240), but for some of them.

    The outer eye corners, 36 and 45, are (300, 200) and (330, 240): 30 across and 40 down, so 50
    apart; in the last row alone they are 100 apart. Point 8 is the lowest, at (320, 400).
    """
    n = len(corpus.frames("s000_0"))
    points: dict[str, object] = {c: 320.0 if c[0] == "x" else 240.0 for c in LANDMARK_COLUMNS}
    points |= {"x_36": 300.0, "y_36": 200.0, "y_8": 400.0}
    points |= {"x_45": [330.0] * (n - 1) + [360.0], "y_45": [240.0] * (n - 1) + [280.0]}
    rewrite(corpus, "s000_0", **points, success=1, **dict.fromkeys(("AU01_r", "AU02_r"), 1.5))
    return Corpus(corpus.root, {**corpus.about, **({"normalise": normalise} if normalise else {})})


def shares(corpus: Corpus, **values: object) -> dict[str, float]:
    """The first row of s000_0 as a model sees it."""
    _, found = measured.read(corpus, described(corpus, **values), LANDMARKS)
    return dict(zip(LANDMARK_COLUMNS, found[0].tolist(), strict=True))


# --- which columns ------------------------------------------------------------------------


def test_the_columns_of_a_group_that_are_null_throughout_are_left_out(corpus: Corpus) -> None:
    found, null = find_columns(corpus, corpus.recordings(), ["landmarks", "action_units"])
    assert tuple(null) == NULL_COLUMNS
    assert found["landmarks"] == list(LANDMARK_COLUMNS)
    assert found["action_units"] == [c for c in UNITS if c not in NULL_COLUMNS]
    assert len(found["action_units"]) == 33


def test_a_value_in_one_recording_is_enough(corpus: Corpus) -> None:
    rewrite(corpus, "s001_0", AU45_c=1.0)
    found, null = find_columns(corpus, corpus.recordings(), ["action_units"])
    assert "AU45_c" in found["action_units"]
    assert null == ["AU28_c"]


def test_recordings_that_cannot_be_read_say_nothing(corpus: Corpus) -> None:
    rewrite(corpus, "s001_0", AU45_c=1.0)
    table = corpus.recordings().with_columns(
        status=pl.when(pl.col("recording_id") == "s001_0")
        .then(pl.lit("unreadable"))
        .otherwise("status")
    )
    assert "AU45_c" in find_columns(corpus, table, ["action_units"])[1]


def test_groups_come_in_the_order_they_are_asked_for_the_needed_first(corpus: Corpus) -> None:
    found, _ = find_columns(corpus, corpus.recordings(), ["action_units"], ["landmarks"])
    assert list(found) == ["action_units", "landmarks"]


def test_a_welcome_group_may_lack(corpus: Corpus) -> None:
    found, null = find_columns(
        corpus, corpus.recordings(), ["landmarks"], ["action_units", "head_pose", "gaze"]
    )
    assert list(found) == ["landmarks", "action_units"]
    assert tuple(null) == NULL_COLUMNS  # a group that is not there at all is no null column


def test_a_needed_group_may_not_lack(corpus: Corpus) -> None:
    with pytest.raises(DataError, match="no recording has head pose with a value") as caught:
        find_columns(corpus, corpus.recordings(), ["landmarks", "head_pose"])
    assert "corpus 'toy'" in str(caught.value)


def test_every_needed_group_that_lacks_is_named(corpus: Corpus) -> None:
    with pytest.raises(DataError, match="no recording has any head pose or gaze with a value"):
        find_columns(corpus, corpus.recordings(), ["landmarks", "head_pose", "gaze"])


def test_one_of_the_welcome_groups_must_be_there(corpus: Corpus) -> None:
    with pytest.raises(DataError, match="no recording has any head pose or gaze with a value"):
        find_columns(corpus, corpus.recordings(), [], ["head_pose", "gaze"])


def test_columns_that_are_there_but_null_are_not_there(corpus: Corpus) -> None:
    for name in ("s000_0", "s001_0"):
        rewrite(corpus, name, **dict.fromkeys(POSE))
    with pytest.raises(DataError, match="no recording has head pose"):
        find_columns(corpus, corpus.recordings(), ["head_pose"])


def test_a_pose_may_be_of_angles_alone(corpus: Corpus) -> None:
    angles = ["pose_Rx", "pose_Ry", "pose_Rz"]
    rewrite(corpus, "s000_0", **dict.fromkeys(POSE))
    rewrite(corpus, "s000_0", **dict.fromkeys(angles, 0.1))
    found, null = find_columns(corpus, corpus.recordings(), ["head_pose"])
    assert found == {"head_pose": angles}
    assert null == ["pose_Tx", "pose_Ty", "pose_Tz"]


def test_a_gaze_that_lacks_a_column_is_no_gaze(corpus: Corpus) -> None:
    rewrite(corpus, "s000_0", **dict.fromkeys(GAZE, 0.1))
    rewrite(corpus, "s000_0", gaze_1_z=None)
    found, _ = find_columns(corpus, corpus.recordings(), ["landmarks"], ["gaze"])
    assert list(found) == ["landmarks"]


def test_a_table_that_is_lost_is_an_error(corpus: Corpus) -> None:
    corpus.frames_path("s000_0").unlink()
    with pytest.raises(InputError, match="frames table is missing"):
        find_columns(corpus, corpus.recordings(), ["landmarks"])


# --- what a recording lacks ---------------------------------------------------------------


def test_a_recording_that_has_all_groups_lacks_nothing(corpus: Corpus) -> None:
    columns = {**LANDMARKS, "action_units": UNITS}
    assert measured.lacking(corpus, described(corpus), columns) == ""


def test_a_recording_may_lack_groups_that_others_have(corpus: Corpus) -> None:
    columns = {**LANDMARKS, "action_units": UNITS, "head_pose": POSE}
    assert measured.lacking(corpus, described(corpus), columns) == "its table has no head pose"
    drop(corpus, "s000_0", UNITS)
    found = measured.lacking(corpus, described(corpus), columns)
    assert found == "its table has no action units and no head pose"


def test_a_recording_is_unreadable_by_its_status_or_without_rows(corpus: Corpus) -> None:
    assert measured.unreadable(described(corpus)) == ""
    assert measured.unreadable(described(corpus, status="truncated")) == ""
    assert measured.unreadable(described(corpus, status="failed")) == "status failed, 12 rows"
    assert measured.unreadable(described(corpus, n_frames=0)) == "status ok, 0 rows"


# --- values -------------------------------------------------------------------------------


def test_values_stand_in_the_order_of_the_columns(corpus: Corpus) -> None:
    rewrite(corpus, "s000_0", AU01_r=1.0, AU02_r=2.0, success=1)
    columns = {"action_units": ["AU02_r", "AU01_r"]}
    times, values = measured.read(corpus, described(corpus), columns)
    assert values.dtype == np.float32
    assert values.tolist() == [[2.0, 1.0]] * 12
    assert times == pytest.approx(np.arange(12) / 6)


def test_rows_without_success_are_missing(corpus: Corpus) -> None:
    rewrite(corpus, "s000_0", AU01_r=1.0, success=[0, 1] * 6)
    _, values = measured.read(corpus, described(corpus), {"action_units": ["AU01_r"]})
    assert np.isnan(values[:, 0]).tolist() == [True, False] * 6


def test_by_default_landmarks_are_divided_by_the_longer_side(corpus: Corpus) -> None:
    found = shares(face(corpus))
    assert found["x_0"] == pytest.approx(320 / 640)
    assert found["y_8"] == pytest.approx(400 / 640)  # not by 480
    upright = shares(face(corpus), width=480, height=800)
    assert upright["x_0"] == pytest.approx(320 / 800)


def test_without_a_size_landmarks_cannot_be_divided_by_it(corpus: Corpus) -> None:
    with pytest.raises(DataError, match="no width and height") as caught:
        shares(face(corpus), width=None, height=None)
    assert "s000_0" in str(caught.value)


def test_a_width_in_pixels_is_taken_for_every_recording(corpus: Corpus) -> None:
    # What recordings.parquet says of the size does not matter, nor that it says nothing.
    found = shares(face(corpus, "640"), width=None, height=None)
    assert found["x_0"] == pytest.approx(320 / 640)
    assert shares(face(corpus, "1280"))["y_8"] == pytest.approx(400 / 1280)


def test_session_max_divides_by_the_largest_coordinate_of_the_recording(corpus: Corpus) -> None:
    # y_8 = 400 is the largest in every row.
    found = shares(face(corpus, "session-max"), width=None, height=None)
    assert found["y_8"] == pytest.approx(1.0)
    assert found["x_0"] == pytest.approx(320 / 400)


def test_inter_ocular_divides_by_the_median_distance_of_the_eyes(corpus: Corpus) -> None:
    # hypot(30, 40) = 50 in eleven rows and hypot(60, 80) = 100 in one: the median is 50.
    found = shares(face(corpus, "inter-ocular"), width=None, height=None)
    assert found["x_0"] == pytest.approx(320 / 50)
    assert found["y_8"] == pytest.approx(400 / 50)


@pytest.mark.parametrize("how", ["session-max", "inter-ocular"])
def test_rows_without_a_face_do_not_count_for_the_scale(corpus: Corpus, how: str) -> None:
    # The row with numbers like 9000 has success 0, as where a face was lost.
    changed = face(corpus, how)
    before = shares(changed)
    lost = dict.fromkeys(LANDMARK_COLUMNS, 9000.0)
    table = changed.frames("s000_0")
    columns = {c: [*table[c].to_list()[:-1], v] for c, v in lost.items()}
    rewrite(changed, "s000_0", **columns, success=[1] * 11 + [0])
    assert shares(changed) == before


@pytest.mark.parametrize("how", ["frame", "640", "session-max", "inter-ocular"])
def test_a_recording_without_a_face_has_no_numbers_and_is_no_error(
    corpus: Corpus, how: str
) -> None:
    changed = face(corpus, how)
    rewrite(changed, "s000_0", success=0)
    _, values = measured.read(changed, described(changed), LANDMARKS)
    assert np.isnan(values).all()


def test_other_groups_are_never_divided(corpus: Corpus) -> None:
    columns = {"action_units": ["AU01_r"], **LANDMARKS, "head_pose": POSE}
    changed = face(corpus, "session-max")
    rewrite(changed, "s000_0", **dict.fromkeys(POSE, 0.5))
    _, values = measured.read(changed, described(changed), columns)
    assert values[0, 0] == 1.5
    assert values[0, 1] == pytest.approx(320 / 400)
    assert values[0, -6:].tolist() == [0.5] * 6


def test_without_landmarks_no_size_is_needed(corpus: Corpus) -> None:
    recording = described(face(corpus), width=None, height=None)
    _, values = measured.read(corpus, recording, {"action_units": ["AU01_r"]})
    assert values[:, 0].tolist() == [1.5] * 12


# --- what a model file says of it ---------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "words"),
    [
        (None, "max(width, height) of the recording"),
        ("640", "640 px, taken as max(width, height)"),
        ("session-max", "the largest coordinate of the recording"),
        ("inter-ocular", "the median distance of the outer eye corners in the recording"),
    ],
)
def test_the_scale_is_said_in_words(corpus: Corpus, how: str | None, words: str) -> None:
    said = measured.scaling(face(corpus, how))
    assert said == f"x and y divided by {words}; other columns as they are"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        *(("frame", "frame", True), ("frame", "640", True), ("640", "1280", True)),
        *(("frame", "session-max", False), ("session-max", "inter-ocular", False)),
        *(("640", "inter-ocular", False), ("inter-ocular", "inter-ocular", True)),
    ],
)
def test_shares_of_the_picture_are_one_scale(one: str, other: str, same: bool) -> None:
    assert measured.same_scaling(one, other) is same
    assert measured.same_scaling(other, one) is same
