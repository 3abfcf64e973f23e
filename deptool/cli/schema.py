"""`deptool schema`: what is in the tables, and the files generated from it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

PANEL = "Reference"
ORDER = 90


def command(
    table: Annotated[
        str | None, typer.Argument(help="Print the JSON Schema of this table, or of corpus.")
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Write schemas/*.json and docs/tables.md.")
    ] = False,
    into: Annotated[
        Path, typer.Option(help="With --write: the checkout.", file_okay=False)
    ] = Path(),
    json: Annotated[
        bool, typer.Option("--json", help="Print the JSON Schemas of all tables.")
    ] = False,
) -> None:
    """Show the tables, their columns, units and ranges.

    Example: deptool schema frames
    """
    from deptool.cli.terminal import say, show_json
    from deptool.errors import UsageError, suggest
    from deptool.schema import TABLES
    from deptool.schema_docs import corpus_schema, json_schema, write_documents

    if write and (table or json):
        raise UsageError("--write writes all tables; give it without a table and without --json")
    schemas = {name: json_schema(t) for name, t in TABLES.items()} | {"corpus": corpus_schema()}
    if write:
        changed = write_documents(into)
        say("\n".join(f"Written: {path}" for path in changed) or "All is up to date.")
    elif table:
        if table not in schemas:
            raise UsageError(f"no table named {table!r}", fix=suggest(table, list(schemas)))
        show_json(schemas[table])
    elif json:
        show_json(schemas)
    else:
        _show()


def _show() -> None:
    from deptool.cli.terminal import say, show_table
    from deptool.schema import SCHEMA_VERSION, TABLES

    rows = [(t.name, len(t.columns), ", ".join(t.optional) or "", t.title) for t in TABLES.values()]
    show_table(
        f"Tables, schema version {SCHEMA_VERSION}",
        ("table", "columns", "optional groups", "what a row is"),
        rows,
        left=4,
    )
    say("The columns of one: deptool schema TABLE. All of them: docs/tables.md")
