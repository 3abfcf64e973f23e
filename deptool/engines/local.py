"""Worker processes on this machine, spawned, never forked."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import queue
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from deptool import processes
from deptool.errors import DeptoolError, InputError
from deptool.extract_one import Job, News, Plan, Row, Worker, empty_row
from deptool.interrupts import ctrl_c_waits
from deptool.machine import usable_cores

if TYPE_CHECKING:
    from multiprocessing.queues import Queue

# How often a recording may take its worker with it.
TRIES = 2

LOST = "the worker process died or stood still twice while it read this, perhaps for want of memory"

CANNOT_START = "the worker processes end before they begin"
SEE = (
    "See `deptool doctor`. A script that calls extract() or embed() must do so under"
    " `if __name__ == '__main__':`, since every worker reads the script again."
)

# A worker that reports nothing for this long (s) is ended, as if it had died.
STALL_S = 900.0

# What a worker tells: recording, pictures read, seconds read.
Told = tuple[str, int, float]


class HasId(Protocol):
    """A job is of one recording."""

    @property
    def recording_id(self) -> str: ...


Task = TypeVar("Task", bound=HasId)
Done = TypeVar("Done")
Work = Callable[[Task, News], Done]

# In a worker: what it does with a job, and where its news go.
_work: Work[Any, Any] | None = None
_news: Queue[Told] | None = None

# A worker's pool, the job that it does, and how often that was tried, by what it will give.
Running = dict[Future[Any], tuple[ProcessPoolExecutor, Any, int]]


def require() -> None:
    """This engine always runs."""


def run(
    jobs: Sequence[Job],
    plan: Plan,
    workers: int,
    address: str | None,
    on_news: Callable[[int, float], None],
) -> Iterator[Row]:
    """Rows as they are done; see `deptool.engines`."""
    del address
    lost = partial(failed_row, plan)
    return run_jobs(jobs, partial(_extracting, plan), lost, workers, on_news)


def _extracting(plan: Plan) -> Work[Job, Row]:
    return Worker(plan).extract


def run_jobs(
    jobs: Sequence[Task],
    make: Callable[[], Work[Task, Done]],
    lost: Callable[[Task, str], Done],
    workers: int,
    on_news: Callable[[int, float], None],
) -> Iterator[Done]:
    """What becomes of each job as it is done, in any order; one pool per worker, so one can die.

    `make` is called once in each worker, and what it gives is called with every job and with what
    hears the news. `lost` says what a job gives that took its worker with it twice, or met a bug,
    and why. Closing the iterator ends the workers at once.
    """
    spawn = multiprocessing.get_context("spawn")
    news: Queue[Told] = spawn.Queue()
    todo = deque((job, 1) for job in jobs)
    n_slots = min(workers, len(jobs))
    threads = max(1, usable_cores() // max(n_slots, 1))

    # All of them, also one that Ctrl-C found between two lists.
    made: list[ProcessPoolExecutor] = []

    def pool() -> ProcessPoolExecutor:
        made.append(ProcessPoolExecutor(1, spawn, _start, (make, news, threads)))
        return made[-1]

    idle = [pool() for _ in range(n_slots)]
    running: Running = {}
    heard_at: dict[str, float] = {}
    begun: set[str] = set()
    bug: BaseException | None = None
    try:
        while todo or running:
            while todo and idle:
                slot, (job, n_try) = idle.pop(), todo.popleft()
                try:
                    future = _submit(slot, job)
                except BrokenProcessPool:  # it died between two recordings
                    slot = pool()
                    future = _submit(slot, job)
                running[future] = slot, job, n_try
                heard_at[job.recording_id] = time.monotonic()
            done, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
            for name, pictures, seconds in _heard(news):
                heard_at[name] = time.monotonic()
                begun.add(name)
                on_news(pictures, seconds)
            on_news(0, 0.0)
            _end_stalled(running, heard_at)
            for future in done:
                slot, job, n_try = running.pop(future)
                error = future.exception()
                if isinstance(error, BrokenProcessPool):
                    processes.stop(slot)
                    slot = pool()
                idle.append(slot)
                if error is None:
                    yield future.result()
                elif isinstance(error, DeptoolError):
                    raise error
                elif isinstance(error, BrokenProcessPool) and n_try < TRIES:
                    todo.append((job, n_try + 1))
                elif isinstance(error, BrokenProcessPool) and not begun:
                    raise InputError(CANNOT_START, fix=SEE) from error
                else:
                    died = isinstance(error, BrokenProcessPool)
                    bug = bug if died else error
                    yield lost(job, LOST if died else "a bug of deptool's")
        if bug is not None:
            raise bug
    finally:
        for slot in made:
            processes.stop(slot)
        news.close()


def _submit(slot: ProcessPoolExecutor, job: HasId) -> Future[Any]:
    """Hand a job to a worker, which is started if it is not there yet; meanwhile Ctrl-C waits."""
    with ctrl_c_waits():
        return slot.submit(_do, job)


def failed_row(plan: Plan, job: Job, reason: str) -> Row:
    """The row of a recording that could not be finished."""
    return empty_row(job.recording_id, plan) | {"status": "failed", "reason": reason}


def _start(make: Callable[[], Work[Any, Any]], news: Queue[Told], threads: int) -> None:
    """Set up a worker: its share of the cores; what libraries log in C++ goes nowhere.

    Errors travel back as exceptions, so nothing that a user needs is written to stderr here.
    """
    global _work, _news
    from threadpoolctl import threadpool_limits

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its workers itself
    processes.die_with_parent()
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, sys.__stderr__.fileno() if sys.__stderr__ else 2)
    os.close(sink)
    os.environ["OMP_NUM_THREADS"] = str(threads)  # for torch, which is not imported yet
    threadpool_limits(1)  # for numpy, which is; its matrices here are small
    _work, _news = make(), news


def _do(job: HasId) -> object:
    assert _work is not None
    assert _news is not None
    tell = _news.put
    name = job.recording_id
    tell((name, 0, 0.0))  # it has begun
    return _work(job, lambda pictures, seconds: tell((name, pictures, seconds)))


def _heard(news: Queue[Told]) -> Iterator[Told]:
    with contextlib.suppress(queue.Empty):
        while True:
            yield news.get_nowait()


def _end_stalled(running: Running, heard_at: dict[str, float]) -> None:
    """Kill the workers that were not heard for long; their futures then say that they are lost."""
    for slot, job, _ in running.values():
        if time.monotonic() - heard_at[job.recording_id] > STALL_S:
            _kill(slot)
            heard_at[job.recording_id] = time.monotonic()


def _kill(pool: ProcessPoolExecutor) -> None:
    for process in processes.of(pool):
        process.kill()
