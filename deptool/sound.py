"""The sound of a video as encoders hear it: mono, at one rate, in pieces, in memory only.

Time 0 is that of the first picture, as in the frames table. Where the container has no sound, at
its beginning or in a gap, there is silence that counts as not heard.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deptool.errors import InputError
from deptool.video import open_container, words

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer

Wave = NDArray[np.float32]
Block = tuple[Wave, NDArray[np.bool_]]  # samples, and whether each was heard

# The stated time of a sound may be this far from where the one before ends (s): containers round.
_JITTER_S = 0.05


@dataclass(frozen=True)
class Piece:
    """A piece of a recording's sound, with what is heard around it.

    wave (sample,) and heard (sample,) begin at sample `begin`; the piece itself is from `first` to
    before `end`. All count samples since the first picture.
    """

    wave: Wave
    heard: NDArray[np.bool_]
    begin: int
    first: int
    end: int


def pieces(path: Path, rate: int, step: int, piece: int, margin: int) -> Iterator[Piece]:
    """The sound of a file in pieces of `piece` samples with `margin` before and after.

    Both are whole multiples of `step`, and so are the places where waves begin; what is left at the
    end beyond a whole step is in the last wave. Raises InputError, without the path, where the file
    cannot be opened, or has no sound that can be decoded.
    """
    if piece % step or margin % step:
        raise ValueError("a piece and its margin must be whole multiples of a step")
    wave, heard = np.zeros(0, np.float32), np.zeros(0, np.bool_)
    begin = first = 0  # of the wave in hand, and of the piece that is next
    found, more = False, [(wave, heard)]
    for block in _timeline(path, rate):
        more.append(block)
        found = found or bool(block[1].any())
        if begin + len(wave) + sum(len(b) for b, _ in more) < first + piece + margin:
            continue
        wave, heard = _joined((wave, heard), *more)
        more = []
        while begin + len(wave) >= first + piece + margin:
            end = first + piece
            stop = end + margin - begin
            yield Piece(wave[:stop], heard[:stop], begin, first, end)
            gone = max(end - margin - begin, 0)
            wave, heard = wave[gone:], heard[gone:]
            begin, first = begin + gone, end
    wave, heard = _joined((wave, heard), *more)
    if not found:
        raise InputError("no sound could be decoded")
    while (last := begin + len(wave)) - first >= step:  # a margin may hold more than one piece
        end = min(first + piece, last)
        low, high = max(first - margin, begin), min(end + margin, last)
        cut = slice(low - begin, high - begin)
        yield Piece(wave[cut], heard[cut], low, first, end)
        first = end


def _joined(*blocks: Block) -> Block:
    waves, heard = zip(*blocks, strict=True)
    return np.concatenate(waves), np.concatenate(heard)


def _timeline(path: Path, rate: int) -> Iterator[Block]:
    """Blocks of sound without a gap from time 0 on, and whether each sample was heard."""
    at = 0  # samples given so far
    for start_s, block in _decoded(path, rate):
        place = round(start_s * rate)
        if abs(place - at) <= _JITTER_S * rate and at:
            place = at
        if place > at:
            for some in _silence(place - at, rate):
                yield some, np.zeros(len(some), np.bool_)
            at = place
        new = block[at - place :]  # of what overlaps, the earlier stays
        if len(new):
            yield new, np.ones(len(new), np.bool_)
            at += len(new)


def _silence(samples: int, rate: int) -> Iterator[Wave]:
    """Silence in blocks of a second, since a wrong time may ask for hours."""
    for start in range(0, samples, rate):
        yield np.zeros(min(rate, samples - start), np.float32)


def _decoded(path: Path, rate: int) -> Iterator[tuple[float, Wave]]:
    """Blocks of mono sound at `rate` with their times (s) since the first picture."""
    import av

    try:
        container = open_container(path)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise InputError(f"cannot be opened: {words(error)}") from error
    with container:
        if not container.streams.audio:
            raise InputError("holds no sound")
        stream = container.streams.audio[0]
        zero = _first_picture_s(container)
        resampler: Any = None
        due: float | None = None  # when the next frame begins, if nothing is lost
        for frame in _frames(container, stream):
            time_s = frame.time if frame.time is not None else due or zero
            if resampler is None or due is None or abs(time_s - due) > _JITTER_S:
                yield from _rest(resampler)
                resampler, due = _Resampler(rate, time_s - zero), time_s
            due += frame.samples / frame.sample_rate
            yield from resampler.take(frame)
        yield from _rest(resampler)


class _Resampler:
    """Frames without a gap between them to mono at `rate`; what it gives is counted from `at`."""

    def __init__(self, rate: int, start_s: float) -> None:
        import av

        self._resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)
        self._rate, self._start_s, self._n = rate, start_s, 0

    def take(self, frame: Any) -> Iterator[tuple[float, Wave]]:
        """Blocks of what a frame gives; None takes out what is left."""
        if frame is not None:
            frame.pts = None  # times are counted here, where gaps are known
        for made in self._resampler.resample(frame):
            block = made.to_ndarray().reshape(-1).astype(np.float32)
            yield self._start_s + self._n / self._rate, block
            self._n += len(block)


def _rest(resampler: _Resampler | None) -> Iterator[tuple[float, Wave]]:
    if resampler is not None:
        yield from resampler.take(None)


def _frames(container: InputContainer, stream: AudioStream) -> Iterator[Any]:
    """Every frame of sound that can be decoded; damaged packets are passed over."""
    import av

    try:
        for packet in container.demux(stream):
            try:
                yield from packet.decode()
            except av.FFmpegError:
                continue  # the gap that it leaves is silence that was not heard
    except av.FFmpegError:
        return  # what comes after cannot be read; nor can its pictures, and extract has said so


def _first_picture_s(container: InputContainer) -> float:
    """When the first picture is shown, as the container states it; 0 without pictures."""
    for stream in container.streams.video:
        if stream.start_time is not None and stream.time_base:
            return float(stream.start_time * stream.time_base)
    return 0.0
