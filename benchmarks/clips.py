"""Clips to measure on: the animated portrait before a wall, filmed with a little noise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deptool.performance import performance
from deptool.portrait import Person, render

NOISE = 2.0  # grey levels, as of a camera in a room


def make_clip(path: Path, height: int, length_s: float, fps: int = 24, seed: int = 0) -> Path:
    """A 16:9 H.264 clip, `height` px high: a face about 0.55 of the height wide, in its middle."""
    import av

    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=fps, options={"crf": "23"})
        stream.width, stream.height, stream.pix_fmt = _even(height * 16 / 9), height, "yuv420p"
        for picture in _pictures(stream.width, height, length_s, fps, seed):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode())
    return path


def _pictures(
    width: int, height: int, length_s: float, fps: int, seed: int
) -> Iterator[NDArray[np.uint8]]:
    rng = np.random.default_rng(seed)
    grain = rng.normal(0, NOISE, (height + 64, width + 64, 1))
    wall = np.full((height, width, 3), 150.0)
    wall += 20 * np.sin(np.arange(width) / width * 9)[None, :, None]
    left = (width - height) // 2
    for motion in performance(0.6, length_s, fps, seed=seed):
        picture = wall.copy()
        picture[:, left : left + height] = render(motion, Person.random(seed), height)
        row, column = rng.integers(0, 64, 2)  # the same grain from elsewhere: new noise costs more
        picture += grain[row : row + height, column : column + width]
        yield np.clip(picture, 0, 255).astype(np.uint8)


def repeat(source: Path, target: Path, times: int) -> Path:
    """A clip that shows another one several times over; nothing is encoded again."""
    import av

    with av.open(str(target), "w") as output:
        copy: Any = None
        shift = 0
        for _ in range(times):
            with av.open(str(source)) as container:
                stream = container.streams.video[0]
                copy = copy or output.add_stream_from_template(stream)
                for packet in container.demux(stream):
                    if packet.pts is None or packet.dts is None:
                        continue
                    packet.pts += shift
                    packet.dts += shift
                    packet.stream = copy
                    output.mux(packet)
                shift += stream.duration or 0
    return target


def _even(number: float) -> int:
    return 2 * round(number / 2)
