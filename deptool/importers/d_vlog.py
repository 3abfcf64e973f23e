"""D-Vlog: video diaries from YouTube, 68 landmarks at about one row a second, depressed or not.

Per vlog NNN: `NNN/NNN_visual.npy` (row, 136 columns); `labels.csv` has index, label, duration,
gender and fold. The acoustic features are not read, nor is gender: it is a vlog's, and who is in
which vlog is not known.

Known of it: nobody documents whether the 136 columns are x0 y0 x1 y1 … or all x and then all y, and
descriptions by third parties contradict each other. So `order` must be given. A row of zeros is one
without a face. Which face of several it was, how large the picture was, and which vlogs show the
same person is not published: 816 persons made 961 vlogs, so some are in two splits, and nobody can
tell who. Some copies have each row standardised, and then the coordinates are no pixels: said.
Yoon et al., "D-Vlog: multimodal vlog dataset for depression detection", AAAI 2022.
"""

from __future__ import annotations

import re
import tokenize
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deptool.errors import InputError, SchemaError
from deptool.feature_files.label_files import counted, find_named, listed, read_folds
from deptool.importers import Found, Item, Label, Rows
from deptool.naming import naming
from deptool.sources import find_files

TITLE = "D-Vlog, landmark files NNN_visual.npy"

ORDERS = {"xyxy": "x0 y0 x1 y1 …", "xxyy": "all x, then all y"}
_POINTS = 68
_BRIDGE = slice(27, 31)  # the nose from the brows down to its tip
_HAVE = ("vlog has", "vlogs have")
_FILE = re.compile(r"([\w-]+)_visual\.npy", re.IGNORECASE)
# What NumPy raises for a header that it did not write.
_UNREADABLE = (
    *(OSError, ValueError, EOFError, TypeError, SyntaxError, OverflowError, RecursionError),
    tokenize.TokenError,
)
_LENGTHS_DIFFER = 0.1  # of the vlog's duration


@dataclass(frozen=True)
class Settings:
    """`order` of the 136 columns: xyxy (x0 y0 x1 y1 …) or xxyy (all x, then all y); must be given.

    `fps`: rows per second. `labels`: the folder of labels.csv; none looks below the source.
    """

    order: str = ""
    fps: float = 1.0
    labels: Path | None = None

    def __post_init__(self) -> None:
        if self.order not in ORDERS:
            known = " or ".join(f"{name} ({what})" for name, what in ORDERS.items())
            raise ValueError(
                f"order must be {known}. D-Vlog does not say in which order its 136 columns are,"
                " and a wrong guess would make noise of every face without an error; ask whoever"
                " gave you the files, then add --set order=…"
            )
        if not self.fps > 0:
            raise ValueError(f"fps must be above 0, not {self.fps:g}")


def feature_set(settings: Settings) -> str:
    del settings
    return "d-vlog-1"


def find(source: Path, settings: Settings) -> Found:
    """The vlogs below the folder. Raises InputError where there is none, or one is there twice."""
    paths = find_files(source, {".npy", ".csv"}, "files such as 0_visual.npy")
    vlogs: dict[str, Path] = {}
    for path in paths:
        if found := _FILE.fullmatch(path.name):
            if found[1] in vlogs:
                raise InputError(f"there are two files named {path.name}", where=str(source))
            vlogs[found[1]] = path
    if not vlogs:
        raise InputError("holds no file such as 0_visual.npy", where=str(source))
    beside = find_files(settings.labels, {".csv"}, "labels.csv") if settings.labels else paths
    files = find_named(beside, ["labels.csv"])
    if not files:
        note = "no labels.csv was found, so splits and labels are not known"
        items = tuple(_item(vlog, path) for vlog, path in vlogs.items())
        return Found(
            items, notes=(f"{note}; --set labels=FOLDER says where",), persons_unknown=True
        )
    folds = read_folds(files["labels.csv"], vlogs)
    items = tuple(
        _item(vlog, path, folds.splits.get(vlog), folds.durations.get(vlog))
        for vlog, path in vlogs.items()
    )
    labels = tuple(Label(vlog, "binary", value) for vlog, value in folds.depressed.items())
    notes = []
    if absent := folds.named - set(vlogs):
        what = f"{counted(len(absent), *_HAVE)} labels but no features"
        notes.append(naming(what, listed(absent)))
    if without := set(vlogs) - folds.named:
        what = f"{counted(len(without), *_HAVE)} features but no labels"
        notes.append(naming(what, listed(without)))
    return Found(items, labels, tuple(notes), persons_unknown=True)


