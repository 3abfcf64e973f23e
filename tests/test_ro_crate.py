"""ro-crate-metadata.json: rocrate loads it, and it lists every file as it lies there."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from deptool.corpus import Corpus
from deptool.release_documents import write_documents
from deptool.tables import read_json
from fixtures.releases import make_raw, make_release

rocrate = pytest.importorskip("rocrate.rocrate")

FILE = "ro-crate-metadata.json"


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """A summary with an audit beside it, a file with a space in its name, and a hidden one."""
    root = tmp_path_factory.mktemp("made")
    raw = make_raw(root / "raw", n_subjects=3, seconds=10.0)
    corpus = make_release(raw, root / "release", "summary")
    (corpus.root / "audit.json").write_text("{}")
    (corpus.root / "a note.md").write_text("x")
    (corpus.root / ".recordings.lock").touch()
    write_documents(corpus)
    return corpus


def graph(corpus: Corpus) -> dict[str, Any]:
    found: Any = read_json(corpus.root / FILE)
    return {node["@id"]: node for node in found["@graph"]}


def test_the_root_lists_all_files_but_the_list_itself_and_hidden_ones(released: Corpus) -> None:
    crate = rocrate.ROCrate(released.root)
    listed = {unquote(entity.id) for entity in crate.root_dataset["hasPart"]}
    there = {p.relative_to(released.root).as_posix() for p in released.root.rglob("*.*")}
    assert listed == there - {FILE, ".recordings.lock"}
    assert {entity.type for entity in crate.data_entities} == {"File"}


def test_a_crate_that_is_written_again_has_the_same_files(released: Corpus, tmp_path: Path) -> None:
    rocrate.ROCrate(released.root).write(tmp_path / "copy")
    for name in ("recordings.parquet", "a note.md", "audit.json"):
        assert (tmp_path / "copy" / name).read_bytes() == (released.root / name).read_bytes()


def test_files_have_size_hash_and_format(released: Corpus) -> None:
    nodes = graph(released)
    for part in nodes["./"]["hasPart"]:
        node = nodes[part["@id"]]
        content = (released.root / unquote(node["@id"])).read_bytes()
        assert node["contentSize"] == str(len(content))
        assert node["sha256"] == hashlib.sha256(content).hexdigest()
    assert nodes["recordings.parquet"]["encodingFormat"] == "application/vnd.apache.parquet"
    assert nodes["a%20note.md"]["encodingFormat"] == "text/markdown"


def test_the_release_is_an_action_of_deptool_with_its_steps_in_order(released: Corpus) -> None:
    crate = rocrate.ROCrate(released.root)
    about: Any = released.about["release"]
    (action,) = crate.root_dataset["mentions"]
    assert action.type == "CreateAction"
    assert action["result"].id == "./"
    application, how = action["instrument"]
    assert application.type == "SoftwareApplication"
    assert (application["name"], application["version"]) == ("deptool", about["deptool_version"])
    steps = how["step"]
    assert [(s["position"], s["name"], s["text"]) for s in steps] == [
        (n, step["name"], step["what"]) for n, step in enumerate(about["steps"], 1)
    ]
    for told, step in zip(steps, about["steps"], strict=True):
        found = told.get("additionalProperty") or []
        properties = found if isinstance(found, list) else [found]
        assert [p["name"] for p in properties] == list(step["parameters"])


def test_every_reference_leads_to_a_node(released: Corpus) -> None:
    nodes = graph(released)

    def references(value: object) -> list[str]:
        if isinstance(value, list):
            return [id for each in value for id in references(each)]
        if isinstance(value, dict):
            own = [value["@id"]] if set(value) == {"@id"} else []
            return own + [id for each in value.values() for id in references(each)]
        return []

    named = {id for node in nodes.values() for id in references(list(node.values()))}
    assert named - set(nodes) == {"https://w3id.org/ro/crate/1.1"}


def test_a_corpus_that_is_no_release_has_no_steps(tmp_path: Path) -> None:
    corpus = make_raw(tmp_path / "own", n_subjects=2, seconds=3.0)
    write_documents(corpus)
    nodes = graph(corpus)
    assert not {"#release", "#steps", "#corpus"} & set(nodes)
    assert nodes["#extraction"]["result"] == {"@id": "./"}
    rocrate.ROCrate(corpus.root)


def test_a_day_is_there_only_where_it_was_given(tmp_path: Path) -> None:
    corpus = make_raw(tmp_path / "own", n_subjects=2, seconds=3.0)
    write_documents(corpus)
    assert "datePublished" not in graph(corpus)["./"]
    write_documents(corpus, published="2026-01-31")
    assert graph(corpus)["./"]["datePublished"] == "2026-01-31"
