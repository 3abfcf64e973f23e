"""Audit: who is found again in a corpus or in a release of it, by which attack, beside its utility.

Attacks are files of deptool/attacks. Tables are read one by one and never kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from deptool import plugins
from deptool.attribute_inference import SEEN_BY, infer, vectors
from deptool.audit_link import Link, link, release_of, require_raw
from deptool.audit_notes import notes, warnings
from deptool.audit_pairs import Pairing, Row, pair, usable
from deptool.audit_play import play
from deptool.audit_result import Audit, Inference, Utility
from deptool.audit_samples import Described, describe, same_recording
from deptool.audit_utility import MODEL, NONE, require_utility, utilities
from deptool.corpus import Corpus, open_corpus
from deptool.errors import UsageError
from deptool.identification import Outcome, Side
from deptool.reduction import released_form

if TYPE_CHECKING:
    import polars as pl

    from deptool.key_file import Key

OnProgress = Callable[[str, int, int], None]  # what is done, how many of how many

_NO_RAW = "looks for the recording of a known video, which needs --against and --key-file"
_SOME = f"not asked for: they are inferred from what {' and '.join(SEEN_BY)} see"
_NO_ATTRIBUTES = "the corpus says nothing of gender or age"


@dataclass(frozen=True)
class _Side:
    """A corpus, its recordings of known persons, and which of them are known to the attacker."""

    name: Side
    corpus: Corpus
    rows: Sequence[Row]
    n_unknown: int
    pairing: Pairing
    found: Described = field(default_factory=Described)


def audit_corpus(
    root: Path,
    against: Path | None = None,
    key: Key | None = None,
    *,
    seed: int = 0,
    utility: str = MODEL,
    attacks: Sequence[str] | None = None,
    on_progress: OnProgress = lambda _what, _done, _of: None,
) -> Audit:
    """Audit a corpus; of a release, beside the raw corpus `against` it where that is named.

    With the `key` of the release both are linked: then recordings of known videos are looked for,
    and attributes are taken from the raw corpus. `attacks` None plays all; attributes are inferred
    where both attacks are among them whose descriptions they are inferred from. `utility` is a
    model, or "none". The same corpus and seed give the same numbers.

    Raises what `open_corpus` and reading tables raise; UsageError for an unknown attack or model,
    and for two corpora that are not raw and released; DataError for another key or another raw
    corpus, for persons who are not known, or a single one.
    """
    import sklearn.linear_model  # noqa: F401  (only a BLAS that is loaded can be limited)
    from threadpoolctl import threadpool_limits

    require_utility(utility)
    modules = {name: plugins.load("attacks", name) for name in _asked(attacks)}
    corpus = open_corpus(root)
    raw = open_corpus(against) if against is not None else None
    if raw is not None:
        require_raw(raw, corpus)
    elif key is not None:
        raise UsageError("a key links a release to its raw corpus", fix="Add: --against CORPUS")
    tied = link(corpus, raw, key) if raw is not None and key is not None else None
    release = release_of(corpus)
    judged = _side("raw" if release is None else "released", corpus, tied)
    sides = [judged] if raw is None else [_side("raw", raw, None), judged]
    with threadpool_limits(1):  # sums would depend on how many cores there are
        for side in sides:
            _describe(side, modules, release, tied, on_progress)
        outcomes = _outcomes(sides, modules, tied, seed, on_progress)
        inferences, inference_why = _inferences(sides, modules, tied, seed)
    scored, utility_why = _utility(sides, utility, tied, seed, on_progress)
    audit = Audit(
        corpus=corpus.name,
        against=raw.name if raw else None,
        level=str(release["level"]) if release else None,
        synthetic=corpus.synthetic,
        n_persons=len({row["subject_id"] for row in judged.rows}),
        n_recordings=len(judged.rows),
        seed=seed,
        pairing=judged.pairing.sentence,
        outcomes=tuple(outcomes),
        inferences=inferences,
        utilities=scored,
        utility_why=utility_why,
        inference_why=inference_why,
    )
    audit = replace(audit, warnings=warnings(audit, tied))
    left_out = judged.n_unknown, judged.found.n_short
    return replace(audit, notes=notes(audit, corpus, tied is not None, *left_out))


def _asked(attacks: Sequence[str] | None) -> list[str]:
    known = plugins.names("attacks")
    return known if attacks is None else [a.replace("_", "-").lower() for a in attacks]


def _side(name: Side, corpus: Corpus, tied: Link | None) -> _Side:
    """The side with its pairing; of a linked release, sessions in the raw corpus's order."""
    rows, n_unknown = usable(corpus)
    order: dict[str, str] = {}
    if tied is not None:
        order = {alias: id for id, alias in (*tied.session.items(), *tied.recording.items())}
    return _Side(name, corpus, rows, n_unknown, pair(rows, order))


