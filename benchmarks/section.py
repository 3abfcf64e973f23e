"""A part of the benchmarks: a title, a table, and what to read from it."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Section:
    """One table of the benchmarks."""

    title: str
    before: str
    header: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    after: str = ""

    def markdown(self) -> str:
        """The section as Markdown."""
        lines = [
            f"## {self.title}",
            "",
            self.before,
            "",
            "| " + " | ".join(self.header) + " |",
            "|" + "---|" * len(self.header),
            *("| " + " | ".join(row) + " |" for row in self.rows),
            "",
        ]
        return "\n".join([*lines, self.after, ""] if self.after else lines)


def seconds(work: Callable[[], object]) -> float:
    """Wall time (s) of a call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def median(values: Sequence[float]) -> float:
    """The median."""
    return statistics.median(values)


def spread(values: Sequence[float], form: str = ".2f") -> str:
    """Median, and lowest to highest of several runs: '5.10 (4.90 to 5.30)'."""
    middle, low, high = (format(v, form) for v in (median(values), min(values), max(values)))
    return f"{middle} ({low} to {high})"


def run(*command: str | Path) -> None:
    """Run a command; what it prints is not shown. Raises CalledProcessError where it fails."""
    words = [str(word) for word in command]
    subprocess.run(words, check=True, capture_output=True)


def peak_mb(*command: str | Path) -> float:
    """Highest resident memory (MB) of a command and its processes together, looked at often."""
    words = [str(word) for word in command]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, sum(_resident_mb(pid) for pid in [process.pid, *_children(process.pid)]))
        time.sleep(0.05)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, words)
    return peak


def _resident_mb(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):  # it has ended
        return 0.0
    return pages * 4096 / 1e6


def _children(pid: int) -> list[int]:
    try:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [int(child) for child in found] + [c for f in found for c in _children(int(f))]
