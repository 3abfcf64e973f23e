"""What a report holds, and how it is written: Markdown, LaTeX, CSV and JSON.

CSV and JSON carry every digit; Markdown, LaTeX and the terminal show two.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import deptool

METRICS = ("rmse", "mae", "ccc", "pcc", "r2", "smape")
FEW = 30
# What a reader must know of a row: code -> sentence. Codes become marks in the formats.
NOTES = {
    "shared": "Persons in these recordings are also in the train or dev part: the metrics reward"
    " a model that recognises them.",
    "few": f"Fewer than {FEW} recordings: the metrics are very uncertain.",
    "beaten": "Does not beat the constant predictor: its RMSE is no lower.",
    "alone": "The mean training score is not known, so there is no constant predictor beside it.",
    "optimistic": "A constant that has seen these truths: no honest constant can have a lower"
    " RMSE. Give --train-mean, or rows with the split train, for the real one.",
    "folds": "Each fold has its own training mean. Pooled, it is no longer one constant: its CCC"
    " and PCC come from the folds, and are usually negative.",
    "dev": "The dev part chooses the best epoch, so its metrics are optimistic.",
    "train": "The model was trained on these recordings.",
    "uneven": "The seeds do not score the same number of recordings; N is the smallest.",
}


@dataclass(frozen=True)
class Origin:
    """What the rows of one run have in common."""

    model: str
    run: str
    corpus: str
    scale: str
    protocol: str
    split: str


@dataclass(frozen=True)
class Row(Origin):
    """One line of a report; `values` is metric -> (mean over seeds, SD over seeds)."""

    constant: bool
    n: int
    n_subjects: int | None
    n_seeds: int
    values: Mapping[str, tuple[float | None, float | None]]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """Groups of rows scored on the same recordings, constants first; runs left out, and why."""

    groups: tuple[tuple[Row, ...], ...]
    skipped: Mapping[str, str]

    @property
    def rows(self) -> list[Row]:
        return [row for group in self.groups for row in group]

    def notes(self) -> list[str]:
        """The codes that any row carries, in the order of `NOTES`."""
        used = {code for row in self.rows for code in row.notes}
        return [code for code in NOTES if code in used]


HEADER = ("model", "corpus", "scale", "protocol", "split", "N", "RMSE", "MAE", "CCC", "PCC")
N_TEXT = 5  # columns of HEADER that hold text; the others hold numbers
_SHOWN = ("rmse", "mae", "ccc", "pcc")
_MARKS = "†‡§¶*abcdef"
_LATEX = {
    **{c: "\\" + c for c in "&%$#_{}"},
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
    **{"<": r"\textless{}", ">": r"\textgreater{}"},
}
_LATEX_MARKS = {"†": r"\dag", "‡": r"\ddag", "§": r"\S", "¶": r"\P"}


def caption(report: Report) -> str:
    """What the numbers are, in one or two sentences."""
    text = "Computed once over recordings; errors in points of the scale."
    if any(row.n_seeds > 1 for row in report.rows):
        text += " Mean ± SD over seeds (sample SD, ddof = 1)."
    return text


def marks(report: Report) -> dict[str, str]:
    """The mark of each note that the report needs."""
    return dict(zip(report.notes(), _MARKS, strict=False))


def marked(row: Row, signs: Mapping[str, str]) -> list[str]:
    """The marks of one line, in the order of the notes below the table."""
    return [sign for code, sign in signs.items() if code in row.notes]


def cells(row: Row) -> list[str]:
    """The cells of one line, as `HEADER` names them, without marks."""
    shown = [_number(*row.values[name]) for name in _SHOWN]
    names = [row.model, row.corpus, row.scale, row.protocol, row.split]
    return [*names, str(row.n), *shown]


def _number(mean: float | None, sd: float | None) -> str:
    if mean is None:
        return "–"
    shown = f"{round(mean, 2) + 0.0:.2f}"  # adding 0.0 turns -0.0 into 0.0
    return shown if sd is None else f"{shown} ± {sd:.2f}"


def to_markdown(report: Report) -> str:
    """A pipe table, the caption above and the notes below it."""
    signs = marks(report)
    lines = [caption(report), "", _pipes(HEADER)]
    lines.append(_pipes(["---"] * N_TEXT + ["---:"] * (len(HEADER) - N_TEXT)))
    for row in report.rows:
        first, *others = (_markdown(cell) for cell in cells(row))
        lines.append(_pipes([first + "".join(map(_markdown, marked(row, signs))), *others]))
    lines += [line for code in signs for line in ("", f"{_markdown(signs[code])} {NOTES[code]}")]
    return "\n".join(lines) + "\n"


def _pipes(row: list[str] | tuple[str, ...]) -> str:
    return "| " + " | ".join(row) + " |"


def _markdown(text: str) -> str:
    return re.sub(r"([\\|*_<>`\[\]])", r"\\\1", text)


def to_latex(report: Report) -> str:
    """A table environment with booktabs rules; groups are parted by a rule."""
    signs = marks(report)
    lines = [
        r"% Needs \usepackage{booktabs} in the preamble.",
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{_latex(caption(report))}}}",
        rf"\begin{{tabular}}{{{'l' * N_TEXT}{'r' * (len(HEADER) - N_TEXT)}}}",
        r"\toprule",
        " & ".join(HEADER) + r" \\",
    ]
    for group in report.groups:
        lines.append(r"\midrule")
        for row in group:
            row_cells = cells(row)
            names = [_latex(cell) for cell in row_cells[:N_TEXT]]
            names[0] += "".join(map(_latex_mark, marked(row, signs)))
            numbers = [_latex_number(cell) for cell in row_cells[N_TEXT:]]
            lines.append(" & ".join([*names, *numbers]) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}"]
    notes = [f"{_latex_mark(signs[code])} {_latex(NOTES[code])}" for code in signs]
    lines += [r"\par\footnotesize " + note for note in notes]
    return "\n".join([*lines, r"\end{table}"]) + "\n"


def _latex(text: str) -> str:
    escaped = "".join(_LATEX.get(c, c) for c in text)
    return escaped.replace("±", r"$\pm$")


def _latex_mark(mark: str) -> str:
    return rf"\textsuperscript{{{_LATEX_MARKS.get(mark, mark)}}}"


def _latex_number(text: str) -> str:
    return "--" if text == "–" else f"${text.replace('±', chr(92) + 'pm')}$"


def to_csv(report: Report) -> str:
    """One line per row, full precision; SD is empty where there is one seed."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = [name for metric in METRICS for name in (metric, f"{metric}_sd")]
    writer.writerow([*_FIELDS, *names, "notes"])
    for row in report.rows:
        values = [value for metric in METRICS for value in row.values[metric]]
        writer.writerow([*(getattr(row, f) for f in _FIELDS), *values, " ".join(row.notes)])
    return out.getvalue()


def to_json(report: Report) -> str:
    """Groups of rows with nested mean and sd, the notes in words, and the runs left out."""
    value = {
        "deptool_version": deptool.__version__,
        "caption": caption(report),
        "groups": [[_as_object(row) for row in group] for group in report.groups],
        "notes": {code: NOTES[code] for code in report.notes()},
        "skipped": dict(report.skipped),
    }
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


_FIELDS = (
    *("model", "run", "corpus", "scale", "protocol", "split"),
    *("constant", "n", "n_subjects", "n_seeds"),
)


def _as_object(row: Row) -> dict[str, object]:
    values = {name: {"mean": mean, "sd": sd} for name, (mean, sd) in row.values.items()}
    return {f: getattr(row, f) for f in _FIELDS} | values | {"notes": list(row.notes)}


# Format -> what writes it. The terminal's table is Rich's, under cli/.
WRITERS: dict[str, Callable[[Report], str]] = {
    "markdown": to_markdown,
    "latex": to_latex,
    "csv": to_csv,
    "json": to_json,
}
