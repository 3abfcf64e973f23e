"""Training: what a corpus, a model and its settings make of a run folder.

Members are seeds x folds; loop.py trains each of them.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

import deptool
from deptool import plugins, runs, splits
from deptool.card import write_card
from deptool.checkpoints import Checkpoint
from deptool.corpus import Corpus
from deptool.errors import DataError
from deptool.joint import Joint, refuse_crossing
from deptool.loop import OnEpoch
from deptool.measured import scaling
from deptool.networks import find_device
from deptool.predict import predictions_table
from deptool.prepare import OnRead, Plan, Prepared, choose_columns, prepare
from deptool.runs import SUBJECTS_FILE, TRACKS_FILE, Run
from deptool.schema import HISTORY, PREDICTIONS, RUN_TRACKS, SCHEMA_VERSION, SPLITS, SUBJECTS
from deptool.sequenced import Sequenced
from deptool.splits import Fold
from deptool.streams import open_streams
from deptool.tables import write_table
from deptool.trainer import Member

_DISJOINT = "Use --protocol clean or group-kfold:5, or leave --strict out."


OnStart = Callable[[Run, bool], None]  # run.json as written, True where the run is resumed


def train(
    corpus: Corpus,
    model: str,
    settings: Any = None,
    *,
    scale: str | None = None,
    protocol: str | None = None,
    split_seed: int = 0,
    without: Sequence[str] = (),
    seeds: Sequence[int] = (0,),
    device: str = "auto",
    out: Path | None = None,
    strict: bool = False,
    on_read: OnRead = lambda _done, _of: None,
    on_start: OnStart | None = None,
    on_epoch: OnEpoch | None = None,
) -> Run:
    """Train every member and write the run folder; resume a run that is there, unfinished.

    `settings` None takes the paper's. `protocol` None is the corpus's own split, or group-kfold:5
    where it has none. `out` None is runs/<model>-<corpus>-<digest>. A run that is
    finished is returned as it is, and no callback is called. `without` names groups of columns that
    the model is to do without. `split_seed` deals persons to parts, where the protocol does. Raises
    DataError where the corpus cannot be trained on (with `strict`, also where a subject is on two
    sides of a split), SettingsError where `out` holds a run with other settings, TrainingError
    where the loss is not finite.
    """
    module = plugins.load("models", model)
    settings = module.Settings() if settings is None else settings
    place = find_device(device)
    recordings, scale = _scored(corpus, scale)
    protocol = protocol or splits.default_protocol(recordings)
    folds = splits.make_folds(recordings, protocol, split_seed, corpus.persons_unknown)
    overlap = splits.find_overlap(recordings, folds)
    if protocol == "official" and isinstance(corpus, Joint):
        refuse_crossing(recordings, folds[0])
    if strict and overlap:
        raise DataError(overlap.sentence(), where=f"corpus {corpus.name!r}", fix=_DISJOINT)
    about = _about(module, corpus, settings) | {
        "scale": scale,
        "protocol": protocol,
        "split_seed": split_seed,
        "without": sorted(without),
        "seeds": list(seeds),
    }
    if hasattr(module, "streams"):
        streams = open_streams(corpus, recordings, module.streams(settings))
        about["streams"] = {name: opened.about() for name, opened in streams.items()}
    about["digest"] = _digest(about, recordings)
    if out is None:
        name = f"{about['model']}-{runs.slug(corpus.name)}-{about['digest'][:8]}"
        out = Path("runs") / name
    before = runs.find_run(out, about)
    if before and before.done:
        return before
    columns, null = choose_columns(corpus, recordings, module, settings, without)
    plan = Plan(module, settings, columns, place, about.get("streams"))
    prepared = prepare(corpus, recordings, plan, on_read)
    folds = _usable(prepared, folds)
    members, found = _members(prepared, folds, seeds)
    about |= {
        "overlap": asdict(splits.find_overlap(recordings, folds)),
        "persons_unknown": corpus.persons_unknown,
        "synthetic": corpus.synthetic,
        "corpus_notes": list(corpus.notes) if isinstance(corpus, Joint) else [],
        "skipped": dict(prepared.skipped),
        "columns": columns,
        "columns_null": null,
        "normalisation": scaling(corpus),
        **found,
        **prepared.about(),
    }
    run = Run(out, about | {"device": str(place), "torch_version": torch.__version__})
    run.write()
    if on_start:
        on_start(run, before is not None)
    states = prepared.train(run, members, on_epoch)
    _keep_subjects(run, corpus, prepared)
    return _finish(run, prepared, members, states)


def _about(module: ModuleType, corpus: Corpus, settings: Any) -> dict[str, Any]:
    """What run.json says of a model, its settings and a corpus."""
    return {
        "schema_version": SCHEMA_VERSION,
        "deptool_version": deptool.__version__,
        "status": "running",
        "model": module.__name__.rsplit(".", 1)[1].replace("_", "-"),
        "title": module.TITLE,
        "doi": module.DOI,
        "corpus": corpus.name,
        "feature_set": corpus.feature_set,
        "id_space": corpus.id_space,
        "normalise": corpus.normalise,
        "settings": asdict(settings),
    }


def default_seeds(model: str) -> range:
    """Five of a network, since sets are small and one draw means little; one of other models."""
    return range(5 if hasattr(plugins.load("models", model), "build") else 1)


def _keep_subjects(run: Run, corpus: Corpus, prepared: Prepared) -> None:
    """Copy what the corpus knows of the run's persons, for results by subgroup."""
    known = corpus.subjects().join(prepared.recordings, on="subject_id", how="semi")
    if len(known):
        write_table(run.root / SUBJECTS_FILE, SUBJECTS, known.sort("subject_id"))


