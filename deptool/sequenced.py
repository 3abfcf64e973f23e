"""What networks of recordings learn from: the streams of every recording, and clips of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from deptool.loop import OnEpoch, train_members
from deptool.sequence_trainer import SequenceTrainer
from deptool.sequences import Batch, Clip, Known, Shape
from deptool.streams import Opened, Series, load, open_streams, unusable
from deptool.tensor_file import fill
from deptool.trainer import Member

if TYPE_CHECKING:
    from deptool.checkpoints import Checkpoint
    from deptool.corpus import Corpus
    from deptool.prepare import OnRead, Plan
    from deptool.runs import Run

# Of what is scored at once: steps of all clips, padding included, and clips.
_MOST_STEPS = 16_384
_MOST_CLIPS = 32


@dataclass(frozen=True)
class Sequenced:
    """Recordings and their streams; with `plan.keep` all of them are held in memory."""

    plan: Plan
    corpus: Corpus
    streams: Mapping[str, Opened]
    recordings: pl.DataFrame
    skipped: Mapping[str, str]
    seconds: NDArray[np.float64]  # (recording,)
    held: Sequence[Series] = field(repr=False)

    @property
    def shapes(self) -> dict[str, Shape]:
        return {name: opened.shape for name, opened in self.streams.items()}

    @property
    def n_segments(self) -> NDArray[np.int64]:
        return np.array([len(self.spans(s)) for s in self.seconds], np.int64)

    def about(self) -> dict[str, object]:
        module, settings = self.plan.module, self.plan.settings
        phases = [{"name": p.name, "epochs": p.epochs} for p in module.phases(settings)]
        return {"n_segments": None, "n_segments_dropped": 0, "phases": phases}

    def pick(self, names: Sequence[str]) -> NDArray[np.bool_]:
        """True for these recordings: (recording,)."""
        return self.recordings["recording_id"].is_in(list(names)).to_numpy()

    def scores(self) -> NDArray[np.float64]:
        """score (recording,), in points."""
        return self.recordings["score"].to_numpy().astype(np.float64)

    def known(self, rows: NDArray[np.intp]) -> Known:
        """What a sampler may know of some recordings."""
        score, seconds = self.scores()[rows], self.seconds[rows]
        return Known(
            score=torch.from_numpy(score).float(),
            subject=self._numbers("subject_id", rows),
            session=self._numbers("session_id", rows),
            seconds=torch.from_numpy(seconds),
        )

    def _numbers(self, column: str, rows: NDArray[np.intp]) -> Tensor:
        """A column of names as numbers, the same for the same, -1 where there is none."""
        names = self.recordings[column].to_list()
        number = {name: k for k, name in enumerate(dict.fromkeys(names)) if name is not None}
        return torch.tensor([number.get(names[row], -1) for row in rows])

    def series(self, row: int) -> Series:
        """The streams of one recording."""
        if self.held:
            return self.held[row]
        return load(self.corpus, self.recordings.row(row, named=True), self.streams)

    def spans(self, seconds: float) -> Sequence[tuple[float, float]]:
        """The clips of a recording whose mean score is its prediction."""
        if not hasattr(self.plan.module, "clips"):
            return [(0.0, float(seconds))]
        found: Sequence[tuple[float, float]] = self.plan.module.clips(
            float(seconds), self.plan.settings
        )
        return found

    def cut(self, series: Series, start: float, end: float | None) -> tuple[Any, Any]:
        """A clip: stream -> values (step, number), valid (step,)."""
        values, valid = {}, {}
        for name, shape in self.shapes.items():
            first = round(start * shape.hz)
            last = None if end is None else max(first + 1, round(end * shape.hz))
            values[name] = torch.from_numpy(series.values[name][first:last])
            valid[name] = torch.from_numpy(series.valid[name][first:last])
        return values, valid

    def batch(self, clips: Sequence[tuple[Any, Any]], known: Known | None = None) -> Batch:
        """Clips side by side, padded, where the model computes."""
        place = self.plan.place

        def padded(part: int, name: str) -> Tensor:
            rows = [clip[part][name] for clip in clips]
            return nn.utils.rnn.pad_sequence(rows, batch_first=True).to(place)

        none = torch.zeros(0, device=place)
        labels = (known.score, known.subject, known.session) if known else (none, none, none)
        return Batch(
            {name: padded(0, name) for name in self.streams},
            {name: padded(1, name) for name in self.streams},
            *(label.to(place) for label in labels),
        )

    def drawn(self, rows: NDArray[np.intp], known: Known, clips: Sequence[Clip]) -> Batch | None:
        """A batch of what a sampler drew; None where nothing of it was measured."""
        found, kept = [], []
        for clip in clips:
            one = self.cut(self.series(int(rows[clip.recording])), clip.start, clip.end)
            if any(valid.any() for valid in one[1].values()):
                found.append(one)
                kept.append(clip.recording)
        if not found:
            return None
        labels = (part[kept] for part in (known.score, known.subject, known.session, known.seconds))
        return self.batch(found, Known(*labels))

    def network(self, parameters: Mapping[str, Tensor]) -> nn.Module:
        """A network with these parameters; the caller's random numbers stay what they were."""
        with torch.random.fork_rng(devices=[]):
            built: nn.Module = self.plan.module.build(self.plan.settings, streams=self.shapes)
        fill(built, parameters)
        return built.to(self.plan.place).eval()

    def train(
        self, run: Run, members: Sequence[Member], on_epoch: OnEpoch | None
    ) -> list[Checkpoint]:
        return train_members(run, self, members, on_epoch)

    def at_once(self) -> int:
        """How many members train in step: they draw random numbers, so one."""
        return 1

    def trainer(self, members: Sequence[Member]) -> SequenceTrainer:
        return SequenceTrainer(self, members)

    def predict(self, members: Sequence[Mapping[str, Tensor]]) -> list[NDArray[np.float64]]:
        """Recordings one after the other, so that memory stays what one of them needs."""
        networks = [self.network(parameters) for parameters in members]
        rows = np.arange(len(self.recordings))
        scores = np.array([self.score(networks, rows[[i]])[:, 0] for i in rows])
        return list(scores.reshape(len(rows), len(networks)).T)

    @torch.no_grad()
    def score(self, networks: Sequence[nn.Module], rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """What networks score some recordings: (network, row), the mean over their clips."""
        owner, parts = [], []
        for some in self._groups(rows):
            batch = self.batch([clip for _, clip in some])
            owner += [k for k, _ in some]
            parts.append([n(batch.values, batch.valid).double().cpu() for n in networks])
        scores = torch.stack([torch.cat(each) for each in zip(*parts, strict=True)]).numpy()
        count = np.bincount(owner, minlength=len(rows))
        return np.stack([np.bincount(owner, s, minlength=len(rows)) / count for s in scores])

    def _groups(self, rows: NDArray[np.intp]) -> Iterator[list[tuple[int, Any]]]:
        """The clips of some recordings, as many at once as memory should hold."""
        group: list[tuple[int, Any]] = []
        longest = 0
        for k, row in enumerate(rows):
            series = self.series(int(row))
            cuts = [self.cut(series, *span) for span in self.spans(series.seconds)]
            measured = [c for c in cuts if any(v.any() for v in c[1].values())]
            for one in measured or cuts[:1]:
                steps = max(len(v) for v in one[1].values())
                wide = max(longest, steps) * (len(group) + 1) > _MOST_STEPS
                if group and (wide or len(group) >= _MOST_CLIPS):
                    yield group
                    group, longest = [], 0
                group.append((k, one))
                longest = max(longest, steps)
        if group:
            yield group

    def tracks(self, parameters: Mapping[str, Tensor], names: Sequence[str]) -> pl.DataFrame:
        """What a member says of the times of some recordings.

        recording_id, kind, name, start_s, end_s, value, one row per time.
        """
        network = self.network(parameters)
        tables = [
            self.tracks_of(network, int(row)).with_columns(
                pl.lit(self.recordings["recording_id"][int(row)]).alias("recording_id")
            )
            for row in np.flatnonzero(self.pick(names))
        ]
        return pl.concat(tables) if tables else pl.DataFrame()

    def tracks_of(self, network: nn.Module, row: int) -> pl.DataFrame:
        """kind, name, start_s, end_s, value of one recording, clip after clip."""
        series = self.series(row)
        tables = []
        for start, end in self.spans(series.seconds):
            values, valid = self.cut(series, start, end)
            if not any(v.any() for v in valid.values()):
                continue
            batch = self.batch([(values, valid)])
            with torch.no_grad():
                found = self.plan.module.explain(
                    network, batch.values, batch.valid, self.plan.settings
                )
            tables += [
                pl.DataFrame(
                    {
                        "start_s": track.start + start,
                        "end_s": track.end + start,
                        "value": np.asarray(track.value, np.float64),
                    }
                ).with_columns(pl.lit(track.kind).alias("kind"), pl.lit(track.name).alias("name"))
                for track in found
            ]
        return pl.concat(tables) if tables else _NO_TRACKS.clone()


_NO_TRACKS = pl.DataFrame(
    schema={
        **dict.fromkeys(("start_s", "end_s", "value"), pl.Float64),
        **dict.fromkeys(("kind", "name"), pl.String),
    }
)


def sequenced(corpus: Corpus, recordings: pl.DataFrame, plan: Plan, on_read: OnRead) -> Sequenced:
    """Read the streams of every recording once: to hold them, or to see what can be used.

    Raises DataError as `open_streams` and `load`.
    """
    wanted = plan.module.streams(plan.settings)
    streams = open_streams(corpus, recordings, wanted, plan.streams)
    held: list[Series] = []
    seconds: list[float] = []
    usable: list[bool] = []
    skipped: dict[str, str] = {}
    for done, recording in enumerate(recordings.iter_rows(named=True), start=1):
        reason = unusable(corpus, recording, streams)
        if not reason:
            series = load(corpus, recording, streams)
            if not any(valid.any() for valid in series.valid.values()):
                reason = "nothing in it was measured in whole"
            else:
                seconds.append(series.seconds)
                if plan.keep:
                    held.append(series)
        usable.append(not reason)
        if reason:
            skipped[recording["recording_id"]] = reason
        on_read(done, len(recordings))
    kept = recordings.filter(usable)
    return Sequenced(plan, corpus, streams, kept, skipped, np.array(seconds), held)
