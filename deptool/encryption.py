"""Encryption at rest: Parquet modular encryption, a random key per file, wrapped under a key.

Source: Parquet Modular Encryption (apache/parquet-format, Encryption.md): every page, every header
and the footer are sealed with AES-GCM, uniformly under one 256-bit data key. The data key stands in
the file, itself sealed with AES-GCM under the key in the user's key file; what authenticates it is
the file's place in the corpus, so that two files of a corpus cannot be swapped. pyarrow asks its
"key management service" for that, which here is two functions and sends nothing anywhere.
"""

from __future__ import annotations

import base64
import importlib.util
import json
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deptool.corpus import MARKER
from deptool.errors import InputError, MissingExtraError, SchemaError, UsageError
from deptool.key_file import Key, read_key
from deptool.parquet_file import Parquet, opened
from deptool.parquet_headers import BYTE_STREAM_SPLIT
from deptool.parquet_limits import ENCRYPTED, Unseal, is_encrypted, shown
from deptool.tables import read_json, replacing
from deptool.thrift import Malformed, read_struct

if TYPE_CHECKING:
    import pyarrow.parquet as pq

VARIABLE = "DEPTOOL_KEY_FILE"
_NONCE = 12  # bytes, NIST SP 800-38D, section 8.2
_DATA_KEY = 256  # bits
_MATERIAL = 2000  # bytes of the key's place in a file; deptool's has about 300
# What stands there beside the two that say which key it is.
_SAID = {
    **{"keyMaterialType": "PKMT1", "internalStorage": True, "isFooterKey": True},
    **{"kmsInstanceID": "DEFAULT", "kmsInstanceURL": "DEFAULT", "doubleWrapping": False},
}
# Encryption.md, 4.4.2: what kind of module bytes are.
_FOOTER, _PAGE_HEADER, _DICTIONARY_HEADER = 0, 4, 5


def encrypt_tables(root: Path, key: Key) -> int:
    """Encrypt every Parquet file below a corpus folder under `key`, each in place and atomically.

    Rows, texts beside them, encodings and row groups stay. Returns how many files were encrypted;
    one that is encrypted under this key already stays as it is, so that a killed run can be run
    again. Raises UsageError where `key` is the one that pseudonyms were made with,
    MissingExtraError without cryptography, SchemaError where a file cannot be read, InputError
    where one is encrypted under another key or cannot be written.
    """
    require_cryptography()
    release = read_json(root / MARKER).get("release")
    if isinstance(release, dict) and release.get("key_id") == key.id:
        raise UsageError(
            "a release must not be encrypted under the key of its pseudonyms: whoever may read it"
            " could then link it to the persons",
            fix="Make another key: deptool key new FILE",
        )
    n = 0
    for path in sorted(root.rglob("*.parquet")):
        place = path.relative_to(root).as_posix()
        if not path.is_file() or path.name.startswith("."):
            continue
        if is_encrypted(path):
            data_key(path, key)
            continue
        with opened(path, place) as plain, replacing(path) as temporary:
            _encrypt(plain, temporary, key, place)
        n += 1
    return n


def data_key(path: Path, key: Key) -> bytes:
    """The 256-bit key of one encrypted file, for other readers (polars: `decryption`).

    Raises InputError where it was encrypted under another key, SchemaError where it is not as it
    was encrypted, or not where it was.
    """
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - 8, 0))
        tail = file.read(8)
        length = int.from_bytes(tail[:4], "little")
        if tail[4:] != ENCRYPTED or length > size - 12:
            raise SchemaError("is not encrypted, or is cut off", where=path.name)
        file.seek(size - 8 - length)
        crypto = file.read(min(length, 2 * _MATERIAL))
    return _unwrap(path, crypto, path.name, key)[0]


@dataclass(frozen=True)
class Lock:
    """An open lock: what pyarrow decrypts with, the footer in plain, what decrypts headers."""

    properties: pq.FileDecryptionProperties = field(repr=False)
    footer: bytes = field(repr=False)
    unseal: Unseal = field(repr=False)


