"""What a run says of each segment of one recording: where in time a network's score comes from.

A recording's prediction is the mean of its segments' scores; this is what that mean is made of. Of
a cross-validation only the members that were not trained on the recording are asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deptool import runs
from deptool.corpus import Corpus, find_recording
from deptool.errors import UsageError
from deptool.schema import PREDICTIONS
from deptool.tables import read_table

if TYPE_CHECKING:
    import polars as pl

    from deptool.asked_segments import SegmentNetworks


@dataclass(frozen=True)
class RunFacts:
    """What is to be known of a run before its scores of one recording are believed.

    n_members: how many of the run's members the scores are of; n_in_run: how many it has.
    part: the part that the recording had for these members, train, dev or test; new where it had
    none. Where it was in the test part of some members, the scores are of these alone.
    person_known: whether the recording is new, but its person was in the run's training data,
    by the same id.
    truth: the recording's score on the run's scale, in points; None where it is not known.
    looked: the recording's prediction, in points, where the run is told of by what its networks
    looked at; None where by its scores of segments.
    """

    model: str
    corpus: str  # that the run was trained on
    protocol: str
    digest: str  # of the run's settings and data, as in run.json
    scale: str
    n_members: int
    n_in_run: int
    part: str
    person_known: bool
    truth: float | None
    looked: float | None = None


def segment_scores(
    corpus: Corpus, run_root: Path, recording_id: str, device: str = "cpu"
) -> pl.DataFrame:
    """start_s, end_s, score, low, high: a row per segment of the recording, in order of time.

    Times in s since the recording began; a segment ends one of its frames after its last. `score`
    is the mean over members in points, `low` and `high` are the lowest and the highest
    member's. The mean of `score` is what `predict` says of the recording. Segments with too many
    frames not measured are left out, as they are in training.

    Raises UsageError where the run's model has no segments, InputError where there is no finished
    run or no such recording, DataError where the run cannot read this corpus or this recording.
    """
    from deptool.asked import ask
    from deptool.asked_segments import SegmentNetworks

    question = ask(corpus, run_root, recording_id, device)
    if not isinstance(question.asked, SegmentNetworks):
        raise UsageError(
            f"{question.facts.model} scores a recording as a whole, so it has no scores of"
            " segments",
            where=str(run_root),
            fix="Take a run of a network of segments, or see what it looks at: deptool explain.",
        )
    return scores_of(question.asked)


def scores_of(asked: SegmentNetworks) -> pl.DataFrame:
    """The columns of `segment_scores`, of networks that are built already."""
    import polars as pl

    by_member = asked.scores  # member, segment
    return pl.DataFrame(
        {
            "start_s": asked.units.start,
            "end_s": asked.units.end,
            "score": by_member.mean(axis=0),
            "low": by_member.min(axis=0),
            "high": by_member.max(axis=0),
        }
    )


def held_out(
    run_root: Path, header: Mapping[str, Any], corpus: Corpus, recording_id: str
) -> list[int]:
    """The members, as places in `header["members"]`, in whose test part the recording is."""
    import polars as pl

    path = run_root / "predictions.parquet"
    if not path.is_file():
        return []
    names = [f"{corpus.name}/{recording_id}"]  # in a run on several, ids begin with their corpus
    if header["corpus"] == corpus.name:
        names = [recording_id]
    columns = ["recording_id", "split", "seed", "fold"]
    rows = read_table(path, PREDICTIONS, columns).filter(
        pl.col("recording_id").is_in(names) & (pl.col("split") == "test")
    )
    tested = set(rows.select("seed", "fold").iter_rows())
    return [k for k, m in enumerate(header["members"]) if (m["seed"], m["fold"]) in tested]


def run_facts(corpus: Corpus, run_root: Path, recording_id: str) -> RunFacts:
    """What a run is, and whether it met this recording or its person in training.

    Raises InputError where there is no finished run or no such recording.
    """
    import polars as pl

    from deptool.predict import known_persons, parts_of

    about = runs.open_run(run_root).about
    header, members = runs.read_model(run_root)
    recording = find_recording(corpus, recording_id)
    held = held_out(run_root, header, corpus, recording_id)
    part = "test" if held else parts_of(run_root, header, corpus).get(recording_id, "new")
    labels = corpus.labels().filter(pl.col("scale") == header["scale"])
    truth: list[Any] = recording.join(labels, on="session_id")["score"].to_list()
    met = known_persons(run_root, corpus, recording.with_columns(pl.lit(part).alias("split")))
    return RunFacts(
        model=header["model"],
        corpus=header["corpus"],
        protocol=str(about.get("protocol", "")),
        digest=str(about.get("digest", "")),
        scale=header["scale"],
        n_members=len(held) or len(members),
        n_in_run=len(members),
        part=part,
        person_known=bool(met),
        truth=truth[0] if truth else None,
    )
