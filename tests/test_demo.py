"""`demo`: the plan of the toy corpus, its videos, and the whole of it from pixels to a report."""

import csv
from pathlib import Path

import numpy as np
import pytest

from deptool.demo import DemoSettings, make_videos, plan
from deptool.errors import InputError
from tests.conftest import Run

TINY = DemoSettings(subjects=4, sessions=1, seconds=0.5, size=128)


def test_subjects_not_sessions_are_dealt_to_the_splits() -> None:
    takes = plan(DemoSettings())
    splits: dict[str, set[str]] = {}
    for take in takes:
        splits.setdefault(take.subject, set()).add(take.split)
    assert all(len(found) == 1 for found in splits.values())
    counts = [sum(found == {s} for found in splits.values()) for s in ("train", "dev", "test")]
    assert counts == [10, 5, 5]  # 20 subjects: half train, a quarter each dev and test


def test_the_toy_score_falls_with_the_planted_movement() -> None:
    takes = plan(DemoSettings())
    r = np.corrcoef([t.intensity for t in takes], [t.score for t in takes])[0, 1]
    assert r < -0.9
    assert all(0 <= t.score <= 63 for t in takes)


def test_videos_and_labels_are_made_once(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    makes = lambda: make_videos(tmp_path, TINY, 1, lambda done, of: told.append((done, of)))  # noqa: E731
    takes = makes()
    assert sorted(p.name for p in tmp_path.glob("*.mp4")) == [f"{t.name}.mp4" for t in takes]
    with (tmp_path / "labels.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [r["recording_id"] for r in rows] == [t.name for t in takes]
    assert told == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
    before = {p: p.stat().st_mtime_ns for p in tmp_path.glob("*.mp4")}
    told.clear()
    makes()
    assert told == [(4, 4)]
    assert {p: p.stat().st_mtime_ns for p in tmp_path.glob("*.mp4")} == before


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    with pytest.raises(InputError, match=r"'mine\.txt'"):
        make_videos(tmp_path, TINY)


def test_from_pixels_to_a_report(deptool: Run, tmp_path: Path) -> None:
    pytest.importorskip("mediapipe")
    words = ("--subjects", 4, "--seconds", 4, "--epochs", 2)
    done = deptool("demo", tmp_path / "demo", *words)
    assert done.returncode == 0, done.stderr
    for verb in ("extract", "train", "report"):
        assert f"$ deptool {verb} " in done.stderr
    assert "toys" in done.stderr
    assert "depressionmlp" in done.stdout
    assert "train mean" in done.stdout
