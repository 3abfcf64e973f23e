"""README.md of a release: half a page for whoever receives it."""

from __future__ import annotations

from deptool import plugins
from deptool.corpus import MARKER, Corpus
from deptool.corpus_contents import Contents, is_encrypted
from deptool.licences import Licences
from deptool.markdown_table import text
from deptool.release_entry import ReleaseEntry

AUDITS = ("audit.html", "audit.json")

_DOCUMENTS = (
    ("data_dictionary.md", "every column: unit, range, convention, missing code (also as `.csv`)"),
    ("quality.md", "how many recordings, how well the faces were measured (also as `.json`)"),
    ("processing_record.md", "tool, extractor, every step with its numbers (also as `.json`)"),
    ("licences.md", "of the extractor, its weights, and the tables"),
    ("croissant.json", "the same for machines: Croissant 1.1"),
    ("ro-crate-metadata.json", "and RO-Crate 1.1, with the size and SHA-256 of every file"),
)

_NOT_FOR = """Do not try to find out who the people are, and do not link these tables with others
for that. They are not for diagnosis, screening, or any decision about a person. Do not pass them on
but as the consent of the people in them, and whoever gave them to you, allow."""

_READ = """```python
import polars as pl

recordings = pl.read_parquet("recordings.parquet")
frames = pl.read_parquet(f"frames/{recordings['recording_id'][0]}.parquet")
```"""

_ENCRYPTED = """The tables are encrypted. deptool reads them where the environment variable
`DEPTOOL_KEY_FILE` names your key file."""


def readme(
    corpus: Corpus, contents: Contents, licences: Licences, release: ReleaseEntry | None
) -> str:
    """The page. What it says of an audit follows from whether one lies in the folder."""
    parts = [
        f"# {text(corpus.name)}",
        *(["**Synthetic data: no person was recorded.**"] if corpus.synthetic else []),
        _what(corpus, contents, release),
        *([] if corpus.synthetic else [_personal(release)]),
        "## What it must not be used for",
        _NOT_FOR,
        "## How to read it",
        _how(is_encrypted(corpus)),
        "## What lies here",
        _documents(corpus, release),
        f"The licence of the tables is {text(licences.corpus)}.",
    ]
    return "\n\n".join(parts) + "\n"


def _what(corpus: Corpus, contents: Contents, release: ReleaseEntry | None) -> str:
    groups = {
        **{"landmarks": "68 landmarks", "action_units": "action units", "head_pose": "head pose"},
        "gaze": "gaze",
    }
    there = [words for group, words in groups.items() if contents.has_group(group)]
    held = f" with {', '.join(there)}" if there else ""
    what = f"Tables of faces over time{held}, measured from videos that are not here"
    if corpus.synthetic:
        what = f"Tables of faces over time{held}, made up by a generator"
    scored = ", and scores of questionnaires" if contents.table("labels") else ""
    line = f"{what}{scored}. Feature set {text(corpus.feature_set)}."
    if release is None:
        return line
    level = f"This is a release at the level {text(release.level)}"
    title = ""
    if release.level in plugins.names("levels"):
        title = f": {text(plugins.title('levels', release.level))}"
    return f"{line}\n\n{level}{title}. Ids are pseudonyms, clocks start at zero, no dates are kept."


def _personal(release: ReleaseEntry | None) -> str:
    reduced = " The risk of re-identification is reduced, not gone." if release else ""
    return f"**These tables are personal data: how a face moves can tell whose it is.**{reduced}"


def _how(encrypted: bool) -> str:
    check = (
        "`deptool check` on this folder checks every table; every other command of deptool takes"
    )
    check += " it as a corpus."
    if encrypted:
        return f"{_ENCRYPTED} {check}"
    return f"Without deptool, in this folder:\n\n{_READ}\n\n{check}"


def _documents(corpus: Corpus, release: ReleaseEntry | None) -> str:
    lines = [f"- `{name}`: {what}" for name, what in _DOCUMENTS]
    lines.append(f"- `{MARKER}`: what deptool reads, with every step of the release")
    audits = [name for name in AUDITS if (corpus.root / name).is_file()]
    if audits:
        named = " and ".join(f"`{name}`" for name in audits)
        lines.append(f"- {named}: how well attacks recognise people in these tables")
    elif release:
        lines.append("- no audit: how well attacks recognise people here was not measured")
    return "\n".join(lines)
