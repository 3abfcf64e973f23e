"""Which tool wrote a CSV file, as its columns plainly say, so that its importer can be named."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from deptool.errors import DeptoolError, SchemaError
from deptool.feature_files.feature_csv import read_header

_TITLES = {
    "openface": "OpenFace 1 or 2",
    "openface3": "OpenFace 3",
    "libreface": "LibreFace",
    "py-feat": "py-feat",
}
_LIBREFACE = re.compile(r"au_\d+_intensity|lm_mp_\d+_[xyz]")
_LAST_OF_98 = re.compile(r"(landmarks?_|lmk?s?_|points?_)?(x_?97|97_?x)")


def whose(header: Sequence[str]) -> str | None:
    """The importer of a file with these columns; None where they do not plainly say."""
    names = set(header)
    if "FaceRectX" in names:
        return "py-feat"
    if any(_LIBREFACE.fullmatch(name) for name in names):
        return "libreface"
    if {"face_detection", "landmarks", "action_units"} <= names:
        return "openface3"
    if any(_LAST_OF_98.fullmatch(name) for name in names) and "x_98" not in names:
        return "openface3"
    if {"timestamp", "AU01_r", "AU45_r"} <= names or {"AU01_r", "x_0"} <= names:
        return "openface"
    return None


def refuse_others(path: Path, importer: str) -> None:
    """Raise SchemaError where a tool's file is plainly another one's than the importer's."""
    if importer not in _TITLES:
        return
    try:
        found = whose(read_header(path))
    except DeptoolError:  # reading it says so again
        return
    if found and found != importer:
        raise SchemaError(
            f"looks like {_TITLES[found]}'s, not like {_TITLES[importer]}'s",
            where=f"{path.name}, line 1",
            fix=f"Import it with: deptool import {found}",
        )
