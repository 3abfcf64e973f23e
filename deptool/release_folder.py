"""Where a release is built: a hidden folder that becomes the release when it is whole."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from deptool.corpus import MARKER
from deptool.errors import InputError, UsageError

# The first day that a ZIP archive can tell, for every file of a release: when it was made is
# nobody's business, and the order of making least of all.
_TIME = 315_532_800


@contextlib.contextmanager
def building(out: Path) -> Iterator[Path]:
    """A hidden folder beside `out`, for its owner alone; it becomes `out` when the block succeeds.

    Raises UsageError where `out` is there and not empty, InputError where nothing can be written.
    """
    if out.exists() and not (out.is_dir() and next(out.iterdir(), None) is None):
        raise UsageError(
            "is there already, and a release is made whole and anew",
            where=str(out),
            fix="Name a new folder.",
        )
    folder = out.parent / f"{_begin(out)}{uuid.uuid4().hex[:8]}.tmp"
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)
        try:
            yield folder
            _undate(folder)
            if out.exists():
                out.rmdir()
            folder.rename(out)
        finally:
            if folder.exists():
                shutil.rmtree(folder)
    except OSError as error:
        raise InputError(
            f"cannot be written: {error.strerror or type(error).__name__}",
            where=str(out),
            fix="Make room, or get the right to write there, or choose another folder.",
        ) from error


def left_by_killed(out: Path) -> list[Path]:
    """Hidden folders beside `out` in which a release of that name was built and not ended.

    One may belong to a command that is still at work.
    """
    pattern = re.compile(re.escape(_begin(out)) + r"[0-9a-f]{8}\.tmp")
    try:
        beside = list(out.parent.iterdir())
    except OSError:  # no such folder yet
        return []
    return sorted(path for path in beside if pattern.fullmatch(path.name))


def _begin(out: Path) -> str:
    """How the name of the hidden folder begins."""
    return f".{out.name[:30]}."


def require_apart(root: Path, out: Path) -> None:
    """Raise UsageError where one of the two lies in the other, or `out` in any corpus."""
    place = out.resolve()
    inside = [folder for folder in place.parents if (folder / MARKER).exists()]
    if inside or root.resolve().is_relative_to(place):
        raise UsageError(
            "a release must lie apart from every corpus, or they are shared together",
            where=str(out),
            fix="Name a folder outside.",
        )


def _undate(folder: Path) -> None:
    """Give every file and folder the same time."""
    for path in [*folder.rglob("*"), folder]:
        os.utime(path, (_TIME, _TIME))
