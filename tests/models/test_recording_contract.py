"""What every model of whole recordings must do: those in deptool/models that have `fit`."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from deptool import plugins
from deptool.corpus import Corpus
from deptool.predict import predict
from deptool.schema import FRAMES, PREDICTIONS
from deptool.settings import resolve
from deptool.tables import read_table
from deptool.train import train
from fixtures.tables import make_tables_corpus
from tests.models.recordings import COLUMNS, features, recordings

State = dict[str, NDArray[Any]]

MODELS = [name for name in plugins.names("models") if plugins.defines("models", name, "fit")]


@pytest.fixture(params=MODELS, scope="module")
def model(request: pytest.FixtureRequest) -> ModuleType:
    return plugins.load("models", request.param)


@pytest.fixture(scope="module")
def state(model: ModuleType) -> State:
    """What the model learns from all recordings, with seed 0."""
    x, score, subject = features(model)
    state: State = model.fit(x, score, subject, model.Settings(), 0)
    return state


@pytest.fixture
def describing(model: ModuleType) -> ModuleType:
    if not (model.NEEDS or model.USES):
        pytest.skip("it looks at no table")
    return model


# --- what it says of itself ----------------------------------------------------------------


def test_it_names_its_paper_or_what_it_is(model: ModuleType) -> None:
    assert len(model.TITLE) > 20
    assert len((model.__doc__ or "").splitlines()[0]) < 100
    if model.DOI is not None:
        assert re.fullmatch(r"10\.\d{4,9}/\S+", model.DOI)
        assert "Departures from the paper" in (model.__doc__ or "")


def test_it_works_on_groups_that_there_are(model: ModuleType) -> None:
    assert {*model.NEEDS, *model.USES} <= set(FRAMES.optional)
    assert not {*model.NEEDS} & {*model.USES}
    assert hasattr(model, "describe") == bool(model.NEEDS or model.USES)


def test_settings_are_frozen_and_survive_the_model_file(model: ModuleType) -> None:
    settings = model.Settings()
    for field in dataclasses.fields(settings):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(settings, field.name, 1)
    kept = json.loads(json.dumps(dataclasses.asdict(settings)))
    assert resolve(model.Settings, kept) == settings


# --- a run ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """8 persons in train, 4 in dev, 4 in test, one recording of 10 s each; no pose, no gaze."""
    root = tmp_path_factory.mktemp("corpus") / "toy"
    return make_tables_corpus(root, n_subjects=16, sessions=1, seconds=10.0)


def test_it_is_trained_stored_and_applied_again(
    model: ModuleType, corpus: Corpus, tmp_path: Path
) -> None:
    name = model.__name__.rsplit(".", 1)[1]
    run = train(corpus, name, out=tmp_path / "run")
    assert set(run.about["columns"]) == {"landmarks", "action_units"} & {*model.NEEDS, *model.USES}
    before = read_table(run.root / "predictions.parquet", PREDICTIONS).sort("recording_id")
    assert len(before) == 16
    assert before["n_segments"].to_list() == [1] * 16
    after = predict(corpus, run.root).predictions.sort("recording_id")
    assert after["prediction"].to_list() == before["prediction"].to_list()


# --- features ------------------------------------------------------------------------------


def test_the_features_are_numbers_by_the_same_names(describing: ModuleType) -> None:
    used = {g: COLUMNS[g] for g in (*describing.NEEDS, *describing.USES)}
    names = set()
    for times, groups, _, _ in recordings()[:3]:
        given = {g: groups[g] for g in used}
        before = {g: v.copy() for g, v in given.items()}
        found = describing.describe(times, given, used, describing.Settings())
        names.add(tuple(found))
        assert all(isinstance(value, float) for value in found.values())
        assert not np.isinf(list(found.values())).any()
        for group, values in given.items():
            np.testing.assert_array_equal(values, before[group])  # what it was given is as it was
    assert len(names) == 1


def test_any_of_the_groups_it_uses_may_lack(describing: ModuleType) -> None:
    whole = set(named(describing, {*describing.NEEDS, *describing.USES}))
    for group in describing.USES:
        bare = set(named(describing, {*describing.NEEDS, *describing.USES} - {group}))
        assert bare < whole
    for group in describing.USES:
        assert set(named(describing, {*describing.NEEDS, group})) <= whole


def named(model: ModuleType, there: set[str]) -> list[str]:
    used = {g: COLUMNS[g] for g in (*model.NEEDS, *model.USES) if g in there}
    times, groups, _, _ = recordings()[0]
    found = model.describe(times, {g: groups[g] for g in used}, used, model.Settings())
    return list(found)


def test_columns_that_a_corpus_lacks_are_missed_by_no_one(describing: ModuleType) -> None:
    few = {"action_units": ["AU04_r", "AU12_r", "AU28_c"], "head_pose": ["pose_Rx", "pose_Ry"]}
    if not {*describing.NEEDS} <= {*few}:
        pytest.skip("it needs more")
    x, score, subject = features(describing, few)
    state = describing.fit(x, score, subject, describing.Settings(), 0)
    assert np.isfinite(describing.apply(state, x, subject)).all()


def test_float32_is_described_like_float64(describing: ModuleType) -> None:
    used = {g: COLUMNS[g] for g in (*describing.NEEDS, *describing.USES)}
    times, groups, _, _ = recordings()[0]
    found = [
        describing.describe(
            times, {g: groups[g].astype(t) for g in used}, used, describing.Settings()
        )
        for t in (np.float64, np.float32)
    ]
    assert found[0] == pytest.approx(found[1], rel=1e-3, abs=1e-3, nan_ok=True)


def test_a_recording_in_which_nothing_was_measured_is_not_described(
    describing: ModuleType,
) -> None:
    used = {g: COLUMNS[g] for g in (*describing.NEEDS, *describing.USES)}
    for rows in (0, 1, 2, 120):
        empty = {g: np.full((rows, len(c)), np.nan) for g, c in used.items()}
        assert describing.describe(np.arange(rows) / 6, empty, used, describing.Settings()) is None


# --- fitting and applying ------------------------------------------------------------------


def test_one_finite_score_for_each_recording(model: ModuleType, state: State) -> None:
    x, score, subject = features(model)
    found = model.apply(state, x, subject)
    assert found.shape == score.shape
    assert np.isfinite(found).all()


def test_what_describes_recordings_learns_from_them(describing: ModuleType) -> None:
    # Persons 0, 3, 6, 9 are held out; scores go from 0 to 50, and liveliness is in every group.
    x, score, subject = features(describing)
    held = np.array([int((s or "s0")[1:]) % 3 == 0 for s in subject])
    known = [s for s, h in zip(subject, held, strict=True) if not h]
    state = describing.fit(x[~held], score[~held], known, describing.Settings(), 0)
    error = describing.apply(state, x[held], [None] * int(held.sum())) - score[held]
    constant = score[~held].mean() - score[held]
    assert np.square(error).mean() < 0.7 * np.square(constant).mean()


def test_the_state_is_arrays_that_a_file_gives_back(
    model: ModuleType, state: State, tmp_path: Path
) -> None:
    x, _, subject = features(model)
    tensors = {name: torch.from_numpy(np.asarray(array).copy()) for name, array in state.items()}
    save_file(tensors, tmp_path / "state.safetensors")
    loaded = {k: v.numpy() for k, v in load_file(tmp_path / "state.safetensors").items()}
    one, other = (model.apply(s, x, subject) for s in (state, loaded))
    assert one.tobytes() == other.tobytes()


def test_the_same_seed_gives_the_same_bytes(model: ModuleType, state: State) -> None:
    x, score, subject = features(model)
    before = x.copy(), score.copy(), list(subject)
    again = model.fit(x, score, subject, model.Settings(), 0)
    assert list(again) == list(state)
    assert all(again[name].tobytes() == state[name].tobytes() for name in state)
    np.testing.assert_array_equal(x, before[0])  # what it was given is as it was
    assert (score.tolist(), subject) == (before[1].tolist(), before[2])


def test_a_score_does_not_depend_on_the_other_recordings(model: ModuleType, state: State) -> None:
    x, _, subject = features(model)
    before = {name: array.copy() for name, array in state.items()}
    together = model.apply(state, x, subject)
    alone = [model.apply(state, x[i : i + 1], subject[i : i + 1])[0] for i in range(len(x))]
    assert together.tolist() == alone
    assert model.apply(state, x[:0], []).shape == (0,)
    assert all(state[name].tobytes() == before[name].tobytes() for name in state)


def test_five_recordings_are_enough(model: ModuleType) -> None:
    x, score, subject = features(model)
    few = slice(0, 10, 2)  # of five persons
    state = model.fit(x[few], score[few], subject[few], model.Settings(), 0)
    assert np.isfinite(model.apply(state, x, subject)).all()


@pytest.mark.parametrize("rows", [[0, 1], [0, 2], [0, 1, 2]])
def test_two_recordings_are_enough(model: ModuleType, rows: list[int]) -> None:
    x, score, subject = features(model)
    state = model.fit(x[rows], score[rows], [subject[i] for i in rows], model.Settings(), 0)
    assert np.isfinite(model.apply(state, x, subject)).all()


def test_persons_need_not_be_known(model: ModuleType) -> None:
    x, score, subject = features(model)
    nobody: list[str | None] = [None] * len(x)
    state = model.fit(x, score, nobody, model.Settings(), 0)
    assert np.isfinite(model.apply(state, x, nobody)).all()
    assert np.isfinite(model.apply(state, x, subject)).all()


def test_features_without_a_value_are_borne(describing: ModuleType) -> None:
    x, score, subject = features(describing)
    x[:, 0] = np.nan  # for nobody
    x[1, 1] = x[-1, 2] = np.nan  # for some
    x[0] = np.nan  # one recording has none
    state = describing.fit(x, score, subject, describing.Settings(), 0)
    assert np.isfinite(describing.apply(state, x, subject)).all()
