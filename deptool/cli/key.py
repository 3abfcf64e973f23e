"""`deptool key`: secret keys, for pseudonyms and for encryption."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

PANEL = "Privacy"
ORDER = 70


class Action(StrEnum):
    """What to do."""

    new = "new"
    id = "id"


def command(
    action: Annotated[Action, typer.Argument(help="new makes a key; id says which one it is.")],
    file: Annotated[Path, typer.Argument(help="The key file, outside every corpus and checkout.")],
) -> None:
    """Make a secret key, or say which one a file holds.

    A key is 32 random bytes, in a file that its owner alone may read. Pseudonyms of a release are
    made with one: keep it, for without it the release cannot be linked to its corpus again, and
    keep it apart, for with it anybody can.

    Example: deptool key new ~/keys/study.key
    """
    from deptool.cli import terminal
    from deptool.key_file import new_key, read_key

    if action is Action.id:
        terminal.write(read_key(file).id)
        return
    key = new_key(file)
    terminal.say(
        f"Wrote a new key (id {key.id}) to {file}. Keep a copy of it in a safe place, apart from"
        " the data."
    )
