"""`deptool reproduce`: cohorts, runs, verdicts, report."""

from __future__ import annotations

import json
import queue
import shutil
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from deptool import plugins
from deptool.ablations import Variant
from deptool.bootstrap import Estimate, Interval
from deptool.claims import Claim, PaperTable, Printed
from deptool.cli.main import app
from deptool.cli.reproduce import _Bar
from deptool.cohort.settings import SynthSettings
from deptool.errors import DataError, SettingsError, UsageError
from deptool.evaluate import evaluate_run
from deptool.planted import auc, mean_over_persons
from deptool.reproduce import Reproduction, plan, read_made, reproduce
from deptool.reproduce_tables import report, sheets, write_report
from deptool.reproduce_work import Job, News, _wait
from deptool.results import at_least, lower, verdict_below
from fixtures.reproduction import page
from tests.models import sequences

CLAIMS = plugins.names("claims")


def claims_file(model: str, variants: tuple[Variant, ...]) -> ModuleType:
    """A claims file of two small cohorts; the second table is of the second alone."""
    module = ModuleType("deptool.claims.toy")
    module.__doc__ = "Toy: a claim.\n\nHow it is tested: on toys."
    cohort = SynthSettings(subjects=8, sessions=1, seconds=12, informative=0.5)
    printed = (Printed(variants[0].name, "AVEC 2014", {"rmse": "9.15", "mae": "7.52"}),)
    told = module.__dict__
    told["MODEL"] = model
    told["COHORTS"] = {"one": cohort, "two": replace(cohort, seed=8)}
    told["SETTINGS"] = {}
    told["SEEDS"] = 2
    told["NOTES"] = ("The toy is small.",)
    told["TABLES"] = (
        PaperTable("Table 1", ("network", "size"), (variants,), printed=printed),
        PaperTable(
            "Table 2", ("network", "size"), (variants[:1],), cohorts=("two",), metrics=("ccc",)
        ),
    )
    told["claims"] = lambda results: [
        results.lower_error(variants[0].name, "constant", "it learns", "Table 1"),
        at_least(Estimate(0.5), 0.8, "it is good", "section 4", "AUC", why="It is a toy."),
    ]
    return module


TOYS = (
    Variant("whole", ("Whole", "all"), {"epochs": 3}),
    Variant("short", ("Short", "all"), {"epochs": 1}),
)


@pytest.fixture(scope="module")
def load() -> Callable[[str, str], ModuleType]:
    """As plugins.load, with the toy network and its claims, and ridge's claims, among them."""
    whole = plugins.load
    few = (Variant("many", ("Many", "9"), {}), Variant("few", ("Few", "2"), {"alphas": 2}))
    more = {
        ("models", "sequences"): sequences.toy(),
        ("claims", "toy"): claims_file("sequences", TOYS),
        ("claims", "regression"): claims_file("ridge", few),
    }
    return lambda kind, name: more.get((kind, name)) or whole(kind, name)


@pytest.fixture(autouse=True)
def toys(monkeypatch: pytest.MonkeyPatch, load: Callable[[str, str], ModuleType]) -> None:
    monkeypatch.setattr(plugins, "load", load)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reproduction") / "toy"


@pytest.fixture(scope="module")
def done(root: Path, load: Callable[[str, str], ModuleType]) -> Reproduction:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plugins, "load", load)
        return reproduce(plan("toy", root))


def run_cli(*words: object) -> Result:
    return CliRunner().invoke(app, ["reproduce", *map(str, words)], env={"COLUMNS": "200"})


# --- verdicts -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(-2, -1, "holds"), (-1, 1, "open"), (1, 2, "does not hold"), (-1, 0, "open"), (0, 1, "open")],
)
def test_a_difference_is_judged_by_its_whole_interval(
    low: float, high: float, verdict: str
) -> None:
    found = Estimate((low + high) / 2, Interval(low, high, 9, "person"))
    assert verdict_below(found) == verdict
    assert lower(found, "it is less", "Fig. 4", "share").verdict == verdict


def test_without_an_interval_a_difference_is_open() -> None:
    assert verdict_below(Estimate(-3.0)) == "open"
    assert verdict_below(Estimate(None)) == "open"


def test_a_threshold_is_met_by_the_value_itself() -> None:
    found = Estimate(0.8, Interval(0.7, 0.9, 9, "person"))
    claim = at_least(found, 0.8, "it finds them", "section 4", "AUC")
    assert claim == Claim(
        *("it finds them", "section 4", "AUC 0.80 [0.70, 0.90], at least 0.8 asked", "holds")
    )
    assert at_least(Estimate(0.79), 0.8, "", "", "AUC").verdict == "does not hold"
    assert at_least(Estimate(None), 0.8, "", "", "AUC").verdict == "does not hold"


