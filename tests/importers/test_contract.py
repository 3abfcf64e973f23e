"""What every importer must keep, whatever it reads: a file in the folder is tested from here."""

import csv
import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pyarrow.parquet as pq
import pytest

from deptool import plugins
from deptool.check import check_corpus
from deptool.errors import InputError
from deptool.ingest import import_corpus
from deptool.settings import resolve
from fixtures.feature_sources import GENERATORS
from tests.conftest import ROOT

PLACE = "a-place-that-nobody-may-hear-of"
TEXTS = (".csv", ".txt", ".tsv")


@pytest.fixture(scope="module", params=plugins.names("importers"))
def made(request, tmp_path_factory):
    """An importer with its generated source, imported."""
    name = request.param
    assert name in GENERATORS, f"add a source of {name} to fixtures/feature_sources.py"
    root = tmp_path_factory.mktemp(name) / PLACE
    module = plugins.load("importers", name)
    source, words = GENERATORS[name](root / "source")
    settings = resolve(module.Settings, words=words)
    found = module.find(source, settings)
    with_files = [item for item in found.items if item.files]
    summary = None
    if with_files:
        summary = import_corpus(name, source, root.parent / "corpus", settings)
    return SimpleNamespace(
        name=name,
        module=module,
        words=words,
        settings=settings,
        source=source,
        found=found,
        items=with_files,
        summary=summary,
    )


@pytest.fixture
def imported(made):
    if made.summary is None:
        pytest.skip("this corpus comes as videos: there are only ids and labels to import")
    return made


def copied(made, tmp_path):
    """The source once more, in another place."""
    source, _ = GENERATORS[made.name](tmp_path / PLACE)
    return source


def everything(root):
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


def test_it_says_what_it_reads(made):
    assert made.module.TITLE
    assert plugins.title("importers", made.name)
    name, version = made.module.feature_set(made.settings).rsplit("-", 1)
    assert name
    assert version.isdigit()


def test_its_settings_are_frozen_and_come_from_words(made):
    cls = made.module.Settings
    assert dataclasses.is_dataclass(cls)
    assert cls.__dataclass_params__.frozen
    assert resolve(cls, words=made.words) == made.settings
    json.dumps({k: str(v) for k, v in dataclasses.asdict(made.settings).items()})


def test_it_is_described_in_the_docs(made):
    pages = [ROOT / "docs" / name for name in ("import.md", "corpora.md")]
    text = "".join(page.read_text(encoding="utf-8") for page in pages if page.is_file())
    assert f"`{made.name}`" in text


def test_looking_for_files_gives_the_same_each_time(made):
    assert made.module.find(made.source, made.settings) == made.found
    assert len({item.recording_id for item in made.found.items}) == len(made.found.items)


def test_its_source_becomes_sound_tables(imported):
    report = check_corpus(imported.summary.corpus.root)
    assert [p for p in report.problems if p.severity == "error"] == []
    rows = {row["recording_id"]: row for row in imported.summary.rows.to_dicts()}
    assert sorted(rows) == sorted(item.recording_id for item in imported.items)
    for row in rows.values():
        assert row["status"] == "ok", row["reason"]
        assert row["feature_set"] == imported.module.feature_set(imported.settings)
        assert row["extractor"] == f"import {imported.name}"
        assert row["n_success"] > 0.9 * row["n_frames"] > 0


def test_what_was_not_measured_is_null_and_never_zero(imported):
    for item in imported.items:
        frames = imported.summary.corpus.frames(item.recording_id)
        failed = frames.filter(frames["success"] == 0)
        base = ("frame", "timestamp", "confidence", "success", "status", "n_faces")
        assert failed.drop(base).null_count().sum_horizontal().sum() == len(failed) * (
            len(frames.columns) - len(base)
        )


def test_nothing_tells_where_the_source_lay(imported):
    secrets = (PLACE, "/home/somebody", "P17 interview", "2025-06-12")
    root = imported.summary.corpus.root
    for path in sorted(root.rglob("*.parquet")):
        table = pq.read_table(path)
        words = [str(table.schema.metadata)]
        words += [str(c.unique().to_pylist()) for c in table.columns if c.type == "string"]
        assert not [s for s in secrets for word in words if s in word], path.name
    about = (root / "corpus.json").read_text(encoding="utf-8")
    assert not [s for s in secrets if s in about]


