"""py-feat's Fex files: what agrees with the extractor, faces without numbers, coarse times."""

import numpy as np
import polars as pl
import pytest

from deptool.corpus import open_corpus
from deptool.errors import DataError, InputError, SchemaError, SettingsError
from deptool.extractors import py_feat as extractor
from deptool.face.landmarks import landmarks_68
from deptool.face.pose_68 import head_pose_68
from deptool.importers import py_feat
from deptool.ingest import import_corpus
from deptool.ingest_frames import to_frames
from deptool.settings import resolve
from fixtures import feature_files as files
from fixtures.fex_files import FEX_UNITS, fex
from fixtures.openface_rows import LANDMARKS, POSE, measure

DETECTORS = ("0.2", "1", "v1", "v2", "mp")


def frames_of(path, *words):
    """The frames table of one file, and what was noted."""
    settings = resolve(py_feat.Settings, words=words)
    (item,) = py_feat.find(path, settings).items
    rows = py_feat.read(item, settings)
    table, problems = to_frames(rows, path.name)
    assert problems == ()
    return table, rows.notes


@pytest.mark.parametrize("detector", DETECTORS)
def test_every_version_gives_landmarks_boxes_and_presences(tmp_path, detector):
    truth = measure(2.0, failing=0)
    path = fex(tmp_path / "a.csv", truth, detector)
    table, _ = frames_of(path, "fps=30")
    expected = truth.select(LANDMARKS).to_numpy()
    if detector == "mp":  # 478 points, of which the extractor's 68 are taken
        expected = np.swapaxes(landmarks_68(files.meshes(truth)), 1, 2).reshape(60, -1)
    assert np.allclose(table.select(LANDMARKS), expected, atol=1e-3)
    assert table["timestamp"].to_numpy() == pytest.approx(np.arange(60) / 30)
    assert table["frame"].to_list() == list(range(1, 61))
    assert table["confidence"].to_list() == pytest.approx([1.0 if detector == "0.2" else 0.99] * 60)
    assert table["face_w"].null_count() == 0
    for name in ("AU28_c", "AU01_c", "AU26_c"):
        assert table[name].null_count() == 0
    for name in ("AU45_c", "AU01_r", "AU45_r"):  # AU43 is a state and no blink
        assert table[name].null_count() == len(table)
    assert ("pose_Rx" in table.columns) == (detector in ("v1", "v2", "mp"))
    assert "gaze_angle_x" not in table.columns


@pytest.mark.parametrize("scale", ["presence", "times5"])
@pytest.mark.parametrize("detector", ["v1", "v2"])
def test_it_agrees_with_the_extractor(tmp_path, detector, scale):
    truth = measure(1.0, failing=0)
    path = fex(tmp_path / "a.csv", truth, detector)
    table, _ = frames_of(path, f"detector={detector}", f"au_scale={scale}", "fps=30")
    values = files.scores(truth, len(FEX_UNITS))
    seen = values[:, [FEX_UNITS.index(name) for name in extractor.SEEN]]
    for name, column in extractor.columns(seen, scale).items():
        if column is None:
            assert table[name].null_count() == len(table), name
        else:
            assert table[name].to_numpy() == pytest.approx(column, abs=1e-4), name
    points = np.swapaxes(truth.select(LANDMARKS).to_numpy().reshape(-1, 2, 68), 1, 2)
    if detector == "v2":  # the extractor takes its 68 from the mesh
        points = landmarks_68(files.meshes(truth))
    head = head_pose_68(points, files.WIDTH, files.HEIGHT)
    assert np.allclose(table.select(POSE[3:]), head.rotation_rad, atol=2e-3)
    assert np.allclose(table.select(POSE[:3]), head.translation_mm, rtol=2e-3, atol=0.5)
    assert np.allclose(
        table.select(LANDMARKS).to_numpy(), np.swapaxes(points, 1, 2).reshape(30, -1), atol=1e-3
    )
    ours = resolve(py_feat.Settings, words=(f"detector={detector}", f"au_scale={scale}"))
    theirs = extractor.Settings(detector=detector, au_scale=scale)
    assert py_feat.feature_set(ours) == extractor.feature_set(theirs)


