"""The voice stream of a recording, as an embedding cache: a vector for each second.

The vectors are a fixed mixture of a few numbers: how loudness and pitch vary (the cues), whether
the person speaks, and the voice's timbre, which is the person's. No sound was ever heard.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deptool.cohort.events import levels
from deptool.cohort.latent import Latent
from deptool.cohort.persons import TIMBRE, Person, Take
from deptool.cohort.settings import Draw, SynthSettings
from deptool.corpus import Corpus
from deptool.embeddings import Embedding, Encoding, write_embedding

Floats = NDArray[np.float64]

ENCODER = "synthetic-voice"
DIMENSION = 24
HOP_S = 1.0

ENCODING = Encoding(
    encoder=ENCODER,
    version=1,
    dimension=DIMENSION,
    hop_s=HOP_S,
    source="sound",
    identifies_people=True,
    synthetic=True,
)

_PARTS = 3 + TIMBRE  # loudness, pitch, speech, timbre
_NOISE = 0.4
_WORSE = 4.0  # times as much more noise where the voice is not reliable


def voice_path(corpus: Corpus, recording_id: str) -> Path:
    """Where a recording's voice stream lies."""
    return corpus.root / "embeddings" / ENCODER / f"{recording_id}.parquet"


def voice_of(settings: SynthSettings, person: Person, take: Take, latent: Latent) -> Floats:
    """Vectors (second, dimension) of one recording."""
    rng = take.generator(settings, Draw.VOICE)
    middles = HOP_S * (np.arange(int(settings.seconds // HOP_S)) + 0.5)
    own = np.sqrt(settings.identity) * person.timbre
    chance = np.sqrt(1 - settings.identity) * rng.standard_normal(TIMBRE)
    timbre = np.broadcast_to(own + chance, (len(middles), TIMBRE))
    speaks = levels(latent.borders, latent.speaks.astype(float), middles)
    cues = [levels(latent.borders, latent.cue(f"voice_{c}"), middles) for c in ("energy", "pitch")]
    parts = np.concatenate([np.stack([*cues, speaks], axis=1), timbre], axis=1)
    noise = _NOISE * (1 + _WORSE * (1 - latent.reliability_at("audio", middles)))
    vectors: Floats = parts @ _mixture()
    return vectors + noise[:, None] * rng.standard_normal(vectors.shape)


def write_voice(path: Path, vectors: Floats) -> None:
    """Write vectors (second, dimension) as an embedding cache. Raises InputError as `replacing`."""
    start = HOP_S * np.arange(len(vectors))
    valid = np.ones(len(vectors), np.bool_)
    write_embedding(
        path, Embedding(ENCODING, start, start + HOP_S, vectors.astype(np.float32), valid)
    )


def _mixture() -> Floats:
    """(part, dimension), the same in every cohort."""
    rng = np.random.default_rng(0)
    mixture: Floats = rng.standard_normal((_PARTS, DIMENSION)) / np.sqrt(_PARTS)
    return mixture
