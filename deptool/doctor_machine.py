"""The doctor's checks of the machine: cores, memory, decoders, the folder to work in."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from deptool import machine
from deptool.doctor_trial import Check, pip_install, run_trial
from deptool.selftest import DECODERS
from deptool.weights import size_text

# A corpus takes about 1 MB for each minute of video, a trained run a few MB.
_LITTLE_SPACE = 1e9  # bytes

# Written to see whether writing works at all, quota included.
_TRIAL_BYTES = 1 << 20

# Highest resident memory of a worker of extract with the default extractor, measured on videos of
# 360p and 480p (283 to 309 MB; 1080p took up to 354). The trial, which looks at a few pictures
# without decoding a video or building tables, takes 184.
_WORKER_BYTES = 310_000_000


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
    usable = machine.usable_cores()
    if usable < there:
        detail = f"{usable} of {there} may be used here, and extract starts one worker per core"
        return Check("cores", "warning", detail, f"Give extract --jobs {usable}")
    return Check("cores", "ok", f"{there}; extract starts one worker per core (--jobs)")


def memory(trial_bytes: int | None) -> Check:
    """Memory that is free, and whether one worker of the default extractor per core fits in it.

    `trial_bytes` is what the trial of the default extractor took; None if none ran. It counts
    where it is more than a worker usually takes.
    """
    free = machine.free_memory()
    if free is None:
        return Check("memory", "ok", "unknown on this system")
    if trial_bytes is None:
        return Check("memory", "ok", f"{size_text(free)} free")
    jobs, each = machine.usable_cores(), max(trial_bytes, _WORKER_BYTES)
    detail = f"{size_text(free)} free, about {size_text(each)} per worker of extract on 480p video"
    if jobs * each > free:
        fix = f"Give extract --jobs {max(int(free // each), 1)}"
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
