"""Which videos a folder holds, what their recordings are called, and which are there twice."""

from __future__ import annotations

import filecmp
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from itertools import combinations
from pathlib import Path

from deptool.errors import InputError

# Name endings that are looked at in a folder; a file named by the user is tried whatever its name.
_ENDINGS = "3g2 3gp asf avi flv m2ts m4v mkv mov mp4 mpeg mpg mts mxf ogv ts vob webm wmv"
SUFFIXES = frozenset(f".{ending}" for ending in _ENDINGS.split())

_ID_BYTES = 150


def find_videos(folder: Path) -> list[Path]:
    """Videos under a folder, sub-folders and linked folders too, by name ending; sorted.

    Hidden files are left out; a folder that is reached twice is read once. A link that leads
    nowhere is in the list, since somebody meant a video by it. Raises InputError where the folder
    is missing or holds no video.
    """
    if folder.is_file():
        return [folder]
    if not folder.is_dir():
        raise InputError("no such folder", where=str(folder))
    found = sorted(path for path in _files(folder) if path.suffix.lower() in SUFFIXES)
    if not found:
        raise InputError(
            "holds no video",
            where=str(folder),
            fix=f"Name a folder with videos, or one video; looked for names in {_ENDINGS}.",
        )
    return found


def find_files(folder: Path, suffixes: Collection[str], what: str) -> list[Path]:
    """Files under a folder with one of these endings ('.csv'), in any case; sorted.

    A file named by the user is taken whatever its ending. Raises InputError where there is no such
    file or folder, or where it holds none.
    """
    if folder.is_file():
        return [folder]
    if not folder.is_dir():
        raise InputError("no such file or folder", where=str(folder))
    found = sorted(path for path in _files(folder) if path.suffix.lower() in suffixes)
    if not found:
        raise InputError(f"holds no {what}", where=str(folder))
    return found


def _files(folder: Path) -> Iterator[Path]:
    """Files below a folder that are not hidden, and links that lead nowhere."""
    seen: set[tuple[int, int]] = set()
    for root, folders, names in os.walk(folder, followlinks=True):
        about = Path(root).stat()
        if (about.st_dev, about.st_ino) in seen:  # a link back to a folder that was read
            folders.clear()
            continue
        seen.add((about.st_dev, about.st_ino))
        folders.sort()
        for name in names:
            path = Path(root) / name
            if not name.startswith(".") and (path.is_file() or not path.exists()):
                yield path


def same_files(paths: Sequence[Path]) -> dict[Path, Path]:
    """Paths that lead to a file which another path led to before, with that path."""
    first: dict[tuple[int, int], Path] = {}
    again: dict[Path, Path] = {}
    for path in paths:
        try:
            about = path.stat()
        except OSError:  # reading it will say what is wrong
            continue
        before = first.setdefault((about.st_dev, about.st_ino), path)
        if before is not path:
            again[path] = before
    return again


def named_videos(folder: Path) -> tuple[dict[str, Path], list[tuple[str, str]]]:
    """Videos under a folder by their recording's id, and ids whose file another one leads to.

    A file that is there under two names is in the first alone. Raises InputError as `find_videos`.
    """
    paths = find_videos(folder)
    again = same_files(paths)
    named = {path: name for name, path in recording_ids(folder, paths).items()}
    found = {name: path for path, name in named.items() if path not in again}
    return found, sorted((named[path], named[first]) for path, first in again.items())


def copies(ids: dict[str, Path]) -> list[tuple[str, str]]:
    """Pairs (id, id of the first) of recordings whose files hold the same bytes."""
    sizes: dict[int, list[str]] = {}
    for name, path in ids.items():
        try:
            size = path.stat().st_size
        except OSError:
            continue
        if size:
            sizes.setdefault(size, []).append(name)
    found: dict[str, str] = {}
    for names in sizes.values():
        for first, other in combinations(names, 2):
            if first not in found and other not in found and _equal(ids[first], ids[other]):
                found[other] = first
    return sorted(found.items())


def _equal(one: Path, other: Path) -> bool:
    try:
        return filecmp.cmp(one, other, shallow=False)
    except OSError:
        return False


def recording_ids(folder: Path, videos: list[Path]) -> dict[str, Path]:
    """One id per video from its path below the folder; letters, digits, '-', '_' and '.'.

    Videos that would share an id all get their file's ending added, and a number if that is not
    enough, so that which of them comes first does not matter.
    """
    ids: dict[str, Path] = {}
    for name, same in _grouped(videos, lambda p: _plain_id(folder, p)).items():
        if len(same) == 1:
            ids[name] = same[0]
            continue
        for ended, paths in _grouped(same, partial(_ended_id, name)).items():
            for number, path in enumerate(paths, 1):
                ids[ended if len(paths) == 1 else f"{ended}-{number}"] = path
    return dict(sorted(ids.items()))


def _ended_id(name: str, path: Path) -> str:
    return f"{name}-{path.suffix[1:].lower()}"


def _plain_id(folder: Path, path: Path) -> str:
    relative = path.relative_to(folder) if path != folder else Path(path.name)
    plain = relative.with_suffix("").as_posix().replace("/", "__")
    kept = "".join(c if c.isalnum() or c in "-_." else "_" for c in plain)
    # A file's name may have 255 bytes, and some letters take four.
    return kept.encode()[:_ID_BYTES].decode(errors="ignore").strip(".") or "_"


def _grouped(paths: Iterable[Path], name_of: Callable[[Path], str]) -> dict[str, list[Path]]:
    """Paths by name, in path order; names that differ in case alone are one name."""
    groups: dict[str, tuple[str, list[Path]]] = {}
    for path in sorted(paths):
        name = name_of(path)
        groups.setdefault(name.lower(), (name, []))[1].append(path)
    return dict(groups.values())
