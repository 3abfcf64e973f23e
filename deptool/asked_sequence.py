"""Networks of recordings, asked about one recording: its streams, and what is left out of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from deptool.asked import TRACK_COLUMNS, Bools, Floats, Units, over_members
from deptool.errors import DataError

if TYPE_CHECKING:
    import polars as pl
    from torch import Tensor

    from deptool.corpus import Corpus
    from deptool.gradients import Attributed, OnStep
    from deptool.prepare import Plan
    from deptool.streams import Series

_UNIT_S = 2.0  # the longest unit, where a track's own times are shorter
_FEWEST = 20  # units that a recording should have for it
_BYTES = 1 << 27  # of streams with something left out, at once


class SequenceNetworks:
    """The streams of one recording, and the networks that score it.

    Raises DataError where the recording cannot be used, or the corpus has not what the run needs.
    """

    def __init__(
        self,
        corpus: Corpus,
        recording: pl.DataFrame,
        plan: Plan,
        members: Sequence[Mapping[str, Tensor]],
    ) -> None:
        from deptool.sequenced import sequenced

        name = recording["recording_id"][0]
        self.data = sequenced(corpus, recording, plan, lambda _done, _of: None)
        if name in self.data.skipped:
            raise DataError(
                f"the run cannot score it: {self.data.skipped[name]}",
                where=f"corpus {corpus.name!r}, recording {name!r}",
            )
        self.plan = plan
        self.networks = [self.data.network(parameters) for parameters in members]
        self.series = self.data.series(0)

    def predictions(self) -> Floats:
        return self.data.score(self.networks, np.arange(1))[:, 0]

    def tracks(self) -> pl.DataFrame:
        return self._tracks

    @cached_property
    def _tracks(self) -> pl.DataFrame:
        import polars as pl

        tables = [self.data.tracks_of(network, 0) for network in self.networks]
        if all(table.is_empty() for table in tables):
            return tables[0].with_columns(
                pl.lit(None, pl.Float64).alias(name) for name in ("low", "high")
            )[list(TRACK_COLUMNS)]
        return over_members([table for table in tables if not table.is_empty()])

    @cached_property
    def units(self) -> Units:
        """Pieces of equal length in which something was measured; see `cells`."""
        import polars as pl

        shortest = 1 / max(shape.hz for shape in self.data.shapes.values())
        if not self._tracks.is_empty():
            # A track's last span may be cut off by the end of the recording.
            span = (pl.col("end_s") - pl.col("start_s")).median()
            spans = self._tracks.group_by("kind", "name").agg(span.alias("span"))
            shortest = max(shortest, float(spans["span"].to_numpy().min()))
        found = cells(self.series.seconds, shortest)
        measured = [
            any(valid[each].any() for valid, each in self._steps(start, end))
            for start, end in zip(found.start, found.end, strict=True)
        ]
        return Units(found.start[measured], found.end[measured])

    def _steps(self, start: float, end: float) -> list[tuple[Bools, slice]]:
        """Of each stream which steps are valid, and those between two times."""
        return [
            (self.series.valid[name], slice(round(start * shape.hz), round(end * shape.hz)))
            for name, shape in self.data.shapes.items()
        ]

    def without(self, gone: Bools, stream: str | None = None) -> Floats:
        """All streams, or one of them, count as not measured in the units that are gone."""
        size = sum(values.nbytes for values in self.series.values.values())
        at_once = max(1, _BYTES // max(size, 1))
        found = []
        for first in range(0, len(gone), at_once):
            some = [self._masked(one, stream) for one in gone[first : first + at_once]]
            data = replace(self.data, held=some)
            found.append(data.score(self.networks, np.arange(len(some))).mean(axis=0))
        return np.concatenate(found)

    def _masked(self, gone: Bools, stream: str | None) -> Series:
        from deptool.streams import Series

        values, valid = {}, {}
        for name, shape in self.data.shapes.items():
            there = self.series.valid[name].copy()
            whole = gone if stream in (None, name) else np.zeros_like(gone)
            for start, end in zip(self.units.start[whole], self.units.end[whole], strict=True):
                there[round(start * shape.hz) : round(end * shape.hz)] = False
            valid[name] = there
            values[name] = np.where(there[:, None], self.series.values[name], np.float32(0))
        return Series(values, valid, self.series.seconds)

    def attributed(self, steps: int, on_step: OnStep) -> Attributed:
        from deptool.gradients import of_sequence

        return of_sequence(self, steps, on_step)


def cells(seconds: float, shortest: float) -> Units:
    """Pieces of equal length that cover a recording, `shortest` (s) or several times that.

    They are 2 s long, or shorter where a recording would have fewer than 20 of them. A rest at the
    end that is shorter than half a piece belongs to the last one.
    """
    wanted = min(_UNIT_S, seconds / _FEWEST)
    length = shortest * max(1, int(wanted / shortest + 1e-6))
    count = max(1, int(seconds / length + 0.5))
    edges = np.append(np.arange(count) * length, seconds)
    return Units(edges[:-1], edges[1:])
