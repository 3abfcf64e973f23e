"""Embedding caches: embeddings/<name>/<recording_id>.parquet, vectors of a recording with times.

Columns: start_s and end_s (float32, s), vector (fixed-size list of float32, or float16 by choice),
valid (int32, 1 or 0; a vector that is not valid is zeros). The file's metadata say which encoder
made it, with which settings and weights (`Encoding`), and whether such vectors identify people.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deptool.errors import SchemaError
from deptool.parquet_file import Parquet, opened
from deptool.schema import LONGEST_S, SCHEMA_VERSION
from deptool.tables import parse_json, refuse_encrypted, replacing

if TYPE_CHECKING:
    from deptool.corpus import Corpus

FOLDER = "embeddings"
_KEY = "deptool.encoding"
_MADE_OF = "deptool.made_of"

_AGAIN = "Delete it and run `deptool embed` again."
_COLUMNS = ("start_s", "end_s", "vector", "valid")
_HOP = 1e-4  # s between two vectors, at least
_DIMENSION = 1 << 20  # numbers of a vector, at most
_TYPES: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(("encoder", "source"), (str,)),
    **dict.fromkeys(("version", "dimension"), (int,)),
    **dict.fromkeys(("identifies_people", "synthetic"), (bool, int)),
    **dict.fromkeys(("settings", "parts", "columns"), (dict,)),
    **{"hop_s": (int, float), "weights": (str, type(None))},
}

_ROW_GROUP = 4_000_000  # numbers that are written at once
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_HALF = 65504.0  # the largest float16

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


def is_cache_name(name: str) -> bool:
    """Whether a cache can be called so: a name, and never a way to another folder."""
    return _NAME.fullmatch(name) is not None


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


@contextlib.contextmanager
def writing_embedding(
    path: Path, encoding: Encoding, *, half: bool = False, made_of: str | None = None
) -> Iterator[Callable[[Embedding], None]]:
    """Write one recording, atomically: what is given takes pieces of it, in order of time.

    With `half` vectors are float16, and what is too large for that is the largest that is not.
    `made_of` says which table it was made of. Raises InputError as `replacing`, UsageError as
    `refuse_encrypted`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    refuse_encrypted(path)
    about = {
        "deptool.table": "embeddings",
        "deptool.schema_version": str(SCHEMA_VERSION),
        "deptool.encoder": encoding.encoder,
        "deptool.dimension": str(encoding.dimension),
        "deptool.hop_s": f"{encoding.hop_s:g}",
        "deptool.identifies_people": str(encoding.identifies_people).lower(),
        _KEY: json.dumps(asdict(encoding), default=list),  # parts stay in their order
    }
    if made_of is not None:
        about[_MADE_OF] = made_of
    vector = pa.list_(pa.float16() if half else pa.float32(), encoding.dimension)
    kinds = {"start_s": pa.float32(), "end_s": pa.float32(), "vector": vector, "valid": pa.int32()}
    schema = pa.schema(list(kinds.items()), metadata=about)
    with (
        replacing(path) as temporary,
        pq.ParquetWriter(temporary, schema, compression="zstd", write_page_checksum=True) as file,
    ):
        held: list[Any] = []

        def put(piece: Embedding) -> None:
            if len(piece.start):
                held.append(_rows(piece, schema, half))
            if sum(map(len, held)) * encoding.dimension >= _ROW_GROUP:
                file.write_table(pa.concat_tables(held).combine_chunks())
                held.clear()

        yield put
        left = pa.concat_tables(held) if held else schema.empty_table()
        file.write_table(left.combine_chunks())


def write_embedding(
    path: Path, found: Embedding, *, half: bool = False, made_of: str | None = None
) -> None:
    """Write one recording, which is in memory as a whole; see `writing_embedding`."""
    with writing_embedding(path, found.encoding, half=half, made_of=made_of) as put:
        put(found)


def _rows(piece: Embedding, schema: Any, half: bool) -> Any:
    """A piece as a table; vectors that are not valid are zeros."""
    import pyarrow as pa

    vectors = np.where(piece.valid[:, None], piece.vectors, 0)
    if half:
        vectors = np.clip(vectors, -_HALF, _HALF)
    flat = pa.array(vectors.astype(np.float16 if half else np.float32).ravel())
    columns = [
        pa.array(piece.start.astype(np.float32)),
        pa.array(piece.end.astype(np.float32)),
        pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1]),
        pa.array(piece.valid.astype(np.int32)),
    ]
    return pa.table(columns, schema=schema)


