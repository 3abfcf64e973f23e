"""Exporting a corpus to other tools' CSV files, and `deptool export`."""

import csv
import json
import math
import struct

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from deptool.check import check_corpus
from deptool.cli.main import app
from deptool.corpus import create_corpus, empty
from deptool.errors import DataError, InputError, SchemaError, UsageError
from deptool.export import MARKER, PRIVACY, export_corpus
from deptool.export_formats import FORMATS, Choices, fex, openface
from deptool.extractors import py_feat
from deptool.importers import py_feat as import_py_feat
from deptool.ingest import import_corpus
from deptool.label import HEADER, join_labels
from deptool.schema import AU_INTENSITY, AU_PRESENCE, FRAMES, RECORDINGS
from deptool.tables import write_table
from fixtures.tables import make_tables_corpus

GROUPS = ("gaze", "head_pose", "landmarks", "action_units")


def make_frames(n=4, seed=0, groups=GROUPS, unmeasured=(2,), **columns):
    """A frames table with random values inside each column's range; `columns` overrides some."""
    generator = np.random.default_rng(seed)
    good = np.array([k not in unmeasured for k in range(n)])
    made = {}
    for column in FRAMES.columns:
        low = -500 if column.low is None else column.low
        high = 500 if column.high is None else column.high
        if column.group in ("base", *groups) and column.dtype != "string":
            made[column.name] = generator.uniform(low, high, n).astype(np.float32)
            made[column.name] = made[column.name].round() if column.whole else made[column.name]
    made |= {"frame": np.arange(1, n + 1), "timestamp": np.arange(n) / np.float32(30)}
    made |= {"success": good.astype(int), "n_faces": good.astype(int)}
    made |= {"status": np.where(good, "ok", "no_face").tolist()}
    table = pl.DataFrame(made).with_columns(**columns)
    hidden = [c.name for c in FRAMES.columns if c.nullable and c.name in table.columns]
    measured = pl.when(pl.col("success") == 1)
    kept = [measured.then(pl.col(name)).cast(pl.Float32).alias(name) for name in hidden]
    return table.with_columns(kept).select(
        c.name for c in FRAMES.columns if c.name in table.columns
    )


def make_corpus(root, feature_set="openface-2", **tables):
    """A corpus of these frames tables, recording by recording."""
    corpus = create_corpus(root / "corpus", feature_set, {"fps": 30})
    schema = empty(RECORDINGS).schema
    same = dict.fromkeys(schema) | {"extractor": "test", "feature_set": feature_set, "status": "ok"}
    rows = []
    for name, table in tables.items():
        write_table(corpus.frames_path(name), FRAMES, table)
        n, good = len(table), int(table["success"].sum())
        counts = {"n_frames": n, "n_success": good, "n_ambiguous": 0, "coverage": good / n}
        rows.append(same | counts | {"recording_id": name})
    corpus.write_recordings(pl.DataFrame(rows, schema=schema))
    return corpus


def cells(path):
    """Header and rows, every cell as text."""
    with path.open(newline="") as file:
        header, *rows = csv.reader(file)
    return header, [dict(zip(header, row, strict=True)) for row in rows]


def test_openface_columns_have_openface_names_and_order(tmp_path):
    export_corpus(make_corpus(tmp_path, a=make_frames()), "openface-csv", tmp_path / "out")
    header, rows = cells(tmp_path / "out" / "a.csv")
    # FeatureExtraction of OpenFace 2.2 with -gaze -pose -2Dfp -aus, without the eyes' landmarks
    # that we do not have: 5 + 8 + 6 + 136 + 17 + 18 columns.
    assert len(header) == 190
    assert header[:5] == ["frame", "face_id", "timestamp", "confidence", "success"]
    assert header[5:13] == [
        *(f"gaze_{eye}_{axis}" for eye in "01" for axis in "xyz"),
        *("gaze_angle_x", "gaze_angle_y"),
    ]
    assert header[13:19] == ["pose_Tx", "pose_Ty", "pose_Tz", "pose_Rx", "pose_Ry", "pose_Rz"]
    assert header[19:155] == [f"{axis}_{i}" for axis in "xy" for i in range(68)]
    assert header[155:] == [*(f"{u}_r" for u in AU_INTENSITY), *(f"{u}_c" for u in AU_PRESENCE)]
    assert [row["frame"] for row in rows] == ["1", "2", "3", "4"]
    assert {row["face_id"] for row in rows} == {"0"}


