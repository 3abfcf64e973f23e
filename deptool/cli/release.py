"""`deptool release`: a reduced copy of a corpus, to be shared deliberately."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from deptool.audit_result import Audit
    from deptool.release import Released

PANEL = "Privacy"
ORDER = 71


def command(
    corpus: Annotated[Path, typer.Argument(help="The corpus folder; it stays as it is.")],
    out: Annotated[Path, typer.Argument(help="A new folder for the release.")],
    level: Annotated[
        str,
        typer.Option(help="What is left: shape, dynamics or summary; see deptool list levels."),
    ],
    key_file: Annotated[
        Path, typer.Option(help="The key of the pseudonyms; made by deptool key new.")
    ],
    set: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE", help="A setting, as in fps=3, au=0.5, window_s=30; repeatable."
        ),
    ] = None,
    k_same: Annotated[
        int | None,
        typer.Option(metavar="K", min=2, help="Give K persons at least the same resting levels."),
    ] = None,
    keep_attributes: Annotated[
        bool,
        typer.Option("--keep-attributes", help="Release gender, and age in steps of 10 years."),
    ] = False,
    name: Annotated[
        str | None, typer.Option(help="The release's name; that of its folder unless given.")
    ] = None,
    encrypt_with: Annotated[
        Path | None,
        typer.Option(metavar="KEY", help="Encrypt the tables under this other key."),
    ] = None,
    audit: Annotated[
        bool, typer.Option("--audit/--no-audit", help="Audit the release against its corpus.")
    ] = True,
    utility: Annotated[
        str, typer.Option(help="The model that the audit trains on both, or none.")
    ] = "ridge",
    links: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write which id became which pseudonym, outside the release."
        ),
    ] = None,
    published: Annotated[
        str | None,
        typer.Option(
            metavar="DAY",
            help="The day for Croissant and RO-Crate, as in 2026-01-31; none unless given.",
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print what was done as JSON.")] = False,
) -> None:
    """Make a reduced copy of a corpus, to be shared, with what a data steward asks for.

    Ids become pseudonyms under a secret key, clocks start at 0, and file facts, face boxes,
    embeddings and other faces are left out. `shape` keeps landmarks as they move on a canonical
    face; `dynamics` only action units, head pose and gaze; `summary` only functionals of windows.
    The risk that a person is recognised is reduced, not gone: `deptool audit` measures it.

    Example: deptool release corpus/ release/ --level dynamics --key-file ~/keys/study.key
    """
    from deptool.cli import terminal
    from deptool.key_file import read_key
    from deptool.release import release_corpus, settings_of

    settings = settings_of(
        level, tuple(set or ()), k_same=k_same, keep_attributes=keep_attributes, name=name
    )
    key = read_key(key_file)
    other = read_key(encrypt_with) if encrypt_with else None
    bar, show = _bar()
    try:
        released = release_corpus(
            corpus,
            out,
            settings,
            key,
            audited=audit,
            utility=utility,
            encrypt_with=other,
            links=links,
            published=published,
            on_progress=show,
        )
    except KeyboardInterrupt:
        bar.stop()
        terminal.say("Interrupted. Nothing was released.")
        raise typer.Exit(130) from None
    finally:
        if bar.live.is_started:
            bar.stop()
    if json:
        terminal.show_json(_as_json(released))
    elif released.audit:
        _show(released.audit)
    _tell(released)


def _bar() -> tuple[Bar, Callable[[str, int, int], None]]:
    """A bar, and what moves it; a new line for each thing that is done."""
    from deptool.cli import terminal

    bar = terminal.progress()
    tasks: dict[str, object] = {}

    def show(what: str, done: int, of: int) -> None:
        bar.start()
        if what not in tasks:
            tasks[what] = bar.add_task(what, total=of)
        bar.update(tasks[what], total=of, completed=done)  # type: ignore[arg-type]

    return bar, show


def _show(audit: Audit) -> None:
    """What the audit found, in short; `deptool audit` and audit.html have all of it."""
    from deptool.audit_sheets import sheets
    from deptool.audit_words import findings
    from deptool.cli.terminal import page, show_sheet

    console = page()
    for sheet in sheets(audit)[:1]:
        show_sheet(sheet, console)
    for text in findings(audit):
        console.print(text, markup=False)


def _as_json(released: Released) -> dict[str, object]:
    written = released.written
    return {
        "name": released.corpus.name,
        "n_recordings": written.n_recordings,
        "n_persons": written.n_persons,
        "feature_set": released.corpus.feature_set,
        "n_other_files_left_out": written.other_files,
        "tasks": list(written.tasks),
        "encrypted": released.encrypted,
        "release": released.corpus.about["release"],
        "audit": released.audit and released.audit.as_object(),
        "audit_why": released.audit_why,
    }


def _tell(released: Released) -> None:
    from deptool.cli import terminal
    from deptool.release_folder import left_by_killed

    written = released.written
    persons = (
        f" of {terminal.count(written.n_persons, 'known person')}" if written.n_persons else ""
    )
    terminal.say(
        f"Released {terminal.count(written.n_recordings, 'recording')}{persons} to"
        f" {released.corpus.root}, feature set {released.corpus.feature_set}."
    )
    left_out = [f"{what} ({n})" for what, n in written.left_out.items()]
    left_out += [f"other files and folders ({written.other_files})"] * bool(written.other_files)
    if left_out:
        terminal.say(f"Left out: {', '.join(left_out)}.")
    if released.encrypted:
        terminal.say(
            "Its tables are encrypted; corpus.json and the documents are not. To read them:"
            " export DEPTOOL_KEY_FILE=FILE"
        )
    if written.tasks:
        terminal.say(
            f"Names of tasks are released as they are: {', '.join(written.tasks)}. Make sure that"
            " they tell nothing of persons or places."
        )
    for folder in left_by_killed(released.corpus.root):
        terminal.warn(
            f"{folder} was left by a release that was killed, unless one is at work. It may hold"
            " tables that are not encrypted: delete it."
        )
    if released.audit is None:
        terminal.warn(f"There is no audit: {released.audit_why}")
    else:
        terminal.say(
            f"Look at {released.corpus.root / 'audit.html'} before you share it. The persons who"
            " are found most easily are named by deptool audit alone."
        )
    terminal.say("It remains personal data: the risk is reduced, not gone.")
