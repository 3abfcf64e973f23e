"""Broken and odd files, one recording each: what row and what frames come of them.

All of them lie in one folder that is extracted once, as a user's would; docs/faults.md is the same
table in words.
"""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from deptool.extract import ExtractSettings, ExtractSummary, extract
from fixtures import faults
from fixtures.videos import silent_sound, text_file

pytest.importorskip("mediapipe")

# File: how it is made, the recording's status, its rows and those with success; None where it
# depends on the decoder. Six rows a second: 2 s are 12 rows.
CASES: dict[str, tuple[Callable[[Path], Path], str, int | None, int | None]] = {
    "zero.mp4": (faults.zero_bytes, "unreadable", 0, 0),
    "text.mp4": (text_file, "unreadable", 0, 0),
    "index.mp4": (faults.cut_index_at_end, "unreadable", 0, 0),
    "faststart.mp4": (faults.cut_faststart, "truncated", 12, 12),  # cut at 2 s of 4 s
    "cut.mkv": (faults.cut_mkv, "truncated", None, None),
    "flipped.mp4": (faults.flipped_bytes, "corrupt", 24, 18),  # 4 s, of which one second is lost
    "head.mp4": (faults.flipped_head, "corrupt", 24, 18),  # the first second is lost
    "scratched.mp4": (faults.scratched_bytes, "corrupt", 24, None),
    "sound.mp4": (silent_sound, "no_video_stream", 0, 0),
    "song.m4v": (faults.sound_with_cover, "no_video_stream", 0, 0),
    "cover.m4v": (faults.video_with_cover, "ok", 12, 12),
    "variable.mp4": (faults.variable_rate, "ok", 18, 18),  # 3 s
    "late.mp4": (faults.late_start, "ok", 12, 12),
    "negative.mkv": (faults.negative_times, "ok", 12, 12),
    "unordered.mkv": (faults.unordered_times, "ok", 12, 12),
    "turned.mp4": (faults.turned, "ok", 12, 12),
    "odd.mp4": (faults.odd_size, "ok", 12, 12),
    "thin.mkv": (faults.one_pixel_wide, "no_face", 6, 0),  # 1 s
    "ten_bits.mp4": (faults.ten_bits, "ok", 12, 12),
    "grey.mp4": (faults.grey, "ok", 12, 12),
    "still.mp4": (faults.still, "ok", 12, 12),
    "one.mp4": (faults.one_picture, "ok", 1, 1),
    "wall.mp4": (faults.no_face, "no_face", 12, 0),
    "leaves.mp4": (faults.face_leaves, "ok", 24, 12),  # 4 s, a face in the first and the last
    "interviewer.mp4": (faults.interviewer, "ok", 12, 12),
    "twins.mp4": (faults.twins, "ok", 12, 12),
    "small.mp4": (faults.small_face, "no_face", 12, 0),
}
BROKEN = {
    "index",
    "faststart",
    "cut",
    "flipped",
    "head",
    "scratched",
    "sound",
    "song",
    "text",
    "zero",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("faults")
    for name, (make, *_) in CASES.items():
        make(root / name)
    shutil.copy(root / "grey.mp4", root / faults.ODD_NAME)
    (root / "nowhere.mp4").symlink_to(root / "gone.mp4")
    (root / "itself.mp4").symlink_to(root / "itself.mp4")
    (root / "round").symlink_to(root, target_is_directory=True)
    twice = root / "twice"
    twice.mkdir()
    (twice / "back").symlink_to(root, target_is_directory=True)
    (twice / "hard.mp4").hardlink_to(root / "still.mp4")
    (twice / "soft.mp4").symlink_to(root / "still.mp4")
    shutil.copy(root / "one.mp4", twice / "copy.mp4")
    return root


@pytest.fixture(scope="module")
def made(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> ExtractSummary:
    return extract(folder, tmp_path_factory.mktemp("made") / "corpus", ExtractSettings(jobs=2))


def _row(made: ExtractSummary, name: str) -> dict[str, Any]:
    (row,) = made.rows.filter(pl.col("recording_id") == name).to_dicts()
    return row


def _seconds(frames: pl.DataFrame, low: float, high: float) -> pl.DataFrame:
    """The rows from one time to another (s)."""
    return frames.filter(pl.col("timestamp").is_between(low - 1e-3, high - 1e-3))


@pytest.mark.parametrize("file", CASES)
def test_each_file_has_a_row_that_says_what_came_of_it(made: ExtractSummary, file: str) -> None:
    _, status, n_frames, n_success = CASES[file]
    row = _row(made, Path(file).stem)
    assert row["status"] == status
    assert n_frames is None or row["n_frames"] == n_frames
    assert n_success is None or row["n_success"] == n_success
    assert (row["reason"] is None) == (status == "ok")
    assert str(row["reason"]).count("/") == 0  # no path of the user's machine


@pytest.mark.parametrize("file", CASES)
def test_rows_lie_on_the_grid_from_zero(made: ExtractSummary, file: str) -> None:
    name = Path(file).stem
    if not _row(made, name)["n_frames"]:
        assert not made.corpus.frames_path(name).exists()
        return
    times = made.corpus.frames(name)["timestamp"].to_list()
    assert times == pytest.approx([k / 6 for k in range(len(times))], abs=1e-5)


def test_the_broken_ones_are_those_that_failed(made: ExtractSummary) -> None:
    assert set(made.failed) == BROKEN | {"nowhere", "itself"}


# ---- broken


def test_half_a_file_says_how_much_of_it_was_read(made: ExtractSummary) -> None:
    row = _row(made, "faststart")
    assert "2.0 s of 4.0 s" in row["reason"]
    assert row["duration_s"] == pytest.approx(2, abs=0.01)


def test_half_a_matroska_file_keeps_what_is_in_the_half(made: ExtractSummary) -> None:
    # Its pictures refer to later ones, so the last of them may be missing; the first second, of
    # which a picture is in each row, is whole.
    row = _row(made, "cut")
    assert 1 < row["duration_s"] < 2
    assert re.search(r"1\.\d s of 4\.0 s", row["reason"])
    assert _seconds(made.corpus.frames("cut"), 0, 0.9)["success"].to_list() == [1] * 6


def test_what_damage_took_is_never_filled_with_the_picture_before(made: ExtractSummary) -> None:
    frames = made.corpus.frames("flipped")
    lost = _seconds(frames, 1, 2)
    assert lost["status"].to_list() == ["decode_error"] * 6
    assert lost["success"].to_list() == [0] * 6
    assert lost["x_30"].null_count() == 6
    for low in (0, 2, 3):
        assert _seconds(frames, low, low + 1)["success"].to_list() == [1] * 6
    # 12 pictures a second: the row at 2 s shows the 25th of the source, read or not.
    assert _seconds(frames, 2, 2.1)["frame"].item() == 25


def test_damage_at_the_start_does_not_shift_the_times(made: ExtractSummary) -> None:
    frames = made.corpus.frames("head")
    assert _seconds(frames, 0, 1)["status"].to_list() == ["decode_error"] * 6
    assert _seconds(frames, 1, 4)["success"].to_list() == [1] * 18


def test_pictures_that_the_decoder_made_up_are_not_measured(made: ExtractSummary) -> None:
    frames = made.corpus.frames("scratched")
    # The key picture at 1 s is damaged; those up to the next one, at 2 s, are made from it.
    assert _seconds(frames, 1, 1.1)["status"].to_list() == ["decode_error"]
    assert set(_seconds(frames, 1, 2)["status"]) <= {"decode_error", "ok"}
    for low in (0, 2, 3):
        assert _seconds(frames, low, low + 1)["success"].to_list() == [1] * 6


# ---- streams and times


def test_a_cover_is_not_the_video(made: ExtractSummary) -> None:
    row = _row(made, "cover")
    assert (row["width"], row["height"]) == (faults.SIZE, faults.SIZE)  # the cover has 96 px
    assert row["duration_s"] == pytest.approx(2, abs=0.01)


def test_a_variable_rate_shows_the_picture_of_each_time(made: ExtractSummary) -> None:
    # Pictures 1 to 11 at 0, 0.1, … 1 s; 12 to 41 at 2, 2 + 1/30, … s. A row at t shows the last one
    # that began by t + 1/60 s: at 1/6 s the one of 0.1 s, at 2/6 s that of 0.3 s, and so on; the
    # 11th stands until 2 s; then every fifth.
    frames = made.corpus.frames("variable")
    first = [1, 2, 4, 6, 7, 9]
    assert frames["frame"].to_list() == [*first, *[11] * 6, 12, 17, 22, 27, 32, 37]


# ---- pictures


def test_a_turned_video_has_upright_faces(made: ExtractSummary) -> None:
    frames = made.corpus.frames("turned")
    eyes = frames.select(pl.mean_horizontal([f"y_{i}" for i in range(36, 48)]))
    mouth = frames.select(pl.mean_horizontal([f"y_{i}" for i in range(48, 68)]))
    # In face units of 52 px the mouth lies 0.7 below the eyes.
    assert ((mouth - eyes).to_series() > 20).all()


def test_odd_sizes_are_kept(made: ExtractSummary) -> None:
    assert [_row(made, "odd")[k] for k in ("width", "height")] == [241, 193]
    assert [_row(made, "thin")[k] for k in ("width", "height")] == [1, 240]


@pytest.mark.parametrize("name", ["ten_bits", "grey", "turned", "negative"])
def test_the_face_is_where_it_is_in_the_plain_video(made: ExtractSummary, name: str) -> None:
    # The still is the same portrait in plain colours; the others sway by 2 px.
    plain = made.corpus.frames("still")
    frames = made.corpus.frames(name)
    for column in ("x_30", "y_30", "face_w"):
        assert frames[column].mean() == pytest.approx(plain[column].mean(), abs=4), column


def test_a_still_is_measured_the_same_in_every_row(made: ExtractSummary) -> None:
    frames = made.corpus.frames("still")
    assert frames["status"].to_list() == ["ok"] * 12
    assert frames["x_30"].max() - frames["x_30"].min() < 2  # px


# ---- faces


def test_without_a_face_there_are_rows_without_numbers(made: ExtractSummary) -> None:
    frames = made.corpus.frames("wall")
    assert set(frames["status"]) == {"no_face"}
    assert frames["n_faces"].to_list() == [0] * 12
    assert frames["x_30"].null_count() == 12


def test_a_face_that_leaves_and_returns_is_one_recording(made: ExtractSummary) -> None:
    frames = made.corpus.frames("leaves")
    assert frames["success"].to_list() == [1] * 6 + [0] * 12 + [1] * 6
    assert set(_seconds(frames, 1, 3)["status"]) == {"no_face"}
    assert set(_seconds(frames, 3, 4)["status"]) == {"ok"}


def test_of_two_faces_the_bigger_is_the_primary_one(made: ExtractSummary) -> None:
    # 103 px wide around x = 120, and 55 px around 320.
    frames = made.corpus.frames("interviewer")
    assert set(frames["status"]) == {"ok"}
    assert frames["n_faces"].to_list() == [2] * 12
    assert frames["face_w"].min() > 80
    assert frames["x_30"].max() < 200


def test_two_faces_of_one_size_are_ambiguous_in_every_row(made: ExtractSummary) -> None:
    frames = made.corpus.frames("twins")
    assert set(frames["status"]) == {"ambiguous"}
    assert frames["n_faces"].to_list() == [2] * 12
    # Whichever is taken, it is the same one throughout: noses are 192 px apart.
    assert frames["x_30"].max() - frames["x_30"].min() < 30


def test_a_small_face_is_said_to_be_small(made: ExtractSummary) -> None:
    frames = made.corpus.frames("small")
    assert set(frames["status"]) == {"too_small"}
    assert frames["success"].to_list() == [0] * 12
    assert frames["x_30"].null_count() == 12
    assert "small" in _row(made, "small")["reason"]


# ---- names and links


def test_any_name_becomes_an_id_that_files_can_have(made: ExtractSummary) -> None:
    (name,) = [n for n in made.rows["recording_id"] if n.startswith("Frau")]
    assert re.fullmatch(r"[\w.-]+", name)
    assert name.startswith("Frau_Müller_s__2._Sitzung__")
    assert len(name) <= 150
    assert _row(made, name)["status"] == "ok"
    assert len(made.corpus.frames(name)) == 12


def test_links_that_go_in_circles_lead_to_each_video_once(made: ExtractSummary) -> None:
    odd = [n for n in made.rows["recording_id"] if n.startswith("Frau")]
    stems = {Path(file).stem for file in CASES}
    assert set(made.rows["recording_id"]) == {*stems, *odd, "nowhere", "itself", "twice__copy"}
    assert made.rows["recording_id"].is_unique().all()


@pytest.mark.parametrize("name", ["nowhere", "itself"])
def test_a_link_that_leads_nowhere_is_unreadable(made: ExtractSummary, name: str) -> None:
    row = _row(made, name)
    assert (row["status"], row["n_frames"]) == ("unreadable", 0)
    assert row["reason"]


def test_what_is_there_twice_is_named(made: ExtractSummary) -> None:
    (odd,) = [n for n in made.rows["recording_id"] if n.startswith("Frau")]
    named = {frozenset(pair) for pair in made.duplicates}
    assert named == {
        frozenset({"twice__hard", "still"}),
        frozenset({"twice__soft", "still"}),
        frozenset({"twice__copy", "one"}),
        frozenset({odd, "grey"}),
    }
    # A link is one recording, whose other name comes first; a copy is a second recording.
    assert {("twice__hard", "still"), ("twice__soft", "still")} <= set(made.duplicates)
    assert len(made.corpus.frames("twice__copy")) == 1


def test_the_videos_are_left_as_they_were(made: ExtractSummary, folder: Path) -> None:
    names = {*CASES, faults.ODD_NAME, "nowhere.mp4", "itself.mp4", "round", "twice"}
    assert {path.name for path in folder.iterdir()} == names
    assert (folder / "still.mp4").read_bytes() == (folder / "twice/hard.mp4").read_bytes()
    twice = {path.name for path in (folder / "twice").iterdir()}
    assert twice == {"back", "copy.mp4", "hard.mp4", "soft.mp4"}
