"""OpenFace's files: dialects, any subset of blocks, several faces, failed rows, damage."""

import numpy as np
import polars as pl
import pytest

from deptool.errors import InputError, SchemaError
from deptool.feature_files.openface import gaze_name, plain_name, read, with_gaze_angles
from deptool.importers.openface import Settings
from deptool.ingest import import_corpus
from deptool.schema import FRAMES
from fixtures import feature_files as files
from fixtures.openface_rows import GAZE, LANDMARKS, POSE, measure

GROUPS = ("landmarks", "head_pose", "gaze", "action_units")


def imported(tmp_path, **options):
    """What is imported of tmp_path/source: the summary, and the frames of a.csv."""
    summary = import_corpus("openface", tmp_path / "source", tmp_path / "corpus", **options)
    return summary, summary.corpus.frames("a") if (
        summary.corpus.frames_path("a").is_file()
    ) else None


def row(summary, name="a"):
    return next(r for r in summary.rows.to_dicts() if r["recording_id"] == name)


def put(tmp_path, table, writer=files.openface2, name="a.csv", **options):
    return writer(tmp_path / "source" / name, table, **options)


@pytest.mark.parametrize("spaces", [True, False])
@pytest.mark.parametrize("face_id", [True, False])
def test_a_whole_file_comes_over_as_it_stands(tmp_path, spaces, face_id):
    table = measure(2.0)
    path = put(tmp_path, table, face_id=face_id, spaces=spaces)
    header = path.read_text().split("\n")[0].split(",")
    assert len(header) == 714 - (not face_id)
    _, frames = imported(tmp_path)
    good = table["success"] == 1
    for name in (*GAZE, *POSE, *LANDMARKS, *files.INTENSITIES, *files.PRESENCES):
        ours, theirs = frames.filter(good)[name], table.filter(good)[name]
        assert np.allclose(ours, theirs, atol=6e-4), name  # the file has three decimals
    assert frames["frame"].to_list() == table["frame"].to_list()
    assert frames["timestamp"].to_numpy() == pytest.approx(table["timestamp"].to_numpy(), abs=1e-5)
    assert {name for name in GROUPS if FRAMES.group(name)[0].name in frames.columns} == {*GROUPS}


@pytest.mark.parametrize(
    ("blocks", "groups"),
    [
        (("2d",), {"landmarks"}),
        (("pose", "3d", "pdm"), {"head_pose"}),
        (("gaze",), {"gaze"}),
        (("aus", "pose"), {"action_units", "head_pose"}),
    ],
)
def test_blocks_that_were_not_asked_for_are_absent(tmp_path, blocks, groups):
    put(tmp_path, measure(1.0), blocks=blocks)
    _, frames = imported(tmp_path)
    there = {name for name in GROUPS if FRAMES.group(name)[0].name in frames.columns}
    assert there == groups


@pytest.mark.parametrize("underscores", [True, False])
def test_openface_1_has_fewer_action_units_and_the_others_are_null(tmp_path, underscores):
    put(tmp_path, measure(1.0), files.openface1, underscores=underscores)
    _, frames = imported(tmp_path)
    given = set(files.OPENFACE_1_UNITS)
    for column in FRAMES.group("action_units"):
        values = frames.filter(frames["success"] == 1)[column.name]
        assert values.null_count() == (0 if column.name in given else len(values)), column.name
    # OpenFace 1 has no gaze angles; they are those of the two vectors' mean, here one vector:
    # atan2(x, -z).
    first = frames.filter(frames["success"] == 1).row(0, named=True)
    angle = np.arctan2(first["gaze_0_x"], -first["gaze_0_z"])
    assert first["gaze_angle_x"] == pytest.approx(angle, abs=1e-6)
    assert first["x_0"] is not None


def test_failed_rows_are_null_and_not_zero(tmp_path):
    table = measure(2.0, failing=0.3, seed=1)
    put(tmp_path, table)
    _, frames = imported(tmp_path)
    failed = frames.filter(table["success"] == 0)
    assert len(failed) > 5
    assert failed["success"].sum() == 0
    assert set(failed["status"]) == {"no_face"}
    assert failed.select(LANDMARKS).null_count().sum_horizontal().item() == 136 * len(failed)
    assert failed["n_faces"].sum() == 0


def test_a_failed_row_with_some_confidence_is_of_low_confidence(tmp_path):
    table = measure(1.0, failing=0).with_columns(
        success=pl.when(pl.col("frame") == 7).then(0).otherwise(1),
        confidence=pl.when(pl.col("frame") == 7).then(0.2).otherwise(0.98),
    )
    put(tmp_path, table)
    _, frames = imported(tmp_path)
    assert frames.filter(pl.col("status") != "ok").select("frame", "status").rows() == [
        (7, "low_confidence")
    ]


