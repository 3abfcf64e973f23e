"""The engine local: workers that hang, break, or cannot begin."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deptool import interrupts, plugins
from deptool.engines import local
from deptool.extract_one import Job, Plan, Worker
from fixtures.videos import portrait_video, sways
from tests.conftest import ROOT

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


def test_a_script_without_a_guard_is_told_so(tmp_path: Path) -> None:
    portrait_video(tmp_path / "v" / "a.mp4", sways(0.5))
    script = tmp_path / "script.py"
    script.write_text(
        "from pathlib import Path\n"
        "from deptool.extract import ExtractSettings, extract\n"
        "extract(Path('v'), Path('c'), ExtractSettings())\n"
    )
    env = dict(os.environ, PYTHONPATH=str(ROOT))
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60
    )
    assert local.CANNOT_START in done.stderr
    assert "if __name__ == '__main__':" in done.stderr


def test_a_broken_extractor_is_loaded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = plugins.load("extractors", "mediapipe")
    good = portrait_video(tmp_path / "good.mp4", sways(0.5))
    job = Job("good", good, tmp_path / "good.parquet", tmp_path / "tracks.parquet")
    with Worker(Plan("mediapipe", module.Settings(), fps=6.0)) as worker:
        worker.load()
        with monkeypatch.context() as patch:
            patch.setattr(module.Extractor, "begin", lambda self: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                worker.extract(job)
        assert worker.extract(job)["status"] == "ok"


def test_ctrl_c_waits_until_a_process_is_started() -> None:
    # Another thread is there that may be told of it, as the progress bar's is.
    ends = threading.Event()
    other = threading.Thread(target=ends.wait)
    other.start()
    handler = signal.getsignal(signal.SIGINT)
    reached = []

    def start() -> None:
        with interrupts.ctrl_c_waits():
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.1)
            reached.append("the end")

    try:
        with pytest.raises(KeyboardInterrupt):
            start()
    finally:
        ends.set()
        other.join()
    assert reached
    assert signal.getsignal(signal.SIGINT) is handler
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, set())


def test_a_worker_starts_from_any_thread() -> None:
    # Only the main thread may say what Ctrl-C does.
    with ThreadPoolExecutor(1) as pool:

        def start() -> set[signal.Signals]:
            with interrupts.ctrl_c_waits():
                return signal.pthread_sigmask(signal.SIG_BLOCK, set())

        assert signal.SIGINT in pool.submit(start).result()
