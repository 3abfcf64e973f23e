"""What corpus.json says, and its types: a corpus may be a stranger's, so they are looked at once.

What is beside these keys is not looked at. The entry of a release: see release_entry.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from deptool.errors import SchemaError
from deptool.json_types import mismatch


class About(TypedDict, total=False):
    name: str
    schema_version: int
    feature_set: str
    extraction: dict[str, object]
    deidentification: list[str]
    note: str
    notes: list[str]
    recording_notes: dict[str, list[str]]
    normalise: str
    id_space: str | None
    persons_unknown: bool
    synthetic: bool
    licence: str
    release: dict[str, object]


def check_about(about: Mapping[str, object], where: str) -> None:
    """Raise SchemaError where corpus.json says something of another kind than corpora do."""
    if found := mismatch(dict(about), About, ""):
        raise SchemaError(
            found, where=where, fix="Put it right in corpus.json, or make the corpus again."
        )
