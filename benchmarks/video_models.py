"""Networks of recordings: seconds of an epoch, memory in training, memory in predicting.

`python -m benchmarks.video_models CORPUS MODEL [KEY=VALUE …]` times one epoch of each phase and
prints them as JSON; the part itself starts it for every model, to see its memory alone.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.section import Section, peak_mb, run, seconds
from deptool import plugins
from deptool.corpus import Corpus, open_corpus
from deptool.embeddings import Embedding, Encoding, write_embedding
from fixtures.tables import make_tables_corpus

# Recordings and their length: 300 of 52 s as in AVEC 2014, 150 of 650 s as in AVEC 2013, by the
# count of 3 s segments that the frame lists of the two give. A third of them is trained on.
SIZES = {"AVEC 2014": (150, 2, 52.0), "AVEC 2013": (75, 2, 650.0)}
MINUTES = (5, 50)
BATCHES = 12  # of an epoch are timed at most, and counted as all of it
MODELS = ("depressionmlp", "expada", "mddr", "depmap", "mpdrm")
DIMENSION, HOP_S = 24, 1.0


def measure() -> Section:
    """Every model on both sizes, then predicting from a short and a long recording."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for size, (subjects, sessions, length) in SIZES.items():
            corpus = _corpus(Path(folder) / size.replace(" ", ""), subjects, sessions, length)
            for model in MODELS:
                rows.append((size, model, *_training(corpus, model)))
        memory = [
            (f"a recording of {minutes} min", model, "", f"{peak:.0f}")
            for model in MODELS
            for minutes, peak in _predicting(Path(folder), model).items()
        ]
    cores = os.cpu_count()
    return Section(
        "Video models",
        f"One epoch of each phase with the default settings on {cores} cores, reading not counted,"
        f" by its first {BATCHES} batches; memory at its highest, reading and starting included."
        " Tables are random ones: 300 recordings of 52 s, 150 of 650 s, a third of them in"
        " training.",
        ("corpus of the size of", "model", "seconds an epoch", "peak MB"),
        [*rows, *memory],
        "The last rows predict from one recording with a network that was hardly trained. Clips are"
        " scored a few at a time, so that memory grows with a recording's table alone; but MDDR's"
        " attention is over a whole recording, and its memory grows with that.",
    )


def _corpus(root: Path, subjects: int, sessions: int, length: float) -> Corpus:
    corpus = make_tables_corpus(root, n_subjects=subjects, sessions=sessions, seconds=length)
    encoding = Encoding("random", 1, DIMENSION, HOP_S, "sound", True, synthetic=True)
    generator = np.random.default_rng(0)
    start = HOP_S * np.arange(int(length / HOP_S))
    for name in corpus.recordings()["recording_id"]:
        vectors = generator.standard_normal((len(start), DIMENSION)).astype(np.float32)
        valid = np.ones(len(start), bool)
        found = Embedding(encoding, start, start + HOP_S, vectors, valid)
        write_embedding(corpus.embedding_path("random", name), found)
    return corpus


def _words(model: str) -> list[str]:
    return ["modalities=face,random"] if model == "mddr" else []


def _training(corpus: Corpus, model: str) -> tuple[str, str]:
    out = corpus.root.parent / "epochs.json"
    words = [sys.executable, "-m", "benchmarks.video_models", corpus.root, model, out]
    peak = peak_mb(*map(str, words), *_words(model))
    found = json.loads(out.read_text())
    return ", ".join(f"{name} {s:.1f}" for name, s in found.items()), f"{peak:.0f}"


def _predicting(folder: Path, model: str) -> dict[int, float]:
    """minutes -> peak MB of `deptool predict` on one recording of that length."""
    command = [sys.executable, "-m", "deptool.cli.main"]
    made = folder / "small"
    if not made.exists():
        _corpus(made, 4, 2, 30.0)
    sets = [w for word in [*_words(model), "epochs=1"] for w in ("--set", word)]
    trained = folder / f"run-{model}"
    run(*command, "train", made, "--model", model, *sets, "--seeds", "1", "--out", trained)
    found = {}
    for minutes in MINUTES:
        one = folder / f"min{minutes}"
        if not one.exists():
            _corpus(one, 1, 1, 60.0 * minutes)
        out = folder / "predicted.parquet"
        found[minutes] = peak_mb(
            *map(str, [*command, "predict", trained, one, "--out", out, "--device", "cpu"])
        )
    return found


def _epochs(corpus: Corpus, model: str, words: list[str]) -> dict[str, float]:
    """Phase -> seconds of its first epoch."""
    from deptool.networks import find_device
    from deptool.prepare import Plan, choose_columns, prepare
    from deptool.settings import resolve
    from deptool.splits import Fold
    from deptool.trainer import Member

    module: Any = plugins.load("models", model)
    settings = resolve(module.Settings, words=words)
    recordings, _ = corpus.scored()
    columns, _ = choose_columns(corpus, recordings, module, settings)
    data: Any = prepare(corpus, recordings, Plan(module, settings, columns, find_device("cpu")))
    names = tuple(recordings["recording_id"])
    third = len(names) // 3
    fold = Fold(0, names[:third], names[third : 2 * third], names[2 * third :])
    trainer = data.trainer([Member(0, fold)])
    from deptool.runs import Run

    trainer.start(Run(Path(tempfile.mkdtemp()), {}))
    if not hasattr(module, "phases"):
        return {"": seconds(lambda: trainer.epoch([0]))}
    whole, times = module.draw, 1.0

    def some(*words: Any) -> Any:
        nonlocal times
        batches = whole(*words)
        times = max(1.0, len(batches) / BATCHES)
        return batches[:BATCHES]

    module.draw = some
    found = {}
    for phase in module.phases(settings):
        found[phase.name] = seconds(lambda: trainer.epoch([0])) * times
        trainer.states[0].ends.append(0)
        trainer.states[0].best = dict(trainer.network.state_dict())
    return found


if __name__ == "__main__":
    _root, _model, _out, *_rest = sys.argv[1:]
    Path(_out).write_text(json.dumps(_epochs(open_corpus(Path(_root)), _model, _rest)))
