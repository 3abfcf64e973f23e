"""Limits on what an audit may find, as users write them: `rank1>0.2`, `static-shape.auc>=0.7`."""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass, replace

from deptool import plugins
from deptool.audit_result import Audit
from deptool.audit_samples import same_recording
from deptool.csv_file import read_number
from deptool.errors import DataError, UsageError, suggest
from deptool.identification import Outcome

_OPERATORS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_SYNTAX = re.compile(r"\s*(?:([\w-]+)\s*\.\s*)?(\w+)\s*(<=|>=|<|>)\s*([^\s<>=]+)\s*")
# As users write them -> the field of an outcome.
MEASURES = {"rank1": "rank_1", "rank5": "rank_5", "auc": "auc", "eer": "eer"}
_LOWER_IS_RISK = ("eer",)


@dataclass(frozen=True)
class Limit:
    """What one attack must not find; without a name, none of those that look for persons.

    Attacks that look for a known video's recording are meant only by name: they find it in nearly
    every release, so that a limit on all would say nothing of the others.
    """

    attack: str | None
    name: str
    sign: str
    value: float

    def __str__(self) -> str:
        attack = "" if self.attack is None else f"{self.attack}."
        return f"{attack}{self.name}{self.sign}{self.value:g}"

    @property
    def on_risk(self) -> bool:
        """Whether what breaks it is too much risk: a high rank-1, rank-5 or AUC, or a low EER."""
        return ("<" in self.sign) == (self.name in _LOWER_IS_RISK)

    def of(self, outcome: Outcome) -> bool:
        """Whether the limit is one of that attack."""
        if self.attack is not None:
            return self.attack == outcome.attack
        return not same_recording(plugins.load("attacks", outcome.attack))

    def broken_by(self, outcome: Outcome) -> bool:
        """Whether an outcome is what it must not be."""
        found = getattr(outcome, MEASURES[self.name]).value
        return found is not None and bool(_OPERATORS[self.sign](found, self.value))


def parse_limit(text: str) -> Limit:
    """`rank1>0.2` or `attack.rank1>0.2`. Raises UsageError for other words, with the nearest."""
    where = f"--fail-if {text!r}"
    match = _SYNTAX.fullmatch(text)
    if not match:
        raise UsageError(
            "is not of the form NAME>NUMBER or NAME<NUMBER, or the same with >= or <=, or with"
            " ATTACK. before it",
            where=where,
            fix="For instance --fail-if 'rank1>0.2', 'eer<0.3', or 'static-shape.rank1>0.1'.",
        )
    attack, name, sign, number = match.groups()
    if name not in MEASURES:
        raise UsageError(
            f"no measure named {name!r}", where=where, fix=suggest(name, list(MEASURES))
        )
    if attack is not None:
        attack = attack.replace("_", "-").lower()
        known = plugins.names("attacks")
        if attack not in known:
            raise UsageError(f"no attack named {attack!r}", where=where, fix=suggest(attack, known))
    value = read_number(number)
    if value is None or not 0 <= value <= 1:
        raise UsageError(
            f"{number!r} is not a number from 0 to 1",
            where=where,
            fix="All measures are shares: 0.2 for 20 %.",
        )
    return Limit(attack, name, sign, value)


def broken(audit: Audit, limits: list[Limit]) -> list[DataError]:
    """An error for each attack that breaks a limit, on the side that the audit is about.

    Also for a limit that nothing could break, since no attack that it is of could be played: that
    is no pass.
    """
    errors = []
    for limit in limits:
        played = [o for o in audit.of(audit.judged) if limit.of(o)]
        if all(outcome.why for outcome in played):
            why = played[0].why if played else "the attack was not asked for"
            errors.append(
                DataError(
                    f"nothing was measured that {limit} could be held against: {why}",
                    where=f"corpus {audit.corpus!r}",
                    fix="Leave the limit out, or audit with what the attack needs.",
                )
            )
        errors += [_error(audit, limit, o) for o in played if limit.broken_by(o)]
    return errors


def _error(audit: Audit, limit: Limit, outcome: Outcome) -> DataError:
    value = getattr(outcome, MEASURES[limit.name]).value
    return DataError(
        f"{outcome.attack} ({outcome.matcher}) has {limit.name} {value:.3f} on the"
        f" {outcome.side} side, which breaks the limit {limit}",
        where=f"corpus {audit.corpus!r}",
        fix=_advice(audit, limit),
    )


def _advice(audit: Audit, limit: Limit) -> str:
    if not limit.on_risk:
        way = "lower" if limit.name in _LOWER_IS_RISK else "higher"
        turned = limit.sign.translate(str.maketrans("<>", "><"))
        return (
            f"A {way} {limit.name} is more risk, and this limit stops at less. For one on too much"
            f" risk turn the sign: {replace(limit, sign=turned)}."
        )
    if audit.judged == "raw":
        return "Do not share it as it is: deptool release makes a reduced copy."
    return "Release at a stronger level (deptool release --level), or share it with fewer."
