"""`deptool`: find the verbs, run one, turn an error into a red line and an exit code."""

from __future__ import annotations

import importlib
import inspect
import io
import pkgutil
import sys
from typing import Annotated

import typer

import deptool.cli
from deptool.errors import DeptoolError
from deptool.interrupts import sigterm_ends_in_order

# Files in this folder that are not verbs.
_NOT_VERBS = {"bars", "fitted", "main", "plain_console", "terminal"}

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Face videos to tables without pixels, depression models on them, and numbers to believe."
    "\n\nResearch software, not a diagnostic device.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"deptool {deptool.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and exit.", is_eager=True, callback=_show_version
        ),
    ] = False,
) -> None:
    del version


def _add_verbs() -> None:
    found = {m.name for m in pkgutil.iter_modules(deptool.cli.__path__)} - _NOT_VERBS
    modules = [importlib.import_module(f"deptool.cli.{name}") for name in sorted(found)]
    for module in sorted(modules, key=lambda m: m.ORDER):
        name = module.__name__.rsplit(".", 1)[1].rstrip("_").replace("_", "-")  # import_ is a word
        words = _paragraphs(module.command.__doc__ or "")
        app.command(name, help=words, rich_help_panel=module.PANEL)(module.command)


def _paragraphs(docstring: str) -> str:
    """A docstring whose paragraphs are one line each, since the terminal breaks them anew."""
    parts = inspect.cleandoc(docstring).split("\n\n")
    return "\n\n".join(" ".join(part.split()) for part in parts)


def main() -> None:
    """The console script."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without UTF-8 shows '?', not an error
    sigterm_ends_in_order()
    try:
        app()
    except DeptoolError as error:
        from deptool.cli.terminal import show_error

        show_error(error)
        sys.exit(error.exit_code)


_add_verbs()

if __name__ == "__main__":
    main()
