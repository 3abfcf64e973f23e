"""What plug-ins there are and whether they can run, and `deptool list`."""

import importlib
import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from deptool import plugins
from deptool.cli.main import app
from deptool.errors import UsageError
from deptool.listing import list_plug_ins

NOT_READY = '''"""Eyes that are not here. And a second sentence.

More.
"""
from dataclasses import dataclass
from pathlib import Path
from deptool.errors import MissingExtraError
from deptool.weights import Weight, require_weights

LICENCE = "MIT (code), [research] only (weights)"
WEIGHTS = (
    Weight("a.bin", "deptool", "eyes", "MIT", "a page", size_bytes=1_000_000),
    Weight("b.bin", "deptool", "eyes", "MIT", "a page", size_bytes=96_000_000),
)

@dataclass(frozen=True)
class Settings:
    pass

def require(settings, weights):
    assert settings == Settings()
    require_weights(WEIGHTS, weights, "the extractor new-eyes")
'''


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """A second folder of extractors, as an installed package or a user could add."""
    package = importlib.import_module("deptool.extractors")
    added = tmp_path / "extractors"
    added.mkdir()
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(added)])
    before = set(sys.modules)
    yield added
    for name in {n for n in sys.modules if n.startswith("deptool.extractors.")} - before:
        del sys.modules[name]


def put(folder, name, text):
    (folder / f"{name}.py").write_text(text)
    importlib.invalidate_caches()


def found(kind, name, weights=None):
    return next(p for p in list_plug_ins((kind,), weights) if p.name == name)


def run(*words):
    return CliRunner().invoke(app, ["list", *map(str, words)])


def test_a_new_file_is_listed_by_itself(folder, tmp_path):
    put(folder, "new_eyes", NOT_READY)
    new = found("extractors", "new-eyes", tmp_path)
    assert new.title == "Eyes that are not here. And a second sentence"
    assert new.licence == "MIT (code), [research] only (weights)"
    assert new.needs == ("2 files of weights, 97 MB",)
    assert not new.ready
    assert new.why == "the file of weights a.bin is missing (and 1 more)"
    assert new.fix.startswith(f"Put it at {tmp_path / 'a.bin'} ")


def test_it_is_ready_when_what_it_needs_is_there(folder, tmp_path):
    put(folder, "new_eyes", NOT_READY)
    for name in ("a.bin", "b.bin"):
        (tmp_path / name).write_bytes(b"")
    new = found("extractors", "new-eyes", tmp_path)
    assert new.ready
    assert new.why is None
    assert new.fix is None


def test_one_without_a_word_about_itself_is_ready_and_not_imported(folder):
    put(folder, "plain", '"""Plain."""\nraise RuntimeError\n')
    plain = found("extractors", "plain")
    assert (plain.title, plain.licence, plain.needs, plain.ready) == (
        *("Plain", "Apache-2.0", ()),
        True,
    )


def test_one_that_cannot_be_imported_does_not_hide_the_others(folder):
    put(folder, "broken", '"""Broken."""\nimport a_package_of_nobody\nWEIGHTS = ()\n')
    broken = found("extractors", "broken")
    assert not broken.ready
    assert broken.why == "No module named 'a_package_of_nobody'"
    assert "deptool doctor" in broken.fix
    assert found("extractors", "mediapipe").needs == ("extra mediapipe",)


def test_every_kind_is_listed_and_an_empty_one_says_so(monkeypatch):
    monkeypatch.setattr(importlib.import_module("deptool.importers"), "__path__", [])
    text = run().stdout
    for kind in plugins.KINDS:
        assert kind.capitalize() in text
        for name in plugins.names(kind):
            assert f" {name} " in text
    assert "Importers: none yet" in text


def test_one_kind_can_be_chosen():
    text = run("models").stdout
    assert "depressionmlp" in text
    assert "Extractors" not in text


def test_the_line_that_mends_it_is_whole(folder, tmp_path):
    put(folder, "new_eyes", NOT_READY)
    text = run("extractors", "--weights", tmp_path).stdout
    assert "✗ not ready  new-eyes" in text
    (line,) = [x for x in text.splitlines() if x.startswith("new-eyes cannot run: ")]
    assert f"Put it at {tmp_path / 'a.bin'} (from a page)." in line
    assert "[research] only" in text


def test_json_is_the_list():
    rows = json.loads(run("--json").stdout)
    names = {(kind, name) for kind in plugins.KINDS for name in plugins.names(kind)}
    assert {(row["kind"], row["name"]) for row in rows} == names
    assert all(row["ready"] or row["fix"] for row in rows)
    assert all(row["title"] and row["licence"] for row in rows)


def test_an_unknown_kind_is_a_usage_error():
    error = run("extractor").exception
    assert isinstance(error, UsageError)
    assert "Did you mean 'extractors'?" in error.fix


def test_nothing_heavy_is_imported():
    code = (
        "import sys; from deptool.listing import list_plug_ins; list_plug_ins();"
        " print([m for m in ('torch', 'mediapipe', 'cv2', 'polars') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
