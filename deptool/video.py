"""Reading a video: which pictures to look at, at what time, and how the reading ended."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deptool.errors import InputError

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

# A container that promises this much more than its pictures show was cut.
_CUT_S = 1.0

# A picture may be taken this long before its time: half a picture's length at 30 per second.
_EARLY_S = 1 / 60


@dataclass(frozen=True)
class Sample:
    """One sampled time (s), the picture shown then and its number; no picture where it was lost.

    `repeated` says that the sample before shows the same picture.
    """

    time_s: float
    number: int
    frame: VideoFrame | None
    repeated: bool = False


@dataclass
class Video:
    """An open video. After `sample` is exhausted, `problem` tells how the reading ended."""

    container: InputContainer
    stream: VideoStream
    n_read: int = 0
    duration_s: float = 0.0
    problem: tuple[str, str] | None = None
    _other_s: float = 0.0  # how far the other streams went
    _converter: Any = field(default=None, init=False)

    @property
    def fps(self) -> float | None:
        """Pictures per second as the container states it."""
        rate = self.stream.average_rate or self.stream.guessed_rate
        return float(rate) if rate else None

    @property
    def promised_s(self) -> float | None:
        """Length as the container states it."""
        if self.stream.duration and self.stream.time_base:
            return float(self.stream.duration * self.stream.time_base)
        stated = _seconds(self.stream.metadata.get("DURATION", ""))  # Matroska's own place for it
        if stated:
            return stated
        return self.container.duration / 1e6 if self.container.duration else None

    def sample(self, fps: float | None) -> Iterator[Sample]:
        """Pictures at the times k/fps (k = 0, 1, …) since the first one; None gives every picture.

        At each time comes the picture that was shown then: the last one that had begun, or the
        next if it begins within `_EARLY_S`, since containers round their times. A pause shows
        the picture that stood; where damage left a gap, there is none.
        """
        if fps is None:
            yield from self._every()
            return
        k = 0
        held: Sample | None = None
        taken = False  # whether the held picture was given already
        stands_s = float("inf")  # until when the held picture may stand
        for new, damaged in self._timed():
            while held is None and k / fps + _EARLY_S < new.time_s:  # the beginning is damaged
                yield Sample(k / fps, 1, None)
                k += 1
            while held is not None and k / fps + _EARLY_S < new.time_s:
                if damaged:  # the next picture, due by then, is lost
                    stands_s = held.time_s + 1 / (self.fps or 30.0) - _EARLY_S
                yield _shown(held, k / fps, taken, stands_s)
                taken, k = True, k + 1
            held, taken, stands_s = new, False, float("inf")
        if held is not None:
            left = int((self.duration_s - _EARLY_S) * fps + 1e-9) + 1 - k
            for i in range(k, k + max(left, 0 if k else 1)):
                yield _shown(held, i / fps, taken, stands_s)
                taken = True

    def _every(self) -> Iterator[Sample]:
        """Every picture; those that damage took have their usual times."""
        step = 1 / (self.fps or 30.0)
        time_s, number = -step, 0  # of the picture before
        for new, damaged in self._timed():
            while damaged and time_s + 1.5 * step < new.time_s:
                time_s, number = time_s + step, number + 1
                yield Sample(time_s, number, None)
            time_s, number = new.time_s, new.number
            yield new

    def picture(self, frame: VideoFrame, scale: float = 1.0) -> NDArray[np.uint8]:
        """The upright picture (row, column, channel) in RGB, its sides scaled by `scale`."""
        from av.video.reformatter import VideoReformatter

        # One converter for the whole video: making one costs more than a conversion.
        self._converter = self._converter or VideoReformatter()
        width, height = (max(1, round(side * scale)) for side in (frame.width, frame.height))
        made = self._converter.reformat(frame, width, height, format="rgb24", threads=1)
        picture: NDArray[np.uint8] = np.asarray(made.to_ndarray(), dtype=np.uint8)
        turns = _turns(frame)
        return np.ascontiguousarray(np.rot90(picture, -turns)) if turns else picture

    def _timed(self) -> Iterator[tuple[Sample, bool]]:
        """Every picture, ascending in time since the first, and whether damage came before it."""
        first: float | None = None
        previous = -1.0
        step = 1.0 / (self.fps or 30.0)
        damaged = False
        for frame in self._decode():
            self.n_read += 1  # a damaged packet counts as the picture that it held
            if frame is None or frame.is_corrupt:
                self.problem = self.problem or ("corrupt", "damaged pictures")
                damaged = True
                continue
            stamp = frame.time if frame.time is not None else (first or 0.0) + previous + step
            if first is None:  # time does not begin later because the beginning is damaged
                first = min(stamp, self._start_s(stamp)) if damaged else stamp
            time_s = stamp - first
            if time_s <= previous:  # unordered or doubled times: the picture came too late
                continue
            if previous >= 0 and not damaged:
                step = time_s - previous
            previous = time_s
            self.duration_s = time_s + step  # the last picture stands as long as the one before
            yield Sample(time_s, self.n_read, frame), damaged
            damaged = False
        self._judge(first or 0.0)

    def _start_s(self, otherwise: float) -> float:
        """When the first picture is shown, as the container states it."""
        if self.stream.start_time is None or not self.stream.time_base:
            return otherwise
        return float(self.stream.start_time * self.stream.time_base)

    def _decode(self) -> Iterator[VideoFrame | None]:
        """Every picture that can be decoded; None where a damaged packet was passed over."""
        import av

        sound = [s for s in self.container.streams.audio if s.time_base]
        try:
            for packet in self.container.demux([self.stream, *sound]):
                if packet.stream is not self.stream:
                    if packet.pts is not None and packet.time_base:
                        self._other_s = max(self._other_s, float(packet.pts * packet.time_base))
                    continue
                try:
                    yield from self.stream.decode(packet)
                except av.FFmpegError as error:
                    self.problem = ("corrupt", f"damaged data: {words(error)}")
                    yield None
        except av.FFmpegError as error:
            self.problem = ("corrupt", f"reading stopped: {words(error)}")

    def _judge(self, first_s: float) -> None:
        """Cut or damaged: compare what was read with what the container promised."""
        promised = self.promised_s
        slack = max(_CUT_S, 3.0 / (self.fps or 30.0))
        missing = promised - self.duration_s if promised else 0.0
        # Without a length of its own for the pictures, the container's may be that of the sound.
        whole = not self.stream.duration and self._other_s - first_s > (promised or 0.0) - slack
        if not self.duration_s:
            self.problem = ("unreadable", "no picture could be decoded")
        elif missing > slack and not whole:
            why = f"{self.duration_s:.1f} s of {promised:.1f} s could be read"
            self.problem = ("truncated", why)


def upright_size(frame: VideoFrame) -> tuple[int, int]:
    """Width and height (px) of the upright picture."""
    sides = (frame.width, frame.height)
    return sides[::-1] if _turns(frame) % 2 else sides


def _turns(frame: VideoFrame) -> int:
    """Quarter turns clockwise that bring a picture upright."""
    return round(-(frame.rotation or 0) / 90) % 4


def _shown(held: Sample, time_s: float, taken: bool, stands_s: float) -> Sample:
    if time_s >= stands_s:
        return Sample(time_s, held.number, None)
    return Sample(time_s, held.number, held.frame, taken)


@contextlib.contextmanager
def open_video(path: Path) -> Iterator[Video]:
    """Open a video for sampling; one decoding thread, so that processes can share the cores.

    Raises InputError (its text without the path) where the file cannot be opened or holds no
    video stream.
    """
    import av

    try:
        container = open_container(path)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise InputError(f"cannot be opened as a video: {words(error)}") from error
    with container:
        if container.format.name == "tty":  # FFmpeg draws a text's letters and calls it a video
            raise InputError("cannot be opened as a video: it is a text")
        streams = [s for s in container.streams.video if not _is_cover(s)]
        if not streams:
            raise InputError("holds no video stream")
        streams[0].thread_type = "NONE"
        yield Video(container, streams[0])


def open_container(path: Path) -> Any:
    """PyAV's container of a file on this disk. What the file or its name says opens no other one.

    A name such as `http:x.mp4` is no address to FFmpeg then, nor are those in a playlist.
    """
    import av

    return av.open(f"file:{path}", options={"protocol_whitelist": "file"})


def _is_cover(stream: Any) -> bool:
    """A picture attached to the file, as sound files have, is no video."""
    from av.stream import Disposition

    return bool(stream.disposition & Disposition.attached_pic)


def _seconds(text: str) -> float | None:
    """Seconds of "00:00:19.683000000"; None for another text."""
    parts = text.split(":")
    try:
        hours, minutes, seconds = (float(part) for part in parts)
    except ValueError:
        return None
    return 3600 * hours + 60 * minutes + seconds


def words(error: Exception) -> str:
    """The reason in words, without FFmpeg's error number and without the file's path."""
    return getattr(error, "strerror", None) or type(error).__name__