def test_rows_that_were_not_measured_are_zeros_in_openface(tmp_path):
    export_corpus(make_corpus(tmp_path, a=make_frames()), "openface-csv", tmp_path / "out")
    _, rows = cells(tmp_path / "out" / "a.csv")
    assert [row["success"] for row in rows] == ["1", "1", "0", "1"]
    failed = [float(value) for name, value in rows[2].items() if name not in list(rows[2])[:5]]
    assert failed == [0.0] * 185


def test_only_the_groups_that_the_table_has_are_written(tmp_path):
    corpus = make_corpus(tmp_path, a=make_frames(groups=("head_pose",)))
    export_corpus(corpus, "openface-csv", tmp_path / "out")
    header, _ = cells(tmp_path / "out" / "a.csv")
    assert len(header) == 5 + 6
    assert header[5:] == [c.name for c in FRAMES.group("head_pose")]


def test_a_column_that_was_never_measured_is_left_out_and_said(tmp_path):
    # As in DAIC-WOZ: no AU07 at all. In b, AU07_c has values, and AU07_r lacks in one row only.
    nothing = pl.lit(None, pl.Float32)
    some = pl.when(pl.col("frame") == 1).then(1.5)
    corpus = make_corpus(
        tmp_path,
        a=make_frames(AU07_r=nothing, AU07_c=nothing),
        b=make_frames(AU07_r=some),
    )
    summary = export_corpus(corpus, "openface-csv", tmp_path / "out")
    header, _ = cells(tmp_path / "out" / "a.csv")
    assert not {"AU07_r", "AU07_c"} & set(header)
    assert summary.left_out == {"AU07_r": ("a",), "AU07_c": ("a",)}
    _, rows = cells(tmp_path / "out" / "b.csv")
    # Row 3 was not measured; the others were, and lack this value: no zero there, which would be
    # an intensity.
    assert [row["AU07_r"] for row in rows] == ["1.5", "", "0.0", ""]


def test_a_recording_without_any_face_keeps_all_columns():
    sheet = openface(make_frames(unmeasured=range(4)), "a", Choices())
    assert len(sheet.table.columns) == 190
    assert sheet.left_out == ()
    assert sheet.table["x_0"].to_list() == [0.0] * 4


@pytest.mark.parametrize("digits", [None, 3])
def test_openface_files_come_back_as_they_were(tmp_path, digits):
    gone = pl.lit(None, pl.Float32)
    corpus = make_corpus(
        tmp_path,
        a=make_frames(40, 1, unmeasured=(0, 7, 8, 39)),
        b=make_frames(30, 2, groups=("landmarks", "action_units"), AU28_c=gone),
        c=make_frames(3, 3, unmeasured=range(3)),
    )
    export_corpus(corpus, "openface-csv", tmp_path / "out", choices=Choices(digits))
    back = import_corpus("openface", tmp_path / "out", tmp_path / "back").corpus
    assert back.recordings()["recording_id"].to_list() == ["a", "b", "c"]
    for name in "abc":
        old, new = corpus.frames(name), back.frames(name)
        # OpenFace has no face box; why a row was not measured is read off the confidence.
        same = [c for c in old.columns if not c.startswith("face_") and c != "status"]
        if digits is None:
            assert new.select(same).equals(old.select(same))
            continue
        clock = ["frame", "timestamp", "success"]
        assert new.select(clock).equals(old.select(clock))
        for column in same:
            both = old[column].is_not_null()
            assert (new[column].is_not_null() == both).all()
            # Rounded to 3 decimals, off by half a thousandth and by float32's own grain at 500.
            worst = (new[column] - old[column]).abs().max()
            assert worst is None or worst <= 0.00051 + 500 * 2**-23


def as_float32(value):
    return struct.unpack("f", struct.pack("f", value))[0]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=50)
)
def test_every_float32_comes_back_from_the_text(values):
    table = pl.DataFrame({"x": pl.Series(values, dtype=pl.Float32)})
    texts = table.write_csv().split()[1:]  # as deptool.export writes
    assert [as_float32(float(text)) for text in texts] == values


def test_digits_round_values_but_not_the_clock(tmp_path):
    corpus = make_corpus(tmp_path, a=make_frames(x_0=pl.lit(123.456)))
    export_corpus(corpus, "openface-csv", tmp_path / "out", choices=Choices(digits=1))
    _, rows = cells(tmp_path / "out" / "a.csv")
    assert rows[1]["x_0"] == "123.5"
    assert rows[1]["timestamp"] == "0.033333335"  # 1/30 as float32: 0.03333333507…


