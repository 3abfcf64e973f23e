"""`deptool compare`: runs and files on the same recordings."""

import json

import pytest
from typer.testing import CliRunner

from deptool.cli.main import app
from deptool.compare import compare_runs, ranking_sentence, sentences
from deptool.errors import DataError, InputError, UsageError
from tests.test_report import TRUTH, write_csv, write_run, write_tasks


def write_noisy(root, model, off, n=30, **about):
    """A run whose error is `off` in every second recording, and 1 in the others."""
    rows = [
        {
            **{"recording_id": f"r{i}", "subject_id": f"p{i}", "truth": TRUTH[i]},
            **{"prediction": TRUTH[i] + (off if i % 2 else 1)},
        }
        for i in range(n)
    ]
    write_run(root, model=model, rows=rows, **about)
    return root


def test_two_runs_have_a_difference_and_no_ranking(tmp_path):
    # MAE 1 and (1 + 5) / 2 = 3; no person is better with b, and half of them are equal.
    a, b = write_noisy(tmp_path / "a", "x", 1), write_noisy(tmp_path / "b", "y", 5)
    found = compare_runs([a, b])
    mae = found.differences[1]
    assert (mae.metric, mae.value_one, mae.value_other) == ("mae", 1, pytest.approx(3))
    assert mae.interval.high < 0
    assert (found.ranking, found.n, found.n_units, found.unit) == (None, 30, 30, "person")
    assert "MAE, lower, and rarely by chance: a than b, by 2.00 points." in sentences(found)
    assert found.warnings == ()


def test_three_runs_are_ranked(tmp_path):
    paths = [write_noisy(tmp_path / n, n, off) for n, off in (("a", 2), ("b", 2.5), ("c", 9))]
    found = compare_runs(paths)
    # Of every second person a is best; of the others all are equal and share rank 2.
    assert found.ranking.ranks == {"a": 1.5, "b": 2, "c": 2.5}
    assert "a and c" in ranking_sentence(found.ranking)
    write_noisy(tmp_path / "same", "a", 2)
    same = compare_runs([paths[0], tmp_path / "same", paths[0].parent / "c"])
    assert any("not told apart by these 30 persons: a and same" in s for s in sentences(same))


def test_dev_is_optimistic_and_a_synthetic_corpus_is_called_so(tmp_path):
    for name in "ab":
        write_run(tmp_path / name, split="dev", off=ord(name) - 95, synthetic=True)
    said = " ".join(compare_runs([tmp_path / "a", tmp_path / "b"], "dev").warnings)
    assert "optimistic" in said
    assert "synthetic" in said


def test_runs_of_other_protocols_are_said_to_differ(tmp_path):
    one = write_noisy(tmp_path / "a", "x", 1, protocol="group-kfold:3", split_seed=0)
    other = write_noisy(tmp_path / "b", "y", 5, protocol="group-kfold:4", split_seed=1)
    said = compare_runs([one, other]).warnings
    assert "protocol (a group-kfold:3, b group-kfold:4)" in said[0]
    assert "seed of the split (a 0, b 1)" in said[1]
    assert len(said) == 2


def test_sessions_and_tasks_can_be_compared(tmp_path):
    write_tasks(tmp_path / "a")
    write_tasks(tmp_path / "b", model="b")
    paths = [tmp_path / "a", tmp_path / "b"]
    assert [compare_runs(paths, over=o).n for o in (None, "sessions", "Freeform")] == [40, 20, 20]
    with pytest.raises(InputError, match=r"nothing is scored over Reading \(it has: all rec"):
        compare_runs(paths, over="Reading")


def test_a_csv_can_be_compared_with_a_run(tmp_path):
    write_run(tmp_path / "a", n=3)
    rows = "".join(f"r{i},{i},{i + 2},p{i}\n" for i in range(3))
    csv = write_csv(tmp_path, "recording_id,truth,prediction,subject_id\n" + rows)
    found = compare_runs([tmp_path / "a", csv])
    assert found.differences[1].difference == pytest.approx(-1)
    assert (found.names, found.scale) == (("a", "theirs.csv"), "BDI-II")
    assert found.differences[1].exact


def test_what_cannot_be_compared_is_an_error(tmp_path):
    a = tmp_path / "a"
    write_run(a)
    write_run(tmp_path / "b", scale="PHQ-8", rows=[{"scale": "PHQ-8", "recording_id": "r0"}])
    write_run(tmp_path / "half", status="running")
    with pytest.raises(UsageError, match="one run alone"):
        compare_runs([a])
    with pytest.raises(UsageError, match="named twice"):
        compare_runs([a, a])
    with pytest.raises(DataError, match=r"different scales .* a on BDI-II, b on PHQ-8"):
        compare_runs([a, tmp_path / "b"])
    with pytest.raises(InputError, match="not finished"):
        compare_runs([a, tmp_path / "half"])
    with pytest.raises(InputError, match=r"in the split dev \(it has: test\)"):
        compare_runs([a, write_noisy(tmp_path / "c", "c", 2)], "dev")
    with pytest.raises(DataError, match="not scored on the same recordings: 10 only in a"):
        compare_runs([a, tmp_path / "c"])


def test_runs_of_the_same_name_are_told_apart_by_their_folder(tmp_path):
    for folder in ("one", "two"):
        write_run(tmp_path / folder / "a")
    found = compare_runs([tmp_path / "one" / "a", tmp_path / "two" / "a"])
    assert found.names == ("one/a", "two/a")


def test_the_verb_shows_differences_ranks_and_words(tmp_path):
    paths = [str(write_noisy(tmp_path / n, n, off)) for n, off in (("a", 2), ("b", 3), ("c", 9))]
    done = CliRunner().invoke(app, ["compare", *paths, "--split", "test"])
    assert done.exit_code == 0
    assert "p (Holm)" in done.stdout
    assert "Friedman" in done.stdout
    value = json.loads(CliRunner().invoke(app, ["compare", *paths, "--json"]).stdout)
    assert len(value["differences"]) == 6
    assert {(p["one"], p["other"]) for p in value["ranking"]["pairs"]} == {
        *(("a", "b"), ("a", "c"), ("b", "c")),
    }
    assert value["differences"][0]["interval"]["unit"] == "person"