def unlock(path: Path, crypto: bytes, where: str) -> Lock:
    """Open a file's lock.

    `crypto` is its footer. The key is in the file that DEPTOOL_KEY_FILE names. Raises InputError
    where that is not said, or the key is another; SchemaError as `data_key`.
    """
    name = os.environ.get(VARIABLE)
    if not name:
        raise InputError(
            "is encrypted, and no key file is named",
            where=where,
            fix=f"Put the path of its key file into the environment: export {VARIABLE}=FILE",
        )
    require_cryptography()
    secret, unique, at = _unwrap(path, crypto, where, read_key(Path(name)))
    footer = _opened(secret, crypto[at:], unique + bytes([_FOOTER]))
    return Lock(_decryption(secret), footer, _unsealing(secret, unique))


def require_cryptography() -> None:
    """Raise MissingExtraError where cryptography is not installed."""
    if importlib.util.find_spec("cryptography") is None:
        raise MissingExtraError(
            "encrypted tables need cryptography, which is not installed",
            fix="pip install 'deptool[encryption]'",
        )


def _encrypt(plain: Parquet, path: Path, key: Key, place: str) -> None:
    """Write the rows of an open file again, encrypted."""
    import pyarrow.parquet as pq

    groups = plain.footer().groups
    first = groups[0].chunks if groups else {}
    chunks = {plain.leaves[k].path: chunk for k, chunk in first.items()}
    split = [name for name, chunk in chunks.items() if BYTE_STREAM_SPLIT in chunk.encodings]
    table = plain.read()
    writer = pq.ParquetWriter(
        path,
        plain.schema,
        compression="zstd",
        use_dictionary=[name for name, c in chunks.items() if c.dictionary_at is not None],
        column_encoding=dict.fromkeys(split, "BYTE_STREAM_SPLIT"),
        write_page_checksum=True,
        encryption_properties=_encryption(key, place),
    )
    start = 0
    with writer:
        for group in groups:
            # As one row group, also where it has no rows.
            writer.write_table(table.slice(start, group.rows), row_group_size=max(group.rows, 1))
            start += group.rows


def _encryption(key: Key, place: str) -> pq.FileEncryptionProperties:
    """How pyarrow encrypts one file; the data key is made by it, from the system's random bytes."""
    from pyarrow.parquet import encryption

    factory = encryption.CryptoFactory(_service(wrap=lambda secret: _wrap(secret, key, place)))
    how = encryption.EncryptionConfiguration(
        footer_key=key.id,
        uniform_encryption=True,
        encryption_algorithm="AES_GCM_V1",
        plaintext_footer=False,
        double_wrapping=False,
        internal_key_material=True,
        data_key_length_bits=_DATA_KEY,
    )
    return factory.file_encryption_properties(encryption.KmsConnectionConfig(), how)


def _decryption(secret: bytes) -> pq.FileDecryptionProperties:
    """How pyarrow decrypts a file whose data key is known: it asks for no other."""
    from pyarrow.parquet import encryption

    factory = encryption.CryptoFactory(_service(unwrap=lambda _wrapped: secret))
    return factory.file_decryption_properties(encryption.KmsConnectionConfig())


def _service(
    wrap: Callable[[bytes], bytes] | None = None, unwrap: Callable[[bytes], bytes] | None = None
) -> Callable[[object], Any]:
    """What pyarrow takes for a key management service: it stays in this process."""
    from pyarrow.parquet import encryption

    class Service(encryption.KmsClient):  # type: ignore[misc]
        def wrap_key(self, key_bytes: bytes, _key_id: str) -> bytes:
            if wrap is None:
                raise ValueError("nothing is encrypted here")
            return wrap(key_bytes)

        def unwrap_key(self, wrapped_key: bytes, _key_id: str) -> bytes:
            if unwrap is None:
                raise ValueError("nothing is decrypted here")
            return unwrap(wrapped_key)

    return lambda _config: Service()


