"""Utility beside risk: what a small model scores on a corpus, persons apart."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from deptool import plugins
from deptool.audit_result import Utility
from deptool.bootstrap import Estimate
from deptool.corpus import Corpus
from deptool.errors import DeptoolError, UsageError, suggest

PROTOCOL = "group-kfold:5"
MODEL = "ridge"
NONE = "none"
_METRICS = ("rmse", "mae", "ccc")
_CONSTANT = "constant"


def require_utility(name: str) -> None:
    """Raise UsageError where it is no model, nor "none": before any work."""
    known = plugins.names("models")
    wanted = name.replace("_", "-").lower()
    if name != NONE and wanted not in known:
        raise UsageError(
            f"no model named {name!r}", where="--utility", fix=suggest(wanted, [*known, NONE])
        )


def utilities(
    sides: Sequence[tuple[str, Corpus]], model: str, seed: int, names: Mapping[str, str]
) -> tuple[tuple[Utility, ...], str | None]:
    """What the model and the constant predictor score on each side, and why where one cannot be.

    The run is written into a private folder, and removed. One seed of the model, five folds.
    `names`: pseudonym -> id of persons who are linked, so that the bootstrap draws the same persons
    on both sides.
    """
    found: list[Utility] = []
    why = []
    for side, corpus in sides:
        try:
            found += _of(side, corpus, model, seed, names)
        except DeptoolError as error:
            why.append(f"{side}: {error.what}")
    return tuple(found), "; ".join(why) or None


def _of(
    side: str, corpus: Corpus, model: str, seed: int, names: Mapping[str, str]
) -> list[Utility]:
    import polars as pl

    from deptool.evaluate import read_predictions, scores
    from deptool.train import train

    with tempfile.TemporaryDirectory(prefix="deptool-audit-") as folder:  # mode 0700
        out = Path(folder) / "run"
        train(corpus, model, protocol=PROTOCOL, split_seed=seed, seeds=(seed,), out=out)
        predictions = read_predictions(out)
    predictions = predictions.with_columns(pl.col("subject_id").replace(dict(names)))
    rows = [
        score
        for score in scores(predictions)
        if score.split == "test" and score.over.unit == "recording" and score.over.task is None
    ]
    # Of the constant predictor itself both are one.
    predictors = {"train_mean": _CONSTANT} | ({} if model == _CONSTANT else {"model": model})
    return [
        Utility(
            side,
            predictors[score.predictor],
            score.metrics.n,
            **{
                name: Estimate(getattr(score.metrics, name), score.intervals.get(name))
                for name in _METRICS
            },
        )
        for score in rows
        if score.predictor in predictors
    ]
