"""croissant.json: a corpus for machines, as Croissant 1.1 with its vocabulary of responsible AI.

Croissant Format Specification 1.1 and Croissant RAI Specification 1.0, MLCommons. Hashes and sizes
are those of the files as they lie there: of encrypted tables, of the encrypted file.

url and creator are required there, and who will publish a release, and where, is not known here:
whoever does adds them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from deptool.columns import Column
from deptool.corpus import Corpus
from deptool.corpus_contents import CachePart, Contents, Part, is_encrypted
from deptool.croissant_context import CONTEXT
from deptool.licences import NOT_STATED, Licences
from deptool.release_entry import ReleaseEntry
from deptool.responsible_ai import responsible_ai
from deptool.schema_docs import extent
from deptool.weights import sha256_of

CONFORMS_TO = ("http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0")

# What mlcroissant knows Parquet by.
_PARQUET = "application/x-parquet"
_TYPES = {"float32": "cr:Float32", "int32": "cr:Int32", "string": "sc:Text"}

# Columns whose values together name one record.
_KEYS = {
    "recordings": ("recording_id",),
    "labels": ("session_id", "scale"),
    "subjects": ("subject_id",),
}

Node = dict[str, Any]


def croissant(
    corpus: Corpus,
    contents: Contents,
    licences: Licences,
    release: ReleaseEntry | None,
    published: str | None,
) -> Node:
    """The description as plain values. `published` is a date in ISO 8601, or None for none."""
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "name": corpus.name,
        "description": _description(corpus, contents, release),
        "conformsTo": list(CONFORMS_TO),
        **({"datePublished": published} if published else {}),
        "license": _licence(licences),
        "keywords": _keywords(corpus, contents),
        **responsible_ai(corpus, contents, licences, release),
        "distribution": [
            *(_distribution(corpus, part) for part in contents.tables),
            *(_files(_cache_id(c), c.place, "vectors") for c in contents.caches),
        ],
        "recordSet": [
            *(_record_set(part) for part in contents.tables),
            *map(_vectors, contents.caches),
        ],
    }


def _description(corpus: Corpus, contents: Contents, release: ReleaseEntry | None) -> str:
    said = [f"Tables of faces over time, feature set {corpus.feature_set}; no pixels, no sound."]
    if corpus.synthetic:
        said.append("Synthetic: no person was recorded.")
    if release:
        said.append(
            f"A release at the level {release.level}: ids are pseudonyms, and the risk of"
            " re-identification is reduced, not gone."
        )
    if is_encrypted(corpus):
        said.append("The tables are encrypted: nothing but their key opens them.")
    return " ".join(said)


def _licence(licences: Licences) -> object:
    """What corpus.json says; a note that it says nothing is a text, and no licence's address."""
    if licences.corpus == NOT_STATED:
        return {"@type": "sc:CreativeWork", "name": "Not stated", "description": NOT_STATED}
    return licences.corpus


def _keywords(corpus: Corpus, contents: Contents) -> list[str]:
    groups = ("landmarks", "action_units", "head_pose", "gaze")
    found = [
        f"facial {group.replace('_', ' ')}" for group in groups[:2] if contents.has_group(group)
    ]
    found += [group.replace("_", " ") for group in groups[2:] if contents.has_group(group)]
    found += ["depression severity"] if contents.table("labels") else []
    return [*found, *(["synthetic data"] if corpus.synthetic else [])]


def _distribution(corpus: Corpus, part: Part) -> Node:
    if not part.one_file:
        return _files(part.schema.name, part.place, part.schema.title)
    path = corpus.root / part.place
    return {
        "@type": "cr:FileObject",
        "@id": part.place,
        "name": part.place,
        "description": part.schema.title,
        "contentUrl": part.place,
        "contentSize": f"{path.stat().st_size} B",
        "encodingFormat": _PARQUET,
        "sha256": sha256_of(path),
    }


def _files(id: str, place: str, what: str) -> Node:
    return {
        "@type": "cr:FileSet",
        "@id": f"{id}-files",
        "name": f"{id}-files",
        "description": f"One file per recording: {what}",
        "encodingFormat": _PARQUET,
        "includes": place,
    }


def _record_set(part: Part) -> Node:
    name = part.schema.name
    fields = [_field(part, column) for column in part.columns]
    if not part.one_file:
        fields.insert(0, _recording_id(name, f"{name}-files"))
    key = [{"@id": f"{name}/{column}"} for column in _KEYS.get(name, ())]
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": part.schema.title,
        **({"key": key} if key else {}),
        "field": fields,
    }


def _field(part: Part, column: Column) -> Node:
    name = part.schema.name
    file = {"fileObject": {"@id": part.place}}
    source = file if part.one_file else {"fileSet": {"@id": f"{name}-files"}}
    return {
        "@type": "cr:Field",
        "@id": f"{name}/{column.name}",
        "name": column.name,
        "description": _meaning(column),
        "dataType": _TYPES[column.dtype],
        "source": {**source, "extract": {"column": column.name}},
    }


def _meaning(column: Column) -> str:
    unit = f", {column.unit}" if column.dtype != "string" and column.unit != "1" else ""
    range = f"; {extent(column)}" if extent(column) else ""
    return f"{column.meaning}{unit}{range}{'; null where missing' if column.nullable else ''}"


def _recording_id(name: str, files: str) -> Node:
    """The name of a row's file. It `references` nothing, since readers take that for a join, which
    would put the whole recordings table beside every row."""
    return {
        "@type": "cr:Field",
        "@id": f"{name}/recording_id",
        "name": "recording_id",
        "description": "the recording that a row is of, by its file's name; as in recordings",
        "dataType": "sc:Text",
        "source": {
            "fileSet": {"@id": files},
            "extract": {"fileProperty": "filename"},
            "transform": {"regex": r"^(.+)\.parquet$"},
        },
    }


def _vectors(cache: CachePart) -> Node:
    name = _cache_id(cache)
    files = f"{name}-files"
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": f"Vectors of {cache.encoding.encoder}; what their numbers are stands in"
        " data_dictionary.csv",
        "field": [_recording_id(name, files), *_vector_fields(name, files, cache)],
    }


def _cache_id(cache: CachePart) -> str:
    return f"embeddings-{quote(cache.name)}"


def _vector_fields(name: str, files: str, cache: CachePart) -> Iterator[Node]:
    array = {"isArray": True, "arrayShape": str(cache.encoding.dimension)}
    rows: tuple[tuple[str, str, str, Mapping[str, object]], ...] = (
        ("start_s", "cr:Float32", "where what it is of begins, s", {}),
        ("end_s", "cr:Float32", "where it ends, s", {}),
        ("vector", "cr:Float32", "the vector", array),
        ("valid", "cr:Int32", "1 where there is a vector; where not, it is zeros", {}),
    )
    for column, type, meaning, more in rows:
        yield {
            "@type": "cr:Field",
            "@id": f"{name}/{column}",
            "name": column,
            "description": meaning,
            "dataType": type,
            **more,
            "source": {"fileSet": {"@id": files}, "extract": {"column": column}},
        }
