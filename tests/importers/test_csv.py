"""Any CSV, as a map describes it: units, signs, schemes, ids; errors that name the map's key."""

import numpy as np
import pytest

from deptool.errors import InputError, SchemaError, SettingsError
from deptool.importers import Item
from deptool.importers import csv as importer
from deptool.ingest import import_corpus
from deptool.ingest_frames import to_frames
from deptool.settings import read_toml, resolve
from fixtures import feature_files as files
from fixtures.openface_rows import LANDMARKS, POSE, measure

LEAST = {"feature_set": "toy-1", "time": "t", "columns": {"AU01_r": "smile"}}


def settings_of(**more):
    return resolve(importer.Settings, LEAST | more, where="map.toml")


def frames_of(tmp_path, text, **more):
    path = tmp_path / "a.csv"
    path.write_text(text)
    rows = importer.read(Item("a", {"features": path}), settings_of(**more))
    return to_frames(rows, path.name)


def test_the_whole_example_comes_back_in_the_schemas_units(tmp_path):
    truth = measure(2.0, seed=4)
    files.plain(tmp_path / "in" / "a.csv", truth)
    (tmp_path / "map.toml").write_text(files.PLAIN_MAP)
    settings = resolve(importer.Settings, read_toml(tmp_path / "map.toml"))
    summary = import_corpus("csv", tmp_path / "in", tmp_path / "corpus", settings)
    frames = summary.corpus.frames("a")
    good = truth["success"] == 1
    assert frames["success"].to_list() == truth["success"].to_list()
    for name in (*LANDMARKS, *POSE, "AU12_r"):
        ours, theirs = frames.filter(good)[name], truth.filter(good)[name]
        assert np.allclose(ours, theirs, atol=1e-3), name
    assert frames["timestamp"].to_numpy() == pytest.approx(truth["timestamp"].to_numpy(), abs=1e-5)
    (row,) = summary.rows.to_dicts()
    assert (row["subject_id"], row["session_id"]) == ("P17", None)
    assert (row["width"], row["height"], row["feature_set"]) == (640, 480, "toy-1")
    assert summary.corpus.normalise == "frame"


@pytest.mark.parametrize(
    ("unit", "by"), [("s", 1), ("ms", 1e3), ("us", 1e6), ("ns", 1e9), ("frame", 30)]
)
def test_units_of_time(tmp_path, unit, by):
    fps = {"fps": 30.0} if unit == "frame" else {}
    text = "t,smile\n" + "".join(f"{k * by:.0f},1\n" for k in range(3))
    table, _ = frames_of(tmp_path, text, time_unit=unit, **fps)
    assert table["timestamp"].to_list() == [0, 1, 2]


def test_pictures_can_be_counted_from_another_number(tmp_path):
    text = "t,smile\n100,1\n103,1\n"
    table, _ = frames_of(tmp_path, text, time_unit="frame", fps=30.0, first_frame=100)
    assert table["timestamp"].to_list() == pytest.approx([0, 0.1])
    assert table["frame"].to_list() == [1, 4]


def test_a_clock_that_tells_the_date_can_start_from_its_first_time(tmp_path):
    text = "t,smile\n1750000000.25,1\n1750000000.75,1\n"
    with pytest.raises(SchemaError, match="clock tells the date"):
        frames_of(tmp_path, text)
    table, _ = frames_of(tmp_path, text, from_first=True)
    assert table["timestamp"].to_list() == [0, 0.5]


def test_units_of_angles_and_lengths_and_signs(tmp_path):
    columns = {"pose_Rx": "-p", "pose_Tz": "z", "gaze_angle_x": "g", "gaze_0_x": "-u"}
    text = "t,p,z,g,u\n0,90,0.6,-45,0.5\n"
    more = {"columns": columns, "angle_unit": "deg", "length_unit": "m"}
    row = frames_of(tmp_path, text, **more)[0].row(0, named=True)
    # -90° is -pi/2, 0.6 m are 600 mm, -45° are -pi/4; a direction has no unit.
    assert row["pose_Rx"] == pytest.approx(-np.pi / 2)
    assert row["pose_Tz"] == pytest.approx(600)
    assert row["gaze_angle_x"] == pytest.approx(-np.pi / 4)
    assert row["gaze_0_x"] == pytest.approx(-0.5)


def test_a_column_whose_name_begins_with_a_minus_is_that_column(tmp_path):
    text = "t,-p,p\n0,2,3\n"
    table, _ = frames_of(tmp_path, text, columns={"AU01_r": "-p"})
    assert table["AU01_r"].to_list() == [2]


