"""AVEC 2013: German speakers at a computer, BDI-II; videos, or OpenFace files made of them.

Videos `PPP_S_cut_combined.mp4` of person PPP in session S, below Training, Development and Testing;
labels `PPP_S_Depression.csv` with one number each. The corpus has no landmarks of its own: extract
the videos with `deptool extract`, and import to join ids, splits and scores; or give the CSV files
that OpenFace made of them, beside the videos or in `features`. `labels` is another folder of
labels, or one of the lists that published code carries (see deptool/feature_files/avec_lists.py).

Each video joins several tasks, so `task` is empty. Known of it: the videos last 2 to 21 minutes,
not the 20 to 50 that papers quote of the uncut recordings; 27 of 82 persons are both in train and
dev; Dep-MAP's list of it lacks recordings.
Valstar et al., "AVEC 2013: the continuous audio/visual emotion and depression challenge", 2013.
"""

from __future__ import annotations

import re
from pathlib import Path

from deptool.feature_files import avec, openface
from deptool.importers import Found, Item, Rows

TITLE = "AVEC 2013, videos or CSV files of OpenFace 2"

_NAME = re.compile(r"(\d{3}_\d)(?!\d)")
_OTHER = re.compile("audio|freeform|northwind", re.IGNORECASE)  # sound, and AVEC 2014's tasks


Settings = avec.Settings


def feature_set(settings: Settings) -> str:
    del settings
    return "openface-2"


def _recording_of(path: Path) -> avec.Recording | None:
    found = _NAME.match(path.name)
    return avec.Recording(found[1], None) if found and not _OTHER.search(path.name) else None


def _name(recording: avec.Recording) -> str:
    return f"{recording.session}_cut_combined"


def _is_of_2014(path: Path) -> bool:
    return bool(_NAME.match(path.name) and re.search("freeform|northwind", path.name, re.I))


_YEAR = avec.Year((None,), _recording_of, _name, "avec2014", _is_of_2014)


def find(source: Path, settings: Settings) -> Found:
    """The recordings of the tree; see `avec.find`."""
    return avec.find(source, settings, _YEAR)


def read(item: Item, settings: Settings) -> Rows:
    del settings
    return openface.read(item.files["features"])
