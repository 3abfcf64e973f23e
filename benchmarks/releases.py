"""`release` against polars rewriting the same tables; what encryption adds; `audit` in seconds."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.section import Section, median, peak_mb, seconds, spread
from deptool.audit import audit_corpus
from deptool.corpus import Corpus, open_corpus
from deptool.encryption import encrypt_tables
from deptool.key_file import Key, new_key
from deptool.release import release_corpus, settings_of
from fixtures.tables import make_tables_corpus

N_RECORDINGS, MINUTES, FPS = 4, 20, 30
N_PERSONS, SESSIONS, AUDITED_S, AUDITED_FPS = 60, 2, 90, 6
LEVELS = ("shape", "dynamics", "summary")
RUNS = 3


def measure() -> Section:
    """One table: rewriting and releasing, reading plain and encrypted tables, auditing."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        rows = [*_releases(work), *_audits(work)]
    return Section(
        "Releases",
        f"Released: {N_RECORDINGS} recordings of {MINUTES} minutes at {FPS} rows a second, with"
        " documents and without the audit. The plain rewriting is polars reading each table and"
        " writing it with zstd. Read: the same tables, each checked by deptool. Audited: random"
        f" tables of {N_PERSONS} persons, {SESSIONS} recordings of {AUDITED_S} s at {AUDITED_FPS}"
        f" rows a second each, without a model's training. Medians of {RUNS} runs (lowest to"
        f" highest), starting not included, on {os.cpu_count()} cores; memory is that of the whole"
        " command.",
        ("what", "seconds", "times the first of its kind", "peak MB"),
        rows,
    )


def _releases(work: Path) -> list[list[str]]:
    corpus = make_tables_corpus(
        work / "corpus", n_subjects=N_RECORDINGS, sessions=1, seconds=60 * MINUTES, fps=FPS
    )
    key, other = new_key(work / "key"), new_key(work / "other")
    written: dict[str, Callable[[], object]] = {
        "polars rewrites the tables": lambda: _rewrite(corpus, work / "out"),
        **{f"release, {level}": _release(corpus, work / "out", level, key) for level in LEVELS},
        "release, shape, encrypted": _release(corpus, work / "out", "shape", key, other),
    }
    taken = _in_turn(written, after=lambda: shutil.rmtree(work / "out"))
    peaks = {f"release, {level}": _peak(work, level) for level in LEVELS}
    locked = work / "locked"
    shutil.copytree(corpus.root, locked)
    encrypt_tables(locked, other)
    os.environ["DEPTOOL_KEY_FILE"] = str(work / "other")
    read = {
        "tables are read, plain": lambda: _read(corpus),
        "tables are read, encrypted": lambda: _read(open_corpus(locked)),
    }
    return _rows(taken, peaks) + _rows(_in_turn(read), {})


def _audits(work: Path) -> list[list[str]]:
    """The audit of a corpus alone, and of its release beside it."""
    corpus = make_tables_corpus(
        work / "cohort", n_subjects=N_PERSONS, sessions=SESSIONS, seconds=AUDITED_S, fps=AUDITED_FPS
    )
    key = new_key(work / "third")
    release_corpus(corpus.root, work / "shared", settings_of("shape"), key, audited=False)
    audits = {
        "audit, the corpus alone": lambda: audit_corpus(corpus.root, utility="none"),
        "audit, a release beside it": lambda: audit_corpus(
            work / "shared", corpus.root, key, utility="none"
        ),
    }
    return _rows(_in_turn(audits), {})


def _release(
    corpus: Corpus, out: Path, level: str, key: Key, encrypt_with: Key | None = None
) -> Callable[[], object]:
    return lambda: release_corpus(
        corpus.root, out, settings_of(level), key, audited=False, encrypt_with=encrypt_with
    )


def _rewrite(corpus: Corpus, out: Path) -> None:
    import polars as pl

    out.mkdir()
    for path in (corpus.root / "frames").iterdir():
        pl.read_parquet(path).write_parquet(out / path.name, compression="zstd")


def _read(corpus: Corpus) -> None:
    for path in (corpus.root / "frames").iterdir():
        corpus.frames(path.stem)


def _in_turn(
    works: Mapping[str, Callable[[], object]], after: Callable[[], object] = lambda: None
) -> dict[str, list[float]]:
    """Seconds of each; in turn, so that a slow minute slows them all."""
    taken: dict[str, list[float]] = {label: [] for label in works}
    for _ in range(RUNS):
        for label, work in works.items():
            taken[label].append(seconds(work))
            after()
    return taken


def _rows(taken: dict[str, list[float]], peaks: dict[str, float]) -> list[list[str]]:
    first = median(next(iter(taken.values())))
    rows = []
    for label, times in taken.items():
        peak = f"{peaks[label]:.0f}" if label in peaks else ""
        took = spread(times, ".1f" if first > 1 else ".2f")
        rows.append([label, took, f"{median(times) / first:.1f}", peak])
    return rows


def _peak(work: Path, level: str) -> float:
    places = (str(work / "corpus"), str(work / "out"), "--key-file", str(work / "key"))
    command = (sys.executable, "-m", "deptool.cli.main", "release", "--level", level)
    peak = peak_mb(*command, "--no-audit", *places)
    shutil.rmtree(work / "out")
    return peak