def test_action_units_by_pattern(tmp_path):
    text = "t,a_1,a_28,a_99,on12,on28\n0,50,9,9,0.4,0.6\n"
    more = {"au_intensity": "a_{n}", "au_full": 100.0, "au_presence": "on{nn}", "columns": {}}
    row = frames_of(tmp_path, text, **more)[0].row(0, named=True)
    # 50 of 100 are 2.5 of 5; AU28 has no intensity, AU99 is none; present from 0.5 on.
    filled = {k: v for k, v in row.items() if k.startswith("AU") and v is not None}
    assert filled == {"AU01_r": 2.5, "AU12_c": 0.0, "AU28_c": 1.0}


@pytest.mark.parametrize(("points", "n"), [("68", 68), ("wflw-98", 98), ("mediapipe-478", 478)])
def test_schemes_of_landmarks(tmp_path, points, n):
    from deptool.face.landmarks import MESH_OF_68
    from deptool.face.wflw import WFLW_OF_68

    text = "t," + ",".join(f"{a}_{k}" for a in "xy" for k in range(n))
    text += "\n0," + ",".join(f"{k / 1000}" for k in range(2 * n)) + "\n"
    size = {"width": 1000, "height": 500, "coordinates": "relative", "points": points}
    table, _ = frames_of(tmp_path, text, x="x_{i}", y="y_{i}", columns={}, **size)
    of = {"68": range(68), "wflw-98": WFLW_OF_68, "mediapipe-478": MESH_OF_68}[points]
    # x of point k is k/1000 of 1000 px, y is (n + k)/1000 of 500 px.
    assert [table[f"x_{i}"][0] for i in range(68)] == pytest.approx([*of])
    assert [table[f"y_{i}"][0] for i in range(68)] == pytest.approx([(n + k) / 2 for k in of])


def test_success_by_column_by_confidence_or_by_what_is_there(tmp_path):
    text = "t,smile,ok,sure\n0,1,1,0.9\n1,1,0,0.7\n2,,1,0.2\n"
    table, _ = frames_of(tmp_path, text)
    assert table["success"].to_list() == [1, 1, 0]
    table, _ = frames_of(tmp_path, text, success="ok", confidence="sure")
    assert table["success"].to_list() == [1, 0, 0]
    assert table["status"].to_list() == ["ok", "low_confidence", "low_confidence"]
    table, _ = frames_of(tmp_path, text, success_from=0.8, confidence="sure")
    assert table["success"].to_list() == [1, 0, 0]


