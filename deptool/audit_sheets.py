"""The tables of an audit, as the terminal and the page show them: raw, released, control."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from deptool.audit_result import Audit
from deptool.bootstrap import FEW_UNITS, Estimate
from deptool.identification import Outcome
from deptool.identification_measures import is_extreme
from deptool.report_cells import BRACKETS, NOTHING, estimate, number
from deptool.report_table import Line, Sheet

_SIDES = ("raw", "released", "control")
_MARKS = "†‡§¶*abcdefghijklmnopqrstuvwxyz"
_EXACT = (
    "Where less than one person is found, or is not found, the interval of a rank is that of"
    " Clopper and Pearson, persons counted once."
)
_NARROW = "Both ends the same: an interval that is narrower than two digits show."
_AGREE = "No brackets: every resample of persons gives this number, which is no certainty."
_FEW = f"No brackets where there are fewer than {FEW_UNITS} persons."


def sheets(audit: Audit) -> list[Sheet]:
    """All tables that have rows."""
    found = [_found(audit), _told(audit), _worst(audit), _attributes(audit), _utility(audit)]
    return [sheet for sheet in found if sheet.lines]


def sides(audit: Audit) -> list[str]:
    """The sides that there are, in the order of columns."""
    return [side for side in _SIDES if any(o.side == side for o in audit.outcomes)]


def keys(outcomes: Iterable[Outcome]) -> list[tuple[str, str]]:
    """Attack and matcher, each once, in the order they were played."""
    return list(dict.fromkeys((o.attack, o.matcher) for o in outcomes))


def of(audit: Audit, attack: str, matcher: str) -> dict[str, Outcome]:
    """side -> what one attack found with one matcher."""
    return {o.side: o for o in audit.outcomes if (o.attack, o.matcher) == (attack, matcher)}


def _found(audit: Audit) -> Sheet:
    """Rank 1 on all sides, beside chance; why an attack was not played is a footnote."""
    there = sides(audit)
    groups: dict[str, list[Line]] = {}
    notes: dict[str, str] = {}
    for attack, matcher in keys(audit.outcomes):
        each = of(audit, attack, matcher)
        judged = each.get(audit.judged)
        marks = [notes.setdefault(text, _MARKS[len(notes)]) for text in _not_played(each)]
        played = next((o for o in (judged, *each.values()) if o and not o.why), None)
        cells = [attack, matcher, *_sizes(played)]
        cells += [estimate("share", each[s].rank_1) if s in each else NOTHING for s in there]
        groups.setdefault(attack, []).append(Line(cells, marks, played is None))
    ranks = [o.rank_1 for o in audit.outcomes]
    caption = (
        "Rank 1: the share of probes whose own person (or recording, for known-video and"
        " known-metadata) is the most alike of all candidates. Control: persons shuffled among"
        f" samples, which must give chance{_shuffles(audit)}."
        f"{_legend(ranks, ranks)}"
    )
    header = ["attack", "by", "probes", "candidates", "chance", *there]
    footnotes = [(mark, text) for text, mark in notes.items()]
    return Sheet(caption, header, 2, list(groups.values()), footnotes, title="Found at rank 1")


def _not_played(each: Mapping[str, Outcome]) -> list[str]:
    """side -> outcome of one attack -> for each reason, on which sides it was not played."""
    sides_of: dict[str, list[str]] = {}
    for side, outcome in each.items():
        if outcome.why and side != "control":
            sides_of.setdefault(outcome.why, []).append(side)
    return [
        f"Not played on the {' and the '.join(where)} side: {why}."
        for why, where in sides_of.items()
    ]


def _legend(found: Iterable[Estimate], ranks: Iterable[Estimate] = ()) -> str:
    """What stands in brackets, and why some have none; '' where there is nothing to say.

    `ranks`: those of `found` that are shares found up to a rank.
    """
    known = [e for e in found if e.value is not None]
    shown = [e for e in known if e.interval is not None and not e.interval.few]
    said = []
    if shown:
        said.append(BRACKETS)
    if shown and any(_exact(e) for e in ranks):
        said.append(_EXACT)
    if any(_narrow(e) for e in shown):
        said.append(_NARROW)
    if any(e.interval is not None and e.interval.few for e in known):
        said.append(_FEW)
    elif any(e.interval is None for e in known):
        said.append(_AGREE)
    return "".join(f" {text}" for text in said)


def _narrow(found: Estimate) -> bool:
    """Whether an interval has no width in the digits that are shown."""
    inside = found.interval
    return inside is not None and f"{inside.low:.2f}" == f"{inside.high:.2f}"


def _exact(share: Estimate) -> bool:
    """Whether a share's interval is that of Clopper & Pearson: see identification_measures.py."""
    if share.interval is None or share.interval.few or share.value is None:
        return False
    return is_extreme(share.value, share.interval.n_units)


def _sizes(played: Outcome | None) -> list[str]:
    """Probes, candidates and chance of an attack that was played."""
    if played is None:
        return [NOTHING] * 3
    return [str(played.n_probes), str(played.n_candidates), f"{played.chance_1:.3f}"]


