"""The extractor mediapipe on turned pictures and on real clips."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from deptool.extract_one import Job, Plan, Row, Worker
from deptool.extractors.mediapipe import Settings
from deptool.face import action_units
from deptool.portrait import Motion, render
from fixtures.looks import measures

pytest.importorskip("mediapipe")


def _pose_deg(picture: np.ndarray) -> np.ndarray:
    return np.degrees(measures("mediapipe", [picture] * 4).head_pose[-1, 3:])


def _extract(clip: Path, target: Path) -> Row:
    with Worker(Plan("mediapipe", Settings(), fps=6.0)) as worker:
        return worker.extract(Job("r", clip, target, target.with_name("tracks.parquet")))


@pytest.mark.parametrize("turn", [-15, 15])
def test_turning_the_picture_moves_roll_alone(turn: int) -> None:
    # Positive roll is clockwise as seen, as is the planted turn.
    before, after = _pose_deg(render(Motion())), _pose_deg(render(Motion(roll_deg=turn)))
    pitch, yaw, roll = after - before
    assert roll == pytest.approx(turn, abs=2)
    assert abs(pitch) < 4
    assert abs(yaw) < 4


def test_turning_the_head_moves_yaw_the_right_way() -> None:
    # The portrait's yaw_deg is positive to the right of the picture, OpenFace's to the left.
    right, left = _pose_deg(render(Motion(yaw_deg=12))), _pose_deg(render(Motion(yaw_deg=-12)))
    assert right[1] < -3
    assert left[1] > 3


@pytest.fixture(scope="module")
def woman(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """Frames of the clip described in its folder: sad and looking down, then smiling broadly."""
    target = tmp_path_factory.mktemp("woman") / "woman.parquet"
    clip = clips / "WolfgangLanger_Pexels.mp4"
    _extract(clip, target)
    return pl.read_parquet(target)


def _mean(frames: pl.DataFrame, column: str, start: float, end: float) -> float:
    part = frames.filter(pl.col("timestamp").is_between(start, end))
    value = part[column].mean()
    assert isinstance(value, float)
    return value


def test_the_womans_smile_comes_late(woman: pl.DataFrame) -> None:
    # 19.7 s long: the first 8 s are sad, the last 8 s smile with parted lips.
    for column in ("AU12_r", "AU25_r"):
        assert _mean(woman, column, 11.7, 19.7) > _mean(woman, column, 0, 8) + 1.5, column


def test_the_womans_brows_are_knit_early(woman: pl.DataFrame) -> None:
    early = [_mean(woman, column, 0, 8) for column in ("AU01_r", "AU04_r")]
    late = [_mean(woman, column, 11.7, 19.7) for column in ("AU01_r", "AU04_r")]
    assert early[0] > late[0]
    assert early[1] > late[1]


def test_the_womans_eyes_are_lowered_early(woman: pl.DataFrame) -> None:
    # Seconds 1 to 3 lowered, seconds 7 to 10 up; gaze_angle_y is positive downwards.
    assert _mean(woman, "AU45_r", 1, 3) > _mean(woman, "AU45_r", 7, 10) + 1.5
    assert _mean(woman, "gaze_angle_y", 1, 3) > 0.15
    assert _mean(woman, "gaze_angle_y", 7, 10) < -0.1


def test_a_still_of_a_knitted_brow_or_a_smile_does_not_vanish(clips: Path) -> None:
    from deptool.video import open_video

    with open_video(clips / "WolfgangLanger_Pexels.mp4") as video:
        pictures = {round(s.time_s, 1): video.picture(s.frame) for s in video.sample(2)}
    held = {}
    for time_s in (4.0, 14.0):
        measured = measures("mediapipe", [pictures[time_s]] * 12)
        held[time_s] = action_units.columns(measured.au)
    assert held[4.0]["AU04_r"].mean() > 1
    assert held[14.0]["AU12_r"].mean() > 1


def test_a_face_that_leaves_is_no_longer_measured(clips: Path, tmp_path: Path) -> None:
    # A man for 72 of 169 pictures (about 2.7 of 6.4 s), then titles.
    target = tmp_path / "man.parquet"
    row = _extract(clips / "face_noface.mov", target)
    frames = pl.read_parquet(target)
    assert row["status"] == "ok"
    assert frames.filter(pl.col("timestamp") < 2.5)["success"].min() == 1
    assert frames.filter(pl.col("timestamp") > 3.0)["success"].max() == 0
    assert set(frames.filter(pl.col("success") == 0)["status"]) <= {"no_face", "low_confidence"}
