"""Integrated gradients of a network's score with respect to what it reads, by Captum.

Sundararajan, Taly, Yan: "Axiomatic Attribution for Deep Networks", ICML 2017. A number's
attribution is its distance from a baseline times the gradient, averaged over the straight line from
the baseline; all attributions add up to the score less the baseline's score. They are summed here
over the numbers of each part (landmarks, action units, …), and over the two coordinates of a
landmark.

The baseline of a network of recordings is the mean of each stream over the training recordings,
which the network has inside: the average behaviour of the training part. Networks of segments read
coordinates of the picture, and the mean of those over people is no face; their baseline is the
recording's own mean of each column: the same face, at rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from deptool.asked import Floats, over_members
from deptool.errors import MissingExtraError, UsageError
from deptool.guidance_maps import Place, map_table
from deptool.measured import LANDMARKS

if TYPE_CHECKING:
    import polars as pl
    from torch import Tensor, nn

    from deptool.asked_segments import SegmentNetworks
    from deptool.asked_sequence import SequenceNetworks

OnStep = Callable[[int, int], None]  # done, of

STEPS = 50  # points on the line from the baseline: Captum's own number
SUM = "sum of all parts"
_AT_ONCE = 16_384  # frames or steps of all points that are computed at once

Tensors = Mapping[str, "Tensor"]


@dataclass(frozen=True)
class Attributed:
    """tracks: asked.TRACK_COLUMNS, in points; maps: guidance_maps.map_table, in points.

    baseline: what it is, in words. score, base and total (member,): the recording's score, that of
    the baseline, and the sum of all attributions, in points.
    """

    tracks: pl.DataFrame
    maps: pl.DataFrame
    baseline: str
    score: Floats
    base: Floats
    total: Floats

    @property
    def gap(self) -> float:
        """By how much the sum misses, at worst, in points: 0 where attributions are complete."""
        return float(np.abs(self.total - (self.score - self.base)).max())


def of_segments(asked: SegmentNetworks, steps: int, on_step: OnStep) -> Attributed:
    """Attributions of one recording's segments; of each segment, its share of the mean."""
    import polars as pl
    import torch

    method = _integrated_gradients()
    values, rest = asked.values, asked.mean()
    names = list(asked.plan.columns)
    ends = np.cumsum([0, *(asked.widths[name] for name in names)])
    columns = [c for name in names for c in asked.plan.columns[name]]
    places = {name: _column_place(name) for name in columns}
    chunks = torch.split(values, max(1, _AT_ONCE // (steps * values.shape[1])))
    tables, maps, totals, bases = [], [], [], []
    for k, network in enumerate(asked.networks):
        score = _Segments(network, asked.widths)
        parts = []
        for done, chunk in enumerate(chunks, start=1):
            found = _attribute(method, score, [chunk], [rest.expand_as(chunk)], (), steps)
            parts.append(found[0].sum(1).double().cpu().numpy() / len(values))
            on_step(k * len(chunks) + done, len(asked.networks) * len(chunks))
        by_column = np.concatenate(parts)  # segment, column
        by_group = {
            name: by_column[:, start:end].sum(1)
            for name, start, end in zip(names, ends[:-1], ends[1:], strict=True)
        }
        start, end = asked.units.start, asked.units.end
        tables.append(pl.concat(_parts(by_group, by_column.sum(1), start, end)))
        maps.append(_places(columns, by_column.sum(0), places))
        totals.append(by_column.sum())
        with torch.no_grad():
            bases.append(float(score(rest.expand_as(values[:1]))[0]))
    return Attributed(
        tracks=over_members(tables),
        maps=map_table(maps),
        baseline="the recording's own mean of each column",
        score=asked.predictions(),
        base=np.array(bases),
        total=np.array(totals),
    )


class _Segments:
    """A network of segments as a function of values (segment, frame, column)."""

    def __init__(self, network: nn.Module, widths: Mapping[str, int]) -> None:
        self.network, self.widths = network, widths

    def __call__(self, values: Tensor) -> Any:
        import torch

        from deptool.networks import inputs

        return self.network(**inputs(values, self.widths, torch.arange(len(values))))


def of_sequence(asked: SequenceNetworks, steps: int, on_step: OnStep) -> Attributed:
    """Attributions of one recording's streams; of each clip, its share of the mean."""
    import torch

    method = _integrated_gradients()
    clips = list(_clips(asked))
    tables, maps, totals, bases = [], [], [], []
    own: set[str] = set()
    for k, network in enumerate(asked.networks):
        sums = {name: np.zeros(v.shape) for name, v in asked.series.values.items()}
        base = 0.0
        for done, (at, values, valid) in enumerate(clips, start=1):
            score = _Clip(network, list(values))
            means, lacking = _baseline(network, values, valid)
            own |= lacking
            given, there = list(values.values()), tuple(valid.values())
            rest = [means[name] * valid[name].unsqueeze(-1) for name in values]
            _require_gradient(asked, score, given, there)
            found = _attribute(method, score, given, rest, there, steps)
            for name, each in zip(values, found, strict=True):
                first = round(at * asked.data.shapes[name].hz)
                piece = each[0].double().cpu().numpy() / len(clips)
                sums[name][first : first + len(piece)] += piece
            with torch.no_grad():
                base += float(score(*rest, *there)[0]) / len(clips)
            on_step(k * len(clips) + done, len(asked.networks) * len(clips))
        tables.append(_stream_parts(asked, sums))
        maps.append(_stream_places(asked, sums))
        totals.append(sum(float(each.sum()) for each in sums.values()))
        bases.append(base)
    words = "the mean of each stream over the training recordings"
    if own:
        words += f"; of {', '.join(sorted(own))}, which the network does not scale, the recording's"
    return Attributed(
        tracks=over_members(tables),
        maps=map_table(maps),
        baseline=words,
        score=asked.predictions(),
        base=np.array(bases),
        total=np.array(totals),
    )


class _Clip:
    """A network of recordings as a function of values, then valid, of each stream."""

    def __init__(self, network: nn.Module, names: Sequence[str]) -> None:
        self.network, self.names = network, names

    def __call__(self, *given: Tensor) -> Any:
        n = len(self.names)
        values, valid = given[:n], given[n:]
        return self.network(
            dict(zip(self.names, values, strict=True)), dict(zip(self.names, valid, strict=True))
        )


def _clips(asked: SequenceNetworks) -> Iterator[tuple[float, Tensors, Tensors]]:
    """Start (s), values (1, step, number) and valid (1, step) of the clips that are scored."""
    data = asked.data
    for start, end in data.spans(asked.series.seconds):
        cut = data.cut(asked.series, start, end)
        if any(valid.any() for valid in cut[1].values()):
            batch = data.batch([cut])
            yield start, batch.values, batch.valid


def _baseline(
    network: nn.Module, values: Tensors, valid: Tensors
) -> tuple[dict[str, Tensor], set[str]]:
    """stream -> mean (number,) of the training; the streams that have the recording's instead.

    The network's own scaling knows the mean: it is told apart by what it is given.
    """
    import torch

    from deptool.sequence_blocks import Standardise, masked_mean

    found: dict[str, Tensor] = {}

    def look(module: Any, given: tuple[Any, ...]) -> None:
        x = given[0]
        same = [name for name, each in values.items() if each.shape[-1] == x.shape[-1]]
        here = [name for name in same if values[name] is x] or same
        if len(here) == 1:
            found.setdefault(here[0], module.mean)

    hooks = [
        module.register_forward_pre_hook(look)
        for module in network.modules()
        if isinstance(module, Standardise)
    ]
    with torch.no_grad():
        network(values, valid)
    for hook in hooks:
        hook.remove()
    lacking = set(values) - set(found)
    for name in lacking:
        found[name] = masked_mean(values[name], valid[name])[0]
    return found, lacking


def _require_gradient(
    asked: SequenceNetworks, score: _Clip, given: Sequence[Tensor], there: Sequence[Tensor]
) -> None:
    import torch

    looked = [each.detach().requires_grad_() for each in given]
    found = torch.autograd.grad(score(*looked, *there).sum(), looked, allow_unused=True)
    if any(each is None for each in found):
        raise UsageError(
            "the network's score has no gradient with respect to its streams",
            where=asked.plan.module.__name__.rpartition(".")[2],
            fix="Leave --method out: the model says itself what it looks at.",
        )


def _attribute(
    method: Any,
    score: Any,
    given: Sequence[Tensor],
    rest: Sequence[Tensor],
    more: Sequence[Tensor],
    steps: int,
) -> Sequence[Tensor]:
    """Attributions, each of the shape of what was given."""
    import torch

    rows, length = given[0].shape[0], max(each.shape[1] for each in given)
    # A recurrent network on CUDA has no gradient outside training, unless it is plain.
    with torch.backends.cudnn.flags(enabled=False):
        found: tuple[Tensor, ...] = method(score).attribute(
            tuple(each.detach().requires_grad_() for each in given),
            baselines=tuple(rest),
            additional_forward_args=tuple(more) or None,
            n_steps=steps,
            internal_batch_size=max(rows, _AT_ONCE // length),
        )
    return [each.detach() for each in found]


def _integrated_gradients() -> Any:
    try:
        from captum.attr import IntegratedGradients
    except ImportError as error:
        raise MissingExtraError(
            "integrated gradients need the package captum, which is not installed",
            fix="pip install 'deptool[explain]'",
        ) from error
    return IntegratedGradients


def _parts(
    by_part: Mapping[str, Floats], total: Floats, start: Floats, end: Floats
) -> list[pl.DataFrame]:
    import polars as pl

    # One part alone is the sum.
    parts = {SUM: total} if len(by_part) == 1 else {SUM: total, **by_part}
    return [
        pl.DataFrame({"start_s": start, "end_s": end, "value": value}).with_columns(
            kind=pl.lit("attribution"), name=pl.lit(name)
        )
        for name, value in parts.items()
    ]


def _stream_parts(asked: SequenceNetworks, sums: Mapping[str, Floats]) -> pl.DataFrame:
    """Tracks of each part of each stream, and of their sum at the slowest stream's steps."""
    import polars as pl

    shapes = asked.data.shapes
    slowest = min(shape.hz for shape in shapes.values())
    steps = max(1, round(asked.series.seconds * slowest + 0.49))
    total = np.zeros(steps)
    tables = []
    for name, each in sums.items():
        hz = shapes[name].hz
        at = np.arange(len(each)) / hz
        middle = ((at + 0.5 / hz) * slowest).astype(np.intp).clip(0, steps - 1)
        total += np.bincount(middle, each.sum(1), steps)
        for part, (first, last) in shapes[name].parts.items():
            table = {"start_s": at, "end_s": at + 1 / hz, "value": each[:, first:last].sum(1)}
            tables.append(
                pl.DataFrame(table).with_columns(
                    kind=pl.lit("attribution"), name=pl.lit(_called(name, part, shapes))
                )
            )
    at = np.arange(steps) / slowest
    whole = _parts({SUM: total}, total, at, at + 1 / slowest)
    return pl.concat([*whole, *(tables if len(tables) > 1 else [])])


def _called(stream: str, part: str, shapes: Mapping[str, Any]) -> str:
    if len(shapes) == 1:
        return part
    return stream if len(shapes[stream].parts) == 1 else f"{stream}: {part}"


def _column_place(name: str) -> Place | None:
    """The landmark or action unit that a column of the tables belongs to."""
    if name[:2] in ("x_", "y_"):
        return "landmark", name[2:]
    return ("action_unit", name) if name.startswith("AU") else None


def _places(
    columns: Sequence[str], values: Floats, places: Mapping[str, Place | None]
) -> dict[tuple[str, str, str], float]:
    found: dict[tuple[str, str, str], float] = {}
    for name, value in zip(columns, values, strict=True):
        if place := places[name]:
            key = ("attribution", *place)
            found[key] = found.get(key, 0.0) + float(value)
    return found


def _stream_places(
    asked: SequenceNetworks, sums: Mapping[str, Floats]
) -> dict[tuple[str, str, str], float]:
    """Sums over time of all numbers that come of a landmark or an action unit."""
    found: dict[tuple[str, str, str], float] = {}
    for name, opened in asked.data.streams.items():
        by_number = sums[name].sum(0)
        for part, (first, last) in opened.shape.parts.items():
            if part in ("shape", "motion"):
                places: list[Place] = [
                    ("landmark", str(i % LANDMARKS)) for i in range(last - first)
                ]
            elif part == "action_units":
                places = [("action_unit", c) for c in opened.encoding.columns[part]]
            else:
                continue
            for place, value in zip(places, by_number[first:last], strict=True):
                key = ("attribution", *place)
                found[key] = found.get(key, 0.0) + float(value)
    return found
