"""Lists of AVEC recordings that published code carries, in whatever format: split, session, score.

Read are JSON files of {train, dev, test}: {IDs, scores} with ids such as 203_1_F (Dep-MAP), and
text files of one line per recording or clip, which names the recording and ends in the score:
`train/Northwind/203_1_Northwind_video 1300 3` (MGNN), `Training/Northwind/203_1_Northwind_video,3`
(STA-DRN, AVA-DepressNet), or many frames' paths and the score.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from deptool.csv_file import read_number, read_split, refuse
from deptool.errors import DataError, InputError
from deptool.plain_files import read_text
from deptool.scales import SCALES
from deptool.schema import SPLITS

TASKS = {"freeform": "Freeform", "f": "Freeform", "northwind": "Northwind", "n": "Northwind"}

_RECORDING = re.compile(r"(?<!\d)(\d{3}_\d)(?:_(freeform|northwind|[fn](?![a-z])))?(?!\d)", re.I)
_HIGHEST = SCALES["BDI-II"].high
_WHOLE = (150, 300)  # recordings of AVEC 2013, of AVEC 2014: a third each in train, dev and test


class Entry(NamedTuple):
    """One recording of a list; `task` None where the list names sessions only."""

    session: str
    task: str | None
    split: str | None
    score: float
    where: str


def read_list(path: Path) -> tuple[list[Entry], list[str]]:
    """The recordings of a list, and what to say about it.

    A list that names no split but holds a whole corpus is taken as train, dev and test in thirds.
    Raises InputError where it cannot be read, DataError (with lines) where it is no such list.
    """
    try:
        text = read_text(path)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is not UTF-8 text"
        raise InputError(f"cannot be read: {reason}", where=str(path)) from error
    if path.suffix.lower() == ".json":
        return list(_of_json(text, path.name)), []
    entries = _of_lines(text, path.name)
    named = dict.fromkeys((e.session, e.task) for e in entries)
    if any(e.split for e in entries) or len(named) not in _WHOLE:
        return entries, []
    third = len(named) // len(SPLITS)
    split = {key: SPLITS[k // third] for k, key in enumerate(named)}
    said = (
        f"{path.name} names no split: its {len(named)} recordings are taken as {third} of train,"
        f" {third} of dev and {third} of test, in this order"
    )
    return [e._replace(split=split[e.session, e.task]) for e in entries], [said]


def split_of(parts: Sequence[str]) -> str | None:
    """The split that folders of a path name (Training, dev_DepressionLabels, …), the last one's."""
    found = (read_split(re.split(r"[_\W]", part)[0]) for part in reversed(parts))
    return next((split for split in found if split), None)


def _of_lines(text: str, name: str) -> list[Entry]:
    entries, odd = [], []
    for number, line in enumerate(text.splitlines(), start=1):
        found, score = _RECORDING.search(line), _score(re.split(r"[,;\s]+", line.strip())[-1])
        if found and score is not None:
            parts = re.split(r"[\\/]", line[: found.start()])
            where = f"{name}, line {number}"
            entries.append(Entry(found[1], _task(found[2]), split_of(parts), score, where))
        elif line.strip() and (number > 1 or found):  # the first line may be a header
            odd.append((number, repr(line.strip()[-40:])))
    what = f"a line names a recording (203_1_Freeform) and ends in its score, 0 to {_HIGHEST}"
    refuse(DataError, what, odd, name)
    if not entries:
        raise DataError("names no recording", where=name, fix=what[0].upper() + what[1:] + ".")
    return entries


def _of_json(text: str, name: str) -> Iterator[Entry]:
    fix = 'It should be {"train": {"IDs": ["203_1_F", …], "scores": [3, …]}, "dev": …, "test": …}.'
    try:
        parts = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"is not JSON: {error}", where=name) from error
    if not isinstance(parts, dict):
        raise DataError("is not a list of train, dev and test", where=name, fix=fix)
    for part, about in parts.items():
        split, where = read_split(part), f"{name}, {part}"
        lists = {str(k).lower(): v for k, v in about.items()} if isinstance(about, dict) else {}
        ids, scores = lists.get("ids"), lists.get("scores")
        if not split or not isinstance(ids, list) or not isinstance(scores, list):
            raise DataError("is not a list of train, dev and test", where=where, fix=fix)
        if len(ids) != len(scores):
            raise DataError(f"has {len(ids)} IDs and {len(scores)} scores", where=where)
        yield from _of_part(zip(ids, scores, strict=True), split, where)


def _of_part(pairs: Iterable[tuple[Any, Any]], split: str, where: str) -> Iterator[Entry]:
    for number, (ident, cell) in enumerate(pairs, start=1):
        found, score = _RECORDING.search(str(ident)), _score(str(cell))
        if not found or score is None:
            raise DataError(
                f"entry {number} ({ident!r}, {cell!r}) is no recording and score", where=where
            )
        yield Entry(found[1], _task(found[2]), split, score, f"{where}, entry {number}")


def _task(word: str | None) -> str | None:
    return TASKS[word.lower()] if word else None


def _score(word: str) -> float | None:
    value = read_number(word)
    return value if value is not None and 0 <= value <= _HIGHEST else None