def is_made_of(path: Path) -> tuple[bool, str | None]:
    """Whether a file's vectors are float16, and which table they were made of, if it says."""
    with opened(path, _place(path), _AGAIN) as file:
        kind = file.schema.field("vector").type
        return str(kind.value_type) == "halffloat", file.metadata.get(_MADE_OF)


def differences(there: Encoding, wanted: Encoding) -> list[str]:
    """What two encodings do not have in common, in words: 'px is 112, not 224'."""
    one, other = ({**e.settings, **asdict(e)} for e in (there, wanted))
    told = {"settings", "parts", "columns"}  # in other words, or by what they follow from
    if one.get("fps") != other.get("fps"):
        told |= {"hop_s"}
    plain = [key for key in other if key not in told]
    found = [
        f"{key} is {_short(one.get(key))}, not {_short(other[key])}"
        for key in plain
        if one.get(key) != other[key]
    ]
    a, b = ([name for names in e.columns.values() for name in names] for e in (there, wanted))
    more, less = sorted(set(a) - set(b)), sorted(set(b) - set(a))
    found += [f"it has {_some(more)}"] if more else []
    found += [f"it lacks {_some(less)}"] if less else []
    return found or ["its parts are others"]


def _short(value: object) -> str:
    """A value in few letters, a digest by its first digits."""
    text = str(value)
    return text if len(text) <= 32 else f"{text[:12]}…"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more columns" if names[3:] else "")


def read_encoding(path: Path) -> Encoding:
    """What made the vectors of a file, without them.

    Raises SchemaError where this deptool did not write it as a cache.
    """
    with opened(path, _place(path), _AGAIN) as file:
        return _encoding(file, path)


def _encoding(file: Parquet, path: Path) -> Encoding:
    """The encoding in the texts of an open file, whose columns are those of a cache."""
    said = file.metadata
    try:
        if said["deptool.schema_version"] != str(SCHEMA_VERSION):
            raise KeyError
        about: dict[str, Any] = parse_json(said[_KEY], _place(path))
        found = Encoding(**about)
        _check_encoding(found)
        vector = file.schema.field("vector").type
        if vector.list_size != found.dimension or len(file.schema) != len(_COLUMNS):
            raise ValueError
        for name in _COLUMNS:
            file.schema.field(name)
    except (KeyError, ValueError, TypeError, AttributeError, SchemaError) as error:
        raise _no_cache(path, "is no embedding cache that this deptool reads") from error
    return found


def _check_encoding(found: Encoding) -> None:
    """Raise TypeError or ValueError where a stranger's encoding has other types than ours."""
    for name, kinds in _TYPES.items():
        value = getattr(found, name)
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise TypeError(name)
    if not 0 < found.dimension <= _DIMENSION or not _HOP <= found.hop_s < math.inf:
        raise ValueError
    for first, end in found.parts.values():
        if not 0 <= first < end <= found.dimension:
            raise ValueError
    for names in found.columns.values():
        if not all(isinstance(name, str) for name in names):
            raise TypeError


def read_embedding(path: Path, part: slice = slice(None)) -> Embedding:
    """One recording, the numbers in `part` of each vector alone.

    Raises SchemaError where it is no cache, or its vectors are not what its metadata say.
    """
    import pyarrow as pa

    with opened(path, _place(path), _AGAIN) as file:
        encoding = _encoding(file, path)
        table = file.read(_COLUMNS)
    try:
        column = table.column("vector").combine_chunks()
        flat = column.flatten().to_numpy(zero_copy_only=False)
        vectors = flat.reshape(len(table), encoding.dimension)[:, part].astype(np.float32)
        start, end, valid = (table.column(n).to_numpy() for n in ("start_s", "end_s", "valid"))
        times = start.astype(np.float64), end.astype(np.float64)
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise _no_cache(path, "cannot be read as an embedding cache") from error
    for each in times:
        if not np.isfinite(each).all() or (each < 0).any() or (each > LONGEST_S).any():
            raise _no_cache(path, f"has times that are not from 0 to {LONGEST_S} s")
    return Embedding(encoding, *times, vectors, valid == 1)


def _place(path: Path) -> str:
    """What errors call a file of a cache."""
    return f"{FOLDER}/{path.parent.name}/{path.name}"


def _no_cache(path: Path, what: str) -> SchemaError:
    return SchemaError(what, where=_place(path), fix=_AGAIN)
