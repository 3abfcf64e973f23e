"""The progress of a training: what counts as done, with early stops and resumed epochs."""

from types import SimpleNamespace
from typing import Any

from deptool.cli.bars import Bars
from deptool.splits import Fold
from deptool.trainer import Member

FOLD = Fold(0, (), (), ())


def bars(members: int, epochs: int = 10, patience: int = 3) -> Bars:
    found = Bars(SimpleNamespace(epochs=epochs, patience=patience), lambda run, resumed: None)
    found.read(1, 1)  # its bar is gone when training starts
    run: Any = SimpleNamespace(about={"members": [{}] * members})
    found.start(run, False)
    found.stop()
    return found


def completed(found: Bars) -> float:
    (task,) = found.progress.tasks
    return task.completed


def test_few_members_have_a_bar_each_and_many_have_one() -> None:
    assert bars(5).all is None
    assert bars(6).all is not None


def test_epochs_of_an_earlier_run_count() -> None:
    found = bars(6)
    found.advance(Member(0, FOLD), 8, 1.0, 2.0)  # resumed after epoch 7
    assert completed(found) == 8
    found.advance(Member(0, FOLD), 9, 1.0, 1.9)
    assert completed(found) == 9


def test_a_member_that_stops_early_has_no_more_to_do() -> None:
    found = bars(6)
    for epoch, rmse in enumerate([5.0, 6.0, 6.0, 6.0], start=1):  # best in epoch 1, patience 3
        found.advance(Member(0, FOLD), epoch, 1.0, rmse)
    assert completed(found) == 10
    found.done()
    assert completed(found) == 60
