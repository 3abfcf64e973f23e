"""Models of whole recordings: one vector of features each, fitted at once, kept as arrays.

The model's file says what the features are (`describe`), how it learns from them (`fit`) and how it
applies what it learnt (`apply`); see `deptool.models`. Nothing is pickled: what `fit` returns are
arrays, and they are stored as a network's parameters are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from deptool.checkpoints import Checkpoint, read_checkpoints, write_checkpoints
from deptool.errors import DataError, TrainingError
from deptool.loop import OnEpoch
from deptool.measured import lacking, read, unreadable
from deptool.runs import Run
from deptool.tensor_file import misfit
from deptool.trainer import Member

if TYPE_CHECKING:
    from deptool.corpus import Corpus
    from deptool.prepare import OnRead, Plan


@dataclass(frozen=True)
class Described:
    """x (recording, feature) float64, NaN where a feature could not be computed."""

    plan: Plan
    x: NDArray[np.float64]
    names: tuple[str, ...]  # of the features
    recordings: pl.DataFrame
    skipped: Mapping[str, str]

    @property
    def n_segments(self) -> NDArray[np.int64]:
        return np.ones(len(self.recordings), np.int64)

    def about(self) -> dict[str, object]:
        return {"n_features": len(self.names), "n_segments": None, "n_segments_dropped": 0}

    def subjects(self) -> list[str | None]:
        return list(self.recordings["subject_id"])

    def train(
        self, run: Run, members: Sequence[Member], on_epoch: OnEpoch | None
    ) -> list[Checkpoint]:
        return [self._fit(run, member, on_epoch) for member in members]

    def _fit(self, run: Run, member: Member, on_epoch: OnEpoch | None) -> Checkpoint:
        """Fit once; the checkpoint has one epoch, with the RMSE over train and over dev."""
        path = run.checkpoint_path(member.seed, member.fold.number)
        if found := read_checkpoints(path):
            return found[member.key]
        pick = self.recordings["recording_id"].is_in(list(member.fold.train)).to_numpy()
        score = self.recordings["score"].to_numpy().astype(np.float64)
        subjects = self.subjects()
        state = self.plan.module.fit(
            self.x[pick],
            score[pick],
            [s for s, mine in zip(subjects, pick, strict=True) if mine],
            self.plan.settings,
            member.seed,
        )
        parameters = {name: torch.from_numpy(np.asarray(a).copy()) for name, a in state.items()}
        error = self._apply(parameters) - score
        dev = self.recordings["recording_id"].is_in(list(member.fold.dev)).to_numpy()
        loss, rmse = (float(np.sqrt(np.mean(error[rows] ** 2))) for rows in (pick, dev))
        if not np.isfinite(error).all():
            raise TrainingError(
                f"seed {member.seed}, fold {member.fold.number} predicts what is no number",
                where=str(run.root),
            )
        if on_epoch:
            on_epoch(member, 1, loss, rmse)
        done = Checkpoint(1, 1, True, [(loss, rmse)], parameters={}, best=parameters)
        write_checkpoints(path, {member.key: done})
        return done

    def predict(self, members: Sequence[Mapping[str, torch.Tensor]]) -> list[NDArray[np.float64]]:
        return [self._apply(parameters) for parameters in members]

    def _apply(self, parameters: Mapping[str, torch.Tensor]) -> NDArray[np.float64]:
        state = {name: tensor.cpu().numpy() for name, tensor in parameters.items()}
        try:
            found = self.plan.module.apply(state, self.x, self.subjects())
            scores = np.asarray(found, dtype=np.float64)
        except (KeyError, ValueError, IndexError, TypeError) as error:
            raise misfit(f"{type(error).__name__} where they are used") from error
        if scores.shape != (len(self.x),):
            raise misfit("they give another number of scores")
        return scores


def described(corpus: Corpus, recordings: pl.DataFrame, plan: Plan, on_read: OnRead) -> Described:
    """Read every recording and describe it.

    Raises DataError where a recording has no picture size to divide landmarks by.
    """
    rows: list[dict[str, float]] = []
    usable: list[bool] = []
    skipped: dict[str, str] = {}
    for done, recording in enumerate(recordings.iter_rows(named=True), start=1):
        reason = unreadable(recording) or lacking(corpus, recording, plan.columns)
        found: dict[str, float] | None = None if reason else {}
        if not reason and plan.columns:
            found = _describe(corpus, recording, plan)
            reason = "" if found is not None else "too few measured rows to describe it"
        usable.append(found is not None)
        if found is None:
            skipped[recording["recording_id"]] = reason
        else:
            rows.append(found)
        on_read(done, len(recordings))
    names = tuple(rows[0]) if rows else ()
    if any(tuple(row) != names for row in rows):
        raise DataError("the model described two recordings by different features")
    x = np.array([list(row.values()) for row in rows], np.float64).reshape(len(rows), len(names))
    return Described(plan, x, names, recordings.filter(usable), skipped)


def _describe(corpus: Corpus, recording: Mapping[str, Any], plan: Plan) -> dict[str, float] | None:
    times, values = read(corpus, recording, plan.columns)
    at = np.cumsum([0, *(len(names) for names in plan.columns.values())])
    groups = {
        group: values[:, start:end]
        for group, start, end in zip(plan.columns, at[:-1], at[1:], strict=True)
    }
    found: dict[str, float] | None = plan.module.describe(
        times, groups, plan.columns, plan.settings
    )
    return found
