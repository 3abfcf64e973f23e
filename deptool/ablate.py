"""Ablations: every variant that a model's file declares, each a run of its own, in one folder.

What is varied stands in the model's file (`ABLATIONS`); nothing here knows any model.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deptool import plugins
from deptool.errors import UsageError, suggest
from deptool.runs import slug
from deptool.settings import resolve

if TYPE_CHECKING:
    from deptool.ablations import Grid, Variant
    from deptool.complexity import Complexity
    from deptool.corpus import Corpus
    from deptool.loop import OnEpoch
    from deptool.prepare import OnRead
    from deptool.runs import Run
    from deptool.train import OnStart

PROTOCOL = "group-kfold:5"
SEEDS = 3

OnVariant = Callable[["Variant", int, int], None]  # the next variant, how many are done, of


@dataclass(frozen=True)
class Ablation:
    """The grid as it was chosen, each variant's run and size, and how long an epoch took.

    `seconds` is per epoch of one member, members trained side by side; a variant that was finished
    before has none.
    """

    model: str
    root: Path
    grid: Grid
    runs: Mapping[str, Run]
    sizes: Mapping[str, Complexity]
    seconds: Mapping[str, float]


def grid_of(model: str) -> Grid:
    """The variants that a model's file declares.

    Raises UsageError for an unknown model, and for one that declares none.
    """
    module = plugins.load("models", model)
    if not hasattr(module, "ABLATIONS"):
        has = [n for n in plugins.names("models") if plugins.defines("models", n, "ABLATIONS")]
        raise UsageError(
            f"the model {model!r} declares no ablations", fix=f"These do: {', '.join(has)}."
        )
    grid: Grid = module.ABLATIONS
    return grid


def choose(grid: Grid, only: Sequence[str]) -> Grid:
    """The grid with the variants of these names; all of it where none is named.

    Raises UsageError for a name that no variant has.
    """
    known = [variant.name for variant in grid.variants]
    for name in only:
        if name not in known:
            raise UsageError(f"no variant named {name!r}", where="--only", fix=suggest(name, known))
    return grid.only(only) if only else grid


def resolve_settings(model: str, grid: Grid, words: Sequence[str]) -> dict[str, Any]:
    """Variant -> its settings: the model's defaults, the variant's, and `words` (key=value).

    Raises SettingsError as `settings.resolve` does, UsageError for a word about what is varied.
    """
    for word in words:
        key = word.partition("=")[0].strip().replace("-", "_")
        if key in grid.varied:
            raise UsageError(
                f"{key} is what the variants differ in, and cannot be set for all of them",
                where="--set",
                fix="Choose variants with --only, or train one with: deptool train",
            )
    cls = plugins.load("models", model).Settings
    where = f"settings of {model}"
    return {v.name: resolve(cls, v.settings, words=words, where=where) for v in grid.variants}


def ablate(
    corpus: Corpus,
    model: str,
    *,
    only: Sequence[str] = (),
    words: Sequence[str] = (),
    scale: str | None = None,
    protocol: str = PROTOCOL,
    split_seed: int = 0,
    seeds: Sequence[int] = tuple(range(SEEDS)),
    device: str = "auto",
    out: Path | None = None,
    on_variant: OnVariant = lambda _variant, _done, _of: None,
    on_read: OnRead = lambda _done, _of: None,
    on_start: OnStart | None = None,
    on_epoch: OnEpoch | None = None,
) -> Ablation:
    """Train every variant, each into a folder of its name below `out`, as `train.train` does.

    Variants that are finished are not trained again; one that was interrupted goes on. `words` are
    settings that all share. `out` None is runs/ablation-<model>-<corpus>-<digest>. Raises what
    `grid_of`, `choose`, `resolve_settings` and `train.train` raise.
    """
    from deptool.train import train

    grid = choose(grid_of(model), only)
    settings = resolve_settings(model, grid, words)
    if out is None:
        about = [scale, protocol, split_seed, list(seeds), sorted(words)]
        out = Path("runs") / f"ablation-{model}-{slug(corpus.name)}-{_digest(about)}"
    runs, seconds = {}, {}
    variants = grid.variants
    for i, variant in enumerate(variants):
        on_variant(variant, i, len(variants))
        clock = _Clock(on_start, on_epoch)
        runs[variant.name] = train(
            corpus,
            model,
            settings[variant.name],
            scale=scale,
            protocol=protocol,
            split_seed=split_seed,
            seeds=seeds,
            device=device,
            out=out / variant.name,
            on_read=on_read,
            on_start=clock.start,
            on_epoch=clock.epoch,
        )
        if clock.epochs:
            seconds[variant.name] = clock.seconds / clock.epochs
    sizes = {name: _size(model, settings[name], run) for name, run in runs.items()}
    return Ablation(model, out, grid, runs, sizes, seconds)


class _Clock:
    """Counts epochs of members, and the time up to the last of them.

    The first epoch, in which a machine warms up, is left out of both where there are more.
    """

    def __init__(self, on_start: OnStart | None, on_epoch: OnEpoch | None) -> None:
        self.on_start, self.on_epoch = on_start, on_epoch
        self.since, self.last, self.seconds, self.epochs = 0.0, 0.0, 0.0, 0
        self.first: int | None = None  # the epoch that warms up
        self.warm = False

    def start(self, run: Run, resumed: bool) -> None:
        if self.on_start:
            self.on_start(run, resumed)
        self.since = self.last = time.perf_counter()

    def epoch(self, member: Any, epoch: int, loss: float, dev_rmse: float) -> None:
        self.first = epoch if self.first is None else self.first
        if epoch > self.first and not self.warm:
            self.warm, self.since, self.epochs = True, self.last, 0
        self.last = time.perf_counter()
        self.seconds, self.epochs = self.last - self.since, self.epochs + 1
        if self.on_epoch:
            self.on_epoch(member, epoch, loss, dev_rmse)


def _size(model: str, settings: Any, run: Run) -> Complexity:
    from deptool.complexity import measure
    from deptool.networks import widths

    return measure(plugins.load("models", model), settings, widths(run.about["columns"]))


def _digest(about: object) -> str:
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:8]