def test_negative_intensities_are_null_and_counted(tmp_path):
    # OpenFace writes them where a run was interrupted; -0.001 is rounding, and becomes 0.
    low = pl.when(pl.col("frame") <= 3).then(-0.4).when(pl.col("frame") == 4).then(-0.001)
    table = measure(1.0, failing=0).with_columns(low.otherwise(0.5).alias("AU01_r"))
    put(tmp_path, table)
    summary, frames = imported(tmp_path)
    assert frames["AU01_r"].to_list()[:5] == [None, None, None, 0.0, 0.5]
    assert row(summary)["status"] == "corrupt"
    assert row(summary)["reason"] == (
        "a.csv, line 2, column AU01_r: -0.4 is out of range; 3 such values"
    )


def test_a_gap_in_time_is_noted_and_does_not_change_the_rate(tmp_path):
    put(tmp_path, files.without(measure(4.0, failing=0), 1.0, 1.5))
    summary, frames = imported(tmp_path)
    # 1.000 to 2.500 are left out: the rows at 0.967 and 2.533 are 1.567 s apart.
    assert summary.said["a"] == ("1 gap in time, the longest 1.57 s",)
    assert row(summary)["fps"] == pytest.approx(30, abs=0.05)
    assert row(summary)["status"] == "ok"
    assert len(frames) == 120 - 46


def test_one_wild_time_costs_one_row(tmp_path):
    # A lost decimal point: 0.5 s has become 500 s. The rows after it do not "follow" it.
    table = measure(2.0, failing=0).with_columns(
        timestamp=pl.when(pl.col("frame") == 16).then(500.0).otherwise("timestamp")
    )
    put(tmp_path, table)
    summary, frames = imported(tmp_path)
    assert len(frames) == 59
    assert 16 not in frames["frame"]
    assert "a.csv, line 17: its time (500 s) does not follow; 1 such row" in row(summary)["reason"]


def test_times_that_start_again_keep_the_first_part(tmp_path):
    table = pl.concat([measure(2.0, failing=0), measure(1.0, failing=0)])
    put(tmp_path, table)
    summary, frames = imported(tmp_path)
    assert len(frames) == 60
    assert "line 62: its time (0 s) does not follow; 30 such rows" in row(summary)["reason"]


def test_dates_for_a_clock_are_refused_and_not_repeated(tmp_path):
    put(tmp_path, measure(1.0), name="b.csv")
    put(tmp_path, measure(1.0).with_columns(pl.col("timestamp") + 1_750_000_000))
    summary, frames = imported(tmp_path)
    assert frames is None
    assert row(summary)["status"] == "unreadable"
    assert row(summary)["reason"].startswith("a.csv: its clock tells the date")
    assert "175" not in row(summary)["reason"]


def test_a_cut_off_last_line_is_left_out(tmp_path):
    files.cut_off(put(tmp_path, measure(1.0, failing=0)))
    summary, frames = imported(tmp_path)
    assert len(frames) == 29
    assert row(summary)["status"] == "truncated"
    assert "a.csv, line 31: is cut off: it has " in row(summary)["reason"]


def test_of_two_faces_the_larger_and_longer_one_is_kept(tmp_path):
    # The second is half as large, and alone from 1.5 s on (frame 46); the first has 0.0 to 1.5 s.
    table = files.two_faces(measure(3.0, failing=0), other_from=0.5)
    put(tmp_path, table)
    summary, frames = imported(tmp_path)
    # Areas: face 0 has 45 rows of area A, face 1 has 75 of A / 4: 45 > 18.75.
    assert summary.said["a"][0].startswith("a.csv: 2 faces; face 0 is kept, which is seen longest")
    assert len(frames) == 90
    assert frames["n_faces"].to_list() == [1] * 15 + [2] * 30 + [1] * 45
    assert frames["success"].to_list() == [1] * 45 + [0] * 45
    assert frames["x_30"][20] == pytest.approx(measure(3.0, failing=0)["x_30"][20], abs=1e-3)


def test_another_face_can_be_asked_for(tmp_path):
    put(tmp_path, files.two_faces(measure(3.0, failing=0), other_from=0.5))
    summary, frames = imported(tmp_path, settings=Settings(face=1))
    assert frames["success"].to_list() == [0] * 15 + [1] * 75
    assert "face 1 is kept, as the settings say" in summary.said["a"][0]
    with pytest.raises(SchemaError, match=r"has no face 3; it has 0, 1"):
        read(tmp_path / "source" / "a.csv", face=3)


