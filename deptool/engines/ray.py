"""Workers on a Ray cluster: one actor per worker, models loaded once, a lost one replaced.

The videos must be readable under the same path on every node; the tables need not be: an actor
sends them back, and the driver writes them. deptool must be installed on every node.
"""

from __future__ import annotations

import importlib.util
import logging
import socket
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from deptool.engines.local import LOST, TRIES, failed_row
from deptool.errors import DeptoolError, InputError, MissingExtraError
from deptool.extract_one import Job, Plan, Row, Worker
from deptool.tables import write_bytes

# How often the actors are asked how far they are.
_ASK_EVERY_S = 0.5

# How long a cluster may take to answer.
_REACH_S = 10.0


def require() -> None:
    """Raise MissingExtraError where Ray is not installed."""
    if importlib.util.find_spec("ray") is None:
        raise MissingExtraError(
            "the engine ray cannot run: ray is not installed", fix="pip install 'deptool[ray]'"
        )


@dataclass
class _Made:
    """What an actor made of a recording: its row, and its tables as bytes."""

    row: Row
    frames: bytes | None
    tracks: bytes | None


class _Actor:
    """A worker of the cluster. `tell` is answered while `extract` runs, in another thread."""

    def __init__(self, plan: Plan) -> None:
        self._worker = Worker(plan)
        self._pictures, self._seconds = 0, 0.0

    def extract(self, job: Job) -> _Made:
        """Extract one recording into a folder of its own, and hand the tables over."""
        with tempfile.TemporaryDirectory() as folder:
            frames, tracks = Path(folder) / "frames.parquet", Path(folder) / "tracks.parquet"
            row = self._worker.extract(replace(job, frames=frames, tracks=tracks), self._hear)
            return _Made(row, _content(frames), _content(tracks))

    def tell(self) -> tuple[int, float]:
        """Pictures and seconds of video read since the last call."""
        told = self._pictures, self._seconds
        self._pictures, self._seconds = self._pictures - told[0], self._seconds - told[1]
        return told

    def _hear(self, pictures: int, seconds: float) -> None:
        self._pictures += pictures
        self._seconds += seconds


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def run(
    jobs: Sequence[Job],
    plan: Plan,
    workers: int,
    address: str | None,
    on_news: Callable[[int, float], None],
) -> Iterator[Row]:
    """Rows as they are done; see `deptool.engines`. Without an address a cluster is started here.

    Raises InputError where the cluster cannot be reached.
    """
    import ray
    from ray.exceptions import RayActorError, RayTaskError

    mine = not ray.is_initialized()
    if mine:
        _connect(address, workers)
    remote: Any = ray.remote(_Actor)
    make = remote.options(num_cpus=1, max_concurrency=2)
    idle: list[Any] = [make.remote(plan) for _ in range(min(workers, len(jobs)))]
    todo = deque((job, 1) for job in jobs)
    running: dict[Any, tuple[Any, Job, int]] = {}
    bug: BaseException | None = None
    try:
        while todo or running:
            while todo and idle:
                actor, (job, n_try) = idle.pop(), todo.popleft()
                running[actor.extract.remote(job)] = actor, job, n_try
            done, _ = ray.wait(list(running), timeout=_ASK_EVERY_S)
            _ask([actor for actor, _, _ in running.values()], on_news)
            for ref in done:
                actor, job, n_try = running.pop(ref)
                try:
                    made: _Made = ray.get(ref)
                except RayActorError:  # the actor or its node is gone
                    idle.append(make.remote(plan))
                    if n_try < TRIES:
                        todo.append((job, n_try + 1))
                    else:
                        yield failed_row(plan, job, LOST)
                    continue
                except RayTaskError as error:
                    idle.append(actor)
                    if isinstance(error.cause, DeptoolError):
                        raise error.cause from None
                    bug = error
                    yield failed_row(plan, job, "a bug of deptool's")
                    continue
                idle.append(actor)
                _write(made, job)
                yield made.row
        if bug is not None:
            raise bug
    finally:
        for actor in [*idle, *(actor for actor, _, _ in running.values())]:
            ray.kill(actor)
        if mine:
            ray.shutdown()


def _connect(address: str | None, workers: int) -> None:
    import ray

    _reach(address)
    # Its own talk would be drawn over the progress bar.
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        if address is None:
            ray.init(num_cpus=workers, include_dashboard=False, **quiet)
        else:
            ray.init(address=address, **quiet)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise _unreachable(address, error) from error


def _reach(address: str | None) -> None:
    """Raise InputError where nobody answers at host:port; Ray itself would try for minutes."""
    host, colon, port = (address or "").removeprefix("ray://").rpartition(":")
    if not colon or not port.isdigit():  # "auto", or none
        return
    try:
        socket.create_connection((host, int(port)), timeout=_REACH_S).close()
    except OSError as error:
        raise _unreachable(address, error) from error


def _unreachable(address: str | None, error: Exception) -> InputError:
    return InputError(
        f"no Ray cluster can be reached there: {type(error).__name__}",
        where=f"--address {address}",
        fix="Start one with `ray start --head`, and name its address; or leave --address out.",
    )


def _ask(actors: Sequence[Any], on_news: Callable[[int, float], None]) -> None:
    """Hear how far the actors are; one that is gone or slow to answer is passed over."""
    import ray

    answers = [actor.tell.remote() for actor in actors]
    if not answers:
        return
    ready, _ = ray.wait(answers, num_returns=len(answers), timeout=_ASK_EVERY_S)
    for answer in ready:
        try:
            on_news(*ray.get(answer))
        except ray.exceptions.RayActorError:
            continue
    on_news(0, 0.0)


def _write(made: _Made, job: Job) -> None:
    """The tracks before the frames, which say that a recording is done."""
    if made.tracks is not None:
        write_bytes(job.tracks, made.tracks)
    if made.frames is not None:
        write_bytes(job.frames, made.frames)
