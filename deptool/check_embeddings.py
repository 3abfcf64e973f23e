"""The embedding caches of a corpus at a glance: what made them, and which of them identify people.

Of each file the metadata are read, not the vectors.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from deptool.breaches import Problem
from deptool.embeddings import FOLDER, Encoding, read_encoding
from deptool.errors import SchemaError

_AGAIN = "Delete it, and run `deptool embed` again: it makes what is missing."


@dataclass(frozen=True)
class Cache:
    """A cache: its name, what made it, and of how many recordings it has vectors."""

    name: str
    encoder: str
    source: str
    identifies_people: bool
    n_recordings: int

    @property
    def identifies(self) -> str:
        """'embeddings/voice identifies people: …'; empty where it does no more than the tables."""
        if not self.identifies_people:
            return ""
        made_of = {"sound": "voices", "video": "faces"}.get(self.source, "data")
        return (
            f"{FOLDER}/{self.name} identifies people: it is made of their {made_of}"
            f" ({self.encoder}). Do not share it with the tables."
        )


def look_at_caches(root: Path, known: Collection[str]) -> tuple[list[Cache], list[Problem]]:
    """The caches of a corpus folder, and what is wrong in them; `known` are its recordings."""
    found: list[Cache] = []
    problems: list[Problem] = []
    for folder in sorted((root / FOLDER).glob("[!.]*/")):
        made: list[Encoding] = []
        for path in sorted(folder.glob("[!.]*.parquet")):
            where = f"{FOLDER}/{folder.name}/{path.name}"
            try:
                encoding = read_encoding(path)
            except SchemaError as error:
                problems.append(Problem(where, error.what, fix=_AGAIN))
                continue
            if made and encoding.digest != made[0].digest:
                what = "was not made as the first file of its cache: other settings or weights"
                problems.append(Problem(where, what, fix=_AGAIN))
            made.append(encoding)
            if known and path.stem not in known:
                what = "vectors of no recording of this corpus"
                problems.append(Problem(where, what, "warning", "Delete it, if nobody needs it."))
        if made:
            first = made[0]
            identifies = any(each.identifies_people for each in made)
            found.append(Cache(folder.name, first.encoder, first.source, identifies, len(made)))
    return found, problems
