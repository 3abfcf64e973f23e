"""Files of weights that plug-ins need: which, where they must lie, whether they are whole.

deptool downloads nothing. A plug-in says in `WEIGHTS` what it needs, and the file must lie where
the library that reads it looks: in the cache of torch's hub, in that of huggingface_hub, or in
deptool's own. With a folder of weights (`--weights DIR`) these caches lie in it:

- torch-hub: DIR/hub, as TORCH_HOME=DIR gives;
- huggingface: DIR/huggingface/hub, as HF_HOME=DIR/huggingface gives;
- deptool: DIR itself.

The libraries' own rules are written here again, because asking torch takes seconds.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from deptool.errors import InputError, MissingExtraError

Cache = Literal["torch-hub", "huggingface", "deptool"]
Status = Literal["ok", "missing", "unreferenced", "wrong size", "wrong sha256", "unchecked"]

# What can be there and yet be wrong; a missing file is not.
WRONG: tuple[Status, ...] = ("unreferenced", "wrong size", "wrong sha256")

# huggingface_hub keeps a repository's files by snapshot, and refs/main holds the name of the one
# that is in use. Any name does, offline too, but there must be no line break behind it.
_SNAPSHOTS = "/snapshots/*/"
_NEW_SNAPSHOT = "main"

_BLOCK = 1 << 20  # bytes


@dataclass(frozen=True)
class Weight:
    """A file of weights that a plug-in needs."""

    file: str  # its path below the cache's folder; for huggingface "models--o--n/snapshots/*/file"
    cache: Cache
    purpose: str  # what it does, in words
    licence: str
    source: str  # where to get it, in words or as the project's page
    size_bytes: int | None = None
    sha256: str | None = None  # in hex; or its first digits, as names in torch's hub carry them


def cache_folder(cache: Cache, weights: Path | None) -> Path:
    """The folder of a cache: in `weights`, or where the library keeps it if that is None."""
    if cache == "torch-hub":
        return (weights or _home("TORCH_HOME", "torch")) / "hub"
    if cache == "huggingface":
        if weights:
            return weights / "huggingface" / "hub"
        home = _home("HF_HOME", "huggingface") / "hub"
        named = os.getenv("HF_HUB_CACHE", os.getenv("HUGGINGFACE_HUB_CACHE", str(home)))
        return Path(os.path.expandvars(Path(named).expanduser()))
    return weights or _home(None, "deptool")


def place(weight: Weight, weights: Path | None) -> Path:
    """Where the file must lie.

    In a cache of huggingface_hub that is the snapshot that refs/main names; without such a name
    the newest that has the file, or else one named "main", which `instruction` explains.
    """
    folder = cache_folder(weight.cache, weights)
    repository, star, file = weight.file.partition(_SNAPSHOTS)
    if not star:
        return folder / weight.file
    snapshots = folder / repository / "snapshots"
    name = (_reference(folder / repository) or "").strip()
    if not name:
        found = [path for path in snapshots.glob("*") if (path / file).is_file()]
        newest = max(found, key=lambda path: path.stat().st_mtime_ns, default=None)
        name = newest.name if newest else _NEW_SNAPSHOT
    return snapshots / name / file


def instruction(weight: Weight, weights: Path | None) -> str:
    """One line: where to put a file that is missing, and where to get it."""
    path = place(weight, weights)
    text = f"Put it at {path}"
    if _SNAPSHOTS in weight.file and not _referenced(weight, path):
        repository, snapshot = _snapshot(weight, path)
        text += f", and the word {snapshot}, without a line break, into {repository / 'refs/main'}"
    return f"{text} (from {weight.source})."


def check_folder(weights: Path | None) -> None:
    """Raise InputError where a folder of weights was named that is none."""
    if weights is not None and not weights.is_dir():
        raise InputError("is no folder of weights", where=str(weights))


def missing(needed: Iterable[Weight], weights: Path | None) -> list[Weight]:
    """Those that are not where they must lie; nothing is read but names."""
    return [
        weight
        for weight in needed
        if not (path := place(weight, weights)).is_file() or not _referenced(weight, path)
    ]


def require_weights(needed: Sequence[Weight], weights: Path | None, what: str) -> None:
    """Raise MissingExtraError where a file is missing; `what` cannot run without it."""
    lacking = missing(needed, weights)
    if lacking:
        more = f" (and {len(lacking) - 1} more)" if len(lacking) > 1 else ""
        name = lacking[0].file.rpartition("/")[2]
        raise MissingExtraError(
            f"{what} cannot run: the file of weights {name} is missing{more}",
            fix=f"{instruction(lacking[0], weights)} All files: deptool weights"
            + (f" --weights {weights}" if weights else ""),
        )


def verify(
    weight: Weight, path: Path, advance: Callable[[int], object] = lambda n_bytes: None
) -> Status:
    """Whether the file at `path` is the right one; `advance` hears how many bytes were read.

    "unchecked" where nothing is known to check against; "unreferenced" where huggingface_hub would
    not find the file, because refs/main does not name its snapshot.
    """
    if not path.is_file():
        return "missing"
    if not _referenced(weight, path):
        return "unreferenced"
    if weight.size_bytes is not None and path.stat().st_size != weight.size_bytes:
        return "wrong size"
    if weight.sha256 is not None:
        return (
            "ok" if sha256_of(path, advance).startswith(weight.sha256.lower()) else "wrong sha256"
        )
    return "unchecked" if weight.size_bytes is None else "ok"


def sha256_of(path: Path, advance: Callable[[int], object] = lambda n_bytes: None) -> str:
    """SHA-256 of a file, in hex; `advance` hears how many bytes were read."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            advance(len(block))
    return digest.hexdigest()


def size_text(n_bytes: float) -> str:
    """A size as people read it: 3 bytes, 4.1 kB, 97 MB."""
    unit = "bytes"
    for larger in ("kB", "MB", "GB"):
        if n_bytes < 999.5:
            break
        n_bytes, unit = n_bytes / 1000, larger
    return f"{n_bytes:.{1 if n_bytes < 9.95 and unit != 'bytes' else 0}f} {unit}"


def _home(variable: str | None, name: str) -> Path:
    """A library's folder: what its variable says, or its name in the user's cache."""
    named = os.getenv(variable) if variable else None
    cache = os.getenv("XDG_CACHE_HOME", "~/.cache")
    return Path(cache, name).expanduser() if named is None else Path(named).expanduser()


def _snapshot(weight: Weight, path: Path) -> tuple[Path, str]:
    """The repository's folder and the snapshot's name of a file in huggingface_hub's cache."""
    depth = weight.file.partition(_SNAPSHOTS)[2].count("/")
    snapshot = path.parents[depth]
    return snapshot.parents[1], snapshot.name


def _reference(repository: Path) -> str | None:
    try:
        return (repository / "refs" / "main").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def _referenced(weight: Weight, path: Path) -> bool:
    if _SNAPSHOTS not in weight.file:
        return True
    repository, snapshot = _snapshot(weight, path)
    return _reference(repository) == snapshot
