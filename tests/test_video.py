"""Reading videos: which pictures at which times, and how the reading ended."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deptool.errors import InputError
from deptool.video import open_video, upright_size
from fixtures.faults import flipped_bytes
from fixtures.videos import portrait_video, silent_sound, sways, text_file


def _shades(path: Path, times: list[Fraction], rate: int = 30) -> Path:
    """A video whose k-th picture, shown at times[k] (s), is all of the grey value 8 * k."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.options = {"crf": "0", "bf": "0"}
        stream.time_base = Fraction(1, 12000)
        for k, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 8 * k, np.uint8), "rgb24")
            frame.pts, frame.time_base = int(time * 12000), Fraction(1, 12000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def _read(path: Path, fps: float | None) -> list[tuple[float, int, int]]:
    """(time, picture number, which shade) of each sample."""
    with open_video(path) as video:
        return [
            (round(s.time_s, 3), s.number, round(float(video.picture(s.frame).mean()) / 8))
            for s in video.sample(fps)
        ]


def test_a_constant_rate_is_sampled_to_the_nearest_picture(tmp_path: Path) -> None:
    # 30 pictures at 30/s, sampled at 6/s: times 0, 1/6, … 5/6, pictures 0, 5, 10, …
    path = _shades(tmp_path / "a.mp4", [Fraction(k, 30) for k in range(30)])
    found = _read(path, 6)
    assert found == [(round(k / 6, 3), 5 * k + 1, 5 * k) for k in range(6)]


def test_native_gives_every_picture_with_its_own_time(tmp_path: Path) -> None:
    path = _shades(tmp_path / "a.mp4", [Fraction(k, 30) for k in range(10)])
    assert _read(path, None) == [(round(k / 30, 3), k + 1, k) for k in range(10)]


def test_a_variable_rate_is_sampled_by_time_not_by_count(tmp_path: Path) -> None:
    # Pictures at 0, 0.1, 0.2 s, then a pause, then 1.2, 1.3 s. At 5/s: 0 -> 0, 0.2 -> 2,
    # 0.4 … 1.0 -> 2 still stands, 1.2 -> 3. Counting pictures would say otherwise.
    times = [Fraction(k, 10) for k in (0, 1, 2, 12, 13)]
    found = _read(_shades(tmp_path / "a.mp4", times, rate=10), 5)
    assert [(t, shade) for t, _, shade in found] == [
        *((0.0, 0), (0.2, 2), (0.4, 2), (0.6, 2), (0.8, 2), (1.0, 2), (1.2, 3)),
    ]


def test_a_time_that_starts_late_starts_at_zero(tmp_path: Path) -> None:
    path = _shades(tmp_path / "a.mkv", [Fraction(k, 30) + 5 for k in range(10)])
    assert _read(path, None)[0][0] == 0


def test_one_picture_is_one_sample(tmp_path: Path) -> None:
    path = _shades(tmp_path / "a.mp4", [Fraction(0)])
    assert _read(path, 6) == [(0.0, 1, 0)]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=3, max_size=20), st.sampled_from([3, 6, 12.5]))
def test_samples_lie_on_the_grid_and_show_what_a_viewer_saw(
    tmp_path_factory: pytest.TempPathFactory, gaps: list[int], fps: float
) -> None:
    # Pictures at irregular multiples of 1/30 s. Each sample must show the last picture that had
    # begun by its time, or that begins within 1/60 s.
    at = np.cumsum([0, *gaps])
    path = tmp_path_factory.mktemp("v") / "a.mkv"
    _shades(path, [Fraction(int(k), 30) for k in at])
    with open_video(path) as video:
        found = [(s.time_s, s.number) for s in video.sample(fps)]
    for k, (time, number) in enumerate(found):
        assert time == pytest.approx(k / fps)
        begun = at / 30 <= time + 1 / 60 + 0.002  # mkv counts in milliseconds
        almost = at / 30 <= time + 1 / 60 - 0.002
        assert almost.sum() <= number <= begun.sum()
    assert found[-1][0] <= at[-1] / 30 + gaps[-1] / 30


