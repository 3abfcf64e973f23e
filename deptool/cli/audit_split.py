"""`deptool audit-split`: what a split gives away."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from deptool.split_audit import Count, SplitAudit
    from deptool.split_predictors import Predictor

PANEL = "Tables"
ORDER = 27

_PARTS = ("train", "dev", "test")


def command(
    corpus: Annotated[Path, typer.Argument(help="The corpus folder.")] = Path("corpus"),
    scale: Annotated[
        str | None, typer.Option(help="The scale to look at; needed where there are several.")
    ] = None,
    protocol: Annotated[
        str, typer.Option(help="How the corpus is split, as for train.")
    ] = "official",
    split_seed: Annotated[int, typer.Option(min=0, help="Deals persons to parts.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Audit a split: who is on two sides of it, and how far knowing the person leads.

    Reads recordings.parquet and labels.parquet; no frames table is needed. No face is looked at:
    the errors are those of constants and of the person's own mean score.

    Example: deptool audit-split corpus --protocol group-kfold:5
    """
    import dataclasses

    from deptool.cli import terminal
    from deptool.corpus import open_corpus
    from deptool.split_audit import audit_split

    audit = audit_split(open_corpus(corpus), scale, protocol, split_seed)
    if json:
        terminal.show_json(dataclasses.asdict(audit))
    else:
        _show(audit)
    _warn(audit)


def _show(audit: SplitAudit) -> None:
    from deptool.cli import terminal

    _show_counts(audit)
    _show_bands(audit)
    if audit.shared:
        _show_pairs(audit)
        _show_known(audit)
    elif not audit.persons_unknown:
        terminal.write("Nobody is on two sides: no person, and no session.")
    _show_predictors(audit)


def _show_counts(audit: SplitAudit) -> None:
    from deptool.cli.terminal import show_table

    folds = f"; {audit.n_folds} folds, from–to" if audit.n_folds > 1 else ""
    rows = []
    for split in (*_PARTS, "all"):
        counts = [c for c in audit.counts if c.split == split]
        numbers = [(c.persons, c.sessions, c.recordings) for c in counts]
        rows.append([split, *(_span(values) for values in zip(*numbers, strict=True))])
        rows[-1] += [_span((getattr(c, name) for c in counts), 1) for name in ("mean", "sd")]
        rows[-1].append(_ends(counts))
    show_table(
        f"{audit.corpus}: {audit.scale}, protocol {audit.protocol}{folds}",
        ("part", "persons", "sessions", "recordings", "mean score", "SD", "lowest to highest"),
        rows,
    )


def _show_bands(audit: SplitAudit) -> None:
    from deptool.cli.terminal import show_table

    both = any(band.sessions != band.recordings for band in audit.bands)
    rows = []
    for name in dict.fromkeys(band.band for band in audit.bands):
        row = [name]
        for split in _PARTS:
            found = [b for b in audit.bands if (b.band, b.split) == (name, split)]
            more = f" ({_span(b.recordings for b in found)})" if both else ""
            row.append(_span(b.sessions for b in found) + more)
        rows.append(row)
    unit = "Sessions (recordings)" if both else "Sessions"
    show_table(f"{unit} by band of {audit.scale}", ("score", *_PARTS), rows)


def _show_pairs(audit: SplitAudit) -> None:
    from deptool.cli.terminal import show_table

    rows = [
        (
            *(f"{p.one} and {p.other}", p.persons, p.sessions, p.n_pairs or ""),
            *(_number(p.difference), _number(p.strangers)),
        )
        for p in audit.pairs
    ]
    pooled = ", over all folds" if audit.n_folds > 1 else ""
    show_table(
        f"On two sides{pooled}, and how much scores of two sessions differ (mean, points)",
        ("in both", "persons", "sessions", "pairs of sessions", "same person", "two persons"),
        rows,
    )


def _show_known(audit: SplitAudit) -> None:
    from deptool.cli.terminal import show_table

    rows = []
    for k in audit.known:
        recordings, sessions = (k.recordings, k.of_recordings), (k.sessions, k.of_sessions)
        rows.append([k.split, " or ".join(k.known_from), *map(_share, (recordings, sessions))])
        if len(k.known_from) > 1:
            new = [(of - n, of) for n, of in (recordings, sessions)]
            rows.append([k.split, "neither", *map(_share, new)])
    title = "Whose person a model may know already"
    show_table(title, ("part", "person is in", "recordings", "sessions"), rows, left=2)


def _show_predictors(audit: SplitAudit) -> None:
    from deptool.cli.terminal import show_table

    same: dict[tuple[str, ...], list[Predictor]] = {}
    for p in audit.predictors:  # what is the same over recordings and over sessions is one row
        same.setdefault((p.split, p.predictor, f"{p.rmse:.2f}", f"{p.mae:.2f}"), []).append(p)
    rows = [
        (split, name, ", ".join(f"{p.n} {p.unit}s" for p in found), *errors)
        for (split, name, *errors), found in same.items()
    ]
    pooled = ", folds pooled" if audit.n_folds > 1 else ""
    show_table(
        f"Without looking at a face (points{pooled})",
        ("part", "predicted is the", "N", "RMSE", "MAE"),
        rows,
        left=3,
    )


def _warn(audit: SplitAudit) -> None:
    from deptool.cli.terminal import say, warn

    if audit.n_unscored:
        say(f"Recordings without a score on {audit.scale}, left out: {audit.n_unscored}.")
    if audit.n_in_no_part:
        say(f"Recordings that {audit.protocol} leaves out: {audit.n_in_no_part}.")
    if audit.persons_unknown:
        warn(
            "No recording says who is in it (subject_id is empty): whether persons are on two sides"
            " cannot be seen, and every score of this split may be flattered."
        )
    if audit.shared:
        warn(
            "Persons are on two sides. Scores on dev and test flatter a model that knows them;"
            " --protocol group-kfold:5 keeps persons apart."
        )


def _span(values: Iterable[float | None], digits: int = 0) -> str:
    """One number, or from the lowest to the highest of several folds; a dash for none."""
    known = sorted(v for v in values if v is not None)
    if not known:
        return "–"
    low, high = f"{known[0]:.{digits}f}", f"{known[-1]:.{digits}f}"
    return low if low == high else f"{low}–{high}"


def _ends(counts: Sequence[Count]) -> str:
    lows = [c.low for c in counts if c.low is not None]
    highs = [c.high for c in counts if c.high is not None]
    return f"{min(lows):g} to {max(highs):g}" if lows else "–"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def _share(counts: tuple[int, int]) -> str:
    return f"{counts[0]} of {counts[1]}"
