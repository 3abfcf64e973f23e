"""Small synthetic cohorts for the attacks, and what these see of them."""

from pathlib import Path

import numpy as np

from deptool.cohort.settings import SynthSettings
from deptool.corpus import Corpus
from deptool.identification import Sample
from deptool.synth import synthesise

PERSONS = 14


def cohort(root: Path, identity: float, **more) -> Corpus:
    """14 persons, two sessions of 30 s each, 6 rows a second."""
    settings = SynthSettings(
        **{"subjects": PERSONS, "seconds": 30.0, "identity": identity, "seed": 3, **more}
    )
    return synthesise(root, settings).corpus


def samples(corpus: Corpus, session: int) -> list[Sample]:
    """The recordings of each person's first (1) or second (2) session, in order of persons."""
    rows = corpus.recordings().sort("subject_id").iter_rows(named=True)
    return [
        Sample(r["subject_id"], r["session_id"], r, corpus.frames(r["recording_id"]))
        for r in rows
        if r["session_id"].endswith(f"_{session}")
    ]


def persons(found: list[Sample]) -> np.ndarray:
    """0, 1, 2, …, in order."""
    return np.arange(len(found))
