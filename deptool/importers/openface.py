"""OpenFace's CSV files, 1.x and 2.x: any subset of blocks, one face or several.

One file per recording, anywhere below the folder (or one file); the recording is called like its
path. Columns are looked up by name, with or without spaces before it; `face_id` may lack. Blocks
that were not asked for when the files were made are absent.

Known of these files: failed rows have success 0 and zeros, which are no measurements; a run that
was interrupted leaves AU intensities below 0 (they become null, and are counted); files of several
faces repeat a frame, and face numbers are slots of the tracker, not persons: one face is kept.
OpenFace: Baltrusaitis et al., FG 2018. Nothing in the files says how large the picture was, who is
in it, or what any scale gave: join that with `deptool label`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from deptool.feature_files import openface
from deptool.importers import Found, Item, Rows
from deptool.sources import find_files, recording_ids

TITLE = "OpenFace 1.x and 2.x, CSV files of FeatureExtraction and FaceLandmarkVidMulti"


@dataclass(frozen=True)
class Settings:
    """`face`: the face_id to keep in files with several; none keeps the one seen longest."""

    face: int | None = None


def feature_set(settings: Settings) -> str:
    del settings
    return "openface-2"


def find(source: Path, settings: Settings) -> Found:
    """Every CSV below the folder. Raises InputError where there is none."""
    del settings
    paths = find_files(source, {".csv"}, "CSV files")
    ids = recording_ids(source, paths)
    return Found(tuple(Item(name, {"features": path}) for name, path in ids.items()))


def read(item: Item, settings: Settings) -> Rows:
    return openface.read(item.files["features"], face=settings.face)
