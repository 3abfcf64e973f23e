"""How fast encoders are, on one video with sound and on its tables, in one process."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.section import Section, seconds
from deptool.embed import EmbedSettings, embed
from fixtures.embeddable import buzz, corpus_of, video

MINUTES = 2.0
ENCODERS = ("behaviour", "hog", "egemaps")


def measure() -> Section:
    """Each encoder that needs no weights on one recording, starting of its process included."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        length = 60 * MINUTES
        video(root / "videos" / "a.mkv", length, sound=buzz(length, 200))
        corpus_of(root / "corpus", {"a": length})
        for name in ENCODERS:
            spent, vectors = _time(root, name)
            rows.append((name, f"{spent:.1f}", f"{vectors / spent:.0f}", f"{length / spent:.0f}"))
    return Section(
        "Encoders",
        f"One recording of {MINUTES:g} minutes, 192x192 at 12 pictures a second with sound at 48"
        " kHz; one worker process, its start included.",
        ("encoder", "seconds", "vectors/s", "times as fast as it plays"),
        rows,
        "`vision` and `voice` depend on the network that is given; none can be had without a"
        " download, so none is timed here.",
    )


def _time(root: Path, name: str) -> tuple[float, int]:
    """Seconds of embedding, and how many vectors came of it."""
    found: list[int] = []

    def work() -> None:
        videos = None if name == "behaviour" else root / "videos"
        summary = embed(root / "corpus", videos, EmbedSettings(encoder=name, jobs=1))
        found.append(sum(done.n_vectors for done in summary.done))

    return seconds(work), found[0]
