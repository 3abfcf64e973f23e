"""Worker processes: they end with their parent, and at once where they are not wanted any more."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

_PR_SET_PDEATHSIG = 1  # of prctl(2)


def die_with_parent() -> None:
    """A killed parent cannot end its workers; they must not live on."""
    if sys.platform == "linux":  # by the kernel: a worker stuck in C would not notice
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def stop(pool: ProcessPoolExecutor) -> None:
    """End a pool's workers now: on Ctrl-C nobody wants to wait for what is in hand."""
    processes = of(pool)
    for process in processes:
        if process.is_alive():
            process.terminate()
    for process in processes:
        process.join()
    # Last, since it takes away what a worker that is just starting looks for. It waits for the
    # pool's thread, which Python would else disturb at its own end.
    pool.shutdown(wait=True, cancel_futures=True)


def of(pool: ProcessPoolExecutor) -> Sequence[Any]:
    """The pool's worker processes."""
    return list((pool._processes or {}).values())
