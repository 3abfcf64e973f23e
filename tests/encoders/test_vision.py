"""vision: real loading code on tiny networks drawn at random; what they are shown and give."""

import json

import numpy as np
import pytest
import torch
import transformers

from deptool.encoders import vision
from deptool.encoders.vision import Encoder, Settings, encoding
from deptool.errors import InputError
from tests.encoders import checkpoints


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A folder of each checkpoint, made when it is first asked for."""
    made = {}

    def get(make, *words):
        key = (make.__name__, *words)
        if key not in made:
            made[key] = make(tmp_path_factory.mktemp(make.__name__), *words)
        return made[key]

    return get


def some_faces(count, px, frames=None):
    shape = (count, px, px, 3) if frames is None else (count, frames, px, px, 3)
    return np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)


def seen_by_hand(faces):
    """(…, row, column, RGB) -> (…, channel, row, column), ImageNet's means and deviations."""
    scaled = (faces / 255 - checkpoints.MEAN) / checkpoints.STD
    return torch.tensor(np.moveaxis(scaled, -1, -3), dtype=torch.float32)


def own(folder):
    """The network as transformers itself loads it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transformers.utils.logging, "_tqdm_active", False)
        return transformers.AutoModel.from_pretrained(folder).eval()


def vectors(folder, faces, **settings):
    chosen = Settings(model=str(folder), **settings)
    with Encoder(chosen, None, "cpu") as encoder:
        return encoder.encode(faces)


def test_what_a_resnet_pools_are_its_vectors(folders):
    folder, faces = folders(checkpoints.resnet), some_faces(3, 64)
    with torch.no_grad():
        expected = own(folder)(seen_by_hand(faces)).pooler_output[:, :, 0, 0]
    np.testing.assert_allclose(vectors(folder, faces), expected, rtol=1e-4, atol=1e-5)
    assert encoding(Settings(model=str(folder)), None).dimension == 20
    assert Encoder(Settings(model=str(folder)), None, "cpu").px == 64


def test_four_stages_are_the_means_of_four_maps(folders):
    folder, faces = folders(checkpoints.resnet), some_faces(2, 64)
    with torch.no_grad():
        maps = own(folder)(seen_by_hand(faces), output_hidden_states=True).hidden_states
    # The first of five maps is the stem's.
    expected = np.concatenate([m.numpy().mean((2, 3)) for m in maps[1:]], axis=1)
    found = vectors(folder, faces, stages=True)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    about = encoding(Settings(model=str(folder), stages=True), None)
    # 8, 12, 16 and 20 channels, one behind the other
    assert about.parts == {
        "stage1": (0, 8),
        "stage2": (8, 20),
        "stage3": (20, 36),
        "stage4": (36, 56),
    }
    assert about.dimension == 56


@pytest.mark.parametrize("make", [checkpoints.vit, checkpoints.dinov2])
def test_a_transformer_gives_what_its_pooler_does(folders, make):
    folder = folders(make)
    with Encoder(Settings(model=str(folder)), None, "cpu") as encoder:
        faces = some_faces(2, encoder.px)
        found = encoder.encode(faces)
    with torch.no_grad():
        expected = own(folder)(seen_by_hand(faces)).pooler_output
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_a_pooler_that_was_never_learnt_is_not_used(folders):
    # A ViT that was trained to classify comes without its pooler: transformers would draw one.
    folder, faces = folders(checkpoints.vit, "ViTForImageClassification"), some_faces(2, 32)
    with torch.no_grad():
        tokens = own(folder)(seen_by_hand(faces)).last_hidden_state
    # 17 tokens: the class, and 4 times 4 patches.
    np.testing.assert_allclose(vectors(folder, faces), tokens[:, 1:].mean(1), rtol=1e-4, atol=1e-5)


def test_stages_of_a_transformer_are_means_over_patches(folders):
    folder, faces = folders(checkpoints.vit), some_faces(2, 32)
    with torch.no_grad():
        layers = own(folder)(seen_by_hand(faces), output_hidden_states=True).hidden_states
    expected = torch.cat([layer[:, 1:].mean(1) for layer in layers[1:]], dim=1)
    found = vectors(folder, faces, stages=True)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_a_network_of_videos_sees_clips(folders):
    folder, clips = folders(checkpoints.videomae), some_faces(2, 32, frames=4)
    settings = Settings(model=str(folder), fps=8, step=2)
    with Encoder(settings, None, "cpu") as encoder:
        assert (encoder.frames, encoder.fps, encoder.batch) == (4, 8, 4)
        found = encoder.encode(clips)
    with torch.no_grad():
        expected = own(folder)(seen_by_hand(clips)).last_hidden_state.mean(1)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert encoding(settings, None).hop_s == 2 / 8
    # A clip of 4 faces follows the one before, unless a step is given.
    assert encoding(Settings(model=str(folder), fps=8), None).hop_s == 4 / 8


def test_pixels_go_in_as_transformers_own_processor_makes_them(folders):
    folder = folders(checkpoints.resnet)
    faces = some_faces(2, 64)
    processor = transformers.AutoImageProcessor.from_pretrained(folder)
    expected = processor(list(faces), do_resize=False, return_tensors="np")["pixel_values"]
    look = vision._look(vision.pretrained.find(str(folder), None, "it"))
    np.testing.assert_allclose(look.see(faces), expected, atol=1e-6)


def say(folder, tmp_path, **about):
    """The checkpoint with another preprocessor_config.json."""
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(about))
    return vision.pretrained.find(str(tmp_path), None, "it")


@pytest.mark.parametrize(
    ("about", "pixel"),
    [
        # a pixel of 51, 102, 153 is 0.2, 0.4, 0.6 of 255
        ({"do_normalize": False}, [0.2, 0.4, 0.6]),
        ({"do_normalize": False, "do_rescale": False}, [51, 102, 153]),
        ({"do_normalize": False, "rescale_factor": 1 / 127.5, "offset": True}, [-0.6, -0.2, 0.2]),
        ({"do_normalize": False, "do_flip_channel_order": True}, [0.6, 0.4, 0.2]),
        ({"image_mean": [0.1, 0.2, 0.4], "image_std": [0.5, 0.5, 0.1]}, [0.2, 0.4, 2]),
    ],
)
def test_what_the_preprocessor_says_is_done(folders, tmp_path, about, pixel):
    look = vision._look(say(folders(checkpoints.resnet), tmp_path, size=2, **about))
    faces = np.tile(np.array([51, 102, 153], np.uint8), (1, 2, 2, 1))
    np.testing.assert_allclose(look.see(faces)[0, :, 1, 0], pixel, rtol=1e-5)


@pytest.mark.parametrize(
    ("about", "px"),
    [
        ({"size": 7}, 7),
        ({"size": {"shortest_edge": 8}}, 8),
        ({"size": {"height": 9, "width": 9}}, 9),
        ({"size": {"shortest_edge": 8}, "crop_size": {"height": 6, "width": 6}}, 6),
        ({"size": 8, "crop_size": 6, "do_center_crop": False}, 8),
    ],
)
def test_the_side_of_a_crop_is_what_the_network_sees_in_the_end(folders, tmp_path, about, px):
    told = say(folders(checkpoints.resnet), tmp_path, do_normalize=False, **about)
    assert vision._look(told).px == px


@pytest.mark.parametrize(
    "about",
    [{"size": {"height": 6, "width": 9}}, {}, {"size": 6, "image_mean": [0.5] * 3}],
)
def test_a_preprocessor_that_says_too_little_is_refused(folders, tmp_path, about):
    told = say(folders(checkpoints.resnet), tmp_path, **about)
    with pytest.raises(InputError, match="does not state one side"):
        vision._look(told)


def test_what_is_encoded_says_which_weights_and_that_it_identifies(folders):
    folder = folders(checkpoints.resnet)
    about = encoding(Settings(model=str(folder), fps=2), None)
    assert about.identifies_people
    assert about.source == "video"
    assert about.hop_s == 0.5
    assert about.weights == vision.pretrained.sha256_of(folder / "model.safetensors")
    # The folder's name, not where it lies.
    assert about.settings["model"] == folder.name


def test_other_weights_or_another_preprocessor_are_another_cache(folders, tmp_path):
    folder = folders(checkpoints.resnet)
    copy = tmp_path / folder.name
    copy.mkdir()
    for path in folder.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    settings = Settings(model=str(copy))
    before = encoding(settings, None).digest
    assert before == encoding(Settings(model=str(folder)), None).digest
    said = json.loads((copy / "preprocessor_config.json").read_text())
    (copy / "preprocessor_config.json").write_text(json.dumps(said | {"image_std": [1, 1, 1]}))
    second = encoding(settings, None).digest
    data = bytearray((copy / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (copy / "model.safetensors").write_bytes(data)
    assert len({before, second, encoding(settings, None).digest}) == 3


def test_a_network_that_sees_no_pictures_is_refused(folders):
    folder = folders(checkpoints.voice)
    (folder / "preprocessor_config.json").write_text(json.dumps(checkpoints.pictures(32)))
    with pytest.raises(InputError, match="of the kind hubert, which vision cannot use") as caught:
        encoding(Settings(model=str(folder)), None)
    assert "\n" not in caught.value.what


@pytest.mark.parametrize("wrong", [{"fps": 0}, {"fps": 121}, {"step": 0}])
def test_settings_without_sense_are_refused(wrong):
    with pytest.raises(ValueError, match=r"must be|cannot be"):
        Settings(**wrong)
