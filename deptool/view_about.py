"""What the player's page says of a table in words, for who decides what may leave a machine.

Every text that comes from data is escaped here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from deptool.columns import Column
from deptool.corpus import Corpus
from deptool.schema import FRAMES

if TYPE_CHECKING:
    import polars as pl

    from deptool.segment_scores import RunFacts
    from deptool.view_columns import Packed

TITLES = {
    "base": "time, status and face box",
    "landmarks": "landmarks",
    "head_pose": "head pose",
    "gaze": "gaze",
    "action_units": "action units",
}


@dataclass(frozen=True)
class Group:
    """The columns of one group that a table has, and which of them have no value in any row."""

    name: str
    columns: tuple[Column, ...]
    empty: tuple[str, ...]

    @property
    def title(self) -> str:
        return TITLES[self.name]


def find_groups(table: pl.DataFrame) -> list[Group]:
    """The groups of the schema, in its order, as far as the table has them."""
    groups = []
    for name in TITLES:
        columns = tuple(c for c in FRAMES.group(name) if c.name in table.columns)
        empty = tuple(c.name for c in columns if table[c.name].null_count() == len(table))
        groups.append(Group(name, columns, empty))
    return groups


def is_synthetic(corpus: Corpus) -> bool:
    """Whether the corpus says that its tables were made by a program, without a person."""
    return bool(corpus.about.get("synthetic"))


def badges(corpus: Corpus, recording: Mapping[str, Any], shown: str | None) -> str:
    """Short facts for the top of the page, as HTML; `shown` says which part the page holds."""
    texts = [f"corpus {corpus.name}"]
    for key in ("subject_id", "session_id", "task", "split"):
        if recording[key] is not None:
            texts.append(f"{key.removesuffix('_id')} {recording[key]}")
    texts.append(corpus.feature_set)
    loud = ["synthetic: made by a program"] if is_synthetic(corpus) else []
    if shown:
        loud.append(shown)
    if recording["status"] != "ok":
        reason = f" ({recording['reason']})" if recording["reason"] else ""
        loud.append(f"reading the source: {recording['status']}{reason}")
    return "\n  ".join(
        [f'<span class="badge loud">{escape(text)}</span>' for text in loud]
        + [f'<span class="badge">{escape(text)}</span>' for text in texts]
    )


def about(
    corpus: Corpus,
    recording: Mapping[str, Any],
    table: pl.DataFrame,
    packed: Mapping[str, Packed],
    facts: RunFacts | None,
) -> str:
    """The panel "What this table holds", as HTML."""
    groups = find_groups(table)
    measured = int(table["success"].sum())
    seconds = float(table["timestamp"][-1] - table["timestamp"][0])
    lines = [
        f"{len(table):,} rows over {seconds:,.1f} s; a face was measured in {measured:,} of them.",
        f"Made by {recording['extractor']}, feature set {recording['feature_set']}.",
    ]
    steps = corpus.about.get("deidentification")
    if isinstance(steps, list) and steps:
        lines.append(f"De-identification, as the corpus states it: {', '.join(map(str, steps))}.")
    sentences = [*_synthetic(corpus), *_steward(corpus, facts), *_absent(groups), *_rounded(packed)]
    if facts is not None:
        sentences += run_sentences(facts)
    rows = "\n".join(_table_row(group, table) for group in groups if group.columns)
    return "\n".join(
        [
            *(f"<p>{escape(line)}</p>" for line in lines),
            '<div class="wide"><table>',
            '<tr><th>group</th><th class="number">columns</th><th>names</th><th>unit</th>'
            '<th class="number">rows with a value</th></tr>',
            rows,
            "</table></div>",
            "<ul>",
            *(
                f'<li class="strong">{escape(text)}</li>' if strong else f"<li>{escape(text)}</li>"
                for text, strong in sentences
            ),
            "</ul>",
        ]
    )


def run_sentences(facts: RunFacts) -> list[tuple[str, bool]]:
    """What to know of a run before its segment scores are believed; True for what matters most."""
    met = {
        "train": "This recording was in the run's training data: its scores say nothing about new"
        " people.",
        "dev": "This recording was in the run's dev part, by which its epochs were chosen: its"
        " scores flatter.",
        "test": "This recording was in the run's test part."
        if facts.n_members == facts.n_in_run
        else f"This recording was in the test part of {facts.n_members} of the run's"
        f" {facts.n_in_run} networks: the scores are of {'it' if facts.n_members == 1 else 'these'}"
        " alone. The others were trained on it or chose their epochs by it, and are left out.",
        "new": "This recording was not in the run's data.",
    }[facts.part]
    members = "one network" if facts.n_members == 1 else f"the mean of {facts.n_members} networks"
    run = (
        f"{facts.model}, {members}, trained on the corpus {facts.corpus!r} ({facts.protocol} split,"
        f" run {facts.digest[:8]})"
    )
    what = (
        f"Segment scores: {run}, in points of {facts.scale}. A score is a research result about a"
        " few seconds of a recording. It is not a diagnosis."
    )
    if facts.looked is not None:
        what = (
            f"What the run looked at: {run}. For this recording it predicts {facts.looked:.1f}"
            f" points of {facts.scale}, a research result and not a diagnosis. The rows are weights"
            " inside the networks. They say what was used, not what is true of a person; whether"
            " the prediction rests on them, `deptool explain` checks."
        )
    sentences = [(what, False), (met, facts.part in ("train", "dev"))]
    if facts.person_known:
        known = "This person may be in the run's training data, by the same id: the scores flatter."
        sentences.append((known, True))
    return sentences


def _synthetic(corpus: Corpus) -> list[tuple[str, bool]]:
    text = "Synthetic: made by a program. What is found in it says nothing about people."
    return [(text, True)] if is_synthetic(corpus) else []


def steward(synthetic: bool, facts: RunFacts | None) -> list[tuple[str, bool]]:
    """Whether the page is personal data, and what identifies or describes a person in it."""
    source = ", which extract and import take from the name of the source's file,"
    held = (
        f"the recording's id{'' if synthetic else source} and what the corpus says of its person,"
        " session, task and split"
    )
    scored = ""
    if facts is not None:
        scored = f" The run adds the scores in points of {facts.scale} that it predicts"
        if facts.looked is not None:
            scored += ", and what its networks looked at"
        elif facts.truth is not None:
            whose = "generated" if synthetic else "the person's own"
            scored += f", and beside them stands the score of the questionnaire, {whose}"
        scored += "."
    personal = (
        "No person is in it: faces, motion and scores are generated."
        if synthetic
        else "Landmarks, head motion and action units can identify a person. This file is personal"
        " data, as the table is: share it only as the consent of the person in it allows."
    )
    return [(personal, True), (f"It also holds {held}.{scored}", bool(scored))]


def _steward(corpus: Corpus, facts: RunFacts | None) -> list[tuple[str, bool]]:
    return [
        ("There is no picture and no sound in this file, only the numbers that are listed.", True),
        *steward(is_synthetic(corpus), facts),
        ("This page fetches nothing and sends nothing: its own policy forbids it.", False),
    ]


def _absent(groups: Iterable[Group]) -> list[tuple[str, bool]]:
    sentences = []
    gone = [g.title for g in groups if not g.columns or len(g.empty) == len(g.columns)]
    if gone:
        sentences.append((f"Not in this table: {_listed(gone)}.", False))
    for group in groups:
        if group.empty and len(group.empty) < len(group.columns):
            text = f"Of the {group.title}, never measured here: {_listed(list(group.empty))}."
            sentences.append((text, False))
    return sentences


def _rounded(packed: Mapping[str, Packed]) -> list[tuple[str, bool]]:
    """What this page rounds each unit to, by the schema's units; the coarsest of each."""
    steps: dict[str, float] = {}
    for name, one in packed.items():
        column = FRAMES.column(name)
        if column.dtype == "float32" and not column.whole:
            unit = _unit(column)
            steps[unit] = max(steps.get(unit, 0.0), one.step)
    words = [
        f"{'1/16' if step == 1 / 16 else f'{step:g}'}{f' {unit}' if unit != '1' else ''}"
        for unit, step in steps.items()
    ]
    named = {"0–5": "of an intensity", "1": "of confidence and gaze directions"}
    listed = [
        f"{word.removesuffix(' 0–5')} {named[unit]}" if unit in named else word
        for unit, word in zip(steps, words, strict=True)
    ]
    text = f"Values are rounded in this page to {_listed(listed)}; the table has more digits."
    return [(text, False)]


def _unit(column: Column) -> str:
    return {"0-5": "0–5"}.get(column.unit, column.unit)


def _table_row(group: Group, table: pl.DataFrame) -> str:
    units = dict.fromkeys(_unit(c) for c in group.columns if c.dtype == "float32")
    shown = [unit for unit in units if unit != "1"] + (["no unit"] if "1" in units else [])
    rows = f"{max(len(table) - table[c.name].null_count() for c in group.columns):,}"
    cells = (
        ("", group.title),
        (' class="number"', str(len(group.columns))),
        ("", _names(group)),
        ("", ", ".join(shown)),
        (' class="number"', rows),
    )
    return "<tr>" + "".join(f"<td{kind}>{escape(text)}</td>" for kind, text in cells) + "</tr>"


def _names(group: Group) -> str:
    names = [c.name for c in group.columns]
    if group.name == "landmarks":
        return "x_0 … x_67, y_0 … y_67"
    if group.name == "action_units":
        return f"{names[0]} … {names[-1]} (_r intensity, _c presence)"
    return ", ".join(names)


def _listed(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]