def test_ids_from_names_of_files(tmp_path):
    for name in ("train/P1_2_read.csv", "dev/P2_1_talk.csv", "other.csv"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("t,smile\n0,1\n1,1\n")
    names = r"(?P<split>train|dev)/(?P<subject>P\d+)_(?P<session>\d)_(?P<task>\w+)"
    settings = settings_of(names=names)
    summary = import_corpus("csv", tmp_path / "in", tmp_path / "corpus", settings)
    rows = summary.rows.select("recording_id", "subject_id", "session_id", "task", "split").rows()
    # A visit's number is nobody's own, so the person is put before it.
    assert rows == [
        ("dev__P2_1_talk", "P2", "P2_1", "talk", "dev"),
        ("other", None, None, None, None),
        ("train__P1_2_read", "P1", "P1_2", "read", "train"),
    ]
    assert summary.notes == ("names fits 2 of 3 files; the others have no ids: other",)


def test_ids_from_columns(tmp_path):
    path = tmp_path / "in" / "a.csv"
    path.parent.mkdir()
    path.write_text(
        'who,visit,part,t,smile\n007,"v, 1",validation,0,1\n007,"v, 1",validation,1,1\n'
    )
    settings = settings_of(subject="who", session="visit", split="part")
    summary = import_corpus("csv", tmp_path / "in", tmp_path / "corpus", settings)
    rows = summary.rows.select("subject_id", "session_id", "split").rows()
    assert rows == [("007", "v, 1", "dev")]
    path.write_text("who,visit,part,t,smile\n1,a,dev,0,1\n2,a,dev,1,1\n")
    with pytest.raises(Exception, match="holds several recordings: column who has '1' and '2'"):
        import_corpus("csv", tmp_path / "in", tmp_path / "other", settings)


def test_other_endings(tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("a.txt", "b.TXT", "readme.csv"):
        (tmp_path / "in" / name).write_text("t,smile\n0,1\n1,1\n")
    found = importer.find(tmp_path / "in", settings_of(ending="txt"))
    assert [item.recording_id for item in found.items] == ["a", "b"]
    with pytest.raises(InputError, match=r"holds no files named \*\.tsv"):
        importer.find(tmp_path / "in", settings_of(ending=".tsv"))


def test_other_separators(tmp_path):
    table, _ = frames_of(tmp_path, "t;smile\n0;1\n", separator=";")
    assert table["AU01_r"].to_list() == [1]
    table, _ = frames_of(tmp_path, "t\tsmile\n0\t1\n", separator="\t")
    assert table["AU01_r"].to_list() == [1]


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"time": "clock"}, "lacks the column 'clock', which time names"),
        ({"confidence": "sure"}, "lacks the column 'sure', which confidence names"),
        ({"subject": "who"}, "lacks the column 'who', which subject names"),
        ({"columns": {"AU02_r": "-brow"}}, r"lacks the column 'brow', which columns\.AU02_r names"),
        ({"au_presence": "on{n}"}, r"has no column that au_presence = 'on\{n\}' names"),
        ({"x": "x{i}", "y": "y{i}"}, r"lacks the column 'x0', one of 68 that x = 'x\{i\}' names"),
    ],
)
def test_what_a_file_lacks_is_said_with_the_maps_key(tmp_path, more, what):
    with pytest.raises(SchemaError, match=what) as error:
        frames_of(tmp_path, "t,smile\n0,1\n", **more)
    assert error.value.where == "a.csv, line 1"


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"feature_set": ""}, "feature_set must be the name and version"),
        ({"feature_set": "mytool"}, "feature_set must be the name and version"),
        ({"time": ""}, "time must be the column of the clock"),
        ({"time_unit": "frame"}, "needs fps"),
        ({"time_unit": "minutes"}, "time_unit cannot be 'minutes'"),
        ({"x": "x{i}"}, "x and y go together"),
        ({"x": "x", "y": "y{i}"}, r"x must hold \{i\}"),
        ({"au_intensity": "AU01_r"}, r"au_intensity must hold \{n\} or \{nn\}"),
        ({"au_full": 0.0}, "au_full must be above 0"),
        ({"coordinates": "relative"}, "needs width and height"),
        ({"width": 640}, "width and height go together"),
        ({"separator": ", "}, "separator must be one letter"),
        ({"success": "ok", "success_from": 0.5}, "exclude each other"),
        ({"success_from": 0.5}, "success_from needs confidence"),
        ({"names": "(?P<who>x)"}, "names has a group 'who'; known are"),
        ({"names": "("}, "names is no regular expression"),
        ({"names": "x"}, "names has no group"),
        ({"names": "(?P<subject>x)", "task": "t"}, "exclude each other"),
        ({"columns": {}}, "nothing is mapped"),
        ({"columns": {"AU01r": "a"}}, r"columns\.AU01r is no column .* Did you mean 'AU01_r'"),
        ({"columns": {"timestamp": "a"}}, r"columns\.timestamp is no column of the schema"),
        ({"columns": {"AU01_r": 3}}, r"columns\.AU01_r must be the name of a column"),
        ({"colums": {}}, "unknown setting 'colums'"),
        ({"first_point": "one"}, "first_point must be a whole number"),
    ],
)
def test_a_map_that_cannot_be_names_its_key(more, what):
    with pytest.raises(SettingsError, match=what) as error:
        settings_of(**more)
    assert error.value.where == "map.toml"


def test_intensities_that_end_at_1_are_noted_unless_au_full_is_said(tmp_path):
    (tmp_path / "a.csv").write_text("t,au1\n0,0.2\n1,1\n")
    (item,) = importer.find(tmp_path / "a.csv", settings_of()).items

    def notes(**more):
        return importer.read(item, settings_of(columns={}, au_intensity="au{n}", **more)).notes

    (note,) = notes()
    assert note == "a.csv: no intensity is above 1; if they go from 0 to 1, say au_full = 1.0"
    assert notes(au_full=1.0) == ()
    (tmp_path / "a.csv").write_text("t,au1\n0,0.2\n1,1.5\n")
    assert notes() == ()


@pytest.mark.parametrize(("unit", "odd"), [("s", True), ("ms", False), ("us", True)])
def test_a_rate_that_no_camera_has_is_told(tmp_path, unit, odd):
    # Times 0, 40, 80 …: 25 rows per second in ms, 0.025 taken as s, 25,000 taken as us.
    (tmp_path / "in").mkdir()
    rows = "".join(f"{40 * k},1\n" for k in range(20))
    (tmp_path / "in" / "a.csv").write_text(f"t,smile\n{rows}")
    settings = settings_of(time_unit=unit)
    summary = import_corpus("csv", tmp_path / "in", tmp_path / "c", settings)
    assert list(summary.odd_rates) == (["a"] if odd else [])
