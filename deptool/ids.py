"""Ids in a stranger's tables: a recording's becomes the name of a file, and all are printed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from deptool.errors import SchemaError
from deptool.parquet_limits import shown

if TYPE_CHECKING:
    import polars as pl

LONGEST = 200  # bytes: a file's name may have 255, and an ending is added

# What no file may be called on one system or another, or what leads out of a folder.
_SIGNS = re.compile(r'[/\\<>:"|?*\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]')
_UNPRINTED = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)


def why_no_file_name(id: str) -> str | None:
    """Why a recording cannot be called so, in words; None where it can."""
    if not id or len(id.encode("utf-8", "surrogatepass")) > LONGEST:
        return f"is empty or longer than {LONGEST} bytes"
    if _SIGNS.search(id):
        return "has a sign that no file's name may have"
    if id[0] == "." or id[-1] in ". ":
        return "begins with a dot, or ends with one or with a space"
    return "is the name of a device" if _DEVICES.fullmatch(id) else None


def why_no_id(id: str) -> str | None:
    """Why a subject or session cannot be called so, in words; None where it can."""
    if not id or len(id.encode("utf-8", "surrogatepass")) > LONGEST:
        return f"is empty or longer than {LONGEST} bytes"
    return "has a sign that cannot be printed" if _UNPRINTED.search(id) else None


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