# --- claims files ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", CLAIMS)
def test_every_claims_file_names_what_there_is(name: str, tmp_path: Path) -> None:
    planned = plan(name, tmp_path)
    assert name == planned.module.MODEL
    assert name in plugins.names("models")
    assert plugins.defines("claims", name, "claims")
    variants = {v.name for _, v in planned.pairs()}
    assert not variants & {"constant", "oracle"}
    for table in planned.tables:
        assert {*table.cohorts} <= {*planned.cohorts}
        assert {p.variant for p in table.printed} <= variants
        assert all(len(v.words) == len(table.columns) for g in table.variants for v in g)
    usual = planned.model.Settings()
    assert all(hasattr(usual, key) for key in planned.shared)
    assert len({repr(planned.settings[v]) for v in variants}) == len(variants)


def test_an_unknown_name_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no claim named 'depresionmlp'") as caught:
        plan("depresionmlp", tmp_path)
    assert "'depressionmlp'" in str(caught.value.fix)


def test_what_the_caller_says_is_of_all_variants_and_cohorts(tmp_path: Path) -> None:
    planned = plan("toy", tmp_path, seeds=1, persons=4)
    assert planned.seeds == (0,)
    assert [s.subjects for s in planned.cohorts.values()] == [4, 4]
    assert plan("depressionmlp", tmp_path, epochs=2).settings["dg"].epochs == 2
    with pytest.raises(SettingsError, match="subjects must be at least 4"):
        plan("toy", tmp_path, persons=3)


def test_a_table_of_one_cohort_asks_for_no_other(tmp_path: Path) -> None:
    planned = plan("toy", tmp_path)
    only = replace(planned, tables=planned.tables[1:])
    assert [(c, v.name) for c, v in only.pairs()] == [("two", "whole")]
    assert len(planned.pairs()) == 4


# --- the runs -------------------------------------------------------------------------------


def test_every_variant_is_a_run_on_every_cohort(done: Reproduction, root: Path) -> None:
    assert sorted(p.name for p in (root / "runs" / "two").iterdir()) == ["short", "whole"]
    run = done.results.run("whole", "two")
    assert run.about["synthetic"] is True
    assert (run.about["seeds"], run.about["device"]) == ([0, 1], "cpu")
    assert run.about["settings"]["epochs"] == 3


def test_the_numbers_are_those_of_evaluate(done: Reproduction) -> None:
    found = evaluate_run(done.results.run("short").root).filter(
        (pl.col("split") == "test") & (pl.col("unit") == "recording")
    )
    for variant, predictor in (("short", "model"), ("constant", "train_mean")):
        mean = found.filter(pl.col("predictor") == predictor)["rmse"].mean()
        assert done.results.metric(variant).value == pytest.approx(mean)
    each = found.filter(pl.col("predictor") == "model").sort("seed")["rmse"].to_list()
    assert done.results.by_seed("short") == pytest.approx(each)


def test_the_oracle_is_the_one_that_was_planted(done: Reproduction) -> None:
    rows = done.results.predictions("oracle", "two")
    truth = json.loads((done.results.corpus("two").root / "truth" / "truth.json").read_text())
    assert len(rows) == 2
    found = done.results.metric("oracle", "rmse", "two").value
    assert found == pytest.approx(truth["scores"]["test"]["oracle"]["rmse"], abs=1e-4)


def test_tracks_have_persons_and_meet_what_was_planted(done: Reproduction) -> None:
    tracks = done.results.tracks("whole", "relevance")
    assert set(tracks["recording_id"]) == set(done.results.predictions("whole")["recording_id"])
    assert not tracks["subject_id"].null_count()
    # 12 s at 6 a second, for each of 2 recordings and 2 seeds.
    assert len(tracks) == 72 * 2 * 2
    values = auc(tracks, done.results.truth("segments"))
    assert len(values) == 4
    estimate = mean_over_persons(values)
    assert estimate.value is None or 0 <= estimate.value <= 1
    with pytest.raises(DataError, match="no track of kind 'modality'"):
        done.results.tracks("whole", "modality")


