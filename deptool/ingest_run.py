"""The recordings of an import through worker processes; in this one where one job is enough."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool

from deptool.corpus import Corpus
from deptool.errors import InputError
from deptool.importers import Item
from deptool.ingest_one import Done, Plan, import_item, size

# A worker process takes seconds to begin; for fewer bytes than these another is not worth it.
WORTH_A_WORKER = 20_000_000


def run(todo: Sequence[Item], plan: Plan, corpus: Corpus, jobs: int) -> Iterator[tuple[Item, Done]]:
    """Items as they are done; where this ends early, what is in hand is given up."""
    n_bytes = sum(size(path) for item in todo for path in item.files.values())
    workers = min(jobs, len(todo), 1 + n_bytes // WORTH_A_WORKER)
    if workers <= 1:
        for item in todo:
            yield item, import_item(item, plan, corpus.frames_path(item.recording_id))
        return
    from deptool.machine import usable_cores

    threads = max(1, usable_cores() // workers)
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _start, (threads,))
    running: dict[Future[Done], Item] = {}
    try:
        for item in todo:
            path = corpus.frames_path(item.recording_id)
            running[pool.submit(import_item, item, plan, path)] = item
        for future in as_completed(list(running)):
            yield running.pop(future), future.result()
    except BrokenProcessPool as error:
        raise InputError(
            "a worker process died, perhaps for want of memory",
            fix="What is done is kept: give the same command again, with a smaller --jobs.",
        ) from error
    finally:
        busy = list((pool._processes or {}).values()) if running else []
        for process in busy:  # on Ctrl-C nobody wants to wait for the files in hand
            process.terminate()
        # Waited for, or the pool's own thread could still be at work when Python ends.
        pool.shutdown(wait=True, cancel_futures=True)


def _start(threads: int) -> None:
    """Set up a worker: its share of the cores, before polars comes in; Ctrl-C is the parent's."""
    os.environ["POLARS_MAX_THREADS"] = str(threads)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A killed parent cannot end its workers; they must not live on."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
