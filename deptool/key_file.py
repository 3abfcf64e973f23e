"""Keys: 32 random bytes in a file of their own, outside everything that is shared.

A key file holds one line, `deptool-key-1:` and 64 hexadecimal digits, and only its owner may read
it. What is released can be linked to the persons by whoever has the key, so it must not lie where a
corpus is copied from or where a repository is pushed from.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path

from deptool.corpus import MARKER
from deptool.errors import InputError, UsageError
from deptool.plain_files import read_bytes
from deptool.private_file import write_private

_LENGTH = 32  # bytes: as long as SHA-256's output (RFC 2104, section 3)
_PREFIX = "deptool-key-1:"
_LINE = re.compile(rf"{_PREFIX}([0-9a-f]{{{2 * _LENGTH}}})\r?\n?")
# A new key is of no use for what is released or encrypted already.
_FIX = (
    "Name the key that was used before; only for a release that is not made yet make one: deptool"
    " key new FILE"
)
_LONGEST = 200  # bytes of a file that may be a key


@dataclass(frozen=True)
class Key:
    """A secret. Its bytes are in no `repr`."""

    secret: bytes = field(repr=False)

    @property
    def id(self) -> str:
        """16 hexadecimal digits that say which key it is, and nothing of it (HMAC-SHA-256)."""
        return hmac.new(self.secret, b"deptool key id", hashlib.sha256).hexdigest()[:16]


def new_key(path: Path) -> Key:
    """Make a key and write it, readable by its owner alone.

    Raises UsageError where a file is there already, and where the place is in a corpus or in a git
    checkout; InputError where it cannot be written.
    """
    require_outside(path, "a key")
    key = Key(secrets.token_bytes(_LENGTH))
    write_private(
        path,
        f"{_PREFIX}{key.secret.hex()}\n",
        there="is there already, and a key that is overwritten is lost",
        fix="Name another file.",
    )
    return key


def read_key(path: Path) -> Key:
    """The key in a file.

    Raises InputError where there is no such file or it holds no key, UsageError where others may
    read it, or where it lies in a corpus or in a git checkout.
    """
    try:
        text = read_bytes(path, _LONGEST).decode("ascii")
        mode = stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError as error:
        raise InputError("no such key file", where=str(path), fix=_FIX) from error
    except (OSError, UnicodeDecodeError) as error:
        raise _no_key(path) from error
    found = _LINE.fullmatch(text)
    if not found:
        raise _no_key(path)
    if mode & 0o077:
        raise UsageError(
            f"others than its owner may use this key (mode {mode:04o})",
            where=str(path),
            fix=f"chmod 600 {path}",
        )
    require_outside(path, "a key")
    return Key(bytes.fromhex(found[1]))


def _no_key(path: Path) -> InputError:
    return InputError("is no key file of deptool", where=str(path), fix=_FIX)


def require_outside(path: Path, thing: str) -> None:
    """Raise UsageError where a parent folder is a corpus or a git checkout; `thing` is a key."""
    # A link to a key is as bad as the key: copied along, it may become one.
    folders = dict.fromkeys([*path.absolute().parents, *path.resolve().parents])
    for folder in folders:
        for sign, what in ((MARKER, "a corpus"), (".git", "a git checkout")):
            if (folder / sign).exists():
                raise UsageError(
                    f"{thing} must not lie in {what}, with which it would be shared",
                    where=str(path),
                    fix=f"Choose a place outside {folder}, such as your home folder.",
                )
