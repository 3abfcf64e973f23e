"""`deptool ablate`: the grid, its runs, its tables."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from deptool import plugins
from deptool.ablate import Ablation, _Clock, ablate, choose, grid_of, resolve_settings
from deptool.ablate_tables import as_objects, score, sheets
from deptool.ablations import Grid, Table, Variant
from deptool.cli.main import app
from deptool.cli.terminal import show_sheet
from deptool.corpus import Corpus
from deptool.errors import InputError, SettingsError, UsageError
from deptool.evaluate import evaluate_run
from deptool.report_formats import markdown
from deptool.report_latex import latex
from deptool.report_table import NOTES
from deptool.tables import read_json, write_json
from fixtures.tables import make_tables_corpus

CHOSEN = ("clg", "dg", "dg-mg")
WORDS = ("epochs=2", "segments_per_recording=2")
MODELS = [n for n in plugins.names("models") if plugins.defines("models", n, "ABLATIONS")]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """6 persons with 2 sessions each; as folds, each person is tested once."""
    return make_tables_corpus(tmp_path_factory.mktemp("c") / "toy", n_subjects=6, seconds=6.0)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs") / "ablation"


def again(corpus: Corpus, out: Path, only: Sequence[str] = CHOSEN) -> Ablation:
    return ablate(
        corpus,
        "depressionmlp",
        only=only,
        words=WORDS,
        protocol="group-kfold:3",
        seeds=[0, 1],
        out=out,
    )


@pytest.fixture(scope="module")
def done(corpus: Corpus, out: Path) -> Ablation:
    return again(corpus, out)


def run_cli(*words: object) -> Result:
    return CliRunner().invoke(app, ["ablate", *map(str, words)], env={"COLUMNS": "160"})


# --- the grid -------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_every_declared_variant_is_a_network_of_its_own(model: str) -> None:
    grid = grid_of(model)
    settings = resolve_settings(model, grid, [])
    assert len({repr(s) for s in settings.values()}) == len(grid.variants)
    assert {*grid.compared} <= {v.name for v in grid.variants}
    for table in grid.tables:
        for group in table.variants:
            assert all(len(v.words) == len(table.columns) for v in group)


def test_the_papers_tables_are_declared() -> None:
    three, four = grid_of("depressionmlp").tables
    # Table III: 4 blocks on 3 inputs. Table IV: no guidance, CA, two directions, both; the first
    # is in Table III too: 16 networks.
    assert [len(group) for group in three.variants] == [3, 3, 3, 3]
    assert [v.words[0] for group in four.variants for v in group] == [
        *("DG+Linear", "DG+CA+Linear", "DG+P→U+Linear", "DG+U→P+Linear", "DG+MG+Linear"),
    ]
    assert len(grid_of("depressionmlp").variants) == 16
    settings = resolve_settings("depressionmlp", grid_of("depressionmlp"), [])
    assert settings["dg-mg"] == plugins.load("models", "depressionmlp").Settings()


def test_only_leaves_out_what_is_not_named() -> None:
    one, other = Variant("one", ("1",), {"a": 1}), Variant("other", ("2",), {"a": 2})
    grid = Grid((Table("A", ("x",), ((one,), (other,))), Table("B", ("x",), ((one,),))), ("one",))
    assert [v.name for v in grid.variants] == ["one", "other"]
    kept = choose(grid, ["other"])
    assert [(t.title, t.variants) for t in kept.tables] == [("A", ((other,),))]
    assert kept.compared == ()
    assert choose(grid, []) == grid


def test_a_model_without_ablations_is_refused() -> None:
    with pytest.raises(UsageError, match="'lstm' declares no ablations") as caught:
        grid_of("lstm")
    assert "depressionmlp" in str(caught.value.fix)
    with pytest.raises(UsageError, match="no model named 'nobody'"):
        grid_of("nobody")


def test_an_unknown_variant_is_refused() -> None:
    with pytest.raises(UsageError, match="no variant named 'dg-mgg'") as caught:
        choose(grid_of("depressionmlp"), ["dg-mgg"])
    assert "'dg-mg'" in str(caught.value.fix)


def test_what_is_varied_cannot_be_set() -> None:
    grid = grid_of("depressionmlp")
    with pytest.raises(UsageError, match="block is what the variants differ in"):
        resolve_settings("depressionmlp", grid, ["block=dg"])
    with pytest.raises(SettingsError, match="unknown setting 'epoch'"):
        resolve_settings("depressionmlp", grid, ["epoch=3"])


# --- the runs -------------------------------------------------------------------------------


def test_each_variant_is_a_run(done: Ablation) -> None:
    assert [p.name for p in sorted(done.root.iterdir())] == sorted(CHOSEN)
    clg = done.runs["clg"].about
    assert (clg["settings"]["block"], clg["settings"]["guidance"]) == ("clg", "none")
    assert (clg["settings"]["epochs"], clg["protocol"]) == (2, "group-kfold:3")
    assert all(run.done and len(run.about["members"]) == 6 for run in done.runs.values())
    assert {*done.seconds} == {*CHOSEN}
    assert all(seconds > 0 for seconds in done.seconds.values())


def test_finished_variants_are_not_trained_again(
    corpus: Corpus, done: Ablation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr("deptool.segmented.train_members", never)
    second = again(corpus, done.root)
    assert second.seconds == {}
    assert second.runs.keys() == done.runs.keys()


def test_other_settings_need_another_folder(corpus: Corpus, done: Ablation) -> None:
    with pytest.raises(SettingsError, match="epochs is 2 there, 100 here"):
        ablate(corpus, "depressionmlp", only=["dg"], protocol="group-kfold:3", out=done.root)


# --- the tables -----------------------------------------------------------------------------


def test_the_numbers_are_those_of_evaluate(done: Ablation) -> None:
    scored = score(done)
    for name, run in done.runs.items():
        found = evaluate_run(run.root).filter(
            (pl.col("split") == "test") & (pl.col("predictor") == "model")
        )
        row = scored.rows[name]
        assert row.n == 12
        for metric in ("rmse", "mae", "r2", "smape", "ccc"):
            assert row.values[metric][0] == pytest.approx(found[metric].mean())


def test_the_tables_are_the_papers(done: Ablation) -> None:
    found = sheets(score(done))
    assert [sheet.title.partition(":")[0] for sheet in found] == [
        *("Table III", "Table IV", "Table V", "Table VI", "Table VII"),
    ]
    three, four, five, six, seven = found
    assert three.header == ["model", "inputs", "N", "RMSE", "MAE", "R2", "SMAPE", "CCC"]
    assert [line.cells[0] for line in three.lines] == [
        *("train mean (constant)", "CLG+Linear", "DG+Linear"),
    ]
    assert [line.cells[0] for line in four.lines] == [
        *("train mean (constant)", "DG+Linear", "DG+MG+Linear"),
    ]
    assert "[" in three.lines[1].cells[3]  # an interval
    # 3 models and 6 persons: ranks add up to 1 + 2 + 3.
    assert sum(float(line.cells[1]) for line in five.lines) == pytest.approx(6, abs=0.02)
    # Of 33 action unit columns, not 35: Eq. 3 as a matrix takes 2 * 18 * 2 * 68 FLOPs less.
    assert six.lines[-1].cells == ["DG+MG+Linear", "42,192", f"{1_376_184 - 4_896:,}"]
    assert seven.header == ["classes", "model", "accuracy", "F1", "macro F1", "AUC"]
    assert [line.cells[0][0] for line in seven.lines] == list("22224444")
    firsts = [group[0] for group in seven.groups]  # the constant, in both ways to make classes
    assert [(line.cells[1], line.dim) for line in firsts] == [("train mean (constant)", True)] * 2
    assert [line.cells[3] for line in seven.groups[1]] == ["–"] * 4  # F1 is of two classes


def test_seconds_leave_out_the_first_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    # Two members in step: the first epoch ends at 9 s, the second at 10 s, the third at 11 s.
    times = iter([0.0, 9.0, 9.0, 10.0, 10.0, 11.0, 11.0])
    monkeypatch.setattr("deptool.ablate.time", SimpleNamespace(perf_counter=lambda: next(times)))
    clock = _Clock(None, None)
    clock.start(None, False)  # type: ignore[arg-type]
    for epoch in (1, 1):
        clock.epoch(None, epoch, 0.0, 0.0)
    assert (clock.seconds, clock.epochs) == (9.0, 2)  # there is no other yet
    for epoch in (2, 2, 3, 3):
        clock.epoch(None, epoch, 0.0, 0.0)
    assert (clock.seconds, clock.epochs) == (2.0, 4)


def test_captions_speak_of_intervals_only_where_there_are_some(done: Ablation) -> None:
    three, *_, seven = sheets(score(done))
    assert "In brackets" in three.caption
    # 6 persons: most resamples lack a class of four, but all have an accuracy.
    assert "In brackets" in seven.caption
    text = io.StringIO()
    show_sheet(three, Console(file=text, width=50))
    shown = " ".join(text.getvalue().split())
    assert "In brackets" not in shown
    assert "JSON has them" in shown
    assert "CSV" not in shown


def test_seconds_are_shown_only_where_they_are_asked_for(done: Ablation) -> None:
    scored = score(done)
    assert "s per epoch" not in sheets(scored)[3].header
    assert "s per epoch" in sheets(scored, seconds=True)[3].header
    assert "second" not in json.dumps(as_objects(scored))


def test_the_files_do_not_depend_on_when_they_are_made(corpus: Corpus, done: Ablation) -> None:
    one, other = score(done), score(again(corpus, done.root))
    assert markdown(sheets(one)) == markdown(sheets(other))
    assert latex(sheets(one)) == latex(sheets(other))
    assert as_objects(one) == as_objects(other)


def test_too_few_models_are_not_ranked(corpus: Corpus, done: Ablation) -> None:
    scored = score(again(corpus, done.root, only=["dg", "dg-mg"]))
    assert [row.model for row in scored.constants] == ["train mean (constant)"]
    assert scored.ranking is None
    assert "fewer than 3 of the variants" in scored.unranked
    assert not any("Friedman" in sheet.title for sheet in sheets(scored))


def test_variants_outside_the_comparison_have_no_classes(corpus: Corpus, out: Path) -> None:
    found = sheets(score(again(corpus, out, only=["dg-action-units"])))
    assert [sheet.title.partition(":")[0] for sheet in found] == ["Table III"]


def test_a_part_without_scores_is_an_error(done: Ablation) -> None:
    with pytest.raises(InputError, match="none of its runs can be reported"):
        score(done, "nowhere")


# --- the command ----------------------------------------------------------------------------

SHARED = ("--protocol", "group-kfold:3", "--seeds", 2, "--epochs", 2)
SHARED += ("--set", "segments_per_recording=2")


def named(only: Sequence[str]) -> list[str]:
    return [word for name in only for word in ("--only", name)]


def test_the_command_prints_the_tables_and_draws(
    corpus: Corpus, done: Ablation, tmp_path: Path
) -> None:
    words = ["depressionmlp", corpus.root, *SHARED, *named(CHOSEN), "--out", done.root]
    shown = run_cli(*words, "--figures", tmp_path / "figures")
    assert shown.exit_code == 0, shown.output
    for text in ("Table III", "Table VII", "DG+MG+Linear", "42,192", "nothing was trained"):
        assert text in shown.output
    assert {p.name for p in (tmp_path / "figures" / "dg-mg").iterdir()} == {
        f"{name}.{kind}" for name in ("roc", "qq") for kind in ("svg", "pdf", "png", "csv")
    }


def test_json_has_every_variant(corpus: Corpus, done: Ablation) -> None:
    words = ["depressionmlp", corpus.root, *SHARED, *named(CHOSEN), "--out", done.root]
    found = json.loads(run_cli(*words, "--json").stdout)
    assert [row["variant"] for table in found["tables"] for row in table["rows"]] == [
        *("clg", "dg", "dg", "dg-mg"),
    ]
    row = found["tables"][0]["rows"][0]
    assert row["settings"] == {"block": "clg", "guidance": "none", "inputs": "both"}
    assert row["rmse"]["low"] <= row["rmse"]["value"] <= row["rmse"]["high"]
    assert found["sizes"][-1]["parameters"] == 42_192
    assert set(found["ranks"]["ranks"]) == {*CHOSEN}


def test_synthetic_data_is_called_so(corpus: Corpus, out: Path, tmp_path: Path) -> None:
    made = again(corpus, tmp_path / "runs", only=["dg", "dg-action-units"])
    assert score(made).warnings == ()
    for run in made.runs.values():
        path = run.root / "run.json"
        write_json(path, {**read_json(path), "synthetic": True})
    scored = score(made)
    assert scored.warnings == (NOTES["synthetic"],)
    results = [sheet for sheet in sheets(scored) if "VI:" not in sheet.title]
    assert all(NOTES["synthetic"] in sheet.warnings for sheet in results)