def _shuffles(audit: Audit) -> str:
    """'; averaged over 5 shuffles (sequence-embedding: 1)'."""
    counts = {o.attack: o.n_shuffles for o in audit.of("control") if o.n_shuffles}
    if not counts:
        return ""
    usual = max(counts.values())
    others = [f"{attack}: {n}" for attack, n in counts.items() if n != usual]
    more = f" ({', '.join(others)})" if others else ""
    return f"; averaged over {usual} shuffle{'s' * (usual != 1)}{more}"


def _told(audit: Audit) -> Sheet:
    groups = []
    for attack, matcher in keys(audit.outcomes):
        each = of(audit, attack, matcher)
        lines = [
            Line(
                [attack, matcher, side, f"{o.chance_5:.3f}"]
                + [estimate("share", value) for value in (o.rank_5, o.auc, o.eer)],
                dim=side == "control",
            )
            for side, o in each.items()
            if not o.why
        ]
        groups.append(lines)
    caption = (
        "Rank 5: among the five most alike. AUC: how often a pair of one person is more alike than"
        " one of two; 0.5 where nothing is known. EER: the error where as many strangers pass as"
        " own persons fail; 0.5 where nothing is known, and a lower one is more risk."
    )
    played = [o for o in audit.outcomes if not o.why]
    every = [e for o in played for e in (o.rank_5, o.auc, o.eer)]
    caption += _legend(every, [o.rank_5 for o in played])
    header = ["attack", "by", "side", "chance, rank 5", "rank 5", "AUC", "EER"]
    return Sheet(
        caption, header, 3, [lines for lines in groups if lines], title="Told apart from others"
    )


def _worst(audit: Audit) -> Sheet:
    lines = []
    for attack, matcher in keys(audit.outcomes):
        for side, o in of(audit, attack, matcher).items():
            if side == "control" or o.why or not o.worst:
                continue
            names = ", ".join(name for name, _ in o.worst)
            more = o.n_easy - len(o.worst)
            names += f" and {more} more" if more > 0 else ""
            count = f"{o.n_always} of {o.n_persons}"
            lines.append(Line([attack, matcher, side, names, count]))
    caption = (
        "Of attacks that find more than guessing: persons whose probes are found at rank 1 more"
        " often than by guessing, most often first, then by id. Always: of how many all probes are"
        " found. Ids are those of each side: do not put this table into a release."
    )
    header = ["attack", "by", "side", "persons", "always"]
    groups = [lines] if lines else []
    return Sheet(caption, header, 4, groups, title="Persons who are found most easily")


def _attributes(audit: Audit) -> Sheet:
    there = [s for s in _SIDES if any(i.side == s for i in audit.inferences)]
    lines = []
    notes: dict[str, str] = {}
    for attribute in dict.fromkeys(i.attribute for i in audit.inferences):
        each = {i.side: i for i in audit.inferences if i.attribute == attribute}
        one = next(iter(each.values()))
        marks = [
            notes.setdefault(i.why, _MARKS[len(notes)]) for i in each.values() if i.why is not None
        ]
        cells = [attribute, one.measure, str(one.n_persons), f"{one.chance:.1f}"]
        cells += [estimate("share", each[s].value if s in each else None) for s in there]
        lines.append(Line(cells, list(dict.fromkeys(marks))))
    caption = (
        "Told from the tables of persons whom the model never saw. R2 of 0 and below: no better"
        f" than the mean.{_shuffled_attributes(audit)}{_legend(i.value for i in audit.inferences)}"
    )
    header = ["attribute", "measure", "persons", "chance", *there]
    footnotes = [(mark, f"Not measured: {text}.") for text, mark in notes.items()]
    groups = [lines] if lines else []
    return Sheet(caption, header, 2, groups, footnotes, title="Attributes inferred")


def _shuffled_attributes(audit: Audit) -> str:
    times = max((i.n_shuffles for i in audit.inferences), default=0)
    if not times:
        return ""
    return (
        " Control: the attribute shuffled among persons, which must give chance (R2: 0 or below);"
        f" averaged over {times} shuffles."
    )


def _utility(audit: Audit) -> Sheet:
    lines = [
        Line(
            [u.side, u.model, str(u.n), *_errors(u.rmse, u.mae, u.ccc)],
            dim=u.model == "constant",
        )
        for u in audit.utilities
    ]
    caption = (
        "What a small model scores on each side, persons apart (group-kfold:5, one seed); errors in"
        " points of the scale."
    )
    if any(e.interval for u in audit.utilities for e in (u.rmse, u.mae, u.ccc)):
        caption += f" {BRACKETS}"
    header = ["side", "model", "N", "RMSE", "MAE", "CCC"]
    return Sheet(caption, header, 2, [lines] if lines else [], title="Utility beside the risk")


def _errors(rmse: Estimate, mae: Estimate, ccc: Estimate) -> Sequence[str]:
    named = zip(("rmse", "mae", "ccc"), (rmse, mae, ccc), strict=True)
    return [number(name, e.value, None, e.interval) for name, e in named]