def _describe(
    side: _Side,
    modules: Mapping[str, ModuleType],
    release: Mapping[str, Any] | None,
    tied: Link | None,
    on_progress: OnProgress,
) -> None:
    """Fill in what attacks take of a side."""
    wanted = {name: module for name, module in modules.items() if not same_recording(module)}
    linked = {n: m for n, m in modules.items() if same_recording(m)} if tied else {}
    remade: Callable[[pl.DataFrame], pl.DataFrame] | None = None
    if side.name == "raw" and tied is not None:
        assert release is not None
        remade = partial(_remade, release=release)
    found = describe(
        *(side.corpus, side.rows, side.pairing, wanted, linked, remade),
        lambda done, of: on_progress(f"Reading {side.name} tables", done, of),
    )
    if side.name == "raw" and tied is not None:  # by the names that the release gives them
        remade_ones = found.recordings
        remade_ones.recordings = [tied.recording.get(r, "") for r in remade_ones.recordings]
        remade_ones.persons = [tied.subject.get(p, "") for p in remade_ones.persons]
    vars(side.found).update(vars(found))


def _remade(table: pl.DataFrame, release: Mapping[str, Any]) -> pl.DataFrame:
    return released_form(table, release)


def _outcomes(
    sides: Sequence[_Side],
    modules: Mapping[str, ModuleType],
    tied: Link | None,
    seed: int,
    on_progress: OnProgress,
) -> list[Outcome]:
    """Every attack on every side, and its control on the side that the audit is about."""
    judged = sides[-1]
    found: list[Outcome] = []
    for done, (name, module) in enumerate(modules.items()):
        on_progress("Playing attacks", done, len(modules))
        if same_recording(module):
            if judged.name == "raw":
                continue
            if tied is None:
                found += [Outcome(name, m, judged.name, why=_NO_RAW) for m in module.MATCHERS]
                continue
            pairs = judged.found.recordings, sides[0].found.recordings
            found += play(name, module, judged.name, *pairs, seed)
            found += play(name, module, "control", *pairs, seed)
            continue
        for side in sides:
            found += play(name, module, side.name, side.found.gallery, side.found.probes, seed)
        found += play(name, module, "control", judged.found.gallery, judged.found.probes, seed)
    on_progress("Playing attacks", len(modules), len(modules))
    return found


def _inferences(
    sides: Sequence[_Side], modules: Mapping[str, ModuleType], tied: Link | None, seed: int
) -> tuple[tuple[Inference, ...], str | None]:
    """Gender and age on each side and in a control.

    Of a release, as the raw corpus has them, through the link.
    """
    if not set(SEEN_BY) <= set(modules):
        return (), _SOME
    found: list[Inference] = []
    why = None
    last: tuple[Mapping[str, Any], pl.DataFrame] | None = None
    for side in sides:
        known = side.corpus.subjects()
        if side.name == "released" and known.is_empty() and len(sides) > 1:
            if tied is None:
                why = "the release has no attributes, and without its key none can be linked to it"
                continue
            raw = sides[0].corpus.subjects()
            known = raw.filter(raw["subject_id"].is_in(list(tied.subject)))
            known = known.with_columns(known["subject_id"].replace_strict(dict(tied.subject)))
        if known.is_empty():
            why = why or _NO_ATTRIBUTES
            continue
        last = vectors(side.found), known
        found += infer(side.name, *last, seed)
    if last is not None:  # on the side that the audit is about, where attributes are known there
        found += infer("control", *last, seed)
    return tuple(found), why


def _utility(
    sides: Sequence[_Side], model: str, tied: Link | None, seed: int, on_progress: OnProgress
) -> tuple[tuple[Utility, ...], str | None]:
    if model == NONE:
        return (), "not asked for"
    on_progress(f"Training {model}", 0, 1)
    names = {} if tied is None else {alias: id for id, alias in tied.subject.items()}
    found = utilities([(side.name, side.corpus) for side in sides], model, seed, names)
    on_progress(f"Training {model}", 1, 1)
    return found
