"""Reading and writing tables: validated at the door, deterministic bytes, never half a file."""

from __future__ import annotations

import contextlib
import json
import math
import os
import stat
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deptool.columns import Column, Table
from deptool.errors import InputError, SchemaError, UsageError
from deptool.parquet_file import frame_of, opened
from deptool.parquet_limits import is_encrypted
from deptool.plain_files import open_plain
from deptool.schema import SCHEMA_VERSION
from deptool.validate import check, check_groups, check_names, check_rows, dtype

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa


_JSON = 32 << 20  # bytes of a JSON file
_DEPTH = 32
_DIGITS = 20  # of a whole number: 64 bits and a sign
_ANY_MODE = 0o666  # of which the user's umask takes some away
_OWN_MODE = 0o600


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`; synced and renamed over it when the block succeeds.

    While it is written nobody else can read it. Then it has the mode of the file that was there, or
    of any new file. However the block ends, by Ctrl-C or by `SystemExit` too, it is gone.

    Raises InputError where the place cannot be written: no space, no right, no such disk.
    """
    # The ending stays, since writers go by it.
    temporary = path.with_name(f".{path.stem[:30]}.{uuid.uuid4().hex[:8]}.tmp{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            usual = _begin(temporary)
            yield temporary
            with temporary.open("rb+") as handle:
                os.fsync(handle.fileno())
            temporary.chmod(_mode(path, usual))
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot be written: {error.strerror or type(error).__name__}",
            where=str(path),
            fix="Make room, or get the right to write there, or choose another folder; then run the"
            " same command again: what a batch has done is kept.",
        ) from error


def _begin(temporary: Path) -> int:
    """An empty file that is its owner's alone; the mode that it would usually have."""
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _ANY_MODE)
    try:
        usual = os.fstat(handle).st_mode
    finally:
        os.close(handle)
    temporary.chmod(_OWN_MODE)
    return stat.S_IMODE(usual)


def _mode(path: Path, usual: int) -> int:
    """The mode that the file at `path` has: somebody may have closed it to others."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return usual


def write_bytes(path: Path, content: bytes) -> None:
    """Write what another process made, atomically."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text with \\n line ends, atomically."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: object) -> None:
    """Write JSON, indented, keys in the order given, atomically; a ValueError for NaN."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> dict[str, object]:
    """The object in a JSON file, which may be a stranger's. Raises SchemaError as `parse_json`."""
    try:
        with open_plain(path) as file:
            content = file.read(_JSON + 1)
    except OSError as error:
        raise SchemaError("cannot be read as JSON", where=str(path)) from error
    return parse_json(content, str(path))


def parse_json(content: str | bytes, where: str) -> dict[str, object]:
    """The object in a text, which may be a stranger's.

    Raises SchemaError where it is not a JSON object, or one that is too long or nested too deep, or
    has a key twice, a whole number of more than 64 bits, a number that is not finite or half of a
    letter.
    """
    if len(content) > _JSON:
        raise SchemaError(f"is too long for JSON: more than {_JSON >> 20} MB", where=where)
    try:
        text = content if isinstance(content, str) else content.decode("utf-8")
        value = json.loads(text, **_HOOKS)
        if "\\ud" in text or "\\uD" in text:
            json.dumps(value, ensure_ascii=False).encode()  # halves of letters cannot be printed
    except (ValueError, RecursionError) as error:
        raise SchemaError("cannot be read as JSON", where=where) from error
    if not isinstance(value, dict):
        raise SchemaError("must hold a JSON object", where=where)
    if _too_deep(value):
        raise SchemaError(f"is nested deeper than {_DEPTH} levels", where=where)
    return value


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands there twice")
    return found


def _whole(digits: str) -> int:
    if len(digits) > _DIGITS:
        raise ValueError("a whole number that is too long")
    return int(digits)


def _finite(digits: str) -> float:
    """A number; also of the words NaN, Infinity and -Infinity, which Python takes for numbers."""
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("a number that is not finite")
    return number


_HOOKS: dict[str, Any] = {
    "object_pairs_hook": _once,
    **{"parse_int": _whole, "parse_float": _finite, "parse_constant": _finite},
}


def _too_deep(value: object) -> bool:
    level = [value]
    for _ in range(_DEPTH):
        inner = [each for each in level if isinstance(each, dict | list)]
        if not inner:
            return False
        level = [v for each in inner for v in (each.values() if isinstance(each, dict) else each)]
    return True


def write_table(
    path: Path, schema: Table, frame: pl.DataFrame, metadata: Mapping[str, str] | None = None
) -> None:
    """Write `frame` as one row group of Parquet: float32, zstd, byte-stream-split, units inside.

    The same frame and metadata give the same bytes. Raises SchemaError where the frame breaks
    the schema, UsageError as `refuse_encrypted`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    refuse_encrypted(path)
    frame = _cast(frame, schema)
    check(frame, schema, path.name)
    columns = [schema.column(name) for name in frame.columns]
    fields = [_field(column) for column in columns]
    about = {"deptool.table": schema.name, "deptool.schema_version": str(SCHEMA_VERSION)}
    about.update(metadata or {})
    table = frame.to_arrow().cast(pa.schema(fields, metadata=about))
    strings = [c.name for c in columns if c.dtype == "string"]
    floats = [c.name for c in columns if c.dtype == "float32"]
    with replacing(path) as temporary:
        pq.write_table(
            table,
            temporary,
            compression="zstd",
            use_dictionary=strings,
            column_encoding=dict.fromkeys(floats, "BYTE_STREAM_SPLIT"),
            row_group_size=max(table.num_rows, 1),
            write_page_checksum=True,
        )


def refuse_encrypted(path: Path) -> None:
    """Raise UsageError where an encrypted table lies: a plain one must not take its place."""
    if path.is_file() and is_encrypted(path):
        raise UsageError(
            "is encrypted, and a plain table would take its place",
            where=path.name,
            fix="Change the corpus that it was released from, and release it again.",
        )


def read_table(path: Path, schema: Table, columns: list[str] | None = None) -> pl.DataFrame:
    """Read and check a table written by `write_table`; `columns` reads only those.

    Raises InputError where there is no such file, SchemaError where it is a folder, a pipe or a
    device, is not Parquet, has another schema version or breaks the schema, and as
    `parquet_file.opened` on an encrypted one.
    """
    if not path.is_file():
        where = f"{path.parent.name}/{path.name}"
        if path.exists():
            raise SchemaError("is no file but a folder, a pipe or a device", where=where)
        raise InputError(
            "no such table",
            where=where,
            fix="What is missing in a corpus is told by deptool check.",
        )
    with opened(path) as file:
        _check_version(file.metadata, path.name)
        check_names(file.schema.names, schema, path.name)
        check_rows(file.n_rows(), schema, path.name)
        check_groups(file.schema.names, schema, path.name)
        frame = frame_of(file.read(columns), path.name)
    check(frame, schema, path.name, partial=columns is not None)
    return frame


def read_metadata(path: Path) -> dict[str, str]:
    """The key-value metadata of a table, without its rows. Raises as `read_table`."""
    with opened(path) as file:
        return {k: v for k, v in file.metadata.items() if k.startswith("deptool.")}


def column_names(path: Path) -> list[str]:
    """The columns of a table, without its rows. Raises as `read_table`."""
    with opened(path) as file:
        return list(file.schema.names)


def _cast(frame: pl.DataFrame, schema: Table) -> pl.DataFrame:
    """Numbers of another width to the schema's width; columns in the schema's order."""
    import polars as pl

    names = {c.name for c in schema.columns}
    order = [c.name for c in schema.columns if c.name in frame.columns]
    order += [name for name in frame.columns if name not in names]
    casts = []
    types = frame.schema
    for column in schema.columns:
        if column.name in types:
            found, target = types[column.name], dtype(column)
            if found == pl.Null or (found.is_numeric() and target.is_numeric()):
                casts.append(pl.col(column.name).cast(target))
    return frame.select(order).with_columns(casts)


def _field(column: Column) -> pa.Field:
    import pyarrow as pa

    kind = {"float32": pa.float32(), "int32": pa.int32(), "string": pa.string()}[column.dtype]
    about = {"unit": column.unit, "meaning": column.meaning}
    return pa.field(column.name, kind, nullable=column.nullable, metadata=about)


def _check_version(metadata: Mapping[str, str], where: str) -> None:
    found = metadata.get("deptool.schema_version", "none")
    if found != str(SCHEMA_VERSION):
        raise SchemaError(
            f"schema version {found[:20]}, but this deptool reads version {SCHEMA_VERSION}",
            where=where,
            fix="Make it again with this deptool in another folder (--out), or use the version that"
            " made it.",
        )
