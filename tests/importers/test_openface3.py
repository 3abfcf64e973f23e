"""OpenFace 3's files: lists in cells or wide tables, nameless scores, gaze of doubtful sign."""

import json

import numpy as np
import polars as pl
import pytest

from deptool.check import check_corpus
from deptool.errors import InputError, SchemaError, SettingsError
from deptool.importers import Item, openface3
from deptool.ingest import import_corpus
from deptool.ingest_frames import to_frames
from deptool.settings import resolve
from fixtures import feature_files as files
from fixtures.openface_rows import LANDMARKS, measure

MAP = "AU01,AU06,AU12,AU15,AU17,AU02,AU09,AU10"


def said(*words):
    return resolve(openface3.Settings, words=words)


def frames_of(path, *words):
    """The frames table of a file, and what was noted."""
    settings = said("fps=30", *words)
    rows = openface3.read(Item("a", {"features": path}), settings)
    table, problems = to_frames(rows, path.name)
    return table, rows.notes, problems


@pytest.fixture(params=[files.openface3, files.openface3_wide])
def path(request, tmp_path):
    return request.param(tmp_path / "a.csv", measure(2.0, failing=0))


def test_the_98_points_become_the_68_they_were_made_of(path):
    table, _, problems = frames_of(path, "au=none")
    truth = measure(2.0, failing=0)
    assert problems == ()
    assert np.allclose(table.select(LANDMARKS), truth.select(LANDMARKS), atol=1e-3)
    assert table["timestamp"].to_numpy() == pytest.approx(np.arange(60) / 30)
    assert table["frame"].to_list() == list(range(1, 61))
    assert "AU01_c" not in table.columns
    assert "gaze_angle_x" not in table.columns
    assert "pose_Rx" not in table.columns


def test_scores_without_names_are_refused_until_they_are_named(path, tmp_path):
    for words in ((), ("fps=30",)):
        with pytest.raises(SettingsError, match="does not say which action units") as error:
            said(*words)
        assert "--set au=none" in str(error.value)
        assert f'au="{MAP}"' in str(error.value)
    with pytest.raises(SettingsError, match="eight scores"):
        import_corpus("openface3", path.parent, tmp_path / "corpus")


def test_named_scores_are_presences_by_default(path):
    table, *_ = frames_of(path, f"au={MAP}")
    # The third score is AU12 here, and made of the intensity of AU04 (the third of the source's).
    scores = files.scores(measure(2.0, failing=0), 8)
    assert table["AU12_c"].to_list() == (scores[:, 2] >= 0.5).astype(float).tolist()
    assert table["AU12_r"].null_count() == len(table)
    assert table["AU04_c"].null_count() == len(table)


@pytest.mark.parametrize(("scale", "by"), [("times5", 5), ("intensity", 1)])
def test_scores_as_intensities_are_the_users_own_word(path, scale, by):
    table, *_ = frames_of(path, f"au={MAP}", f"au_scale={scale}")
    scores = files.scores(measure(2.0, failing=0), 8)
    assert table["AU10_r"].to_numpy() == pytest.approx(by * scores[:, 7], abs=1e-5)
    assert (table["AU10_c"].null_count() == 0) == (scale == "times5")


def test_a_score_can_be_left_out_and_presence_alone_has_no_intensity(path):
    table, *_ = frames_of(path, "au=-,28,au2,AU_04,5,6,7,-", "au_scale=times5")
    filled = {c for c in table.columns if c.startswith("AU") and table[c].null_count() == 0}
    assert filled == {"AU28_c"} | {f"AU{n:02}_{e}" for n in (2, 4, 5, 6, 7) for e in "rc"}


@pytest.mark.parametrize(
    ("au", "what"),
    [
        ("AU01,AU02", "names 2 action units, not 8"),
        ("1,2,4,5,6,7,9,11", "'AU11', which has no column"),
        ("1,2,4,5,6,7,9,smile", "'smile', which has no column"),
        ("1,1,4,5,6,7,9,10", "one of them twice"),
    ],
)
def test_a_map_that_cannot_be_is_refused(au, what):
    with pytest.raises(SettingsError, match=what):
        said(f"au={au}")


def test_gaze_is_taken_as_the_user_says_alone(path):
    truth = measure(2.0, failing=0)
    table, *_ = frames_of(path, "au=none", "gaze=-yaw,pitch")
    yaw = truth["gaze_angle_x"].to_numpy()
    assert table["gaze_angle_x"].to_numpy() == pytest.approx(-yaw, abs=1e-5)
    assert table["gaze_angle_y"].to_numpy() == pytest.approx(
        truth["gaze_angle_y"].to_numpy(), abs=1e-5
    )
    assert table["gaze_0_x"].null_count() == len(table)
    table, *_ = frames_of(path, "au=none", "gaze=yaw,-pitch", "gaze_unit=deg")
    assert table["gaze_angle_x"].to_numpy() == pytest.approx(np.radians(yaw), abs=1e-6)


def test_without_a_rate_there_are_no_times(tmp_path):
    files.openface3(tmp_path / "in" / "a.csv", measure(1.0))
    with pytest.raises(InputError, match="does not say when in the video a row was") as error:
        import_corpus("openface3", tmp_path / "in", tmp_path / "corpus", said("au=none"))
    assert "--set fps=30" in str(error.value)
    with pytest.raises(SettingsError, match="fps must be above 0"):
        said("au=none", "fps=0")


