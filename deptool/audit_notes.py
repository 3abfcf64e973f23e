"""What a reader of an audit must know before the first number, in sentences."""

from __future__ import annotations

from deptool.audit_link import release_of
from deptool.audit_result import Audit
from deptool.corpus import Corpus

FEW = 30  # persons
SYNTHETIC = (
    "The corpus is synthetic: these numbers show that the attacks work, and say nothing of people."
)
FAILED = (
    "A failed attack proves nothing: another attacker has more data, more time or a better model."
)
SMALL_N = (
    "The fewer persons, the easier a guess: at 12 persons chance is 8 %, at 1,200 it is 0.08 %. Do"
    " not compare rank-1 between corpora of different size; AUC and EER can be."
)


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
    said.append(SMALL_N)
    if release is not None and audit.against is None:
        said.append(
            "The raw corpus is not beside it (--against), so what the release takes away is not"
            " seen; nor is a known video looked for."
        )
    elif audit.against is not None and not linked:
        said.append(
            "Without the key of the release (--key-file) raw and released stand side by side but"
            " are not linked: a known video is not looked for, first sessions may be others, and"
            " attributes are not taken from the raw corpus."
        )
    if release is not None and release.get("k_same"):
        said.append(
            f"k-same with k = {release['k_same']} bounds only who is matched by resting levels; it"
            " takes the others of the corpus, so a known video's table is made without it."
        )
    if n_unknown:
        said.append(f"{n_unknown} recordings do not say who is in them and are left out.")
    if n_short:
        said.append(f"{n_short} recordings are too short to be cut into halves and are left out.")
    caches = _caches(corpus)
    if caches:
        said.append(
            f"Vectors in embeddings ({', '.join(caches)}) were not attacked, and may say more than"
            " the tables."
        )
    return tuple(said)


def _caches(corpus: Corpus) -> list[str]:
    """Caches of vectors that no attack reads."""
    from deptool import plugins
    from deptool.embeddings import caches

    release = release_of(corpus)
    read = None
    if release is not None:
        read = getattr(plugins.load("levels", release["level"]), "CACHE", None)
    return [name for name in caches(corpus) if name != read]
