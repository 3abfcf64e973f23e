"""Ctrl-C at a moment that suits: not while a process starts, not inside a library's own code."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def ctrl_c_waits() -> Iterator[None]:
    """Hold Ctrl-C back until the end of the block, so that nothing in it is left half done.

    Processes started in it inherit that (not on Windows), and so say nothing while they start.
    """
    came: list[int] = []
    # Blocking is not enough: another thread may be told, and Python tells the main one, which is
    # the only one that may handle signals. A handler that Python does not know is None.
    handler = signal.getsignal(signal.SIGINT)
    mine = threading.current_thread() is threading.main_thread() and handler is not None
    if mine:
        signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    can_block = hasattr(signal, "pthread_sigmask")  # not on Windows
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if can_block else set()
    try:
        yield
    finally:
        if can_block:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if mine:
            signal.signal(signal.SIGINT, handler)
        if came:
            signal.raise_signal(signal.SIGINT)