def test_a_wide_table_with_seconds_needs_no_rate(tmp_path):
    path = files.openface3_wide(tmp_path / "a.csv", measure(1.0, fps=20.0, failing=0))
    rows = openface3.read(Item("a", {"features": path}), said("au=none"))
    assert rows.table["timestamp"].to_numpy() == pytest.approx(np.arange(20) / 20)


def test_dates_are_no_times_and_are_not_written_anywhere(tmp_path):
    path = files.openface3_wide(tmp_path / "in" / "a.csv", measure(1.0, failing=0))
    lines = path.read_text().split("\n")
    date = "2025-06-12T10:11:12"
    path.write_text("\n".join([lines[0], *(_second(x, date) for x in lines[1:] if x)]) + "\n")
    with pytest.raises(InputError, match="does not say when") as error:
        import_corpus("openface3", path.parent, tmp_path / "corpus", said("au=none"))
    assert "2025" not in str(error.value)
    summary = import_corpus(
        "openface3", path.parent, tmp_path / "corpus", said("au=none", "fps=30")
    )
    assert summary.rows["status"].to_list() == ["ok"]


def _second(line, cell):
    cells = line.split(",")
    return ",".join([cells[0], cell, *cells[2:]])


def test_frames_without_a_face_are_rows_without_values(tmp_path):
    truth = measure(2.0, failing=0.3, seed=3)
    path = files.openface3(tmp_path / "a.csv", truth)
    table, *_ = frames_of(path, f"au={MAP}")
    assert table["success"].to_list() == truth["success"].to_list()
    assert table.filter(pl.col("success") == 0)["x_0"].null_count() == 60 - truth["success"].sum()


def test_gaze_and_scores_are_those_of_the_surest_face(tmp_path):
    path = files.openface3(tmp_path / "a.csv", measure(1.0, failing=0), second_face=True)
    table, notes, _ = frames_of(path, f"au={MAP}", "gaze=yaw,pitch")
    assert notes == ("a.csv: up to 2 faces at once, 2 in all; the most prominent is kept",)
    assert set(table["n_faces"]) == {2}
    assert table["AU01_c"].null_count() == 0  # the surest is the large one here
    # Without the large face, the small one is kept, and nobody measured its action units.
    lines = path.read_text().split("\n")
    path.write_text("\n".join([lines[0], *lines[2::2]]) + "\n")
    table, *_ = frames_of(path, f"au={MAP}", "gaze=yaw,pitch")
    assert table["success"].sum() == len(table) == 30
    assert table["AU01_c"].null_count() == table["gaze_angle_x"].null_count() == 30


def test_a_list_that_is_none_is_a_problem_with_file_and_line(tmp_path):
    path = files.openface3(tmp_path / "a.csv", measure(1.0, failing=0))
    lines = path.read_text().split("\n")
    lines[3] = lines[3].replace(json.dumps(files.wflw(measure(1.0, failing=0))[2].tolist()), "[1]")
    path.write_text("\n".join(lines))
    table, _, problems = frames_of(path, "au=none")
    assert problems == ("a.csv, line 4, column landmarks: is not a list of 196 numbers",)
    assert table["x_0"].null_count() == 1


@pytest.mark.parametrize(
    ("header", "what"),
    [
        ("frame,gaze_yaw,gaze_pitch,AU01_r,AU02_r", "has 2 action units, not 8"),
        ("frame," + ",".join(f"{a}_{i}" for a in "xy" for i in range(68)), "has 68 landmarks"),
        ("frame,age", "is no OpenFace 3 table"),
        ("frame,frame_idx,gaze_yaw,gaze_pitch", "two columns that mean frame"),
    ],
)
def test_tables_of_another_kind_are_refused(tmp_path, header, what):
    path = tmp_path / "a.csv"
    path.write_text(header + "\n" + ",".join("1" for _ in header.split(",")) + "\n")
    with pytest.raises(SchemaError, match=what):
        frames_of(path, "au=none")


def test_the_feature_set_says_what_was_taken_for_what():
    assert openface3.feature_set(said("au=none")) == "openface3-1"
    assert openface3.feature_set(said(f"au={MAP}")) == "openface3-au1.6.12.15.17.2.9.10c-1"
    assert (
        openface3.feature_set(said("au=1,2,4,6,-,10,12,15", "au_scale=times5", "gaze=yaw,-pitch"))
        == "openface3-au1.2.4.6.0.10.12.15x5-gazepm-1"
    )


def test_neither_path_nor_date_is_kept(tmp_path):
    files.openface3(tmp_path / "in" / "face_analysis_a.csv", measure(1.0))
    summary = import_corpus(
        "openface3", tmp_path / "in", tmp_path / "corpus", said("au=none", "fps=30")
    )
    assert summary.rows["recording_id"].to_list() == ["face_analysis_a"]
    assert check_corpus(summary.corpus.root).problems == ()
    assert (tmp_path / "corpus" / "corpus.json").read_text().count("openface3") == 2
