"""Training: what a run folder holds, what can be repeated and resumed, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from deptool import runs, trainer
from deptool.corpus import Corpus, open_corpus
from deptool.errors import DataError, InputError, SettingsError, TrainingError, UsageError
from deptool.models.depressionmlp import Settings
from deptool.networks import average
from deptool.runs import Run, open_run, read_model
from deptool.schema import FRAMES, HISTORY, PREDICTIONS, SUBJECTS
from deptool.tables import read_table, write_table
from deptool.train import train
from fixtures.tables import make_tables_corpus
from tests.conftest import Run as Cli

FEW = Settings(epochs=3, segments_per_recording=2)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """8 persons, 2 sessions of 8 s: 4 segments each; 4 persons in train, 2 in dev, 2 in test."""
    return make_tables_corpus(tmp_path_factory.mktemp("c") / "toy", n_subjects=8, seconds=8.0)


@pytest.fixture
def own(tmp_path: Path) -> Corpus:
    """A corpus that a test may change."""
    return make_tables_corpus(tmp_path / "own", n_subjects=8, sessions=1, seconds=5.0)


@pytest.fixture(scope="module")
def run(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(corpus, "depressionmlp", FEW, out=tmp_path_factory.mktemp("r") / "run")


def predictions(run: Run) -> pl.DataFrame:
    return read_table(run.root / "predictions.parquet", PREDICTIONS)


def change(corpus: Corpus, *changes: pl.Expr) -> None:
    corpus.write_recordings(corpus.recordings().with_columns(changes))


# --- the folder ---------------------------------------------------------------------------


def test_training_takes_the_models_threads_and_gives_them_back(
    corpus: Corpus, tmp_path: Path
) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    seen: list[int] = []
    train(
        corpus,
        "depressionmlp",
        Settings(epochs=1),
        out=tmp_path / "run",
        on_epoch=lambda *_: seen.append(torch.get_num_threads()),
    )
    assert (seen, torch.get_num_threads()) == ([1], 2)
    torch.set_num_threads(before)


def test_the_folder_holds_the_run_and_nothing_else(run: Run) -> None:
    names = ["card.md", "history.parquet", "model.safetensors", "predictions.parquet", "run.json"]
    assert sorted(p.name for p in run.root.iterdir()) == names


def test_run_json_says_what_was_done(run: Run) -> None:
    about = open_run(run.root).about
    assert about["status"] == "done"
    assert about["settings"]["epochs"] == 3
    assert about["settings"]["learning_rate"] == 2e-4  # resolved, not only what was given
    assert (about["scale"], about["protocol"], about["seeds"]) == ("BDI-II", "official", [0])
    assert about["feature_set"] == "toy-1"
    assert about["columns_null"] == ["AU28_c", "AU45_c"]
    assert about["folds"] == [
        {
            "train": {"recordings": 8, "subjects": 4},
            "dev": {"recordings": 4, "subjects": 2},
            "test": {"recordings": 4, "subjects": 2},
        }
    ]


def test_predictions_are_there_for_train_dev_and_test(run: Run, corpus: Corpus) -> None:
    table = predictions(run)
    scored = corpus.scored()[0]
    assert dict(table.select("recording_id", "split").rows()) == dict(
        scored.select("recording_id", "split").rows()
    )
    assert dict(table.select("recording_id", "truth").rows()) == dict(
        scored.select("recording_id", "score").rows()
    )
    # 48 rows: windows at 0, 9, 18 and 27, but for those with too many rows without a face.
    assert table["n_segments"].max() == 4
    assert table["n_segments"].sum() == 16 * 4 - run.about["n_segments_dropped"]
    mean = scored.filter(pl.col("split") == "train")["score"].mean()
    assert table["train_mean"].to_list() == pytest.approx([mean] * 16)


def test_the_history_has_each_epoch_and_the_best_is_the_best_on_dev(run: Run) -> None:
    history = read_table(run.root / "history.parquet", HISTORY)
    assert history["epoch"].to_list() == [1, 2, 3]
    rmse = history["dev_rmse"].to_list()
    best = [int(value < min(rmse[:i], default=np.inf)) for i, value in enumerate(rmse)]
    assert history["is_best"].to_list() == best
    (member,) = run.about["members"]
    assert rmse[member["best_epoch"] - 1] == pytest.approx(min(rmse))
    # The predictions are the best epoch's: their dev RMSE is the one in the history.
    dev = predictions(run).filter(pl.col("split") == "dev")
    error = float(((dev["prediction"] - dev["truth"]) ** 2).mean()) ** 0.5  # type: ignore[arg-type]
    assert error == pytest.approx(min(rmse), rel=1e-5)


def test_the_model_file_explains_itself(run: Run) -> None:
    header, (parameters,) = read_model(run.root)
    assert header["model"] == "depressionmlp"
    assert header["settings"]["frames"] == 18
    assert header["feature_set"] == "toy-1"
    assert "max(width, height)" in header["normalisation"]
    assert {g: len(names) for g, names in header["columns"].items()} == {
        "landmarks": 136,
        "action_units": 33,
    }
    assert header["members"][0]["train_mean"] == pytest.approx(predictions(run)["train_mean"][0])
    assert sum(p.numel() for p in parameters.values()) == 42192


def test_nothing_of_the_machine_is_in_the_run(run: Run) -> None:
    for path in run.root.iterdir():
        assert str(run.root.parent).encode() not in path.read_bytes(), path.name


def test_the_mean_of_segments_is_per_recording() -> None:
    scores, recording = np.array([1.0, 3.0, 10.0]), np.array([0, 0, 2])
    assert average(scores, recording, 3).tolist() == pytest.approx([2, np.nan, 10], nan_ok=True)


def test_training_fits_what_it_is_given(corpus: Corpus, tmp_path: Path) -> None:
    losses: list[float] = []
    train(
        corpus,
        "depressionmlp",
        Settings(epochs=40, learning_rate=2e-3, patience=40),
        out=tmp_path / "run",
        on_epoch=lambda member, epoch, loss, rmse: losses.append(loss),
    )
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])


# --- repeating and resuming -----------------------------------------------------------------


def test_the_same_seed_gives_the_same_files(run: Run, corpus: Corpus, tmp_path: Path) -> None:
    torch.rand(3)  # what the caller draws must not matter
    again = train(corpus, "depressionmlp", FEW, out=tmp_path / "again")
    for name in ("predictions.parquet", "history.parquet", "model.safetensors"):
        assert (again.root / name).read_bytes() == (run.root / name).read_bytes(), name


def test_another_seed_gives_other_predictions(run: Run, corpus: Corpus, tmp_path: Path) -> None:
    other = train(corpus, "depressionmlp", FEW, seeds=[1], out=tmp_path / "other")
    assert not predictions(other)["prediction"].equals(predictions(run)["prediction"])


def test_the_callers_random_numbers_are_left_alone(corpus: Corpus, tmp_path: Path) -> None:
    torch.manual_seed(7)
    expected = torch.rand(2)
    torch.manual_seed(7)
    train(corpus, "depressionmlp", Settings(epochs=1), out=tmp_path / "run")
    assert torch.equal(torch.rand(2), expected)


class Stop(Exception):
    """The user pulls the plug."""


@pytest.mark.parametrize("at", [(0, 1), (0, 4), (1, 2)])
def test_a_resumed_run_is_the_run_without_the_interruption(
    corpus: Corpus, tmp_path: Path, at: tuple[int, int]
) -> None:
    settings = Settings(epochs=4)

    def go(out: str, stop: tuple[int, int] | None = None) -> tuple[Run, list[tuple[int, int]]]:
        seen: list[tuple[int, int]] = []

        def note(member: trainer.Member, epoch: int, loss: float, rmse: float) -> None:
            seen.append((member.seed, epoch))
            if seen[-1] == stop:
                raise Stop

        options = {"seeds": [0, 1], "out": tmp_path / out, "on_epoch": note}
        return train(corpus, "depressionmlp", settings, **options), seen  # type: ignore[arg-type]

    whole, every = go("whole")
    with pytest.raises(Stop):
        go("broken", at)
    assert json.loads((tmp_path / "broken/run.json").read_text())["status"] == "running"
    resumed, rest = go("broken")
    # Members are in step: the epoch in which one was interrupted is done for the other too.
    assert rest == [(seed, epoch) for seed, epoch in every if epoch > at[1]]
    for name in ("predictions.parquet", "history.parquet", "model.safetensors"):
        assert (resumed.root / name).read_bytes() == (whole.root / name).read_bytes(), name
    assert not (resumed.root / "checkpoints").exists()


def test_an_interruption_inside_an_epoch_falls_back_to_the_last_whole_one(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    whole = trainer.Trainer.dev_rmse
    calls = []

    def interrupted(self: trainer.Trainer, which: list[int]) -> list[float]:
        calls.append(1)
        if len(calls) == 2:  # the steps of epoch 2 are done, but not the epoch
            raise KeyboardInterrupt
        return whole(self, which)

    monkeypatch.setattr(trainer.Trainer, "dev_rmse", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(corpus, "depressionmlp", FEW, out=tmp_path / "run")
    resumed = train(corpus, "depressionmlp", FEW, out=tmp_path / "run")
    assert predictions(resumed).equals(predictions(run))


def test_a_finished_run_is_left_as_it_is(run: Run, corpus: Corpus) -> None:
    before = {p.name: p.stat().st_mtime_ns for p in run.root.iterdir()}
    called: list[object] = []
    again = train(
        corpus,
        "depressionmlp",
        FEW,
        out=run.root,
        on_start=lambda *words: called.append(words),
        on_epoch=lambda *words: called.append(words),
    )
    assert again.about["digest"] == run.about["digest"]
    assert not called
    assert {p.name: p.stat().st_mtime_ns for p in run.root.iterdir()} == before


def test_training_stops_when_dev_no_longer_gets_better(corpus: Corpus, tmp_path: Path) -> None:
    # A learning rate of almost nothing: the first epochs are all there is to gain.
    settings = Settings(epochs=50, patience=3, learning_rate=1e-30, weight_decay=0.0)
    done = train(corpus, "depressionmlp", settings, out=tmp_path / "run")
    (member,) = done.about["members"]
    assert (member["best_epoch"], member["epochs"]) == (1, 4)


def test_test_scores_cannot_choose_the_epoch(own: Corpus, tmp_path: Path) -> None:
    one = train(own, "depressionmlp", FEW, out=tmp_path / "one")
    labels, ids = own.labels(), own.recordings().filter(pl.col("split") == "test")["session_id"]
    turned = pl.when(pl.col("session_id").is_in(ids.implode())).then(63 - pl.col("score"))
    own.write_labels(labels.with_columns(turned.otherwise(pl.col("score")).alias("score")))
    other = train(own, "depressionmlp", FEW, out=tmp_path / "other")
    assert predictions(one)["prediction"].equals(predictions(other)["prediction"])
    assert not predictions(one)["truth"].equals(predictions(other)["truth"])


# --- folds --------------------------------------------------------------------------------


def test_group_kfold_predicts_everyone_once_in_test(corpus: Corpus, tmp_path: Path) -> None:
    settings = Settings(epochs=1)
    done = train(corpus, "depressionmlp", settings, protocol="group-kfold:4", out=tmp_path / "run")
    table = predictions(done)
    tested = table.filter(pl.col("split") == "test")
    assert sorted(tested["recording_id"]) == sorted(corpus.recordings()["recording_id"])
    for fold in range(4):
        part = table.filter(pl.col("fold") == fold)
        trained = part.filter(pl.col("split") == "train")
        assert not set(trained["subject_id"]) & set(
            part.filter(pl.col("split") != "train")["subject_id"]
        )
        assert part["train_mean"].to_list() == pytest.approx([trained["truth"].mean()] * 16)
    assert len(read_model(done.root)[1]) == 4


def test_without_a_split_of_its_own_persons_are_dealt_to_five_folds(tmp_path: Path) -> None:
    own = make_tables_corpus(tmp_path / "own", n_subjects=6, sessions=1, seconds=4.0, splits=False)
    assert train(own, "constant", out=tmp_path / "run").about["protocol"] == "group-kfold:5"


def test_a_network_has_five_seeds_unless_told(deptool: Cli, tmp_path: Path) -> None:
    own = make_tables_corpus(tmp_path / "own", n_subjects=4, sessions=1, seconds=4.0)
    for model, seeds in (("depressionmlp", [0, 1, 2, 3, 4]), ("ridge", [0])):
        words = ["--epochs", "1"] if model == "depressionmlp" else []
        done = deptool("train", own.root, "--model", model, *words, "--out", tmp_path / model)
        assert done.returncode == 0, done.stderr
        assert open_run(tmp_path / model).about["seeds"] == seeds


def test_what_is_known_of_the_persons_comes_along(own: Corpus, tmp_path: Path) -> None:
    known = {"subject_id": ["s000", "s999"], "gender": ["female", "male"], "age": [31.0, 40.0]}
    own.write_subjects(pl.DataFrame(known))
    done = train(own, "constant", out=tmp_path / "run")
    kept = read_table(done.root / "subjects.parquet", SUBJECTS)
    assert kept.rows() == [("s000", "female", 31.0)]  # s999 is in no recording


def test_a_subject_on_two_sides_is_reported_and_strict_refuses(own: Corpus, tmp_path: Path) -> None:
    same = pl.when(pl.col("subject_id").is_in(["s002", "s003"])).then(pl.lit("s000"))
    change(own, same.otherwise(pl.col("subject_id")).alias("subject_id"))
    done = train(own, "depressionmlp", Settings(epochs=1), out=tmp_path / "run")
    # s000 and s001 of four are in train, s002 in dev, s003 in test: the same person in all.
    overlap = json.loads((done.root / "run.json").read_text())["overlap"]
    assert overlap["pairs"] == {"train-dev": 1, "train-test": 1, "dev-test": 1}
    assert overlap["subjects"] == ["s000"]
    with pytest.raises(DataError, match="1 subject is on two sides"):
        train(own, "depressionmlp", FEW, out=tmp_path / "strict", strict=True)
    assert not (tmp_path / "strict").exists()


# --- refusals -----------------------------------------------------------------------------


def test_a_folder_with_another_run_is_refused(run: Run, corpus: Corpus) -> None:
    with pytest.raises(SettingsError, match="epochs is 3 there, 9 here"):
        train(corpus, "depressionmlp", Settings(epochs=9, segments_per_recording=2), out=run.root)
    with pytest.raises(SettingsError, match=r"seeds is \[0\] there, \[0, 1\] here"):
        train(corpus, "depressionmlp", FEW, seeds=[0, 1], out=run.root)


def test_a_run_on_other_scores_is_another_run(own: Corpus, tmp_path: Path) -> None:
    train(own, "depressionmlp", Settings(epochs=1), out=tmp_path / "run")
    own.write_labels(own.labels().with_columns(pl.col("score") / 2))
    with pytest.raises(SettingsError, match="other recordings, splits or scores"):
        train(own, "depressionmlp", Settings(epochs=1), out=tmp_path / "run")


def test_a_folder_with_something_else_is_refused(corpus: Corpus) -> None:
    with pytest.raises(InputError, match=r"neither empty nor a run"):
        train(corpus, "depressionmlp", FEW, out=corpus.root)


def test_a_damaged_checkpoint_is_named(corpus: Corpus, tmp_path: Path) -> None:
    def stop(*words: object) -> None:
        raise Stop

    with pytest.raises(Stop):
        train(corpus, "depressionmlp", FEW, out=tmp_path / "run", on_epoch=stop)
    path = tmp_path / "run/checkpoints/seed0-fold0.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(runs.SchemaError, match="seed0-fold0"):
        train(corpus, "depressionmlp", FEW, out=tmp_path / "run")


def test_no_labels(tmp_path: Path) -> None:
    bare = make_tables_corpus(tmp_path / "bare", n_subjects=4, seconds=4.0, labels=False)
    with pytest.raises(DataError, match="no labels"):
        train(bare, "depressionmlp", FEW, out=tmp_path / "run")


def test_a_scale_that_the_corpus_lacks(corpus: Corpus, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'PHQ-8'[\s\S]*BDI-II"):
        train(corpus, "depressionmlp", FEW, scale="PHQ-8", out=tmp_path / "run")


def test_labels_of_nobody(own: Corpus, tmp_path: Path) -> None:
    change(own, pl.lit(None, pl.String).alias("session_id"))
    with pytest.raises(DataError, match="no recording belongs to a session"):
        train(own, "depressionmlp", FEW, out=tmp_path / "run")


def test_two_scores_for_one_session(own: Corpus, tmp_path: Path) -> None:
    own.write_labels(pl.concat([own.labels(), own.labels().head(1)]))
    with pytest.raises(DataError, match="two scores"):
        train(own, "depressionmlp", FEW, out=tmp_path / "run")


def test_missing_subjects(own: Corpus, tmp_path: Path) -> None:
    change(own, pl.lit(None, pl.String).alias("subject_id"))
    with pytest.raises(DataError, match="8 scored recordings have no subject_id"):
        train(own, "depressionmlp", FEW, out=tmp_path / "run")


def test_a_dev_part_without_a_usable_recording(own: Corpus, tmp_path: Path) -> None:
    for name in own.recordings().filter(pl.col("split") == "dev")["recording_id"]:
        write_table(own.frames_path(name), FRAMES, own.frames(name).head(10))
    with pytest.raises(DataError, match="the dev part of fold 0"):
        train(own, "depressionmlp", FEW, out=tmp_path / "run")


def test_an_unusable_recording_is_in_run_json(own: Corpus, tmp_path: Path) -> None:
    write_table(own.frames_path("s000_0"), FRAMES, own.frames("s000_0").head(10))
    done = train(own, "depressionmlp", Settings(epochs=1), out=tmp_path / "run")
    assert list(done.about["skipped"]) == ["s000_0"]
    assert "s000_0" not in predictions(done)["recording_id"]
    assert done.about["folds"][0]["train"]["recordings"] == 3
    scores = own.scored()[0].filter(
        (pl.col("split") == "train") & (pl.col("recording_id") != "s000_0")
    )
    assert predictions(done)["train_mean"][0] == pytest.approx(scores["score"].mean())


def test_no_test_part_is_allowed(own: Corpus, tmp_path: Path) -> None:
    change(own, pl.col("split").replace("test", "train"))
    done = train(own, "depressionmlp", Settings(epochs=1), out=tmp_path / "run")
    assert set(predictions(done)["split"]) == {"train", "dev"}


def test_an_unknown_model_and_device(corpus: Corpus, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Did you mean 'depressionmlp'"):
        train(corpus, "depresionmlp", FEW, out=tmp_path / "run")
    with pytest.raises(UsageError, match="no device 'gpu'"):
        train(corpus, "depressionmlp", FEW, device="gpu", out=tmp_path / "run")


@pytest.mark.filterwarnings("ignore:invalid value")
def test_a_loss_that_is_not_finite_stops_training(corpus: Corpus, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"epoch \d[\s\S]*learning_rate"):
        train(corpus, "depressionmlp", Settings(learning_rate=1e30), out=tmp_path / "run")


# --- the command --------------------------------------------------------------------------


def test_the_command_trains_resumes_and_says_when_it_is_done(
    corpus: Corpus, tmp_path: Path, deptool: Cli
) -> None:
    words = ["train", corpus.root, "--model", "depressionmlp", "--epochs", "2"]
    first = deptool(*words, "--set", "patience=5", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    (root,) = (tmp_path / "runs").iterdir()
    assert root.name.startswith("depressionmlp-toy-")
    assert "constant" in first.stdout
    assert (root / "metrics.json").is_file()
    again = deptool(*words, "--set", "patience=5", cwd=tmp_path)
    assert again.returncode == 0
    assert "finished already" in again.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--set", "learning_rat=1"], 3, "Did you mean 'learning_rate'?"),
        (["--set", "epochs=many"], 3, 'epochs must be a whole number, not "many"'),
        (["--scale", "PHQ-8"], 7, "no scores on the scale 'PHQ-8'"),
        (["--protocol", "kfold"], 2, "unknown protocol"),
        (["--config", "none.toml"], 3, "none.toml"),
    ],
)
def test_the_command_refuses_in_one_line(
    corpus: Corpus, tmp_path: Path, deptool: Cli, words: list[str], code: int, said: str
) -> None:
    done = deptool("train", corpus.root, "--model", "depressionmlp", *words, cwd=tmp_path)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "runs").exists()


def test_the_command_warns_of_shared_persons(own: Corpus, tmp_path: Path, deptool: Cli) -> None:
    change(own, pl.lit("s000").alias("subject_id"))
    words = ["train", own.root, "--model", "depressionmlp", "--epochs", "1"]
    done = deptool(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "1 subject is on two sides of the split" in done.stderr
    assert "2 of 2 test recordings show a person the model has met before" in done.stderr
    assert deptool(*words, "--strict", "--out", "x", cwd=tmp_path).returncode == 7
    assert open_corpus(own.root).name == "own"


def test_a_group_can_be_left_out_where_the_model_can_do_without(
    corpus: Corpus, tmp_path: Path, deptool: Cli
) -> None:
    words = ["train", corpus.root, "--model", "ridge"]
    words += ["--without", "gaze", "--without", "landmarks"]
    done = deptool(*words, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert list(open_run(tmp_path / "run").about["columns"]) == ["action_units"]
    refused = deptool("train", corpus.root, "--model", "depressionmlp", "--without", "landmarks")
    assert refused.returncode == 2
    assert "cannot do without 'landmarks'" in refused.stderr


def test_settings_decide_what_the_corpus_must_have(own: Corpus, tmp_path: Path) -> None:
    for path in (own.root / "frames").iterdir():
        table = pl.read_parquet(path)
        write_table(path, FRAMES, table.drop(c.name for c in FRAMES.group("landmarks")))
    with pytest.raises(DataError, match="no recording has landmarks with a value"):
        train(own, "depressionmlp", Settings(epochs=1), out=tmp_path / "whole")
    alone = Settings(epochs=1, inputs="action_units", guidance="none")
    done = train(own, "depressionmlp", alone, out=tmp_path / "alone")
    assert list(done.about["columns"]) == ["action_units"]
    assert predictions(done)["prediction"].is_not_null().all()


@pytest.mark.parametrize("words", [("--epochs", 5), ("--set", "epochs=5")])
def test_a_model_that_is_fitted_at_once_says_that_it_has_no_epochs(
    words: tuple[object, ...], deptool: Cli, tmp_path: Path
) -> None:
    done = deptool("train", tmp_path, "--model", "ridge", *words)
    assert done.returncode == 2
    assert "ridge is fitted at once and has no epochs" in done.stderr
