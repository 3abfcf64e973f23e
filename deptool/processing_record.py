"""Processing record: what made the tables, and every step that was taken on the way to a release.

For whoever must answer for them: the law's words stand in it in one line each, without advice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import deptool
from deptool.corpus import Corpus
from deptool.corpus_contents import Contents, is_encrypted
from deptool.licences import Licences, as_objects
from deptool.markdown_table import listing, table, text
from deptool.release_about import told
from deptool.release_entry import ReleaseEntry, in_words

_PERSONAL = "GDPR Art. 4(1): tables of people's faces are personal data."
_PSEUDONYMS = (
    "GDPR Art. 4(5) and recital 26: ids here are pseudonyms, and pseudonymised data stay personal"
    " data. EDPB Guidelines 01/2025: the key is kept apart from them."
)
_HEALTH = "GDPR Art. 9(1): scores of a questionnaire on depression are data concerning health."
_LAW = (
    "HIPAA Safe Harbor, 45 CFR 164.514(b)(2): biometric identifiers, full-face images and all"
    " dates but the year are on its list. Whether movements of a face are biometric identifiers is"
    " for whoever releases them to judge.",
    "WP216 (Opinion 05/2014) asks for singling out, linkability and inference: an audit measures"
    " attacks of these kinds, and one that fails proves nothing.",
    "Research use, not a diagnostic device.",
)


def record(
    corpus: Corpus, contents: Contents, licences: Licences, release: ReleaseEntry | None
) -> dict[str, Any]:
    """The record as plain values. Without a release it has no steps."""
    about = corpus.about
    extraction = release.extraction if release else about.get("extraction")
    extractor = licences.extractor
    said = about.get("deidentification")
    found: dict[str, Any] = {
        "corpus": corpus.name,
        "synthetic": corpus.synthetic,
        "tool": {"name": "deptool", "version": _version(release), "licence": "Apache-2.0"},
        "schema_version": about["schema_version"],
        "feature_set": corpus.feature_set,
        "extraction": {
            "feature_set": release.feature_set_before if release else corpus.feature_set,
            "extractor": extractor and extractor.name,
            "licence": licences.features,
            "weights": as_objects(licences.weights),
            "settings": told(extraction),
        },
        "deidentification": [str(line) for line in said] if isinstance(said, list) else [],
        "encrypted": is_encrypted(corpus),
    }
    if release:
        found["release"] = {
            "level": release.level,
            "settings": dict(release.settings),
            "k_same": release.k_same,
            "pseudonym_key_id": release.key_id,
            "steps": [asdict(step) for step in release.steps],
            "left_out": dict(release.left_out),
            "kept_attributes": list(release.kept_attributes),
        }
    law = [_PSEUDONYMS if release else _PERSONAL]
    law += [_HEALTH, *_LAW] if contents.table("labels") else _LAW
    return found | {"licence": licences.corpus, "law": law}


def to_markdown(found: Mapping[str, Any]) -> str:
    """The same for reading."""
    extraction, release = found["extraction"], found.get("release")
    tool = found["tool"]
    rows = [
        ("Written by", f"{tool['name']} {tool['version']} ({tool['licence']})"),
        ("Feature set", found["feature_set"]),
        ("Measured as", f"{extraction['feature_set']}; {extraction['licence']}"),
        ("Settings of the measuring", in_words(extraction["settings"])),
        *(("Weights", f"{w['purpose']}: {w['licence']}") for w in extraction["weights"]),
        ("Tables are encrypted", "yes" if found["encrypted"] else "no"),
        ("Licence of the tables", found["licence"]),
    ]
    if release:
        rows += [
            ("Level of the release", release["level"]),
            ("Its settings", in_words(release["settings"])),
            ("k-same", release["k_same"] or "not used"),
            ("Id of the pseudonyms' key", release["pseudonym_key_id"]),
            ("Gender and age", _kept(release["kept_attributes"])),
            ("Scores, splits, names of tasks", "as they were, where there are some"),
        ]
    parts = [f"# Processing record of {text(found['corpus'])}"]
    if found["synthetic"]:
        parts.append(
            "**Synthetic data: no person was recorded, and the law below is not touched.**"
        )
    parts += [table(("", ""), rows), *_steps(found), "## Law", listing(found["law"])]
    return "\n\n".join(parts) + "\n"


def _steps(found: Mapping[str, Any]) -> list[str]:
    release = found.get("release")
    if release is None:
        said = found["deidentification"] or ["nothing is recorded"]
        return ["## What was taken out", listing(said)]
    rows = [
        (n, step["name"], step["what"], in_words(step["parameters"]))
        for n, step in enumerate(release["steps"], 1)
    ]
    left_out = [f"{what}: {n}" for what, n in release["left_out"].items()]
    return [
        *("## Steps, in order", table(("", "step", "what it does", "parameters"), rows)),
        "## What was left out besides, and how many",
        listing(left_out or ["nothing: what columns lost stands in the steps"]),
    ]


def _kept(attributes: Sequence[str]) -> str:
    return f"{' and '.join(attributes)}, as the steps say" if attributes else "not in the release"


def _version(release: ReleaseEntry | None) -> str:
    return release.deptool_version if release else deptool.__version__
