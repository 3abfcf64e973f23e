"""Reading a video: which pictures to look at, at what time, and how the reading ended."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deptool.errors import InputError

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

# Name endings that are looked at in a folder; a file named by the user is tried whatever its name.
_ENDINGS = "3g2 3gp asf avi flv m2ts m4v mkv mov mp4 mpeg mpg mts mxf ogv ts vob webm wmv"
SUFFIXES = frozenset(f".{ending}" for ending in _ENDINGS.split())

# A container that promises this much more than its pictures show was cut.
_CUT_S = 1.0

# A picture may be taken this long before its time: half a picture's length at 30 per second.
_EARLY_S = 1 / 60


@dataclass(frozen=True)
class Sample:
    """One sampled time (s) and the picture shown then (row, column, channel), upright RGB."""

    time_s: float
    frame: int
    picture: NDArray[np.uint8]
    repeated: bool


@dataclass
class Video:
    """An open video. After `sample` is exhausted, `problem` tells how the reading ended."""

    container: InputContainer
    stream: VideoStream
    n_read: int = 0
    duration_s: float = 0.0
    width: int = 0
    height: int = 0
    problem: tuple[str, str] | None = None
    _last: tuple[int, NDArray[np.uint8]] | None = field(default=None, init=False)

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
        return self.container.duration / 1e6 if self.container.duration else None

    def sample(self, fps: float | None) -> Iterator[Sample]:
        """Pictures at the times k/fps (k = 0, 1, …) since the first one; None gives every picture.

        At each time comes the picture that was shown then: the last one that had begun, or the
        next if it begins within `_EARLY_S`, since containers round their times. A pause shows
        the picture that stood. Only sampled pictures are converted.
        """
        if fps is None:
            for number, time_s, frame in self._timed():
                yield Sample(time_s, number, self._upright(frame), False)
            return
        k = 0
        held: tuple[int, VideoFrame] | None = None
        for number, time_s, frame in self._timed():
            while held is not None and k / fps + _EARLY_S < time_s:
                yield from self._hold(held, k, 1, fps)
                k += 1
            held = (number, frame)
        if held is not None:
            left = int((self.duration_s - _EARLY_S) * fps + 1e-9) + 1 - k
            yield from self._hold(held, k, max(left, 0 if k else 1), fps)

    def _hold(
        self, held: tuple[int, VideoFrame], k: int, count: int, fps: float
    ) -> Iterator[Sample]:
        number, frame = held
        if not count:
            return
        if self._last is None or self._last[0] != number:
            self._last, again = (number, self._upright(frame)), False
        else:
            again = True
        for i in range(count):
            yield Sample((k + i) / fps, number, self._last[1], again or i > 0)

    def _timed(self) -> Iterator[tuple[int, float, VideoFrame]]:
        """Number from 1, time since the first picture, and picture; ascending in time."""
        first: float | None = None
        previous = -1.0
        step = 1.0 / (self.fps or 30.0)
        for frame in self._decode():
            stamp = frame.time if frame.time is not None else previous + step
            first = stamp if first is None else first
            time_s = stamp - first
            self.n_read += 1
            if time_s <= previous:  # unordered or doubled times: the picture came too late
                continue
            if previous >= 0:
                step = time_s - previous
            previous = time_s
            self.duration_s = time_s + step  # the last picture stands as long as the one before
            yield self.n_read, time_s, frame
        self._judge()

    def _decode(self) -> Iterator[VideoFrame]:
        """Every picture that can be decoded; damaged packets are passed over and remembered."""
        import av

        try:
            for packet in self.container.demux(self.stream):
                try:
                    yield from packet.decode()
                except av.FFmpegError as error:
                    self.problem = ("corrupt", f"damaged data: {_words(error)}")
        except av.FFmpegError as error:
            self.problem = ("corrupt", f"reading stopped: {_words(error)}")

    def _judge(self) -> None:
        """Cut or damaged: compare what was read with what the container promised."""
        promised = self.promised_s
        missing = promised - self.duration_s if promised else 0.0
        if not self.n_read:
            self.problem = ("unreadable", "no picture could be decoded")
        elif missing > max(_CUT_S, 3.0 / (self.fps or 30.0)):
            why = f"{self.duration_s:.1f} s of {promised:.1f} s could be read"
            self.problem = ("truncated", why)

    def _upright(self, frame: VideoFrame) -> NDArray[np.uint8]:
        picture: NDArray[np.uint8] = np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)
        turns = round(-(frame.rotation or 0) / 90) % 4
        if turns:
            picture = np.ascontiguousarray(np.rot90(picture, -turns))
        self.height, self.width = picture.shape[:2]
        return picture


@contextlib.contextmanager
def open_video(path: Path) -> Iterator[Video]:
    """Open a video for sampling; one decoding thread, so that processes can share the cores.

    Raises InputError (its text without the path) where the file cannot be opened or holds no
    video stream.
    """
    import av

    try:
        container = av.open(str(path))
    except (av.FFmpegError, OSError, ValueError) as error:
        raise InputError(f"cannot be opened as a video: {_words(error)}") from error
    with container:
        if container.format.name == "tty":  # FFmpeg draws a text's letters and calls it a video
            raise InputError("cannot be opened as a video: it is a text")
        streams = [s for s in container.streams.video if not _is_cover(s)]
        if not streams:
            raise InputError("holds no video stream")
        streams[0].thread_type = "NONE"
        yield Video(container, streams[0])


def find_videos(folder: Path) -> list[Path]:
    """Videos under a folder, sub-folders too, by name ending; sorted. Hidden files are left out.

    Raises InputError where the folder is missing or holds no video.
    """
    if folder.is_file():
        return [folder]
    if not folder.is_dir():
        raise InputError("no such folder", where=str(folder))
    found = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
    )
    if not found:
        raise InputError(
            "holds no video",
            where=str(folder),
            fix=f"Name a folder with videos, or one video; looked for names in {_ENDINGS}.",
        )
    return found


def recording_ids(folder: Path, videos: list[Path]) -> dict[str, Path]:
    """One id per video from its path below the folder; letters, digits, '-', '_' and '.'.

    Videos that would share an id all get their file's ending added, and a number if that is not
    enough, so that which of them comes first does not matter.
    """
    ids: dict[str, Path] = {}
    for name, same in _grouped(videos, lambda p: _plain_id(folder, p)).items():
        if len(same) == 1:
            ids[name] = same[0]
            continue
        for ended, paths in _grouped(same, partial(_ended_id, name)).items():
            for number, path in enumerate(paths, 1):
                ids[ended if len(paths) == 1 else f"{ended}-{number}"] = path
    return dict(sorted(ids.items()))


def _ended_id(name: str, path: Path) -> str:
    return f"{name}-{path.suffix[1:].lower()}"


def _plain_id(folder: Path, path: Path) -> str:
    relative = path.relative_to(folder) if path != folder else Path(path.name)
    plain = relative.with_suffix("").as_posix().replace("/", "__")
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in plain)[:150].strip(".") or "_"


def _grouped(paths: Iterable[Path], name_of: Callable[[Path], str]) -> dict[str, list[Path]]:
    """Paths by name, in path order; names that differ in case alone are one name."""
    groups: dict[str, tuple[str, list[Path]]] = {}
    for path in sorted(paths):
        name = name_of(path)
        groups.setdefault(name.lower(), (name, []))[1].append(path)
    return dict(groups.values())


def _is_cover(stream: Any) -> bool:
    """A picture attached to the file, as sound files have, is no video."""
    from av.stream import Disposition

    return bool(stream.disposition & Disposition.attached_pic)


def _words(error: Exception) -> str:
    """The reason in words, without FFmpeg's error number and without the file's path."""
    return getattr(error, "strerror", None) or type(error).__name__
