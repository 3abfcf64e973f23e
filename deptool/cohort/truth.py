"""truth/: what was planted, as tables; what can be known of it at best, as numbers.

segments.parquet, cues.parquet, habits.parquet, oracle.parquet (a table of predictions) and
truth.json. A model must never read them: they are the answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from deptool import metrics
from deptool.cohort import oracle
from deptool.cohort.cues import CUES, MODALITIES, cues_of, habit_weight
from deptool.cohort.latent import Latent
from deptool.cohort.persons import Person, Split, Take
from deptool.cohort.settings import SCALE, SynthSettings
from deptool.cohort.severity import Severity
from deptool.columns import Column, Table
from deptool.corpus import Corpus
from deptool.schema import PREDICTIONS, SPLITS
from deptool.tables import write_json, write_table

if TYPE_CHECKING:
    import polars as pl

FOLDER = "truth"

NOTE = (
    "Synthetic: everything in this corpus was drawn by a generator. Nothing in it was measured on a"
    " person, and no result on it says anything about depression."
)

_id = Column("recording_id", "string", "one recording of the synthetic cohort")
_share = partial(Column, dtype="float32", low=0, high=1)
_sds = partial(Column, dtype="float32", unit="SD")
_cue = Column("cue", "string", "what severity acts on", choices=tuple(c.name for c in CUES))

SEGMENTS = Table(
    "truth_segments",
    "Synthetic: one row per segment of a recording, with what was planted there",
    (
        _id,
        Column("start_s", "float32", "where it begins", unit="s", low=0),
        Column("end_s", "float32", "where it ends", unit="s", low=0),
        Column("informative", "int32", "1 where it shows the person's severity", low=0, high=1),
        Column("speaks", "int32", "1 where the person speaks", low=0, high=1),
        *(
            _share(f"reliability_{m}", meaning=f"mean reliability of the {m} stream")
            for m in MODALITIES
        ),
    ),
)
CUES_TABLE = Table(
    "truth_cues",
    "Synthetic: one row per recording and cue, as informative and reliable segments show it",
    (
        _id,
        _cue,
        _sds("value", meaning="the latent cue: severity's part, the habit's, and chance"),
        _sds("severity_part", meaning="what of it severity makes"),
        _sds("habit_part", meaning="what of it is the person's, in all sessions"),
    ),
)
HABITS = Table(
    "truth_habits",
    "Synthetic: one row per person and cue",
    (
        Column("subject_id", "string", "a person of the synthetic cohort"),
        _cue,
        _sds("value", meaning="what the person's habit adds to this cue"),
    ),
)


@dataclass(frozen=True)
class Planted:
    """One recording: what was planted, whose it is, in which split."""

    take: Take
    person: Person
    latent: Latent
    split: Split


def write_truth(
    corpus: Corpus, settings: SynthSettings, severity: Severity, planted: Sequence[Planted]
) -> dict[str, Any]:
    """Write truth/ of a corpus and return truth.json's object."""
    import polars as pl

    folder = corpus.root / FOLDER
    for name, schema, rows in (
        ("segments", SEGMENTS, [row for each in planted for row in _segments(each)]),
        ("cues", CUES_TABLE, [row for each in planted for row in _cues(settings, each)]),
        ("habits", HABITS, _habits(settings, planted)),
    ):
        write_table(folder / f"{name}.parquet", schema, pl.DataFrame(rows))
    predictions = _predictions(settings, severity, planted)
    write_table(folder / "oracle.parquet", PREDICTIONS, predictions)
    about = {
        "synthetic": True,
        "note": NOTE,
        "scale": SCALE,
        "settings": asdict(settings),
        "scores": _scores(settings, severity, planted, predictions),
    }
    write_json(folder / "truth.json", about)
    return about


def _segments(each: Planted) -> list[dict[str, object]]:
    latent = each.latent
    trust = latent.segment_reliability().clip(0, 1)
    return [
        {
            "recording_id": each.take.recording_id,
            "start_s": latent.borders[i],
            "end_s": latent.borders[i + 1],
            "informative": int(latent.informative[i]),
            "speaks": int(latent.speaks[i]),
            **{f"reliability_{m}": trust[i, k] for k, m in enumerate(MODALITIES)},
        }
        for i in range(len(trust))
    ]


def _cues(settings: SynthSettings, each: Planted) -> list[dict[str, object]]:
    latent = each.latent
    return [
        {
            "recording_id": each.take.recording_id,
            "cue": cue.name,
            "value": latent.value[k],
            "severity_part": latent.severity_part[k],
            "habit_part": latent.habit_part[k],
        }
        for k, cue in enumerate(CUES)
        if cue in cues_of(settings)
    ]


def _habits(settings: SynthSettings, planted: Sequence[Planted]) -> list[dict[str, object]]:
    persons = {each.person.number: each.person for each in planted}
    weight = habit_weight(settings)
    return [
        {"subject_id": person.subject_id, "cue": cue.name, "value": weight * person.habits[k]}
        for person in persons.values()
        for k, cue in enumerate(CUES)
        if cue in cues_of(settings)
    ]


def _predictions(
    settings: SynthSettings, severity: Severity, planted: Sequence[Planted]
) -> pl.DataFrame:
    """The oracle's, in the table that every run's predictions have."""
    import polars as pl

    said = oracle.predict(settings, severity, np.stack([p.latent.value for p in planted]))
    trained = [p.take.session.score for p in planted if p.split == "train"]
    rows = [
        {
            "recording_id": each.take.recording_id,
            "subject_id": each.person.subject_id,
            "session_id": each.take.session.session_id,
            "task": each.take.task_name,
            "split": each.split,
            "fold": 0,
            "seed": 0,
            "scale": SCALE,
            "truth": each.take.session.score,
            "prediction": float(prediction),
            "train_mean": float(np.mean(trained)),
            "n_segments": int(each.latent.informative.sum()),
        }
        for each, prediction in zip(planted, said, strict=True)
    ]
    return pl.DataFrame(rows)


def _scores(
    settings: SynthSettings,
    severity: Severity,
    planted: Sequence[Planted],
    predictions: pl.DataFrame,
) -> dict[str, dict[str, Mapping[str, object]]]:
    """split (and all) -> predictor -> its metrics over recordings."""
    cues = np.stack([p.latent.value for p in planted])
    habits = np.stack([p.latent.habit_part for p in planted])
    knowing = oracle.predict_knowing_habits(settings, severity, cues, habits)
    split, truth = predictions["split"].to_numpy(), predictions["truth"].to_numpy()
    said = {
        "constant": predictions["train_mean"].to_numpy(),
        "oracle": predictions["prediction"].to_numpy(),
        "oracle_knowing_habits": knowing,
    }
    found: dict[str, dict[str, Mapping[str, object]]] = {}
    for part in (*SPLITS, "all"):
        here = np.full(len(split), True) if part == "all" else split == part
        found[part] = {
            name: {
                k: v
                for k, v in asdict(metrics.measure(truth[here], values[here])).items()
                if k in ("n", "rmse", "mae", "ccc")
            }
            for name, values in said.items()
        }
    return found


def truth_path(root: Path) -> Path:
    """Where a corpus's truth.json lies."""
    return root / FOLDER / "truth.json"
