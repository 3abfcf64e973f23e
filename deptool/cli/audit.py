"""`deptool audit`: who is found again in a corpus or a release, by which attack?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from deptool.audit_result import Audit

PANEL = "Privacy"
ORDER = 72


def command(
    corpus: Annotated[
        Path, typer.Argument(help="The corpus folder: a release, or a raw corpus.")
    ] = Path("corpus"),
    against: Annotated[
        Path | None, typer.Option(help="The raw corpus that the release was made of.")
    ] = None,
    key_file: Annotated[
        Path | None,
        typer.Option(help="The release's key: links it to --against, for known videos."),
    ] = None,
    utility: Annotated[
        str, typer.Option(help="A model to train on both sides, or none.")
    ] = "ridge",
    attack: Annotated[
        list[str] | None, typer.Option(help="Play only this attack; repeatable.")
    ] = None,
    fail_if: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LIMIT",
            help="Exit with 7 if an attack on persons does so, as in 'rank1>0.2' or 'eer<0.3', or"
            " one by name, as in 'known-video.rank1>0.5'; rank1, rank5, auc: higher is more risk,"
            " eer: lower is; repeatable.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of attacks, shuffles and folds.")] = 0,
    html: Annotated[
        Path | None,
        typer.Option(
            help="Write a page with curves and persons' ids to this file, outside of corpora.",
            dir_okay=False,
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Audit a corpus or a release: who is found again, by which attack, and what is it worth?

    Attackers who know a session of each person, or hold a video, are played on the raw and the
    released tables and on a control of shuffled persons. A failed attack proves nothing; limits of
    --fail-if are held against the released side, if there is one.

    Example: deptool audit released --against corpus --key-file ~/deptool.key
    """
    from deptool.audit import audit_corpus
    from deptool.audit_limits import broken, parse_limit
    from deptool.cli import terminal
    from deptool.key_file import read_key, require_outside

    if html:
        require_outside(html, "an audit that names persons")
    limits = [parse_limit(text) for text in fail_if or ()]
    key = read_key(key_file) if key_file else None
    bar, advance = _bar()
    try:
        audit = audit_corpus(
            corpus, against, key, seed=seed, utility=utility, attacks=attack, on_progress=advance
        )
    except KeyboardInterrupt:
        bar.stop()
        terminal.say("Interrupted. Nothing was written.")
        raise typer.Exit(130) from None
    finally:
        if bar.live.is_started:
            bar.stop()
    if json:
        terminal.show_json(audit.as_object())
    else:
        _show(audit)
    if html:
        _write_html(audit, html)
    errors = broken(audit, limits)
    for error in errors[1:]:
        terminal.show_error(error)
    if errors:
        raise errors[0]


def _bar() -> tuple[Bar, Callable[[str, int, int], None]]:
    """A bar, and what moves it; it appears with the first news, and goes when all is done."""
    from deptool.cli import terminal

    bar = terminal.progress()
    bar.live.transient = True
    tasks: dict[str, TaskID] = {}

    def advance(what: str, done: int, of: int) -> None:
        bar.start()
        if what not in tasks:
            tasks[what] = bar.add_task(what, total=of)
        bar.update(tasks[what], completed=done, total=of)

    return bar, advance


def _show(audit: Audit) -> None:
    from deptool.audit_sheets import sheets
    from deptool.audit_words import findings, reading, summary, title
    from deptool.cli.terminal import page, show_sheet

    console = page()

    def say(text: str, style: str | None = None) -> None:
        console.print(text, markup=False, style=style)

    say(title(audit), "bold")
    say(summary(audit))
    for text in findings(audit):
        say(text, "bold red" if text in audit.warnings else None)
    for text in (*reading(), audit.pairing, *audit.notes):
        say(text)
    for sheet in sheets(audit):
        say("")
        show_sheet(sheet, console)
    for what, why in (("Attributes", audit.inference_why), ("Utility", audit.utility_why)):
        if why:
            say(f"{what}: {why}.")


def _write_html(audit: Audit, path: Path) -> None:
    from deptool.audit_html import to_html
    from deptool.cli.terminal import say
    from deptool.tables import write_text

    write_text(path, to_html(audit))
    say(f"Written: {path}")
