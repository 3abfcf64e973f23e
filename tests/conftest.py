"""What several test files use: the real clips, where they are, and helpers to run the CLI."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BESIDE = ROOT.parent / "shared"

Run = Callable[..., subprocess.CompletedProcess[str]]


def corpus_files(root: Path) -> dict[str, bytes]:
    """The content of every file of a corpus but its locks, by path below `root`."""
    return {
        p.relative_to(root).as_posix(): p.read_bytes()
        for p in sorted(root.rglob("*"))
        if p.is_file() and not p.name.endswith(".lock")
    }


@pytest.fixture(scope="session")
def clips() -> Path:
    """The folder of real clips that lies beside the checkout of the developers."""
    folder = BESIDE / "videos"
    if not folder.is_dir():
        pytest.skip("the real clips are not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def deptool() -> Run:
    """Run the command line as a user does; returns the finished process with its texts."""

    def run(*words: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        env = dict(os.environ, PYTHONPATH=str(ROOT), COLUMNS="120", NO_COLOR="1")
        return subprocess.run(
            [sys.executable, "-m", "deptool.cli.main", *map(str, words)],
            *(),
            capture_output=True,
            text=True,
            encoding="utf-8",
            cwd=cwd or ROOT,
            env=env,
            timeout=300,
            check=False,
        )

    return run
