"""Every file of weights that the plug-ins name, and what lies in its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deptool import plugins
from deptool.errors import UsageError, suggest
from deptool.weights import Status, Weight, place, verify


@dataclass(frozen=True)
class Found:
    """A plug-in's file of weights, where it must lie, and what lies there."""

    kind: str
    plug_in: str
    weight: Weight
    path: Path
    status: Status


def survey(
    plug_in: str | None = None,
    weights: Path | None = None,
    on_bytes: Callable[[int, int], object] = lambda done, of: None,
) -> list[Found]:
    """Every file that plug-ins name, verified; of one plug-in where its name is given.

    `on_bytes` hears how many bytes were read, and of how many. A file that several plug-ins
    share is read once. Raises UsageError for a name that no plug-in has.
    """
    needed = [
        (kind, name, weight)
        for kind, name in _known(plug_in)
        for weight in plugins.load(kind, name).WEIGHTS
    ]
    places = {weight: place(weight, weights) for _, _, weight in needed}
    total = sum(path.stat().st_size for w, path in places.items() if w.sha256 and path.is_file())
    done = 0

    def advance(n_bytes: int) -> None:
        nonlocal done
        done += n_bytes
        on_bytes(done, total)

    status = {weight: verify(weight, path, advance) for weight, path in places.items()}
    return [Found(kind, name, w, places[w], status[w]) for kind, name, w in needed]


def _known(plug_in: str | None) -> list[tuple[str, str]]:
    """Kind and name of the plug-ins that name weights. The others are not imported."""
    every = [(kind, name) for kind in plugins.KINDS for name in plugins.names(kind)]
    if plug_in is not None:
        wanted = plug_in.replace("_", "-").lower()
        if wanted not in [name for _, name in every]:
            fix = suggest(wanted, sorted({name for _, name in every}))
            raise UsageError(f"no plug-in named {plug_in!r}", fix=fix)
        every = [(kind, name) for kind, name in every if name == wanted]
    return [(kind, name) for kind, name in every if plugins.defines(kind, name, "WEIGHTS")]
