"""Checkpoints of transformers: where they are found, what is refused, what a digest is of."""

import hashlib
import json
import logging
import subprocess
import sys

import pytest
import torch

from deptool import pretrained
from deptool.errors import InputError, MissingExtraError, SettingsError
from deptool.weights import Weight, sha256_of
from deptool.weights_survey import survey
from tests.encoders import checkpoints

MODEL = "who/what.1"


@pytest.fixture(scope="module")
def resnet(tmp_path_factory):
    return checkpoints.resnet(tmp_path_factory.mktemp("resnet"))


def copied(folder, to, *names):
    to.mkdir(exist_ok=True)
    for path in folder.iterdir():
        if not names or path.name in names:
            (to / path.name).write_bytes(path.read_bytes())
    return to


def find(model, weights=None):
    return pretrained.find(str(model), weights, "the encoder planted")


def test_a_folder_is_found_and_loaded(resnet):
    found = find(resnet)
    assert found.name == resnet.name
    assert found.weights == (resnet / "model.safetensors",)
    network = pretrained.load(found, "cpu")
    assert not network.training
    assert not any(values.requires_grad for values in network.parameters())
    assert {values.dtype for values in network.parameters()} == {torch.float32}


def test_the_hubs_cache_is_found_by_name_and_by_what_refs_main_says(tmp_path, resnet):
    folder = checkpoints.in_cache(tmp_path, resnet, MODEL)
    found = find(MODEL, tmp_path)
    assert found.name == MODEL
    assert found.folder == folder
    assert found.digest() == sha256_of(resnet / "model.safetensors")
    pretrained.load(found, "cpu")


def test_the_cache_is_also_where_the_hubs_own_package_looks(tmp_path, resnet, monkeypatch):
    checkpoints.in_cache(tmp_path, resnet, MODEL)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "huggingface/hub"))
    hub = pytest.importorskip("huggingface_hub")
    at = hub.hf_hub_download(
        MODEL, "model.safetensors", cache_dir=tmp_path / "huggingface/hub", local_files_only=True
    )
    assert str(find(MODEL).weights[0]) == at


def test_nothing_in_the_cache_is_one_line_that_says_what_to_put_where(tmp_path):
    with pytest.raises(MissingExtraError) as caught:
        find(MODEL, tmp_path)
    assert caught.value.what == (
        "the encoder planted cannot run: model.safetensors of who/what.1 is missing (and 2 more)"
    )
    snapshot = tmp_path / "huggingface/hub/models--who--what.1/snapshots/main"
    assert f"Put it at {snapshot / 'model.safetensors'}, and the word main" in caught.value.fix
    assert "Beside it: config.json and preprocessor_config.json." in caught.value.fix
    assert caught.value.fix.endswith("into a folder and say --set model=FOLDER.")
    assert "\n" not in caught.value.fix


def test_what_is_put_as_the_line_says_is_found(tmp_path, resnet):
    snapshot = tmp_path / "huggingface/hub/models--who--what.1/snapshots/main"
    snapshot.mkdir(parents=True)
    copied(resnet, snapshot)
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs/main").write_text("main")
    assert find(MODEL, tmp_path).folder == snapshot


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "preprocessor_config.json"])
def test_a_file_that_a_folder_lacks_is_named(tmp_path, resnet, name):
    folder = copied(resnet, tmp_path / "folder")
    (folder / name).unlink()
    with pytest.raises(MissingExtraError) as caught:
        find(folder)
    assert caught.value.what == f"the encoder planted cannot run: {name} is not in {folder}"
    assert "\n" not in caught.value.fix


def test_a_pickle_is_refused_and_the_line_given_makes_another_of_it(tmp_path, resnet):
    from safetensors.torch import load_file

    folder = copied(resnet, tmp_path / "folder", "config.json", "preprocessor_config.json")
    numbers = load_file(resnet / "model.safetensors")
    torch.save(numbers, folder / "pytorch_model.bin")
    with pytest.raises(MissingExtraError, match="a pickle, which can run code") as caught:
        find(folder)
    assert "\n" not in caught.value.fix
    code = caught.value.fix.split("python -c '")[1].rstrip("'")
    exec(code, {})
    made = load_file(find(folder).weights[0])
    assert all(torch.equal(made[name], values) for name, values in numbers.items())


def test_a_pickle_in_the_hubs_cache_is_refused_too(tmp_path, resnet):
    only = copied(resnet, tmp_path / "folder", "config.json", "preprocessor_config.json")
    (only / "pytorch_model.bin").write_bytes(b"\x80")
    checkpoints.in_cache(tmp_path, only, MODEL)
    with pytest.raises(MissingExtraError, match=f"{MODEL} has its weights in pytorch_model.bin"):
        find(MODEL, tmp_path)


@pytest.mark.parametrize("model", ["resnet50", "no/such/folder", "/nowhere", "", "~who/what"])
def test_what_is_neither_a_folder_nor_a_name_is_refused(model):
    with pytest.raises(SettingsError, match="neither a folder nor a name"):
        find(model)


def test_weights_in_parts_are_one_checkpoint(tmp_path, resnet):
    network = pretrained.load(find(resnet), "cpu")
    whole = sha256_of(resnet / "model.safetensors")
    folder = copied(resnet, tmp_path / "folder", "preprocessor_config.json")
    network.save_pretrained(folder, max_shard_size="8KB")
    found = find(folder)
    assert len(found.weights) > 1
    # SHA-256 of the digests of the parts in order of their names, one a line.
    parts = sorted(folder.glob("*.safetensors"))
    lines = "\n".join(hashlib.sha256(part.read_bytes()).hexdigest() for part in parts)
    assert found.digest() == hashlib.sha256(lines.encode()).hexdigest() != whole
    again = pretrained.load(found, "cpu").state_dict()
    assert all(torch.equal(again[name], values) for name, values in network.state_dict().items())
    found.weights[0].unlink()
    with pytest.raises(MissingExtraError, match=r"model\.safetensors is not in"):
        find(folder)


