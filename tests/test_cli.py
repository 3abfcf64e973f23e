"""The command line as a whole: help without heavy imports, versions, completion, one red line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import deptool as package
from tests.conftest import ROOT, Run

HEAVY = ("torch", "cv2", "mediapipe", "numpy", "polars", "pyarrow", "av", "sklearn", "matplotlib")
VERBS = sorted(
    p.stem.rstrip("_").replace("_", "-")  # import_ is the verb import
    for p in (ROOT / "deptool" / "cli").glob("*.py")
    if p.stem not in ("__init__", "bars", "fitted", "main", "plain_console", "terminal")
)

# Runs the command line with the words after it, then tells which of the heavy modules came along.
PROBE = f"""
import sys
from deptool.cli.main import main
try:
    main()
except SystemExit as end:
    code = end.code
print("LOADED", *[m for m in {HEAVY!r} if m in sys.modules])
sys.exit(code)
"""


@pytest.mark.parametrize("words", [[], *[[verb] for verb in VERBS]], ids=lambda w: "-".join(w))
def test_help_is_light_and_has_an_example(words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *words, "--help"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=ROOT,
        env=dict(os.environ, COLUMNS="120", NO_COLOR="1"),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith("LOADED"), done.stdout.rstrip().splitlines()[-1]
    if words:
        assert f"Example: deptool {words[0]}" in done.stdout


def test_every_verb_has_a_page_and_a_test() -> None:
    for verb in VERBS:
        name = verb.replace("-", "_")
        assert (ROOT / "docs" / f"{verb}.md").is_file(), verb
        assert (ROOT / "tests" / f"test_{name}.py").is_file(), verb


def test_version(deptool: Run) -> None:
    assert deptool("--version").stdout.strip() == f"deptool {package.__version__}"


def test_the_changelog_and_the_citation_name_this_version() -> None:
    top = next(
        line.split()[1]
        for line in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("## ")
    )
    assert top == package.__version__
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {package.__version__}\n" in citation


def test_shell_completion_offers_the_verbs() -> None:
    env = dict(
        os.environ, _DEPTOOL_COMPLETE="complete_bash", COMP_WORDS="deptool ext", COMP_CWORD="1"
    )
    done = subprocess.run(
        [Path(sys.executable).with_name("deptool")],
        capture_output=True,
        text=True,
        env=env,
        check=False,
    )
    assert done.stdout.split() == ["extract"]


def test_an_error_is_one_line_and_what_to_do(deptool: Run, tmp_path: Path) -> None:
    done = deptool("label", tmp_path / "none", "labels.csv")
    assert done.returncode == 4
    assert done.stdout == ""
    first, *rest = done.stderr.strip().splitlines()
    assert first.startswith("Error: ")
    assert first.endswith("no such folder")
    assert rest == ["Make a corpus with: deptool extract VIDEOS, or: deptool import KIND SOURCE"]


def test_an_unknown_verb_is_a_usage_error(deptool: Run) -> None:
    assert deptool("extrac").returncode == 2
