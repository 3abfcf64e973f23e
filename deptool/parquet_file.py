"""The one door through which Parquet files are read: bounded, checked, decrypted.

A file is looked at before anything of it is decoded (`deptool.parquet_limits`). One that is
encrypted (`deptool.encryption`) is read with the key in the file that DEPTOOL_KEY_FILE names, so
that every verb and every worker reads encrypted corpora as it reads others.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from deptool.errors import SchemaError
from deptool.parquet_headers import Footer, read_footer
from deptool.parquet_limits import (
    LONGEST_TEXT,
    THRIFT_LIST,
    THRIFT_TEXT,
    Leaf,
    Unseal,
    allowance_of_texts,
    check_pages,
    check_sizes,
    footer_of,
    leaves_of,
    refused,
    shown,
    too_long,
)
from deptool.plain_files import open_plain
from deptool.thrift import Malformed

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa
    import pyarrow.parquet as pq

    from deptool.encryption import Lock

_AGAIN = "Run the step that wrote it again; for a frames table: extract or import, --force ID"


@dataclass(frozen=True)
class Parquet:
    """An open file whose footer was checked; `schema` is Arrow's, and its texts are UTF-8.

    `leaves` are its columns, by their numbers in Parquet.
    """

    schema: pa.Schema
    leaves: Mapping[int, Leaf]
    _file: pq.ParquetFile
    _raw: BinaryIO
    _footer: bytes
    _size: int
    _place: _Place
    _unseal: Unseal | None

    @property
    def metadata(self) -> dict[str, str]:
        """The texts beside the table."""
        return {k.decode(): v.decode() for k, v in (self.schema.metadata or {}).items()}

    def footer(self, leaves: Mapping[int, Leaf] | None = None) -> Footer:
        """What is said of the bytes of these columns, by number, or of all. Raises SchemaError."""
        wanted = self.leaves if leaves is None else leaves
        with _reading(self._place):
            found = read_footer(self._footer, THRIFT_LIST, wanted.keys())
            check_sizes(found, wanted, len(self.leaves), self._size, self._place.where)
            return found

    def n_rows(self) -> int:
        """Rows, as the footer says. Raises SchemaError."""
        return self.footer({}).rows

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        """All rows, of these columns or of all.

        Raises SchemaError where a column is not there, and where they are not sound.
        """
        names = list(self.schema.names if columns is None else columns)
        there = set(self.schema.names)
        lacking = [name for name in names if name not in there]
        if lacking:
            raise SchemaError(f"has no column {shown(lacking[0])}", where=self._place.where)
        wanted = set(names)
        leaves = {k: leaf for k, leaf in self.leaves.items() if leaf.top in wanted}
        footer = self.footer(leaves)
        place = self._place
        with _reading(place):
            texts = check_pages(self._raw, footer, leaves, self._size, place.where, self._unseal)
            if texts <= allowance_of_texts(self._size):
                table = self._file.read(columns=names)
            else:
                table = self._read_texts(names)
            for field, column in zip(table.schema, table.columns, strict=True):
                _check_texts(field.metadata)
                if _is_text(field.type):
                    column.validate(full=True)  # polars takes any bytes for UTF-8
                    self._check_lengths(column, field.name)
            return table

    def _check_lengths(self, texts: pa.Array | pa.ChunkedArray, name: str) -> None:
        import pyarrow.compute as pc

        longest = pc.max(pc.binary_length(texts)).as_py() or 0
        if longest > LONGEST_TEXT:
            raise too_long(name, longest, self._place.where)

    def _read_texts(self, names: Sequence[str]) -> pa.Table:
        """Rows whose texts might be too long when each stands in full: they are added up first."""
        import pyarrow.compute as pc

        texts = [field.name for field in self.schema if _is_text(field.type)]
        with _open_file(self._place, texts)[0] as file:
            table = file.read(columns=list(names))
        most = allowance_of_texts(self._size)
        for k, field in enumerate(table.schema):
            if field.name in texts:
                for chunk in table.column(k).chunks:
                    self._check_lengths(chunk.dictionary, field.name)
                    lengths = pc.binary_length(chunk.dictionary).take(chunk.indices)
                    most -= pc.sum(lengths).as_py() or 0
                if most < 0:
                    raise refused("its texts are too long altogether", "no more", self._place.where)
                plain = self.schema.field(field.name)
                table = table.set_column(k, plain, table.column(k).cast(plain.type))
        return table


@dataclass(frozen=True)
class _Place:
    """A file: where it is, what errors call it, and whether it is encrypted."""

    path: Path
    where: str
    fix: str | None
    crypto: bytes | None  # its footer, where it is encrypted


@contextlib.contextmanager
def opened(path: Path, where: str | None = None, fix: str | None = None) -> Iterator[Parquet]:
    """Open a Parquet file; `where` is what errors call it, its name if None.

    `fix` is what to do where it is damaged.

    Raises SchemaError where it is not Parquet, is damaged, or asks for more than it may;
    InputError where it is encrypted and the key is not there or is another; MissingExtraError
    where cryptography is missing for that.
    """
    place = _Place(path, where or path.name, fix, None)
    with contextlib.ExitStack() as stack:
        with _reading(place):
            raw = stack.enter_context(open_plain(path))
            size = raw.seek(0, 2)
            raw.seek(0)
            encrypted, content = footer_of(raw, size, place.where)
            place = replace(place, crypto=content) if encrypted else place
        with _reading(place):
            file, lock = _open_file(place)
            stack.enter_context(file)
            leaves = leaves_of(file.schema, place.where)
            schema = file.schema_arrow
            _check_schema(schema, place.where)
            content = lock.footer if lock else content
        yield Parquet(
            schema, leaves, file, raw, content, size, place, lock.unseal if lock else None
        )


def _open_file(
    place: _Place, texts: Sequence[str] | None = None
) -> tuple[pq.ParquetFile, Lock | None]:
    """pyarrow's reader, with the key where it needs one; `texts` stay in dictionaries."""
    import pyarrow.parquet as pq

    keys: dict[str, Any] = {}
    lock = None
    if place.crypto is not None:
        from deptool.encryption import unlock

        lock = unlock(place.path, place.crypto, place.where)
        keys["decryption_properties"] = lock.properties
    file = pq.ParquetFile(
        str(place.path.absolute()),  # absolute: it cannot look like an address
        read_dictionary=texts,
        pre_buffer=True,
        page_checksum_verification=True,
        thrift_container_size_limit=THRIFT_LIST,
        thrift_string_size_limit=THRIFT_TEXT,
        **keys,
    )
    return file, lock


