"""Ctrl-C and SIGTERM at a moment that suits: not while a process starts, not inside a library."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType

_TERMINATED = 128 + signal.SIGTERM  # the exit code that a shell gives to a process ended by it


@contextlib.contextmanager
def ctrl_c_waits() -> Iterator[None]:
    """Hold Ctrl-C back until the end of the block, so that nothing in it is left half done.

    SIGTERM waits too, where Python handles it. Processes started in it inherit of that what is of
    Ctrl-C (not on Windows), and so say nothing while they start; they can be ended all the same.
    """
    came: list[int] = []
    # Blocking is not enough: another thread may be told, and Python tells the main one, which is
    # the only one that may handle signals. A handler that Python does not know is None.
    mine = threading.current_thread() is threading.main_thread()
    known = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    held = {number: handler for number, handler in known.items() if mine and handler is not None}
    if not callable(known[signal.SIGTERM]):
        held.pop(signal.SIGTERM, None)
    for which in held:
        signal.signal(which, lambda number, _: came.append(number))
    can_block = hasattr(signal, "pthread_sigmask")  # not on Windows
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if can_block else set()
    try:
        yield
    finally:
        if can_block:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for which, handler in held.items():
            signal.signal(which, handler)
        for number in dict.fromkeys(came):
            signal.raise_signal(number)


def sigterm_ends_in_order() -> None:
    """From now on SIGTERM ends this process by SystemExit, so that nothing is left half done.

    Job schedulers send it. A second one ends the process at once. Call it in the main thread.
    """
    if sys.platform != "win32" and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _end)


def _end(number: int, _: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)
    sys.exit(_TERMINATED)
