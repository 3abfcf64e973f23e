"""Who and what a recording is, out of its file's name: a regular expression with named groups."""

from __future__ import annotations

import re
from collections.abc import Sequence


def pattern(text: str, known: Sequence[str]) -> re.Pattern[str]:
    """The expression. Raises ValueError where it is none, or its groups are not of those known."""
    listed = ", ".join(f"(?P<{name}>…)" for name in known)
    try:
        found = re.compile(text)
    except re.error as error:
        raise ValueError(f"names is no regular expression: {error}") from error
    unknown = [name for name in found.groupindex if name not in known]
    if unknown:
        raise ValueError(f"names has a group {unknown[0]!r}; known are {listed}")
    if not found.groupindex:
        raise ValueError(f"names has no group; known are {listed}")
    return found


def about(text: str, path: str) -> dict[str, str]:
    """What the groups of the expression find in a path; empty where it does not fit."""
    found = re.search(text, path)
    return {name: value for name, value in found.groupdict().items() if value} if found else {}