@pytest.mark.parametrize("degrees", [90, 180, -90])
def test_a_turned_video_comes_upright(tmp_path: Path, degrees: int) -> None:
    # A camera held on its side stores turned pictures and says by how many degrees a player must
    # turn them counter-clockwise. The upright picture is white above and black below.
    upright = np.zeros((48, 64, 3), np.uint8)
    upright[:24] = 255
    stored = np.ascontiguousarray(np.rot90(upright, -degrees // 90))
    path = tmp_path / "turned.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.height, stream.width = stored.shape[:2]
        stream.pix_fmt, stream.options = "yuv420p", {"crf": "0"}
        stream.set_display_rotation(degrees)
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(stored, "rgb24")))
        container.mux(stream.encode())
    with open_video(path) as video:
        samples = list(video.sample(None))
        assert upright_size(samples[0].frame) == (64, 48)
        seen = [video.picture(s.frame) for s in samples]
    assert seen[0].shape == (48, 64, 3)
    assert seen[0][:20].mean() > 200
    assert seen[0][28:].mean() < 50


def test_what_cannot_be_opened_says_why(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    text_file(tmp_path / "text.mp4")
    text_file(tmp_path / "text.txt")
    for name in ("empty.mp4", "text.mp4", "text.txt"):
        with pytest.raises(InputError, match="cannot be opened as a video") as caught:
            open_video(tmp_path / name).__enter__()
        assert str(tmp_path) not in str(caught.value)


def test_sound_without_pictures_is_no_video(tmp_path: Path) -> None:
    path = silent_sound(tmp_path / "sound.mp4")
    with pytest.raises(InputError, match="no video stream"):
        open_video(path).__enter__()


def test_a_cut_video_is_truncated(tmp_path: Path) -> None:
    # Matroska can be read while it is written, so half of the file is half of the pictures.
    whole = portrait_video(tmp_path / "whole.mkv", sways(6))
    half = tmp_path / "half.mkv"
    half.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with open_video(half) as video:
        seen = list(video.sample(6))
    assert 0 < len(seen) < 36
    assert video.problem is not None
    assert video.problem[0] in ("truncated", "corrupt")


def test_a_picture_is_scaled_as_asked(tmp_path: Path) -> None:
    path = _shades(tmp_path / "a.mp4", [Fraction(k, 30) for k in range(3)])
    with open_video(path) as video:
        frame = next(iter(video.sample(None))).frame
        assert video.picture(frame, 1 / 4).shape == (12, 16, 3)
        assert video.picture(frame, 1e-6).shape == (1, 1, 3)


def test_sound_that_outlasts_the_pictures_is_no_cut(tmp_path: Path) -> None:
    # Matroska states one length for everything: 4 s of sound, 1 s of pictures.
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        sound = container.add_stream("aac", rate=16000)
        for _ in range(30):
            picture = np.zeros((48, 64, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode())
        for k in range(4):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), "fltp", "mono")
            frame.sample_rate, frame.pts = 16000, k * 16000
            container.mux(sound.encode(frame))
        container.mux(sound.encode())
    with open_video(path) as video:
        assert len(list(video.sample(6))) == 6
    assert video.problem is None


def test_at_native_rate_lost_pictures_have_rows_without_a_picture(tmp_path: Path) -> None:
    # 48 pictures at 12 a second; those of the second from 1 s on are damaged, key picture and all.
    path = flipped_bytes(tmp_path / "flipped.mp4")
    with open_video(path) as video:
        samples = list(video.sample(None))
    lost = [s for s in samples if s.frame is None]
    assert [s.number for s in samples] == list(range(1, 49))
    assert [round(s.time_s * 12) for s in samples] == list(range(48))
    assert [s.number for s in lost] == list(range(13, 25))
