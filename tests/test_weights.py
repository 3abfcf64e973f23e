"""Files of weights: where they must lie, whether they are right, and `deptool weights`."""

import hashlib
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deptool import plugins, weights
from deptool.cli.main import app
from deptool.errors import MissingExtraError, UsageError
from deptool.weights import Weight, cache_folder, missing, place, require_weights, verify
from deptool.weights_survey import survey

BYTES = b"weights"
SHA256 = hashlib.sha256(BYTES).hexdigest()

VARIABLES = (
    *("TORCH_HOME", "XDG_CACHE_HOME", "HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"),
    "TORCH_HUB",
)


def weight(file="net.bin", cache="deptool", **about):
    return Weight(file, cache, "finds faces", "MIT", "the project's page", **about)


HUB = "models--who--what/snapshots/*/net.bin"


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """No variable that moves a cache; the home is a folder of the test."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return monkeypatch


@pytest.fixture
def plug_in(monkeypatch, tmp_path):
    """Put an extractor `planted` into the folder of extractors; its source is given.

    There are no encoders.
    """

    def put(source):
        folder = tmp_path / "planted"
        folder.mkdir()
        (folder / "planted.py").write_text(source)
        package = importlib.import_module("deptool.extractors")
        monkeypatch.setattr(package, "__path__", [str(folder)])
        encoders = importlib.import_module("deptool.encoders")
        monkeypatch.setattr(encoders, "__path__", [])
        importlib.invalidate_caches()
        plugins._read.cache_clear()

    yield put
    sys.modules.pop("deptool.extractors.planted", None)
    plugins._read.cache_clear()


def source(*needed):
    return f"from deptool.weights import Weight\nWEIGHTS = {needed!r}\n"


@pytest.mark.parametrize(
    "env",
    [
        {},
        {"TORCH_HOME": "/t"},
        {"XDG_CACHE_HOME": "/x"},
        {"TORCH_HOME": "~/t", "XDG_CACHE_HOME": "/x"},
        {"XDG_CACHE_HOME": ""},
        {"TORCH_HOME": "$HOME/t"},
    ],
)
def test_torchs_cache_is_where_torch_says(bare, env):
    hub = pytest.importorskip("torch").hub
    for name, value in env.items():
        bare.setenv(name, value)
    assert cache_folder("torch-hub", None) == Path(hub.get_dir())


HF_RULES = [
    ({}, "{home}/.cache/huggingface/hub"),
    ({"XDG_CACHE_HOME": "/x"}, "/x/huggingface/hub"),
    ({"HF_HOME": "~/h", "XDG_CACHE_HOME": "/x"}, "{home}/h/hub"),
    ({"HF_HUB_CACHE": "$HOME/c", "HF_HOME": "/h"}, "{home}/c"),
    ({"HUGGINGFACE_HUB_CACHE": "/old"}, "/old"),
    ({"HUGGINGFACE_HUB_CACHE": "/old", "HF_HUB_CACHE": "/new"}, "/new"),
]


@pytest.mark.parametrize(("env", "folder"), HF_RULES)
def test_huggingfaces_cache_follows_its_variables(bare, tmp_path, env, folder):
    for name, value in env.items():
        bare.setenv(name, value)
    assert cache_folder("huggingface", None) == Path(folder.format(home=tmp_path))


@pytest.mark.parametrize("env", [env for env, _ in HF_RULES])
def test_huggingfaces_cache_is_where_huggingface_hub_says(bare, env):
    pytest.importorskip("huggingface_hub")
    for name, value in env.items():
        bare.setenv(name, value)
    code = "from huggingface_hub.constants import HF_HUB_CACHE; print(HF_HUB_CACHE)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert cache_folder("huggingface", None) == Path(done.stdout.strip())


def test_deptools_cache_is_the_users(bare, tmp_path):
    assert cache_folder("deptool", None) == tmp_path / ".cache" / "deptool"
    bare.setenv("XDG_CACHE_HOME", "/x")
    assert cache_folder("deptool", None) == Path("/x/deptool")


def test_a_folder_of_weights_holds_all_three_caches(bare):
    bare.setenv("TORCH_HOME", "/elsewhere")
    folder = Path("usb")
    assert cache_folder("torch-hub", folder) == Path("usb/hub")
    assert cache_folder("huggingface", folder) == Path("usb/huggingface/hub")
    assert cache_folder("deptool", folder) == Path("usb")
    assert place(weight("checkpoints/a.zip", "torch-hub"), folder) == Path(
        "usb/hub/checkpoints/a.zip"
    )


def snapshot(folder, name, reference=None):
    """A file in huggingface_hub's cache, in a snapshot of that name; what refs/main holds."""
    repository = folder / "huggingface/hub/models--who--what"
    path = repository / "snapshots" / name / "net.bin"
    path.parent.mkdir(parents=True)
    path.write_bytes(BYTES)
    if reference is not None:
        (repository / "refs").mkdir(exist_ok=True)
        (repository / "refs/main").write_text(reference)
    return path


