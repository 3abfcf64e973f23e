"""E-DAIC (AVEC 2019, Detecting Depression with AI): interviews in English, OpenFace 2.1, PHQ-8.

Per session NNN: `NNN_P/features/NNN_OpenFace2.1.0_Pose_gaze_AUs.csv`. It holds head pose, gaze and
action units, and no landmarks, so models that need landmarks cannot be trained on it. Audio, ResNet
features, transcripts and the PTSD scale (PCL-C) are not read.

Known of it: PHQ_Binary is 0 for 20 sessions whose PHQ_Score is 10 or more (13 in train, 3 in dev,
4 in test), and never the reverse; the score counts. 189 of its 275 persons are those of DAIC-WOZ,
under the same numbers, but in other splits.
DeVault et al., "SimSensei kiosk", AAMAS 2014; Ringeval et al., "AVEC 2019 workshop", 2019.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from deptool.errors import InputError
from deptool.feature_files import daic, openface
from deptool.feature_files.label_files import find_named
from deptool.importers import Found, Item, Rows
from deptool.sources import find_files

TITLE = "E-DAIC (AVEC 2019), CSV files of OpenFace 2.1 without landmarks"

LABEL_FILES = {
    "train_split.csv": "train",
    "dev_split.csv": "dev",
    "test_split.csv": "test",
    # Of all sessions; the first one's name is spelt so in the release.
    "detailed_lables.csv": None,
    "detailed_labels.csv": None,
    "Detailed_PHQ8_Labels.csv": None,
    "metadata_mapped.csv": None,
}

_FILE = re.compile(r"(\d{3})_OpenFace[\d.]*_Pose_gaze_AUs\.csv", re.IGNORECASE)


@dataclass(frozen=True)
class Settings:
    """`labels`: the folder of train_split.csv and its like; none looks below the source."""

    labels: Path | None = None


def feature_set(settings: Settings) -> str:
    del settings
    return "openface-2"


def find(source: Path, settings: Settings) -> Found:
    """The sessions below the folder, with splits and scores of the label files.

    Raises InputError where there is no such file, DataError where label files contradict another.
    """
    paths = find_files(source, {".csv", ".txt"}, "CSV files")  # of DAIC-WOZ, a hint needs both
    sessions: dict[str, Path] = {}
    for path in paths:
        if found := _FILE.fullmatch(path.name):
            if found[1] in sessions:
                raise InputError(
                    f"session {found[1]} has two files named {path.name}",
                    where=str(source),
                    fix="Keep one of them below the folder that is imported.",
                )
            sessions[found[1]] = path
    if not sessions:
        raise InputError(
            "holds no file such as 300_OpenFace2.1.0_Pose_gaze_AUs.csv",
            where=str(source),
            fix=daic.other_corpus(paths, "e-daic")
            or "Name the folder that holds 300_P, 301_P, …; unpack the archives first.",
        )
    beside = find_files(settings.labels, {".csv"}, "label files") if settings.labels else paths
    files = find_named(beside, LABEL_FILES)
    notes = ["its files have no landmarks: models that need them cannot be trained on it"]
    if files:
        notes.append("of its two scales, PHQ-8 is taken; PCL-C (PTSD) is left out")
    else:
        notes.append(
            "no label file was found (such as train_split.csv), so splits and scores are not known;"
            " --set labels=FOLDER says where they are"
        )
    answers = daic.read_answers(files, LABEL_FILES)
    items = tuple(
        Item(s, {"features": path}, subject_id=s, session_id=s, split=answers.splits.get(s))
        for s, path in sorted(sessions.items())
    )
    notes += [*answers.notes, *daic.missing(sessions, answers)]
    return Found(items, answers.labels(), tuple(notes), daic.ID_SPACE, subjects=answers.subjects())


def read(item: Item, settings: Settings) -> Rows:
    del settings
    return openface.read(item.files["features"])
