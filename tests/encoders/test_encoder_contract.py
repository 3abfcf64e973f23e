"""What every encoder must keep, whatever it reads."""

import dataclasses
import json
import tomllib
from dataclasses import asdict
from importlib.util import find_spec

import numpy as np
import pytest

from deptool import plugins
from deptool.embeddings import Encoding
from deptool.errors import MissingExtraError
from deptool.measured import find_columns
from deptool.weights import Weight
from fixtures.embeddable import buzz
from fixtures.tables import make_tables_corpus
from tests.conftest import ROOT

NAMES = plugins.names("encoders")


def _extras():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)["project"]["optional-dependencies"]


def _of(source):
    return [name for name in NAMES if source == plugins.load("encoders", name).SOURCE]


def _ready(name, weights):
    """Its encoding and a loaded encoder; skips where it cannot run here."""
    module = plugins.load("encoders", name)
    settings = module.Settings()
    try:
        if hasattr(module, "require"):
            module.require(settings, weights)
    except MissingExtraError as error:
        pytest.skip(error.what)
    return module.encoding(settings, weights), module.Encoder(settings, weights, "cpu")


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A folder of weights with tiny networks, drawn at random, in place of the default ones."""
    root = tmp_path_factory.mktemp("weights")
    if find_spec("transformers") is not None:
        from deptool.encoders import vision, voice
        from tests.encoders import checkpoints

        for made, name in ((checkpoints.resnet, vision.MODEL), (checkpoints.voice, voice.MODEL)):
            folder = made(tmp_path_factory.mktemp("checkpoint"))
            checkpoints.in_cache(root, folder, name)
    return root


@pytest.fixture(params=NAMES)
def module(request):
    return plugins.load("encoders", request.param)


def test_it_says_what_it_is(module):
    assert plugins.title("encoders", module.__name__.rpartition(".")[2])
    assert module.SOURCE in ("tables", "video", "sound")
    assert module.EXTRA is None or module.EXTRA in _extras()
    assert module.VERSION >= 1
    assert all(isinstance(weight, Weight) for weight in getattr(module, "WEIGHTS", ()))
    if module.EXTRA or getattr(module, "WEIGHTS", ()):
        assert callable(module.require)


def test_what_is_made_of_pixels_or_voices_identifies_people(module):
    assert isinstance(module.IDENTIFIES, bool)
    assert module.IDENTIFIES or module.SOURCE == "tables"


def test_settings_cannot_be_changed_and_a_negative_number_makes_no_sense(module):
    settings = module.Settings()
    assert type(settings).__dataclass_params__.frozen
    numbers = [f.name for f in dataclasses.fields(settings) if type(f.default) in (int, float)]
    for name in numbers:
        with pytest.raises(ValueError, match=r"\w"):
            dataclasses.replace(settings, **{name: -1})


def _check_encoding(module, name, found):
    assert found.encoder == name
    assert found.version == module.VERSION
    assert found.source == module.SOURCE
    assert found.identifies_people == module.IDENTIFIES
    assert found.dimension > 0
    assert found.hop_s > 0
    again = Encoding(**json.loads(json.dumps(asdict(found))))
    assert again.digest == found.digest


@pytest.mark.parametrize("name", _of("tables"))
def test_of_tables_vectors_have_times_and_are_valid_where_something_was_measured(name, tmp_path):
    module = plugins.load("encoders", name)
    corpus = make_tables_corpus(tmp_path / "c", n_subjects=2, sessions=1, seconds=4)
    columns, _ = find_columns(corpus, corpus.recordings(), (), module.GROUPS)
    encoding = module.encoding(columns, module.Settings(), corpus.synthetic)
    _check_encoding(module, name, encoding)
    for row in corpus.recordings().iter_rows(named=True):
        found = module.encode(corpus, row, encoding)
        n = len(found.start)
        assert found.vectors.shape == (n, encoding.dimension)
        assert found.vectors.dtype == np.float32
        assert np.isfinite(found.vectors[found.valid]).all()
        assert found.valid.any()
        np.testing.assert_allclose(found.start, np.arange(n) * encoding.hop_s, atol=1e-6)
        np.testing.assert_allclose(found.end - found.start, encoding.hop_s, atol=1e-6)
        missing = 1 - corpus.frames(row["recording_id"])["success"].to_numpy()
        if n == len(missing):
            assert not (found.valid & (missing == 1)).any()


@pytest.mark.parametrize("name", _of("video"))
def test_of_faces_each_vector_is_of_its_own_face(name, weights):
    encoding, encoder = _ready(name, weights)
    _check_encoding(plugins.load("encoders", name), name, encoding)
    with encoder:
        shape = (encoder.px, encoder.px, 3)
        frames = getattr(encoder, "frames", 1)
        shape = shape if frames == 1 else (frames, *shape)
        faces = np.random.default_rng(0).integers(0, 256, (3, *shape), np.uint8)
        assert encoder.batch >= 1
        together = encoder.encode(faces)
        alone = np.concatenate([encoder.encode(face[None]) for face in faces])
    assert together.shape == (3, encoding.dimension)
    assert together.dtype == np.float32
    assert np.isfinite(together).all()
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-4)
    assert not np.allclose(together[0], together[1])


@pytest.mark.parametrize("name", _of("sound"))
@pytest.mark.parametrize("hops", [1, 2, 7, 60])
def test_of_sound_there_is_a_vector_for_every_hop(name, hops, weights):
    encoding, encoder = _ready(name, weights)
    _check_encoding(plugins.load("encoders", name), name, encoding)
    samples = encoding.hop_s * encoder.rate
    assert samples == pytest.approx(round(samples))
    assert encoder.piece_s > 0
    assert encoder.margin_s >= 0
    with encoder:
        wave = buzz(2, 150, encoder.rate)[: hops * round(samples)].astype(np.float32)
        found, again = encoder.encode(wave), encoder.encode(wave)
    assert found.shape == (hops, encoding.dimension)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, again)
