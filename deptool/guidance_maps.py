"""What a forward pass of DepressionMLP weighs, as maps over landmarks and action units.

Niu, Li, Tao, Zhou, Schuller: "DepressionMLP", IEEE TCSVT 2024, Figs. 6 and 7; the paper's letters
and the readings of it stand in models/depressionmlp.py. Maps, each a mean over a segment's frames:

============  ====================================================================================
gate          the location gate of Eq. 10 times the number of locations: 1 is what all would have
guidance      the masks of Eq. 16 (of action units, by landmarks) and Eq. 18 (of landmarks, by
              action units), from 0 to 1: what the other side lets through
contribution  w · s of Eq. 20, in points: all of a segment's contributions and the last bias add up
              to its score, where the score is not cut off at 0
============  ====================================================================================

A landmark has x and y: gates are their mean, contributions their sum. Eq. 3 spreads action units
over as many columns as there are landmarks; a unit's gate and mask are the mean over its columns,
weighted as Eq. 3 weighs them, and its contribution is their share of the columns' ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import polars as pl
    from torch import Tensor

    from deptool.asked import Units

Place = tuple[str, str]  # landmark or action_unit, and which
Floats = NDArray[np.float64]
Maps = Mapping[tuple[str, str], Floats]  # (map, target) -> (segment, landmark or action unit)

LANDMARK, ACTION_UNIT = "landmark", "action_unit"


def maps(network: Any, inputs: Mapping[str, Tensor]) -> Maps:
    """inputs: group -> (segment, frame, column), network: a DepressionMLP -> its maps.

    Empty for what a variant has not: gMLP and the frame gate alone have no location gate, and not
    every guidance has masks.
    """
    import torch

    r = [*inputs["landmarks"].chunk(2, dim=-1)] if "landmarks" in inputs else []
    units = "action_units" in inputs
    if units:
        r.append(inputs["action_units"] @ network.spread)
    x = torch.stack([each.transpose(0, 1) for each in r])
    q = network.gating(x)
    found: dict[tuple[str, str], Floats] = {}

    def keep(name: str, value: Tensor, how: str) -> None:
        """value (sequence, segment, location): of the landmarks' sequences and the units'."""
        found.update(_by_target(name, value.double().cpu(), network, units, len(r), how))

    if "locations" in getattr(network.gating, "over", ()):
        gate = network.gating.gate_locations(x)
        keep("gate", gate.mean(1) * gate.shape[-1], "mean")
    guided: frozenset[str] = getattr(network.guidance, "guided", frozenset())
    if guided:
        masks = network.guidance.masks(q)
        for target, group in ((LANDMARK, "landmarks"), (ACTION_UNIT, "action_units")):
            if group in guided:
                mask = masks[group].mean(0).double().cpu()
                of_units = target == ACTION_UNIT
                value = _of_units(mask, network, "mean") if of_units else mask
                found["guidance", target] = value.numpy()
    s = network.scores(network.guidance(q)).relu().squeeze(1)
    weight = network.score.weight.view(len(r), 1, -1)
    keep("contribution", s * weight, "sum")
    return found


def _by_target(
    name: str, value: Tensor, network: Any, units: bool, sequences: int, how: str
) -> dict[tuple[str, str], Floats]:
    found = {}
    of_landmarks = value[: sequences - units]
    if len(of_landmarks):
        joined = of_landmarks.sum(0) if how == "sum" else of_landmarks.mean(0)
        found[name, LANDMARK] = joined.numpy()
    if units:
        found[name, ACTION_UNIT] = _of_units(value[-1], network, how).numpy()
    return found


def _of_units(value: Tensor, network: Any, how: str) -> Tensor:
    """value (segment, location) -> (segment, action unit), by the columns that a unit is in."""
    spread: Tensor = network.spread.double().cpu()  # (action unit, location)
    # Each column's shares add up to one, so that a sum over units is that over columns.
    shares = spread if how == "sum" else spread / spread.sum(1, keepdim=True)
    return value @ shares.mT


def named(found: Maps, units: Sequence[str]) -> list[tuple[str, str, str, Floats]]:
    """(map, target, name, (segment,)) of each landmark and action unit column."""
    rows = []
    for (name, target), values in found.items():
        names = list(units) if target == ACTION_UNIT else [str(i) for i in range(values.shape[1])]
        rows += [(name, target, each, values[:, k]) for k, each in enumerate(names)]
    return rows


def map_table(members: Sequence[Mapping[tuple[str, str, str], float]]) -> pl.DataFrame:
    """(map, target, name) -> value, of each member -> map, target, name, value, low, high."""
    import polars as pl

    rows = []
    for key in members[0]:
        values = [each[key] for each in members]
        mean = float(np.mean(values))
        rows.append((*key, mean, min(values), max(values)))
    kinds = dict.fromkeys(("map", "target", "name"), pl.String)
    numbers = dict.fromkeys(("value", "low", "high"), pl.Float64)
    return pl.DataFrame(rows, schema={**kinds, **numbers}, orient="row")


def tables(
    members: Sequence[Maps], action_units: Sequence[str], units: Units
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Maps of each member -> the means over segments, and one row for each segment.

    map, target, name, (start_s, end_s,) value, low, high.
    """
    import polars as pl

    by_member = [named(found, action_units) for found in members]
    mean = map_table([{row[:3]: float(row[3].mean()) for row in rows} for rows in by_member])
    parts = []
    for same in zip(*by_member, strict=True):
        values = np.stack([row[3] for row in same])  # member, segment
        numbers = {
            "start_s": units.start,
            "end_s": units.end,
            "value": values.mean(0),
            "low": values.min(0),
            "high": values.max(0),
        }
        key = zip(("map", "target", "name"), same[0][:3], strict=True)
        parts.append(pl.DataFrame(numbers).with_columns(**{k: pl.lit(v) for k, v in key}))
    order = ["map", "target", "name", "start_s", "end_s", "value", "low", "high"]
    return mean, pl.concat(parts).select(order) if parts else pl.DataFrame()
