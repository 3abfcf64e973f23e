"""From a corpus to what a model learns from: segments for networks, vectors for the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

from deptool.errors import UsageError
from deptool.measured import find_columns

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    import torch
    from numpy.typing import NDArray

    from deptool.checkpoints import Checkpoint
    from deptool.corpus import Corpus
    from deptool.loop import OnEpoch
    from deptool.runs import Run
    from deptool.trainer import Member

OnRead = Callable[[int, int], None]  # recordings read, of


@dataclass(frozen=True)
class Plan:
    """A model, its settings, the columns of each group that it works on, and where it computes."""

    module: ModuleType
    settings: Any
    columns: Mapping[str, Sequence[str]]
    place: torch.device
    streams: Mapping[str, Mapping[str, Any]] | None = None  # as a run keeps them
    keep: bool = True  # whether all recordings stay in memory


class Prepared(Protocol):
    """What a model was given of a corpus, and what it can do with it."""

    @property
    def recordings(self) -> pl.DataFrame:
        """Those that can be used, in the order they were given."""

    @property
    def skipped(self) -> Mapping[str, str]:
        """recording_id: why it cannot be used."""

    @property
    def n_segments(self) -> NDArray[np.int64]:
        """How many predictions a recording's is the mean of: (recording,)."""

    def about(self) -> dict[str, object]:
        """What run.json says of it."""

    def train(
        self, run: Run, members: Sequence[Member], on_epoch: OnEpoch | None
    ) -> list[Checkpoint]:
        """Train members to their end, from their checkpoints where there are some."""

    def predict(self, members: Sequence[Mapping[str, torch.Tensor]]) -> list[NDArray[np.float64]]:
        """What each member, by its parameters, scores all recordings, in points: (recording,)."""


def choose_columns(
    corpus: Corpus,
    recordings: pl.DataFrame,
    module: ModuleType,
    settings: Any,
    without: Sequence[str] = (),
) -> tuple[dict[str, list[str]], list[str]]:
    """The columns a model works on, by group, and those of its groups that are null throughout.

    Groups in `without` are left out. Raises UsageError where the model needs one of them, DataError
    where the corpus lacks a group that the model needs.
    """
    refused = [group for group in without if group not in module.USES]
    if refused:
        fix = f"It can do without: {', '.join(module.USES) or 'none'}."
        raise UsageError(f"this model cannot do without {refused[0]!r}", fix=fix)
    uses = [group for group in module.USES if group not in without]
    needed = module.needs(settings) if hasattr(module, "needs") else module.NEEDS
    if not (needed or uses):
        return {}, []
    return find_columns(corpus, recordings, needed, uses)


def prepare(
    corpus: Corpus,
    recordings: pl.DataFrame,
    plan: Plan,
    on_read: OnRead = lambda _done, _of: None,
) -> Prepared:
    """Read the recordings as the model takes them: as streams, segments, or a vector each."""
    if hasattr(plan.module, "streams"):
        from deptool.sequenced import sequenced

        return sequenced(corpus, recordings, plan, on_read)
    if hasattr(plan.module, "build"):
        from deptool.segmented import segmented

        return segmented(corpus, recordings, plan, on_read)
    from deptool.described import described

    return described(corpus, recordings, plan, on_read)
