"""The sound of videos: pieces, times, what was not heard."""

import numpy as np
import pytest

from deptool.errors import InputError
from deptool.sound import pieces
from fixtures.embeddable import SOUND_RATE, video
from fixtures.videos import text_file

RATE = 16000
STEP = 160


def _sine(seconds):
    return 0.5 * np.sin(2 * np.pi * 200 * np.arange(round(seconds * SOUND_RATE)) / SOUND_RATE)


def test_sound_comes_at_the_rate_that_was_asked_for_and_at_its_time(tmp_path):
    # A sine of 200 Hz at 16 kHz: sample k is 0.5 sin(2 π 200 k / 16000). The resampler's filter
    # disturbs the ends.
    path = video(tmp_path / "a.mkv", 2.0, sound=_sine(2))
    (whole,) = pieces(path, RATE, STEP, 60 * RATE, 0)
    expected = 0.5 * np.sin(2 * np.pi * 200 * np.arange(len(whole.wave)) / RATE)
    assert len(whole.wave) == pytest.approx(2 * RATE, abs=32)
    assert np.abs(whole.wave - expected)[100:-100].max() < 0.002
    assert whole.heard.all()
    assert (whole.begin, whole.first) == (0, 0)


def test_sound_that_begins_late_is_late_and_silence_before_it_not_heard(tmp_path):
    # Half a second after the first picture: 8000 samples at 16 kHz.
    path = video(tmp_path / "a.mkv", 2.0, sound=_sine(1), late_s=0.5)
    (whole,) = pieces(path, RATE, STEP, 60 * RATE, 0)
    assert not whole.heard[:7990].any()
    assert whole.heard[8010:].all()
    assert np.abs(whole.wave[:7950]).max() == 0
    expected = 0.5 * np.sin(2 * np.pi * 200 * np.arange(4000) / RATE)
    assert np.abs(whole.wave[9600:13600] - expected).max() < 0.01  # 0.1 s, 20 periods, after it


@pytest.mark.parametrize(("piece_s", "margin_s"), [(0.5, 0.2), (0.3, 0.4), (5.0, 1.0)])
def test_pieces_are_the_whole_with_margins_around_them(tmp_path, piece_s, margin_s):
    path = video(tmp_path / "a.mkv", 2.0, sound=_sine(1.93))
    (whole,) = pieces(path, RATE, STEP, 60 * RATE, 0)
    piece, margin = round(piece_s * RATE), round(margin_s * RATE)
    found = list(pieces(path, RATE, STEP, piece, margin))
    assert [p.first for p in found] == [k * piece for k in range(len(found))]
    assert all(p.end == p.first + piece for p in found[:-1])
    assert len(whole.wave) - STEP < found[-1].end <= len(whole.wave)
    for p in found:
        assert p.begin == max(p.first - margin, 0)
        assert len(p.wave) == min(p.end + margin, len(whole.wave)) - p.begin
        np.testing.assert_array_equal(p.wave, whole.wave[p.begin : p.begin + len(p.wave)])


def test_a_video_without_sound_and_a_text_say_so(tmp_path):
    with pytest.raises(InputError, match="holds no sound"):
        list(pieces(video(tmp_path / "a.mp4", 0.5), RATE, STEP, RATE, 0))
    with pytest.raises(InputError, match="cannot be opened") as caught:
        list(pieces(text_file(tmp_path / "b.mp4"), RATE, STEP, RATE, 0))
    assert str(tmp_path) not in str(caught.value)


def test_a_real_clip_whose_sound_begins_late(clips):
    # face_noface.mov: its first sound is due at 2.43 s, when the animation begins.
    (whole,) = pieces(clips / "face_noface.mov", RATE, STEP, 60 * RATE, 0)
    assert np.flatnonzero(whole.heard)[0] == pytest.approx(2.43 * RATE, abs=200)
