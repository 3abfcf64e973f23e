"""Work side by side in threads, one a core: torch's operations leave Python's lock alone."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from deptool.machine import usable_cores

T = TypeVar("T")
Tell = Callable[..., None]
Job = Callable[[Tell, threading.Event], T]

_LOOK_EVERY_S = 0.2


class StoppedError(Exception):
    """Raised by a job that found the event set: another job, or the caller, has failed."""


def side_by_side(jobs: Sequence[Job[T]], on_news: Callable[..., None] | None) -> list[T]:
    """What each job returns, in order.

    A job gets a function to tell news with, which reach `on_news` in the caller's thread, and an
    event; where it is set, the job is to put its things in order and raise StoppedError. The first
    error of a job or of `on_news`, or an interruption, sets it, and is raised when all have ended.
    """
    news: queue.SimpleQueue[tuple[Any, ...]] = queue.SimpleQueue()
    stop = threading.Event()

    def tell(*words: Any) -> None:
        news.put(words)

    with ThreadPoolExecutor(max_workers=min(len(jobs), usable_cores())) as pool:
        futures = [pool.submit(job, tell, stop) for job in jobs]
        try:
            while not all(future.done() for future in futures):
                _pass_on(news, on_news, _LOOK_EVERY_S)
                if any(_failed(future) for future in futures):
                    break
            while not news.empty():
                _pass_on(news, on_news, 0)
        finally:  # also where the caller interrupts
            stop.set()
    errors = [error for future in futures if (error := future.exception())]
    for error in errors:
        if not isinstance(error, StoppedError):
            raise error
    return [future.result() for future in futures]


def _pass_on(
    news: queue.SimpleQueue[tuple[Any, ...]], on_news: Callable[..., None] | None, wait: float
) -> None:
    try:
        words = news.get(timeout=wait)
    except queue.Empty:
        return
    if on_news:
        on_news(*words)


def _failed(future: Future[Any]) -> bool:
    return future.done() and future.exception() is not None