def test_networks_can_be_asked_about_their_test_clips(done: Reproduction) -> None:
    """The mean score over a recording's clips is the run's prediction of it."""
    table: dict[tuple[int, str], list[float]] = {}
    for seen in done.results.clips("whole"):
        score = float(seen.network(seen.values, seen.valid))
        table.setdefault((seen.seed, seen.recording["recording_id"]), []).append(score)
    rows = done.results.predictions("whole")
    assert len(table) == len(rows) == 4
    for seed, recording, said in rows.select("seed", "recording_id", "prediction").iter_rows():
        scores = table[seed, recording]
        assert len(scores) == 3  # of 4 s each
        assert sum(scores) / 3 == pytest.approx(said, abs=1e-4)


def test_how_training_ended_is_counted(done: Reproduction) -> None:
    run = done.results.run("whole")
    ends = [(100, 91), (100, 90), (21, 1), (1, 1)]  # epochs, best epoch
    members = [{"epochs": epochs, "best_epoch": best} for epochs, best in ends]
    changed = replace(run, about={**run.about, "members": members})
    said = replace(done.results, runs={("one", "whole"): changed}).training("whole")
    # 91 and 1 of 1 are in the last tenth, 90 is not; 1 of 21 is the first, 1 of 1 is both.
    assert said.startswith("Of the 4 networks of whole, 2 were best in the last tenth")
    assert said.endswith("and 1 in the first one.")


def test_an_unknown_variant_or_cohort_is_a_usage_error(done: Reproduction) -> None:
    with pytest.raises(UsageError, match="no variant named 'hole'"):
        done.results.run("hole")
    with pytest.raises(UsageError, match="no cohort named 'three'"):
        done.results.corpus("three")


