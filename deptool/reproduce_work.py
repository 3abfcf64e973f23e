"""The runs of a reproduction: in this process, or several at once in processes of one thread."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import queue
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from deptool import processes
from deptool.errors import InputError
from deptool.interrupts import ctrl_c_waits
from deptool.runs import MARKER
from deptool.tables import read_json

if TYPE_CHECKING:
    from multiprocessing.queues import Queue

    from deptool.trainer import Member

_LOOK_EVERY_S = 0.2


@dataclass(frozen=True)
class Job:
    """A variant on a cohort: a run folder to be made. `epochs` are those of all its members."""

    cohort: str
    variant: str
    corpus: Path
    model: str
    settings: Any
    protocol: str
    seeds: tuple[int, ...]
    out: Path
    epochs: int

    @property
    def name(self) -> str:
        return f"{self.cohort}/{self.variant}"

    @property
    def done(self) -> bool:
        """Whether a finished run is there."""
        path = self.out / MARKER
        return path.is_file() and read_json(path).get("status") == "done"


@dataclass(frozen=True)
class News:
    """Of a job by its name: it has begun, a member has ended an epoch, the run is done."""

    job: str
    kind: Literal["begun", "epoch", "done"]
    seed: int = 0
    fold: int = 0
    epoch: int = 0


Tell = Callable[[News], None]

_queue: Queue[News] | None = None  # in a worker: where its news go


def work_off(jobs: Sequence[Job], at_once: int, on_news: Tell) -> None:
    """Make all runs; the first error ends it, and what others have trained is kept."""
    if at_once == 1 or len(jobs) == 1:
        from deptool.networks import threads

        with threads(1):
            for job in jobs:
                run_job(job, on_news)
                on_news(News(job.name, "done"))
        return
    spawn = multiprocessing.get_context("spawn")
    news: Queue[News] = spawn.Queue()
    pool = ProcessPoolExecutor(min(at_once, len(jobs)), spawn, _start, (news,))
    try:
        with ctrl_c_waits():
            futures = {pool.submit(_work, job): job for job in jobs}
        _wait(futures, news, on_news)
    except BrokenProcessPool as error:
        raise InputError(
            "a worker process died, perhaps for want of memory",
            fix="What is done is kept: give the same command again, with a smaller --jobs.",
        ) from error
    finally:
        processes.stop(pool)
        news.close()


def run_job(job: Job, tell: Tell) -> None:
    """Train one variant on one cohort, from where it was left."""
    from deptool.corpus import open_corpus
    from deptool.train import train

    def heard(member: Member, epoch: int, _loss: float, _dev_rmse: float) -> None:
        tell(News(job.name, "epoch", *member.key, epoch))

    tell(News(job.name, "begun"))
    train(
        open_corpus(job.corpus),
        job.model,
        job.settings,
        protocol=job.protocol,
        seeds=job.seeds,
        device="cpu",
        out=job.out,
        strict=True,
        on_epoch=heard,
    )


def _wait(futures: Mapping[Future[None], Job], news: Queue[News], on_news: Tell) -> None:
    """Until all are done, or one has failed. That one is done is told here.

    The last news of a worker may come after its result, or never.
    """
    left = set(futures)
    while left:
        done, left = wait(left, timeout=_LOOK_EVERY_S, return_when=FIRST_EXCEPTION)
        for one in _heard(news):
            on_news(one)
        for future in done:
            future.result()
            on_news(News(futures[future].name, "done"))


def _heard(news: Queue[News]) -> Iterator[News]:
    with contextlib.suppress(queue.Empty):
        while True:
            yield news.get_nowait()


def _start(news: Queue[News]) -> None:
    """Set up a worker: one thread, before torch and polars come in; Ctrl-C is the parent's."""
    global _queue

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    processes.die_with_parent()
    for name in ("OMP_NUM_THREADS", "POLARS_MAX_THREADS"):
        os.environ[name] = "1"
    _queue = news


def _work(job: Job) -> None:
    import torch

    torch.set_num_threads(1)
    assert _queue is not None
    run_job(job, _queue.put)
