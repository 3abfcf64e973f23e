"""vision and voice as `deptool embed` runs them, on tiny checkpoints and on videos made here."""

import shutil

import numpy as np
import pytest

from deptool import plugins
from deptool.corpus import open_corpus
from deptool.embed import EmbedSettings, embed
from deptool.embed_one import Job, Plan, Worker
from deptool.embeddings import read_embedding
from deptool.errors import DataError, InputError
from deptool.settings import resolve
from fixtures.embeddable import buzz, corpus_of, video
from tests.encoders import checkpoints


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A video of 2 s with sound, its corpus, and checkpoints; no face in two rows of 12."""
    root = tmp_path_factory.mktemp("place")
    video(root / "videos" / "a.mkv", 2.0, sound=buzz(2, 200))
    corpus_of(root / "corpus", {"a": 2.0}, no_face=[2, 3])
    checkpoints.videomae(root / "videomae")
    checkpoints.resnet(root / "resnet")
    checkpoints.voice(root / "voice")
    return root


def run(place, encoder, *options, name=None):
    """What a worker writes, in this process: one of its own would import torch once more."""
    corpus, module = open_corpus(place / "corpus"), plugins.load("encoders", encoder)
    settings = resolve(module.Settings, words=options)
    plan = Plan(
        *(corpus, encoder, settings, module.encoding(settings, None)),
        *(False, None, "cpu"),
    )
    path = corpus.embedding_path(name or encoder, "a")
    (row,) = corpus.recordings().to_dicts()
    assert Worker(plan).embed(Job(row, place / "videos/a.mkv", path, None)).reason is None
    return read_embedding(path)


def test_clips_of_a_network_of_videos(place):
    model = f"model={place / 'videomae'}"
    found = run(place, "vision", model, "fps=6", "step=3", name="clips")
    # 12 times, 4 a clip, a clip every 3: from 0, 3, 6 and, with 3 of 4, 9 on. The faces of times
    # 2 and 3 are missing, which leaves every clip at least half of its own.
    np.testing.assert_allclose(found.start, [0, 0.5, 1, 1.5])
    np.testing.assert_allclose(found.end - found.start, 4 / 6, atol=1e-6)
    assert found.vectors.shape == (4, 16)
    assert found.valid.all()
    assert found.vectors.any(axis=1).all()


def test_a_voice_has_fifty_vectors_a_second(place):
    found = run(place, "voice", f"model={place / 'voice'}")
    assert found.vectors.shape == (100, 16)
    np.testing.assert_allclose(found.start, np.arange(100) / 50, atol=1e-6)
    assert found.valid.all()


def test_other_weights_never_go_into_the_same_cache(place):
    options = (f"model={place / 'resnet'}", "stages=true", "fps=2")
    first = run(place, "vision", *options)
    assert list(first.encoding.parts) == ["stage1", "stage2", "stage3", "stage4"]
    path = place / "resnet" / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(DataError, match="weights is"):
        embed(
            *(place / "corpus", place / "videos"),
            EmbedSettings(encoder="vision", options=options, jobs=1),
        )


def test_weights_that_cannot_be_loaded_stop_the_whole_batch(place, tmp_path):
    folder = tmp_path / "voice"
    shutil.copytree(place / "voice", folder)
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match="transformers cannot read this checkpoint"):
        run(place, "voice", f"model={folder}", name="broken")


def test_where_weights_cannot_be_had_the_verb_says_one_line(place, deptool, tmp_path):
    done = deptool(
        *("embed", place / "videos", "--corpus", place / "corpus", "--encoder", "voice"),
        *("--weights", tmp_path),
    )
    assert done.returncode == 6
    assert "Traceback" not in done.stderr
    assert "model.safetensors of facebook/hubert-large-ll60k is missing (and 2 more)" in done.stderr
    assert "--set model=FOLDER" in done.stderr.replace("\n", " ")
