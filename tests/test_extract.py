"""`extract`: a folder of videos to a corpus."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

from deptool import plugins
from deptool.corpus import open_corpus
from deptool.errors import DataError, InputError, SettingsError, UsageError
from deptool.extract import ExtractSettings, ExtractSummary, extract
from deptool.face.observation import Face, Look, Measures
from deptool.label import HEADER
from deptool.observe import observe
from deptool.portrait import Motion, Person, render, write_video
from deptool.schema import TRACKS
from deptool.settings import resolve
from deptool.tables import read_table
from deptool.video import open_video
from fixtures.videos import portrait_video, silent_sound, sways, text_file
from tests.conftest import ROOT, Run, corpus_files

pytest.importorskip("mediapipe")


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two good videos, one of them in a sub-folder, a text, a sound; 2 s and 1 s long."""
    folder = tmp_path_factory.mktemp("videos")
    portrait_video(folder / "b 1.mp4", sways(2))
    portrait_video(folder / "visit" / "a.mkv", sways(1))
    text_file(folder / "broken.mp4")
    silent_sound(folder / "sound.mp4")
    return folder


@pytest.fixture(scope="module")
def made(videos: Path, tmp_path_factory: pytest.TempPathFactory) -> ExtractSummary:
    return extract(videos, tmp_path_factory.mktemp("made") / "corpus", ExtractSettings(jobs=2))


def test_every_video_has_a_row_and_says_how_it_went(made: ExtractSummary) -> None:
    rows = {r["recording_id"]: r for r in made.corpus.recordings().to_dicts()}
    assert {name: r["status"] for name, r in rows.items()} == {
        "b_1": "ok",
        "broken": "unreadable",
        "sound": "no_video_stream",
        "visit__a": "ok",
    }
    assert sorted(made.failed) == ["broken", "sound"]
    good = rows["b_1"]
    # 2 s at 6 rows a second.
    assert (good["n_frames"], good["n_success"], good["coverage"]) == (12, 12, 1.0)
    assert (good["width"], good["height"]) == (320, 320)
    assert good["fps"] == pytest.approx(6)
    assert good["fps_source"] == pytest.approx(12)
    assert good["duration_s"] == pytest.approx(2, abs=0.01)
    assert rows["broken"]["reason"].startswith("cannot be opened as a video")


def test_frames_are_there_with_units_and_no_trace_of_the_source(
    made: ExtractSummary, videos: Path
) -> None:
    path = made.corpus.frames_path("b_1")
    file = pq.ParquetFile(path)
    assert file.metadata.num_row_groups == 1
    assert file.schema_arrow.field("pose_Tz").metadata[b"unit"] == b"mm"
    raw = path.read_bytes()
    for secret in (str(videos), "b 1.mp4", videos.name):
        assert secret.encode() not in raw
    everything = b"".join(corpus_files(made.corpus.root).values())
    assert str(videos).encode() not in everything


def test_timestamps_are_the_grid(made: ExtractSummary) -> None:
    frames = made.corpus.frames("visit__a")
    assert frames["timestamp"].to_list() == pytest.approx([k / 6 for k in range(6)])
    assert frames["frame"].to_list() == [1, 3, 5, 7, 9, 11]  # every second one of 12 a second


def test_processes_and_runs_do_not_change_a_byte(
    made: ExtractSummary, videos: Path, tmp_path: Path
) -> None:
    again = extract(videos, tmp_path / "corpus", ExtractSettings(jobs=1))
    assert corpus_files(again.corpus.root) == corpus_files(made.corpus.root)


