"""AVEC 2014: German speakers, two tasks a session, BDI-II; videos, or OpenFace files made of them.

Videos `PPP_S_Freeform_video.mp4` (answers to questions) and `PPP_S_Northwind_video.mp4` (a fable
read aloud) of person PPP in session S, below Training, Development and Testing, or train, dev and
test; labels `PPP_S_Depression.csv` with one number, which both tasks share. The corpus has no
landmarks of its own: extract the videos with `deptool extract`, and import to join ids, tasks,
splits and scores; or give the CSV files that OpenFace made of them, beside the videos or in
`features`. `labels` is another folder of labels, or one of the lists that published code carries
(see deptool/feature_files/avec_lists.py).

Known of it: videos last 6 s to 4 minutes; 26 of 83 persons are both in train and dev.
Valstar et al., "AVEC 2014: 3D dimensional affect and depression recognition challenge", 2014.
"""

from __future__ import annotations

import re
from pathlib import Path

from deptool.feature_files import avec, openface
from deptool.importers import Found, Item, Rows

TITLE = "AVEC 2014, videos or CSV files of OpenFace 2"

TASKS = ("Freeform", "Northwind")
_NAME = re.compile(r"(\d{3}_\d)(?!\d)")


Settings = avec.Settings


def feature_set(settings: Settings) -> str:
    del settings
    return "openface-2"


def _recording_of(path: Path) -> avec.Recording | None:
    """The task is in the file's name, or else in a folder's."""
    found = _NAME.match(path.name) if "audio" not in path.name.lower() else None
    parts = [part.lower() for part in reversed(path.parts)]
    task = next((t for part in parts for t in TASKS if t.lower() in part), None)
    return avec.Recording(found[1], task) if found and task else None


def _name(recording: avec.Recording) -> str:
    return f"{recording.session}_{recording.task}_video"


def _is_of_2013(path: Path) -> bool:
    return bool(_NAME.match(path.name) and "cut_combined" in path.name.lower())


_YEAR = avec.Year(TASKS, _recording_of, _name, "avec2013", _is_of_2013)


def find(source: Path, settings: Settings) -> Found:
    """The recordings of the tree; see `avec.find`."""
    return avec.find(source, settings, _YEAR)


def read(item: Item, settings: Settings) -> Rows:
    del settings
    return openface.read(item.files["features"])
