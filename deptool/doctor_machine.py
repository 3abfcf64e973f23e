"""The doctor's checks of the machine: cores, memory, decoders, the folder to work in."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from deptool.doctor_trial import Check, pip_install, run_trial
from deptool.selftest import DECODERS
from deptool.weights import size_text

# A corpus takes about 1 MB for each minute of video, a trained run a few MB.
_LITTLE_SPACE = 1e9  # bytes

# Written to see whether writing works at all, quota included.
_TRIAL_BYTES = 1 << 20

_CGROUP = Path("/sys/fs/cgroup")


def decoders() -> Check:
    """What PyAV's FFmpeg can decode."""
    outcome = run_trial("decoders")
    fix = pip_install("--force-reinstall", "--only-binary=av", "av")
    if outcome.error:
        return Check("video decoders", "problem", f"av: {outcome.error}", fix)
    lacking = outcome.result["lacking"]
    if lacking:
        detail = f"videos in {', '.join(lacking)} cannot be read"
        return Check("video decoders", "warning", detail, fix)
    return Check("video decoders", "ok", ", ".join(DECODERS))


def cores() -> Check:
    """The cores that this process may use, which can be fewer than the machine has."""
    there = os.cpu_count() or 1
    usable = usable_cores()
    if usable < there:
        detail = f"{usable} of {there} may be used here, and extract starts one worker per core"
        return Check("cores", "warning", detail, f"Give extract --jobs {usable}")
    return Check("cores", "ok", f"{there}; extract starts one worker per core (--jobs)")


def memory(worker_bytes: int | None) -> Check:
    """Memory that is free, and whether one worker of the default extractor per core fits in it.

    `worker_bytes` is what one worker was seen to take; None if none ran.
    """
    free = free_memory()
    if free is None:
        return Check("memory", "ok", "unknown on this system")
    if worker_bytes is None:
        return Check("memory", "ok", f"{size_text(free)} free")
    jobs = usable_cores()
    detail = f"{size_text(free)} free, about {size_text(worker_bytes)} per worker of extract"
    if jobs * worker_bytes > free:
        fix = f"Give extract --jobs {max(int(free // worker_bytes), 1)}"
        return Check("memory", "warning", f"{detail}, too little for {jobs} workers", fix)
    return Check("memory", "ok", detail)


def folder(path: Path) -> Check:
    """Whether the folder can be written to, and how much fits."""
    name = "folder"
    if not path.is_dir():
        return Check(name, "problem", f"{path} is no folder", f"mkdir -p {path}")
    try:
        with tempfile.TemporaryFile(dir=path) as file:
            file.write(bytes(_TRIAL_BYTES))
            file.flush()
            os.fsync(file.fileno())
        free = shutil.disk_usage(path).free
    except OSError as error:
        why = error.strerror or type(error).__name__
        fix = "Work in a folder that you may write to, with --out in it."
        return Check(name, "problem", f"{path} cannot be written to: {why}", fix)
    detail = f"{path} can be written to, {size_text(free)} free"
    if free < _LITTLE_SPACE:
        fix = "Make room, or work on another disk: a corpus takes about 1 MB a minute of video."
        return Check(name, "warning", detail, fix)
    return Check(name, "ok", detail)


def usable_cores() -> int:
    """Cores that the system, the scheduler's mask and the control group leave to this process."""
    affinity = getattr(os, "sched_getaffinity", None)
    n = len(affinity(0)) if affinity else os.cpu_count() or 1
    quota, _, period = _read(_CGROUP / "cpu.max").partition(" ")
    if quota.isdigit() and period.isdigit() and int(period):
        n = min(n, max(int(quota) // int(period), 1))
    return n


def free_memory() -> int | None:
    """Bytes that can be had without swapping, within the control group's limit; None if unknown."""
    lines = dict(line.split(":", 1) for line in _read(Path("/proc/meminfo")).splitlines())
    if "MemAvailable" not in lines:
        return None
    free = int(lines["MemAvailable"].split()[0]) * 1024
    limit, used = _read(_CGROUP / "memory.max"), _read(_CGROUP / "memory.current")
    return min(free, int(limit) - int(used)) if limit.isdigit() and used.isdigit() else free


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""
