"""A trained run on new recordings: what it reads, what it writes, what it refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from deptool.corpus import Corpus, open_corpus
from deptool.errors import DataError, InputError, SchemaError, UsageError
from deptool.models.depressionmlp import Settings
from deptool.predict import predict
from deptool.runs import Run
from deptool.schema import FRAMES, PREDICTIONS
from deptool.tables import read_table, write_json, write_table
from deptool.train import train
from fixtures.tables import make_tables_corpus
from tests.conftest import Run as Cli


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return make_tables_corpus(tmp_path_factory.mktemp("c") / "toy", n_subjects=4, seconds=8.0)


@pytest.fixture(scope="module")
def run(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Two members, seeds 0 and 1."""
    out = tmp_path_factory.mktemp("r") / "run"
    return train(corpus, "depressionmlp", Settings(epochs=2), seeds=[0, 1], out=out)


@pytest.fixture
def new(tmp_path: Path) -> Corpus:
    """Three other people, without labels."""
    return make_tables_corpus(
        tmp_path / "new", n_subjects=3, sessions=1, seconds=5.0, seed=9, labels=False
    )


def features(corpus: Corpus, name: str) -> Corpus:
    write_json(corpus.root / "corpus.json", {**corpus.about, "feature_set": name})
    return open_corpus(corpus.root)


def test_new_recordings_need_no_labels(run: Run, new: Corpus, tmp_path: Path) -> None:
    found = predict(new, run.root, out=tmp_path / "p.parquet")
    table = read_table(tmp_path / "p.parquet", PREDICTIONS)
    assert table.equals(found.predictions)
    assert table["recording_id"].to_list() == ["s000_0", "s001_0", "s002_0"]
    assert table["truth"].null_count() == 3
    assert set(table["n_segments"]) == {2}  # 30 rows: windows at 0 and 9
    assert found.in_training == ()  # the same ids, but a corpus of another name


def test_the_split_says_what_the_run_knew_of_a_recording(
    run: Run, corpus: Corpus, new: Corpus
) -> None:
    # Scoring a run on its own training data must not pass for a test.
    before = read_table(run.root / "predictions.parquet", PREDICTIONS)
    known = dict(before.select("recording_id", "split").unique().rows())
    own = predict(corpus, run.root)
    assert dict(own.predictions.select("recording_id", "split").rows()) == known
    assert set(own.in_training) == {r for r, split in known.items() if split == "train"}
    assert set(predict(new, run.root).predictions["split"]) == {"new"}


def test_a_damaged_or_lost_frames_table_is_one_clear_error(run: Run, new: Corpus) -> None:
    path = new.frames_path("s001_0")
    path.write_bytes(b"x")
    with pytest.raises(SchemaError, match=r"s001_0\.parquet: cannot be read as Parquet"):
        predict(new, run.root)
    path.unlink()
    with pytest.raises(InputError, match="its frames table is missing"):
        predict(new, run.root)


def test_a_prediction_is_the_mean_over_members(run: Run, corpus: Corpus) -> None:
    before = read_table(run.root / "predictions.parquet", PREDICTIONS)
    mean = before.group_by("recording_id").agg(pl.col("prediction").mean()).sort("recording_id")
    found = predict(corpus, run.root).predictions.sort("recording_id")
    assert found["prediction"].to_list() == pytest.approx(mean["prediction"].to_list(), rel=1e-5)
    parts = before.partition_by("seed")
    assert not parts[0]["prediction"].equals(parts[1]["prediction"])  # or a mean would say little


def test_known_scores_are_shown_and_training_data_are_named(run: Run, corpus: Corpus) -> None:
    found = predict(corpus, run.root)
    truth = dict(corpus.labels().select("session_id", "score").rows())
    assert dict(found.predictions.select("session_id", "truth").rows()) == truth
    # Of subjects 0 to 3, 0 and 1 are in train, with two sessions each.
    assert found.in_training == ("s000_0", "s000_1", "s001_0", "s001_1")


