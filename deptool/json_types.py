"""Is a value that was read from JSON of a type: texts, numbers, lists, objects with known keys?

Types are those of the language: `list[str]`, `dict[str, int | None]`, a TypedDict. A whole number
is a number, true and false are none.
"""

from __future__ import annotations

import types
import typing
from typing import Any

_WORDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
_WORDS |= {types.NoneType: "null", list: "a list", dict: "an object"}
_SHOWN = 40  # letters of a key that an error repeats


def mismatch(value: object, hint: Any, at: str) -> str | None:
    """Where a value is not of the type `hint`, in words; None where it is.

    `at` is what it is called, '' for a whole file: "folds['0'].train is not an object".
    """
    origin = typing.get_origin(hint)
    if hint is object:
        return None
    if origin in (types.UnionType, typing.Union):
        options = typing.get_args(hint)
        found = [mismatch(value, option, at) for option in options]
        return None if None in found else f"{at} is not {' or '.join(map(_words, options))}"
    if not _is_plainly(value, _plain(hint)):
        return f"{at} is not {_words(hint)}"
    return next((found for found in _inner(value, hint, at) if found), None)


def _inner(value: Any, hint: Any, at: str) -> typing.Iterator[str | None]:
    """What is wrong in a list or an object, one for each element."""
    if typing.is_typeddict(hint):
        known = typing.get_type_hints(hint)
        for name in sorted(hint.__required_keys__ - value.keys()):
            yield f"{at or 'it'} lacks {name!r}"
        for name in known.keys() & value.keys():
            yield mismatch(value[name], known[name], f"{at}.{name}".lstrip("."))
    elif typing.get_args(hint):
        *_, inner = typing.get_args(hint)
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for name, each in pairs:
            yield mismatch(each, inner, f"{at}[{str(name)[:_SHOWN]!r}]")


def _is_plainly(value: object, kind: type) -> bool:
    if kind is float:
        return type(value) in (int, float)
    return type(value) is kind


def _plain(hint: Any) -> type:
    plain: type = dict if typing.is_typeddict(hint) else typing.get_origin(hint) or hint
    return plain


def _words(hint: Any) -> str:
    return _WORDS[_plain(hint)]
