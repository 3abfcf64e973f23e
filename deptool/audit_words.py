"""What an audit says, in sentences: the strongest attack, what to doubt, how to read the tables."""

from __future__ import annotations

from collections.abc import Sequence

from deptool import plugins
from deptool.audit_result import UNNAMED, Audit
from deptool.audit_samples import same_recording
from deptool.bootstrap import Estimate
from deptool.identification import Outcome, Side

_ACCIDENT = "One control in twenty is off by accident: see whether it stays so with another --seed."


def title(audit: Audit) -> str:
    """'Audit of demo (release, level shape)'."""
    level = "" if audit.level is None else f" (release, level {audit.level})"
    return f"Audit of {audit.corpus}{level}"


def summary(audit: Audit) -> str:
    """Who and what was audited, against what."""
    name = "" if audit.against == UNNAMED else f" {audit.against}"
    beside = "" if audit.against is None else f", beside the raw corpus{name}"
    synthetic = " Synthetic data." if audit.synthetic else ""
    who = f"{counted(audit.n_recordings, 'recording')} of {counted(audit.n_persons, 'person')}"
    return f"{who}{beside}, seed {audit.seed}.{synthetic}"


def findings(audit: Audit) -> list[str]:
    """What is to be doubted; then the strongest attack on each side, and known recordings."""
    found = list(audit.warnings)
    sides: tuple[Side, ...] = ("raw", "released")
    for side in sides:
        played = [o for o in audit.of(side) if o.rank_1.value is not None and not of_a_recording(o)]
        if played:
            found.append(_strongest(played))
    known = [o for o in audit.of(audit.judged) if o.rank_1.value is not None and of_a_recording(o)]
    return [*found, *(_known(outcome) for outcome in known)]


def odd_controls(audit: Audit) -> list[str]:
    """A sentence for each attack that finds what is not there: its control is off chance."""
    found = []
    for o in audit.of("control"):
        inside = o.rank_1.interval
        if inside and not inside.few and not inside.low <= o.chance_1 <= inside.high:
            what = f"its control finds {_percent(o.rank_1)}, and guessing {_guess(o)}"
            found.append(f"Do not trust {o.attack} ({o.matcher}): {what}. {_ACCIDENT}")
    for i in audit.inferences:
        inside = i.value.interval
        if i.side == "control" and inside is not None and inside.low > i.chance:
            what = f"{i.measure} {i.value.value:.2f} where {i.chance:g} is chance"
            found.append(
                f"Do not trust what is inferred of {i.attribute}: shuffled among persons it has"
                f" {what}. {_ACCIDENT}"
            )
    return found


def reading() -> list[str]:
    """How to read the tables."""
    return [
        "Compare a number with chance and with the control, never with 0: an attack works where"
        " chance lies below its interval.",
        "An interval that holds chance does not say that nobody can be found. It says that this"
        " attack, on so few persons, could not show it.",
        "Raw beside released is what the release takes away; what is left is the risk that is"
        " accepted when it is shared.",
    ]


def counted(n: int, thing: str) -> str:
    """'1 probe', '2 probes'."""
    return f"{n:,} {thing}{'s' * (n != 1)}"


def percent(share: float) -> str:
    """'12.5 %', '0.083 %'."""
    number = f"{100 * share:.1f}" if share >= 0.01 else f"{100 * share:.2g}"
    return f"{number.removesuffix('.0')} %"


def of_a_recording(outcome: Outcome) -> bool:
    """Whether the attack looks for a recording, and not for a person in another session."""
    return same_recording(plugins.load("attacks", outcome.attack))


def _strongest(played: Sequence[Outcome]) -> str:
    """What the strongest of the attacks on one side finds; or that none was shown to."""
    best = max(played, key=lambda o: (o.works, o.rank_1.value or 0.0, o.auc.value or 0.0))
    name = f"{best.attack} ({best.matcher})"
    of = (
        f"{_percent(best.rank_1)} of {counted(best.n_probes, 'probe')} among"
        f" {counted(best.n_candidates, 'person')} at rank 1; guessing finds {_guess(best)}."
    )
    if best.works:
        return f"On the {best.side} side {name} finds {of}"
    return (
        f"On the {best.side} side no attack was shown to find persons beyond guessing. The highest"
        f" is {name} with {of}"
    )


def _known(found: Outcome) -> str:
    """Whether an attack on known recordings finds them in the release."""
    who = plugins.load("attacks", found.attack).WHO
    what = "finds it in the release" if found.works else "was not shown to find it beyond guessing"
    return (
        f"{who} {what}: {found.attack} finds {_percent(found.rank_1)} of"
        f" {counted(found.n_probes, 'recording')} among {found.n_candidates}; guessing finds"
        f" {_guess(found)}."
    )


def _guess(outcome: Outcome) -> str:
    return percent(outcome.chance_1)


def _percent(found: Estimate) -> str:
    """'85 % [75, 93]'."""
    assert found.value is not None
    text = f"{100 * found.value:.0f} %"
    if found.interval is not None and not found.interval.few:
        text += f" [{100 * found.interval.low:.0f}, {100 * found.interval.high:.0f}]"
    return text
