"""What attacks take of each recording of a corpus, table by table: none is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any

from deptool import plugins
from deptool.audit_link import release_of
from deptool.audit_pairs import Pairing, Row, halves
from deptool.identification import Sample

if TYPE_CHECKING:
    import polars as pl

    from deptool.corpus import Corpus
    from deptool.embeddings import Embedding

Modules = Mapping[str, ModuleType]  # attack -> its file


@dataclass
class Held:
    """Samples without their tables: whose, of which recording, and what each attack took of them.

    `described`: attack -> (sample,) of arrays, or None. `seen`: attacks of whose columns a table
    has any.
    """

    persons: list[str] = field(default_factory=list)
    recordings: list[str] = field(default_factory=list)
    described: dict[str, list[Any]] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)

    def add(self, sample: Sample, attacks: Modules) -> None:
        self.persons.append(sample.person)
        self.recordings.append(str(sample.recording["recording_id"]))
        for name, attack in attacks.items():
            self.described.setdefault(name, []).append(attack.describe(sample))
            if not set(attack.COLUMNS).isdisjoint(sample.table.columns):
                self.seen.add(name)


@dataclass
class Described:
    """One side: gallery and probes of the attacks between sessions; recordings by themselves."""

    gallery: Held = field(default_factory=Held)
    probes: Held = field(default_factory=Held)
    recordings: Held = field(default_factory=Held)
    n_short: int = 0  # recordings too short to be cut into halves


def same_recording(attack: ModuleType) -> bool:
    """Whether it looks for a recording, and not for a person in another session."""
    return bool(getattr(attack, "SAME_RECORDING", False))


def describe(
    corpus: Corpus,
    rows: Sequence[Row],
    pairing: Pairing,
    attacks: Modules,
    recordings: Modules,
    remade: Callable[[pl.DataFrame], pl.DataFrame] | None = None,
    on_read: Callable[[int, int], None] = lambda _done, _of: None,
) -> Described:
    """Read each recording once: for `attacks` as gallery or probe, for `recordings` as it is.

    `remade` is what an attacker who looks for a recording does with its raw table first.
    """
    found = Described()
    cache = _cache(corpus)
    for done, row in enumerate(rows, start=1):
        name = row["recording_id"]
        table = corpus.frames(name)
        vectors = _vectors(corpus, cache, name)
        sample = Sample(row["subject_id"], row["session_id"], row, table, vectors)
        if recordings:
            same = sample
            if remade is not None:
                same = Sample(row["subject_id"], row["session_id"], row, remade(table))
            found.recordings.add(same, recordings)
        if not pairing.halves:
            side = found.gallery if name in pairing.gallery else found.probes
            side.add(sample, attacks)
        elif parts := halves(sample):
            found.gallery.add(parts[0], attacks)
            found.probes.add(parts[1], attacks)
        else:
            found.n_short += 1
        on_read(done, len(rows))
    return found


def _cache(corpus: Corpus) -> str | None:
    """The cache that a release's level wrote beside the frames tables."""
    release = release_of(corpus)
    if release is None:
        return None
    level = plugins.load("levels", release["level"])
    return getattr(level, "CACHE", None)


def _vectors(corpus: Corpus, cache: str | None, name: str) -> Embedding | None:
    if cache is None:
        return None
    path = corpus.embedding_path(cache, name)
    if not path.is_file():
        return None
    from deptool.embeddings import read_embedding

    return read_embedding(path)
