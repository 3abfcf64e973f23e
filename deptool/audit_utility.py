"""Utility beside risk: what a small model scores on a corpus, persons apart."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from deptool.audit_result import Utility
from deptool.bootstrap import Estimate
from deptool.corpus import Corpus
from deptool.errors import DeptoolError

PROTOCOL = "group-kfold:5"
MODEL = "ridge"
NONE = "none"
_METRICS = ("rmse", "mae", "ccc")


def utilities(
    sides: Sequence[tuple[str, Corpus]], model: str, seed: int
) -> tuple[tuple[Utility, ...], str | None]:
    """What the model and the constant predictor score on each side, and why where one cannot be.

    The run is written into a private folder, and removed. One seed of the model, five folds.
    """
    found: list[Utility] = []
    why = []
    for side, corpus in sides:
        try:
            found += _of(side, corpus, model, seed)
        except DeptoolError as error:
            why.append(f"{side}: {error.what}")
    return tuple(found), "; ".join(why) or None


def _of(side: str, corpus: Corpus, model: str, seed: int) -> list[Utility]:
    from deptool.evaluate import read_predictions, scores
    from deptool.train import train

    with tempfile.TemporaryDirectory(prefix="deptool-audit-") as folder:  # mode 0700
        out = Path(folder) / "run"
        train(corpus, model, protocol=PROTOCOL, split_seed=seed, seeds=(seed,), out=out)
        predictions = read_predictions(out)
    rows = [
        score
        for score in scores(predictions)
        if score.split == "test" and score.over.unit == "recording" and score.over.task is None
    ]
    names = {"model": model, "train_mean": "constant"}
    return [
        Utility(
            side,
            names[score.predictor],
            score.metrics.n,
            **{
                name: Estimate(getattr(score.metrics, name), score.intervals.get(name))
                for name in _METRICS
            },
        )
        for score in rows
    ]
