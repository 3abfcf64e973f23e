"""What was run, and what to doubt of it, in plain words: from run.json and a report's notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from deptool.figure_data import FigureData
from deptool.html_table import plain_table
from deptool.report_table import NOTES, Report, Row
from deptool.schema import SPLITS

# Notes of rows that are said at the top of the page, in this order; the others stay footnotes.
SAID = ("optimistic", "few", "persons", "train", "dev", "beaten", "behind", "alone")
SYNTHETIC = "Synthetic data: these numbers show that the tool works, and say nothing about people."
_ABOUT = {
    **{"title": "Title", "doi": "DOI", "corpus": "Corpus", "feature_set": "Features"},
    **{"scale": "Scale", "protocol": "Protocol", "split_seed": "Seed of the split"},
    **{"seeds": "Seeds", "without": "Without", "normalise": "Normalised by"},
    **{"n_segments": "Segments", "n_segments_dropped": "Segments dropped"},
    **{"columns_null": "Columns without a value", "device": "Device"},
    **{"deptool_version": "deptool", "torch_version": "torch"},
}


def warnings(report: Report, found: Sequence[FigureData]) -> list[str]:
    """What a reader must know before the first number, most serious first, each once."""
    said = [SYNTHETIC] if any(data.synthetic for data in found) else []
    said += [shared.sentence for shared in report.shared]
    for code in SAID:
        named = dict.fromkeys(
            f"{_name(row)}, N = {row.n}" if code == "few" else _name(row)
            for row in report.rows
            if code in row.notes and (code == "optimistic" or not row.constant)
        )
        if named:
            said.append(f"{NOTES[code]} Said of: {'; '.join(named)}.")
    return list(dict.fromkeys(said))


def holds(found: Sequence[FigureData]) -> str:
    """What a reader must know before the page is passed on."""
    text = (
        "Ids of recordings and persons, and their true scores, stand in this page as they stand in"
        " the predictions: share it as you would share these."
    )
    synthetic = bool(found) and all(data.synthetic for data in found)
    return text if synthetic else f"This page is personal data. {text}"


def about_run(data: FigureData) -> str:
    """The settings of a run, its parts, whether persons are on two sides, and what was left out."""
    about = data.about
    rows: list[tuple[str, object]] = [("Model", data.model), ("Reported split", data.split)]
    rows.append(("Reported over", f"{data.over.text}: {data.over.rule}"))
    n = len(data.points)
    rows.append((f"N of the figures ({data.noun}s)", n))
    if data.n_members > 1:
        rows.append((f"Predictions of a {data.noun}", f"mean of up to {data.n_members}"))
    rows += [(text, about[name]) for name, text in _ABOUT.items() if about.get(name) not in _EMPTY]
    settings = about.get("settings")
    if isinstance(settings, dict):
        rows += [(f"Setting {name}", value) for name, value in settings.items()]
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(_words(value))}</td></tr>'
        for name, value in rows
    )
    table = f'<div class="wide"><table class="pairs"><tbody>{body}</tbody></table></div>'
    lists = _listing("Notes on the corpus", about.get("corpus_notes"))
    lists += _listing("Recordings left out", about.get("skipped"))
    return f"<p>{escape(leakage(about))}</p>{table}{_parts(about)}{_members(about)}{lists}"


def leakage(about: Mapping[str, Any]) -> str:
    """In a sentence or two, whether persons are on two sides of the split."""
    if about.get("persons_unknown") is True:
        return NOTES["persons"]
    overlap = about.get("overlap")
    if not isinstance(overlap, dict):
        return "Nothing is known of persons on two sides of a split."
    pairs = {name: n for name, n in overlap.get("pairs", {}).items() if n}
    if not pairs:
        return "No person is on two sides of the split."
    text = ", ".join(f"{name.replace('-', ' and ')} {n}" for name, n in pairs.items())
    return (
        f"Persons are on two sides of the split ({text}): the metrics reward a model that"
        " recognises them."
    )


_EMPTY: tuple[object, ...] = (None, [], {}, "")


def _parts(about: Mapping[str, Any]) -> str:
    folds = about.get("folds")
    if not isinstance(folds, list):
        return ""
    header = ["fold", "part", "recordings", "persons"]
    rows = [
        (str(i), part, fold[part].get("recordings"), fold[part].get("subjects"))
        for i, fold in enumerate(folds)
        for part in SPLITS
        if part in fold
    ]
    return "<h4>Parts</h4>" + plain_table(header, rows, 2, "Parts of the split")


def _members(about: Mapping[str, Any]) -> str:
    members = about.get("members")
    if not isinstance(members, list) or not all(isinstance(m, dict) for m in members):
        return ""
    names = {"seed": "seed", "fold": "fold", "train_mean": "training mean", "epochs": "epochs"}
    names |= {"best_epoch": "epoch kept", "dev_rmse": "RMSE on dev"}
    header = list(names.values())
    rows = [tuple(m.get(name) for name in names) for m in members]
    rows = [(str(row[0]), str(row[1]), *row[2:]) for row in rows]
    return "<h4>Members</h4>" + plain_table(header, rows, 2, "Seeds and folds")


def _listing(title: str, found: object) -> str:
    """A heading and a list; nothing where there is nothing to list."""
    if isinstance(found, dict):
        lines = [f"{name}: {why}" for name, why in found.items()]
    else:
        lines = [str(line) for line in found] if isinstance(found, list) else []
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<h4>{escape(title)}</h4><ul>{items}</ul>" if items else ""


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _name(row: Row) -> str:
    """A row's model, with its run where the model does not name it."""
    return row.model if row.run in row.model else f"{row.model} ({row.run})"