def test_what_is_done_is_not_made_again(
    done: Reproduction, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("made again")

    monkeypatch.setattr("deptool.sequenced.train_members", never)
    monkeypatch.setattr("deptool.synth._render", never)
    again = reproduce(plan("toy", root))
    assert again.claims == done.claims
    assert again.made == read_made(root) == done.made


def test_an_interrupted_reproduction_goes_on(
    tmp_path: Path, root: Path, done: Reproduction
) -> None:
    """Stopped in the third epoch of the third run; then as if it had never been stopped."""
    shutil.copytree(root / "cohorts", tmp_path / "cohorts")
    heard: list[News] = []

    def stop(news: News) -> None:
        heard.append(news)
        if news.job == "two/whole" and news.kind == "epoch" and news.epoch == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reproduce(plan("toy", tmp_path), on_news=stop)
    first = float(str(read_made(tmp_path)["seconds"]))
    told: list[News] = []
    again = reproduce(plan("toy", tmp_path), on_news=told.append)
    assert float(str(again.made["seconds"])) > first
    assert {n.job for n in told} == {"two/whole", "two/short"}  # those of `one` are done
    epochs = [n for n in told if n.kind == "epoch" and n.job == "two/whole"]
    assert epochs[0].epoch == 4  # of 5, in two phases
    rows = again.results.predictions("whole", "two")
    assert rows.equals(done.results.predictions("whole", "two"))


def test_other_settings_need_another_folder(done: Reproduction, root: Path) -> None:
    with pytest.raises(DataError, match="subjects 8 \\(asked: 4\\)"):
        reproduce(plan("toy", root, persons=4))
    with pytest.raises(SettingsError, match="seeds is \\[0, 1\\] there, \\[0\\] here"):
        reproduce(plan("toy", root, seeds=1))


def test_runs_in_processes_give_the_same(done: Reproduction, root: Path, tmp_path: Path) -> None:
    whole = plan("regression", tmp_path, seeds=1)
    planned = replace(whole, cohorts={"one": whole.cohorts["one"]}, tables=whole.tables[:1])
    told: list[News] = []
    for name in ("in", "beside"):
        shutil.copytree(root / "cohorts", tmp_path / name / "cohorts")
    two = reproduce(replace(planned, root=tmp_path / "beside"), jobs=2, on_news=told.append)
    one = reproduce(replace(planned, root=tmp_path / "in"))
    assert two.made["jobs"] == 2
    for variant in ("many", "few"):
        assert two.results.predictions(variant).equals(one.results.predictions(variant))
    assert sorted(n.job for n in told if n.kind == "done") == ["one/few", "one/many"]


def test_the_error_of_a_process_ends_the_others() -> None:
    futures = {name: Future[None]() for name in ("good", "waiting", "bad")}
    futures["good"].set_result(None)
    futures["bad"].set_exception(DataError("the loss is gone"))
    with pytest.raises(DataError, match="the loss is gone"):
        _wait({f: job(n, 1) for n, f in futures.items()}, queue.SimpleQueue(), lambda _news: None)  # type: ignore[arg-type]


# --- the tables -----------------------------------------------------------------------------


def test_the_tables_are_in_the_papers_layout(done: Reproduction) -> None:
    one, two, claims = sheets(done)
    assert one.title == "Table 1 (synthetic: one, two; official, test)"
    assert one.header == [
        *("network", "size", "RMSE (one)", "MAE (one)", "RMSE (two)", "MAE (two)"),
        "paper (AVEC 2014): RMSE / MAE",
    ]
    assert [line.cells[:2] for line in one.lines] == [
        ["train mean (constant)", ""],
        ["Whole", "all"],
        ["Short", "all"],
        ["oracle (sees the planted cues)", ""],
    ]
    assert [line.cells[-1] for line in one.lines] == ["–", "9.15 / 7.52", "–", "–"]
    assert "one: 2 test recordings of 2 persons; two: 2" in one.caption
    assert "mean over 2 seeds" in one.caption
    assert two.header == ["network", "size", "CCC"]
    assert [line.cells[0] for line in two.groups[1]] == ["Whole"]
    assert [line.cells[3] for line in claims.lines][1] == "does not hold"
    assert claims.lines[1].cells[2] == "AUC 0.50, at least 0.8 asked. It is a toy."


def test_settings_that_are_not_the_models_stand_below(tmp_path: Path, done: Reproduction) -> None:
    shared = {"batch_size": 2, "hz": 6.0}
    changed = replace(done, plan=replace(done.plan, shared=shared))
    assert "in brackets): batch_size 2 (4)." in sheets(changed)[0].caption
    assert "All settings are the model's defaults" in sheets(done)[0].caption


def test_the_report_says_synthetic_and_how_it_was_made(done: Reproduction) -> None:
    path = write_report(done)
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# Toy: a claim (synthetic)\n\nHow it is tested: on toys.\n")
    titles = [line for line in text.splitlines() if line.startswith("#")]
    assert len(titles) == 4
    assert all("synthetic" in title for title in titles)
    for part in (
        "deptool synth one --set subjects=8 --set sessions=1 --set seconds=12",
        "--set seed=8",
        "| it learns | Table 1 | RMSE ",
        "The toy is small.",
        " torch ",
    ):
        assert part in text
    assert report(done) == text  # nothing of the moment is in it
    found = json.loads((path.parent / "report.json").read_text(encoding="utf-8"))
    assert found["synthetic"] is True
    row = found["tables"][0]["rows"][1]
    assert row["variant"] == "whole"
    assert (
        row["cohorts"]["two"]["rmse"]["value"] == done.results.metric("whole", "rmse", "two").value
    )
    assert found["claims"][1]["verdict"] == "does not hold"


def test_the_page_counts_verdicts_and_puts_reports_below_its_title(
    done: Reproduction, tmp_path: Path
) -> None:
    shutil.copytree(write_report(done).parent, tmp_path / "depressionmlp")
    text = page(tmp_path)
    given = [claim.verdict for claim in done.claims]
    counts = " | ".join(str(given.count(v)) for v in ("holds", "does not hold", "open"))
    assert f"| depressionmlp | 2 | {counts} |" in text
    assert [line for line in text.splitlines() if line.startswith("# ")] == ["# Reproduction"]
    assert "\n## Toy: a claim (synthetic)\n" in text


# --- the command ----------------------------------------------------------------------------


def test_the_command_prints_tables_and_verdicts(done: Reproduction, root: Path) -> None:
    shown = run_cli("toy", "--out", root.parent, "--jobs", 1)
    assert shown.exit_code == 0, shown.output
    for text in ("Table 1 (synthetic", "9.15 / 7.52", "✗ does not hold", "nothing was trained"):
        assert text in shown.output
    found = json.loads(run_cli("toy", "--out", root.parent, "--json").stdout)
    assert found["model"] == "sequences"


def job(name: str, epochs: int) -> Job:
    return Job("c", name, Path(), "m", None, "official", (0,), Path(), epochs)


def test_the_bar_reckons_with_what_was_trained_now() -> None:
    bar = _Bar()
    bar.plan([job("a", 10), job("b", 10)])

    def state() -> tuple[float, float | None]:
        task = bar.progress.tasks[-1]
        return task.completed, task.total

    assert state() == (0, 20)
    bar.news(News("c/a", "epoch", 0, 0, 4))  # 3 of them are of an earlier call
    assert state() == (1, 17)
    bar.news(News("c/a", "epoch", 0, 0, 5))
    assert state() == (2, 17)
    bar.news(News("c/a", "done"))  # stopped early: 5 are not needed
    assert state() == (2, 12)
    for epoch in range(1, 11):
        bar.news(News("c/b", "epoch", 0, 0, epoch))
    assert state() == (12, 12)
    bar.stop()
