"""What an audit says, in sentences: the strongest attack, and how to read the tables."""

from __future__ import annotations

from deptool.audit_result import UNNAMED, Audit
from deptool.audit_samples import same_recording
from deptool.bootstrap import Estimate
from deptool.identification import Outcome, Side


def title(audit: Audit) -> str:
    """'Audit of demo (release, level shape)'."""
    level = "" if audit.level is None else f" (release, level {audit.level})"
    return f"Audit of {audit.corpus}{level}"


def summary(audit: Audit) -> str:
    """Who and what was audited, against what."""
    name = "" if audit.against == UNNAMED else f" {audit.against}"
    beside = "" if audit.against is None else f", beside the raw corpus{name}"
    synthetic = " Synthetic data." if audit.synthetic else ""
    return (
        f"{audit.n_recordings} recordings of {audit.n_persons} persons{beside}, seed {audit.seed}."
        f"{synthetic}"
    )


def findings(audit: Audit) -> list[str]:
    """The strongest attack between sessions on each side, and whether a known video is found."""
    found = []
    sides: tuple[Side, ...] = ("raw", "released")
    for side in sides:
        best = _strongest(audit, side, same=False)
        if best is not None:
            found.append(
                f"On the {side} side {best.attack} ({best.matcher}) finds {_percent(best.rank_1)}"
                f" of {best.n_probes} probes among {best.n_candidates} persons at rank 1; guessing"
                f" finds {100 * best.chance_1:.1f} %."
            )
    best = _strongest(audit, audit.judged, same=True)
    if best is not None:
        found.append(
            f"Who holds the video of a recording, or knows its gaps, finds it in the release:"
            f" {best.attack} finds {_percent(best.rank_1)} of {best.n_probes} among"
            f" {best.n_candidates} recordings."
        )
    odd = [
        f"{o.attack} ({o.matcher})"
        for o in audit.of("control")
        if o.rank_1.interval is not None and not _holds(o.rank_1, o.chance_1)
    ]
    if odd:
        found.append(
            f"The control of {', '.join(odd)} is off chance. One in twenty is by accident; if it"
            " stays so with another --seed, do not trust the numbers of that attack."
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


def _strongest(audit: Audit, side: Side, *, same: bool) -> Outcome | None:
    """The outcome of the highest rank-1."""
    from deptool import plugins

    played = [
        o
        for o in audit.of(side)
        if o.rank_1.value is not None and same_recording(plugins.load("attacks", o.attack)) == same
    ]
    return max(played, key=lambda o: (o.rank_1.value or 0.0, o.auc.value or 0.0), default=None)


def _holds(found: Estimate, value: float) -> bool:
    return found.interval is not None and found.interval.low <= value <= found.interval.high


def _percent(found: Estimate) -> str:
    """'85 % [75, 93]'."""
    assert found.value is not None
    text = f"{100 * found.value:.0f} %"
    if found.interval is not None and not found.interval.few:
        text += f" [{100 * found.interval.low:.0f}, {100 * found.interval.high:.0f}]"
    return text
