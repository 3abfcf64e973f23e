"""Explanations: units and spans, the deletion check, gradients, maps, files, the verb."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from torch import Tensor, nn
from typer.testing import CliRunner

from deptool import deletion, plugins
from deptool.asked import Units, ask, over_members
from deptool.asked_segments import SegmentNetworks
from deptool.asked_sequence import SequenceNetworks, cells
from deptool.cli.main import app
from deptool.cohort.settings import SynthSettings
from deptool.cohort.truth import SEGMENTS
from deptool.corpus import Corpus, open_corpus
from deptool.deletion import FRACTIONS, by_chance, delete
from deptool.errors import DataError, InputError, MissingExtraError, UsageError
from deptool.explain import Explained, default_folder, explain, find_corpus
from deptool.explain_files import NOTE, about, write
from deptool.guidance_maps import maps
from deptool.models import depressionmlp
from deptool.models.ridge import Settings as Ridge
from deptool.planted_segments import informative
from deptool.schema_explained import EXPLAINED_MAPS, EXPLAINED_TRACKS
from deptool.segment_scores import segment_scores
from deptool.sequences import Track
from deptool.spans import on_units, ranked, spans, top
from deptool.synth import synthesise
from deptool.tables import read_table, write_table
from deptool.train import train
from deptool.tsne import clouds
from deptool.view import view
from deptool.view_tracks import track_rows
from fixtures.tables import make_tables_corpus
from tests.models import sequences

SEEDS = (0, 1)
TEST = "s003_0"  # of four subjects the last is in test


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """8 persons, 2 sessions of 20 s at 6 rows a second."""
    return make_tables_corpus(tmp_path_factory.mktemp("c") / "toy", n_subjects=8, seconds=20.0)


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The toy network of recordings as if it were a model of the package."""
    return use_toy(monkeypatch)


