"""What lies in a corpus folder: its tables with their columns, and its embedding caches.

Of encrypted tables too, where the key is at hand: rows are read through `tables.read_table` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from deptool import parquet_limits
from deptool.columns import Column, Table
from deptool.corpus import Corpus
from deptool.embeddings import FOLDER, Encoding, cache_folder, caches, find_encoding
from deptool.schema import FRAMES, LABELS, RECORDINGS, SUBJECTS, TRACKS
from deptool.tables import read_table

OnProgress = Callable[[str, int, int], None]  # what is done, how many of how many

_SMALL = {"recordings.parquet": RECORDINGS, "labels.parquet": LABELS, "subjects.parquet": SUBJECTS}
_LARGE = {"frames": FRAMES, "tracks": TRACKS}


@dataclass(frozen=True)
class Part:
    """One table, or all tables of one kind, which have the same schema.

    place: the file or the pattern of files below the corpus. columns: those that any file has, in
    the schema's order. partial: columns that some file lacks. empty: columns without any value.
    """

    schema: Table
    place: str
    columns: tuple[Column, ...]
    partial: frozenset[str]
    empty: frozenset[str]
    n_files: int

    @property
    def one_file(self) -> bool:
        """Whether the place is a file, and not a pattern of files."""
        return "*" not in self.place


@dataclass(frozen=True)
class CachePart:
    """An embedding cache: its name, the pattern of its files, what made its vectors."""

    name: str
    place: str
    encoding: Encoding


@dataclass(frozen=True)
class Contents:
    """Tables and caches of a corpus."""

    tables: tuple[Part, ...]
    caches: tuple[CachePart, ...]

    def table(self, name: str) -> Part | None:
        """The tables of that name; None where there are none."""
        return next((part for part in self.tables if part.schema.name == name), None)

    def has_group(self, group: str) -> bool:
        """Whether any frames table has columns of that group."""
        frames = self.table("frames")
        return frames is not None and any(c.group == group for c in frames.columns)


def contents_of(corpus: Corpus, on_progress: OnProgress = lambda what, done, of: None) -> Contents:
    """Look at every table of a corpus.

    Raises SchemaError where a table breaks its schema, or an embedding cache is none.
    """
    tables = tuple(_tables(corpus, on_progress))
    found = (CachePart(n, f"{FOLDER}/{n}/*.parquet", e) for n, e in _encodings(corpus))
    return Contents(tables, tuple(found))


def is_encrypted(corpus: Corpus) -> bool:
    """Whether its tables are encrypted, as they lie there now."""
    path = corpus.root / "recordings.parquet"
    return path.is_file() and parquet_limits.is_encrypted(path)


def _tables(corpus: Corpus, on_progress: OnProgress) -> Iterator[Part]:
    for name, schema in _SMALL.items():
        path = corpus.root / name
        if path.is_file():
            yield _part(schema, name, [path], lambda done, of: None)
    for folder, schema in _LARGE.items():
        paths = sorted((corpus.root / folder).glob("[!.]*.parquet"))
        if paths:

            def tell(done: int, of: int, name: str = schema.name) -> None:
                on_progress(f"Describing {name}", done, of)

            yield _part(schema, f"{folder}/*.parquet", paths, tell)


def _part(schema: Table, place: str, paths: list[Path], tell: Callable[[int, int], None]) -> Part:
    in_any: set[str] = set()
    in_all: set[str] = {column.name for column in schema.columns}
    filled: set[str] = set()
    for done, path in enumerate(paths, 1):
        table = read_table(path, schema)
        in_any |= set(table.columns)
        in_all &= set(table.columns)
        filled |= {series.name for series in table if series.null_count() < len(series)}
        tell(done, len(paths))
    columns = tuple(c for c in schema.columns if c.name in in_any)
    return Part(
        schema, place, columns, frozenset(in_any - in_all), frozenset(in_any - filled), len(paths)
    )


def _encodings(corpus: Corpus) -> Iterator[tuple[str, Encoding]]:
    for name in caches(corpus):
        encoding = find_encoding(cache_folder(corpus, name))
        if encoding is not None:
            yield name, encoding
