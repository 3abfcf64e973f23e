"""`deptool check-numbers`: can a quoted row of metrics be true?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from deptool.number_check import Implied, NumberCheck

PANEL = "Results"
ORDER = 70

Text = str | None  # as typed: the decimals say how far a number was rounded

_TITLES = {
    "possible": "Possible: no check fails",
    "impossible": "Impossible: a check fails for all that rounds to these numbers",
    "not checked": "Not checked: too little is quoted",
}


def command(
    rows: Annotated[
        Path | None, typer.Argument(help="A CSV with one quoted row per line.", metavar="ROWS.CSV")
    ] = None,
    rmse: Annotated[Text, typer.Option(help="Quoted RMSE, points.")] = None,
    mae: Annotated[Text, typer.Option(help="Quoted MAE, points.")] = None,
    pcc: Annotated[Text, typer.Option(help="Quoted Pearson correlation.")] = None,
    ccc: Annotated[Text, typer.Option(help="Quoted concordance correlation.")] = None,
    sd: Annotated[Text, typer.Option(help="SD of the true scores, over N, points.")] = None,
    mean: Annotated[Text, typer.Option(help="Mean of the true scores, points.")] = None,
    n: Annotated[Text, typer.Option(help="How many were scored.")] = None,
    scale: Annotated[Text, typer.Option(help="Their scale, such as BDI-II.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Check quoted numbers: can this RMSE, MAE, PCC and CCC be of one set of predictions?

    Give what is quoted, with all its decimals, and the SD of the true scores (audit-split prints
    it). Impossible is said only where nothing that rounds to these numbers can be true; the exit
    code is then 7. ROWS.CSV has the columns name, rmse, mae, pcc, ccc, sd, mean, n, scale, or some
    of them; options fill in what its rows lack, and decide nothing alone.

    Example: deptool check-numbers --rmse 5.68 --mae 4.43 --pcc 0.92 --ccc 0.83 --sd 11.48
    """
    from deptool.cli.terminal import count, show_json
    from deptool.errors import DataError
    from deptool.number_check import check_numbers, check_row
    from deptool.quoted_numbers import parse, read_quoted

    options = {"rmse": rmse, "mae": mae, "pcc": pcc, "ccc": ccc, "sd": sd, "mean": mean}
    options |= {"n": n, "scale": scale}
    given = parse({k: v for k, v in options.items() if v is not None})
    alone = check_numbers(given)
    if rows:
        _refuse_options(alone)
        found = [check_row(row, given) for row in read_quoted(rows)]
    else:
        _refuse_too_little(alone)
        found = [alone]
    if json:
        show_json({"rows": [_as_json(check) for check in found]})
    elif rows:
        _show_rows(found)
    else:
        _show_one(found[0])
    bad = [check.quoted.name for check in found if check.verdict == "impossible"]
    if bad and rows:
        text = f"{len(bad)} of {count(len(found), 'row')} cannot be true: {', '.join(bad[:10])}"
        raise DataError(text + (", …" if bad[10:] else ""), where=rows.name)
    if bad:
        raise DataError("these numbers cannot all be true of one set of predictions")


def _refuse_options(alone: NumberCheck) -> None:
    """Options that no row could be true with: that is no fault of the rows."""
    from deptool.errors import DataError

    if alone.verdict == "impossible":
        why = "; ".join(c.text for c in alone.checks if c.holds is False)
        raise DataError(f"the options cannot be true, whatever the row: {why}")


def _refuse_too_little(check: NumberCheck) -> None:
    from deptool.errors import UsageError
    from deptool.number_check import Implied

    if check.verdict == "not checked" and check.implied == Implied():
        raise UsageError(
            "nothing follows from so little",
            fix="Give RMSE and MAE; or RMSE, SD and PCC or CCC; or PCC and CCC; or a ROWS.CSV.",
        )


def _show_one(check: NumberCheck) -> None:
    from deptool.cli import terminal

    words = {True: "holds", False: "fails", None: "not done"}
    rows = [(c.holds, words[c.holds], c.name, c.text) for c in check.checks]
    terminal.show_marked(_TITLES[check.verdict], rows)
    implied = _in_words(check.implied)
    if implied and check.verdict != "impossible":
        header = ("implied", "value", "what it is")
        terminal.show_table(
            "What follows, over all that rounds to these numbers", header, implied, 3
        )


def _show_rows(found: Sequence[NumberCheck]) -> None:
    from deptool.cli.terminal import say, show_table

    rows = []
    for check in found:
        why = [c.text for c in check.checks if c.holds is False]
        done = [c.name for c in check.checks if c.holds]
        told = why or ([f"checked: {', '.join(done)}"] if done else ["too little is quoted"])
        rows.append((check.quoted.name, check.verdict, "; ".join(told)))
    show_table("Quoted rows", ("row", "verdict", "why"), rows, left=3)
    counts = {v: sum(c.verdict == v for c in found) for v in dict.fromkeys(r[1] for r in rows)}
    say(", ".join(f"{n} {verdict}" for verdict, n in counts.items()) + ".")


def _in_words(implied: Implied) -> list[tuple[str, str, str]]:
    """Name, value and meaning of what is implied."""
    about = (
        ("R²", _span(implied.r2), "1 - (RMSE / SD)²"),
        ("predicted SD", _span(implied.predicted_sd), "points"),
        ("shrinkage", _span(implied.shrinkage), "predicted SD by true SD; 1 is as wide"),
        ("|bias|", _span(implied.bias), "points, mean prediction less mean truth"),
        (
            "MAE / RMSE",
            "" if implied.mae_rmse is None else f"{implied.mae_rmse:.2f}",
            "0.80 for normal errors, 1 where all are of one size",
        ),
    )
    return [line for line in about if line[1]]


def _span(values: tuple[float, float] | None) -> str:
    if values is None:
        return ""
    low, high = (f"{v:.2f}" for v in values)
    return low if low == high else f"{low} to {high}"


def _as_json(check: NumberCheck) -> dict[str, object]:
    """The row as it was quoted, texts for its numbers, and all that was found."""
    import dataclasses
    from decimal import Decimal

    quoted = dataclasses.asdict(check.quoted)
    return {
        "quoted": {k: str(v) if isinstance(v, Decimal) else v for k, v in quoted.items()},
        "verdict": check.verdict,
        "checks": [dataclasses.asdict(c) for c in check.checks],
        "implied": dataclasses.asdict(check.implied),
    }
