"""What a data steward gets with a release: the documents beside its tables.

All is read from the corpus itself: tables, corpus.json, the plug-ins that it names. Nothing is from
the clock or of this machine, so that the same corpus gets the same bytes. Hashes and sizes are of
the files as they lie there: write the documents last, after an encryption and after an audit.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deptool import (
    croissant,
    data_dictionary,
    licences,
    processing_record,
    quality_summary,
    ro_crate,
)
from deptool.check import check_corpus
from deptool.corpus import Corpus
from deptool.corpus_contents import Contents, OnProgress, contents_of
from deptool.errors import UsageError
from deptool.json_ld import json_ld_text
from deptool.release_entry import release_entry
from deptool.release_readme import readme
from deptool.tables import write_json, write_text


@dataclass(frozen=True)
class Findings:
    """What was found in the rows of a corpus's tables, of which the documents tell."""

    contents: Contents
    quality: Mapping[str, Any]


def look_at(corpus: Corpus, on_progress: OnProgress = lambda what, done, of: None) -> Findings:
    """Read every table. After it the tables can be encrypted, and the documents written last.

    Encrypted tables are read with their key, as by every verb. Raises SchemaError where a table
    breaks its schema.
    """

    def checked(done: int, of: int) -> None:
        on_progress("Checking tables", done, of)

    contents = contents_of(corpus, on_progress)
    report = check_corpus(corpus.root, on_progress=checked)
    return Findings(contents, quality_summary.summary(corpus, report, release_entry(corpus)))


def write_documents(
    corpus: Corpus,
    findings: Findings | None = None,
    *,
    published: str | None = None,
    on_progress: OnProgress = lambda what, done, of: None,
) -> list[Path]:
    """Write the documents into the corpus's folder; what was written, in order.

    A corpus that is no release gets the same, and they say less. `findings` are what `look_at`
    found; without them it looks now. With them no row is read, only files' sizes and hashes are
    taken. `published` is the day for Croissant and RO-Crate, as YYYY-MM-DD; without it neither has
    one. Raises UsageError for what is no day, what `look_at` raises, SchemaError where corpus.json
    says of its release what cannot be read, InputError where nothing can be written.
    """
    if published is not None:
        require_day(published)
    return list(_write(corpus, findings or look_at(corpus, on_progress), published))


def require_day(published: str) -> None:
    """Raise UsageError where it is no day in the form 2026-01-31."""
    try:
        good = datetime.date.fromisoformat(published).isoformat() == published
    except ValueError:
        good = False
    if not good:
        raise UsageError(
            f"is no day: {published!r}", where="published", fix="Write it as in 2026-01-31."
        )


def _write(corpus: Corpus, findings: Findings, published: str | None) -> Iterator[Path]:
    release = release_entry(corpus)
    contents = findings.contents
    known = licences.licences_of(corpus, contents, release)
    columns = data_dictionary.entries(corpus, contents, release)
    record = processing_record.record(corpus, contents, known, release)
    described = croissant.croissant(corpus, contents, known, release, published)
    texts = {
        "README.md": readme(corpus, contents, known, release),
        "data_dictionary.csv": data_dictionary.to_csv(columns),
        "data_dictionary.md": data_dictionary.to_markdown(corpus.name, columns),
        "quality.md": quality_summary.to_markdown(findings.quality),
        "processing_record.md": processing_record.to_markdown(record),
        "licences.md": licences.to_markdown(corpus, known),
        "croissant.json": json_ld_text(described),
    }
    for name, text in texts.items():
        write_text(corpus.root / name, text)
        yield corpus.root / name
    values = {"quality.json": findings.quality, "processing_record.json": record}
    for name, value in values.items():
        write_json(corpus.root / name, value)
        yield corpus.root / name
    # Last: it lists all others with their sizes.
    crate = ro_crate.ro_crate(corpus, known, release, published)
    write_text(corpus.root / ro_crate.FILE, json_ld_text(crate))
    yield corpus.root / ro_crate.FILE
