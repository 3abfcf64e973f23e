"""A new file that is its owner's alone: a key, a link table."""

from __future__ import annotations

import os
from pathlib import Path

from deptool.errors import InputError, UsageError

MODE = 0o600


def write_private(path: Path, text: str, *, there: str, fix: str) -> None:
    """Write a file that is not there yet; where that fails nothing of it is left.

    Raises UsageError in the words `there` and `fix` where a file is there already, and InputError
    where it cannot be written.
    """
    try:
        # O_EXCL: never over a file that somebody may need.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                os.fchmod(handle, MODE)  # whatever the umask
                file.write(text)
                file.flush()
                os.fsync(handle)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    except FileExistsError as error:
        raise UsageError(there, where=str(path), fix=fix) from error
    except FileNotFoundError as error:
        raise no_folder(path) from error
    except OSError as error:
        raise InputError(
            f"cannot be written: {error.strerror or type(error).__name__}",
            where=str(path),
            fix="Make room, or get the right to write there, or name another file.",
        ) from error


def no_folder(path: Path) -> InputError:
    """That the folder of a file is not there."""
    return InputError("no such folder", where=str(path.parent), fix="Make it, or name another.")
