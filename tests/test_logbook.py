"""Loggers of training: what they write, where, and that they are off unless asked for."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from deptool import plugins
from deptool.corpus import Corpus
from deptool.errors import MissingExtraError, UsageError
from deptool.evaluate import evaluate_run
from deptool.logbook import Logbook
from deptool.models.depressionmlp import Settings
from deptool.train import train
from fixtures.tables import make_tables_corpus
from tests.conftest import Run as Cli


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return make_tables_corpus(tmp_path_factory.mktemp("c") / "toy", n_subjects=8, seconds=5.0)


def test_nothing_is_logged_unless_asked_for(corpus: Corpus, tmp_path: Path) -> None:
    run = train(corpus, "depressionmlp", Settings(epochs=1), out=tmp_path / "run")
    assert not {"tensorboard", "mlruns"} & {p.name for p in run.root.iterdir()}


def test_an_unknown_logger_is_refused_before_anything_is_trained() -> None:
    with pytest.raises(UsageError, match="tensorboard"):
        Logbook(["tensorbord"])


@pytest.mark.parametrize("name", plugins.names("loggers"))
def test_a_missing_package_is_one_line(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    module = plugins.load("loggers", name)
    with pytest.raises(MissingExtraError, match=name) as caught:
        module.require()
    assert caught.value.fix == "pip install 'deptool[loggers]'"


def test_mlflow_keeps_curves_settings_and_metrics_on_this_disk(
    corpus: Corpus, tmp_path: Path, deptool: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9/never")  # must not be asked
    out = tmp_path / "run"
    words = ["--model", "depressionmlp", "--epochs", "2", "--seeds", "1", "--log", "mlflow"]
    done = deptool("train", corpus.root, *words, "--out", out)
    assert done.returncode == 0, done.stderr
    (curve,) = out.glob("mlruns/*/*/metrics/dev_rmse_seed0_fold0")
    lines = [line.split() for line in curve.read_text().splitlines()]
    assert [int(line[2]) for line in lines] == [1, 2]  # time, value, step
    (rate,) = out.glob("mlruns/*/*/params/learning_rate")
    assert float(rate.read_text()) == 2e-4
    (rmse,) = out.glob("mlruns/*/*/metrics/test_rmse")
    scored = evaluate_run(out).filter(predictor="model", split="test")["rmse"][0]
    assert float(rmse.read_text().split()[1]) == pytest.approx(scored, rel=1e-5)


def test_tensorboard_has_a_curve_of_each_member(
    corpus: Corpus, tmp_path: Path, deptool: Cli
) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    out = tmp_path / "run"
    words = ["--model", "depressionmlp", "--epochs", "3", "--seeds", "2", "--log", "tensorboard"]
    done = deptool("train", corpus.root, *words, "--out", out)
    assert done.returncode == 0, done.stderr
    events = EventAccumulator(str(out / "tensorboard"))
    events.Reload()
    assert [e.step for e in events.Scalars("dev_rmse/seed1-fold0")] == [1, 2, 3]
    assert {"result/test_rmse", "train_loss/seed0-fold0"} <= set(events.Tags()["scalars"])
