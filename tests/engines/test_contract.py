"""What every engine must keep: the same corpus as any other, though a worker is killed."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from deptool import plugins
from deptool.errors import MissingExtraError
from deptool.extract import ExtractSettings, Progress, extract
from fixtures.videos import portrait_video, sways, text_file
from tests.conftest import corpus_files

pytest.importorskip("mediapipe")

# Ray's own code leaves files open and warns of its future.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module", params=plugins.names("engines"))
def engine(request: pytest.FixtureRequest) -> str:
    try:
        plugins.load("engines", request.param).require()
    except MissingExtraError as error:
        pytest.skip(error.what)
    return str(request.param)


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    for k in range(4):
        portrait_video(folder / f"v{k}.mp4", sways(8 + k))
    text_file(folder / "broken.mp4")
    return folder


@pytest.fixture(scope="module")
def expected(videos: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("expected") / "corpus"
    extract(videos, out, ExtractSettings(faces="all"))
    return corpus_files(out)


def _workers() -> list[int]:
    """Process ids of workers, of either engine, that this process started."""
    lines = subprocess.run(
        ["ps", "-ww", "-eo", "pid,ppid,args"], capture_output=True, text=True, check=True
    ).stdout.splitlines()[1:]
    parent = {int(line.split()[0]): int(line.split()[1]) for line in lines}
    named = {int(line.split()[0]): line for line in lines}
    found = []
    for pid, line in named.items():
        above = pid
        while above > 1 and above != os.getpid():
            above = parent.get(above, 0)
        if above == os.getpid() and ("spawn_main" in line or "ray::_Actor" in line):
            found.append(pid)
    return found


def test_a_killed_worker_costs_nothing(
    engine: str, videos: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    killed: list[int] = []
    pictures: list[int] = []

    def watch(state: Progress) -> None:
        pictures.append(state.n_pictures)
        if state.n_pictures and not killed:
            killed.append(_workers()[0])
            os.kill(killed[0], signal.SIGKILL)

    settings = ExtractSettings(engine=engine, jobs=2, faces="all")
    summary = extract(videos, tmp_path / "corpus", settings, watch)
    assert killed
    assert summary.failed == ["broken"]
    assert corpus_files(tmp_path / "corpus") == expected
    assert pictures == sorted(pictures)
    assert _workers() == []


def test_a_second_run_finds_everything_done(
    engine: str, videos: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "corpus"
    extract(videos, out, ExtractSettings(faces="all"))
    summary = extract(videos, out, ExtractSettings(engine=engine, faces="all"))
    assert (summary.n_new, summary.n_kept) == (1, 4)  # the broken one is tried again
    assert corpus_files(out) == expected
