"""Batches that meet trouble: full disks, killed processes, Ctrl-C, two at once, shards.

Whatever happened, the same command run again must end in the corpus that an undisturbed run makes,
byte for byte. The trouble is real: signals, limits of the operating system, a small disk.
"""

import contextlib
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from deptool.corpus import open_corpus
from deptool.errors import InputError
from deptool.extract import ExtractSettings, ExtractSummary, extract
from fixtures import faults
from fixtures.videos import silent_sound, text_file
from tests.conftest import ROOT, Run, corpus_files

pytest.importorskip("mediapipe")
pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux's /proc")

# Seconds after which something that was waited for will not come.
PATIENCE_S = 60.0


def _same_tables(one: Path, other: Path) -> bool:
    """Whether two corpora are the same but for the hidden files."""
    return corpus_files(one) == corpus_files(other)


def _begin(videos: Path, out: Path, *words: str, **how: Any) -> subprocess.Popen[str]:
    """Start the command in a process group of its own."""
    env = dict(os.environ, PYTHONPATH=str(ROOT), COLUMNS="200", NO_COLOR="1")
    return subprocess.Popen(
        [sys.executable, "-m", "deptool.cli.main", "extract", videos, "--out", out, *words],
        env=env | {"PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        start_new_session=True,
        **how,
    )


@contextlib.contextmanager
def _begun(videos: Path, out: Path, *words: str, **how: Any) -> Iterator[subprocess.Popen[str]]:
    """The command while it runs; nothing of it lives on afterwards."""
    with _begin(videos, out, *words, **how) as run:
        try:
            yield run
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(run.pid, signal.SIGKILL)


def _until(true: Callable[[], object], run: subprocess.Popen[str] | None = None) -> None:
    """Wait until something is true, at most PATIENCE_S and while the command runs."""
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        assert run is None or run.poll() is None, run.communicate()
        time.sleep(0.005)


def _tables(out: Path) -> list[Path]:
    """Frames tables that are finished."""
    return list(out.glob("frames/[!.]*.parquet"))


def _stat(pid: str) -> list[str]:
    """The fields of /proc/<pid>/stat from the third on: state, parent, group, session, …"""
    with contextlib.suppress(OSError):
        return (Path("/proc") / pid / "stat").read_text().rpartition(")")[2].split()
    return []


def _alive(session: int) -> list[int]:
    """Processes of a session that are not zombies."""
    found = ((pid, _stat(pid)) for pid in os.listdir("/proc") if pid.isdigit())  # noqa: PTH208
    return [int(p) for p, f in found if f and f[0] not in "ZX" and int(f[3]) == session]


def _workers(run: subprocess.Popen[str]) -> list[int]:
    """The command's worker processes."""
    found = []
    for pid in _alive(run.pid):
        with contextlib.suppress(OSError):
            if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found


def _readers(run: subprocess.Popen[str], name: str) -> list[int]:
    """The workers that have a video of that name open."""
    found = []
    for pid in _workers(run):
        with contextlib.suppress(OSError):
            links = [link.readlink() for link in Path(f"/proc/{pid}/fd").iterdir()]
            found += [pid] * any(link.name == name for link in links)
    return found


def _limit(what: int, most: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(what, (most, most))


@contextlib.contextmanager
def _small_disk(place: Path, size: str) -> Iterator[Path]:
    """A file system of its own, of that size; only root can mount one."""
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("a disk can only be mounted by root")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def _remount(place: Path, option: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{option}", str(place)], check=True)


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four good videos of 1 to 4 s; v3 is the longest and is begun first."""
    folder = tmp_path_factory.mktemp("videos")
    for k in range(4):
        faults.write(folder / f"v{k}.mp4", faults.portraits(1 + k))
    return folder


@pytest.fixture(scope="module")
def timed(videos: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """Their corpus, made by an undisturbed run of two workers, and how long they worked (s)."""
    root = tmp_path_factory.mktemp("whole") / "corpus"
    with _begun(videos, root, "--jobs", "2") as run:
        _until((root / "corpus.json").exists, run)
        began = time.monotonic()
        _, talk = run.communicate(timeout=PATIENCE_S)
    assert run.returncode == 0, talk
    return root, time.monotonic() - began


@pytest.fixture(scope="module")
def whole(timed: tuple[Path, float]) -> Path:
    return timed[0]


def _resumed(videos: Path, out: Path) -> ExtractSummary:
    return extract(videos, out, ExtractSettings(jobs=1))


# ---- the same bytes


def test_one_worker_makes_the_same_bytes_as_two(videos: Path, whole: Path, tmp_path: Path) -> None:
    extract(videos, tmp_path / "corpus", ExtractSettings(jobs=1))
    assert _same_tables(tmp_path / "corpus", whole)


def test_shards_together_make_the_whole(videos: Path, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "corpus"
    first = extract(videos, out, ExtractSettings(shard=(1, 2)))
    assert first.rows["recording_id"].to_list() == ["v0", "v2"]
    second = extract(videos, out, ExtractSettings(shard=(2, 2)))
    assert second.rows["recording_id"].to_list() == ["v1", "v3"]
    assert _same_tables(out, whole)


def test_shards_may_run_at_the_same_time(videos: Path, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "corpus"
    words = ("--jobs", "1", "--shard")
    with _begun(videos, out, *words, "1/2") as one, _begun(videos, out, *words, "2/2") as other:
        for run in (one, other):
            _, talk = run.communicate(timeout=PATIENCE_S)
            assert run.returncode == 0, talk
    assert _same_tables(out, whole)


# ---- places


def test_a_folder_that_cannot_be_written_is_read(whole: Path, videos: Path, tmp_path: Path) -> None:
    if os.geteuid():
        source = shutil.copytree(videos, tmp_path / "videos")
        source.chmod(0o555)
        extract(source, tmp_path / "corpus", ExtractSettings(jobs=2))
        source.chmod(0o755)
    else:  # to root, rights mean nothing; a disk that is read-only does
        with _small_disk(tmp_path / "disk", "8m") as disk:
            shutil.copytree(videos, disk / "videos")
            _remount(disk, "ro")
            extract(disk / "videos", tmp_path / "corpus", ExtractSettings(jobs=2))
    assert _same_tables(tmp_path / "corpus", whole)


def test_files_that_cannot_be_written_are_an_error(
    videos: Path, whole: Path, tmp_path: Path
) -> None:
    # A frames table has some 80 kB and recordings.parquet some 7 kB: neither fits.
    out = tmp_path / "corpus"
    shutil.copytree(whole, out)
    for name in ("v1", "v2", "v3"):  # v0 is done
        (out / "frames" / f"{name}.parquet").unlink()
    before = corpus_files(out)
    with _begun(videos, out, preexec_fn=_limit(resource.RLIMIT_FSIZE, 3_000)) as run:
        _, talk = run.communicate(timeout=PATIENCE_S)
        assert not _workers(run)
    assert run.returncode == 4, talk
    assert "cannot be written" in talk
    assert "what a batch has done is kept" in " ".join(talk.split())
    assert "Traceback" not in talk
    assert corpus_files(out) == before
    assert _resumed(videos, out).n_kept == 1
    assert _same_tables(out, whole)


def test_a_full_disk_is_an_error_and_room_mends_it(
    videos: Path, whole: Path, tmp_path: Path
) -> None:
    with _small_disk(tmp_path / "disk", "240k") as disk:  # room for two tables of 80 to 95 kB
        out = disk / "corpus"
        with _begun(videos, out, "--jobs", "1") as run:
            _, talk = run.communicate(timeout=PATIENCE_S)
        assert run.returncode == 4, talk
        assert "cannot be written" in talk
        assert "No space left on device" in talk
        assert "what a batch has done is kept" in " ".join(talk.split())
        kept = {p.name: p.read_bytes() for p in _tables(out)}
        assert kept.items() <= {p.name: p.read_bytes() for p in _tables(whole)}.items()
        assert 1 <= len(kept) < 4
        _remount(disk, "size=8m")
        assert _resumed(videos, out).n_kept == len(kept)
        assert _same_tables(out, whole)


# ---- killed


def test_a_batch_that_is_killed_again_and_again_ends_the_same(
    videos: Path, timed: tuple[Path, float], tmp_path: Path
) -> None:
    # Three times in one corpus, each at a moment drawn from those of an undisturbed run's work.
    whole, length_s = timed
    out, rng = tmp_path / "corpus", random.Random(20261120)
    for _ in range(3):
        with _begun(videos, out, "--jobs", "2") as run:
            _until((out / "corpus.json").exists, run)
            with contextlib.suppress(subprocess.TimeoutExpired):
                run.wait(timeout=rng.uniform(0, 0.8 * length_s))
            with contextlib.suppress(ProcessLookupError):  # it was quicker this time
                os.killpg(run.pid, signal.SIGKILL)
            run.communicate()
        _until(lambda session=run.pid: not _alive(session))
        for path in _tables(out):
            assert path.read_bytes() == (whole / "frames" / path.name).read_bytes()
    _resumed(videos, out)
    assert _same_tables(out, whole)


def test_a_killed_batch_keeps_what_was_done(videos: Path, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "corpus"
    with _begun(videos, out, "--jobs", "1") as run:
        _until(lambda: _tables(out), run)
        os.kill(run.pid, signal.SIGKILL)  # the parent alone: its worker must notice
        run.communicate()
        _until(lambda: not _alive(run.pid))
    done = len(_tables(out))
    assert 1 <= done < 4
    assert _resumed(videos, out).n_kept == done
    assert _same_tables(out, whole)


def test_ctrl_c_ends_all_processes_and_keeps_what_was_done(
    videos: Path, whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "corpus"
    with _begun(videos, out, "--jobs", "1") as run:
        _until(lambda: _tables(out), run)
        assert _workers(run)
        os.killpg(run.pid, signal.SIGINT)  # as a terminal does: the whole group
        _, talk = run.communicate(timeout=PATIENCE_S)
        _until(lambda: not _alive(run.pid))
    assert run.returncode == 130, talk
    assert "What is done is kept" in " ".join(talk.split())
    assert "Traceback" not in talk
    done = len(_tables(out))
    assert 1 <= done < 4
    assert len(open_corpus(out).recordings()) <= done
    assert _resumed(videos, out).n_kept == done
    assert _same_tables(out, whole)


def test_a_run_killed_while_its_corpus_began_goes_on(tmp_path: Path) -> None:
    # What is left is the temporary file of corpus.json, and no corpus.json.
    folder, out = tmp_path / "videos", tmp_path / "corpus"
    folder.mkdir()
    out.mkdir()
    faults.zero_bytes(folder / "zero.mp4")
    (out / ".corpus.0123abcd.tmp.json").write_text("{")
    assert extract(folder, out, ExtractSettings()).failed == ["zero"]
    assert sorted(corpus_files(out)) == ["corpus.json", "recordings.parquet"]


def test_ctrl_c_while_the_table_of_recordings_is_written(
    videos: Path, whole: Path, tmp_path: Path
) -> None:
    # The table is written when a recording is done and the last writing is 2 s ago.
    out = tmp_path / "corpus"
    with _begun(videos, out, "--jobs", "1") as run:
        _until(lambda: _readers(run, "v3.mp4"), run)
        worker = _workers(run)[0]
        os.kill(worker, signal.SIGSTOP)
        with contextlib.suppress(subprocess.TimeoutExpired):
            run.wait(2.5)
        os.kill(worker, signal.SIGCONT)
        _until(
            lambda: list(out.glob(".recordings.*tmp*")) or (out / ".recordings.lock").exists(), run
        )
        os.killpg(run.pid, signal.SIGINT)
        _, talk = run.communicate(timeout=PATIENCE_S)
        _until(lambda: not _alive(run.pid))
    assert run.returncode == 130, talk
    assert "Traceback" not in talk
    _resumed(videos, out)
    assert _same_tables(out, whole)


def test_ctrl_c_while_the_workers_start(videos: Path, tmp_path: Path) -> None:
    with _begun(videos, tmp_path / "corpus", "--jobs", "2") as run:
        _until(lambda: len(_workers(run)) == 2, run)
        os.killpg(run.pid, signal.SIGINT)
        _, talk = run.communicate(timeout=PATIENCE_S)
        _until(lambda: not _alive(run.pid))
    assert run.returncode == 130, talk
    assert "Traceback" not in talk


# ---- workers that die, as they do when the system runs out of memory and kills one


def test_a_recording_whose_worker_died_once_is_tried_again(
    videos: Path, whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "corpus"
    with _begun(videos, out, "--jobs", "2") as run:
        _until(lambda: _readers(run, "v3.mp4"), run)
        os.kill(_readers(run, "v3.mp4")[0], signal.SIGKILL)
        _, talk = run.communicate(timeout=PATIENCE_S)
    assert run.returncode == 0, talk
    assert _same_tables(out, whole)


def test_a_recording_that_kills_every_worker_fails_and_the_batch_goes_on(
    videos: Path, whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "corpus"
    killed: set[int] = set()
    deadline = time.monotonic() + PATIENCE_S
    with _begun(videos, out, "--jobs", "2") as run:
        while run.poll() is None and time.monotonic() < deadline:
            for pid in _readers(run, "v3.mp4"):
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)
            time.sleep(0.01)
        _, talk = run.communicate(timeout=PATIENCE_S)
    assert run.returncode == 4, talk
    assert len(killed) == 2  # a second try, and no third
    rows = {r["recording_id"]: r for r in open_corpus(out).recordings().to_dicts()}
    assert {n: r["status"] for n, r in rows.items()} == {
        **dict.fromkeys(("v0", "v1", "v2"), "ok"),
        "v3": "failed",
    }
    assert "memory" in rows["v3"]["reason"]
    assert "1 failed" in talk
    assert "v3" not in talk  # ids are told with --verbose alone
    for name in ("v0", "v1", "v2"):
        path = Path("frames") / f"{name}.parquet"
        assert (out / path).read_bytes() == (whole / path).read_bytes()
    assert _resumed(videos, out).n_new == 1
    assert _same_tables(out, whole)


# ---- two at once


def test_a_second_extract_into_the_same_corpus_is_refused_at_once(
    deptool: Run, videos: Path, whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "corpus"
    with _begun(videos, out, "--jobs", "1") as first:
        _until(lambda: _tables(out), first)
        os.killpg(first.pid, signal.SIGSTOP)  # so that it cannot be done before the second begins
        second = deptool("extract", videos, "--out", out)
        with pytest.raises(InputError, match="another extract"):
            extract(videos, out, ExtractSettings())
        os.killpg(first.pid, signal.SIGCONT)
        _, talk = first.communicate(timeout=PATIENCE_S)
    assert second.returncode == 4
    assert "another extract" in second.stderr
    assert first.returncode == 0, talk
    assert _same_tables(out, whole)


# ---- bad files among good ones


def test_bad_files_cost_the_good_ones_nothing(deptool: Run, tmp_path: Path) -> None:
    folder, out = tmp_path / "videos", tmp_path / "corpus"
    shades = faults.portraits(1)
    for k in range(20):
        faults.write(folder / f"good{k:02}.mp4", shades[k % 6 : k % 6 + 1 + k // 6])
    for k in range(3):
        faults.zero_bytes(folder / f"zero{k}.mp4")
        text_file(folder / f"text{k}.mp4")
        silent_sound(folder / f"sound{k}.mp4")
    faults.cut_index_at_end(folder / "index.mp4")
    done = deptool("extract", folder, "--out", out, "--jobs", "2", "--verbose")
    assert done.returncode == 4, done.stderr
    corpus = open_corpus(out)
    counts = dict(corpus.recordings().group_by("status").len().iter_rows())
    assert counts == {"ok": 20, "unreadable": 7, "no_video_stream": 3}
    good = corpus.recordings().filter(pl.col("status") == "ok")["recording_id"]
    assert good.to_list() == [f"good{k:02}" for k in range(20)]
    assert all(len(corpus.frames(name)) for name in good)
    for name in ("zero0", "text1", "sound2", "index"):
        assert f"{name}: " in done.stderr