def test_fex_columns_are_py_feats(tmp_path):
    export_corpus(make_corpus(tmp_path, a=make_frames()), "fex-csv", tmp_path / "out")
    header, rows = cells(tmp_path / "out" / "a.csv")
    # Detectorv1 of 2.1.5: box, landmarks, pose, action units, then where the row is from. Without
    # AU11, AU24 and AU43, which we do not have, emotions and identities.
    assert header == [
        *("FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight", "FaceScore"),
        *(f"{axis}_{i}" for axis in "xy" for i in range(68)),
        *("Pitch", "Roll", "Yaw"),
        *("AU01", "AU02", "AU04", "AU05", "AU06", "AU07", "AU09", "AU10", "AU12"),
        *("AU14", "AU15", "AU17", "AU20", "AU23", "AU25", "AU26", "AU28"),
        *("input", "frame", "approx_time"),
    ]
    assert {row["input"] for row in rows} == {"a"}
    assert [row["frame"] for row in rows] == ["0", "1", "2", "3"]  # py-feat counts from 0
    assert set(rows[2].values()) == {"", "a", "2", "00:00"}


def test_fex_angles_turn_with_py_feats_signs(tmp_path):
    # Nose down 0.1 rad, to the person's own right 0.2 rad, head tilted clockwise in the picture,
    # which is to the person's left, 0.3 rad. py-feat: up, right and right are positive.
    turned = {f"pose_{k}": pl.lit(v) for k, v in (("Rx", 0.1), ("Ry", 0.2), ("Rz", 0.3))}
    frames = make_frames(**turned)
    row = fex(frames, "a", Choices()).table.row(0, named=True)
    assert [row[k] for k in ("Pitch", "Yaw", "Roll")] == pytest.approx([-0.1, 0.2, -0.3])
    row = fex(frames, "a", Choices(angles="degrees")).table.row(0, named=True)
    # 0.1 rad = 5.7296 degrees
    assert [row[k] for k in ("Pitch", "Yaw", "Roll")] == pytest.approx(
        [-5.729578, 11.459156, -17.188734]
    )


def test_fex_action_units_turn_back_what_the_extractor_made_of_them():
    values = np.random.default_rng(0).uniform(0, 1, (4, len(py_feat.SEEN)))
    filled = py_feat.columns(values, "times5")
    units = {name: pl.lit(None) if v is None else pl.Series(v) for name, v in filled.items()}
    sheet = fex(make_frames(unmeasured=(), **units), "a", Choices())
    for k, name in enumerate(py_feat.SEEN):
        # AU28 has no intensity: its presence, 1 from 0.5 on, is all that is left.
        expected = values[:, k] if name != "AU28" else (values[:, k] >= 0.5).astype(float)
        assert sheet.table[name].to_list() == pytest.approx(expected.tolist(), abs=1e-6)
    assert sheet.as_presence == ("AU28",)


def test_fex_files_come_back_through_the_importer_py_feat(tmp_path):
    # 3 s at 30 rows a second, a face that stays where it is: the importer follows faces by boxes.
    box = {"face_x": 100.0, "face_y": 80.0, "face_w": 200.0, "face_h": 240.0}
    frames = make_frames(90, **{name: pl.lit(value) for name, value in box.items()})
    corpus = make_corpus(tmp_path, "py-feat-v1x5-1", a=frames)
    export_corpus(corpus, "fex-csv", tmp_path / "out")
    how = import_py_feat.Settings(detector="v1", au_scale="times5", fps=30)
    back = import_corpus("py-feat", tmp_path / "out", tmp_path / "back", how).corpus
    old, new = corpus.frames("a"), back.frames("a")
    points = [c.name for c in FRAMES.group("landmarks")]
    same = ["frame", "success", "confidence", *box, *points]
    measured = pl.col("success") == 1
    assert new.filter(measured).select(same).equals(old.filter(measured).select(same))
    assert new["success"].to_list() == old["success"].to_list()
    for name in AU_INTENSITY[:-1]:
        # A fifth, then five times that: off by float32's grain below 5, 2^-22.
        assert (new[f"{name}_r"] - old[f"{name}_r"]).abs().max() <= 2 * 2**-22


