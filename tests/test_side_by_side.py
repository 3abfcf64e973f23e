"""Work in threads: results in order, news in the caller's thread, an orderly stop."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from deptool.side_by_side import Job, StoppedError, side_by_side


def counting(n: int, ended: list[int] | None = None) -> Job[int]:
    """Tells 0 … n - 1 and returns n; where it is stopped, it says how far it came."""

    def job(tell: Any, stop: threading.Event) -> int:
        for i in range(n):
            if stop.is_set():
                if ended is not None:
                    ended.append(i)
                raise StoppedError
            tell(n, i)
            time.sleep(0.01)
        return n

    return job


def test_results_are_in_the_order_of_the_jobs() -> None:
    assert side_by_side([counting(3), counting(1), counting(2)], None) == [3, 1, 2]


def test_all_news_arrive_in_the_callers_thread() -> None:
    heard: list[tuple[int, int]] = []
    threads = set()

    def hear(job: int, i: int) -> None:
        threads.add(threading.get_ident())
        heard.append((job, i))

    side_by_side([counting(2), counting(3)], hear)
    assert sorted(heard) == [(2, 0), (2, 1), (3, 0), (3, 1), (3, 2)]
    assert threads == {threading.get_ident()}


def test_an_error_of_one_stops_the_others_and_is_raised() -> None:
    ended: list[int] = []

    def failing(tell: Any, stop: threading.Event) -> int:
        raise ValueError("the third member")

    with pytest.raises(ValueError, match="the third member"):
        side_by_side([counting(1000, ended), failing], None)
    assert len(ended) == 1
    assert ended[0] < 1000


@pytest.mark.parametrize("kind", [KeyboardInterrupt, RuntimeError])
def test_an_interruption_while_news_are_heard_lets_jobs_put_things_in_order(
    kind: type[BaseException],
) -> None:
    ended: list[int] = []

    def hear(*words: int) -> None:
        raise kind

    with pytest.raises(kind):
        side_by_side([counting(1000, ended), counting(2000, ended)], hear)
    # Those that had begun came to their end before the caller went on; on one core, only the first.
    assert 1 <= len(ended) <= 2