def _item(vlog: str, path: Path, split: str | None = None, duration: float | None = None) -> Item:
    options = {"duration": duration}
    return Item(vlog, {"visual": path}, session_id=vlog, split=split, options=options)


def read(item: Item, settings: Settings) -> Rows:
    """Landmarks of one vlog. Raises InputError or SchemaError where the file holds none."""
    import polars as pl

    path = item.files["visual"]
    values = _load(path)  # (row, column)
    measured = np.isfinite(values).any(axis=1) & (np.nan_to_num(values) != 0).any(axis=1)
    problems = _problems(values, path.name)
    values = np.where(np.isfinite(values), values, np.nan)
    rows, axes = len(values), (2, _POINTS)
    if settings.order == "xyxy":
        points = values.reshape(rows, _POINTS, 2).transpose(0, 2, 1)
    else:
        points = values.reshape(rows, *axes)
    columns: dict[str, Any] = {
        "timestamp": np.arange(rows) / settings.fps,
        "success": measured.astype(np.int32),
        **{f"{axis}_{i}": points[:, k, i] for k, axis in enumerate("xy") for i in range(_POINTS)},
    }
    # NaN is no measurement: null.
    table = pl.DataFrame(columns).with_columns(pl.col(pl.Float32).fill_nan(None))
    return Rows(
        table,
        problems,
        (*_doubts(points[measured], settings.order), *_length(item, settings, rows)),
    )


def _load(path: Path) -> NDArray[np.float32]:
    """(row, 136 columns). Nothing in the file is run: pickled objects are refused."""
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except _UNREADABLE as error:
        raise InputError("is no readable .npy file", where=path.name) from error
    if not isinstance(values, np.ndarray) or values.ndim != 2 or values.shape[1] != 2 * _POINTS:
        shape = getattr(values, "shape", ())
        raise SchemaError(
            f"has the shape {tuple(shape)}, not (rows, {2 * _POINTS})", where=path.name
        )
    if values.dtype.kind not in "fiu":
        raise SchemaError(f"holds {values.dtype}, not numbers", where=path.name)
    return np.asarray(values, dtype=np.float32)


def _problems(values: NDArray[np.float32], name: str) -> tuple[str, ...]:
    bad = ~np.isfinite(values)
    if not bad.any():
        return ()
    row, column = np.argwhere(bad)[0]
    return (f"{name}, row {row}, column {column}: is not a number; {bad.sum()} such cells",)


def _doubts(points: NDArray[np.float32], order: str) -> tuple[str, ...]:
    """points (row, axis, landmark): what speaks against the order, and against pixels."""
    if not len(points):
        return ()
    said = []
    bridge = np.nanmedian(points[:, 1, _BRIDGE], axis=0)
    if not (np.diff(bridge) > 0).all():
        other = next(name for name in ORDERS if name != order)
        said.append(
            f"read as {order}, the nose does not run downwards: is the order {other},"
            " or the picture not upright?"
        )
    rows = points.reshape(len(points), -1).astype(np.float64)
    flat = (np.abs(np.nanmean(rows, axis=1)) < 0.05) & (np.abs(np.nanstd(rows, axis=1) - 1) < 0.05)
    if flat.mean() > 0.5:
        said.append(
            "each row has mean 0 and standard deviation 1: where the face was and how large is"
            " lost, and the numbers are no pixels"
        )
    return tuple(said)


def _length(item: Item, settings: Settings, rows: int) -> tuple[str, ...]:
    """Whether rows and duration disagree, so that `fps` may be wrong."""
    duration = item.options.get("duration")
    if not isinstance(duration, float) or duration <= 0:
        return ()
    seconds = rows / settings.fps
    if abs(seconds - duration) <= max(_LENGTHS_DIFFER * duration, 2.0):
        return ()
    return (f"has rows for {seconds:.0f} s, but labels.csv says {duration:.0f} s",)
