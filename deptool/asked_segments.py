"""Networks of segments, asked about one recording: its prediction is the mean of their scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from deptool import windows
from deptool.asked import TRACK_COLUMNS, Bools, Floats, Units
from deptool.errors import DataError

if TYPE_CHECKING:
    import polars as pl
    from torch import Tensor

    from deptool.corpus import Corpus
    from deptool.gradients import Attributed, OnStep
    from deptool.guidance_maps import Maps
    from deptool.prepare import Plan


ABOVE = "score above the mean"


class SegmentNetworks:
    """values (segment, frame, column) of one recording, and the networks that score them.

    Raises DataError where the recording has no segment that can be used.
    """

    def __init__(
        self,
        corpus: Corpus,
        recording: pl.DataFrame,
        plan: Plan,
        members: Sequence[Mapping[str, Tensor]],
    ) -> None:
        import torch

        from deptool.networks import restore, widths

        name = recording["recording_id"][0]
        found = windows.cut(corpus, recording, plan.columns, plan.settings)
        if name in found.skipped:
            raise DataError(
                f"the run cannot score it: {found.skipped[name]}",
                where=f"corpus {corpus.name!r}, recording {name!r}",
            )
        self.plan = plan
        self.widths = widths(plan.columns)
        self.values = torch.from_numpy(found.values).to(plan.place)
        self.networks = [
            restore(plan.module, plan.settings, self.widths, parameters).to(plan.place).eval()
            for parameters in members
        ]
        seconds = plan.settings.frames / plan.settings.fps
        self.units = Units(found.start, found.start + seconds)

    def _score(self, values: Tensor) -> Floats:
        """(member, segment)."""
        import torch

        from deptool.networks import score_segments

        rows = torch.arange(len(values))
        return np.stack([score_segments(n, values, self.widths, rows) for n in self.networks])

    @cached_property
    def scores(self) -> Floats:
        """Each member's score of each segment, in points: (member, segment)."""
        return self._score(self.values)

    def predictions(self) -> Floats:
        found: Floats = self.scores.mean(axis=1)
        return found

    def tracks(self) -> pl.DataFrame:
        """Scores of segments, and how far each lies from the recording's mean, both in points."""
        import polars as pl

        apart = self.scores - self.scores.mean(axis=1, keepdims=True)
        tables = [
            pl.DataFrame(
                {
                    "start_s": self.units.start,
                    "end_s": self.units.end,
                    "value": by_member.mean(axis=0),
                    "low": by_member.min(axis=0),
                    "high": by_member.max(axis=0),
                }
            ).with_columns(kind=pl.lit(kind), name=pl.lit(name))
            for kind, name, by_member in (
                ("score", "segment score", self.scores),
                ("relevance", ABOVE, apart),
            )
        ]
        return pl.concat(tables).select(TRACK_COLUMNS)

    def without(self, gone: Bools) -> Floats:
        kept = (~gone).astype(np.float64)
        found: Floats = kept @ self.scores.mean(axis=0) / kept.sum(axis=1).clip(1)
        return found

    def mean(self) -> Tensor:
        """The recording's mean of each column: (column,)."""
        return self.values.mean(dim=(0, 1))

    def without_columns(self, gone: Sequence[Sequence[int]]) -> Floats:
        """The mean prediction with columns held at the recording's mean: (set,)."""
        mean = self.mean()
        found = []
        for columns in gone:
            values = self.values.clone()
            values[..., list(columns)] = mean[list(columns)]
            found.append(self._score(values).mean())
        return np.array(found)

    def maps(self) -> list[Maps]:
        """What each member's own maps are, where the model has some."""
        import torch

        from deptool.networks import inputs

        if not hasattr(self.plan.module, "maps"):
            return []
        given = inputs(self.values, self.widths, torch.arange(len(self.values)))
        with torch.no_grad():
            return [self.plan.module.maps(network, given) for network in self.networks]

    def attributed(self, steps: int, on_step: OnStep) -> Attributed:
        from deptool.gradients import of_segments

        return of_segments(self, steps, on_step)
