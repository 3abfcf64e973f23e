"""A check's outcome, and how a check tries something that may crash or hang."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["ok", "warning", "problem"]

LIMIT_S = 180.0


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. A problem stops the default job; a warning something else."""

    name: str
    status: Status
    detail: str
    fix: str | None = None  # one line that mends it

    def __post_init__(self) -> None:
        assert (self.fix is None) == (self.status == "ok"), self


@dataclass(frozen=True)
class Outcome:
    """What a trial gave, or why it failed (`error`); `reached` is what it said on the way."""

    result: dict[str, Any] = field(default_factory=dict)
    error: str | None = None
    reached: tuple[str, ...] = ()


def run_trial(name: str, *words: str, limit_s: float = LIMIT_S) -> Outcome:
    """Run one of `selftest.TRIALS` in a process of its own, with the same import path."""
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(p for p in sys.path if p))
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "deptool.selftest", name, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=limit_s,
            env=env,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Outcome(error=f"no answer in {limit_s:.0f} s")
    lines = tuple(line for line in done.stdout.splitlines() if line)
    if done.returncode < 0:
        return Outcome(error=f"crashed with {_signal(-done.returncode)}", reached=lines)
    try:
        result = json.loads(lines[-1])
    except (IndexError, ValueError):
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        return Outcome(error=f"ended with exit code {done.returncode}: {last}", reached=lines)
    return Outcome(result, result.get("error"), lines[:-1])


def pip_install(*requirements: object) -> str:
    """The command that installs these requirements."""
    return "pip install " + " ".join(shlex.quote(str(r)) for r in requirements)


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
