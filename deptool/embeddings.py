"""Embedding caches: embeddings/<name>/<recording_id>.parquet, vectors of a recording with times.

Columns: start_s and end_s (float32, s), vector (fixed-size list of float32, or float16 by choice),
valid (int32, 1 or 0; a vector that is not valid is zeros). The file's metadata say which encoder
made it, with which settings and weights (`Encoding`), and whether such vectors identify people.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deptool.errors import SchemaError
from deptool.schema import SCHEMA_VERSION
from deptool.tables import read_metadata, replacing

if TYPE_CHECKING:
    from deptool.corpus import Corpus

FOLDER = "embeddings"
_KEY = "deptool.encoding"

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Encoding:
    """What made vectors, and what they hold.

    parts: name -> (first, last + 1) of the vector's numbers, where a vector has parts.
    columns: the columns of the tables that they were made of. weights: SHA-256 of the weight file.
    """

    encoder: str
    version: int
    dimension: int
    hop_s: float
    source: str  # tables, video or sound
    identifies_people: bool
    settings: Mapping[str, object] = field(default_factory=dict)
    weights: str | None = None
    parts: Mapping[str, Sequence[int]] = field(default_factory=dict)
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    synthetic: bool = False

    @property
    def digest(self) -> str:
        """SHA-256 of what two caches must have in common to be one: all but `synthetic`."""
        about = {name: value for name, value in asdict(self).items() if name != "synthetic"}
        text = json.dumps(about, sort_keys=True, default=list)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Embedding:
    """One recording: start, end (row,) in s, vectors (row, dimension), valid (row,)."""

    encoding: Encoding
    start: NDArray[np.float64]
    end: NDArray[np.float64]
    vectors: Floats
    valid: NDArray[np.bool_]


def cache_folder(corpus: Corpus, name: str) -> Path:
    """Where a cache of that name lies in a corpus."""
    return corpus.root / FOLDER / name


def caches(corpus: Corpus) -> list[str]:
    """Names of the caches that hold at least one recording."""
    root = corpus.root / FOLDER
    return sorted(p.name for p in root.glob("*/") if next(p.glob("*.parquet"), None))


def find_encoding(folder: Path) -> Encoding | None:
    """What made the first file of a cache; None where it has none."""
    first = min(folder.glob("*.parquet"), default=None)
    return read_encoding(first) if first else None


def write_embedding(path: Path, found: Embedding, *, half: bool = False) -> None:
    """Write one recording, atomically; with `half` vectors are float16.

    Raises InputError as `replacing`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    about = {
        "deptool.table": "embeddings",
        "deptool.schema_version": str(SCHEMA_VERSION),
        "deptool.encoder": found.encoding.encoder,
        "deptool.dimension": str(found.encoding.dimension),
        "deptool.hop_s": f"{found.encoding.hop_s:g}",
        "deptool.identifies_people": str(found.encoding.identifies_people).lower(),
        _KEY: json.dumps(asdict(found.encoding), default=list),
    }
    vectors = np.where(found.valid[:, None], found.vectors, 0)
    flat = pa.array(vectors.astype(np.float16 if half else np.float32).ravel())
    columns: dict[str, Any] = {
        "start_s": pa.array(found.start.astype(np.float32)),
        "end_s": pa.array(found.end.astype(np.float32)),
        "vector": pa.FixedSizeListArray.from_arrays(flat, found.encoding.dimension),
        "valid": pa.array(found.valid.astype(np.int32)),
    }
    table = pa.table(columns).replace_schema_metadata(about)
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", write_page_checksum=True)


def read_encoding(path: Path) -> Encoding:
    """What made the vectors of a file, without them.

    Raises SchemaError where this deptool did not write it as a cache.
    """
    said = read_metadata(path)
    try:
        if said["deptool.schema_version"] != str(SCHEMA_VERSION):
            raise KeyError
        about = json.loads(said[_KEY])
        return Encoding(**about)
    except (KeyError, ValueError, TypeError) as error:
        raise SchemaError(
            "is no embedding cache that this deptool reads",
            where=f"{FOLDER}/{path.parent.name}/{path.name}",
            fix="Delete it and run `deptool embed` again.",
        ) from error


def read_embedding(path: Path, part: slice = slice(None)) -> Embedding:
    """One recording, the numbers in `part` of each vector alone.

    Raises SchemaError where it is no cache, or its vectors are not what its metadata say.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    encoding = read_encoding(path)
    try:
        table = pq.read_table(path, partitioning=None, page_checksum_verification=True)
        column = table.column("vector").combine_chunks()
        flat = column.flatten().to_numpy(zero_copy_only=False)
        vectors = flat.reshape(len(table), encoding.dimension)[:, part].astype(np.float32)
        start, end, valid = (table.column(n).to_numpy() for n in ("start_s", "end_s", "valid"))
    except (pa.ArrowException, OSError, KeyError, ValueError, AttributeError) as error:
        raise SchemaError(
            "cannot be read as an embedding cache",
            where=f"{FOLDER}/{path.parent.name}/{path.name}",
            fix="Delete it and run `deptool embed` again.",
        ) from error
    return Embedding(
        encoding, start.astype(np.float64), end.astype(np.float64), vectors, valid == 1
    )
