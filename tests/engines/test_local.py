"""The engine local: a worker that hangs."""

import os
from pathlib import Path

import pytest

from deptool import plugins
from deptool.engines import local
from deptool.extract_one import Job, Plan
from fixtures.videos import portrait_video, sways

pytest.importorskip("mediapipe")


def test_a_worker_that_hangs_is_ended_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nobody writes into the pipe: opening it waits for ever.
    os.mkfifo(tmp_path / "pipe")
    good = portrait_video(tmp_path / "good.mp4", sways(1))
    jobs = [
        Job(name, source, tmp_path / f"{name}.parquet", tmp_path / f"{name}.tracks")
        for name, source in (("hangs", tmp_path / "pipe"), ("good", good))
    ]
    monkeypatch.setattr(local, "STALL_S", 6.0)
    plan = Plan("mediapipe", plugins.load("extractors", "mediapipe").Settings(), fps=6.0)
    rows = {r["recording_id"]: r for r in local.run(jobs, plan, 2, None, lambda *_: None)}
    assert rows["good"]["status"] == "ok"
    assert rows["hangs"]["status"] == "failed"
    assert rows["hangs"]["reason"] == local.LOST