def test_the_run_can_be_moved(run: Run, new: Corpus, tmp_path: Path) -> None:
    moved = shutil.copytree(run.root, tmp_path / "elsewhere")
    assert predict(new, moved).predictions.equals(predict(new, run.root).predictions)


def test_a_recording_without_a_face_is_named_and_the_rest_predicted(run: Run, new: Corpus) -> None:
    write_table(new.frames_path("s001_0"), FRAMES, new.frames("s001_0").head(5))
    found = predict(new, run.root)
    assert list(found.skipped) == ["s001_0"]
    assert found.predictions["recording_id"].to_list() == ["s000_0", "s002_0"]


def test_another_feature_set_is_refused(run: Run, new: Corpus) -> None:
    with pytest.raises(DataError, match=r"features are openface-2,.*trained on toy-1"):
        predict(features(new, "openface-2"), run.root)


def test_missing_action_units_are_refused_by_name(run: Run, new: Corpus) -> None:
    for name in new.recordings()["recording_id"]:
        table = new.frames(name).with_columns(pl.lit(None, pl.Float32).alias("AU12_r"))
        write_table(new.frames_path(name), FRAMES, table)
    with pytest.raises(DataError, match=r"1 columns of the model .*: AU12_r"):
        predict(new, run.root)


def test_a_corpus_without_a_usable_recording_is_refused(run: Run, new: Corpus) -> None:
    for name in new.recordings()["recording_id"]:
        write_table(new.frames_path(name), FRAMES, new.frames(name).head(5))
    with pytest.raises(DataError, match="none of the 3 recordings"):
        predict(new, run.root)


def test_an_empty_corpus_is_refused(run: Run, new: Corpus) -> None:
    (new.root / "recordings.parquet").unlink()
    with pytest.raises(DataError, match="no recordings"):
        predict(new, run.root)


def test_what_is_no_run_is_refused(new: Corpus, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        predict(new, tmp_path / "nothing")
    with pytest.raises(InputError, match="is not a run"):
        predict(new, new.root)


def test_an_unfinished_run_is_refused(run: Run, new: Corpus, tmp_path: Path) -> None:
    half = shutil.copytree(run.root, tmp_path / "half")
    (half / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"model\.safetensors[\s\S]*unfinished"):
        predict(new, half)


def test_another_ending_is_refused_before_any_work(run: Run, new: Corpus, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"p\.xlsx"):
        predict(new, run.root, out=tmp_path / "p.xlsx")


def test_the_command_writes_csv_and_json(
    run: Run, new: Corpus, tmp_path: Path, deptool: Cli
) -> None:
    done = deptool("predict", run.root, new.root, "--out", tmp_path / "p.csv", "--json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    written = pl.read_csv(tmp_path / "p.csv")
    assert [row["recording_id"] for row in rows] == written["recording_id"].to_list()
    assert [row["prediction"] for row in rows] == pytest.approx(written["prediction"].to_list())
    assert "not a diagnosis" in done.stderr


def test_the_table_tells_training_recordings_from_others(
    run: Run, corpus: Corpus, new: Corpus, deptool: Cli
) -> None:
    own = deptool("predict", run.root, corpus.root).stdout
    assert "split" in own
    assert all(part in own for part in ("train", "dev", "test"))
    assert "split" not in deptool("predict", run.root, new.root).stdout


def test_the_command_shows_a_table_and_refuses_in_one_line(
    run: Run, new: Corpus, deptool: Cli
) -> None:
    shown = deptool("predict", run.root, new.root)
    assert shown.returncode == 0, shown.stderr
    assert "s002_0" in shown.stdout
    assert (run.root / "predicted" / "new.parquet").is_file()
    refused = deptool("predict", run.root, features(new, "openface-2").root)
    assert refused.returncode == 7
    assert "openface-2" in refused.stderr
    assert "Traceback" not in refused.stderr