def test_values_beyond_0_and_1_are_cut_as_by_the_extractor(tmp_path):
    # Detectorv2's values are cosines, and may lie below 0.
    path = tmp_path / "a.csv"
    path.write_text(
        "FaceRectX,FaceRectY,FaceRectWidth,FaceRectHeight,FaceScore,AU01,AU02,frame\n"
        "1,2,90,90,0.9,-0.3,1.2,0\n1,2,90,90,0.9,0.5,0.499,1\n"
    )
    table, _ = frames_of(path, "fps=30", "au_scale=times5")
    assert table["AU01_r"].to_list() == [0.0, 2.5]
    assert table["AU02_r"].to_list() == [5.0, pytest.approx(2.495)]
    assert table["AU01_c"].to_list() == [0.0, 1.0]
    assert table["AU02_c"].to_list() == [1.0, 0.0]


def test_frames_without_a_face_are_rows_without_values(tmp_path):
    truth = measure(2.0, failing=0.3, seed=2)
    for detector in DETECTORS:
        table, _ = frames_of(fex(tmp_path / "a.csv", truth, detector), "fps=30")
        assert table["success"].to_list() == truth["success"].to_list()
        assert table["n_faces"].to_list() == truth["success"].to_list()
        failed = table.filter(pl.col("success") == 0)
        assert failed["x_0"].null_count() == failed["AU01_c"].null_count() == len(failed)


