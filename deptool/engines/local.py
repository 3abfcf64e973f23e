"""Worker processes on this machine, spawned, never forked."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import queue
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Any

from deptool.errors import DeptoolError
from deptool.extract_one import Job, Plan, Row, Worker, empty_row

if TYPE_CHECKING:
    from multiprocessing.queues import Queue

# How often a recording may take its worker with it.
TRIES = 2

LOST = "the worker process died twice while it read this, perhaps for want of memory"

# In a worker: itself, and where its news go.
_worker: Worker | None = None
_news: Queue[tuple[int, float]] | None = None


def require() -> None:
    """This engine always runs."""


def run(
    jobs: Sequence[Job],
    plan: Plan,
    workers: int,
    address: str | None,
    on_news: Callable[[int, float], None],
) -> Iterator[Row]:
    """Rows as they are done; see `deptool.engines`. One pool per worker, so that one can die."""
    del address
    spawn = multiprocessing.get_context("spawn")
    news: Queue[tuple[int, float]] = spawn.Queue()
    todo = deque((job, 1) for job in jobs)
    n_slots = min(workers, len(jobs))
    threads = max(1, (os.cpu_count() or 1) // max(n_slots, 1))

    def pool() -> ProcessPoolExecutor:
        return ProcessPoolExecutor(1, spawn, _start, (plan, news, threads))

    idle = [pool() for _ in range(n_slots)]
    running: dict[Future[Row], tuple[ProcessPoolExecutor, Job, int]] = {}
    bug: BaseException | None = None
    try:
        while todo or running:
            while todo and idle:
                slot, (job, n_try) = idle.pop(), todo.popleft()
                try:
                    future = slot.submit(_extract, job)
                except BrokenProcessPool:  # it died between two recordings
                    slot = pool()
                    future = slot.submit(_extract, job)
                running[future] = slot, job, n_try
            done, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
            for pictures, seconds in _heard(news):
                on_news(pictures, seconds)
            on_news(0, 0.0)
            for future in done:
                slot, job, n_try = running.pop(future)
                error = future.exception()
                if isinstance(error, BrokenProcessPool):
                    _stop(slot)
                    slot = pool()
                idle.append(slot)
                if error is None:
                    yield future.result()
                elif isinstance(error, DeptoolError):
                    raise error
                elif isinstance(error, BrokenProcessPool) and n_try < TRIES:
                    todo.append((job, n_try + 1))
                else:
                    lost = isinstance(error, BrokenProcessPool)
                    bug = bug if lost else error
                    yield failed_row(job, plan, LOST if lost else "a bug of deptool's")
        if bug is not None:
            raise bug
    finally:
        for slot in [*idle, *(slot for slot, _, _ in running.values())]:
            _stop(slot)
        news.close()


def failed_row(job: Job, plan: Plan, reason: str) -> Row:
    """The row of a recording that could not be finished."""
    return empty_row(job.recording_id, plan) | {"status": "failed", "reason": reason}


def _start(plan: Plan, news: Queue[tuple[int, float]], threads: int) -> None:
    """Set up a worker: its share of the cores; what libraries log in C++ goes nowhere.

    Errors travel back as exceptions, so nothing that a user needs is written to stderr here.
    """
    global _worker, _news
    from threadpoolctl import threadpool_limits

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its workers itself
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, sys.__stderr__.fileno() if sys.__stderr__ else 2)
    os.close(sink)
    os.environ["OMP_NUM_THREADS"] = str(threads)  # for torch, which is not imported yet
    threadpool_limits(1)  # for numpy, which is; its matrices here are small
    _worker, _news = Worker(plan), news


def _end_with_parent() -> None:
    """A killed parent cannot end its workers; they must not live on."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _extract(job: Job) -> Row:
    assert _worker is not None
    assert _news is not None
    tell = _news.put
    return _worker.extract(job, lambda pictures, seconds: tell((pictures, seconds)))


def _heard(news: Queue[tuple[int, float]]) -> Iterator[tuple[int, float]]:
    with contextlib.suppress(queue.Empty):
        while True:
            yield news.get_nowait()


def _stop(pool: ProcessPoolExecutor) -> None:
    """End a worker now: on Ctrl-C nobody wants to wait for the video in hand."""
    processes: list[Any] = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        if process.is_alive():
            process.terminate()
    for process in processes:
        process.join()