def _scored(corpus: Corpus, scale: str | None) -> tuple[pl.DataFrame, str]:
    recordings, scale = corpus.scored(scale)
    if recordings.is_empty():
        raise DataError(
            f"no recording belongs to a session that has a score on {scale}",
            where=f"corpus {corpus.name!r}",
            fix="Give recordings their session_id with: deptool label",
        )
    twice = recordings.filter(pl.col("recording_id").is_duplicated())
    if len(twice):
        raise DataError(
            f"session {twice['session_id'][0]!r} has two scores on {scale}", where="labels.parquet"
        )
    return recordings, scale


def _digest(about: dict[str, Any], recordings: pl.DataFrame) -> str:
    """SHA-256 of what decides a run's predictions, in short: same digest, same run."""
    wanted = ("recording_id", "subject_id", "split", "score", "n_frames", "n_success")
    names = (
        *("model", "feature_set", "normalise", "scale", "protocol", "split_seed", "without"),
        *("seeds", "settings"),
    )
    decisive = [{n: about[n] for n in names}, recordings.select(wanted).rows()]
    if "streams" in about:
        decisive.append({name: kept["digest"] for name, kept in about["streams"].items()})
    return hashlib.sha256(json.dumps(decisive).encode()).hexdigest()


def _usable(prepared: Prepared, folds: Sequence[Fold]) -> list[Fold]:
    """The folds without recordings that the model cannot use."""
    usable = set(prepared.recordings["recording_id"])
    folds = [fold.only(usable) for fold in folds]
    for fold in folds:
        splits.require_parts(fold, "scored recording that can be used")
    return folds


def _members(
    prepared: Prepared, folds: Sequence[Fold], seeds: Sequence[int]
) -> tuple[list[Member], dict[str, Any]]:
    """Seeds x folds, and what run.json says of them."""
    recordings = prepared.recordings
    score = dict(recordings.select("recording_id", "score").rows())
    subject = dict(recordings.select("recording_id", "subject_id").rows())
    mean = {f.number: float(np.mean([score[r] for r in f.train])) for f in folds}
    counts = [
        {
            split: {"recordings": len(part), "subjects": _n_subjects(subject[r] for r in part)}
            for split in SPLITS
            for part in [fold.part(split)]
        }
        for fold in folds
    ]
    members = [Member(seed, fold) for seed in seeds for fold in folds]
    numbers = [
        {"seed": m.seed, "fold": m.fold.number, "train_mean": mean[m.fold.number]} for m in members
    ]
    return members, {"folds": counts, "members": numbers}