def test_a_second_run_does_nothing(imported):
    before = everything(imported.summary.corpus.root)
    again = import_corpus(
        imported.name, imported.source, imported.summary.corpus.root, imported.settings
    )
    assert (again.n_new, again.n_kept) == (0, len(imported.items))
    assert everything(imported.summary.corpus.root) == before


def test_the_same_source_elsewhere_gives_the_same_bytes(imported, tmp_path):
    other = import_corpus(
        imported.name,
        copied(imported, tmp_path),
        tmp_path / "corpus",
        resolve(imported.module.Settings, words=imported.words),
    )
    assert everything(other.corpus.root) == everything(imported.summary.corpus.root)


def text_of(item):
    """The first file of an item that is text; None where there is none."""
    return next((p for p in item.files.values() if p.suffix.lower() in TEXTS), None)


def test_columns_are_looked_up_by_name(imported, tmp_path):
    source = copied(imported, tmp_path)
    items = [i for i in imported.module.find(source, imported.settings).items if i.files]
    paths = [p for item in items for p in item.files.values() if p.suffix.lower() in TEXTS]
    if not paths:
        pytest.skip("its files are no text")
    for path in paths:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file, skipinitialspace=True))
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(row[::-1] for row in rows)
    turned = import_corpus(imported.name, source, tmp_path / "corpus", imported.settings)
    nameless = "AU" if imported.name == "openface3" else "-"  # its scores are known by order alone
    for item in imported.items:
        one, other = (
            corpus.frames(item.recording_id).select(pl.exclude(f"^{nameless}.*$"))
            for corpus in (imported.summary.corpus, turned.corpus)
        )
        assert one.width > 6
        assert other.equals(one), item.recording_id


def test_a_file_that_is_cut_off_is_named_with_its_line(imported, tmp_path):
    source = copied(imported, tmp_path)
    item = next(i for i in imported.module.find(source, imported.settings).items if i.files)
    path = text_of(item)
    if path is None:
        pytest.skip("its files are no text")
    data = path.read_bytes().rstrip(b"\n")
    n_lines, last = data.count(b"\n") + 1, data.rfind(b"\n")
    path.write_bytes(data[: (last + len(data)) // 2])
    summary = import_corpus(imported.name, source, tmp_path / "corpus", imported.settings)
    row = next(r for r in summary.rows.to_dicts() if r["recording_id"] == item.recording_id)
    assert row["status"] == "truncated"
    assert f"{path.name}, line {n_lines}: is cut off" in row["reason"]
    assert summary.failed == [item.recording_id]
    assert str(tmp_path) not in row["reason"]


def test_a_file_of_another_kind_is_a_row_with_a_reason(imported, tmp_path):
    source = copied(imported, tmp_path)
    items = [i for i in imported.module.find(source, imported.settings).items if i.files]
    if len(items) < 2 or text_of(items[0]) is None:
        pytest.skip("its files are no text, or one is all there is")
    for path in items[0].files.values():
        path.write_bytes(b"name,age\nann,7\n")
    summary = import_corpus(imported.name, source, tmp_path / "corpus", imported.settings)
    row = next(r for r in summary.rows.to_dicts() if r["recording_id"] == items[0].recording_id)
    assert (row["status"], row["n_frames"]) == ("unreadable", 0)
    assert text_of(items[0]).name in row["reason"]


@pytest.mark.parametrize(
    "content", [b"", b"\0\1\2" * 50, b"hello\n"], ids=["none", "bytes", "text"]
)
def test_a_source_of_nothing_is_one_clear_error(made, tmp_path, content):
    with pytest.raises(InputError):
        import_corpus(made.name, tmp_path, tmp_path / "corpus", made.settings)
    path = tmp_path / "source" / "a.csv"
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(InputError):
        import_corpus(made.name, Path(path.parent), tmp_path / "corpus", made.settings)