def read_parquet(path: Path, columns: Sequence[str] | None = None) -> pl.DataFrame:
    """All rows of a file that has no schema of ours. Raises as `opened` and `Parquet.read`."""
    with opened(path) as file:
        return frame_of(file.read(columns), path.name)


def frame_of(table: pa.Table, where: str) -> pl.DataFrame:
    """The rows for polars, without the texts beside them."""
    import polars as pl
    import pyarrow as pa

    plain = pa.schema([pa.field(field.name, field.type) for field in table.schema])
    try:
        return pl.DataFrame(pa.Table.from_arrays(table.columns, schema=plain))
    except (pa.ArrowException, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise unreadable(where) from error


def unreadable(where: str, fix: str | None = None) -> SchemaError:
    """The error where a file is not Parquet, or a damaged one."""
    return SchemaError(
        "cannot be read as Parquet (cut off, damaged, or another kind of file)",
        where=where,
        fix=fix or _AGAIN,
    )


@contextlib.contextmanager
def _reading(place: _Place) -> Iterator[None]:
    """Turn what pyarrow raises on a damaged file into SchemaError."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError, Malformed) as error:
        if place.crypto is None:
            raise unreadable(place.where, place.fix) from error
        raise SchemaError(
            "is not what was encrypted: it was changed afterwards, or is cut off",
            where=place.where,
            fix="Get this file again from whoever released the corpus.",
        ) from error


def _check_schema(schema: pa.Schema, where: str) -> None:
    """Types that tables have, and texts that are UTF-8. Raises SchemaError, UnicodeDecodeError."""
    _check_texts(schema.metadata)
    for kind in set(schema.types):
        if not _is_plain(kind) and not _is_vector(kind):
            raise refused(
                f"a column is of the type {shown(kind)}", "columns of numbers and texts", where
            )


def _check_texts(texts: Mapping[bytes, bytes] | None) -> None:
    for key, value in (texts or {}).items():
        key.decode()
        value.decode()


def _is_text(kind: pa.DataType) -> bool:
    return str(kind) in ("string", "large_string")


def _is_plain(kind: pa.DataType) -> bool:
    from pyarrow.types import is_boolean, is_floating, is_integer, is_temporal

    kinds = (is_boolean, is_floating, is_integer, is_temporal)
    return _is_text(kind) or any(is_such(kind) for is_such in kinds)


def _is_vector(kind: pa.DataType) -> bool:
    from pyarrow.types import is_fixed_size_list, is_floating

    return bool(is_fixed_size_list(kind) and is_floating(kind.value_type))
