"""The voice stream of a recording, as an embedding cache: a vector for each second.

The vectors are a fixed mixture of a few numbers: how loudness and pitch vary (the cues), whether
the person speaks, and the voice's timbre, which is the person's. No sound was ever heard.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deptool.cohort.events import levels
from deptool.cohort.latent import Latent
from deptool.cohort.persons import TIMBRE, Person, Take
from deptool.cohort.settings import Draw, SynthSettings
from deptool.corpus import Corpus
from deptool.schema import SCHEMA_VERSION
from deptool.tables import replacing

Floats = NDArray[np.float64]

ENCODER = "synthetic-voice"
DIMENSION = 24
HOP_S = 1.0

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
    import pyarrow as pa
    import pyarrow.parquet as pq

    begin = (HOP_S * np.arange(len(vectors))).astype(np.float32)
    flat = pa.array(vectors.astype(np.float32).ravel())
    about = {
        "deptool.table": "embeddings",
        "deptool.schema_version": str(SCHEMA_VERSION),
        "deptool.encoder": ENCODER,
        "deptool.dimension": str(DIMENSION),
        "deptool.hop_s": f"{HOP_S:g}",
        "deptool.identifies_people": "true",
    }
    columns: dict[str, Any] = {
        "start_s": pa.array(begin),
        "end_s": pa.array((begin + HOP_S).astype(np.float32)),
        "vector": pa.FixedSizeListArray.from_arrays(flat, DIMENSION),
        "valid": pa.array(np.ones(len(vectors), np.int32)),
    }
    table = pa.table(columns).replace_schema_metadata(about)
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", write_page_checksum=True)


def _mixture() -> Floats:
    """(part, dimension), the same in every cohort."""
    rng = np.random.default_rng(0)
    mixture: Floats = rng.standard_normal((_PARTS, DIMENSION)) / np.sqrt(_PARTS)
    return mixture