@pytest.mark.parametrize(("face", "line"), [(0, 10), (1, 11)])
def test_a_problem_of_the_kept_face_names_its_own_line(tmp_path, face, line):
    table = files.two_faces(measure(1.0, failing=0), other_from=0.0)
    bad = (pl.col("frame") == 5) & (pl.col("face_id") == face)
    put(tmp_path, table.with_columns(AU01_r=pl.when(bad).then(9.0).otherwise("AU01_r")))
    summary, _ = imported(tmp_path, settings=Settings(face=face))
    # Two rows per frame below the header: frame 5 has the lines 10 and 11, face 0 first.
    assert f"a.csv, line {line}, column AU01_r: 9 is out of range" in row(summary)["reason"]


def test_pictures_tables_are_refused_with_what_to_do(tmp_path):
    put(tmp_path, measure(1.0), files.face_landmark_img)
    with pytest.raises(InputError, match="FaceLandmarkImg's table of single pictures") as error:
        imported(tmp_path)
    assert "FeatureExtraction" in str(error.value)
    assert not list((tmp_path / "corpus").glob("*.parquet"))


def test_other_files_in_the_folder_are_rows_with_a_reason_and_the_batch_goes_on(tmp_path):
    put(tmp_path, measure(1.0))
    for name, text in {
        "labels.csv": "recording_id,score\na,3\n",
        "empty.csv": "",
        "notes.csv": "hello",
        "bare.csv": "frame,timestamp\n1,0\n",
    }.items():
        (tmp_path / "source" / name).write_text(text)
    put(tmp_path, measure(1.0), files.face_landmark_img, name="pictures.csv")
    summary, frames = imported(tmp_path)
    assert len(frames) == 30
    reasons = {r["recording_id"]: r["reason"] for r in summary.rows.to_dicts()}
    assert reasons.pop("a") is None
    assert reasons["empty"] == "empty.csv: is empty"
    assert reasons["labels"].startswith("labels.csv, line 1: is no OpenFace table")
    assert reasons["bare"].startswith("bare.csv, line 1: holds no column that the schema knows")
    assert reasons["pictures"].startswith("pictures.csv, line 1: is FaceLandmarkImg's")
    assert sorted(summary.failed) == sorted(reasons)
    assert set(summary.rows["status"]) == {"ok", "unreadable"}


def test_recordings_are_called_like_their_paths(tmp_path):
    for name in ("a.csv", "visit 1/a.csv", "visit 2/b.CSV"):
        put(tmp_path, measure(0.5), name=name)
    summary, _ = imported(tmp_path)
    assert sorted(summary.rows["recording_id"]) == ["a", "visit_1__a", "visit_2__b"]


def test_frames_counted_from_0_are_counted_from_1(tmp_path):
    put(tmp_path, measure(1.0).with_columns(pl.col("frame") - 1))
    _, frames = imported(tmp_path)
    assert frames["frame"].to_list() == list(range(1, 31))


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        *((" x0", "x_0"), ("y67", "y_67"), ("x_3", "x_3"), ("Tx", "pose_Tx"), ("Rz", "pose_Rz")),
        *(("detection_success", "success"), ("x_h0", "x_h0"), ("X0", "X0"), ("AU01_r", "AU01_r")),
    ],
)
def test_names_of_other_builds(theirs, ours):
    assert plain_name(theirs) == ours


def test_names_in_a_file_of_gaze():
    assert [gaze_name(n) for n in (" x_0", "z_1", "x_h0", " frame")] == [
        *("gaze_0_x", "gaze_1_z", "x_h0", "frame")
    ]


def test_a_gaze_away_from_the_camera_has_no_angles():
    table = pl.DataFrame({f"gaze_{e}_{a}": [0.0, 0.6] for e in "01" for a in "xyz"}).with_columns(
        pl.Series(f"gaze_{e}_z", [0.8, -0.8]) for e in "01"
    )
    found = with_gaze_angles(table)
    # x = 0.6, z = -0.8: atan2(0.6, 0.8) = 0.6435 rad.
    assert found["gaze_angle_x"].to_list() == [None, pytest.approx(0.6435, abs=1e-4)]


def test_two_spellings_of_one_column_are_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("timestamp, x_0, x0\n0, 1, 2\n")
    with pytest.raises(SchemaError, match="has two columns that mean x_0"):
        read(path)


def test_a_face_that_a_file_lacks_is_an_error(tmp_path):
    put(tmp_path, measure(1.0))  # all rows have face_id 0
    with pytest.raises(InputError, match=r"a\.csv: has no face 9; it has 0"):
        imported(tmp_path, settings=Settings(face=9))
    assert imported(tmp_path, settings=Settings(face=0))[0].n_new == 1


def test_a_file_that_tells_no_faces_apart_has_none_to_ask_for(tmp_path):
    path = put(tmp_path, measure(1.0), face_id=False)
    with pytest.raises(SchemaError, match=r"tells no faces apart .* so it has no face 0"):
        read(path, face=0)
    assert len(read(path).table) == 30
