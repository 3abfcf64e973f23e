"""DAIC-WOZ (AVEC 2016, 2017): interviews in English, OpenFace 1 files, PHQ-8.

Per session NNN of a folder NNN_P: `NNN_CLNF_features.txt` (landmarks), `_pose.txt`, `_gaze.txt` and
`_AUs.txt`, joined by frame; the 3D landmarks, HOG, audio and transcripts are not read. Of the gaze
the vectors in the camera's axes are taken; those in the head's (x_h0, …) are left out.

Known of it: sessions 342, 394, 398 and 460 are excluded by its documentation; 373 and 444 were
interrupted; the video of 402 ends 2 minutes early; 451, 458 and 480 lack the interviewer's
transcript, which is not read. 319 has an empty item; 409 has a score of 10 and 0 in the binary
column. The test list of AVEC 2017 names `participant_ID` in lower case and has no scores; those are
in `full_test_split.csv`. The size of the picture is not given.
Gratch et al., "The Distress Analysis Interview Corpus of human and computer interviews", LREC 2014.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from deptool.errors import DeptoolError, InputError, SchemaError
from deptool.feature_files import daic, openface
from deptool.feature_files.label_files import find_named, listed
from deptool.importers import Found, Item, Rows
from deptool.naming import Naming
from deptool.sources import find_files

if TYPE_CHECKING:
    import polars as pl

TITLE = "DAIC-WOZ (AVEC 2016 and 2017), CLNF files of OpenFace 1"

EXCLUDED = ("342", "394", "398", "460")
INTERRUPTED = {"373": (352.0, 420.0), "444": (286.0, 387.0)}  # s: 5:52 to 7:00, 4:46 to 6:27
LABEL_FILES = {
    "train_split_Depression_AVEC2017.csv": "train",
    "dev_split_Depression_AVEC2017.csv": "dev",
    "test_split_Depression_AVEC2017.csv": "test",
    "full_test_split.csv": "test",
    "train_split.csv": "train",
    "dev_split.csv": "dev",
    "test_split.csv": "test",
}

# Role of a file -> what it measures; the ending of its name is the role.
_ROLES = {"features": "landmarks", "pose": "head pose", "gaze": "gaze", "AUs": "action units"}
_FILE = re.compile(rf"(\d{{3}})_CLNF_({'|'.join(_ROLES)})\.(?:txt|csv)", re.IGNORECASE)
_NAMES = {
    # The documentation calls the head's place X, Y, Z.
    "pose": {"X": "pose_Tx", "Y": "pose_Ty", "Z": "pose_Tz"},
    "gaze": {f"{a}_{e}": f"gaze_{e}_{a}" for e in "01" for a in "xyz"},
}


@dataclass(frozen=True)
class Settings:
    """`interruptions`: drop or keep the minutes in which 373 and 444 were interrupted.

    `labels`: the folder of train_split_Depression_AVEC2017.csv and its like; none looks below the
    source.
    """

    interruptions: Literal["drop", "keep"] = "drop"
    labels: Path | None = None


def feature_set(settings: Settings) -> str:
    del settings
    return "openface-1"


def find(source: Path, settings: Settings) -> Found:
    """The sessions below the folder, with splits and scores of the label files.

    Raises InputError where there is no such file, DataError where label files contradict another.
    """
    paths = find_files(source, {".txt", ".csv"}, "text files")
    sessions = _sessions(paths)
    notes: list[str] = []
    excluded = [s for s in EXCLUDED if sessions.pop(s, None)]
    if excluded:
        what = "left out, as the documentation excludes them"
        notes.append(Naming(f"{what}: {listed(excluded)}", f"{what}: {len(excluded)} sessions"))
    if not sessions:
        raise InputError(
            "holds no file such as 300_CLNF_features.txt",
            where=str(source),
            fix=daic.other_corpus(paths, "daic-woz")
            or "Name the folder that holds 300_P, 301_P, …; unpack the zip files first.",
        )
    beside = find_files(settings.labels, {".csv"}, "label files") if settings.labels else paths
    files = find_named(beside, LABEL_FILES)
    if not files:
        notes.append(
            f"no label file was found (such as {next(iter(LABEL_FILES))}), so splits and scores are"
            " not known; --set labels=FOLDER says where they are"
        )
    answers = daic.read_answers(files, LABEL_FILES)
    items = []
    for session, roles in sorted(sessions.items()):
        dropped = INTERRUPTED.get(session) if settings.interruptions == "drop" else None
        split, options = answers.splits.get(session), {"without": dropped}
        items.append(Item(session, roles, session, session, split=split, options=options))
    if "402" in sessions:
        what = "its video ends 2 minutes before the interview"
        notes.append(Naming(f"402: {what}", f"a session: {what}"))
    notes += [*answers.notes, *daic.missing(sessions, answers)]
    return Found(
        tuple(items),
        answers.labels(),
        tuple(notes),
        daic.ID_SPACE,
        subjects=answers.subjects(),
    )


def read(item: Item, settings: Settings) -> Rows:
    """The files of a session that are there and can be read, joined by frame."""
    del settings
    blocks: list[Rows] = []
    problems: list[str] = []
    notes = [
        f"has no {item.recording_id}_CLNF_{role}.txt: no {what}"
        for role, what in _ROLES.items()
        if role not in item.files
    ]
    for role, path in item.files.items():
        try:
            block = openface.read(path, names=_NAMES.get(role))
            if "frame" not in block.table.columns:
                raise SchemaError("has no column frame", where=f"{path.name}, line 1")
        except DeptoolError as error:
            if len(item.files) == 1:
                raise
            problems.append(f"{error.where or path.name}: {error.what}")
        else:
            blocks.append(block)
    if not blocks:
        raise InputError(f"none of its files can be read: {problems[0]}", where=item.recording_id)
    # The longest file says which frames there are: one cut short costs its own columns only.
    blocks.sort(key=lambda block: -len(block.table))
    rows = openface.join_blocks(blocks)
    table, said = _without(rows.table, item.options.get("without"))
    return Rows(table, (*problems, *rows.problems), (*notes, *rows.notes, *said), rows.truncated)


def _sessions(paths: list[Path]) -> dict[str, dict[str, Path]]:
    """session -> role -> file. Raises InputError where a session has two files of one role."""
    roles = {role.lower(): role for role in _ROLES}
    sessions: dict[str, dict[str, Path]] = {}
    for path in paths:
        found = _FILE.fullmatch(path.name)
        if not found:
            continue
        files, role = sessions.setdefault(found[1], {}), roles[found[2].lower()]
        if role in files:
            raise InputError(
                f"session {found[1]} has two files of {_ROLES[role]}: {files[role].name} and"
                f" {path.name}",
                where=str(path.parent),
                fix="Keep one of them below the folder that is imported.",
            )
        files[role] = path
    return {
        session: {r: files[r] for r in _ROLES if r in files} for session, files in sessions.items()
    }


def _without(table: pl.DataFrame, span: object) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Rows without those from one time to another (s, both included), and what was left out."""
    import polars as pl

    if not isinstance(span, tuple):
        return table, ()
    start, end = span
    kept = table.filter(~pl.col("timestamp").is_between(start, end).fill_null(False))
    times = " to ".join(f"{t // 60:.0f}:{t % 60:02.0f}" for t in (start, end))
    n_dropped = len(table) - len(kept)
    said = f"the interruption from {times} is left out ({n_dropped} rows)"
    return kept, (said,) if n_dropped else ()
