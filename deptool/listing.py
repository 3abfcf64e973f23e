"""What plug-ins there are, what they are, and whether they can run here."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deptool import plugins
from deptool.errors import MissingExtraError
from deptool.weights import Weight, size_text

# What mends a plug-in that cannot even be imported.
SEE_DOCTOR = "Find the package that is missing or broken: deptool doctor"

# Of a plug-in that names none: the paper's method, in deptool's own code.
_OWN_LICENCE = "Apache-2.0"
_READS_ONLY = "Apache-2.0 (this code; the files it reads have terms of their own)"


@dataclass(frozen=True)
class PlugIn:
    """One plug-in; `why` it cannot run here and the line that mends it (`fix`), where it cannot."""

    kind: str
    name: str
    title: str
    licence: str
    needs: tuple[str, ...]  # besides deptool itself
    ready: bool
    why: str | None = None
    fix: str | None = None


def list_plug_ins(
    kinds: Sequence[str] = plugins.KINDS, weights: Path | None = None
) -> list[PlugIn]:
    """The plug-ins of some kinds, in the order of the kinds and of their names.

    A plug-in is imported only where its file says more of itself than its title, and what it
    needs is asked of it, not tried.
    """
    return [_look(kind, name, weights) for kind in kinds for name in plugins.names(kind)]


def _look(kind: str, name: str, weights: Path | None) -> PlugIn:
    title = plugins.title(kind, name)
    if not any(plugins.defines(kind, name, word) for word in ("LICENCE", "WEIGHTS", "require")):
        licence = _READS_ONLY if kind == "importers" else _OWN_LICENCE
        return PlugIn(kind, name, title, licence, (), ready=True)
    try:
        module = plugins.load(kind, name)
    except ImportError as error:
        return PlugIn(kind, name, title, "unknown", (), False, str(error), SEE_DOCTOR)
    licence = getattr(module, "LICENCE", _OWN_LICENCE)
    needs = _needs(name, getattr(module, "EXTRA", None), getattr(module, "WEIGHTS", ()))
    try:
        if hasattr(module, "require"):
            settings = (module.Settings(), weights) if hasattr(module, "Settings") else ()
            module.require(*settings)
    except MissingExtraError as error:
        why = error.what.partition("cannot run: ")[2] or error.what
        return PlugIn(kind, name, title, licence, needs, False, why, error.fix)
    return PlugIn(kind, name, title, licence, needs, ready=True)


def _needs(name: str, extra: str | None, weights: Sequence[Weight]) -> tuple[str, ...]:
    """What a plug-in needs; an extractor's extra is called like it, an encoder names its own."""
    needs = [f"extra {e}" for e in _extras() if name == e or name.startswith(f"{e}-")]
    needs += [f"extra {extra}"] if extra else []
    if weights:
        n_bytes = [w.size_bytes for w in weights if w.size_bytes is not None]
        size = f", {size_text(sum(n_bytes))}" if len(n_bytes) == len(weights) else ""
        needs.append(f"{len(weights)} file{'s' * (len(weights) > 1)} of weights{size}")
    return tuple(needs)


def _extras() -> list[str]:
    try:
        return importlib.metadata.metadata("deptool").get_all("Provides-Extra") or []
    except importlib.metadata.PackageNotFoundError:  # a checkout that was never installed
        return []
