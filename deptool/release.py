"""Release: a reduced copy of a corpus, to be shared deliberately, with its documents and audit.

Order: tables, audit of them against the corpus, encryption, documents, since these hold sizes and
hashes of the files as they are at the end. All or nothing: see release_folder.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from deptool import plugins
from deptool.audit import audit_corpus
from deptool.audit_html import write_audit
from deptool.audit_result import Audit
from deptool.audit_utility import require_utility
from deptool.corpus import Corpus
from deptool.encryption import encrypt_tables, require_cryptography
from deptool.errors import DataError, SettingsError, UsageError, suggest
from deptool.key_file import Key
from deptool.reduction import Common
from deptool.release_about import ReleaseSettings
from deptool.release_corpus import Written, write_release
from deptool.release_documents import look_at, require_day, write_documents
from deptool.release_folder import building, require_apart
from deptool.release_tables import require_place
from deptool.settings import resolve

OnProgress = Callable[[str, int, int], None]  # what is done, how many of how many


@dataclass(frozen=True)
class Released:
    """A release in its place. `audit` names persons; the copy beside the tables does not.

    `audit_why`: why there is none.
    """

    corpus: Corpus
    written: Written
    encrypted: bool
    audit: Audit | None
    audit_why: str | None = None


def settings_of(level: str, words: Sequence[str] = (), **others: Any) -> ReleaseSettings:
    """Settings from `key=value` words, which are the level's or those of the shared steps.

    Raises UsageError for an unknown level, SettingsError for what makes no sense.
    """
    module: Any = plugins.load("levels", level)
    shared = [field.name for field in fields(Common)]
    known = [*(field.name for field in fields(module.Settings)), *shared]
    common: list[str] = []
    own: list[str] = []
    for word in words:
        name = word.partition("=")[0].strip().replace("-", "_")
        if "=" in word and name not in known:
            raise SettingsError(
                f"unknown setting {name!r}", where=f"level {level}", fix=suggest(name, known)
            )
        (common if name in shared else own).append(word)
    return ReleaseSettings(
        level.replace("_", "-").lower(),
        resolve(module.Settings, words=own, where=f"level {level}"),
        resolve(Common, words=common, where="release"),
        **others,
    )


def release_corpus(
    root: Path,
    out: Path,
    settings: ReleaseSettings,
    key: Key,
    *,
    audited: bool = True,
    utility: str = "ridge",
    encrypt_with: Key | None = None,
    links: Path | None = None,
    published: str | None = None,
    on_progress: OnProgress = lambda what, done, of: None,
) -> Released:
    """Release a corpus into a new folder `out`, whole or not at all.

    `utility`: the model that the audit trains on both corpora, or "none". `encrypt_with`: another
    key, under which tables are encrypted at rest. `links`: where to write which id became which
    pseudonym. `published`: the day (YYYY-MM-DD) that the documents for machines say. Raises
    UsageError where `out` is there or lies in a corpus, where both keys are one, and where there is
    no such model; and what writing, auditing, encrypting and documenting raise.
    """
    require_apart(root, out)
    if links is not None:
        require_place(links, out)
    if published is not None:
        require_day(published)
    if audited:
        require_utility(utility)
    if encrypt_with is not None:
        _require_other(encrypt_with, key)
    with building(out) as folder:
        named = replace(settings, name=settings.name or out.resolve().name)
        written = write_release(root, folder, named, key, on_progress)
        corpus = written.corpus
        audit: Audit | None = None
        why: str | None = "not asked for"
        if audited:
            audit, why = _audit(corpus, root, key, utility, on_progress)
        findings = look_at(corpus, on_progress)
        if encrypt_with is not None:
            encrypt_tables(folder, encrypt_with)
        write_documents(corpus, findings, published=published, on_progress=on_progress)
        if links is not None:
            written.links.write(links)
    placed = Corpus(out, corpus.about)
    return Released(placed, written, encrypt_with is not None, audit, why)


def _audit(
    corpus: Corpus, root: Path, key: Key, utility: str, on_progress: OnProgress
) -> tuple[Audit | None, str | None]:
    """Audit the release and write what may go with it; or why it cannot be audited."""
    try:
        audit = audit_corpus(corpus.root, root, key, utility=utility, on_progress=on_progress)
    except DataError as error:
        return None, error.what
    write_audit(audit, corpus.root)
    return audit, None


def _require_other(encrypt_with: Key, key: Key) -> None:
    """Before the work: UsageError where both keys are one; MissingExtraError as encrypting."""
    if encrypt_with.id == key.id:
        raise UsageError(
            "the tables cannot be encrypted under the key of the pseudonyms: whoever may read them"
            " could then link them to the persons",
            fix="Make another key: deptool key new FILE",
        )
    require_cryptography()
