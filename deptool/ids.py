"""Ids in a stranger's tables: a recording's becomes the name of a file, and all are printed."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from deptool.errors import SchemaError
from deptool.parquet_limits import shown

if TYPE_CHECKING:
    import polars as pl

LONGEST = 200  # bytes: a file's name may have 255, and an ending is added

# What no file may be called on one system or another, or what leads out of a folder.
_SIGNS = re.compile(r'[/\\<>:"|?*\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]')
_UNPRINTED = "has a sign that cannot be printed"
# Unicode's control letters, halves of letters and separators of lines, and "format": what has no
# width or turns the direction of writing, with which two ids look like one.
_HIDDEN = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)


def why_no_file_name(id: str) -> str | None:
    """Why a recording cannot be called so, in words; None where it can."""
    if not id or len(id.encode("utf-8", "surrogatepass")) > LONGEST:
        return f"is empty or longer than {LONGEST} bytes"
    if _SIGNS.search(id):
        return "has a sign that no file's name may have"
    if _is_hidden(id):
        return _UNPRINTED
    if id[0] == "." or id[-1] in ". ":
        return "begins with a dot, or ends with one or with a space"
    return "is the name of a device" if _DEVICES.fullmatch(id) else None


def why_no_id(id: str) -> str | None:
    """Why a subject or session cannot be called so, in words; None where it can."""
    if not id or len(id.encode("utf-8", "surrogatepass")) > LONGEST:
        return f"is empty or longer than {LONGEST} bytes"
    return _UNPRINTED if _is_hidden(id) else None


def _is_hidden(id: str) -> bool:
    """Whether a sign of it is not to be seen; spaces of all kinds are."""
    return not id.isprintable() and any(unicodedata.category(sign) in _HIDDEN for sign in id)


def check_ids(frame: pl.DataFrame, where: str) -> None:
    """Raise SchemaError at the first id that cannot be one, before any path is made of it."""
    for name, why in (
        *(("recording_id", why_no_file_name), ("subject_id", why_no_id)),
        ("session_id", why_no_id),
    ):
        if name not in frame.columns:
            continue
        for id in frame[name].drop_nulls().unique(maintain_order=True):
            if (found := why(id)) is not None:
                raise SchemaError(
                    f"the id {shown(id)} {found}",
                    where=f"{where}, column {name}",
                    fix="Ids are letters, digits, '-', '_' and '.': rename it in the source.",
                )
