"""Text files that somebody else may have written: plain files only, of a size that can be.

A pipe would wait for ever and a device would never end, so neither is opened.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

LARGEST = 200_000_000  # bytes of a table that people write by hand


def read_text(path: Path, largest: int = LARGEST, errors: str = "strict") -> str:
    """The text of a plain file in UTF-8, without a byte order mark; lines end with \\n.

    Raises OSError where there is none, where it is a pipe, a device or a folder, or is larger than
    `largest` bytes, and UnicodeDecodeError where it is no UTF-8.
    """
    text = read_bytes(path, largest).decode("utf-8-sig", errors)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_bytes(path: Path, largest: int = LARGEST) -> bytes:
    """The bytes of a plain file. Raises OSError as `read_text`."""
    with open_plain(path) as file:
        if os.fstat(file.fileno()).st_size > largest:
            raise OSError(errno.EFBIG, f"it is larger than {largest / 1e6:g} MB")
        return file.read(largest)


def open_plain(path: Path) -> BinaryIO:
    """A plain file, opened to read bytes. Raises OSError where it is none."""
    if not stat.S_ISREG(path.stat().st_mode):  # opening one may wait, or do something
        raise OSError(errno.EINVAL, "it is no plain file")
    return path.open("rb")
