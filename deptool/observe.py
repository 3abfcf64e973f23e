"""One recording through an extractor: every sampled time, every face, measured as it goes."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deptool.errors import InputError
from deptool.face.observation import Face, Look, Measures, joined
from deptool.video import Sample, Video, upright_size

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

Box = tuple[int, int, int, int]

# Faces measured at once: enough for the cost of a call to vanish, few enough to stay small.
_CHUNK = 256

# Pictures that the decoder may be ahead of the extractor, and their bytes together.
_AHEAD, _AHEAD_BYTES = 8, 64e6

# Report progress after this many pictures of the source.
_REPORT_EVERY = 25

# Scales of pictures for extractors that say how large a face they need; and the shorter side (px)
# that a picture keeps at least, with a face in it and without.
_SCALES = (1 / 4, 1 / 3, 1 / 2, 2 / 3)
_LEAST_SIDE, _LEAST_SIDE_SEARCHING = 240, 480


@dataclass(frozen=True)
class Observed:
    """A recording as seen: looks (look) in order of time, and faces (face) in order of looks.

    times (look) in s; numbers (look), the source's picture numbers; lost (look), where no picture
    could be decoded; confidence (look), the best candidate's where no face was; owner (face), the
    look a face belongs to; boxes (face, 4) in px; face_confidence (face); measures, of all faces;
    width and height in px of the upright picture.
    """

    times: list[float]
    numbers: list[int]
    lost: NDArray[np.bool_]
    confidence: NDArray[np.float64]
    owner: NDArray[np.intp]
    boxes: NDArray[np.float64]
    face_confidence: NDArray[np.float64]
    measures: Measures
    width: int
    height: int


def observe(
    video: Video,
    module: Any,
    extractor: Any,
    fps: float | None,
    roi: Box | None = None,
    on_news: Callable[[int, float], None] = lambda _pictures, _seconds: None,
) -> Observed:
    """Look at every sampled picture; `roi` x y w h (px) is the only part that is looked at.

    `on_news` hears how many pictures were read and how many seconds of video, as they grow.
    Raises InputError where the region of interest lies outside the picture.
    """
    extractor.begin()
    eye = _Eye(video, module, extractor, roi)
    told, told_s = 0, 0.0
    for sample in _ahead(video.sample(fps), _room(video)):
        eye.take(sample)
        n_read, read_s = video.n_read, video.duration_s
        if n_read - told >= _REPORT_EVERY:
            on_news(n_read - told, read_s - told_s)
            told, told_s = n_read, read_s
    observed = eye.finish()
    on_news(video.n_read - told, video.duration_s - told_s)
    return observed


class _Eye:
    """Collects looks; measures faces in chunks, so that only what was measured stays in memory."""

    def __init__(self, video: Video, module: Any, extractor: Any, roi: Box | None) -> None:
        self._video, self._extractor, self._roi = video, extractor, roi
        self._batch: int = module.BATCH
        self._face_px: int | None = getattr(module, "FACE_PX", None)
        self._scale: float | None = None
        self._size = (0, 0)
        self._samples: list[Sample] = []
        self._n_waiting = 0  # samples taken that need a look of their own
        self._last = Look()
        self._times: list[float] = []
        self._numbers: list[int] = []
        self._lost: list[bool] = []
        self._confidence: list[float] = []
        self._owner: list[int] = []
        self._boxes: list[NDArray[np.float64]] = []
        self._face_confidence: list[float] = []
        self._waiting: list[Face] = []
        self._parts: list[Measures] = []

    def take(self, sample: Sample) -> None:
        """One sampled time; looked at when a batch is full."""
        self._samples.append(sample)
        self._n_waiting += sample.frame is not None and not sample.repeated
        if self._n_waiting >= self._batch:
            self._look()

    def finish(self) -> Observed:
        """Everything seen, once the video has ended."""
        self._look()
        self._measure()
        self._parts = self._parts or [self._extractor.measure([], *self._size)]
        return Observed(
            self._times,
            self._numbers,
            np.array(self._lost, dtype=bool),
            np.array(self._confidence, dtype=np.float64),
            np.array(self._owner, dtype=np.intp),
            np.array(self._boxes, dtype=np.float64).reshape(-1, 4),
            np.array(self._face_confidence, dtype=np.float64),
            joined(self._parts),
            *self._size,
        )

    def _look(self) -> None:
        new = [s for s in self._samples if not s.repeated]
        frames = [(s.frame, s.time_s) for s in new if s.frame is not None]
        looks = iter(self._see(frames))
        for sample in self._samples:
            if sample.frame is None:
                self._note(sample, Look())
                continue
            self._last = self._last if sample.repeated else next(looks)
            self._note(sample, self._last)
        self._samples, self._n_waiting = [], 0

    def _see(self, frames: Sequence[tuple[VideoFrame, float]]) -> list[Look]:
        """Looks at pictures with times (s), their faces in px of the whole picture."""
        if not frames:
            return []
        size = upright_size(frames[-1][0])
        if size != self._size:  # the first picture, or a stream that changes its size midway
            self._measure()
            self._size, self._scale = size, None
        part = _part(self._roi, size)
        scale = self._scale = self._scale or self._searching(part)
        x, y, _, _ = scaled = _scaled(part, scale)
        pictures = [_cut(self._video.picture(frame, scale), scaled) for frame, _ in frames]
        looks = self._extractor.see(pictures, [time_s for _, time_s in frames])
        moved = [
            Look(tuple(f.moved(scale, x / scale, y / scale) for f in look.faces), look.confidence)
            for look in looks
        ]
        self._scale = self._following(part, moved[-1])
        return moved

    def _note(self, sample: Sample, look: Look) -> None:
        for face in look.faces:
            self._owner.append(len(self._times))
            self._boxes.append(face.box)
            self._face_confidence.append(face.confidence)
            self._waiting.append(face)
        self._times.append(sample.time_s)
        self._numbers.append(sample.number)
        self._lost.append(sample.frame is None)
        self._confidence.append(look.confidence)
        if len(self._waiting) >= _CHUNK:
            self._measure()

    def _measure(self) -> None:
        if self._waiting:
            measured = self._extractor.measure(self._waiting, *self._size)
            self._parts.append(measured.compact())
            self._waiting = []

    def _searching(self, part: Box) -> float:
        """The scale while no face is known."""
        if self._face_px is None:
            return 1.0
        return _least_scale(_LEAST_SIDE_SEARCHING / min(part[2:]))

    def _following(self, part: Box, look: Look) -> float:
        """The scale at which the narrowest face keeps as many px as the extractor needs."""
        if self._face_px is None or not look.faces:
            return self._searching(part)
        narrowest = max(min(face.box[2] for face in look.faces), 1.0)
        return _least_scale(max(self._face_px / narrowest, _LEAST_SIDE / min(part[2:])))


def _least_scale(wanted: float) -> float:
    """The smallest scale of a few that is not below `wanted`."""
    return next((scale for scale in _SCALES if scale >= wanted), 1.0)


def _part(roi: Box | None, size: tuple[int, int]) -> Box:
    """The part (x y w h, px) of a picture of that size (width, height) that is looked at."""
    if roi is None:
        return 0, 0, *size
    left, top = max(roi[0], 0), max(roi[1], 0)
    right, bottom = min(roi[0] + roi[2], size[0]), min(roi[1] + roi[3], size[1])
    if right <= left or bottom <= top:
        raise InputError(
            f"the region of interest lies outside the picture of {size[0]} x {size[1]} px"
        )
    return left, top, right - left, bottom - top


def _scaled(part: Box, scale: float) -> Box:
    """Where a part (px of the unscaled picture) is cut out of a scaled one, in whole px of that."""
    x, y, w, h = (round(v * scale) for v in part)
    return x, y, max(w, 1), max(h, 1)


def _cut(picture: NDArray[np.uint8], part: Box) -> NDArray[np.uint8]:
    """The part out of a picture, both in the same px."""
    x, y, w, h = part
    if (y, x) == (0, 0) and (h, w) == picture.shape[:2]:
        return picture
    return np.ascontiguousarray(picture[y : y + h, x : x + w])


def _room(video: Video) -> int:
    """How many pictures may wait: fewer where they are huge. 1.5 bytes a px, as most are stored."""
    size = 1.5 * max(video.stream.width * video.stream.height, 1)
    return int(min(max(_AHEAD_BYTES // size, 1), _AHEAD))


def _ahead(samples: Iterator[Sample], room: int) -> Iterator[Sample]:
    """The same samples, decoded in a thread of their own while the extractor works."""
    ready: queue.Queue[Sample | BaseException | None] = queue.Queue(room)
    stopped = threading.Event()

    def put(item: Sample | BaseException | None) -> bool:
        while not stopped.is_set():
            try:
                ready.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def decode() -> None:
        try:
            for sample in samples:
                if not put(sample):
                    return
            put(None)
        except BaseException as error:  # noqa: BLE001 (raised again by the reader below)
            put(error)

    thread = threading.Thread(target=decode, daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stopped.set()
        thread.join()
