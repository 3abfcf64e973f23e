"""voice: real loading code on tiny networks drawn at random; waves in pieces and in one."""

import numpy as np
import pytest
import torch
import transformers

from deptool.encoders.voice import HOP, RATE, Encoder, Settings, encoding
from deptool.errors import InputError, SettingsError
from tests.encoders import checkpoints


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return checkpoints.voice(tmp_path_factory.mktemp("voice"))


def some_wave(hops, more=0):
    return np.random.default_rng(2).normal(0.1, 0.1, hops * HOP + more).astype(np.float32)


def own(folder, wave, **about):
    """What transformers gives of a wave (sample,), prepared by its own processor."""
    heard = transformers.AutoFeatureExtractor.from_pretrained(folder)(
        wave, sampling_rate=RATE, return_tensors="pt"
    )["input_values"]
    # 400 samples make a vector, 320 a hop: 80 more give the last hop one too.
    heard = torch.nn.functional.pad(heard, (0, 80))
    with pytest.MonkeyPatch.context() as patch, torch.no_grad():
        patch.setattr(transformers.utils.logging, "_tqdm_active", False)
        return transformers.AutoModel.from_pretrained(folder).eval()(heard, **about)


def vectors(folder, wave, **settings):
    with Encoder(Settings(model=str(folder), **settings), None, "cpu") as encoder:
        return encoder.encode(wave)


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("Hubert", {}),
        # As the large ones: every convolution and layer is normalised before, not after.
        ("Hubert", {"feat_extract_norm": "layer", "do_stable_layer_norm": True}),
        ("Wav2Vec2", {"conv_bias": True}),
    ],
)
def test_vectors_are_those_of_the_network(tmp_path, kind, config):
    made, wave = checkpoints.voice(tmp_path, kind, **config), some_wave(30)
    expected = own(made, wave).last_hidden_state[0]
    found = vectors(made, wave)
    assert found.shape == expected.shape == (30, 16)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)
    assert encoding(Settings(model=str(made)), None).dimension == 16


@pytest.mark.parametrize("normalise", [True, False])
def test_a_wave_is_normalised_where_the_checkpoint_says_so(tmp_path, normalise):
    layers = {"feat_extract_norm": "layer", "conv_bias": True}
    made = checkpoints.voice(tmp_path, normalise=normalise, **layers)
    wave = some_wave(10)
    expected = own(made, wave).last_hidden_state[0]
    found = vectors(made, wave)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)
    louder = vectors(made, 3 * wave + 1)  # louder, and off zero
    assert np.allclose(found, louder, atol=1e-2) == normalise


@pytest.mark.parametrize("layer", [0, 2, 3])
def test_a_layer_is_the_one_that_is_named(folder, layer):
    wave = some_wave(12)
    layers = own(folder, wave, output_hidden_states=True).hidden_states
    found = vectors(folder, wave, layer=layer)
    np.testing.assert_allclose(found, layers[layer][0], rtol=1e-3, atol=1e-4)
    assert np.allclose(found, vectors(folder, wave), atol=1e-4) == (layer == 3)


def test_a_layer_that_the_network_lacks_is_refused(folder):
    with pytest.raises(SettingsError, match=r"layer cannot be 4: .* has 3"):
        encoding(Settings(model=str(folder), layer=4), None)


def test_means_of_vectors_are_what_is_asked_for(folder):
    wave = some_wave(7)
    every = vectors(folder, wave)
    found = vectors(folder, wave, hop_s=0.06)
    # 7 vectors: of 3, of 3, and the one that is left.
    expected = [every[:3].mean(0), every[3:6].mean(0), every[6]]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert encoding(Settings(model=str(folder), hop_s=0.06), None).hop_s == 0.06


@pytest.mark.parametrize("samples", [1, 100, HOP, HOP + 1])
def test_the_end_of_a_recording_may_be_short(folder, samples):
    found = vectors(folder, np.full(samples, 0.1, np.float32))
    assert found.shape == (1 if samples <= HOP else 2, 16)
    assert np.isfinite(found).all()


def without_attention(folder):
    """A network whose vectors hear what is near alone: 400 samples, and 4 vectors to each side.

    Its attention gives 0, and its convolution over positions is 8 wide.
    """
    from safetensors.torch import load_file, save_file

    checkpoints.voice(folder, normalise=False, feat_extract_norm="layer", conv_bias=True)
    path = folder / "model.safetensors"
    numbers = load_file(path)
    for name, values in numbers.items():
        if "attention.out_proj" in name:
            values.zero_()
    save_file(numbers, path, metadata={"format": "pt"})
    return folder


def test_pieces_with_margins_give_what_one_wave_gives(tmp_path):
    made, wave = without_attention(tmp_path), some_wave(60)
    whole = vectors(made, wave)
    with Encoder(Settings(model=str(made)), None, "cpu") as encoder:
        pieces = []
        for first in range(0, 60, 20):  # pieces of 20 hops with margins of 6
            begin, end = max(first - 6, 0), min(first + 26, 60)
            found = encoder.encode(wave[begin * HOP : end * HOP])
            pieces.append(found[first - begin : first - begin + 20])
        bare = encoder.encode(wave[20 * HOP : 40 * HOP])
    np.testing.assert_allclose(np.concatenate(pieces), whole, rtol=1e-3, atol=1e-4)
    # Without a margin a piece differs where it begins and where it ends, and only there.
    off = np.abs(bare - whole[20:40]).max(axis=1)
    assert off[0] > 0.01
    assert off[-1] > 0.01
    assert off[5:-6].max() < 1e-3


def test_what_is_encoded_says_which_weights_and_that_it_identifies(folder):
    from deptool.weights import sha256_of

    about = encoding(Settings(model=str(folder)), None)
    assert about.identifies_people
    assert about.source == "sound"
    assert about.hop_s == 0.02
    assert about.weights == sha256_of(folder / "model.safetensors")


def test_a_network_that_hears_no_waves_is_refused(tmp_path):
    made = checkpoints.resnet(tmp_path)
    with pytest.raises(InputError, match="of the kind resnet, which voice cannot use"):
        encoding(Settings(model=str(made)), None)


def test_another_rate_is_refused(tmp_path):
    made = checkpoints.voice(tmp_path)
    (made / "preprocessor_config.json").write_text('{"sampling_rate": 8000}')
    with pytest.raises(InputError, match="hears 8000 samples per second, not 16000"):
        encoding(Settings(model=str(made)), None)


@pytest.mark.parametrize("wrong", [{"layer": -1}, {"hop_s": 0.01}, {"hop_s": 0.05}, {"hop_s": 6}])
def test_settings_without_sense_are_refused(wrong):
    with pytest.raises(ValueError, match=r"cannot be|must be"):
        Settings(**wrong)