def _wrap(secret: bytes, key: Key, place: str) -> bytes:
    """A data key sealed under the user's: nonce, AES-256-GCM and its tag, in base 64."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(_NONCE)
    return base64.b64encode(nonce + AESGCM(key.secret).encrypt(nonce, secret, place.encode()))


def _unwrap(path: Path, crypto: bytes, where: str, key: Key) -> tuple[bytes, bytes, int]:
    """The data key of a file, the random bytes that authenticate its modules, where they begin."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    key_id, wrapped, unique, at = _material(crypto, where)
    if key_id != key.id:
        raise InputError(
            f"was encrypted under another key: {shown(key_id)}, not {key.id}",
            where=where,
            fix=f"Name the key file that came with this corpus: export {VARIABLE}=FILE",
        )
    try:
        secret = AESGCM(key.secret).decrypt(wrapped[:_NONCE], wrapped[_NONCE:], _place(path))
    except (InvalidTag, ValueError) as error:
        raise SchemaError(
            "is not what was encrypted: it was changed, or it is not where it was in its corpus",
            where=where,
            fix="Get this file again from whoever released the corpus.",
        ) from error
    return secret, unique, at


def _material(crypto: bytes, where: str) -> tuple[str, bytes, bytes, int]:
    """Key id, sealed data key and random bytes of a file, and where they end in its footer.

    It is read here, with bounds, before pyarrow does: its reader of JSON recurses without any.
    """
    try:
        found, end = read_struct(crypto[: 2 * _MATERIAL])
        algorithm, material = found[1], found[2]
        if not isinstance(algorithm, dict) or not isinstance(material, bytes):
            raise Malformed("no key")
        gcm = algorithm[1]
        if not isinstance(gcm, dict) or len(material) > _MATERIAL or material.count(b"{") != 1:
            raise Malformed("not AES-GCM-V1, or another kind of key material")
        prefix, unique = gcm.get(1, b""), gcm[2]
        said = json.loads(material)
        key_id, wrapped = said["masterKeyID"], base64.b64decode(said["wrappedDEK"], validate=True)
        if not (
            isinstance(prefix, bytes) and isinstance(unique, bytes) and isinstance(key_id, str)
        ):
            raise Malformed("no key")
        # Most of it nobody reads, but a byte that is changed shall be noticed wherever it is.
        others = {name: said[name] for name in said.keys() - {"masterKeyID", "wrappedDEK"}}
        if others != _SAID:
            raise Malformed("a key that is wrapped twice, or by some service")
    except (Malformed, KeyError, ValueError, TypeError, RecursionError) as error:
        raise SchemaError(
            "is encrypted, but not by deptool, or it is damaged",
            where=where,
            fix="Decrypt it with the tool that encrypted it, or get it again.",
        ) from error
    return key_id, wrapped, prefix + unique, end


def _place(path: Path) -> bytes:
    """Where a file lies in its corpus: 'frames/ID.parquet', for instance."""
    whole = path.absolute()
    for folder in whole.parents[:3]:  # embeddings/NAME/ID.parquet lies deepest
        if (folder / MARKER).is_file():
            return whole.relative_to(folder).as_posix().encode()
    return whole.name.encode()


def _unsealing(secret: bytes, unique: bytes) -> Unseal:
    """What decrypts the headers of pages; what authenticates them is their place in the file."""

    def unseal(module: bytes, dictionary: bool, group: int, column: int, page: int) -> bytes:
        kind = _DICTIONARY_HEADER if dictionary else _PAGE_HEADER
        place = struct.pack("<hh", group, column) + (b"" if dictionary else struct.pack("<h", page))
        return _opened(secret, module, unique + bytes([kind]) + place)

    return unseal


def _opened(secret: bytes, module: bytes, said: bytes) -> bytes:
    """A module in plain: length, nonce, AES-GCM, tag (Encryption.md, 4.4.1, 4.4.2 and 5.1)."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if int.from_bytes(module[:4], "little") != len(module) - 4:
        raise Malformed("a module that is cut off")
    try:
        return AESGCM(secret).decrypt(module[4 : 4 + _NONCE], module[4 + _NONCE :], said)
    except (InvalidTag, ValueError) as error:
        raise Malformed("a module that was changed") from error
