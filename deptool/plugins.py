"""Plug-ins by file name: a file in `extractors/`, `models/`, … is a plug-in of that name."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

from deptool.errors import UsageError, suggest

KINDS = ("extractors", "models", "encoders", "importers")


def names(kind: str) -> list[str]:
    """Names of the plug-ins of one kind, sorted; nothing is imported but the folder itself."""
    folder = importlib.import_module(f"deptool.{kind}")
    found = (m.name for m in pkgutil.iter_modules(folder.__path__) if not m.name.startswith("_"))
    return sorted(name.replace("_", "-") for name in found)


def load(kind: str, name: str) -> ModuleType:
    """The plug-in's module.

    Raises UsageError where no file of that name lies in the folder.
    """
    known = names(kind)
    wanted = name.replace("_", "-").lower()
    if wanted not in known:
        raise UsageError(f"no {kind.removesuffix('s')} named {name!r}", fix=suggest(wanted, known))
    return importlib.import_module(f"deptool.{kind}.{wanted.replace('-', '_')}")