def test_the_snapshot_that_refs_main_names_is_the_one(tmp_path):
    needed = weight(HUB, "huggingface")
    old = snapshot(tmp_path, "old", "old")
    new = snapshot(tmp_path, "new")
    os.utime(new.parent, (2e9, 2e9))
    assert place(needed, tmp_path) == old
    assert missing([needed], tmp_path) == []
    assert verify(needed, old) == "unchecked"


@pytest.mark.parametrize("reference", [None, "old\n", "new\n"])
def test_a_file_that_huggingface_hub_would_not_find_is_said_to_be_so(tmp_path, reference):
    needed = weight(HUB, "huggingface")
    path = snapshot(tmp_path, "new", reference)
    if reference != "old\n":
        assert place(needed, tmp_path) == path
        assert verify(needed, path) == "unreferenced"
    assert missing([needed], tmp_path) == [needed]
    text = weights.instruction(needed, tmp_path)
    assert "the word " in text
    assert "without a line break" in text
    assert "refs/main" in text


@pytest.mark.parametrize("name", ["main", "deptool"])
def test_huggingface_hub_finds_offline_what_the_instruction_says(tmp_path, name):
    hub = pytest.importorskip("huggingface_hub")
    path = snapshot(tmp_path, name, name)
    found = hub.hf_hub_download(
        "who/what",
        "net.bin",
        cache_dir=cache_folder("huggingface", tmp_path),
        local_files_only=True,
    )
    assert Path(found) == path == place(weight(HUB, "huggingface"), tmp_path)


def test_without_any_snapshot_the_place_is_one_named_main(tmp_path):
    needed = weight(HUB, "huggingface")
    expected = tmp_path / "huggingface/hub/models--who--what/snapshots/main/net.bin"
    assert place(needed, tmp_path) == expected
    assert f"Put it at {expected}, and the word main" in weights.instruction(needed, tmp_path)


def test_what_is_missing_is_named_with_its_place_and_its_source(tmp_path):
    (tmp_path / "there.bin").write_bytes(BYTES)
    needed = [weight("there.bin"), weight("a.bin"), weight("b.bin")]
    with pytest.raises(MissingExtraError) as caught:
        require_weights(needed, tmp_path, "the extractor planted")
    error = caught.value
    assert error.what == (
        "the extractor planted cannot run: the file of weights a.bin is missing (and 1 more)"
    )
    assert error.fix == (
        f"Put it at {tmp_path / 'a.bin'} (from the project's page). All files: deptool weights"
        f" --weights {tmp_path}"
    )
    require_weights(needed[:1], tmp_path, "the extractor planted")


@pytest.mark.parametrize(
    ("about", "status"),
    [
        ({}, "unchecked"),
        ({"size_bytes": 7}, "ok"),
        ({"size_bytes": 8}, "wrong size"),
        ({"sha256": SHA256}, "ok"),
        ({"sha256": SHA256[:8].upper()}, "ok"),
        ({"sha256": "0" * 64}, "wrong sha256"),
        ({"sha256": SHA256[1:9]}, "wrong sha256"),
        ({"size_bytes": 7, "sha256": "0" * 8}, "wrong sha256"),
    ],
)
def test_a_file_is_checked_against_what_is_known(tmp_path, about, status):
    path = tmp_path / "net.bin"
    assert verify(weight(**about), path) == "missing"
    path.write_bytes(BYTES)
    assert verify(weight(**about), path) == status


