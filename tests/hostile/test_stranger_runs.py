"""run.json of a stranger: every key with values of other kinds, for every verb that reads runs."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import torch

from deptool.card import card
from deptool.corpus import Corpus, open_corpus
from deptool.errors import DataError, DeptoolError, SchemaError
from deptool.evaluate import evaluate_run
from deptool.json_types import mismatch
from deptool.models.constant import Settings
from deptool.predict import predict
from deptool.report import report_runs
from deptool.run_about import About
from deptool.runs import read_tensors, write_tensors
from deptool.tables import read_json, write_json
from deptool.train import train
from fixtures.tables import make_tables_corpus

VALUES: tuple[Any, ...] = ("x", 5, 0.5, True, None, ["x"], [5], {"a": "b"}, {"a": 5}, [{"a": 5}])
KINDS = get_type_hints(About)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Corpus]:
    folder = tmp_path_factory.mktemp("made")
    corpus = make_tables_corpus(folder / "c", n_subjects=8, sessions=1, seconds=5.0)
    return train(corpus, "constant", Settings(), out=folder / "run").root, corpus


@pytest.fixture
def run(made: tuple[Path, Corpus], tmp_path: Path) -> Path:
    shutil.copytree(made[0], tmp_path / "run")
    return tmp_path / "run"


def put(run: Path, key: str, value: object) -> None:
    write_json(run / "run.json", read_json(run / "run.json") | {key: value})


def test_every_key_that_train_writes_has_a_kind(made: tuple[Path, Corpus]) -> None:
    assert read_json(made[0] / "run.json").keys() <= KINDS.keys()


@pytest.mark.parametrize("key", sorted(KINDS))
def test_a_key_of_another_kind_is_an_error_of_ours(
    run: Path, made: tuple[Path, Corpus], key: str
) -> None:
    for value in VALUES:
        put(run, key, value)
        verbs = [
            lambda: card(run),
            lambda: predict(open_corpus(made[1].root), run),
            lambda: report_runs(run),
            lambda: evaluate_run(run),
        ]
        if mismatch(value, KINDS[key], "") is None:  # what is of the kind must not fail otherwise
            try:
                card(run)
            except DeptoolError:
                continue
        elif key == "schema_version":
            continue
        else:
            for verb in verbs:
                with pytest.raises(DeptoolError):
                    verb()
            with pytest.raises(SchemaError, match=key):
                card(run)


@pytest.mark.parametrize("key", sorted(KINDS))
def test_a_card_of_a_run_that_lacks_a_key_is_written_or_refused(run: Path, key: str) -> None:
    about = read_json(run / "run.json")
    about.pop(key, None)
    write_json(run / "run.json", about)
    try:
        card(run)
    except DeptoolError:
        assert key in KINDS


def test_a_scale_that_nobody_knows_and_a_fold_without_a_part_are_refused(run: Path) -> None:
    put(run, "folds", [{"train": {"recordings": 1, "subjects": None}}])
    with pytest.raises(SchemaError, match="without train, dev or test"):
        card(run)
    put(run, "scale", "x")
    with pytest.raises(SchemaError, match="its scale is none of"):
        evaluate_run(run)


def test_weights_that_are_no_numbers_are_refused(run: Path, made: tuple[Path, Corpus]) -> None:
    path = run / "model.safetensors"
    tensors, about = read_tensors(path)
    (name,) = tensors
    write_tensors(path, {name: torch.full_like(tensors[name], math.nan)}, about)
    with pytest.raises(SchemaError, match=f"a number of '{name}' is none"):
        predict(made[1], run)


def test_a_prediction_that_is_not_finite_is_an_error(
    run: Path, made: tuple[Path, Corpus], tmp_path: Path
) -> None:
    # Tables hold float32, whose largest number is 3.4e38.
    path = run / "model.safetensors"
    tensors, about = read_tensors(path)
    for value in (1e308, math.inf):
        write_tensors(path, {name: torch.full_like(t, value) for name, t in tensors.items()}, about)
        with pytest.raises(DataError, match="recording 's000_0' is not a finite number"):
            predict(made[1], run, out=tmp_path / "p.csv")
    assert not (tmp_path / "p.csv").exists()


def test_where_a_value_is_of_another_kind_is_told() -> None:
    folds = [{"train": {"recordings": "x", "subjects": None}}]
    assert mismatch({"folds": folds}, About, "") == (
        "folds['0'].train.recordings is not a whole number"
    )
    assert mismatch({"doi": 5}, About, "") == "doi is not a text or null"
    assert mismatch({"members": [{"seed": 0, "fold": True}]}, About, "") is not None
    assert mismatch({"members": [{"seed": 0, "fold": 0, "train_mean": 1}]}, About, "") is None
