"""openSMILE's descriptors: pitch where it is known, means, and pieces that fit together."""

import numpy as np
import pytest

pytest.importorskip("opensmile")

from deptool.encoders.egemaps import Encoder, Settings, encoding
from fixtures.embeddable import buzz

RATE = 16000
PITCH = 10  # place of F0 in the vector, in semitones above 27.5 Hz
LOUDNESS = 0


def _encode(wave, hop_s=0.01):
    with Encoder(Settings(hop_s=hop_s), None, "cpu") as encoder:
        return encoder.encode(wave.astype(np.float32))


def test_pitch_is_found_and_loudness_follows():
    # 220 Hz is three octaves above 27.5 Hz: 36 semitones.
    wave = buzz(2, 220, RATE)
    loud, soft = _encode(wave), _encode(0.1 * wave)
    assert np.median(loud[50:150, PITCH]) == pytest.approx(36, abs=0.2)
    assert loud[50:150, LOUDNESS].min() > soft[50:150, LOUDNESS].max()


def test_a_hop_is_the_mean_of_its_frames():
    wave = buzz(1.05, 180, RATE) * np.linspace(0, 1, round(1.05 * RATE))
    fine, coarse = _encode(wave), _encode(wave, 0.1)
    assert coarse.shape == (10, 25)
    np.testing.assert_allclose(coarse, fine[:100].reshape(10, 10, 25).mean(axis=1), rtol=1e-5)
    assert encoding(Settings(hop_s=0.1), None).hop_s == 0.1


def test_with_a_margin_a_piece_is_as_it_is_in_the_whole():
    # A new pitch every second, and a little noise; the piece from 4 s to 6 s, heard with 2 s on
    # either side. (Jitter and shimmer count periods from where a tone began: on one tone that is
    # steady to the last bit they depend on how much of it was heard.)
    tones = [buzz(1, hz, RATE) for hz in (150, 240, 180, 120, 300, 200, 170, 150, 220, 110)]
    wave = np.concatenate(tones)
    wave += 0.01 * np.random.default_rng(0).standard_normal(len(wave))
    whole = _encode(wave)[400:600]
    piece = _encode(wave[2 * RATE : 8 * RATE])[200:400]
    np.testing.assert_allclose(piece, whole, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("hop_s", [0.0, 0.015, 61.0])
def test_a_hop_that_is_no_multiple_of_a_frame_is_refused(hop_s):
    with pytest.raises(ValueError, match=r"multiple of 0\.01"):
        Settings(hop_s=hop_s)
