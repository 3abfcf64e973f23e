"""The entry "release" of a corpus.json, as values: what was done to the tables, and with what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deptool.corpus import MARKER, Corpus
from deptool.errors import SchemaError
from deptool.reduction import Step


@dataclass(frozen=True)
class ReleaseEntry:
    """What corpus.json says of a release; see release_about.py, which writes it."""

    level: str
    settings: Mapping[str, Any]
    common: Mapping[str, Any]
    k_same: int | None
    key_id: str
    deptool_version: str
    feature_set_before: str
    extraction: Mapping[str, Any]
    steps: tuple[Step, ...]
    left_out: Mapping[str, int]
    kept_attributes: tuple[str, ...]

    def step(self, name: str) -> Step | None:
        """The first step of that name; None where it was not taken."""
        return next((step for step in self.steps if step.name == name), None)


def release_entry(corpus: Corpus) -> ReleaseEntry | None:
    """The entry of a released corpus; None where it is no release.

    Raises SchemaError where the entry is not one that this deptool writes.
    """
    found: Any = corpus.about.get("release")
    if found is None:
        return None
    try:
        return ReleaseEntry(
            level=_text(found["level"]),
            settings=dict(found["settings"]),
            common=dict(found["common"]),
            k_same=None if found["k_same"] is None else int(found["k_same"]),
            key_id=_text(found["key_id"]),
            deptool_version=_text(found["deptool_version"]),
            feature_set_before=_text(found["feature_set_before"]),
            extraction=dict(found["extraction"]),
            steps=tuple(
                Step(_text(step["name"]), _text(step["what"]), dict(step["parameters"]))
                for step in found["steps"]
            ),
            left_out={str(what): int(n) for what, n in found["left_out"].items()},
            kept_attributes=tuple(map(_text, found["kept_attributes"])),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SchemaError(
            "what it says of its release cannot be read",
            where=MARKER,
            fix="Make the release again with this deptool.",
        ) from error


def in_words(parameters: Mapping[str, Any]) -> str:
    """'k 3; groups 2; columns AU01_r, AU02_r'; 'none' where there is no parameter."""
    words = (
        f"{name} {', '.join(map(str, value)) if isinstance(value, list | tuple) else value}"
        for name, value in parameters.items()
        if value is not None
    )
    return "; ".join(words) or "none"


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
