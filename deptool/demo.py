"""`demo`: a small corpus of videos made by animating one public-domain portrait.

Each subject is the portrait with another build and light, each session a performance whose amount
of facial movement is planted, and the score is a toy: the less the face moves, the higher. Nothing
about depression can be learnt from it; it shows that the tool works from pixels to metrics.
"""

from __future__ import annotations

import csv
import io
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deptool.errors import InputError
from deptool.label import HEADER
from deptool.performance import performance
from deptool.portrait import Person, render, write_video
from deptool.tables import replacing, write_text

FPS = 12
SCALE = "BDI-II"


@dataclass(frozen=True)
class DemoSettings:
    """How large the demo is; the seed makes the same videos again."""

    subjects: int = 20
    sessions: int = 2
    seconds: float = 16.0
    size: int = 320
    seed: int = 7

    def __post_init__(self) -> None:
        if self.subjects < 4 or self.sessions < 1:
            raise ValueError("the demo needs at least 4 subjects and 1 session each")


@dataclass(frozen=True)
class Take:
    """One video to make: who, which session, how much the face moves (0-1), the toy score."""

    subject: str
    session: int
    split: str
    intensity: float
    score: int
    seed: int

    @property
    def name(self) -> str:
        return f"{self.subject}_{self.session}"


def plan(settings: DemoSettings) -> list[Take]:
    """The takes of a demo. Subjects, not sessions, are dealt to the splits: half train."""
    rng = np.random.default_rng(settings.seed)
    takes = []
    for k in range(settings.subjects):
        split = ("train", "dev", "train", "test")[k % 4]
        usual = rng.uniform(0.1, 0.9)
        for session in range(1, settings.sessions + 1):
            intensity = float(np.clip(usual + rng.normal(0, 0.12), 0, 1))
            score = int(np.clip(np.rint(42 * (1 - intensity) + rng.normal(0, 2)), 0, 63))
            seed = int(rng.integers(2**31))
            takes.append(Take(f"S{k + 1:02d}", session, split, intensity, score, seed))
    return takes


def make_videos(
    folder: Path,
    settings: DemoSettings,
    jobs: int = 1,
    on_done: Callable[[int, int], None] = lambda done, of: None,
) -> list[Take]:
    """Write the videos and labels.csv of a demo into `folder`; what is there stays.

    Raises InputError where the folder holds files that are not the demo's.
    """
    takes = plan(settings)
    ours = {f"{take.name}.mp4" for take in takes} | {"labels.csv"}
    if folder.exists():
        foreign = [p.name for p in folder.iterdir() if p.name not in ours and ".tmp" not in p.name]
        if foreign:
            raise InputError(
                f"holds files that are not the demo's, such as {sorted(foreign)[0]!r}",
                where=str(folder),
                fix="Choose another folder.",
            )
    todo = [take for take in takes if not (folder / f"{take.name}.mp4").exists()]
    on_done(len(takes) - len(todo), len(takes))
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        waiting = [pool.submit(_make, folder / f"{t.name}.mp4", t, settings) for t in todo]
        for count, future in enumerate(as_completed(waiting), len(takes) - len(todo) + 1):
            future.result()
            on_done(count, len(takes))
    write_text(folder / "labels.csv", _labels(takes))
    return takes


def _make(path: Path, take: Take, settings: DemoSettings) -> None:
    person = Person.random(int(take.subject[1:]))
    motions = performance(take.intensity, settings.seconds, FPS, take.seed)
    with replacing(path) as temporary:
        write_video(temporary, (render(m, person, settings.size) for m in motions), FPS)


def _labels(takes: list[Take]) -> str:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(HEADER.split(","))
    for t in takes:
        rows.writerow([t.name, t.subject, t.name, "toy", t.split, SCALE, t.score])
    return text.getvalue()
