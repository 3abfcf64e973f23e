"""`explain`: what a run's networks looked at in one recording, and whether that matters to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from deptool import deletion, guidance_maps, runs
from deptool.asked import Bools, Floats, Question, ask, silent
from deptool.asked_segments import ABOVE
from deptool.asked_sequence import SequenceNetworks
from deptool.corpus import MARKER, Corpus, open_corpus
from deptool.deletion import Deleted
from deptool.errors import UsageError
from deptool.gradients import STEPS, SUM
from deptool.planted_segments import informative
from deptool.spans import RANKED, on_units, spans

if TYPE_CHECKING:
    import polars as pl

    from deptool.asked_segments import SegmentNetworks
    from deptool.gradients import Attributed
    from deptool.segment_scores import RunFacts

Method = Literal["own", "integrated-gradients"]
OnStep = Callable[[str, int, int], None]  # what is done, done, of
# Tracks that rank segments as their scores do.
_BY_SCORE = (("relevance", ABOVE), ("attribution", SUM))


@dataclass(frozen=True)
class Explained:
    """What was found in one recording. Tables as in schema_explained.py, without recording_id.

    n_units: the pieces of time that spans and deletion are made of; unchecked: why nothing was
    deleted, where nothing was. maps and segment_maps: empty where there are none.
    """

    recording_id: str
    method: Method
    facts: RunFacts
    prediction: float  # mean over members, in points
    tracks: pl.DataFrame
    spans: pl.DataFrame
    maps: pl.DataFrame
    segment_maps: pl.DataFrame
    deleted: Sequence[Deleted]
    n_units: int
    unchecked: str | None
    attributed: Attributed | None
    synthetic: bool


def explain(
    corpus: Corpus,
    run_root: Path,
    recording_id: str,
    *,
    method: Method = "own",
    steps: int = STEPS,
    device: str = "cpu",
    on_step: OnStep = lambda _what, _done, _of: None,
) -> Explained:
    """Ask the members of a run that were not trained on a recording what they look at in it.

    `method` own: what the model itself gives; integrated-gradients: see gradients.py, in so many
    `steps`. Raises what `ask` raises; MissingExtraError where gradients need Captum; UsageError
    where the model says nothing itself, or has no gradients.
    """
    import polars as pl

    question = ask(corpus, run_root, recording_id, device)
    asked = question.asked
    attributed = None
    maps, segment_maps = pl.DataFrame(), pl.DataFrame()
    if method == "integrated-gradients":
        attributed = asked.attributed(steps, partial(on_step, "Integrated gradients"))
        tracks, maps = attributed.tracks, attributed.maps
    else:
        tracks = asked.tracks()
        if tracks.is_empty():
            raise silent(question)
        maps, segment_maps = _own_maps(question)
    units = asked.units
    planted = informative(corpus, recording_id, units)
    deleted, unchecked = _check(question, tracks, maps, planted, partial(on_step, "Deleting"))
    return Explained(
        recording_id=recording_id,
        method=method,
        facts=question.facts,
        prediction=float(asked.predictions().mean()),
        tracks=tracks,
        spans=spans(tracks, units),
        maps=maps,
        segment_maps=segment_maps,
        deleted=deleted,
        n_units=len(units),
        unchecked=unchecked,
        attributed=attributed,
        synthetic=corpus.synthetic,
    )


def default_folder(run_root: Path, corpus: Corpus, recording_id: str, method: Method) -> Path:
    """RUN/explained/<recording>, with the corpus where it is not the run's, and the method."""
    run_corpus = runs.open_run(run_root).about.get("corpus")
    name = runs.slug(recording_id)
    if run_corpus != corpus.name:
        name = f"{runs.slug(corpus.name)}-{name}"
    return run_root / "explained" / (name if method == "own" else f"{name}-{method}")


def find_corpus(run_root: Path, folder: Path) -> Corpus:
    """The corpus in `folder` that is called like the run's.

    Raises InputError where there is no such run, UsageError where no corpus of that name is there.
    """
    name = str(runs.open_run(run_root).about.get("corpus", ""))
    path = folder / name
    # The run may be somebody else's: its word is a name, never a way to another folder.
    if name == path.name != ".." and (path / MARKER).is_file():
        found = open_corpus(path)
        if found.name == name:
            return found
    raise UsageError(
        f"the run is of the corpus {name!r}, and no folder here is that corpus",
        where=str(run_root),
        fix="Name the corpus folder: --corpus CORPUS",
    )


