"""The errors a user can meet, one class per family, each with its exit code.

=====================  ====  =====================================================
class                  exit  meaning
=====================  ====  =====================================================
DeptoolError              1  base class, never raised itself
UsageError                2  a command or an option that makes no sense as given
SettingsError             3  a setting that is unknown, of the wrong type or out of range
InputError                4  a file or folder that is missing, unreadable or empty;
                             also the exit code of a batch in which any item failed
SchemaError               5  a table that breaks its schema, or of another schema version
MissingExtraError         6  a feature whose optional packages or files of weights
                             are not there
DataError                 7  data that contradict themselves, or leak between splits
TrainingError             8  a training run that cannot go on
=====================  ====  =====================================================

Every error says what was wrong, where, and what to do. The library raises and never
prints; the command line turns an error into one red line and the exit code.
"""

from __future__ import annotations


class DeptoolError(Exception):
    """What was wrong (`what`), where it was found (`where`), what to do (`fix`)."""

    exit_code = 1

    def __init__(self, what: str, *, where: str | None = None, fix: str | None = None) -> None:
        self.what = what
        self.where = where
        self.fix = fix
        super().__init__(what, where, fix)

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions with keyword arguments do not pickle by themselves, and workers send theirs.
        return _rebuild, (type(self), self.what, self.where, self.fix)

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}\n{self.fix}" if self.fix else text


def _rebuild(
    cls: type[DeptoolError], what: str, where: str | None, fix: str | None
) -> DeptoolError:
    return cls(what, where=where, fix=fix)


class UsageError(DeptoolError):
    """A command or an option that makes no sense as given."""

    exit_code = 2


class SettingsError(DeptoolError):
    """A setting that is unknown, of the wrong type or out of range."""

    exit_code = 3


class InputError(DeptoolError):
    """A file or folder that is missing, unreadable or empty."""

    exit_code = 4


class SchemaError(DeptoolError):
    """A table that breaks its schema, or was written under another schema version."""

    exit_code = 5


class MissingExtraError(DeptoolError):
    """A feature whose optional packages or files of weights are not there."""

    exit_code = 6


class DataError(DeptoolError):
    """Data that contradict themselves, or persons who appear on both sides of a split."""

    exit_code = 7


class TrainingError(DeptoolError):
    """A training run that cannot go on."""

    exit_code = 8


def suggest(word: str, known: list[str]) -> str:
    """A sentence that offers the nearest known word, or lists what there is."""
    import difflib

    if not known:
        return "There is nothing to choose here."
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    if near:
        return f"Did you mean {near[0]!r}? Known: {', '.join(known)}."
    return f"Known: {', '.join(known)}."
