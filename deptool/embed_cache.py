"""An embedding cache while `embed` writes it: one process at a time, and what of it can be kept."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from deptool.corpus import Corpus
from deptool.embeddings import (
    FOLDER,
    Encoding,
    cache_folder,
    differences,
    is_made_of,
    read_encoding,
)
from deptool.errors import DataError, InputError, SchemaError
from deptool.tables import write_json

FAILED_FILE = "failed.json"


@contextlib.contextmanager
def holding(corpus: Corpus, name: str) -> Iterator[None]:
    """Hold a cache, and take away what a killed run left in it.

    Raises InputError where another process holds it, or it cannot be written.
    """
    from filelock import FileLock, Timeout

    folder = cache_folder(corpus, name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = FileLock(folder / ".embed.lock").acquire(timeout=0)
    except Timeout as error:
        raise InputError(
            "another embed is writing this cache",
            where=f"{FOLDER}/{name}",
            fix="Wait until it is done, or choose another name: --as NAME.",
        ) from error
    except OSError as error:
        raise InputError(
            f"cannot be written: {error.strerror or type(error).__name__}",
            where=str(folder),
            fix="Get the right to write there, or copy the corpus to another folder.",
        ) from error
    with held:
        _remove_leftovers(folder)
        try:
            yield
        finally:
            _remove_leftovers(folder)  # of workers that were ended in the midst of what they wrote


def _remove_leftovers(folder: Path) -> None:
    for path in folder.glob(".*.tmp*"):
        path.unlink(missing_ok=True)


def write_failed(folder: Path, failed: Mapping[str, str]) -> None:
    """Why recordings of a cache have no vectors; no file where all have some."""
    path = folder / FAILED_FILE
    if failed:
        write_json(path, dict(sorted(failed.items())))
    else:
        path.unlink(missing_ok=True)


def is_there(path: Path, made_of: str | None, wanted: Encoding, *, half: bool) -> bool:
    """Whether the vectors of a recording can be kept. Raises DataError where they are others'."""
    if not path.is_file():
        return False
    try:
        there = read_encoding(path)
    except SchemaError:  # damaged: made again
        return False
    is_half, table = is_made_of(path)
    why = differences(there, wanted) if there.digest != wanted.digest else []
    if is_half != half:
        widths = ("float32", "float16")
        why.append(f"its vectors are {widths[is_half]}, not {widths[half]}")
    if why:
        raise DataError(
            f"the cache was made in another way: {'; '.join(why)}",
            where=f"{FOLDER}/{path.parent.name}",
            fix="Give the settings that it was made with, or make another cache: --as NAME. (If"
            " nobody needs this one, delete its folder.)",
        )
    return table == made_of


def table_digest(corpus: Corpus, recording_id: str) -> str | None:
    """SHA-256 of a frames table; None where it is missing."""
    path = corpus.frames_path(recording_id)
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
