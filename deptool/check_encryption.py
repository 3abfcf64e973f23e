"""Plain tables in a corpus whose other tables are encrypted.

What is encrypted can be changed by nobody without the key; a plain table beside it could have been
put there by anybody.
"""

from __future__ import annotations

from pathlib import Path

from deptool.breaches import Problem
from deptool.parquet_limits import is_encrypted

_WHAT = "is not encrypted, though other tables are: who lacks the key could have put or changed it"
_FIX = "Encrypt it with the others, if you know that it belongs here; else delete it."


def plain_tables(root: Path) -> list[Problem]:
    """A warning for each plain table of a corpus folder of which some table is encrypted."""
    paths = [path for path in sorted(root.rglob("[!.]*.parquet")) if path.is_file()]
    plain = [path for path in paths if not _is_encrypted(path)]
    if len(plain) == len(paths):
        return []
    return [Problem(p.relative_to(root).as_posix(), _WHAT, "warning", _FIX) for p in plain]


def _is_encrypted(path: Path) -> bool:
    try:
        return is_encrypted(path)
    except OSError:  # it may not be read: another problem says so
        return False