def test_pictures_are_counted_from_0_wherever_a_file_begins(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(
        "FaceRectX,FaceRectY,FaceRectWidth,FaceRectHeight,FaceScore,AU01,frame\n"
        "1,2,90,90,0.9,0.7,10\n1,2,90,90,0.9,0.7,20\n"
    )
    table, _ = frames_of(path, "fps=10")
    assert table.select("frame", "timestamp").rows() == [(11, 1.0), (21, 2.0)]


def test_a_box_of_nothing_is_no_face(tmp_path):
    # MPDetector writes a box and a score of 0 where it sees nobody.
    path = tmp_path / "a.csv"
    path.write_text(
        "FaceRectX,FaceRectY,FaceRectWidth,FaceRectHeight,FaceScore,AU01,frame\n"
        "0,0,0,0,0,0.7,0\n1,2,90,90,0.9,0.7,1\n"
    )
    table, _ = frames_of(path, "fps=30")
    assert table["success"].to_list() == [0, 1]
    assert table["AU01_c"].to_list() == [None, 1.0]


def test_of_several_faces_one_is_followed_though_their_order_changes(tmp_path):
    truth = measure(2.0, failing=0)
    path = fex(tmp_path / "a.csv", truth, "v1", second_face=True)
    table, notes = frames_of(path, "fps=30")
    assert np.allclose(table.select(LANDMARKS), truth.select(LANDMARKS), atol=1e-3)
    assert set(table["n_faces"]) == {2}
    assert set(table["status"]) == {"ok"}
    assert notes[-1] == "a.csv: up to 2 faces at once, 2 in all; the most prominent is kept"


def test_the_rate_is_found_from_frames_and_whole_seconds(tmp_path):
    path = fex(tmp_path / "a.csv", measure(12.0, fps=25.0, failing=0), "1", fps=25.0)
    table, notes = frames_of(path)
    # The pictures 250 to 274 are shown in second 10: the rate is above 299/12 and at most 25.
    assert notes == ("a.csv: rate 25/s, as between 24.917 and 25 by frame and approx_time",)
    assert table["timestamp"][-1] == pytest.approx(299 / 25)


def test_what_is_too_short_to_tell_needs_the_rate(tmp_path):
    fex(tmp_path / "in" / "a.csv", measure(3.0), "1")
    with pytest.raises(InputError, match="too short to tell its rate") as error:
        import_corpus("py-feat", tmp_path / "in", tmp_path / "corpus")
    assert "--set fps=30" in str(error.value)
    fex(tmp_path / "in" / "a.csv", measure(3.0), "0.2")
    with pytest.raises(InputError, match="has no column approx_time"):
        import_corpus("py-feat", tmp_path / "in", tmp_path / "corpus")


def test_the_pictures_size_is_the_files_own_or_the_users(tmp_path):
    for name in ("1", "v1"):
        fex(tmp_path / "in" / f"{name}.csv", measure(1.0), name)
    found = py_feat.find(tmp_path / "in", py_feat.Settings())
    assert [(i.width, i.height) for i in found.items] == [(None, None), (640, 480)]
    assert not found.frame_known
    assert any("head pose is left out" in note for note in found.notes)
    found = py_feat.find(tmp_path / "in", py_feat.Settings(width=100, height=50))
    assert {(i.width, i.height) for i in found.items} == {(100, 50)}
    assert found.frame_known


def test_no_embedding_and_no_path_is_kept(tmp_path):
    for detector in DETECTORS:
        fex(tmp_path / "in" / f"{detector}.csv", measure(1.0), detector)
    settings = resolve(py_feat.Settings, words=("fps=30",))
    summary = import_corpus("py-feat", tmp_path / "in", tmp_path / "corpus", settings)
    assert any("embeddings (Identity) are never read" in note for note in summary.notes)
    for path in (tmp_path / "corpus" / "frames").iterdir():
        # 0.125 is the value of every Identity column, and of nothing else.
        frames = pl.read_parquet(path)
        assert not [c for c in frames.columns if "dentity" in c or c == "input"]
        assert not (frames.select(pl.col(pl.Float32)) == 0.125).sum().sum_horizontal().item()
    about = open_corpus(tmp_path / "corpus").about
    assert "Identity" in str(about["notes"])
    assert "somebody" not in str(about)


def test_tables_of_another_kind_are_refused(tmp_path):
    path = tmp_path / "a.csv"
    for text, what in (
        ("a,b\n1,2\n", "is no py-feat table"),
        ("FaceRectX,FaceRectY,FaceRectWidth,FaceRectHeight,frame\n1,2,3,4,0\n", "nothing measured"),
        (
            "FaceRectX,FaceRectY,FaceRectWidth,FaceRectHeight,AU01\n1,2,3,4,0\n",
            "has no column frame",
        ),
    ):
        path.write_text(text)
        with pytest.raises(SchemaError, match=what):
            frames_of(path, "fps=30")
    fex(path, measure(1.0), "v1")
    with pytest.raises(SchemaError, match="it is not Detectorv2's"):
        frames_of(path, "fps=30", "detector=v2")


def test_two_mappings_do_not_go_into_one_corpus(tmp_path):
    fex(tmp_path / "in" / "a.csv", measure(1.0), "1")
    one = resolve(py_feat.Settings, words=("fps=30",))
    other = resolve(py_feat.Settings, words=("fps=30", "au_scale=times5"))
    import_corpus("py-feat", tmp_path / "in", tmp_path / "corpus", one)
    with pytest.raises(DataError, match="py-feat-any-1"):
        import_corpus("py-feat", tmp_path / "in", tmp_path / "corpus", other)


def test_settings_that_cannot_be():
    with pytest.raises(SettingsError, match="width and height go together"):
        resolve(py_feat.Settings, words=("height=480",))
    with pytest.raises(SettingsError, match="detector cannot be 'v3'"):
        resolve(py_feat.Settings, words=("detector=v3",))


@pytest.mark.parametrize("written", DETECTORS)
@pytest.mark.parametrize("said", ["v1", "v2", "mp"])
def test_files_of_another_detector_are_refused_by_name(tmp_path, written, said):
    path = fex(tmp_path / "a.csv", measure(0.5, failing=0), written)
    # Before 2.0 there was one kind of detector, whose files have v1's 68 points.
    if said == {"0.2": "v1", "1": "v1"}.get(written, written):
        assert len(frames_of(path, "fps=30", f"detector={said}")[0]) == 15
        return
    name = {"v1": "Detectorv1", "v2": "Detectorv2", "mp": "MPDetector"}
    with pytest.raises(SchemaError, match=f"so it is not {name[said]}'s") as error:
        frames_of(path, "fps=30", f"detector={said}")
    assert f"detector={'v1' if written in ('0.2', '1') else written}" in str(error.value.fix)
