"""A synthetic cohort whose making was interrupted: how it is known, and how to go on with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

from deptool.cohort.settings import SynthSettings
from deptool.errors import DataError
from deptool.keys import LABELS_FILE, RECORDINGS_FILE

if TYPE_CHECKING:
    from deptool.corpus import Corpus

FEATURE_SET = "synthetic-1"
UNFINISHED = "this synthetic cohort is unfinished"


def missing_tables(corpus: Corpus) -> list[str]:
    """The tables that synth writes last and that a synthetic cohort lacks; none of another."""
    if not corpus.synthetic or corpus.about.get("feature_set") != FEATURE_SET:
        return []
    return [n for n in (RECORDINGS_FILE, LABELS_FILE) if not (corpus.root / n).is_file()]


def go_on(corpus: Corpus, folder: str = "CORPUS") -> str:
    """What to do: the command that makes the rest, with the settings the cohort was begun with."""
    made, usual = corpus.about.get("extraction"), asdict(SynthSettings())
    found = made if isinstance(made, Mapping) else {}
    other = {name: found[name] for name in usual if name in found and found[name] != usual[name]}
    words = "".join(f" --set {name}={_word(value)}" for name, value in other.items())
    return f"Run deptool synth again with its settings: deptool synth {folder}{words}"


def refuse_unfinished(corpus: Corpus) -> None:
    """Raises DataError where synth was interrupted before the cohort had its tables."""
    if missing := missing_tables(corpus):
        raise DataError(
            f"{UNFINISHED}: it has no {' and no '.join(missing)}",
            where=f"corpus {corpus.name!r}",
            fix=go_on(corpus, str(corpus.root)),
        )


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
