"""Plug-ins by file name: a file in `extractors/`, `models/`, … is a plug-in of that name."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import pkgutil
from functools import lru_cache
from pathlib import Path
from types import ModuleType

from deptool.errors import UsageError, suggest

KINDS = (
    *("extractors", "models", "encoders", "importers", "engines", "loggers", "figures", "claims"),
    *("levels", "attacks"),
)


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
    return importlib.import_module(_module(kind, wanted))


def title(kind: str, name: str) -> str:
    """The first line of the plug-in's docstring. The file is read, not imported."""
    lines = (ast.get_docstring(_read(_source(kind, name))) or "").splitlines()
    return lines[0].rstrip(".") if lines else ""


def defines(kind: str, name: str, word: str) -> bool:
    """Whether the plug-in's file gives `word` a meaning. The file is read, not imported."""
    for node in _read(_source(kind, name)).body:
        match node:
            case ast.FunctionDef(name=found) | ast.ClassDef(name=found):
                words = [found]
            case ast.Assign(targets=targets):
                words = [t.id for t in targets if isinstance(t, ast.Name)]
            case ast.AnnAssign(target=ast.Name(id=found)):
                words = [found]
            case ast.ImportFrom(names=aliases):
                words = [alias.asname or alias.name for alias in aliases]
            case _:
                words = []
        if word in words:
            return True
    return False


def _module(kind: str, name: str) -> str:
    return f"deptool.{kind}.{name.replace('-', '_')}"


def _source(kind: str, name: str) -> Path:
    spec = importlib.util.find_spec(_module(kind, name))
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin)


@lru_cache(maxsize=64)
def _read(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes())