def test_fex_action_units_are_presence_where_there_is_no_intensity():
    nothing = {f"{name}_r": pl.lit(None, pl.Float32) for name in AU_INTENSITY}
    frames = make_frames(AU12_c=pl.lit(1.0), AU09_c=pl.lit(None, pl.Float32), **nothing)
    sheet = fex(frames, "a", Choices())
    assert sheet.table["AU12"].to_list() == [1.0, 1.0, None, 1.0]
    assert "AU09" not in sheet.table.columns
    assert sheet.left_out == ("AU09",)
    assert "AU12" in sheet.as_presence


def test_fex_without_a_face_box_has_no_box():
    box = {name: pl.lit(None, pl.Float32) for name in ("face_x", "face_y", "face_w", "face_h")}
    sheet = fex(make_frames(**box), "a", Choices())
    assert sheet.table.columns[:2] == ["FaceScore", "x_0"]
    assert sheet.left_out == ("face_x", "face_y", "face_w", "face_h")


def test_fex_times_are_minutes_and_whole_seconds():
    times = pl.Series([0.0, 59.99, 60.0, 3725.5])  # 62 minutes and 5.5 s
    sheet = fex(make_frames(timestamp=times), "a", Choices())
    assert sheet.table["approx_time"].to_list() == ["00:00", "00:59", "01:00", "62:05"]


def test_what_is_doubtful_in_a_fex_file_is_said(tmp_path):
    def warned(feature_set, **options):
        root = tmp_path / (feature_set + options.get("angles", ""))
        corpus = make_corpus(root, feature_set, a=make_frames())
        choices = Choices(**options)
        return " ".join(export_corpus(corpus, "fex-csv", root / "out", choices=choices).warnings)

    text = warned("mediapipe-1")
    assert "measured as mediapipe-1" in text
    assert "a fifth of the intensity" in text
    assert "in radians" in text
    # Five times py-feat's own values, divided by five: nothing doubtful but the unit of angles.
    text = warned("py-feat-v2x5-1", angles="degrees")
    assert "measured as" not in text
    assert "fifth" not in text
    assert "in degrees" in text


def test_csv_has_our_own_columns_and_empty_cells(tmp_path):
    corpus = make_corpus(tmp_path, recordings=make_frames())
    frames = corpus.frames("recordings")
    export_corpus(corpus, "csv", tmp_path / "out")
    header, rows = cells(tmp_path / "out" / "frames" / "recordings.csv")
    assert header == frames.columns
    assert rows[2]["x_0"] == ""
    assert rows[2]["status"] == "no_face"
    back = pl.read_csv(tmp_path / "out" / "frames" / "recordings.csv", schema=frames.schema)
    assert back.equals(frames)
    header, rows = cells(tmp_path / "out" / "recordings.csv")
    assert header == [c.name for c in RECORDINGS.columns]
    assert rows[0]["recording_id"] == "recordings"


def test_labels_csv_joins_the_same_labels_again(tmp_path):
    corpus = make_tables_corpus(tmp_path / "corpus", n_subjects=4, sessions=2, seconds=1)
    export_corpus(corpus, "csv", tmp_path / "out")
    again = make_tables_corpus(
        tmp_path / "again", n_subjects=4, sessions=2, seconds=1, labels=False, splits=False
    )
    join_labels(again, tmp_path / "out" / "labels.csv")
    assert again.labels().equals(corpus.labels())
    about = ["recording_id", "subject_id", "session_id", "task", "split"]
    assert again.recordings().select(about).equals(corpus.recordings().select(about))
    first = (tmp_path / "out" / "labels.csv").read_text().splitlines()[0]
    assert first == HEADER


def test_labels_csv_keeps_recordings_without_a_score_and_scores_without_a_person(tmp_path):
    corpus = make_corpus(tmp_path, a=make_frames(), b=make_frames(), c=make_frames())
    about = {"subject_id": ["p", None, None], "session_id": ["s", "t", None]}
    columns = [pl.Series(k, v, dtype=pl.String) for k, v in about.items()]
    corpus.write_recordings(corpus.recordings().with_columns(columns))
    corpus.write_labels(pl.DataFrame({"session_id": ["t"], "scale": ["PHQ-8"], "score": [7.0]}))
    summary = export_corpus(corpus, "csv", tmp_path / "out")
    lines = (tmp_path / "out" / "labels.csv").read_text().splitlines()
    # c has neither a person nor a score: there is nothing to say of it.
    assert lines[1:] == ["a,p,s,,,,", "b,,t,,,PHQ-8,7.0"]
    assert any("no subject_id for 1 recordings" in text for text in summary.warnings)