def test_a_second_run_does_only_what_is_missing(videos: Path, tmp_path: Path) -> None:
    out = tmp_path / "corpus"
    settings = ExtractSettings()
    first = extract(videos, out, settings)
    before = corpus_files(out)
    stamps = {p: p.stat().st_mtime_ns for p in (out / "frames").iterdir()}
    (out / "frames" / "b_1.parquet").unlink()
    (out / "frames" / ".visit__a.0.tmp.parquet").touch()  # what a killed run leaves
    second = extract(videos, out, settings)
    assert first.n_new == 4
    # The deleted one, and the two that could not be read and are tried again.
    assert (second.n_new, second.n_kept) == (3, 1)
    assert corpus_files(out) == before
    kept = out / "frames" / "visit__a.parquet"
    assert kept.stat().st_mtime_ns == stamps[kept]


def test_force_names_what_is_done_again(videos: Path, tmp_path: Path) -> None:
    out = tmp_path / "corpus"
    only = videos / "visit"
    extract(only, out, ExtractSettings())
    assert extract(only, out, ExtractSettings()).n_new == 0
    assert extract(only, out, ExtractSettings(force=("a",))).n_new == 1
    assert extract(only, out, ExtractSettings(force=("all",))).n_new == 1
    with pytest.raises(UsageError, match="'nobody'"):
        extract(only, out, ExtractSettings(force=("nobody",)))


