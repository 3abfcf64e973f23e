"""Aligned crops: eyes land where the canonical face says, at the landmarks of that time."""

import numpy as np
import polars as pl
import pytest

from deptool.crops import Landmarks, clips, crop_matrix, crops, cut, read_landmarks
from deptool.errors import DataError
from deptool.schema import FRAMES
from deptool.tables import write_table
from deptool.video import open_video
from fixtures.embeddable import corpus_of, planted_landmarks, video

PX = 112


def _dot(picture, x, y, radius):
    """A white disc whose middle is at x y, where 0 is the edge of the picture."""
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]] + 0.5
    picture[(columns - x) ** 2 + (rows - y) ** 2 <= radius**2] = 255


def _middle(crop, left):
    """The centre of brightness (x y) in the left or the right half of a crop."""
    half = crop[:, : PX // 2] if left else crop[:, PX // 2 :]
    weights = half[..., 0].astype(float)
    rows, columns = np.mgrid[: half.shape[0], : half.shape[1]] + 0.5
    x, y = ((axis * weights).sum() / weights.sum() for axis in (columns, rows))
    return x + (0 if left else PX // 2), y


@pytest.mark.parametrize("shrunk", [1, 4])
@pytest.mark.parametrize(("unit", "roll"), [(60, 0), (200, 25), (200, -40)])
def test_eye_corners_land_where_the_canonical_face_has_them(unit, roll, shrunk):
    # The canonical face's outer eye corners are half a side apart about the middle, so at 1/4 and
    # 3/4 of 112 px: 28 and 84; and 0.31 of 112 px below the top edge: 34.72.
    points = planted_landmarks(unit, (400, 300), roll)
    picture = np.zeros((640, 800, 3), np.uint8)
    for corner in (36, 45):
        _dot(picture, *points[corner], unit / 12)
    small = picture.reshape(640 // shrunk, shrunk, 800 // shrunk, shrunk, 3).mean(axis=(1, 3))
    crop = cut(small.astype(np.uint8), crop_matrix(points, PX), np.array([800.0, 640.0]), PX)
    assert _middle(crop, left=True) == pytest.approx((28, 34.72), abs=0.3)
    assert _middle(crop, left=False) == pytest.approx((84, 34.72), abs=0.3)


def test_what_is_outside_of_the_picture_is_black():
    points = planted_landmarks(60, (0, 0))  # the picture begins in the middle of the face
    picture = np.full((200, 200, 3), 255, np.uint8)
    crop = cut(picture, crop_matrix(points, PX), np.array([200.0, 200.0]), PX)
    assert crop[60:, 60:].min() == 255
    assert crop[:, :50].max() == 0


def _landmarks(times, x, lost=()):
    points = np.broadcast_to(np.array(x, float)[:, None, None], (len(times), 68, 2)).copy()
    points[list(lost)] = np.nan
    return Landmarks(np.array(times, float), points)


def test_between_two_rows_landmarks_lie_on_the_line():
    found = _landmarks([0, 0.2, 0.4], [0, 10, 40])
    assert found.at(0.2)[0, 0] == 10
    assert found.at(0.25)[0, 0] == pytest.approx(17.5)  # a quarter of the way from 10 to 40
    assert found.at(0.45)[0, 0] == 40  # half a step after the last row at most
    assert found.at(0.55) is None


def test_over_a_gap_and_where_no_face_was_measured_there_is_none():
    lost = _landmarks([0, 0.2, 0.4, 0.6], [0, 10, 20, 30], lost=[2])
    assert lost.at(0.4) is None
    assert lost.at(0.35) is None  # its nearest row has no face
    assert lost.at(0.25)[0, 0] == 10  # nearer to the row before, which has one
    gap = _landmarks([0, 0.2, 0.4, 1.4], [0, 10, 20, 30])
    assert gap.at(0.9) is None
    assert _landmarks([], []).at(0.0) is None


def test_a_video_gives_a_face_at_every_time_and_none_without(tmp_path):
    corpus = corpus_of(tmp_path / "corpus", {"a": 2.0}, no_face=[3, 4])
    with open_video(video(tmp_path / "a.mp4", 2.0)) as opened:
        found = list(crops(opened, read_landmarks(corpus, "a"), PX, 6))
    assert [round(time * 6) for time, _ in found] == list(range(12))
    assert [k for k, (_, crop) in enumerate(found) if crop is None] == [3, 4]
    assert found[0][1].shape == (PX, PX, 3)
    assert found[0][1].dtype == np.uint8


def test_a_table_without_landmarks_is_refused(tmp_path):
    corpus = corpus_of(tmp_path / "corpus", {"a": 1.0})
    corpus.frames_path("a").unlink()
    names = ["frame", "timestamp", "confidence", "success", "status", "n_faces"]
    names += [f"face_{k}" for k in "xywh"]
    rows = [(1, 0.0, 1.0, 1, "ok", 1, 1.0, 1.0, 1.0, 1.0)]
    write_table(corpus.frames_path("a"), FRAMES, pl.DataFrame(rows, schema=names, orient="row"))
    with pytest.raises(DataError, match="no landmarks"):
        read_landmarks(corpus, "a")


def _faces(*values):
    pictures = [None if v is None else np.full((1, 1, 3), v, np.uint8) for v in values]
    return [(k / 4, picture) for k, picture in enumerate(pictures)]


def test_clips_hold_as_many_faces_as_asked_and_fill_what_lacks():
    # Clips of 4, each 2 after the one before: times 0-3, 2-5, 4-7; of the last 2 times are left.
    found = list(clips(_faces(0, None, 2, 3, None, None, None, 7, 8, 9), 4, 2))
    assert [time for time, _ in found] == [0, 0.5, 1.0, 1.5, 2.0]
    first, second, third, fourth, last = [face for _, face in found]
    assert first[:, 0, 0, 0].tolist() == [0, 0, 2, 3]  # the face before stands for what lacks
    assert second[:, 0, 0, 0].tolist() == [2, 3, 3, 3]
    assert third is None  # one of four
    assert fourth[:, 0, 0, 0].tolist() == [7, 7, 8, 9]  # the first stands for those before it
    assert last[:, 0, 0, 0].tolist() == [8, 9, 9, 9]  # the end cuts it


def test_clips_may_leave_times_out_between_them():
    found = list(clips(_faces(*range(9)), 2, 4))
    assert [face[:, 0, 0, 0].tolist() for _, face in found] == [[0, 1], [4, 5], [8, 8]]