def test_one_recording_that_fails_does_not_stop_the_others(tmp_path):
    corpus = make_corpus(
        tmp_path, a=make_frames(), b=make_frames(), c=make_frames(), d=make_frames()
    )
    corpus.frames_path("a").unlink()
    corpus.frames_path("b").write_bytes(corpus.frames_path("b").read_bytes()[:1000])
    summary = export_corpus(
        corpus, "openface-csv", tmp_path / "out", recordings=["a", "b", "c", "nobody"]
    )
    assert summary.written == ("c",)
    kinds = {name: type(error) for name, error in summary.failed.items()}
    assert kinds == {"a": InputError, "b": SchemaError, "nobody": InputError}
    left = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert left == ["c.csv", MARKER]


def test_only_an_export_of_the_same_kind_is_written_over(tmp_path):
    corpus = make_corpus(tmp_path, a=make_frames())
    out = tmp_path / "out"
    export_corpus(corpus, "fex-csv", out)
    (out / "a.csv").write_text("old")
    export_corpus(corpus, "fex-csv", out)
    assert (out / "a.csv").read_text().startswith("FaceRectX")
    with pytest.raises(DataError, match="'fex-csv', not 'openface-csv'"):
        export_corpus(corpus, "openface-csv", out)
    (out / MARKER).unlink()
    with pytest.raises(InputError, match="did not write"):
        export_corpus(corpus, "fex-csv", out)
    with pytest.raises(InputError, match="did not write"):
        export_corpus(corpus, "csv", corpus.root)
    with pytest.raises(InputError, match="is a file"):
        export_corpus(corpus, "csv", out / "a.csv")


def test_unknown_formats_and_empty_corpora_are_errors(tmp_path):
    corpus = create_corpus(tmp_path / "corpus", "mediapipe-1", {})
    with pytest.raises(UsageError, match="no format named 'openface'"):
        export_corpus(corpus, "openface", tmp_path / "out")
    with pytest.raises(InputError, match="no recordings"):
        export_corpus(corpus, "csv", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("form", FORMATS)
def test_the_corpus_stays_sound_and_no_file_names_its_place(tmp_path, form):
    corpus = make_corpus(tmp_path, a=make_frames())
    export_corpus(corpus, form, tmp_path / "out")
    assert check_corpus(corpus.root).problems == ()
    for path in (tmp_path / "out").rglob("*.*"):
        assert str(tmp_path) not in path.read_text()


def test_progress_is_told(tmp_path):
    corpus = make_corpus(tmp_path, a=make_frames(), b=make_frames())
    seen = []
    export_corpus(
        corpus, "csv", tmp_path / "out", on_progress=lambda done, of: seen.append((done, of))
    )
    assert seen == [(1, 2), (2, 2)]


def run(*words):
    return CliRunner().invoke(app, ["export", *map(str, words)])


def test_the_verb_talks_on_stderr_and_prints_json_on_stdout(tmp_path):
    corpus = make_corpus(tmp_path, "mediapipe-1", a=make_frames())
    done = run(corpus.root, "--format", "fex-csv", "--out", tmp_path / "out", "--json")
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["written"] == ["a"]
    assert told["as_presence"] == {"AU28": ["a"]}
    assert math.isclose(told["n_bytes"], (tmp_path / "out" / "a.csv").stat().st_size)
    assert "1 recording written" in done.stderr
    assert "fifth of the intensity" in done.stderr
    assert PRIVACY in done.stderr


def test_the_verb_names_what_failed_and_exits_4(tmp_path):
    corpus = make_corpus(tmp_path, alpha=make_frames(), beta=make_frames())
    corpus.frames_path("beta").unlink()
    done = run(
        *(corpus.root, "--format", "csv", "--out", tmp_path / "out"),
        *("--recording", "alpa", "--recording", "beta", "--recording", "alpha"),
    )
    assert done.exit_code == 4
    assert "alpa: not exported: is not in the corpus. Did you mean 'alpha'?" in done.stderr
    assert "beta: not exported: has no frames table" in done.stderr
    assert (tmp_path / "out" / "frames" / "alpha.csv").is_file()


def test_angles_are_for_fex_alone(tmp_path):
    corpus = make_corpus(tmp_path, a=make_frames())
    done = run(corpus.root, "--format", "csv", "--out", tmp_path / "out", "--angles", "degrees")
    assert isinstance(done.exception, UsageError)
