"""Plug-ins by file name."""

import importlib
from pathlib import Path

import pytest

from deptool import plugins
from deptool.errors import UsageError


@pytest.mark.parametrize("kind", plugins.KINDS)
def test_the_names_are_the_file_names(kind):
    folder = Path(importlib.import_module(f"deptool.{kind}").__file__).parent
    files = {p.stem.replace("_", "-") for p in folder.glob("[!_]*.py")}
    assert plugins.names(kind) == sorted(files)


def test_a_new_file_is_a_new_plugin_and_a_private_one_is_not(tmp_path, monkeypatch):
    package = importlib.import_module("deptool.models")
    (tmp_path / "brand_new.py").write_text("TITLE = 'new'\n")
    (tmp_path / "_shared.py").write_text("")
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    importlib.invalidate_caches()
    assert "brand-new" in plugins.names("models")
    assert not {"-shared", "_shared"} & set(plugins.names("models"))
    for name in ("brand-new", "brand_new", "Brand-New"):
        assert plugins.load("models", name).TITLE == "new"
    monkeypatch.delitem(__import__("sys").modules, "deptool.models.brand_new")


def test_an_unknown_name_offers_the_nearest(tmp_path, monkeypatch):
    package = importlib.import_module("deptool.models")
    (tmp_path / "ridge.py").write_text("")
    monkeypatch.setattr(package, "__path__", [str(tmp_path)])
    importlib.invalidate_caches()
    with pytest.raises(UsageError, match="no model named 'rigde'\nDid you mean 'ridge'"):
        plugins.load("models", "rigde")


@pytest.mark.parametrize("name", ["", ".", "../train", "os", "models.x", "__init__"])
def test_a_name_cannot_reach_outside_its_folder(name):
    with pytest.raises(UsageError, match="no model named"):
        plugins.load("models", name)