def _n_subjects(subjects: Iterable[str | None]) -> int | None:
    """How many persons; None where the corpus does not say who is in a recording."""
    found = set(subjects)
    return None if None in found else len(found)


def _finish(
    run: Run, prepared: Prepared, members: Sequence[Member], states: Sequence[Checkpoint]
) -> Run:
    """Write model, history and predictions of the best epochs, mark the run as done, tell of it."""
    about = {**run.about, "status": "done"}
    about["members"] = [
        {
            **m,
            "epochs": s.epoch,
            "best_epoch": s.best_epoch,
            "dev_rmse": s.history[s.best_epoch - 1][1],
        }
        for m, s in zip(run.about["members"], states, strict=True)
    ]
    done = Run(run.root, about)
    weights = {(m.seed, m.fold.number): s.best for m, s in zip(members, states, strict=True)}
    runs.write_model(done, weights)
    history = [row for m, s in zip(members, states, strict=True) for row in _history(m, s)]
    write_table(run.root / "history.parquet", HISTORY, pl.DataFrame(history))
    scores = prepared.predict([state.best for state in states])
    tables = [
        _predictions(prepared, found, member, run.about["scale"], entry["train_mean"])
        for member, found, entry in zip(members, scores, run.about["members"], strict=True)
    ]
    write_table(run.root / "predictions.parquet", PREDICTIONS, pl.concat(tables))
    if isinstance(prepared, Sequenced):
        write_table(done.root / TRACKS_FILE, RUN_TRACKS, _tracks(prepared, members, states))
    done.write()
    done.drop_checkpoints()
    write_card(done.root)
    return done


def _tracks(
    prepared: Sequenced, members: Sequence[Member], states: Sequence[Checkpoint]
) -> pl.DataFrame:
    """What each member says of the times of its dev and test recordings."""
    tables = [
        prepared.tracks(state.best, member.fold.part(split)).with_columns(
            pl.lit(split).alias("split"),
            pl.lit(member.fold.number, pl.Int32).alias("fold"),
            pl.lit(member.seed, pl.Int32).alias("seed"),
        )
        for member, state in zip(members, states, strict=True)
        for split in ("dev", "test")
        if member.fold.part(split)
    ]
    return pl.concat(tables).select(c.name for c in RUN_TRACKS.columns)


def _history(member: Member, state: Checkpoint) -> list[dict[str, float]]:
    rows, best = [], math.inf
    for epoch, (loss, rmse) in enumerate(state.history, start=1):
        row = {"seed": member.seed, "fold": member.fold.number, "epoch": epoch}
        rows.append({**row, "train_loss": loss, "dev_rmse": rmse, "is_best": int(rmse < best)})
        best = min(best, rmse)
    return rows


def _predictions(
    prepared: Prepared,
    scores: NDArray[np.float64],
    member: Member,
    scale: str,
    train_mean: float,
) -> pl.DataFrame:
    """Rows for every recording of the member's fold, in train, dev and test; scores (recording)."""
    tables = []
    for split in SPLITS:
        names = list(member.fold.part(split))
        chosen = prepared.recordings["recording_id"].is_in(names).to_numpy()
        tables.append(
            predictions_table(
                prepared.recordings.filter(chosen),
                prediction=scores[chosen],
                n_segments=prepared.n_segments[chosen],
                scale=scale,
                train_mean=train_mean,
                split=split,
                seed=member.seed,
                fold=member.fold.number,
            )
        )
    return pl.concat(tables)