def _own_maps(question: Question) -> tuple[pl.DataFrame, pl.DataFrame]:
    import polars as pl

    if not question.segments:
        return pl.DataFrame(), pl.DataFrame()
    asked: SegmentNetworks = question.asked  # type: ignore[assignment]
    found = asked.maps()
    if not found or not found[0]:
        return pl.DataFrame(), pl.DataFrame()
    return guidance_maps.tables(found, asked.plan.columns.get("action_units", []), asked.units)


def _check(
    question: Question,
    tracks: pl.DataFrame,
    maps: pl.DataFrame,
    planted: Bools | None,
    on_step: Callable[[int, int], None],
) -> tuple[list[Deleted], str | None]:
    """Delete by each ranking: of times, and of landmarks and action units where there are maps."""
    of_maps = _map_rankings(question, maps)
    of_streams = {_stream(question, *key) for key in set(tracks.select("kind", "name").rows())}
    total = deletion.ORDERS * (len(of_streams) + len({target for _, target, _ in of_maps}))
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        on_step(done, total)

    deleted, unchecked = _check_times(question, tracks, planted, step)
    chances: dict[str, deletion.Chance] = {}
    for what, target, values in of_maps:
        asked: SegmentNetworks = question.asked  # type: ignore[assignment]
        columns = _columns_of(asked, target)
        without = partial(_without_columns, asked, columns)
        if target not in chances:
            chances[target] = deletion.by_chance(len(columns), without, step)
        deleted.append(deletion.delete(what, values, without, chances[target], of_times=False))
    return deleted, unchecked


def _check_times(
    question: Question, tracks: pl.DataFrame, planted: Bools | None, step: Callable[[], None]
) -> tuple[list[Deleted], str | None]:
    asked = question.asked
    n = len(asked.units)
    if n < deletion.FEWEST:
        return [], (
            f"the recording has {n} piece{'s' * (n != 1)} of time that can be left out; a deletion"
            f" check needs {deletion.FEWEST}"
        )
    chances: dict[str | None, deletion.Chance] = {}
    deleted = []
    for (kind, name), some in tracks.group_by(["kind", "name"], maintain_order=True):
        if kind not in RANKED:
            continue
        stream = _stream(question, str(kind), str(name))
        without = _without(question, stream)
        if stream not in chances:
            chances[stream] = deletion.by_chance(n, without, step)
        deleted.append(
            deletion.delete(
                _ranking(str(kind), str(name)),
                on_units(some, asked.units),
                without,
                chances[stream],
                planted=planted,
                by_construction=question.segments and (kind, name) in _BY_SCORE,
            )
        )
    return deleted, None


def _stream(question: Question, kind: str, name: str) -> str | None:
    """The stream that a modality's weights are of: it alone is left out. None: all of them."""
    asked = question.asked
    if kind != "modality" or not isinstance(asked, SequenceNetworks):
        return None
    return name if name in asked.data.shapes else None


def _without(question: Question, stream: str | None) -> deletion.Without:
    asked = question.asked
    if stream is not None and isinstance(asked, SequenceNetworks):
        return partial(asked.without, stream=stream)
    return asked.without


def _ranking(kind: str, name: str) -> str:
    word = kind.replace("_", " ")
    return name if word == name else f"{word}, {name}"


def _map_rankings(question: Question, maps: pl.DataFrame) -> list[tuple[str, str, Floats]]:
    """What, target and values (landmark or action unit,) of each map; by how far it is from 0."""
    if not question.segments or maps.is_empty():
        return []
    found = []
    for (name, target), some in maps.group_by(["map", "target"], maintain_order=True):
        if len(some) < deletion.FEWEST:
            continue
        what = f"{name} of {str(target).replace('_', ' ')}s"
        found.append((what, str(target), np.abs(some["value"].to_numpy())))
    return found


def _columns_of(asked: SegmentNetworks, target: str) -> list[list[int]]:
    """The numbers of the columns of each landmark, or of each action unit, in a map's order."""
    names = [name for names in asked.plan.columns.values() for name in names]
    where = {name: k for k, name in enumerate(names)}
    if target == guidance_maps.LANDMARK:
        return [[where[f"x_{i}"], where[f"y_{i}"]] for i in range(68)]
    return [[where[name]] for name in asked.plan.columns["action_units"]]


def _without_columns(
    asked: SegmentNetworks, columns: Sequence[Sequence[int]], gone: Bools
) -> Floats:
    """gone (set, landmark or action unit): they are held at the recording's mean."""
    chosen = [[c for k in np.flatnonzero(one) for c in columns[int(k)]] for one in gone]
    return asked.without_columns(chosen)