def use_toy(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    whole, model = plugins.load, sequences.toy()

    def load(kind: str, name: str) -> ModuleType:
        return model if (kind, name) == ("models", "sequences") else whole(kind, name)

    monkeypatch.setattr(plugins, "load", load)
    return model


@pytest.fixture(scope="module")
def segments(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DepressionMLP of two members."""
    out = tmp_path_factory.mktemp("r") / "mlp"
    settings = depressionmlp.Settings(epochs=2)
    return train(corpus, "depressionmlp", settings, seeds=SEEDS, out=out).root


@pytest.fixture(scope="module")
def recordings(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy network of recordings, two members; it drops nothing, so that all can be computed."""
    with pytest.MonkeyPatch.context() as patch:
        use_toy(patch)
        out = tmp_path_factory.mktemp("r") / "toy"
        settings = sequences.Settings(epochs=10)
        return train(corpus, "sequences", settings, seeds=SEEDS, out=out).root


# --- units and spans ----------------------------------------------------------------------


def test_cells_are_whole_spans_of_a_track_and_cover_the_recording() -> None:
    # 60 s give 2 s cells, of which steps of 1/6 s are 12; a track of 1.1 s has 1.1 s cells, and
    # of the 54.5 that are in 60 s the last is longer or shorter by half at most.
    assert len(cells(60.0, 1 / 6)) == 30
    long = cells(60.0, 1.1)
    assert np.allclose(np.diff(long.start), 1.1)
    assert len(long) == 55
    assert long.end[-1] == 60.0
    # 10 s: twentieths of half a second.
    assert len(cells(10.0, 1 / 6)) == 20


def test_a_track_on_units_is_the_mean_of_what_overlaps() -> None:
    rows = pl.DataFrame({"start_s": [0.0, 0.5], "end_s": [0.5, 4.0], "value": [4.0, 1.0]})
    units = Units(np.array([0.0, 2.0, 5.0]), np.array([2.0, 4.0, 6.0]))
    # A quarter of the first unit is 4 and the rest is 1; the last has nothing.
    np.testing.assert_allclose(on_units(rows, units), [1.75, 1.0, np.nan])


def test_long_spans_that_began_early_count_too() -> None:
    # The first row reaches over all others: sorted by start alone it would be passed over.
    rows = pl.DataFrame(
        {"start_s": [0.0, 1.0, 2.0], "end_s": [9.0, 2.0, 3.0], "value": [3.0, 1.0, 1.0]}
    )
    units = Units(np.array([7.0]), np.array([8.0]))
    assert on_units(rows, units).tolist() == [3.0]


def test_the_top_fifth_has_the_highest_and_nothing_without_a_value() -> None:
    values = np.array([1.0, np.nan, 9.0, 3.0, 8.0, 2.0, 0.0, 1.0, 1.0, 1.0, 1.0])
    assert top(values) == [2, 4]  # a fifth of ten
    assert ranked(np.array([1.0, np.nan, 1.0, 2.0])) == [3, 0, 2, 1]


def units_of(n: int) -> Units:
    return Units(np.arange(n, dtype=float), np.arange(n, dtype=float) + 1)


def track(kind: str, values: list[float]) -> pl.DataFrame:
    start = np.arange(len(values), dtype=float)
    table = pl.DataFrame({"start_s": start, "end_s": start + 1, "value": values})
    return table.with_columns(kind=pl.lit(kind), name=pl.lit("one"))


def test_neighbours_are_one_span_and_the_highest_comes_first() -> None:
    values = [0.0, 5.0, 6.0, 0.0, 0.0, 0.0, 0.0, 9.0] + [0.0] * 7
    found = spans(track("time", values), units_of(15))  # a fifth of 15: three
    rows = found.select("start_s", "end_s", "value", "direction").rows()
    assert rows == [(7.0, 8.0, 9.0, "high"), (1.0, 3.0, 5.5, "high")]


def test_a_track_with_a_sign_has_spans_in_both_directions() -> None:
    found = spans(track("attribution", [3.0, -4.0, 0.1, 0.1, 0.1]), units_of(5))
    rows = found.select("start_s", "value", "direction").rows()
    assert rows == [(0.0, 3.0, "raises"), (1.0, -4.0, "lowers")]


def test_what_is_the_same_everywhere_has_no_span() -> None:
    assert spans(track("time", [0.2] * 5), units_of(5)).is_empty()
    assert spans(track("prototype", [1.0, 2.0, 3.0]), units_of(3)).is_empty()


def test_prototypes_have_no_mean_over_members() -> None:
    tables = [
        track("prototype", [3.0]).vstack(track("time", [1.0])),
        track("prototype", [8.0]).vstack(track("time", [3.0])),
    ]
    found = over_members(tables).sort("kind")
    assert found.select("value", "low", "high").rows() == [(3.0, 3.0, 3.0), (2.0, 1.0, 3.0)]


# --- deletion -----------------------------------------------------------------------------

PARTS = np.array([10.0, 9.0, 8.0, 7.0, 6.0, 5.0, 0.0, 0.0, 0.0, 0.0])


def total_without(gone: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """A prediction that is the sum of what is not gone."""
    return (~gone) @ PARTS


def chance_of() -> deletion.Chance:
    return by_chance(len(PARTS), total_without, lambda: None)


def test_a_ranking_by_what_counts_holds() -> None:
    found = delete("right", PARTS, total_without, chance_of())
    # Of ten units 1, 2, 3 and 5 are gone: 10, 19, 27 and 40 points.
    assert found.change.tolist() == [10, 19, 27, 40]
    # Trapezia: .1·10/2 + .1·(10 + 19)/2 + .1·(19 + 27)/2 + .2·(27 + 40)/2.
    assert found.area == pytest.approx(0.5 + 1.45 + 2.3 + 6.7)
    assert found.holds
    assert found.sentence().endswith("It passes the check.")
    assert "deleting the top 20 % moves the prediction by 19 points" in found.sentence()


@pytest.mark.parametrize("values", [-PARTS, np.array([0, 1, 0, 1, 0, 1, 0, 1, 0, 1.0])])
def test_a_ranking_by_what_does_not_count_fails_and_says_so(
    values: np.ndarray[Any, Any],
) -> None:
    found = delete("wrong", values, total_without, chance_of())
    assert not found.holds
    assert "It FAILS the check" in found.sentence()


def test_random_orders_delete_as_many_and_are_seeded() -> None:
    sizes: list[list[int]] = []

    def note(gone: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        sizes.append(gone.sum(1).tolist())
        return total_without(gone)

    one = by_chance(10, note, lambda: None)
    assert sizes[0] == [0]  # the whole
    assert sizes[1:] == [[1, 2, 3, 5]] * deletion.ORDERS
    assert one.change.tolist() == chance_of().change.tolist()
    # What a random unit is worth on average: 45 points over ten units.
    assert one.change[:, 1].mean() == pytest.approx(9.0, abs=2.5)


def test_a_greatest_area_is_not_enough_where_the_top_fifth_moves_less_than_chance() -> None:
    # The top moves nothing, and so much more than anything else is left out later.
    random = np.tile([1.0, 2.0, 2.0, 2.0], (deletion.ORDERS, 1))
    late = deletion.Deleted("late", 10, np.array([0.0, 0.0, 90.0, 90.0]), random)
    assert late.better == deletion.ORDERS
    assert not late.holds


def test_planted_pieces_should_rank_above_others() -> None:
    values = np.array([3.0, 1.0, 2.0, np.nan, 1.0])
    planted = np.array([True, True, False, True, False])
    # Pairs: 3 is above 2 and 1; 1 is below 2 and ties with 1: 2.5 of 4.
    assert deletion.roc_area(values, planted) == pytest.approx(2.5 / 4)
    assert deletion.roc_area(values, np.ones(5, bool)) is None


def test_pieces_are_planted_where_most_of_them_is(corpus: Corpus, tmp_path: Path) -> None:
    units = Units(np.array([0.0, 2.0, 4.0]), np.array([2.0, 4.0, 6.0]))
    assert informative(corpus, TEST, units) is None  # a corpus that is not synthetic
    rows = pl.DataFrame({"start_s": [0.0, 2.5, 5.5], "end_s": [2.5, 5.5, 9.0]})
    share = {f"reliability_{m}": 1.0 for m in ("visual", "audio", "pose")}
    rows = rows.with_columns(
        recording_id=pl.lit(TEST),
        informative=pl.Series([1, 0, 1]),
        speaks=pl.lit(0),
        **{name: pl.lit(value) for name, value in share.items()},
    )
    write_table(tmp_path / "truth" / "segments.parquet", SEGMENTS, rows)
    made = Corpus(tmp_path, {**corpus.about, "synthetic": True})
    # Of the second a quarter lies in the first segment, of the third a quarter in the last.
    found = informative(made, TEST, units)
    assert found is not None
    assert found.tolist() == [True, False, False]


def test_by_construction_is_said() -> None:
    found = delete("right", PARTS, total_without, chance_of(), by_construction=True)
    assert "It passes, as it must" in found.sentence()


# --- networks of recordings ---------------------------------------------------------------


def explained(corpus: Corpus, run: Path, **more: Any) -> Explained:
    return explain(corpus, run, TEST, **more)


def weight_of(model: Any, x: Tensor, valid: Tensor) -> np.ndarray[Any, Any]:
    """What each step (step,) adds to the toy's score: its mean is the score less the bias."""
    scaled = model.scale(x, valid)
    found: np.ndarray[Any, Any] = (scaled[0] @ model.score.weight[0]).detach().double().numpy()
    return found


def honest(
    model: Any, values: Mapping[str, Tensor], valid: Mapping[str, Tensor], settings: Any
) -> list[Track]:
    start = np.arange(len(valid["all"][0])) / settings.hz
    value = weight_of(model, values["all"], valid["all"])
    return [Track("relevance", "part", start, start + 1 / settings.hz, value)]


def test_leaving_out_units_is_what_the_network_says_without_them(
    corpus: Corpus, recordings: Path
) -> None:
    asked = ask(corpus, recordings, TEST).asked
    assert isinstance(asked, SequenceNetworks)
    n = len(asked.units)
    gone = np.zeros((2, n), bool)
    gone[1, 3] = True
    found = asked.without(gone)
    assert found[0] == pytest.approx(asked.predictions().mean(), abs=1e-5)
    # Slowly: the same streams with these steps cut out altogether, clip by clip of 4 s.
    values, valid = asked.series.values["all"], asked.series.valid["all"].copy()
    first, last = (round(6 * t) for t in (asked.units.start[3], asked.units.end[3]))
    valid[first:last] = False
    scores = []
    for network in asked.networks:
        clips = []
        for at in range(0, len(valid), 24):
            kept = torch.from_numpy(values[at : at + 24][valid[at : at + 24]])[None]
            there = torch.ones(kept.shape[:2], dtype=torch.bool)
            with torch.no_grad():
                clips.append(float(network({"all": kept}, {"all": there})))
        scores.append(np.mean(clips))
    assert found[1] == pytest.approx(np.mean(scores), abs=1e-4)


def test_an_honest_track_passes_and_its_opposite_fails(
    corpus: Corpus, recordings: Path, toy: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toy, "explain", honest)
    (found,) = explained(corpus, recordings).deleted
    assert found.holds
    assert not found.by_construction

    def random(*given: Any) -> list[Track]:
        (one,) = honest(*given)
        noise = np.random.default_rng(0).normal(size=len(one.value))
        return [Track(one.kind, "noise", one.start, one.end, noise)]

    monkeypatch.setattr(toy, "explain", random)
    (found,) = explained(corpus, recordings).deleted
    assert not found.holds


def test_tracks_are_means_over_the_members_that_were_not_trained_on_it(
    corpus: Corpus, recordings: Path, toy: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toy, "explain", honest)
    found = explained(corpus, recordings)
    assert (found.facts.part, found.facts.n_members) == ("test", 2)
    row = found.tracks.row(0, named=True)
    # Of two members the mean is midway.
    assert row["value"] == pytest.approx((row["low"] + row["high"]) / 2)
    assert row["low"] < row["high"]
    assert explain(corpus, recordings, "s000_0").facts.part == "train"


def test_a_modality_is_left_out_alone(corpus: Corpus, recordings: Path) -> None:
    asked = ask(corpus, recordings, TEST).asked
    assert isinstance(asked, SequenceNetworks)
    gone = np.zeros((1, len(asked.units)), bool)
    gone[0, :5] = True
    assert asked.without(gone, "all") == pytest.approx(asked.without(gone))
    assert asked.without(gone, "another")[0] == pytest.approx(asked.predictions().mean(), abs=1e-5)


VIDEO_MODELS = ("expada", "mddr", "depmap", "mpdrm")


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Recordings that have all groups of columns, by a generator."""
    root = tmp_path_factory.mktemp("c") / "cohort"
    synthesise(root, SynthSettings(subjects=6, seconds=12.0, informative=0.5))
    return open_corpus(root)


@pytest.mark.parametrize("name", VIDEO_MODELS)
def test_every_video_model_is_explained(name: str, videos: Corpus, tmp_path: Path) -> None:
    pytest.importorskip("captum")
    module = plugins.load("models", name)
    short = {f.name: 1 for f in fields(module.Settings) if f.name.endswith("epochs")}
    settings = module.Settings(**{**module.SMALL, **short})
    run = train(videos, name, settings, seeds=[0], out=tmp_path / "run").root
    truth = read_table(videos.root / "truth" / "segments.parquet", SEGMENTS)
    both = truth.group_by("recording_id").agg(pl.col("informative").n_unique())
    recording = min(both.filter(pl.col("informative") == 2)["recording_id"])
    own = explain(videos, run, recording)
    assert len(own.deleted) >= 2
    assert all(each.planted is not None for each in own.deleted)
    found = explain(videos, run, recording, method="integrated-gradients", steps=4)
    assert {"landmark", "action_unit"} <= set(found.maps["target"])
    assert view(videos, recording, out=tmp_path / "v.html", run=run).n_bytes > 10_000


def test_a_network_that_says_nothing_is_asked_for_its_gradients(
    corpus: Corpus, recordings: Path, toy: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toy, "explain", lambda *_: [])
    with pytest.raises(UsageError, match="says nothing itself of times") as caught:
        explained(corpus, recordings)
    assert "--method integrated-gradients" in str(caught.value.fix)
    pytest.importorskip("captum")
    assert len(explained(corpus, recordings, method="integrated-gradients").deleted) == 1


def test_too_short_a_recording_is_explained_but_not_checked(
    recordings: Path, tmp_path: Path
) -> None:
    # One clip of 4 s and a track of one span: there is nothing to delete beside it.
    short = make_tables_corpus(tmp_path / "toy", n_subjects=4, sessions=1, seconds=4.0)
    with pytest.MonkeyPatch.context() as patch:
        toy = use_toy(patch)
        patch.setattr(toy, "explain", lambda *_: [whole_clip()])
        found = explain(short, recordings, "s000_0")
    assert found.deleted == []
    assert found.unchecked == (
        "the recording has 1 piece of time that can be left out; a deletion check needs 4"
    )


def whole_clip() -> Track:
    return Track("time", "all", np.array([0.0]), np.array([4.0]), np.array([1.0]))


# --- integrated gradients -----------------------------------------------------------------


def test_gradients_of_a_linear_network_are_its_weights(corpus: Corpus, recordings: Path) -> None:
    pytest.importorskip("captum")
    found = explained(corpus, recordings, method="integrated-gradients")
    assert found.attributed
    # Of a clip each step adds w · (x - mean) / SD over its valid steps, and of five clips a fifth.
    question = ask(corpus, recordings, TEST)
    asked = question.asked
    assert isinstance(asked, SequenceNetworks)
    x, valid = (asked.series.values["all"], asked.series.valid["all"])
    expected = np.zeros(len(x))
    for network in asked.networks:
        for at in range(0, len(x), 24):
            some = slice(at, at + 24)
            part = weight_of(
                network, torch.from_numpy(x[some])[None], torch.from_numpy(valid[some])[None]
            )
            expected[some] += part / valid[some].sum() / 5 / len(asked.networks)
    np.testing.assert_allclose(found.tracks["value"], expected, atol=1e-5)
    assert found.tracks["name"].unique().to_list() == ["sum of all parts"]
    assert "mean of each stream over the training recordings" in found.attributed.baseline


def test_attributions_add_up_to_the_score_less_the_baselines(
    corpus: Corpus, recordings: Path, segments: Path
) -> None:
    pytest.importorskip("captum")
    for run in (recordings, segments):
        found = explained(corpus, run, method="integrated-gradients").attributed
        assert found
        whole = found.tracks.filter(pl.col("name") == "sum of all parts")["value"].sum()
        assert whole == pytest.approx(found.total.mean(), abs=1e-6)
        expected = (found.score - found.base).mean()
        assert found.total.mean() == pytest.approx(expected, abs=2e-3)
        assert found.gap < 5e-3
        assert abs(expected) > 1e-3 or run == segments  # else nothing was tested


def test_parts_add_up_to_their_sum_and_maps_to_the_parts(corpus: Corpus, segments: Path) -> None:
    pytest.importorskip("captum")
    found = explained(corpus, segments, method="integrated-gradients", steps=8)
    by_name = dict(found.tracks.group_by("name").agg(pl.col("value").sum()).rows())
    assert set(by_name) == {"sum of all parts", "landmarks", "action_units"}
    parts = by_name["landmarks"] + by_name["action_units"]
    assert by_name["sum of all parts"] == pytest.approx(parts, abs=1e-9)
    by_target = dict(found.maps.group_by("target").agg(pl.col("value").sum()).rows())
    assert by_target["landmark"] == pytest.approx(by_name["landmarks"], abs=1e-9)
    assert by_target["action_unit"] == pytest.approx(by_name["action_units"], abs=1e-9)


def test_without_captum_the_error_says_what_to_install(
    corpus: Corpus, segments: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    with pytest.raises(MissingExtraError) as caught:
        explained(corpus, segments, method="integrated-gradients")
    assert caught.value.fix == "pip install 'deptool[explain]'"


# --- networks of segments -----------------------------------------------------------------


def test_relevance_of_a_segment_is_its_score_less_the_mean(
    corpus: Corpus, segments: Path, written: tuple[Explained, Path]
) -> None:
    found = written[0]
    scores = segment_scores(corpus, segments, TEST)
    one = found.tracks.filter(pl.col("kind") == "relevance")
    mean = scores["score"].mean()
    np.testing.assert_allclose(one["value"], scores["score"] - mean, atol=1e-5)
    assert one["start_s"].to_list() == scores["start_s"].to_list()
    assert found.prediction == pytest.approx(mean)


def test_segments_that_are_gone_are_not_in_the_mean(corpus: Corpus, segments: Path) -> None:
    asked = ask(corpus, segments, TEST).asked
    gone = np.zeros((1, len(asked.units)), bool)
    gone[0, 0] = True
    scores = segment_scores(corpus, segments, TEST)["score"].to_numpy()
    assert asked.without(gone)[0] == pytest.approx(scores[1:].mean(), abs=1e-5)


def test_their_check_passes_by_construction_and_maps_are_checked_too(
    written: tuple[Explained, Path],
) -> None:
    found = written[0].deleted
    assert [each.by_construction for each in found] == [True] + [False] * 6
    assert [each.what for each in found[1:3]] == ["gate of landmarks", "gate of action units"]


def test_a_landmark_that_is_held_still_is_at_its_mean(corpus: Corpus, segments: Path) -> None:
    asked = ask(corpus, segments, TEST).asked
    assert isinstance(asked, SegmentNetworks)
    every = list(range(asked.values.shape[-1]))
    kept, still = asked.without_columns([[], every])
    assert kept == pytest.approx(asked.predictions().mean(), abs=1e-5)
    # Everything at its mean is one segment of a face at rest.
    rest = asked.mean().expand(1, asked.values.shape[1], -1)
    assert still == pytest.approx(asked._score(rest).mean(), abs=1e-4)


@pytest.mark.parametrize("variant", [{}, *depressionmlp.VARIANTS], ids=str)
def test_contributions_and_the_last_bias_add_up_to_the_score(variant: dict[str, Any]) -> None:
    torch.manual_seed(0)
    settings = depressionmlp.Settings(**variant)
    columns = {g: {"landmarks": 136, "action_units": 9}[g] for g in depressionmlp.needs(settings)}
    network = depressionmlp.build(settings, columns=columns)
    nn.init.constant_(network.score.bias, 30.0)  # far from where the last ReLU cuts
    given = {g: torch.rand(3, settings.frames, n) for g, n in columns.items()}
    with torch.no_grad():
        found = maps(network, given)
        score = network(**given).numpy()
    parts = sum(v.sum(1) for (name, _), v in found.items() if name == "contribution")
    np.testing.assert_allclose(parts + 30.0, score, rtol=1e-5)


def test_gates_and_masks_are_those_of_the_forward_pass() -> None:
    torch.manual_seed(0)
    settings = depressionmlp.Settings()
    network = depressionmlp.build(settings, columns={"landmarks": 136, "action_units": 68})
    given = {"landmarks": torch.rand(2, 18, 136), "action_units": torch.rand(2, 18, 68)}
    seen: dict[str, Tensor] = {}

    def keep(name: str, softened: Any) -> Any:
        return lambda _module, _given, made: seen.update({name: softened(made)})

    network.gating.location_gate.register_forward_hook(keep("gate", lambda x: x.softmax(-1)))
    network.guidance.landmark_mask.register_forward_hook(keep("mask", torch.sigmoid))
    with torch.no_grad():
        found = maps(network, given)
    # gate (sequence, frame, batch, location): the mean over x and y, and over frames; times 68.
    gate = 68 * seen["gate"][:2].mean((0, 1))
    np.testing.assert_allclose(found["gate", "landmark"], gate, rtol=1e-5)
    assert found["gate", "landmark"].mean() == pytest.approx(1.0, abs=1e-5)
    np.testing.assert_allclose(found["guidance", "landmark"], seen["mask"].mean(0), rtol=1e-5)


def test_variants_without_gates_or_masks_have_none_of_their_maps() -> None:
    def names(**choices: Any) -> set[tuple[str, str]]:
        settings = depressionmlp.Settings(**choices)
        network = depressionmlp.build(settings, columns={"landmarks": 136, "action_units": 9})
        given = {"landmarks": torch.rand(1, 18, 136), "action_units": torch.rand(1, 18, 9)}
        with torch.no_grad():
            return set(maps(network, given))

    contribution = {("contribution", t) for t in ("landmark", "action_unit")}
    gate = {("gate", t) for t in ("landmark", "action_unit")}
    assert names(block="gmlp", guidance="none") == contribution
    assert names(block="cfg", guidance="p2u") == contribution | {("guidance", "action_unit")}
    assert names(block="clg", guidance="u2p") == contribution | gate | {("guidance", "landmark")}


# --- what is refused ----------------------------------------------------------------------


def test_models_of_whole_recordings_are_refused_and_networks_named(
    corpus: Corpus, tmp_path: Path
) -> None:
    run = train(corpus, "ridge", Ridge(), seeds=[0], out=tmp_path / "ridge").root
    with pytest.raises(UsageError, match="ridge scores a recording as a whole") as caught:
        explained(corpus, run)
    assert "Networks can be explained: depmap, depressionmlp, " in str(caught.value.fix)


def test_an_unknown_recording_and_another_corpus_are_refused(
    corpus: Corpus, segments: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="there is no recording 's999'"):
        explain(corpus, segments, "s999")
    other = make_tables_corpus(tmp_path / "other", n_subjects=2, sessions=1, seconds=4.0)
    other = other.with_about({"feature_set": "other-1"})
    with pytest.raises(DataError, match="its features are other-1"):
        explain(other, segments, "s000_0")


def test_the_corpus_is_found_by_its_name(corpus: Corpus, segments: Path, tmp_path: Path) -> None:
    assert find_corpus(segments, corpus.root.parent).root == corpus.root
    with pytest.raises(UsageError, match="the run is of the corpus 'toy'"):
        find_corpus(segments, tmp_path)


# --- files --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def written(
    corpus: Corpus, segments: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Explained, Path]:
    found = explained(corpus, segments)
    folder = tmp_path_factory.mktemp("written")
    write(found, folder)
    return found, folder


def test_the_folder_holds_tables_that_keep_their_schema(written: tuple[Explained, Path]) -> None:
    found, tmp_path = written
    tracks = read_table(tmp_path / "tracks.parquet", EXPLAINED_TRACKS)
    whole = read_table(tmp_path / "maps.parquet", EXPLAINED_MAPS)
    assert len(tracks) == 2 * found.n_units
    assert set(tracks["recording_id"]) == {TEST}
    # The means over segments stand without times, beside a row for each segment.
    means = whole.filter(pl.col("start_s").is_null())
    assert len(whole) == len(means) * (1 + found.n_units)
    one = whole.filter(pl.col("name") == "30", pl.col("map") == "gate").drop_nulls("start_s")
    (mean,) = means.filter(pl.col("name") == "30", pl.col("map") == "gate")["value"]
    assert one["value"].mean() == pytest.approx(mean, rel=1e-5)
    csv = pl.read_csv(tmp_path / "deletion.csv")
    assert csv["fraction"].unique().sort().to_list() == list(FRACTIONS)
    assert len(pl.read_csv(tmp_path / "spans.csv")) == len(found.spans)
    said = json.loads((tmp_path / "explained.json").read_text(encoding="utf-8"))
    assert said["note"] == NOTE
    assert "truth" not in said["run"]
    for ending in ("svg", "pdf", "png"):
        assert (tmp_path / f"explained.{ending}").stat().st_size > 5000


def test_the_same_explanation_gives_the_same_bytes(
    corpus: Corpus, recordings: Path, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        write(explained(corpus, recordings), tmp_path / name)
    names = sorted(p.name for p in (tmp_path / "a").iterdir())
    assert names == sorted(
        [f"explained.{e}" for e in ("json", "pdf", "png", "svg")]
        + ["deletion.csv", "spans.csv", "tracks.csv", "tracks.parquet"]
    )
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_no_file_says_where_anything_lies(
    corpus: Corpus, segments: Path, written: tuple[Explained, Path]
) -> None:
    for path in written[1].iterdir():
        content = path.read_bytes()
        assert str(corpus.root).encode() not in content, path.name
        assert str(segments).encode() not in content, path.name


def test_folders_of_two_corpora_and_methods_are_apart(corpus: Corpus, segments: Path) -> None:
    own = default_folder(segments, corpus, TEST, "own")
    assert own == segments / "explained" / TEST
    other = Corpus(corpus.root, {**corpus.about, "name": "new one"})
    folder = default_folder(segments, other, TEST, "integrated-gradients")
    assert folder.name == f"new-one-{TEST}-integrated-gradients"


def test_about_can_be_written_as_json(written: tuple[Explained, Path]) -> None:
    said = json.loads(json.dumps(about(written[0]), allow_nan=False))
    assert said["run"]["part"] == "test"
    assert said["deletion"][0]["holds"] is True
    assert said["deletion"][0]["planted_roc_area"] is None  # nothing was planted


# --- t-SNE --------------------------------------------------------------------------------


def test_segments_of_dev_and_test_are_placed_with_numbers_beside(
    corpus: Corpus, segments: Path
) -> None:
    found = clouds(corpus, segments)
    # Of eight persons four are not in train, with two recordings each; of a recording's 12
    # segments a fifth is 2.
    assert found.n_recordings == 8
    assert [p.n for p in found.pictures] == [16, 16]
    held = corpus.recordings().filter(pl.col("split") != "train")["recording_id"]
    assert set(found.table["recording_id"]) == set(held)


def test_the_numbers_are_of_other_persons() -> None:
    from deptool.tsne import _picture

    # Persons a and b of one band lie at 0, c of another at 9, d of the first at 9.5.
    x = np.array([[0.0], [0.1], [9.0], [9.5]])
    found = _picture("high", x, ["mild", "mild", "severe", "mild"], ["a", "b", "c", "d"])
    # The nearest of a is b and of b is a; of c it is d, and of d it is c: two of four alike.
    assert found.same == pytest.approx(0.5)
    # By chance: two of three others for a, b and d, none for c.
    assert found.chance == pytest.approx((3 * 2 / 3 + 0) / 4)
    # One person's own segments never count: with a alone nothing is left.
    assert _picture("high", x, ["mild"] * 4, ["a"] * 4).same is None


def test_too_few_segments_make_no_picture(segments: Path, tmp_path: Path) -> None:
    other = make_tables_corpus(tmp_path / "toy", n_subjects=1, sessions=1, seconds=8.0)
    with pytest.raises(DataError, match="only 0 segments of high relevance"):
        clouds(other, segments)


# --- the player ---------------------------------------------------------------------------


def head_of(path: Path) -> dict[str, Any]:
    text = path.read_text(encoding="utf-8")
    start = text.index('id="head">') + len('id="head">')
    found: dict[str, Any] = json.loads(text[start : text.index("</script>", start)])
    return found


def test_the_player_shows_tracks_of_networks_of_recordings(
    corpus: Corpus, recordings: Path, tmp_path: Path
) -> None:
    found = view(corpus, TEST, out=tmp_path / "v.html", run=recordings)
    head = head_of(found.path)
    (row,) = [row for row in head["rows"] if row["id"] == "run-relevance"]
    assert (row["kind"], row["title"]) == ("steps", "Relevance")
    assert len(row["series"][0]["value"]) == 120  # 20 s at 6 steps a second
    text = found.path.read_text(encoding="utf-8")
    assert "They say what was used, not what is true of a person" in text
    assert "score of the questionnaire" not in text
    assert found.facts
    assert found.facts.truth is None


def test_many_spans_become_a_column_of_the_page(
    corpus: Corpus, recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deptool.view_tracks._FEW", 10)
    found = view(corpus, TEST, out=tmp_path / "v.html", run=recordings)
    head = head_of(found.path)
    (row,) = [row for row in head["rows"] if row["id"] == "run-relevance"]
    assert row["kind"] == "line"
    name = row["series"][0]["column"]
    assert name in {column["name"] for column in head["columns"]}
    # It is no column of the table, and is not listed as one.
    assert not any(name == c["name"] for group in head["groups"] for c in group["columns"])


def test_a_track_has_a_value_only_where_it_says_something() -> None:
    rows = pl.DataFrame({"start_s": [2.0, 0.0], "end_s": [3.0, 1.0], "value": [5.0, 4.0]})
    found = track_rows(rows, np.array([0.0, 0.5, 1.5, 2.0, 3.5]))
    np.testing.assert_array_equal(found, [4.0, 4.0, np.nan, 5.0, np.nan])


# --- the command line ---------------------------------------------------------------------


def test_the_verb_prints_spans_and_the_check(
    corpus: Corpus, recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(corpus.root.parent)  # where the corpus is found by its name
    out = tmp_path / "out"
    done = CliRunner().invoke(app, ["explain", str(recordings), TEST, "--out", str(out)])
    assert done.exit_code == 0, done.stderr
    assert f"Spans that stand out in {TEST}" in done.stdout
    assert "deleting the top 20 % moves the prediction by" in done.stdout
    # The toy says how large its numbers are: not what its score rests on.
    assert "FAILS" in done.stdout
    assert "Warning: Of 1 rankings 1 fail the deletion check." in done.stderr
    assert "was in the run's test part" in done.stderr
    assert NOTE in done.stderr
    assert (out / "spans.csv").is_file()


def test_json_goes_to_stdout_and_a_training_recording_warns(
    corpus: Corpus, recordings: Path, tmp_path: Path
) -> None:
    words = ["explain", str(recordings), "s000_0", "--corpus", str(corpus.root), "--json"]
    done = CliRunner().invoke(app, [*words, "--out", str(tmp_path)])
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["run"]["part"] == "train"
    assert "Warning: This recording was in the run's training data" in done.stderr


def test_the_verb_without_a_recording_is_a_usage_error(corpus: Corpus, segments: Path) -> None:
    done = CliRunner().invoke(app, ["explain", str(segments), "--corpus", str(corpus.root)])
    assert isinstance(done.exception, UsageError)


def test_the_verb_plots_all_recordings(corpus: Corpus, segments: Path, tmp_path: Path) -> None:
    words = ["explain", str(segments), "--tsne", "--corpus", str(corpus.root)]
    done = CliRunner().invoke(app, [*words, "--out", str(tmp_path)])
    assert done.exit_code == 0, done.stderr
    assert "nearest of another person" in done.stdout
    said = json.loads((tmp_path / "tsne.json").read_text(encoding="utf-8"))
    assert [p["relevance"] for p in said["pictures"]] == ["high", "low"]
    assert (tmp_path / "tsne.png").is_file()


def test_the_line_of_a_track_is_broken_where_nothing_is_said() -> None:
    from matplotlib.figure import Figure

    from deptool.explain_figure import _track

    # Segments of 2 s that overlap by half, none between 4 and 6 s: one hole, behind the third.
    start = np.array([0.0, 1, 2, 6, 7])
    value = np.array([1.0, 2, 3, 4, 5])
    rows = pl.DataFrame(
        {"start_s": start, "end_s": start + 2, "value": value, "low": value, "high": value}
    )
    axes = Figure().subplots()
    _track(axes, rows, 0, "one")
    drawn = axes.lines[0].get_ydata()
    np.testing.assert_array_equal(drawn, [1, 2, 3, np.nan, 4, 5])