def test_rows_lost_with_the_recordings_table_come_back_from_the_frames(
    videos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "corpus"
    extract(videos / "visit", out, ExtractSettings())
    before = corpus_files(out)
    (out / "recordings.parquet").unlink()
    assert extract(videos / "visit", out, ExtractSettings()).n_new == 0
    assert corpus_files(out) == before


def test_labels_beside_the_videos_are_joined_and_survive_a_forced_run(tmp_path: Path) -> None:
    folder, out = tmp_path / "videos", tmp_path / "corpus"
    portrait_video(folder / "p1.mp4", sways(1))
    (folder / "labels.csv").write_text(
        "recording_id,subject_id,session_id,task,split,scale,score\np1,S1,S1_1,read,train,BDI-II,7\n"
    )
    extract(folder, out, ExtractSettings())
    (folder / "labels.csv").unlink()
    corpus = extract(folder, out, ExtractSettings(force=("all",))).corpus
    scored, scale = corpus.scored()
    assert scale == "BDI-II"
    row = scored.to_dicts()[0]
    assert (row["subject_id"], row["split"], row["score"]) == ("S1", "train", 7)


def test_labels_that_are_refused_cost_no_table(deptool: Run, tmp_path: Path) -> None:
    folder, out = tmp_path / "videos", tmp_path / "corpus"
    portrait_video(folder / "p1.mp4", sways(1))
    (folder / "labels.csv").write_text(f"{HEADER}\np1,S1,S1_1,,train,BDI-II,99\n")
    done = deptool("extract", folder, "--out", out)
    assert done.returncode == 7
    assert "p1" in done.stdout
    assert "labels.csv: a score is not a number in its scale's range" in done.stderr
    assert len(open_corpus(out).frames("p1")) == 6


def test_labels_of_videos_that_are_not_there_yet_are_passed_over(tmp_path: Path) -> None:
    folder, out = tmp_path / "videos", tmp_path / "corpus"
    portrait_video(folder / "p1.mp4", sways(1))
    (folder / "labels.csv").write_text(
        f"{HEADER}\np1,S1,S1_1,,train,BDI-II,9\np2,S2,S2_1,,dev,BDI-II,8\n"
    )
    summary = extract(folder, out, ExtractSettings())
    assert summary.labels is not None
    assert summary.labels.unknown == ("p2",)
    assert summary.corpus.labels()["score"].to_list() == [9]


def test_another_video_under_the_same_name_is_not_taken_for_the_first(
    deptool: Run, tmp_path: Path
) -> None:
    # Two folders of two days, each with an interview.mp4; the second lasts 4 s instead of 1.
    out = tmp_path / "corpus"
    portrait_video(tmp_path / "day1" / "interview.mp4", sways(1))
    portrait_video(tmp_path / "day2" / "interview.mp4", sways(4))
    extract(tmp_path / "day1", out, ExtractSettings())
    before = corpus_files(out)
    done = deptool("extract", tmp_path / "day2", "--out", out)
    assert done.returncode == 4
    assert "interview: the file is another video" in done.stderr
    assert corpus_files(out) == before
    assert extract(tmp_path / "day1", out, ExtractSettings()).changed == []
    assert deptool("extract", tmp_path / "day2", "--out", out, "--force", "all").returncode == 0
    assert len(open_corpus(out).frames("interview")) == 24


def test_a_corpus_is_called_as_asked_or_like_its_folder(tmp_path: Path) -> None:
    portrait_video(tmp_path / "v" / "a.mp4", sways(0.5))
    plain = extract(tmp_path / "v", tmp_path / "corpus", ExtractSettings())
    named = extract(tmp_path / "v", tmp_path / "other", ExtractSettings(name="pilot"))
    assert (plain.corpus.name, named.corpus.name) == ("corpus", "pilot")


def test_recordings_of_other_folders_are_named(tmp_path: Path) -> None:
    out = tmp_path / "corpus"
    portrait_video(tmp_path / "day1" / "a.mp4", sways(1))
    portrait_video(tmp_path / "day2" / "b.mp4", sways(1))
    assert extract(tmp_path / "day1", out, ExtractSettings()).elsewhere == []
    assert extract(tmp_path / "day2", out, ExtractSettings()).elsewhere == ["a"]


def test_a_damaged_frames_table_is_made_again(tmp_path: Path) -> None:
    out = tmp_path / "corpus"
    portrait_video(tmp_path / "v" / "a.mp4", sways(1))
    extract(tmp_path / "v", out, ExtractSettings())
    before = corpus_files(out)
    (out / "frames" / "a.parquet").write_bytes(before["frames/a.parquet"][:5000])
    assert extract(tmp_path / "v", out, ExtractSettings()).n_new == 1
    assert corpus_files(out) == before


def test_one_file_that_is_no_video_is_an_error_not_a_row(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be opened as a video"):
        extract(text_file(tmp_path / "notes.txt"), tmp_path / "corpus", ExtractSettings())
    assert not (tmp_path / "corpus").exists()


def test_wrong_places_are_errors_and_nothing_is_written(videos: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="neither empty nor a corpus"):
        extract(videos, other, ExtractSettings())
    assert [p.name for p in other.iterdir()] == ["thesis.txt"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no video"):
        extract(tmp_path / "empty", tmp_path / "new", ExtractSettings())
    assert not (tmp_path / "new").exists()
    with pytest.raises(UsageError, match="mediapipe"):
        extract(videos, tmp_path / "new", ExtractSettings(extractor="mediapip"))


def test_a_corpus_keeps_the_settings_it_was_made_with(videos: Path, tmp_path: Path) -> None:
    out = tmp_path / "corpus"
    extract(videos / "visit", out, ExtractSettings())
    with pytest.raises(DataError, match="Use the same settings"):
        extract(videos / "visit", out, ExtractSettings(fps=None))


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(SettingsError, match="fps must be above 0"):
        resolve(ExtractSettings, {"fps": 0})
    with pytest.raises(SettingsError, match="Did you mean 'extractor'"):
        resolve(ExtractSettings, {"extracter": "mediapipe"})
    with pytest.raises(SettingsError, match="address is for the engine ray"):
        resolve(ExtractSettings, {"address": "head:6379"})
    assert resolve(ExtractSettings, {"address": "head:6379", "engine": "ray"}).engine == "ray"


def test_a_killed_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    folder = tmp_path / "videos"
    for k in range(4):
        portrait_video(folder / f"v{k}.mp4", sways(4))
    command = [sys.executable, "-m", "deptool.cli.main", "extract", str(folder), "--jobs", "1"]
    killed, whole = tmp_path / "killed" / "corpus", tmp_path / "whole" / "corpus"
    run = subprocess.Popen(
        [*command, "--out", str(killed)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not list(killed.glob("frames/[!.]*.parquet")) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    done = len(list(killed.glob("frames/[!.]*.parquet")))
    assert 1 <= done < 4
    resumed = extract(folder, killed, ExtractSettings())
    assert resumed.n_kept >= done
    extract(folder, whole, ExtractSettings())
    assert corpus_files(killed) == corpus_files(whole)


def test_the_command_shows_a_table_and_exits_4_when_a_file_failed(
    deptool: Run, videos: Path, tmp_path: Path
) -> None:
    done = deptool("extract", videos, "--out", tmp_path / "corpus", "--verbose")
    assert done.returncode == 4
    assert "visit__a" in done.stdout
    assert "unreadable" in done.stdout
    assert "broken: unreadable: cannot be opened as a video" in done.stderr
    for noise in ("W0000", "I0000", "TensorFlow", "absl", "Traceback"):
        assert noise not in done.stderr


def test_json_is_for_scripts(deptool: Run, videos: Path, tmp_path: Path) -> None:
    done = deptool("extract", videos / "visit", "--out", tmp_path / "corpus", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["recording_id"] == "a"


def test_a_corpus_of_another_schema_version_is_refused(tmp_path: Path) -> None:
    from deptool.errors import SchemaError

    (tmp_path / "corpus.json").write_text('{"name": "x", "feature_set": "y", "schema_version": 0}')
    with pytest.raises(SchemaError, match="schema version 0"):
        open_corpus(tmp_path)


def test_a_folder_that_grows_is_followed(tmp_path: Path) -> None:
    folder, out = tmp_path / "videos", tmp_path / "corpus"
    portrait_video(folder / "a.mp4", sways(0.5))
    extract(folder, out, ExtractSettings())
    portrait_video(folder / "b.mp4", sways(0.5))
    summary = extract(folder, out, ExtractSettings())
    assert (summary.n_new, summary.n_kept) == (1, 1)
    assert isinstance(summary.rows, pl.DataFrame)
    assert summary.rows["recording_id"].to_list() == ["a", "b"]


def _two_faces(path: Path, seconds: float = 1, gap: float = 1.0) -> Path:
    """The portrait twice, side by side, the right one `gap` as large: 640 x 320."""
    left, size = render(Motion()), round(320 * gap)
    right = np.full_like(left, 127)
    right[:size, :size] = render(Motion(), Person.random(3), size)
    picture = np.concatenate([left, right], axis=1)
    write_video(path, [picture] * round(seconds * 12), 12)
    return path


def test_a_region_is_all_that_is_looked_at(tmp_path: Path) -> None:
    folder = tmp_path / "v"
    folder.mkdir()
    _two_faces(folder / "a.mp4")
    whole = extract(folder, tmp_path / "whole", ExtractSettings()).corpus.frames("a")
    part = ExtractSettings(roi=(320, 0, 320, 320))
    right = extract(folder, tmp_path / "right", part).corpus
    frames = right.frames("a")
    assert set(whole["n_faces"]) == {2}
    assert set(whole["status"]) == {"ambiguous"}
    assert set(frames["n_faces"]) == {1}
    assert set(frames["status"]) == {"ok"}
    # The right portrait's outer eye corners, near (117, 130) and (203, 130) in its own square.
    assert frames["x_36"][0] == pytest.approx(437, abs=12)
    assert frames["x_45"][0] == pytest.approx(523, abs=12)
    assert frames["pose_Tx"][0] > 50  # to the right of the whole picture's middle
    assert right.recordings()["width"].to_list() == [640]
    assert json.loads((tmp_path / "right" / "corpus.json").read_text())["extraction"]["roi"] == [
        *(320, 0, 320, 320)
    ]
    with pytest.raises(DataError, match="Use the same settings"):
        extract(folder, tmp_path / "right", ExtractSettings())


def test_a_region_outside_the_picture_is_said_in_the_row(tmp_path: Path) -> None:
    portrait_video(tmp_path / "v" / "a.mp4", sways(0.5))
    settings = ExtractSettings(roi=(1000, 0, 50, 50))
    row = extract(tmp_path / "v", tmp_path / "c", settings).rows.to_dicts()[0]
    assert row["status"] == "unreadable"
    assert row["reason"] == "the region of interest lies outside the picture of 320 x 320 px"


def test_all_faces_get_a_table_of_their_own(tmp_path: Path) -> None:
    folder = tmp_path / "v"
    folder.mkdir()
    _two_faces(folder / "a.mp4", gap=0.6)
    summary = extract(folder, tmp_path / "c", ExtractSettings(faces="all"))
    tracks = read_table(tmp_path / "c" / "tracks" / "a.parquet", TRACKS)
    frames = summary.corpus.frames("a")
    assert set(tracks["track"]) == {0, 1}
    assert len(tracks) == 2 * len(frames)
    primary = tracks.filter(pl.col("primary") == 1).drop("track", "primary")
    assert primary.equals(frames)
    assert summary.rows["n_ambiguous"].to_list() == [0]  # the other is plainly smaller
    plain = extract(folder, tmp_path / "plain", ExtractSettings()).corpus.frames("a")
    assert frames.equals(plain)
    assert not (tmp_path / "plain" / "tracks").exists()


def test_a_large_picture_is_scaled_without_moving_a_landmark(tmp_path: Path) -> None:
    # The same portrait at 1280 px, about 690 px of it face; the extractor needs 200.
    folder = tmp_path / "v"
    folder.mkdir()
    motions = [Motion(yaw_deg=k, smile=0.05 * k) for k in range(12)]
    write_video(folder / "a.mp4", (render(m, Person(), 1280) for m in motions), 12)
    scaled = extract(folder, tmp_path / "c", ExtractSettings()).corpus.frames("a")
    module = plugins.load("extractors", "mediapipe")
    with open_video(folder / "a.mp4") as video, module.Extractor(module.Settings()) as extractor:
        unscaled = SimpleNamespace(BATCH=1)
        seen = observe(video, unscaled, extractor, 6.0)
    for k in range(len(scaled)):
        points = np.array([[scaled[f"{a}_{i}"][k] for a in "xy"] for i in range(68)])
        off = np.linalg.norm(points - seen.measures.landmarks[k], axis=1)
        assert np.median(off) < 0.005 * scaled["face_w"][k]


def test_a_region_of_a_scaled_picture_stays_where_it_was(tmp_path: Path) -> None:
    # A white box, 400 px wide, in 1280 x 1000 px; 960 px of it are looked at, from (2, 2) on. What
    # needs 100 px gets the box at 1/4, where the region begins at 2 / 4 = 0.5, cut at 0: its
    # corner is seen at (100, 50), which is (400, 200) of the whole and not (402, 202).
    picture = np.zeros((1000, 1280, 3), dtype=np.uint8)
    picture[200:600, 400:800] = 255
    write_video(tmp_path / "a.mp4", [picture] * 3, 6)
    sides = []

    def see(pictures: list[np.ndarray], times: list[float]) -> list[Look]:
        sides.append(pictures[0].shape[0])
        rows, columns = np.nonzero(pictures[0][:, :, 0] > 127)
        corner, end = np.array([columns.min(), rows.min()]), [columns.max() + 1, rows.max() + 1]
        box = np.concatenate([corner, end - corner]).astype(float)
        return [Look((Face(box, 1.0, np.zeros((1, 2))),))]

    def measure(faces: list[Face], width: int, height: int) -> Measures:
        return Measures(np.zeros((len(faces), 68, 2)), np.zeros((len(faces), 6)), None, np.zeros(0))

    with open_video(tmp_path / "a.mp4") as video:
        eyes = SimpleNamespace(begin=lambda: None, see=see, measure=measure)
        module = SimpleNamespace(BATCH=1, FACE_PX=100)
        seen = observe(video, module, eyes, None, (2, 2, 1200, 960))
    assert sides == [480, 240, 240]  # at 1/2 until the box is known
    assert seen.boxes == pytest.approx(np.array([[400, 200, 400, 400]] * 3))


def test_settings_of_an_extractor_are_checked(tmp_path: Path) -> None:
    portrait_video(tmp_path / "v" / "a.mp4", sways(0.5))
    with pytest.raises(SettingsError, match="unknown setting 'colour'"):
        extract(tmp_path / "v", tmp_path / "c", ExtractSettings(options=("colour=red",)))
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--shard", "3/2"), "shard must be i/n"),
        (("--shard", "half"), "--shard 'half' is not of the form i/n"),
        (("--roi", "1,2,3"), "--roi '1,2,3' is not of the form x,y,w,h"),
        (("--roi", "0,0,0,5"), "w and h at least 1"),
        (("--faces", "both"), "faces cannot be 'both'"),
        (("--address", "auto"), "address is for the engine ray"),
        (("--engine", "slurm"), "no engine named 'slurm'"),
        (("--extractor", "mediapip"), "Did you mean 'mediapipe'?"),
    ],
)
def test_words_that_make_no_sense_are_refused(
    deptool: Run, tmp_path: Path, words: tuple[str, str], expected: str
) -> None:
    portrait_video(tmp_path / "v" / "a.mp4", sways(0.5))
    done = deptool("extract", tmp_path / "v", "--out", tmp_path / "c", *words)
    assert done.returncode in (2, 3)
    assert expected in done.stderr
    assert not (tmp_path / "c").exists()


def test_labels_lost_with_the_recordings_table_are_said_to_be_lost(
    deptool: Run, tmp_path: Path
) -> None:
    out, labels = tmp_path / "c", tmp_path / "lab.csv"
    portrait_video(tmp_path / "v" / "a.mp4", sways(0.5))
    labels.write_text(f"{HEADER}\na,S1,S1_1,,train,BDI-II,9\n")
    assert deptool("extract", tmp_path / "v", "--out", out).returncode == 0
    assert deptool("label", out, labels).returncode == 0
    (out / "recordings.parquet").unlink()
    done = deptool("extract", tmp_path / "v", "--out", out)
    assert "is lost: deptool label" in done.stderr
    assert deptool("label", out, labels).returncode == 0
    assert "is lost" not in deptool("extract", tmp_path / "v", "--out", out).stderr


def test_a_corpus_in_which_nothing_was_measured_takes_other_settings(tmp_path: Path) -> None:
    portrait_video(tmp_path / "v" / "a.mp4", sways(0.5))
    outside = ExtractSettings(roi=(5000, 0, 10, 10), name="pilot")
    assert extract(tmp_path / "v", tmp_path / "c", outside).failed == ["a"]
    again = extract(tmp_path / "v", tmp_path / "c", ExtractSettings())
    assert again.failed == []
    assert again.corpus.name == "pilot"
    assert "roi" not in (tmp_path / "c" / "corpus.json").read_text()


def test_a_folder_of_weights_must_be_one(tmp_path: Path) -> None:
    portrait_video(tmp_path / "v" / "a.mp4", sways(0.5))
    with pytest.raises(InputError, match="is no folder of weights"):
        extract(tmp_path / "v", tmp_path / "c", ExtractSettings(weights=tmp_path / "none"))


def test_a_run_that_has_nothing_to_do_writes_nothing(tmp_path: Path) -> None:
    portrait_video(tmp_path / "v" / "a.mp4", sways(0.5))
    extract(tmp_path / "v", tmp_path / "c", ExtractSettings())
    before = (tmp_path / "c" / "recordings.parquet").stat().st_mtime_ns
    extract(tmp_path / "v", tmp_path / "c", ExtractSettings())
    assert (tmp_path / "c" / "recordings.parquet").stat().st_mtime_ns == before
