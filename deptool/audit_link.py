"""From a raw corpus to its release: with the key, pseudonyms are made again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deptool.errors import DataError, SchemaError, UsageError
from deptool.key_file import Key
from deptool.pseudonyms import Pseudonyms

if TYPE_CHECKING:
    from deptool.corpus import Corpus


@dataclass(frozen=True)
class Link:
    """raw id -> pseudonym, of the recordings and persons that are in both.

    `n_released`: recordings of the release, whether they are linked or not.
    """

    recording: Mapping[str, str]
    subject: Mapping[str, str]
    session: Mapping[str, str]
    n_released: int


def release_of(corpus: Corpus) -> Mapping[str, Any] | None:
    """What corpus.json says of a release, or None. Raises SchemaError for nonsense."""
    found = corpus.about.get("release")
    if found is None:
        return None
    texts = ("level", "key_id")
    if not isinstance(found, Mapping) or not all(isinstance(found.get(n), str) for n in texts):
        raise SchemaError(
            "the entry 'release' is not that of a release", where=f"corpus {corpus.name!r}"
        )
    return found


def link(released: Corpus, raw: Corpus, key: Key) -> Link:
    """Which recording and which person of a raw corpus is which of its release.

    Raises DataError for another key, and where the release has nothing of that corpus.
    """
    release = release_of(released)
    assert release is not None
    if release["key_id"] != key.id:
        raise DataError(
            f"the release was made with another key: its id is {release['key_id']}, this one's is"
            f" {key.id}",
            where=f"corpus {released.name!r}",
            fix="Give the key file of that release; without one the raw corpus is audited by"
            " itself.",
        )
    names = Pseudonyms(key)
    one, other = raw.recordings(), released.recordings()
    found: dict[str, Mapping[str, str]] = {}
    for kind in ("recording", "subject", "session"):
        made = names.table(kind, one[f"{kind}_id"].drop_nulls().unique().to_list())  # type: ignore[arg-type]
        there = set(other[f"{kind}_id"].drop_nulls())
        found[kind] = {id: alias for id, alias in made.items() if alias in there}
    if not found["recording"]:
        raise DataError(
            f"no recording of the release is one of the corpus {raw.name!r}",
            where=f"corpus {released.name!r}",
            fix="Give --against the corpus that it was made of.",
        )
    return Link(found["recording"], found["subject"], found["session"], len(other))


def require_raw(raw: Corpus, released: Corpus) -> None:
    """Raise where the two cannot be a release and what it was made of.

    UsageError where they are not a release and a raw corpus, DataError where the features of the
    raw corpus are others than the release says that it was made of.
    """
    release = release_of(released)
    if release is None:
        raise UsageError(
            "is no release, so there is nothing to set it against",
            where=f"corpus {released.name!r}",
            fix="Name the release first, and after --against the corpus that it was made of.",
        )
    if release_of(raw) is not None:
        raise UsageError(
            "is a release itself",
            where=f"--against, corpus {raw.name!r}",
            fix="Name the raw corpus that the release was made of.",
        )
    before = release.get("feature_set_before", raw.feature_set)
    if before != raw.feature_set:
        raise DataError(
            f"the release was made of a corpus of the feature set {before}, and --against names one"
            f" of {raw.feature_set}",
            where=f"corpus {released.name!r}, --against {raw.name!r}",
            fix="Name the corpus that the release was made of.",
        )
