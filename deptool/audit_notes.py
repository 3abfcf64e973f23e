"""What a reader of an audit must know before the first number, in sentences."""

from __future__ import annotations

from deptool.audit_link import Link, release_of
from deptool.audit_result import Audit
from deptool.audit_words import counted, odd_controls, of_a_recording, percent
from deptool.corpus import Corpus

FEW = 30  # persons
SYNTHETIC = (
    "The corpus is synthetic: these numbers show that the attacks work, and say nothing of people."
)
FAILED = (
    "A failed attack proves nothing: another attacker has more data, more time or a better model."
)
_LARGER = 100  # times as many persons, to show what that does to chance


def warnings(audit: Audit, tied: Link | None) -> tuple[str, ...]:
    """Why numbers are not to be trusted: another raw corpus, controls that are off chance."""
    said = []
    if tied is not None and len(tied.recording) < tied.n_released:
        n = len(tied.recording)
        said.append(
            f"Only {n} of the release's {tied.n_released} recordings are in the raw corpus under"
            " this key. Either some were deleted there since, or it is not the corpus that the"
            " release was made of, and ids are the same by accident: then what is found with the"
            f" key says nothing. Known videos and attributes are of {'that' if n == 1 else 'those'}"
            f" {n} alone."
        )
    return (*said, *odd_controls(audit))


def notes(
    audit: Audit, corpus: Corpus, linked: bool, n_unknown: int, n_short: int
) -> tuple[str, ...]:
    """The sentences, most serious first.

    n_unknown, n_short: recordings left out for want of a person, or of length.
    """
    release = release_of(corpus)
    said = [SYNTHETIC] if audit.synthetic else []
    said.append(FAILED)
    if audit.n_persons < FEW:
        said.append(
            f"{audit.n_persons} persons are few: intervals are wide, and an attack that seems to"
            " fail may only have had too little to be seen."
        )
    said.append(_guessing(audit))
    if release is not None and audit.against is None:
        said.append(
            "The raw corpus is not beside it (--against), so what the release takes away is not"
            " seen; nor is a known video looked for."
        )
    elif audit.against is not None and not linked:
        said.append(
            "Without the key of the release (--key-file) raw and released stand side by side but"
            " are not linked: whether they are the same recordings cannot be checked, a known video"
            " is not looked for, first sessions may be others, and attributes are not taken from"
            " the raw corpus."
        )
    if release is not None and release.get("k_same"):
        said.append(
            f"k-same with k = {release['k_same']} bounds only who is matched by resting levels; it"
            " needs the other persons of the corpus, so whoever holds one video cannot repeat it."
        )
    if n_unknown:
        said.append(
            f"Left out, since it is not known who is in them: {counted(n_unknown, 'recording')}."
        )
    if n_short:
        said.append(
            f"Left out, since they are too short for halves: {counted(n_short, 'recording')}."
        )
    caches = _caches(corpus)
    if caches:
        said.append(
            f"Vectors in embeddings ({', '.join(caches)}) were not attacked, and may say more than"
            " the tables."
        )
    return tuple(said)


def _guessing(audit: Audit) -> str:
    """What guessing finds among so many persons, and among many more."""
    played = [o for o in audit.of(audit.judged) if o.n_candidates and not of_a_recording(o)]
    n = played[0].n_candidates if played else audit.n_persons
    return (
        f"The fewer persons, the easier a guess: at {counted(n, 'person')} chance is"
        f" {percent(1 / n)}, at {_LARGER * n:,} it is {percent(1 / (_LARGER * n))}. Do not compare"
        " rank-1 between corpora of different size; AUC and EER can be."
    )


def _caches(corpus: Corpus) -> list[str]:
    """Caches of vectors that no attack reads."""
    from deptool import plugins
    from deptool.embeddings import caches

    release = release_of(corpus)
    read = None
    if release is not None:
        read = getattr(plugins.load("levels", release["level"]), "CACHE", None)
    return [name for name in caches(corpus) if name != read]
