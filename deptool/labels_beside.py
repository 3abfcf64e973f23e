"""A labels.csv beside videos or feature files: told from a file of features, and joined."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from deptool.corpus import Corpus
from deptool.errors import DeptoolError

if TYPE_CHECKING:
    from deptool.label_summary import LabelSummary

NAME = "labels.csv"
_LONGEST = 10_000  # bytes of a header that are read


def join_beside(corpus: Corpus, folder: Path) -> tuple[LabelSummary | None, DeptoolError | None]:
    """Join the folder's labels.csv, where there is one; what came of it, or why it was refused."""
    from deptool.label import join_labels

    path = folder / NAME
    if not path.is_file():
        return None, None
    try:
        return join_labels(corpus, path, skip_unknown=True), None
    except DeptoolError as error:
        return None, error


def is_labels(files: Mapping[str, Path]) -> bool:
    """Whether a recording's only file is labels as `deptool label` reads them, and no features."""
    paths = list(files.values())
    if len(paths) != 1 or paths[0].name.lower() != NAME:
        return False
    try:
        with paths[0].open("rb") as file:
            first = file.readline(_LONGEST).decode("utf-8-sig", errors="replace")
    except OSError:
        return False
    return {"subject_id", "scale", "score"} <= {
        w.strip().lower() for w in re.split("[,;\t]", first)
    }
