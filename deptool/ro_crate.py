"""ro-crate-metadata.json: what lies in a corpus folder and how it came about, as RO-Crate 1.1.

RO-Crate Metadata Specification 1.1, researchobject.org. Every file is listed with its size and its
SHA-256. How the release was made is a CreateAction with deptool as its instrument; the steps are a
HowTo, with their parameters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import deptool
from deptool.corpus import MARKER, Corpus
from deptool.licences import NOT_STATED, Licences
from deptool.reduction import Step
from deptool.release_entry import ReleaseEntry
from deptool.weights import sha256_of

FILE = "ro-crate-metadata.json"

_SPECIFICATION = "https://w3id.org/ro/crate/1.1"
# schema.org has it; the context of RO-Crate 1.1 is older.
_CONTEXT = (f"{_SPECIFICATION}/context", {"sha256": "https://schema.org/sha256"})

_FORMATS = {
    ".parquet": "application/vnd.apache.parquet",
    ".json": "application/json",
    ".csv": "text/csv",
    ".md": "text/markdown",
    ".html": "text/html",
}

_WHAT = {
    MARKER: "What deptool reads of the corpus, with the steps of a release",
    "recordings.parquet": "One row per recording",
    "labels.parquet": "One score per session and scale",
    "subjects.parquet": "What is known of the persons",
    "README.md": "For whoever receives it",
    "data_dictionary.csv": "Every column: unit, range, convention, missing code",
    "data_dictionary.md": "The data dictionary for reading",
    "quality.json": "Quality over all recordings",
    "quality.md": "Quality for reading",
    "croissant.json": "Croissant 1.1 metadata",
    "processing_record.json": "Tool, extractor, steps and their parameters",
    "processing_record.md": "The processing record for reading",
    "licences.md": "Licences of the extractor, its weights and the tables",
    "audit.json": "What attacks on these tables found",
    "audit.html": "The audit for reading",
}
_FOLDERS = {
    "frames": "A recording's frames table",
    "tracks": "All faces of a recording",
    "embeddings": "Vectors of a recording",
}

Node = dict[str, Any]


def ro_crate(
    corpus: Corpus, licences: Licences, release: ReleaseEntry | None, published: str | None
) -> Node:
    """The crate as plain values: every file that lies there now but itself and hidden ones.

    `published` is a date in ISO 8601, or None. The specification wants one of the root. Files of a
    release carry no time on purpose, and a clock would make other bytes of the same corpus; so
    without it there is none, and whoever publishes the crate adds the day.
    """
    files = [_file(corpus.root, path) for path in _paths(corpus.root)]
    root: Node = {
        "@id": "./",
        "@type": "Dataset",
        "name": corpus.name,
        "description": _description(corpus, release),
        **({"datePublished": published} if published else {}),
        "license": {"@id": "#licence"},
        "hasPart": [{"@id": file["@id"]} for file in files],
        "mentions": [{"@id": "#release" if release else "#extraction"}],
    }
    descriptor = {
        "@id": FILE,
        "@type": "CreativeWork",
        "conformsTo": {"@id": _SPECIFICATION},
        "about": {"@id": "./"},
    }
    made = _release(release) if release else ()
    graph = [descriptor, root, *files, _licence(licences), *_extraction(corpus, licences, release)]
    return {"@context": list(_CONTEXT), "@graph": [*graph, *made]}


def _paths(root: Path) -> Iterator[Path]:
    """Files below the folder by name; none that is hidden or a link."""
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        hidden = any(part.startswith(".") for part in parts)
        if path.is_file() and not path.is_symlink() and not hidden and parts != (FILE,):
            yield path


def _file(root: Path, path: Path) -> Node:
    place = path.relative_to(root)
    name = place.as_posix()
    what = _WHAT.get(name) or _FOLDERS.get(place.parts[0] if len(place.parts) > 1 else "")
    kind = _FORMATS.get(path.suffix, "application/octet-stream")
    return {
        "@id": quote(name),
        "@type": "File",
        "name": name,
        **({"description": what} if what else {}),
        "encodingFormat": kind,
        "contentSize": str(path.stat().st_size),
        "sha256": sha256_of(path),
    }


def _description(corpus: Corpus, release: ReleaseEntry | None) -> str:
    synthetic = " Synthetic: no person was recorded." if corpus.synthetic else ""
    reduced = (
        f" A release at the level {release.level}: the risk of re-identification is reduced, not"
        " gone."
        if release
        else ""
    )
    return (
        f"Tables of faces over time, feature set {corpus.feature_set}; no pixels, no"
        f" sound.{synthetic}{reduced}"
    )


def _licence(licences: Licences) -> Node:
    name = "Not stated" if licences.corpus == NOT_STATED else licences.corpus
    return {
        "@id": "#licence",
        "@type": "CreativeWork",
        "name": name,
        "description": f"Licence of these tables: {licences.corpus}",
    }


def _extraction(corpus: Corpus, licences: Licences, release: ReleaseEntry | None) -> Iterator[Node]:
    """How the frames were measured, as far as it is known."""
    extractor = licences.extractor
    before = release.feature_set_before if release else corpus.feature_set
    # Of a release, the result is not here: it is the corpus that was kept.
    result = "#corpus" if release else "./"
    yield {
        "@id": "#extraction",
        "@type": "CreateAction",
        "name": f"Measuring of the feature set {before}",
        **({"instrument": {"@id": "#extractor"}} if extractor else {}),
        "result": {"@id": result},
    }
    if extractor:
        yield {
            "@id": "#extractor",
            "@type": "SoftwareApplication",
            "name": extractor.name,
            "description": extractor.title,
            "license": extractor.licence,
        }
    if release:
        yield {
            "@id": "#corpus",
            "@type": "CreativeWork",
            "name": "The corpus that was released, which is kept by whoever released it",
        }


def _release(release: ReleaseEntry) -> Iterator[Node]:
    yield {
        "@id": "#release",
        "@type": "CreateAction",
        "name": f"Release at the level {release.level}",
        "description": " ".join(step.what for step in release.steps),
        "instrument": [{"@id": "#deptool"}, {"@id": "#steps"}],
        "object": {"@id": "#corpus"},
        "result": {"@id": "./"},
    }
    yield {
        "@id": "#deptool",
        "@type": "SoftwareApplication",
        "name": "deptool",
        "description": deptool.__doc__.strip() if deptool.__doc__ else "",
        "version": release.deptool_version,
        "license": "Apache-2.0",
    }
    steps = [(f"#step-{n}", n, step) for n, step in enumerate(release.steps, 1)]
    yield {
        "@id": "#steps",
        "@type": "HowTo",
        "name": "Steps of the release, in order",
        "step": [{"@id": id} for id, _, _ in steps],
    }
    for id, n, step in steps:
        yield from _step(id, n, step)


def _step(id: str, n: int, step: Step) -> Iterator[Node]:
    parameters = [
        (f"{id}-{k}", name, value) for k, (name, value) in enumerate(step.parameters.items(), 1)
    ]
    yield {
        "@id": id,
        "@type": "HowToStep",
        "position": n,
        "name": step.name,
        "text": step.what,
        **(
            {"additionalProperty": [{"@id": place} for place, _, _ in parameters]}
            if parameters
            else {}
        ),
    }
    for place, name, value in parameters:
        yield {"@id": place, "@type": "PropertyValue", "name": name, "value": _value(value)}


def _value(value: object) -> object:
    """A number, a text or texts, as PropertyValue has them."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [str(each) for each in value]
    return str(value) if value is None or isinstance(value, Mapping) else value