def test_weights_that_lack_a_part_of_the_network_are_refused(tmp_path, resnet):
    from safetensors.torch import load_file, save_file

    folder = copied(resnet, tmp_path / "folder")
    numbers = load_file(resnet / "model.safetensors")
    for name in ("embedder.embedder.convolution.weight", "embedder.embedder.normalization.bias"):
        del numbers[name]
    save_file(numbers, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"do not hold embedder.* and 1 more, which the network"):
        pretrained.load(find(folder), "cpu")


def test_a_checkpoint_without_what_only_training_needs_is_loaded(tmp_path):
    from safetensors.torch import load_file, save_file

    folder = checkpoints.voice(tmp_path)
    numbers = load_file(folder / "model.safetensors")
    del numbers["masked_spec_embed"]
    # As checkpoints of speech recognition name them, from before torch renamed weight norms.
    old = {"original0": "weight_g", "original1": "weight_v"}
    renamed = {
        "hubert." + name.replace(f"parametrizations.weight.{name[-9:]}", old.get(name[-9:], "")): v
        for name, v in numbers.items()
    }
    assert "hubert.encoder.pos_conv_embed.conv.weight_g" in renamed
    save_file(renamed, folder / "model.safetensors", metadata={"format": "pt"})
    loaded = pretrained.load(find(folder), "cpu").state_dict()
    assert all(torch.equal(loaded[name], values) for name, values in numbers.items())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.json", b"no json"),
        ("config.json", b"{}"),
        ("config.json", b'{"model_type": "nonsense"}'),
        ("model.safetensors", b"abc" * 30),
        ("model.safetensors", b""),
    ],
)
def test_files_that_cannot_be_read_are_one_line(tmp_path, resnet, name, content):
    folder = copied(resnet, tmp_path / "folder")
    (folder / name).write_bytes(content)
    found = find(folder)
    with pytest.raises(InputError, match="transformers cannot read this checkpoint") as caught:
        pretrained.load(found, "cpu")
    assert "\n" not in caught.value.what
    if name == "config.json":
        with pytest.raises(InputError, match="transformers cannot read"):
            pretrained.read_config(found)
    else:
        with pytest.raises(InputError, match="transformers cannot read"):
            found.parameters()


def test_weights_of_another_size_are_refused(tmp_path, resnet):
    folder = copied(resnet, tmp_path / "folder")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"hidden_sizes": [8, 12, 16, 24]}))
    with pytest.raises(InputError, match="transformers cannot read this checkpoint"):
        pretrained.load(find(folder), "cpu")


def test_a_preprocessor_that_is_no_json_is_refused(tmp_path, resnet):
    folder = copied(resnet, tmp_path / "folder")
    (folder / "preprocessor_config.json").write_text("[]")
    with pytest.raises(InputError, match="is no JSON object"):
        find(folder).preprocessor()


def test_code_that_comes_with_a_checkpoint_is_not_run(tmp_path, resnet):
    folder = copied(resnet, tmp_path / "folder")
    config = {"model_type": "mine", "auto_map": {"AutoConfig": "mine.C", "AutoModel": "mine.M"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "mine.py").write_text("raise SystemExit('it ran')")
    with pytest.raises(InputError, match="transformers cannot read this checkpoint"):
        pretrained.load(find(folder), "cpu")


def test_transformers_says_nothing_and_is_left_as_it_was(tmp_path, capfd, monkeypatch):
    # A ViT of classification lacks a pooler and has a classifier too many: transformers reports it.
    import transformers

    folder = checkpoints.vit(tmp_path, "ViTForImageClassification")
    log = transformers.utils.logging
    before = log.get_verbosity(), log.is_progress_bar_enabled()
    said = []
    heard = logging.Handler()
    monkeypatch.setattr(heard, "emit", said.append)
    logging.getLogger("transformers").addHandler(heard)
    capfd.readouterr()
    try:
        pretrained.load(find(folder), "cpu")
    finally:
        logging.getLogger("transformers").removeHandler(heard)
    assert said == []
    assert capfd.readouterr() == ("", "")
    assert (log.get_verbosity(), log.is_progress_bar_enabled()) == before


def test_the_files_of_the_default_models_are_listed(tmp_path):
    found = [f for f in survey(weights=tmp_path) if f.kind == "encoders"]
    assert {f.plug_in for f in found} == {"vision", "voice"}
    names = ["model.safetensors", "config.json", "preprocessor_config.json"]
    assert [f.path.name for f in found] == names * 2
    for file in found:
        assert isinstance(file.weight, Weight)
        assert file.status == "missing"
        assert file.weight.licence == "Apache-2.0"


def test_asking_whether_an_encoder_can_run_imports_nothing_heavy(tmp_path, resnet):
    checkpoints.in_cache(tmp_path, resnet, "microsoft/resnet-50")
    code = (
        "import sys; from pathlib import Path; from deptool.encoders import vision;"
        f" vision.require(vision.Settings(), Path({str(tmp_path)!r}));"
        " print([m for m in ('torch', 'transformers', 'huggingface_hub') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
