"""LMVD: vlogs from Chinese platforms, OpenFace 2 files without 3D landmarks, depressed or not.

`Video_feature/NNN.csv` per vlog; `label/NNN_Depression.csv` holds 0 or 1 and nothing else. LMVD
has no split of its own; `lmvd_labels.csv` (index, label, fold), as DepMamba's authors drew it, is
taken where it is there. Audio features are not read.

Known of it: 1,475 persons made 1,823 vlogs and nobody published who is in which, so a person can
be in two splits. Two derived forms are refused. DepMamba's `NNN_visual.npy` has each row
standardised: where the face was and how large cannot be got back. The release's `tcnfeature` (915
rows x 171) holds presences of 17 action units, without AU07 and in an order of its own, and 6 zeros
as gaze.
He et al., "LMVD: a large-scale multimodal vlog dataset for depression detection in the wild", 2024.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from deptool.errors import InputError
from deptool.feature_files import openface
from deptool.feature_files.label_files import (
    Said,
    agree,
    counted,
    find_named,
    listed,
    only_number,
    read_folds,
)
from deptool.importers import Found, Item, Label, Rows
from deptool.naming import naming
from deptool.sources import find_files

TITLE = "LMVD, CSV files of OpenFace 2"

FOLDS = "lmvd_labels.csv"
_HAVE = ("vlog has", "vlogs have")
_FILE = re.compile(r"(\d{3,4})\.csv", re.IGNORECASE)
_LABEL = re.compile(r"(\d{3,4})_Depression\.csv", re.IGNORECASE)
_ORIGINALS = "Take Video_feature/*.csv of the release."


@dataclass(frozen=True)
class Settings:
    """`labels`: the folder of the label files; none looks below the source."""

    labels: Path | None = None


def feature_set(settings: Settings) -> str:
    del settings
    return "openface-2"


def find(source: Path, settings: Settings) -> Found:
    """The vlogs below the folder.

    Raises InputError where there is none, or only forms that are refused; DataError where labels
    contradict each other.
    """
    paths = find_files(source, {".csv", ".npy"}, "CSV files")
    vlogs: dict[str, Path] = {}
    for path in paths:
        if found := _FILE.fullmatch(path.name):
            if found[1] in vlogs:
                raise InputError(f"there are two files named {path.name}", where=str(source))
            vlogs[found[1]] = path
    if not vlogs:
        raise _refusal(paths, source)
    beside = find_files(settings.labels, {".csv"}, "label files") if settings.labels else paths
    own = {m[1]: p for p in beside if (m := _LABEL.fullmatch(p.name))}
    said = [Said(vlog, only_number(path, 0, 1), path.name) for vlog, path in own.items()]
    splits: dict[str, str] = {}
    notes = []
    if files := find_named(beside, [FOLDS]):
        folds = read_folds(files[FOLDS], vlogs)
        splits = folds.splits
        said += [Said(vlog, value, FOLDS) for vlog, value in folds.depressed.items()]
    else:
        notes.append(f"LMVD has no split of its own, and there is no {FOLDS}")
    labels = {vlog: float(value) for vlog, value in agree(said, "labels").items()}
    notes += _missing(set(vlogs), set(labels))
    items = tuple(
        Item(vlog, {"features": path}, session_id=vlog, split=splits.get(vlog))
        for vlog, path in sorted(vlogs.items())
    )
    found_labels = tuple(Label(vlog, "binary", value) for vlog, value in sorted(labels.items()))
    return Found(items, found_labels, tuple(notes), persons_unknown=True)


def read(item: Item, settings: Settings) -> Rows:
    del settings
    return openface.read(item.files["features"])


def _missing(vlogs: set[str], labelled: set[str]) -> Iterable[str]:
    if absent := labelled - vlogs:
        yield naming(f"{counted(len(absent), *_HAVE)} labels but no features", listed(absent))
    if without := vlogs - labelled:
        yield naming(f"{counted(len(without), *_HAVE)} features but no labels", listed(without))


def _refusal(paths: list[Path], source: Path) -> InputError:
    """Why there is nothing to import here."""
    if any(path.name.lower().endswith("_visual.npy") for path in paths):
        what = (
            "holds files NNN_visual.npy. Of LMVD these are DepMamba's, and each row in them is"
            " standardised: where the face was and how large it was cannot be got back"
        )
        fix = f"{_ORIGINALS} If this is D-Vlog: deptool import d-vlog"
        return InputError(what, where=str(source), fix=fix)
    if any(path.suffix.lower() == ".npy" for path in paths):
        what = (
            "holds no CSV file of OpenFace, only .npy files. LMVD's tcnfeature (915 x 171) is not"
            " read: its action units are presences in an order of its own, half of its gaze is"
            " zeros, and only every sixth of the first 5,490 rows is in it"
        )
        return InputError(what, where=str(source), fix=_ORIGINALS)
    return InputError("holds no file such as 001.csv", where=str(source), fix=_ORIGINALS)
