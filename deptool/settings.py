"""Settings: frozen dataclasses, filled from defaults, a TOML file and `key=value` words.

A settings file may come from somebody else, so it cannot name a file or folder: a setting that is
a path is given by the user alone, as a word.
"""

from __future__ import annotations

import dataclasses
import json
import tomllib
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from deptool.errors import SettingsError, suggest
from deptool.plain_files import read_text

S = TypeVar("S")

_LARGEST = 1_000_000  # bytes of a settings file
_LARGEST_INT = 10**300  # beyond it, a whole number is no float, and cannot be written out
_SHOWN = 80  # letters of a value that an error repeats


def resolve(
    cls: type[S], *layers: Mapping[str, object], words: Sequence[str] = (), where: str = "settings"
) -> S:
    """One settings object: the class's defaults, overlaid by each layer, then by `key=value` words.

    Raises SettingsError for an unknown key (with the nearest known one), for a value of the
    wrong type, for a path that is not given in `words`, and for what the class itself refuses (a
    ValueError from `__post_init__`).
    """
    values: dict[str, object] = {}
    for layer in layers:
        values.update(layer)
    said = dict(_split(word) for word in words)
    values.update(said)
    hints = typing.get_type_hints(cls)
    known = [f.name for f in dataclasses.fields(cls)]  # type: ignore[arg-type]
    unknown = [key for key in values if key not in known]
    if unknown:
        raise SettingsError(
            f"unknown setting {unknown[0]!r}", where=where, fix=suggest(unknown[0], known)
        )
    typed = {
        key: _convert(key, value, hints[key], where, parse=key in said)
        for key, value in values.items()
    }
    try:
        return cls(**typed)
    except ValueError as error:
        raise SettingsError(str(error), where=where) from error


def read_toml(path: Path) -> dict[str, object]:
    """The keys of a TOML file. Raises SettingsError where it is missing or not TOML."""
    try:
        return tomllib.loads(read_text(path, _LARGEST))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SettingsError(f"cannot be read: {reason}", where=path.name) from error
    except RecursionError as error:
        raise SettingsError("is nested too deeply", where=path.name) from error
    except ValueError as error:  # not TOML, not UTF-8, or a number of thousands of digits
        raise SettingsError(f"is not valid TOML: {error}", where=path.name) from error


def _split(word: str) -> tuple[str, object]:
    key, equals, value = word.partition("=")
    if not equals:
        raise SettingsError(f"{word!r} is not of the form key=value", where="--set")
    return key.strip().replace("-", "_"), value.strip()


def _convert(key: str, value: object, hint: Any, where: str, parse: bool) -> object:
    """`value` as the type that the dataclass declares; with `parse` a text is read as it."""
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if type(None) in options and (value is None or (parse and value == "none")):
        return None
    for option in options:
        if typing.get_origin(option) is typing.Literal:
            if value in typing.get_args(option):
                return value
            known = [str(a) for a in typing.get_args(option)]
            fix = suggest(value[:_SHOWN], known) if isinstance(value, str) else suggest("", known)
            raise SettingsError(f"{key} cannot be {_shown(value, repr)}", where=where, fix=fix)
        if (
            parse
            and option is bool
            and isinstance(value, str)
            and value.lower() in ("true", "false")
        ):
            return value.lower() == "true"
        if parse and option in (int, float) and isinstance(value, str):
            try:
                return option(value)
            except ValueError:
                continue
        if option is float and type(value) is int and abs(value) < _LARGEST_INT:
            return float(value)
        plain = typing.get_origin(option) or option
        if isinstance(plain, type) and type(value) is plain:
            return value
        if plain is Path and (isinstance(value, Path) or parse):
            return Path(str(value))
        if plain is Path and isinstance(value, str):
            raise SettingsError(
                f"{key} = {_shown(value, json.dumps)} names a file or folder, which a settings file"
                " may not: it could be somebody else's",
                where=where,
                fix=f"Give it yourself, if it is right: --set {key}=…",
            )
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
    expected = " or ".join(names.get(o, "none" if o is type(None) else str(o)) for o in options)
    shown = _shown(value, json.dumps if isinstance(value, (str, int, float, bool)) else repr)
    raise SettingsError(f"{key} must be {expected}, not {shown}", where=where)


def _shown(value: object, write: Callable[[Any], str]) -> str:
    """A value as an error repeats it: what is long is cut."""
    if type(value) is int and abs(value) >= _LARGEST_INT:
        return "a number of many digits"
    text = write(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
