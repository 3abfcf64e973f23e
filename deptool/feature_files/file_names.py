"""Who and what a recording is, out of its file's name: a regular expression with named groups."""

from __future__ import annotations

import re
from collections.abc import Sequence
from re import _parser  # type: ignore[attr-defined]
from typing import Any

_LONGEST = 500  # letters of an expression
_FEW = 8  # times that something may be repeated before it counts as open


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
    if len(text) > _LONGEST or _repeats_within(_parser.parse(text), inside=False):
        raise ValueError(
            "names repeats what itself repeats or has alternatives, as in (a+)+: on some names of"
            " files that would never end"
        )
    return found


def _repeats_within(part: Any, inside: bool) -> bool:
    """Whether an open repeat holds another one, or alternatives: then time may grow without end.

    part: what Python's own reader of expressions makes of one.
    """
    for kind, what in part:
        name = str(kind)
        again = inside
        if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            again = what[1] > _FEW
            if inside and again:
                return True
        if name == "BRANCH" and inside:
            return True
        if any(_repeats_within(each, inside or again) for each in _parts(what)):
            return True
    return False


def _parts(what: Any) -> list[Any]:
    """The expressions within one item of an expression."""
    if isinstance(what, _parser.SubPattern):
        return [what]
    if isinstance(what, list | tuple):
        return [part for each in what for part in _parts(each)]
    return []


def about(text: str, path: str) -> dict[str, str]:
    """What the groups of the expression find in a path; empty where it does not fit."""
    found = re.search(text, path)
    return {name: value for name, value in found.groupdict().items() if value} if found else {}