def test_a_file_is_read_once_however_many_need_it_and_progress_is_told(tmp_path, plug_in):
    shared = weight(sha256=SHA256)
    plug_in(source(shared, shared, weight("other.bin")))
    (tmp_path / "net.bin").write_bytes(BYTES)
    heard = []
    found = survey(weights=tmp_path, on_bytes=lambda done, of: heard.append((done, of)))
    assert [f.status for f in found] == ["ok", "ok", "missing"]
    assert heard == [(7, 7)]


@pytest.mark.parametrize(
    ("n_bytes", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (9_960, "10 kB"),
        (999_600, "1.0 MB"),
        (97_000_000, "97 MB"),
        (5e12, "5000 GB"),
    ],
)
def test_sizes_as_people_read_them(n_bytes, text):
    assert weights.size_text(n_bytes) == text


def run(*words):
    return CliRunner().invoke(app, ["weights", *map(str, words)])


def test_the_verb_tells_missing_from_right_from_wrong(tmp_path, plug_in):
    plug_in(source(weight(size_bytes=7, sha256=SHA256)))
    done = run("--weights", tmp_path)
    assert done.exit_code == 0
    assert "! missing  planted  net.bin, 7 bytes" in done.stdout
    assert f"net.bin: Put it at {tmp_path / 'net.bin'} (from the project's page)." in done.stdout

    (tmp_path / "net.bin").write_bytes(BYTES)
    done = run("planted", "--weights", tmp_path)
    assert done.exit_code == 0
    assert "✓ ok  planted" in done.stdout

    (tmp_path / "net.bin").write_bytes(b"weighty")
    done = run("--weights", tmp_path)
    assert done.exit_code == 4
    assert "✗ wrong sha256" in done.stdout
    assert "net.bin has the wrong sha256; get it again from the project's page." in done.stdout


def test_missing_files_are_an_error_of_a_plug_in_that_is_named(tmp_path, plug_in):
    plug_in(source(weight()))
    error = run("planted", "--weights", tmp_path).exception
    assert isinstance(error, MissingExtraError)
    assert error.exit_code == 6


def test_json_holds_all_that_is_known(tmp_path, plug_in):
    plug_in(source(weight(sha256=SHA256)))
    (found,) = json.loads(run("--weights", tmp_path, "--json").stdout)
    assert found == {
        "kind": "extractors",
        "plug_in": "planted",
        "path": str(tmp_path / "net.bin"),
        "status": "missing",
        "file": "net.bin",
        "cache": "deptool",
        "purpose": "finds faces",
        "licence": "MIT",
        "source": "the project's page",
        "size_bytes": None,
        "sha256": SHA256,
    }


def test_a_plug_in_that_needs_none_says_so(plug_in):
    plug_in("WEIGHTS = ()\n")
    done = run("planted")
    assert done.exit_code == 0
    assert done.stdout == "planted needs no file of weights.\n"


def test_an_unknown_plug_in_is_a_usage_error(plug_in):
    plug_in("")
    error = run("plantde").exception
    assert isinstance(error, UsageError)
    assert "Did you mean 'planted'?" in error.fix


def test_nothing_heavy_is_imported():
    code = (
        "import sys; from deptool.weights_survey import survey; survey();"
        " print([m for m in ('torch', 'mediapipe', 'huggingface_hub') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (kind, name)
        for kind in ("extractors", "encoders")
        for name in plugins.names(kind)
        if kind == "extractors" or plugins.defines(kind, name, "WEIGHTS")
    ],
)
def test_extractors_and_encoders_say_what_weights_they_need(kind, name):
    for needed in plugins.load(kind, name).WEIGHTS:
        assert isinstance(needed, Weight)
        assert needed.cache in ("torch-hub", "huggingface", "deptool")
        assert (needed.cache == "huggingface") == ("/snapshots/*/" in needed.file)
        assert needed.purpose
        assert needed.licence
        assert needed.source
