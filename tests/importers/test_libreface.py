"""LibreFace's files: seconds called ms, two scales of intensity, a mesh without a size."""

import numpy as np
import pytest

from deptool.errors import InputError, SettingsError
from deptool.face.landmarks import landmarks_68
from deptool.face.pose import head_pose
from deptool.importers import Item, libreface
from deptool.ingest import import_corpus
from deptool.ingest_frames import to_frames
from deptool.schema import FRAMES
from deptool.settings import resolve
from fixtures import feature_files as files
from fixtures.openface_rows import LANDMARKS, POSE, measure

SIZE = (f"width={files.WIDTH}", f"height={files.HEIGHT}")


def frames_of(path, *words):
    settings = resolve(libreface.Settings, words=words)
    item = Item("a", {"features": path}, width=settings.width, height=settings.height)
    rows = libreface.read(item, settings)
    return *to_frames(rows, path.name), rows.notes


@pytest.fixture
def path(tmp_path):
    return files.libreface(tmp_path / "a.csv", measure(2.0, failing=0))


def test_action_units_come_over_as_they_stand(path):
    table, problems, _ = frames_of(path)
    truth = measure(2.0, failing=0)
    assert problems == ()
    for n in files.RATED:
        name = f"AU{n:02}_r"
        assert table[name].to_numpy() == pytest.approx(truth[name].to_numpy(), abs=1e-4), name
    for n in files.DETECTED[:-1]:
        assert table[f"AU{n:02}_c"].null_count() == 0
    # 10, 14 and 45 are not rated, 5 not detected; 24 has no column here.
    for name in ("AU10_r", "AU14_r", "AU45_r", "AU05_c"):
        assert table[name].null_count() == len(table)


def test_without_the_pictures_size_the_points_are_left_out(path):
    table, *_ = frames_of(path)
    assert {"x_0", "pose_Rx", "gaze_0_x"} & set(table.columns) == set()


def test_with_it_they_are_those_of_the_mesh_in_px(path):
    table, *_ = frames_of(path, *SIZE)
    meshes = files.meshes(measure(2.0, failing=0))
    flat = np.swapaxes(landmarks_68(meshes), 1, 2).reshape(len(meshes), -1)
    assert np.allclose(table.select(LANDMARKS), flat, atol=1e-3)
    head = head_pose(meshes, files.WIDTH, files.HEIGHT)
    assert np.allclose(table.select(POSE[:3]), head.translation_mm, atol=0.05)
    assert np.allclose(table.select(POSE[3:]), head.rotation_rad, atol=1e-4)
    # The canonical face looks straight into the camera: (0, 0, -1), to the files' six digits.
    assert np.allclose(table.select("gaze_0_x", "gaze_0_y", "gaze_0_z"), [0, 0, -1], atol=1e-3)


@pytest.mark.parametrize("milliseconds", [True, False])
def test_seconds_are_seconds_whatever_their_column_is_called(tmp_path, milliseconds):
    table = measure(2.0, failing=0)
    path = files.libreface(tmp_path / "a.csv", table, milliseconds=milliseconds)
    assert frames_of(path)[0]["timestamp"].to_numpy() == pytest.approx(
        table["timestamp"].to_numpy(), abs=1e-5
    )


def test_the_unit_of_time_and_the_rate_can_be_said(path):
    assert frames_of(path, "time_unit=ms")[0]["timestamp"][-1] == pytest.approx(1.967e-3)
    assert frames_of(path, "fps=10")[0]["timestamp"][-1] == pytest.approx(5.9)


def test_frames_without_a_face_have_no_row(tmp_path):
    truth = measure(2.0, failing=0.2, seed=5)
    table, *_ = frames_of(files.libreface(tmp_path / "a.csv", truth))
    assert len(table) == truth["success"].sum() < 60
    assert table["frame"].to_list() == truth.filter(truth["success"] == 1)["frame"].to_list()


def test_intensities_from_0_to_1_are_suspected_and_can_be_said(tmp_path):
    low = measure(2.0, failing=0, lively=0.1)
    names = [f"AU{n:02}_r" for n in files.RATED]
    low = low.with_columns(low.select(names) / 5)
    path = files.libreface(tmp_path / "a.csv", low)
    _, _, notes = frames_of(path)
    assert notes == (
        "a.csv: no intensity is above 1; if they go from 0 to 1, give --set au_scale=0-1",
    )
    table, _, notes = frames_of(path, "au_scale=0-1")
    assert notes == ()
    assert table["AU12_r"].to_numpy() == pytest.approx(5 * low["AU12_r"].to_numpy(), abs=1e-4)
    settings = resolve(libreface.Settings, words=("au_scale=0-1",))
    assert libreface.feature_set(settings) != libreface.feature_set(libreface.Settings())


def test_half_a_mesh_is_no_face(tmp_path, path):
    lines = path.read_text().split("\n")
    place = lines[0].split(",").index(f"lm_mp_{libreface.POINTS[0]}_x")
    cells = lines[2].split(",")
    cells[place] = "nan"
    lines[2] = ",".join(cells)
    path.write_text("\n".join(lines))
    table, *_ = frames_of(path, *SIZE)
    assert table["x_0"].null_count() == 1
    assert table["AU12_r"].null_count() == 0


def test_a_table_without_a_mesh_says_so(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("frame_idx,frame_time_in_ms,au_1,au_1_intensity\n0,0,1,2.5\n1,0.04,0,1\n")
    table, _, notes = frames_of(path, *SIZE)
    assert table["AU01_r"].to_list() == [2.5, 1.0]
    assert notes == ("a.csv: has no mesh of 478 points",)


def test_the_table_of_one_picture_is_refused(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_text("pitch,au_1,au_1_intensity\n3,1,2.5\n")
    with pytest.raises(InputError, match="has no column frame_time_in_ms") as error:
        import_corpus("libreface", tmp_path / "in", tmp_path / "corpus")
    assert "fps=30" in str(error.value)


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("width=640",), "width and height go together"),
        (("width=640", "height=0"), "height must be above 0"),
        (("fps=-1",), "fps must be above 0"),
        (("au_scale=0-100",), "au_scale cannot be '0-100'"),
    ],
)
def test_settings_that_cannot_be(words, what):
    with pytest.raises(SettingsError, match=what):
        resolve(libreface.Settings, words=words)


def test_the_size_is_the_recordings(tmp_path, path):
    settings = resolve(libreface.Settings, words=SIZE)
    summary = import_corpus("libreface", path, tmp_path / "corpus", settings)
    assert summary.rows.select("width", "height").rows() == [(640, 480)]
    assert summary.corpus.normalise == "frame"
    assert {c.name for c in FRAMES.group("gaze")} <= set(summary.corpus.frames("a").columns)
