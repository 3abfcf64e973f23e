"""No verb opens a connection: whoever asks for no weight by name stays on this machine."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.no_network import sitecustomize
from fixtures.videos import portrait_video, sways
from tests.conftest import ROOT

_LOG = "".join(
    f" --log {name}" for name in ("tensorboard", "mlflow") if importlib.util.find_spec(name)
)

# What is run one after the other, in one process with all the workers that it starts. The engine
# ray is left out: it is asked for by name, and its processes talk to each other over sockets.
VERBS = (
    "synth toy --subjects 4 --sessions 1 --seconds 12",
    "check toy",
    "audit-split toy",
    "embed --corpus toy --encoder behaviour --jobs 1",
    "train toy --model ridge --seeds 1 --out runs/ridge",
    f"train toy --model depressionmlp --epochs 1 --seeds 1 --device cpu --out runs/mlp{_LOG}",
    "predict runs/mlp toy --device cpu",
    "card runs/mlp",
    "report runs --format html --out report.html",
    "view toy P0001_1 --out page.html",
    "explain runs/mlp P0001_1 --corpus toy --out explained",
    "export toy --format openface-csv --out exported",
    "list",
    "extract clip.mp4 --out filmed --jobs 1 --fps 2",
    "weights",
    "doctor",
)

_RUN = """
import sys, time
from deptool.cli.main import app

if __name__ == "__main__":
    for line in sys.argv[1:]:
        print("RUN", time.monotonic(), line, flush=True)
        try:
            app(line.split(), standalone_mode=False)
        except SystemExit as end:
            print("EXIT", end.code, flush=True)
"""


def run(folder: Path, *lines: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Run command lines under the watch; what ended, and the connections that were tried."""
    watch = str(Path(sitecustomize.__file__).parent)
    tried = folder / "tried"
    script = folder / "run.py"
    script.write_text(_RUN, encoding="utf-8")
    env = dict(os.environ, PYTHONPATH=os.pathsep.join((watch, str(ROOT))), NO_COLOR="1")
    env |= {"DEPTOOL_TRIED": str(tried)}
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "MLFLOW_DISABLE_TELEMETRY"):
        env.pop(name, None)  # nothing may depend on them
    done = subprocess.run(
        [sys.executable, str(script), *lines],
        *(),
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=folder,
        env=env,
        timeout=280,
        check=False,
    )
    return done, tried.read_text(encoding="utf-8").splitlines() if tried.exists() else []


@pytest.mark.parametrize(
    "code",
    [
        "import socket; socket.create_connection(('192.0.2.1', 80), 1)",
        "import socket; socket.getaddrinfo('example.invalid', 80)",
        "import urllib.request; urllib.request.urlopen('http://192.0.2.1/', timeout=1)",
    ],
)
def test_the_watch_sees_a_connection(code: str, tmp_path: Path) -> None:
    # 192.0.2.0/24 and .invalid are kept for documents: nobody is there.
    env = dict(os.environ, PYTHONPATH=str(Path(sitecustomize.__file__).parent))
    env |= {"DEPTOOL_TRIED": str(tmp_path / "tried")}
    done = subprocess.run([sys.executable, "-c", code], env=env, check=False, timeout=60)
    assert done.returncode == sitecustomize.EXIT_CODE
    assert (tmp_path / "tried").read_text(encoding="utf-8")


def test_no_verb_opens_a_connection(tmp_path: Path) -> None:
    verbs = [verb for verb in VERBS if "extract" not in verb]
    if importlib.util.find_spec("mediapipe"):
        verbs = list(VERBS)
        portrait_video(tmp_path / "clip.mp4", sways(1.0))
    done, tried = run(tmp_path, *verbs)
    assert tried == []
    assert done.returncode == 0, done.stderr[-2000:]
