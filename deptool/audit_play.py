"""One attack played on one side: who is found, and what guessing would find."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deptool.audit_samples import Held, same_recording
from deptool.identification import MOST_WORST, Outcome, Side
from deptool.identification_measures import Measures, Run, chance, measure

SHUFFLES = 5  # of a control, unless the attack says how many
_SLACK = 1e-9  # of sums of shares


def play(
    name: str, attack: ModuleType, side: Side, gallery: Held, probes: Held, seed: int
) -> list[Outcome]:
    """The outcome of each of its matchers.

    As a control, persons (or recordings) are shuffled among the samples of the gallery, and the
    whole attack is played again, several times; what is found is averaged.
    """
    own = gallery.recordings if same_recording(attack) else gallery.persons
    asked = probes.recordings if same_recording(attack) else probes.persons
    # Nothing is there where all recordings were too short for any sample.
    described, wanted = gallery.described.get(name, []), probes.described.get(name, [])
    known = [i for i, each in enumerate(described) if each is not None]
    candidates = {who: n for n, who in enumerate(sorted({own[i] for i in known}))}
    used = [i for i, each in enumerate(wanted) if each is not None and asked[i] in candidates]
    if len(candidates) < 2 or not used:
        why = _why(attack, side, name in gallery.seen | probes.seen, len(candidates), len(used))
        if not described and not wanted:
            why = "no recording is long enough to be cut into halves"
        return [Outcome(name, matcher, side, why=why) for matcher in attack.MATCHERS]
    persons = np.array([candidates[own[i]] for i in known])
    truth = np.array([candidates[asked[i]] for i in used])
    whose = [probes.persons[i] for i in used]
    units, unit = np.unique(whose, return_inverse=True)
    held = [described[i] for i in known], [wanted[i] for i in used]
    runs = _runs(attack, side, held, persons, seed)
    found = []
    for matcher in attack.MATCHERS:
        scored = [Run(run[matcher], truth) for run in runs if matcher in run]
        if not scored:
            why = "recordings are too short to be cut into parts that it could learn from"
            found.append(Outcome(name, matcher, side, why=why))
            continue
        measures = measure(scored, unit.astype(np.int64), seed)
        outcome = _outcome(name, matcher, side, measures, len(used), len(candidates), units)
        found.append(outcome if side != "control" else _shuffled(outcome, len(scored)))
    return found


def _runs(
    attack: ModuleType,
    side: Side,
    held: tuple[list[Any], list[Any]],
    persons: NDArray[np.int64],
    seed: int,
) -> list[dict[str, NDArray[np.float64]]]:
    """{matcher: (probe, person)} of the attack; of a control, of each shuffle."""
    gallery, probes = held
    if side != "control":
        return [attack.match(gallery, persons, probes, seed)]
    rng = np.random.default_rng([seed, len(persons)])
    times = getattr(attack, "SHUFFLES", SHUFFLES)
    return [attack.match(gallery, rng.permutation(persons), probes, seed) for _ in range(times)]


def _outcome(
    name: str,
    matcher: str,
    side: Side,
    found: Measures,
    n_probes: int,
    n_candidates: int,
    units: NDArray[np.str_],
) -> Outcome:
    outcome = Outcome(
        *(name, matcher, side, n_probes, n_candidates, len(units)),
        chance_1=chance(1, n_candidates),
        chance_5=chance(5, n_candidates),
        rank_1=found.rank_1,
        rank_5=found.rank_5,
        eer=found.eer,
        auc=found.auc,
        cmc=tuple(found.cmc.tolist()),
        n_always=int((found.found >= 1 - _SLACK).sum()),
    )
    if not outcome.works:
        return outcome
    order = sorted(range(len(units)), key=lambda i: (-found.found[i], units[i]))
    easy = [i for i in order if found.found[i] > outcome.chance_1 + _SLACK]
    worst = tuple((str(units[i]), float(found.found[i])) for i in easy[:MOST_WORST])
    return replace(outcome, worst=worst, n_easy=len(easy))


def _shuffled(outcome: Outcome, times: int) -> Outcome:
    """A control: it names nobody."""
    return replace(outcome, worst=(), n_easy=0, n_always=0, n_shuffles=times)


def _why(attack: ModuleType, side: Side, seen: bool, candidates: int, probes: int) -> str:
    """`seen`: whether any table has a column that it looks at."""
    if not seen:
        return f"{'raw' if side == 'raw' else 'released'} tables have no {attack.LOOKS_AT}"
    least = attack.LEAST_ROWS
    needed = f"a recording needs {least} row{'s' * (least != 1)} with {attack.LOOKS_AT}"
    if candidates == 0 and probes == 0:
        return f"{needed}, and none has so many"
    return f"{needed}, and too few have so many (candidates: {candidates}, probes: {probes})"
