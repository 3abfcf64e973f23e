"""What corpus.json says of a release: which steps, with which numbers, and what was left out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import deptool
from deptool.corpus import MARKER, Corpus
from deptool.key_file import Key
from deptool.reduction import Common, Step
from deptool.schema import SCHEMA_VERSION

NOTE = (
    "A reduced copy of a corpus. It remains personal data: how people move can identify them;"
    " audit.json, where it is there, says how well. Use it for research as the consent of the"
    " people in it allows, do not try to find out who they are, and do not use it for diagnosis."
)

AGE_STEP = 10.0  # years
AGED = 90.0  # from here on ages are one: 45 CFR 164.514(b)(2)(i)(C)

# Entries of the corpus that a release has too.
_KEPT = ("normalise", "synthetic", "persons_unknown", "licence")

# What may lie in a corpus's folder: what is released, and what is counted by itself.
_KNOWN = {MARKER, "frames", "embeddings", "tracks", "mesh"}
_KNOWN |= {f"{name}.parquet" for name in ("recordings", "labels", "subjects")}

# Settings of the extraction that may be told: no path, no file, no list of names.
_WORD = re.compile(r"[\w.+-]{1,40}")


@dataclass(frozen=True)
class ReleaseSettings:
    """What to release: the level with its settings, and the numbers that all levels share.

    k_same: persons that share resting levels at least; None for none. keep_attributes: gender, and
    age in steps of 10 years. name: the release's; that of its folder unless given.
    """

    level: str
    options: Any
    common: Common = field(default_factory=Common)
    k_same: int | None = None
    keep_attributes: bool = False
    name: str | None = None


def about_release(
    corpus: Corpus,
    level: Any,
    settings: ReleaseSettings,
    key: Key,
    steps: Sequence[Step],
    left_out: Mapping[str, int],
) -> dict[str, object]:
    """The entries of corpus.json; `level` is the level's module."""
    kept = {name: corpus.about[name] for name in _KEPT if name in corpus.about}
    normalise = {"normalise": level.NORMALISE} if hasattr(level, "NORMALISE") else {}
    return {
        "name": settings.name,
        "schema_version": SCHEMA_VERSION,
        "feature_set": released_features(corpus, level),
        "extraction": {"release": settings.level},
        "deidentification": ["pixels dropped", "audio dropped", *(step.what for step in steps)],
        "note": NOTE,
        **kept,
        **normalise,
        "release": {
            "level": settings.level,
            "settings": asdict(settings.options),
            "common": asdict(settings.common),
            "k_same": settings.k_same,
            "key_id": key.id,
            "deptool_version": deptool.__version__,
            "feature_set_before": corpus.feature_set,
            "extraction": told(corpus.about.get("extraction")),
            "steps": [asdict(step) for step in steps],
            "left_out": dict(left_out),
            "kept_attributes": ["gender", "age"] if settings.keep_attributes else [],
        },
    }


def released_features(corpus: Corpus, level: Any) -> str:
    """The name of the feature set: 'mediapipe-1-shape-1'. No model of the corpus's own takes it."""
    return f"{corpus.feature_set}-{level.FEATURES}"


def ids_step() -> Step:
    """What is done to ids, in words."""
    return Step(
        "pseudonyms",
        "Ids of recordings, sessions and persons are HMAC-SHA-256 pseudonyms under a key that is"
        " kept apart; recordings stand in their order, which is random.",
        {"bits": 80},
    )


def attributes_step() -> Step:
    """What is kept of persons, where it is."""
    return Step(
        "attributes",
        "Gender is as it was; age is rounded to 10 years, 90 for all above.",
        {"age_years": AGE_STEP, "aged": AGED},
    )


def left_out_of(corpus: Corpus, n_released: int, keep_attributes: bool) -> dict[str, int]:
    """What of a corpus is not released, and how many of each; nothing that there is none of."""
    root = corpus.root
    counts = {
        "recordings not measured or too short": len(corpus.recordings()) - n_released,
        "embedding caches": len(list((root / "embeddings").glob("[!.]*/"))),
        "tables of other faces": len(list((root / "tracks").glob("[!.]*.parquet"))),
        "meshes": len(list((root / "mesh").glob("[!.]*"))),
        "persons' gender and age": 0 if keep_attributes else len(corpus.subjects()),
    }
    return {what: n for what, n in counts.items() if n}


def other_files(corpus: Corpus) -> int:
    """How many files and folders beside a corpus's tables are none of it, and not released."""
    return len({path.name for path in corpus.root.glob("[!.]*")} - _KNOWN)


def told(extraction: object) -> dict[str, object]:
    """Settings that made the frames, as far as they may be told: numbers, and plain words."""
    found = extraction.items() if isinstance(extraction, Mapping) else ()
    return {
        str(name): value
        for name, value in found
        if value is None
        or isinstance(value, int | float)
        or (isinstance(value, str) and _WORD.fullmatch(value))
    }
